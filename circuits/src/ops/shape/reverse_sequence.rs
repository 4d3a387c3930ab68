//! The first elements along time reversed, a constant number of them for each batch. Free.

use crate::quant::QuantError;
use crate::quant::builder::Builder;

use crate::ops::{Call, Op, Value};

use super::index::moved;

/// See the module's head.
pub(super) struct ReverseSequence;

impl Op for ReverseSequence {
    fn name(&self) -> &'static str {
        "ReverseSequence"
    }

    fn accepts(&self) -> &'static str {
        "one tensor, constant lengths, and time and batch axes 0 and 1 in either order"
    }

    fn lower(&self, _builder: &mut Builder<'_>, call: &Call<'_>) -> Result<Vec<Value>, QuantError> {
        let value = call.input(0)?;
        let rank = value.shape().len();
        let (time, batch) = (call.axis(call.int("time_axis", 0)?, rank)?, call.axis(call.int("batch_axis", 1)?, rank)?);
        let lengths = call.ints(1)?.ok_or_else(|| call.refuse("the lengths are missing"))?;
        let fits = |&l: &i64| usize::try_from(l).is_ok_and(|l| l <= value.shape()[time]);
        if time == batch || lengths.len() != value.shape()[batch] || !lengths.iter().all(fits) {
            return Err(call.refuse(format!("lengths {lengths:?}")));
        }
        let source = |at: &[usize]| {
            let (length, mut from) = (lengths[at[batch]] as usize, at.to_vec());
            if at[time] < length {
                from[time] = length - 1 - at[time];
            }
            from
        };
        Ok(vec![moved(call, value, value.shape(), source)?])
    }
}
