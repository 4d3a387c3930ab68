//! `alpha · A · B + beta · C`, with transpositions. Free with a constant factor; see `product.rs`.

use crate::model::tensor::Tensor;
use crate::quant::QuantError;
use crate::quant::builder::Builder;

use crate::ops::{Call, Op, Value};

/// See the module's head.
pub(super) struct Gemm;

impl Op for Gemm {
    fn name(&self) -> &'static str {
        "Gemm"
    }

    fn accepts(&self) -> &'static str {
        "two float matrices and an optional C that broadcasts"
    }

    fn lower(&self, builder: &mut Builder<'_>, call: &Call<'_>) -> Result<Vec<Value>, QuantError> {
        let side = |i: usize, attribute: &str| {
            let value = call.input(i)?;
            if value.shape().len() != 2 {
                return Err(call.refuse(format!("input {i} is not a matrix")));
            }
            if call.int(attribute, 0)? == 0 {
                return Ok(value.clone());
            }
            value.transposed(&[1, 0]).ok_or_else(|| call.refuse(format!("input {i} is not a matrix")))
        };
        let (alpha, beta) = (call.float("alpha", 1.0)?, call.float("beta", 1.0)?);
        let mut product = super::product::batched(builder, call, &side(0, "transA")?, &side(1, "transB")?, false)?;
        if alpha != 1.0 {
            product = product.map(|f| f.scaled(alpha));
        }
        if call.optional(2).is_some() {
            let c = call.forms(2)?.broadcast(product.shape());
            let c = c.ok_or_else(|| call.refuse(format!("C does not broadcast to {:?}", product.shape())))?;
            let data = product.data().iter().zip(c.data()).map(|(p, c)| p.plus(&c.scaled(beta))).collect();
            product = Tensor::new(product.shape().to_vec(), data).ok_or_else(|| call.refuse("C has another size"))?;
        }
        Ok(vec![Value::Live(product)])
    }
}

#[cfg(test)]
mod tests {
    use crate::model::fixture::{OnnxBuilder, float, int};
    use crate::testing::conformance::{Case, op_conformance};

    fn weighted() -> Case {
        let mut m = OnnxBuilder::new(&[3, 2]);
        m.random("w", &[4, 3], 1.0).random("c", &[4, 1], 1.0);
        let attributes = vec![int("transB", 0), float("alpha", 0.5), float("beta", 2.0)];
        let onnx = m.node("Gemm", &["w", "x", "c"], "y", attributes).bytes(&[4, 2]);
        Case::new(onnx, vec![vec![1.0, -2.0, 3.0, 0.5, -0.25, 2.0], vec![0.0; 6]])
    }

    fn live() -> Case {
        let mut m = OnnxBuilder::new(&[2, 3]);
        let onnx = m.node("Gemm", &["x", "x", "x0"], "y", vec![int("transB", 1)]);
        onnx.weights("x0", &[2], &[1.0, -1.0]);
        Case::new(onnx.bytes(&[2, 2]), vec![vec![1.0, -2.0, 3.0, 0.5, -0.25, 2.0], vec![0.0; 6]])
    }

    op_conformance! { constant_left_factor: weighted(), two_live_factors: live() }
}
