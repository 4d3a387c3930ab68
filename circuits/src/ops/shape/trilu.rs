//! The upper or lower triangle of matrices, zeros elsewhere. Free.

use crate::quant::QuantError;
use crate::quant::builder::Builder;

use crate::ops::{Call, Op, Value};

use super::index::moved_or;

/// See the module's head.
pub(super) struct Trilu;

impl Op for Trilu {
    fn name(&self) -> &'static str {
        "Trilu"
    }

    fn accepts(&self) -> &'static str {
        "a tensor of at least two dimensions and a constant diagonal"
    }

    fn lower(&self, _builder: &mut Builder<'_>, call: &Call<'_>) -> Result<Vec<Value>, QuantError> {
        let value = call.input(0)?;
        let (upper, diagonal) = (call.int("upper", 1)? != 0, call.int_scalar(1)?.unwrap_or(0));
        let Some(rows) = value.shape().len().checked_sub(2) else {
            return Err(call.refuse("fewer than two dimensions"));
        };
        let source = |at: &[usize]| {
            let above = (at[rows + 1] as i64).saturating_sub(at[rows] as i64).saturating_sub(diagonal);
            (if upper { above >= 0 } else { above <= 0 }).then(|| at.to_vec())
        };
        Ok(vec![moved_or(call, value, &value.like(0.0), value.shape(), source)?])
    }
}
