//! One dimension divided by its norm (p = 1 or 2), and MeanVarianceNormalization: dimensions centred and brought to unit variance. About 4 rows an element.

use crate::model::tensor::Tensor;
use crate::quant::QuantError;
use crate::quant::builder::Builder;

use crate::ops::{Call, Op, Value};

use super::rows::{self, Norm};

/// See the module's head.
pub(super) struct LpNormalization;

/// See the module's head.
pub(super) struct MeanVarianceNormalization;

impl Op for LpNormalization {
    fn name(&self) -> &'static str {
        "LpNormalization"
    }

    fn accepts(&self) -> &'static str {
        "a float tensor and p of 1 or 2"
    }

    fn lower(&self, builder: &mut Builder<'_>, call: &Call<'_>) -> Result<Vec<Value>, QuantError> {
        let x = call.forms(0)?;
        let axis = call.axis(call.int("axis", -1)?, x.shape().len())?;
        let cut = rows::over_axes(x.shape(), &[axis]);
        let data = match call.int("p", 2)? {
            1 => {
                let x = builder.compact(x.data())?;
                let sizes = builder.absolute(&x)?;
                let mut sums = vec![crate::quant::form::Form::default(); x.len()];
                for row in &cut {
                    let sum = crate::ops::pooling::sum(&row.iter().map(|&i| &sizes[i]).collect::<Vec<_>>());
                    row.iter().for_each(|&i| sums[i] = sum.clone());
                }
                builder.divide(&x, &sums)?
            }
            2 => {
                let norm = Norm { centred: false, mean: false, epsilon: 0.0 };
                rows::normalise_rows(builder, x.data(), &cut, norm)?
            }
            p => return Err(call.refuse(format!("p is {p}"))),
        };
        let result = Tensor::new(x.shape().to_vec(), data);
        Ok(vec![Value::Live(result.ok_or_else(|| call.refuse("the result has another size"))?)])
    }
}

impl Op for MeanVarianceNormalization {
    fn name(&self) -> &'static str {
        "MeanVarianceNormalization"
    }

    fn accepts(&self) -> &'static str {
        "a float tensor and axes (0, 2 and 3 by default)"
    }

    fn lower(&self, builder: &mut Builder<'_>, call: &Call<'_>) -> Result<Vec<Value>, QuantError> {
        let x = call.forms(0)?;
        let axes = call.int_list("axes")?.unwrap_or(&[0, 2, 3]);
        let axes = axes.iter().map(|&a| call.axis(a, x.shape().len())).collect::<Result<Vec<_>, _>>()?;
        let norm = Norm { centred: true, mean: true, epsilon: 0.0 };
        let data = rows::normalise_rows(builder, x.data(), &rows::over_axes(x.shape(), &axes), norm)?;
        let result = Tensor::new(x.shape().to_vec(), data);
        Ok(vec![Value::Live(result.ok_or_else(|| call.refuse("the result has another size"))?)])
    }
}

#[cfg(test)]
mod tests {
    use crate::model::fixture::{OnnxBuilder, int};
    use crate::testing::conformance::{Case, op_conformance};

    fn inputs() -> Vec<Vec<f64>> {
        vec![vec![1.0, -2.0, 0.5, 3.0, -1.5, 2.5], vec![-0.5, 0.25, 1.0, -2.0, 0.75, 3.5]]
    }

    fn lp(p: i32) -> Case {
        let onnx = OnnxBuilder::new(&[2, 3])
            .node("LpNormalization", &["x"], "y", vec![int("p", p.into()), int("axis", 0)])
            .bytes(&[2, 3]);
        let column = |x: &[f64], i: usize| {
            let norm = (x[i % 3].abs().powi(p) + x[i % 3 + 3].abs().powi(p)).powf(1.0 / f64::from(p));
            x[i] / norm
        };
        let want = inputs().iter().map(|x| (0..6).map(|i| column(x, i)).collect()).collect();
        Case::new(onnx, inputs()).expecting(want)
    }

    fn mean_variance() -> Case {
        let onnx =
            OnnxBuilder::new(&[1, 2, 1, 3]).node("MeanVarianceNormalization", &["x"], "y", vec![]).bytes(&[1, 2, 1, 3]);
        let normal = |x: &[f64]| {
            let mean = x.iter().sum::<f64>() / 3.0;
            let variance = x.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / 3.0;
            x.iter().map(|v| (v - mean) / variance.sqrt()).collect::<Vec<_>>()
        };
        Case::new(onnx, inputs()).expecting(inputs().iter().map(|x| x.chunks(3).flat_map(normal).collect()).collect())
    }

    op_conformance! { magnitudes: lp(1), euclidean: lp(2), mean_and_variance: mean_variance() }
}
