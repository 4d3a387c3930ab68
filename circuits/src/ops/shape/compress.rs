//! The slices along one dimension for which a constant condition holds. Free.

use crate::quant::QuantError;
use crate::quant::builder::Builder;

use crate::ops::{Call, Op, Value};

use super::index::moved;

/// See the module's head.
pub(super) struct Compress;

impl Op for Compress {
    fn name(&self) -> &'static str {
        "Compress"
    }

    fn accepts(&self) -> &'static str {
        "one tensor and a constant condition"
    }

    fn lower(&self, _builder: &mut Builder<'_>, call: &Call<'_>) -> Result<Vec<Value>, QuantError> {
        let value = call.input(0)?;
        let kept = call.ints(1)?.ok_or_else(|| call.refuse("the condition is missing"))?;
        let whole: usize = value.shape().iter().product();
        let (value, axis) = match call.int("axis", i64::MIN)? {
            i64::MIN => (value.reshaped(&[whole]).ok_or_else(|| call.refuse("the sizes do not fit"))?, 0),
            axis => (value.clone(), call.axis(axis, value.shape().len())?),
        };
        let size = value.shape()[axis];
        let kept: Vec<usize> = kept.iter().take(size).enumerate().filter(|(_, c)| **c != 0).map(|(i, _)| i).collect();
        let mut shape = value.shape().to_vec();
        shape[axis] = kept.len();
        let source = |at: &[usize]| {
            let mut from = at.to_vec();
            from[axis] = kept[at[axis]];
            from
        };
        Ok(vec![moved(call, &value, &shape, source)?])
    }
}
