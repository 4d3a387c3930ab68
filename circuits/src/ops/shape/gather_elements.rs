//! Elements by an index along one dimension each. Free.

use crate::quant::QuantError;
use crate::quant::builder::Builder;

use crate::ops::{Call, Op, Value};

use super::index::{moved, wrapped};

/// See the module's head.
pub(super) struct GatherElements;

impl Op for GatherElements {
    fn name(&self) -> &'static str {
        "GatherElements"
    }

    fn accepts(&self) -> &'static str {
        "one tensor and constant integer indices of the same rank"
    }

    fn lower(&self, _builder: &mut Builder<'_>, call: &Call<'_>) -> Result<Vec<Value>, QuantError> {
        let (value, indices) = (call.input(0)?, call.input(1)?);
        let rank = value.shape().len();
        let axis = call.axis(call.int("axis", 0)?, rank)?;
        if indices.shape().len() != rank {
            return Err(call.refuse("the indices have another rank"));
        }
        let rows = call.ints(1)?.unwrap_or_default();
        let rows = rows.iter().map(|&i| wrapped(call, i, value.shape()[axis])).collect::<Result<Vec<_>, _>>()?;
        let mut rows = rows.into_iter();
        let source = |at: &[usize]| {
            let mut from = at.to_vec();
            from[axis] = rows.next().unwrap_or(usize::MAX);
            from
        };
        Ok(vec![moved(call, value, indices.shape(), source)?])
    }
}
