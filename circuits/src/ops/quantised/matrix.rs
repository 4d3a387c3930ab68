//! Products of integer matrices. With a constant factor, MatMulInteger is free; QLinearMatMul costs its rounding.

use crate::model::tensor::{Tensor, elements};
use crate::quant::QuantError;
use crate::quant::builder::Builder;
use crate::quant::form::Form;

use crate::ops::linear::batched;
use crate::ops::{Call, Op, Value};

use super::scales::{self, Along};

/// `(A - a_zero) · (B - b_zero)`
pub(super) struct MatMulInteger;

impl Op for MatMulInteger {
    fn name(&self) -> &'static str {
        "MatMulInteger"
    }

    fn accepts(&self) -> &'static str {
        "integer matrices, or batches of them"
    }

    fn lower(&self, builder: &mut Builder<'_>, call: &Call<'_>) -> Result<Vec<Value>, QuantError> {
        Ok(vec![Value::Live(product(builder, call, (0, 2), (1, 3))?)])
    }
}

/// `saturate(round((a - a_zero) · (b - b_zero) · a_scale · b_scale / y_scale) + y_zero)`
pub(super) struct QLinearMatMul;

impl Op for QLinearMatMul {
    fn name(&self) -> &'static str {
        "QLinearMatMul"
    }

    fn accepts(&self) -> &'static str {
        "integer matrices, or batches of them, with constant scales and zero points"
    }

    fn lower(&self, builder: &mut Builder<'_>, call: &Call<'_>) -> Result<Vec<Value>, QuantError> {
        let product = product(builder, call, (0, 2), (3, 5))?;
        let (rank, shape) = (product.shape().len(), product.shape().to_vec());
        let rows = call.input(0)?.shape().len().saturating_sub(2);
        let a = Along::scale(call, 1, &shape, rows)?;
        let b = Along::scale(call, 4, &shape, rank.saturating_sub(1))?;
        let y = Along::scale(call, 6, &shape, rows)?;
        let zero = Along::read(call, 7, &shape, rows)?;
        let range = scales::range(call, 7)?.ok_or_else(|| call.refuse("y_zero_point is missing"))?;
        let mut flat = 0..;
        let scaled = product.map(|f| {
            let i = flat.next().unwrap_or_default();
            f.scaled(a.at(i) * b.at(i) / y.at(i))
        });
        Ok(vec![Value::Live(scales::saturated(builder, call, &scaled, &zero, range)?)])
    }
}

/// The product of two inputs, each given with its zero point.
fn product(
    builder: &mut Builder<'_>,
    call: &Call<'_>,
    (a, a_zero): (usize, usize),
    (b, b_zero): (usize, usize),
) -> Result<Tensor<Form>, QuantError> {
    let (left, right) = (call.input(a)?.shape().to_vec(), call.input(b)?.shape().to_vec());
    let live = |i: usize| matches!(call.optional(i), Some(Value::Live(_)));
    if right.len() > 2 || (live(a) && live(b)) {
        let side = |i: usize, zero: usize, axis: usize| -> Result<Value, QuantError> {
            if live(i) {
                Ok(Value::Live(scales::centred(call, i, zero, axis)?))
            } else {
                Ok(Value::Real(scales::centred_weights(call, i, zero, axis)?))
            }
        };
        let (left, right) =
            (side(a, a_zero, left.len().saturating_sub(2))?, side(b, b_zero, right.len().saturating_sub(1))?);
        return batched(builder, call, &left, &right, false);
    }
    let (Some((&k, lead)), &[rows, columns]) = (left.split_last(), right.as_slice()) else {
        return Err(call.refuse("expected a matrix or a batch of rows, and a matrix"));
    };
    let shape = [lead, &[columns]].concat();
    if k != rows || k == 0 || elements(&shape).is_none() {
        return Err(call.refuse(format!("{k} columns times {rows} rows")));
    }
    let mismatch = || call.refuse("the product has another size");
    let row_axis = lead.len().saturating_sub(1);
    let left = scales::centred(call, a, a_zero, row_axis)?;
    let mut data = Vec::new();
    if let Value::Live(_) = call.input(b)? {
        let weights = scales::centred_weights(call, a, a_zero, row_axis)?;
        let right = scales::centred(call, b, b_zero, 1)?.transposed(&[1, 0]).ok_or_else(mismatch)?;
        for column in right.data().chunks(k) {
            data.extend(builder.product(weights.data(), column)?);
        }
        let rows = lead.iter().product();
        let turned = Tensor::new(vec![columns, rows], data).and_then(|t| t.transposed(&[1, 0]));
        return turned.and_then(|t| t.reshaped(shape)).ok_or_else(mismatch);
    }
    let weights = scales::centred_weights(call, b, b_zero, 1)?.transposed(&[1, 0]).ok_or_else(mismatch)?;
    for row in left.data().chunks(k) {
        data.extend(builder.product(weights.data(), row)?);
    }
    Tensor::new(shape, data).ok_or_else(mismatch)
}
