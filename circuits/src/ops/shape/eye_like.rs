//! Ones on a diagonal, zeros elsewhere, as a constant. Free.

use crate::model::tensor::Tensor;
use crate::quant::QuantError;
use crate::quant::builder::Builder;

use crate::ops::{Call, Op, Value};

use super::cast::Kind;
use super::index::each;

/// See the module's head.
pub(super) struct EyeLike;

impl Op for EyeLike {
    fn name(&self) -> &'static str {
        "EyeLike"
    }

    fn accepts(&self) -> &'static str {
        "a matrix, whose shape is taken"
    }

    fn lower(&self, _builder: &mut Builder<'_>, call: &Call<'_>) -> Result<Vec<Value>, QuantError> {
        let value = call.input(0)?;
        let &[rows, columns] = value.shape() else { return Err(call.refuse("the tensor is no matrix")) };
        let diagonal = call.int("k", 0)?;
        let ones = each(&[rows, columns], |at| i64::from((at[1] as i64).checked_sub(at[0] as i64) == Some(diagonal)));
        let ones = ones.and_then(|ones| Tensor::new(vec![rows, columns], ones));
        let ones = ones.ok_or_else(|| call.refuse("the matrix is too large"))?;
        let kind = call.int("dtype", 0)?;
        let integers = if kind == 0 { matches!(value, Value::Int(_)) } else { Kind::of(kind) == Some(Kind::Integer) };
        Ok(vec![if integers { Value::Int(ones) } else { Value::Real(ones.map(|&v| v as f64)) }])
    }
}
