//! To a matrix: dimensions before `axis`, dimensions from it on. Free.

use crate::quant::QuantError;
use crate::quant::builder::Builder;

use crate::ops::{Call, Op, Value};

/// See the module's head.
pub(super) struct Flatten;

impl Op for Flatten {
    fn name(&self) -> &'static str {
        "Flatten"
    }

    fn accepts(&self) -> &'static str {
        "one tensor and an axis in [-rank, rank]"
    }

    fn lower(&self, _builder: &mut Builder<'_>, call: &Call<'_>) -> Result<Vec<Value>, QuantError> {
        let value = call.input(0)?;
        let (shape, rank) = (value.shape(), value.shape().len());
        let axis = call.int("axis", 1)?;
        let axis = if axis == rank as i64 { rank } else { call.axis(axis, rank)? };
        let flat = [shape[..axis].iter().product(), shape[axis..].iter().product()];
        Ok(vec![value.reshaped(&flat).ok_or_else(|| call.refuse("the sizes do not fit"))?])
    }
}
