//! Shared by the family: inputs are one row of features, or several.

use crate::model::tensor::Tensor;
use crate::quant::QuantError;
use crate::quant::form::Form;

use crate::ops::{Call, Value};

/// Input `i` as rows of forms and their width. Integers count as reals.
pub(super) fn rows(call: &Call<'_>, i: usize) -> Result<(Vec<Vec<Form>>, usize), QuantError> {
    let forms = real_forms(call, i)?;
    let width = match forms.shape() {
        [] => return Err(call.refuse("the input is a scalar")),
        [width] | [_, width] => *width,
        shape => return Err(call.refuse(format!("rank {}, expected rows of features", shape.len()))),
    };
    if width == 0 {
        return Err(call.refuse("the input has no features"));
    }
    Ok((forms.data().chunks(width).map(<[Form]>::to_vec).collect(), width))
}

/// Input `i` as forms, also where it holds integer constants.
pub(super) fn real_forms(call: &Call<'_>, i: usize) -> Result<Tensor<Form>, QuantError> {
    match call.input(i)? {
        Value::Int(t) => Ok(t.map(|&v| Form::constant(v as f64))),
        _ => call.forms(i),
    }
}

/// Equally wide rows as a matrix.
pub(super) fn matrix(call: &Call<'_>, rows: Vec<Vec<Form>>) -> Result<Value, QuantError> {
    let (height, width) = (rows.len(), rows.first().map_or(0, Vec::len));
    let data = rows.into_iter().flatten().collect();
    let tensor = Tensor::new(vec![height, width], data);
    tensor.map(Value::Live).ok_or_else(|| call.refuse("rows of different widths"))
}
