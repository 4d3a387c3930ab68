//! Equally spaced constants. Free.

use crate::model::tensor::{MAX_ELEMENTS, Tensor};
use crate::quant::QuantError;
use crate::quant::builder::Builder;

use crate::ops::{Call, Op, Value};

/// See the module's head.
pub(super) struct Range;

impl Op for Range {
    fn name(&self) -> &'static str {
        "Range"
    }

    fn accepts(&self) -> &'static str {
        "constant start, limit and step"
    }

    fn lower(&self, _builder: &mut Builder<'_>, call: &Call<'_>) -> Result<Vec<Value>, QuantError> {
        let (start, limit, step) = (call.scalar(0)?, call.scalar(1)?, call.scalar(2)?);
        let (Some(start), Some(limit), Some(step)) = (start, limit, step) else {
            return Err(call.refuse("an input is missing"));
        };
        let count = ((limit - start) / step).ceil().max(0.0);
        // Infinite where the step is 0.
        if count > MAX_ELEMENTS as f64 {
            return Err(call.refuse(format!("{count} elements")));
        }
        let values: Vec<f64> = (0..count as usize).map(|i| start + step * i as f64).collect();
        let integers = (0..3).all(|i| matches!(call.optional(i), Some(Value::Int(_))));
        Ok(vec![if integers {
            Value::Int(Tensor::vector(values.into_iter().map(|v| v as i64).collect()))
        } else {
            Value::Real(Tensor::vector(values))
        }])
    }
}
