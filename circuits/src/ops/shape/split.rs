//! Cuts a tensor along one dimension: equal parts, or given sizes. Free.

use crate::quant::QuantError;
use crate::quant::builder::Builder;

use crate::ops::{Call, Op, Value};

use super::index::moved;

/// See the module's head.
pub(super) struct Split;

impl Op for Split {
    fn name(&self) -> &'static str {
        "Split"
    }

    fn accepts(&self) -> &'static str {
        "one tensor, an axis and constant sizes that add up to its size"
    }

    fn lower(&self, _builder: &mut Builder<'_>, call: &Call<'_>) -> Result<Vec<Value>, QuantError> {
        let value = call.input(0)?;
        let axis = call.axis(call.int("axis", 0)?, value.shape().len())?;
        let size = value.shape()[axis];
        let mut start = 0;
        let mut parts = Vec::new();
        for part in sizes(call, size)? {
            let mut shape = value.shape().to_vec();
            shape[axis] = part;
            parts.push(moved(call, value, &shape, |at| {
                let mut from = at.to_vec();
                from[axis] += start;
                from
            })?);
            start += part;
        }
        Ok(parts)
    }
}

/// The parts' sizes: an attribute up to opset 12, an input from 13 on; `num_outputs` from 18 on.
fn sizes(call: &Call<'_>, size: usize) -> Result<Vec<usize>, QuantError> {
    if let Some(given) = call.ints(1)?.or(call.int_list("split")?) {
        let sizes: Option<Vec<usize>> = given.iter().map(|&s| usize::try_from(s).ok()).collect();
        let total = sizes.as_ref().and_then(|s| s.iter().try_fold(0usize, |sum, &s| sum.checked_add(s)));
        return match sizes {
            Some(sizes) if total == Some(size) => Ok(sizes),
            _ => Err(call.refuse(format!("sizes {given:?} do not add up to {size}"))),
        };
    }
    let parts = match call.int("num_outputs", 0)? {
        0 => call.node().outputs.len(),
        parts => usize::try_from(parts).unwrap_or(0),
    };
    if parts == 0 || parts > size.max(1) {
        return Err(call.refuse(format!("size {size} does not make {parts} parts")));
    }
    let each = size.div_ceil(parts);
    Ok((0..parts).map(|i| each.min(size.saturating_sub(i * each))).collect())
}
