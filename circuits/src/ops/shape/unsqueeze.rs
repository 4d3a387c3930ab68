//! Inserts dimensions of size 1. Free.

use crate::quant::QuantError;
use crate::quant::builder::Builder;

use crate::ops::{Call, Op, Value};

/// See the module's head.
pub(super) struct Unsqueeze;

impl Op for Unsqueeze {
    fn name(&self) -> &'static str {
        "Unsqueeze"
    }

    fn accepts(&self) -> &'static str {
        "one tensor and constant axes"
    }

    fn lower(&self, _builder: &mut Builder<'_>, call: &Call<'_>) -> Result<Vec<Value>, QuantError> {
        let value = call.input(0)?;
        let count = call.ints(1)?.or(call.int_list("axes")?).map_or(0, <[i64]>::len);
        let rank = value.shape().len() + count;
        let axes = call.axes(rank)?.ok_or_else(|| call.refuse("the axes are missing"))?;
        let mut sizes = value.shape().iter().copied();
        let shape: Option<Vec<usize>> =
            (0..rank).map(|a| if axes.contains(&a) { Some(1) } else { sizes.next() }).collect();
        let reshaped = shape.and_then(|shape| value.reshaped(&shape));
        Ok(vec![reshaped.ok_or_else(|| call.refuse("the sizes do not fit"))?])
    }
}
