//! 1 where a feature is above the threshold, else 0: one lane each.

use crate::model::tensor::Tensor;
use crate::quant::QuantError;
use crate::quant::builder::Builder;

use crate::ops::{Call, Op, Value};

use super::rows::real_forms;

/// See the module's head.
pub(super) struct Binarizer;

impl Op for Binarizer {
    fn name(&self) -> &'static str {
        "Binarizer"
    }

    fn domain(&self) -> &'static str {
        crate::model::onnx::ML_DOMAIN
    }

    fn accepts(&self) -> &'static str {
        "one tensor of numbers"
    }

    fn lower(&self, builder: &mut Builder<'_>, call: &Call<'_>) -> Result<Vec<Value>, QuantError> {
        let x = real_forms(call, 0)?;
        let threshold = call.float("threshold", 0.0)?;
        let above: Vec<_> = x.data().iter().map(|f| f.shifted(-threshold)).collect();
        let bits = Tensor::new(x.shape().to_vec(), builder.positive(&above)?);
        Ok(vec![Value::Live(bits.ok_or_else(|| call.refuse("the number of elements changed"))?)])
    }
}
