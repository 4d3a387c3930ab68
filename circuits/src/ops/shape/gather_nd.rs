//! Slices by index tuples. Free.

use crate::quant::QuantError;
use crate::quant::builder::Builder;

use crate::ops::{Call, Op, Value};

use super::index::moved;
use super::tuples::Tuples;

/// See the module's head.
pub(super) struct GatherND;

impl Op for GatherND {
    fn name(&self) -> &'static str {
        "GatherND"
    }

    fn accepts(&self) -> &'static str {
        "one tensor and constant integer index tuples"
    }

    fn lower(&self, _builder: &mut Builder<'_>, call: &Call<'_>) -> Result<Vec<Value>, QuantError> {
        let (value, indices) = (call.input(0)?, call.input(1)?);
        let tuples = Tuples::new(call, value.shape(), indices.shape(), call.int("batch_dims", 0)?)?;
        let rows = call.ints(1)?.unwrap_or_default();
        let mut bad = None;
        let (outer, batch) = (tuples.outer.len(), tuples.batch);
        let shape = [&tuples.outer[..], &value.shape()[batch + tuples.width..]].concat();
        let source = |at: &[usize]| {
            let tuple = tuples.at(call, rows, &at[..outer], value.shape()).unwrap_or_else(|e| {
                bad = Some(e);
                Vec::new()
            });
            [&at[..batch], &tuple, &at[outer..]].concat()
        };
        let result = moved(call, value, &shape, source);
        match bad {
            Some(error) => Err(error),
            None => Ok(vec![result?]),
        }
    }
}
