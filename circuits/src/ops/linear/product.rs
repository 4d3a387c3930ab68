//! Shared by Gemm and MatMul: the product of two matrices of which one is constant.

use crate::model::tensor::{Tensor, elements};
use crate::quant::QuantError;
use crate::quant::builder::Builder;
use crate::quant::form::Form;

use crate::ops::{Call, Value};

/// `a · b` of two matrices (`M × K`, `K × N`), row-major.
pub(super) fn matrices(
    builder: &mut Builder<'_>,
    call: &Call<'_>,
    a: &Value,
    b: &Value,
) -> Result<Tensor<Form>, QuantError> {
    let (&[m, k], &[rows, n]) = (a.shape(), b.shape()) else {
        return Err(call.refuse("expected two matrices"));
    };
    if k != rows {
        return Err(call.refuse(format!("inner sizes differ: {k} and {rows}")));
    }
    if elements(&[m, n]).is_none() {
        return Err(call.refuse(format!("a product of {m} by {n} elements is too large")));
    }
    let mismatch = || call.refuse("expected float matrices");
    let transposed = |v: &Value| v.transposed(&[1, 0]).ok_or_else(mismatch);
    match (a, b) {
        (_, Value::Real(_)) => {
            let Value::Real(weights) = transposed(b)? else { return Err(mismatch()) };
            let x = a.forms().ok_or_else(mismatch)?;
            let data = row_products(builder, weights.data(), x.data(), k, m)?;
            Tensor::new(vec![m, n], data).ok_or_else(mismatch)
        }
        (Value::Real(weights), Value::Live(_)) => {
            let Value::Live(x) = transposed(b)? else { return Err(mismatch()) };
            let data = row_products(builder, weights.data(), x.data(), k, n)?;
            let columns = Tensor::new(vec![n, m], data).ok_or_else(mismatch)?;
            columns.transposed(&[1, 0]).ok_or_else(mismatch)
        }
        _ => Err(call.refuse("both factors depend on the model's inputs")),
    }
}

/// `weights · row` for each of `rows` rows of width `k`.
fn row_products(
    builder: &mut Builder<'_>,
    weights: &[f64],
    x: &[Form],
    k: usize,
    rows: usize,
) -> Result<Vec<Form>, QuantError> {
    let mut data = Vec::new();
    for row in 0..rows {
        data.extend(builder.product(weights, &x[row * k..(row + 1) * k])?);
    }
    Ok(data)
}
