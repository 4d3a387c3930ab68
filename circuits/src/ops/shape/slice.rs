//! A part of a tensor: starts, ends and steps along some dimensions. Free.

use crate::quant::QuantError;
use crate::quant::builder::Builder;

use crate::ops::{Call, Op, Value};

use super::index::moved;

/// See the module's head.
pub(super) struct Slice;

impl Op for Slice {
    fn name(&self) -> &'static str {
        "Slice"
    }

    fn accepts(&self) -> &'static str {
        "one tensor and constant starts, ends, axes and steps other than 0"
    }

    fn lower(&self, _builder: &mut Builder<'_>, call: &Call<'_>) -> Result<Vec<Value>, QuantError> {
        let value = call.input(0)?;
        let plan = ranges(call, value.shape())?;
        let shape: Vec<usize> = plan.iter().map(|r| r.size).collect();
        let source = |at: &[usize]| at.iter().zip(&plan).map(|(&i, r)| r.source(i)).collect();
        Ok(vec![moved(call, value, &shape, source)?])
    }
}

/// Part of one dimension.
struct Range {
    start: i64,
    step: i64,
    size: usize,
}

impl Range {
    fn source(&self, i: usize) -> usize {
        usize::try_from(self.start + self.step * i as i64).unwrap_or(usize::MAX)
    }

    /// ONNX's rules: negative ends count from the back, then both are clamped.
    fn new(start: i64, end: i64, step: i64, size: usize) -> Self {
        let dim = size as i64;
        let from_end = |i: i64| if i < 0 { i.saturating_add(dim) } else { i };
        let (start, end) = (from_end(start), from_end(end));
        let (start, span) = if step > 0 {
            let start = start.clamp(0, dim);
            (start, end.clamp(0, dim) - start)
        } else {
            let start = start.clamp(0, (dim - 1).max(0));
            (start, start - end.clamp(-1, (dim - 1).max(-1)))
        };
        let size = if span > 0 && dim > 0 { (span as u64).div_ceil(step.unsigned_abs()) as usize } else { 0 };
        // A huge step is never taken: cut to the dimension, it cannot overflow.
        Self { start, step: step.clamp(-dim - 1, dim + 1), size }
    }
}

/// One range a dimension: attributes up to opset 9, inputs from 10 on.
fn ranges(call: &Call<'_>, shape: &[usize]) -> Result<Vec<Range>, QuantError> {
    let missing = |what: &str| call.refuse(format!("the {what} are missing"));
    let (starts, ends, axes, steps) = if call.arity() > 1 {
        (call.ints(1)?, call.ints(2)?, call.ints(3)?, call.ints(4)?)
    } else {
        (call.int_list("starts")?, call.int_list("ends")?, call.int_list("axes")?, None)
    };
    let (starts, ends) = (starts.ok_or_else(|| missing("starts"))?, ends.ok_or_else(|| missing("ends"))?);
    let other = |list: Option<&[i64]>| list.is_some_and(|l| l.len() != starts.len());
    if ends.len() != starts.len() || other(axes) || other(steps) {
        return Err(call.refuse("starts, ends, axes and steps differ in length"));
    }
    let mut plan: Vec<Range> = shape.iter().map(|&size| Range { start: 0, step: 1, size }).collect();
    for (i, (&start, &end)) in starts.iter().zip(ends).enumerate() {
        let axis = axes.and_then(|a| a.get(i).copied()).unwrap_or(i as i64);
        let axis = call.axis(axis, shape.len())?;
        let step = steps.and_then(|s| s.get(i).copied()).unwrap_or(1);
        if step == 0 {
            return Err(call.refuse("a step is 0"));
        }
        plan[axis] = Range::new(start, end, step, shape[axis]);
    }
    Ok(plan)
}
