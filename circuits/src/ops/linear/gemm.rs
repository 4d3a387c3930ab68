//! `alpha · A · B + beta · C`, with transpositions. Free; see `product.rs`.

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
        "two matrices, one of them constant, and an optional C that broadcasts"
    }

    fn lower(&self, builder: &mut Builder<'_>, call: &Call<'_>) -> Result<Vec<Value>, QuantError> {
        let side = |i: usize, attribute: &str| {
            let value = call.input(i)?;
            if call.int(attribute, 0)? == 0 {
                return Ok(value.clone());
            }
            value.transposed(&[1, 0]).ok_or_else(|| call.refuse(format!("input {i} is not a matrix")))
        };
        let (alpha, beta) = (call.float("alpha", 1.0)?, call.float("beta", 1.0)?);
        let product = super::product::matrices(builder, call, &side(0, "transA")?, &side(1, "transB")?)?;
        let mut product = product.map(|f| f.scaled(alpha));
        if call.optional(2).is_some() {
            let c = call.forms(2)?.broadcast(product.shape());
            let c = c.ok_or_else(|| call.refuse(format!("C does not broadcast to {:?}", product.shape())))?;
            let data = product.data().iter().zip(c.data()).map(|(p, c)| p.plus(&c.scaled(beta))).collect();
            product = Tensor::new(product.shape().to_vec(), data).ok_or_else(|| call.refuse("C has another size"))?;
        }
        Ok(vec![Value::Live(product)])
    }
}
