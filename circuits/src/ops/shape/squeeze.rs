//! Drops dimensions of size 1. Free.

use crate::quant::QuantError;
use crate::quant::builder::Builder;

use crate::ops::{Call, Op, Value};

/// See the module's head.
pub(super) struct Squeeze;

impl Op for Squeeze {
    fn name(&self) -> &'static str {
        "Squeeze"
    }

    fn accepts(&self) -> &'static str {
        "one tensor and constant axes of size 1"
    }

    fn lower(&self, _builder: &mut Builder<'_>, call: &Call<'_>) -> Result<Vec<Value>, QuantError> {
        let value = call.input(0)?;
        let shape = value.shape();
        let axes = call.axes(shape.len())?;
        let axes = axes.unwrap_or_else(|| (0..shape.len()).filter(|&a| shape[a] == 1).collect());
        if let Some(&axis) = axes.iter().find(|&&a| shape[a] != 1) {
            return Err(call.refuse(format!("axis {axis} has size {}, expected 1", shape[axis])));
        }
        let rest: Vec<usize> = (0..shape.len()).filter(|a| !axes.contains(a)).map(|a| shape[a]).collect();
        Ok(vec![value.reshaped(&rest).ok_or_else(|| call.refuse("the sizes do not fit"))?])
    }
}
