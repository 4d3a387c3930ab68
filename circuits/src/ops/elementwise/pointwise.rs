//! Shared by the ops that work element by element.

use crate::model::tensor::{Tensor, broadcast_shape};
use crate::quant::QuantError;
use crate::quant::form::Form;

use crate::ops::{Call, Value};

/// Applies `f` to the first two inputs, broadcast against each other.
pub(in crate::ops) fn binary(
    call: &Call<'_>,
    f: impl Fn(&Form, &Form) -> Result<Form, QuantError>,
) -> Result<Vec<Value>, QuantError> {
    let (a, b) = (call.forms(0)?, call.forms(1)?);
    let mismatch = || call.refuse("the shapes do not broadcast");
    let shape = broadcast_shape(a.shape(), b.shape()).ok_or_else(mismatch)?;
    let (a, b) = (a.broadcast(&shape).ok_or_else(mismatch)?, b.broadcast(&shape).ok_or_else(mismatch)?);
    let data = a.data().iter().zip(b.data()).map(|(x, y)| f(x, y)).collect::<Result<Vec<_>, _>>()?;
    Ok(vec![Value::Live(Tensor::new(shape, data).ok_or_else(mismatch)?)])
}

/// Applies `f` to all elements of the first input at once; it keeps their number.
pub(in crate::ops) fn unary(
    call: &Call<'_>,
    f: impl FnOnce(&[Form]) -> Result<Vec<Form>, QuantError>,
) -> Result<Vec<Value>, QuantError> {
    let x = call.forms(0)?;
    let data = f(x.data())?;
    let result = Tensor::new(x.shape().to_vec(), data);
    Ok(vec![Value::Live(result.ok_or_else(|| call.refuse("the number of elements changed"))?)])
}
