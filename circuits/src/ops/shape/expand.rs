//! Repeats a tensor to a shape by broadcasting. Free.

use crate::model::tensor::broadcast_shape;
use crate::quant::QuantError;
use crate::quant::builder::Builder;

use crate::ops::{Call, Op, Value};

use super::index::moved;

/// See the module's head.
pub(super) struct Expand;

impl Op for Expand {
    fn name(&self) -> &'static str {
        "Expand"
    }

    fn accepts(&self) -> &'static str {
        "one tensor and a constant shape that broadcasts with its own"
    }

    fn lower(&self, _builder: &mut Builder<'_>, call: &Call<'_>) -> Result<Vec<Value>, QuantError> {
        let value = call.input(0)?;
        let wanted = call.ints(1)?.ok_or_else(|| call.refuse("the shape is missing"))?;
        let mismatch = || call.refuse(format!("shape {wanted:?} does not broadcast"));
        let sizes: Option<Vec<usize>> = wanted.iter().map(|&s| usize::try_from(s).ok()).collect();
        let shape = sizes.and_then(|sizes| broadcast_shape(value.shape(), &sizes)).ok_or_else(mismatch)?;
        let lead = shape.len() - value.shape().len();
        let source = |at: &[usize]| {
            at[lead..].iter().zip(value.shape()).map(|(&i, &size)| if size == 1 { 0 } else { i }).collect()
        };
        Ok(vec![moved(call, value, &shape, source)?])
    }
}
