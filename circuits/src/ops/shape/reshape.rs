//! Another shape for the same elements; 0 keeps a size, one -1 is inferred. Free.

use crate::model::tensor::elements;
use crate::quant::QuantError;
use crate::quant::builder::Builder;

use crate::ops::{Call, Op, Value};

/// See the module's head.
pub(super) struct Reshape;

impl Op for Reshape {
    fn name(&self) -> &'static str {
        "Reshape"
    }

    fn accepts(&self) -> &'static str {
        "one tensor and a constant shape of the same number of elements"
    }

    fn lower(&self, _builder: &mut Builder<'_>, call: &Call<'_>) -> Result<Vec<Value>, QuantError> {
        let value = call.input(0)?;
        let wanted = call.ints(1)?.ok_or_else(|| call.refuse("the shape is missing"))?;
        let keep_zero = call.int("allowzero", 0)? != 0;
        let total: usize = value.shape().iter().product();
        let mut shape = Vec::with_capacity(wanted.len());
        let mut inferred = None;
        for (axis, &size) in wanted.iter().enumerate() {
            shape.push(match size {
                0 if !keep_zero => {
                    let kept = value.shape().get(axis).copied();
                    kept.ok_or_else(|| call.refuse(format!("size 0 at axis {axis} keeps nothing")))?
                }
                -1 if inferred.replace(axis).is_none() => 1,
                size => usize::try_from(size).map_err(|_| call.refuse(format!("shape {wanted:?}")))?,
            });
        }
        if let Some(axis) = inferred {
            let known = elements(&shape).ok_or_else(|| call.refuse(format!("shape {wanted:?} is too large")))?;
            shape[axis] = total.checked_div(known).unwrap_or(0);
        }
        Ok(vec![value.reshaped(&shape).ok_or_else(|| call.refuse(format!("{total} elements do not fill {wanted:?}")))?])
    }
}
