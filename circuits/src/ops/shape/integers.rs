//! Arithmetic on integer constants where it differs from that on reals.

use crate::model::tensor::{Tensor, broadcast_shape};
use crate::quant::QuantError;

use crate::ops::{Call, Value};

/// `f` of the first two inputs, broadcast, when both are integer constants; nothing otherwise.
///
/// # Errors
/// The shapes do not broadcast, or `f` has no result.
pub(in crate::ops) fn on_integers(
    call: &Call<'_>,
    f: impl Fn(i64, i64) -> Option<i64>,
) -> Result<Option<Vec<Value>>, QuantError> {
    let (Some(Value::Int(a)), Some(Value::Int(b))) = (call.optional(0), call.optional(1)) else { return Ok(None) };
    let mismatch = || call.refuse("the shapes do not broadcast");
    let shape = broadcast_shape(a.shape(), b.shape()).ok_or_else(mismatch)?;
    let (a, b) = (a.broadcast(&shape).ok_or_else(mismatch)?, b.broadcast(&shape).ok_or_else(mismatch)?);
    let data: Option<Vec<i64>> = a.data().iter().zip(b.data()).map(|(&x, &y)| f(x, y)).collect();
    let data = data.ok_or_else(|| call.refuse("the integers have no result (division by zero or overflow)"))?;
    Ok(Some(vec![Value::Int(Tensor::new(shape, data).ok_or_else(mismatch)?)]))
}
