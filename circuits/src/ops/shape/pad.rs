//! A border around a tensor: a constant, or its own elements again. Free.

use crate::model::tensor::MAX_ELEMENTS;
use crate::quant::QuantError;
use crate::quant::builder::Builder;

use crate::ops::{Call, Op, Value};

use super::index::moved_or;

/// See the module's head.
pub(super) struct Pad;

impl Op for Pad {
    fn name(&self) -> &'static str {
        "Pad"
    }

    fn accepts(&self) -> &'static str {
        "one tensor, constant pads, mode constant, reflect, edge or wrap, and a scalar to pad with"
    }

    fn lower(&self, _builder: &mut Builder<'_>, call: &Call<'_>) -> Result<Vec<Value>, QuantError> {
        let value = call.input(0)?;
        let shape = value.shape();
        let (pads, zero) = (pads(call, shape.len())?, value.like(0.0));
        let mode = call.text("mode", "constant")?;
        let fill = match call.optional(2) {
            Some(given) => given.reshaped(&[]).ok_or_else(|| call.refuse("the value to pad with is no scalar"))?,
            None if call.node().attributes.contains_key("value") => value.like(call.float("value", 0.0)?),
            None => zero,
        };
        if !["constant", "reflect", "edge", "wrap"].contains(&mode) {
            return Err(call.refuse(format!("mode `{mode}`")));
        }
        let mut padded = Vec::with_capacity(shape.len());
        for (&size, &(before, after)) in shape.iter().zip(&pads) {
            // No pad reaches further than a tensor may: positions minus pads must not wrap.
            let small = |pad: i64| pad.unsigned_abs() <= MAX_ELEMENTS as u64;
            let total = if small(before) && small(after) { size as i64 + before + after } else { -1 };
            let total = usize::try_from(total).ok();
            padded.push(total.ok_or_else(|| call.refuse(format!("pads {before} and {after} of size {size}")))?);
        }
        let source = |at: &[usize]| {
            at.iter()
                .zip(&pads)
                .zip(shape)
                .map(|((&i, &(before, _)), &size)| inside(mode, i as i64 - before, size as i64))
                .collect()
        };
        Ok(vec![moved_or(call, value, &fill, &padded, source)?])
    }
}

/// Where index `i`, which may lie outside, takes its element from; nothing if from the constant.
fn inside(mode: &str, i: i64, size: i64) -> Option<usize> {
    let found = match mode {
        _ if size == 0 => return None,
        "edge" => i.clamp(0, size - 1),
        "wrap" => i.rem_euclid(size),
        "reflect" if size == 1 => 0,
        "reflect" => {
            let phase = i.rem_euclid(2 * (size - 1));
            phase.min(2 * (size - 1) - phase)
        }
        _ => i,
    };
    usize::try_from(found).ok().filter(|&f| (f as i64) < size)
}

/// Elements before and after, a pair a dimension: an attribute up to opset 10, inputs from 11 on (axes from 18 on).
fn pads(call: &Call<'_>, rank: usize) -> Result<Vec<(i64, i64)>, QuantError> {
    let given = call.ints(1)?.or(call.int_list("pads")?).ok_or_else(|| call.refuse("the pads are missing"))?;
    let axes = match call.ints(3)? {
        Some(axes) => axes.iter().map(|&a| call.axis(a, rank)).collect::<Result<Vec<_>, _>>()?,
        None => (0..rank).collect(),
    };
    if given.len() != 2 * axes.len() {
        return Err(call.refuse(format!("{} pads, expected {}", given.len(), 2 * axes.len())));
    }
    let (before, after) = given.split_at(axes.len());
    let mut pads = vec![(0, 0); rank];
    for ((&axis, &b), &a) in axes.iter().zip(before).zip(after) {
        pads[axis] = (b, a);
    }
    Ok(pads)
}
