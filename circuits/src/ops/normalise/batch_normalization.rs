//! Each channel scaled and shifted by constants (inference). Free.

use crate::quant::QuantError;
use crate::quant::builder::Builder;

use crate::ops::{Call, Op, Value};

use super::rows;

/// See the module's head.
pub(super) struct BatchNormalization;

impl Op for BatchNormalization {
    fn name(&self) -> &'static str {
        "BatchNormalization"
    }

    fn accepts(&self) -> &'static str {
        "a float tensor [N, C, …] with constant scale, bias, mean and variance, not in training mode"
    }

    fn lower(&self, _builder: &mut Builder<'_>, call: &Call<'_>) -> Result<Vec<Value>, QuantError> {
        let x = call.forms(0)?;
        let rank = x.shape().len();
        let Some(&count) = x.shape().get(1) else { return Err(call.refuse("the input has no channels")) };
        if call.int("training_mode", 0)? != 0 {
            return Err(call.refuse("training_mode is set"));
        }
        let epsilon = super::epsilon(call)?;
        let [scale, bias, mean, variance] = [1, 2, 3, 4].map(|i| rows::channels(call, i, count, rank));
        let (scale, bias, mean, variance) = (scale?, bias?, mean?, variance?);
        if variance.data().iter().any(|v| v + epsilon <= 0.0) {
            return Err(call.refuse("a variance is not positive"));
        }
        let mut factor = scale.clone().into_data();
        let mut shift = bias.clone().into_data();
        for (i, (factor, shift)) in factor.iter_mut().zip(&mut shift).enumerate() {
            *factor /= (variance.data()[i] + epsilon).sqrt();
            *shift -= mean.data()[i] * *factor;
        }
        let shaped = |data| crate::model::tensor::Tensor::new(scale.shape().to_vec(), data);
        let (Some(factor), Some(shift)) = (shaped(factor), shaped(shift)) else {
            return Err(call.refuse("scale and bias differ in size"));
        };
        Ok(vec![Value::Live(rows::affine(call, x.shape(), x.data().to_vec(), &factor, Some(&shift))?)])
    }
}

#[cfg(test)]
mod tests {
    use crate::model::fixture::{OnnxBuilder, float};
    use crate::testing::conformance::{Case, op_conformance};

    fn case(shape: &[i64]) -> Case {
        let mut m = OnnxBuilder::new(shape);
        m.random("s", &[2], 2.0).random("b", &[2], 1.0).random("m", &[2], 1.0).weights("v", &[2], &[0.5, 3.0]);
        let attributes = vec![float("epsilon", 1e-3)];
        let onnx = m.node("BatchNormalization", &["x", "s", "b", "m", "v"], "y", attributes).bytes(shape);
        let count = shape.iter().product::<i64>();
        Case::new(onnx, vec![(0..count).map(|i| i as f64 / 2.0 - 1.0).collect(), vec![0.0; count as usize]])
    }

    op_conformance! { images: case(&[1, 2, 2, 2]), vectors: case(&[3, 2]) }
}
