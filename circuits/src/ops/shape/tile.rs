//! Repeats a tensor along its dimensions. Free.

use crate::quant::QuantError;
use crate::quant::builder::Builder;

use crate::ops::{Call, Op, Value};

use super::index::moved;

/// See the module's head.
pub(super) struct Tile;

impl Op for Tile {
    fn name(&self) -> &'static str {
        "Tile"
    }

    fn accepts(&self) -> &'static str {
        "one tensor and one constant number of repeats a dimension"
    }

    fn lower(&self, _builder: &mut Builder<'_>, call: &Call<'_>) -> Result<Vec<Value>, QuantError> {
        let value = call.input(0)?;
        let repeats = call.ints(1)?.ok_or_else(|| call.refuse("the repeats are missing"))?;
        let wrong = || call.refuse(format!("repeats {repeats:?}"));
        if repeats.len() != value.shape().len() {
            return Err(wrong());
        }
        let times = |(&size, &r): (&usize, &i64)| usize::try_from(r).ok().and_then(|r| size.checked_mul(r));
        let shape: Option<Vec<usize>> = value.shape().iter().zip(repeats).map(times).collect();
        let source = |at: &[usize]| at.iter().zip(value.shape()).map(|(&i, &size)| i % size.max(1)).collect();
        Ok(vec![moved(call, value, &shape.ok_or_else(wrong)?, source)?])
    }
}
