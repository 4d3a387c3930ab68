//! Reorders dimensions; reverses them by default. Free.

use crate::quant::QuantError;
use crate::quant::builder::Builder;

use crate::ops::{Call, Op, Value};

/// See the module's head.
pub(super) struct Transpose;

impl Op for Transpose {
    fn name(&self) -> &'static str {
        "Transpose"
    }

    fn accepts(&self) -> &'static str {
        "one tensor and a permutation of its dimensions"
    }

    fn lower(&self, _builder: &mut Builder<'_>, call: &Call<'_>) -> Result<Vec<Value>, QuantError> {
        let value = call.input(0)?;
        let rank = value.shape().len();
        let order = match call.int_list("perm")? {
            Some(order) => order.iter().map(|&a| call.axis(a, rank)).collect::<Result<Vec<_>, _>>()?,
            None => (0..rank).rev().collect(),
        };
        let transposed = value.transposed(&order);
        Ok(vec![
            transposed.ok_or_else(|| call.refuse(format!("perm {order:?} is no permutation of {rank} dimensions")))?,
        ])
    }
}
