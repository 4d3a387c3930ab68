//! What the family shares: one matrix of constants applied to many vectors, and batches of matrix products.
//!
//! A constant factor makes a product free: forms are composed. Two live factors cost a step of the program (`Builder::matmul`).

use std::borrow::Cow;

use crate::model::tensor::{Tensor, broadcast_shape, elements};
use crate::quant::QuantError;
use crate::quant::builder::Builder;
use crate::quant::form::Form;

use crate::ops::{Call, Value};

/// `bias + weights · v` for each of the vectors. `weights` is row-major, one row for each element of `bias`; `None` in a vector is the 0 of padding.
/// Convolutions and matrix products all come through here. `last`: nothing but a reordering follows in this node, so a Relu after it may be fused.
pub(in crate::ops) fn apply(
    builder: &mut Builder<'_>,
    weights: &[f64],
    bias: &[f64],
    vectors: &[Vec<Option<Form>>],
    last: bool,
) -> Result<Vec<Vec<Form>>, QuantError> {
    let relu = last && builder.relu_expected();
    builder.layer(weights, bias, vectors, relu)
}

/// Elements from which on a tensor's forms get one common unit, which blocks of a matrix want, and not each its own.
const LARGE: usize = 1024;

/// The elements of a tensor that `vectors` vectors are cut from: wires, where many products would otherwise repeat forms of many terms.
pub(in crate::ops) fn prepared(
    builder: &mut Builder<'_>,
    x: &Tensor<Form>,
    vectors: usize,
) -> Result<Tensor<Form>, QuantError> {
    // A single vector is left to `Builder::product`, which knows its rows.
    if vectors <= 1 || x.data().iter().all(|f| f.terms().len() <= 1) {
        return Ok(x.clone());
    }
    let data = if x.len() < LARGE { builder.compact(x.data())? } else { builder.aligned(x.data(), x.len())? };
    let (expected, got) = (x.len(), data.len());
    Tensor::new(x.shape().to_vec(), data).ok_or(QuantError::Malformed { what: "compacted elements", expected, got })
}

/// `a · b` for tensors of at least two dimensions, by the rules of numpy: matrices in the last two, the others broadcast. `last` as in [`apply`].
pub(in crate::ops) fn batched(
    builder: &mut Builder<'_>,
    call: &Call<'_>,
    a: &Value,
    b: &Value,
    last: bool,
) -> Result<Tensor<Form>, QuantError> {
    batched_with(builder, call, a, b, last, None)
}

/// [`batched`], plus a bias for each column where `b` is constant.
pub(super) fn batched_with(
    builder: &mut Builder<'_>,
    call: &Call<'_>,
    a: &Value,
    b: &Value,
    last: bool,
    bias: Option<&[f64]>,
) -> Result<Tensor<Form>, QuantError> {
    let ([lead_a @ .., m, k], [lead_b @ .., rows, n]) = (a.shape(), b.shape()) else {
        return Err(call.refuse("expected two matrices"));
    };
    let (m, k, n) = (*m, *k, *n);
    if k != *rows {
        return Err(call.refuse(format!("inner sizes differ: {k} and {rows}")));
    }
    let lead = broadcast_shape(lead_a, lead_b).ok_or_else(|| call.refuse("the leading sizes do not broadcast"))?;
    let shape = [lead.as_slice(), &[m, n]].concat();
    if elements(&shape).is_none() {
        return Err(call.refuse(format!("a product of shape {shape:?} is too large")));
    }
    // For each matrix of the result: which matrices of `a` and of `b` it multiplies.
    let blocks = |own: &[usize]| {
        let count = own.iter().product();
        Tensor::new(own.to_vec(), (0..count).collect::<Vec<usize>>())?.broadcast(&lead).map(Tensor::into_data)
    };
    let mismatch = || call.refuse("expected two float tensors whose sizes fit");
    let (left, right) = (blocks(lead_a).ok_or_else(mismatch)?, blocks(lead_b).ok_or_else(mismatch)?);
    let pairs: Vec<(usize, usize)> = left.into_iter().zip(right).collect();
    let (a, b) = (real(a), real(b));
    let (a, b) = (a.as_ref(), b.as_ref());
    let data = match (a, b) {
        (_, Value::Real(weights)) => {
            let x = a.forms().ok_or_else(mismatch)?;
            let x = prepared(builder, &x, x.len() / k.max(1))?;
            let transposed = swap_last(weights).ok_or_else(mismatch)?;
            constant_factor(builder, &transposed, x.data(), &pairs, (n, k, m), last, bias)?
        }
        (Value::Real(weights), Value::Live(x)) => {
            let x = prepared(builder, &swap_last(x).ok_or_else(mismatch)?, x.len() / k.max(1))?;
            let swapped: Vec<(usize, usize)> = pairs.iter().map(|&(i, j)| (j, i)).collect();
            let columns = constant_factor(builder, weights, x.data(), &swapped, (m, k, n), last, None)?;
            let shape = [lead.as_slice(), &[n, m]].concat();
            swap_last(&Tensor::new(shape, columns).ok_or_else(mismatch)?).ok_or_else(mismatch)?.into_data()
        }
        (Value::Live(x), Value::Live(y)) => {
            if pairs.is_empty() {
                Vec::new()
            } else {
                builder.matmuls(x.data(), y.data(), k, (m * k, k * n), &pairs)?
            }
        }
        _ => return Err(mismatch()),
    };
    Tensor::new(shape, data).ok_or_else(mismatch)
}

/// Integer constants as reals: they are factors like others.
fn real(value: &Value) -> Cow<'_, Value> {
    match value {
        Value::Int(t) => Cow::Owned(Value::Real(t.map(|&v| v as f64))),
        other => Cow::Borrowed(other),
    }
}

/// For each pair of a block of `rows` vectors of `x` and a block `n × k` of `weights`: the products, `rows × n`.
fn constant_factor(
    builder: &mut Builder<'_>,
    weights: &Tensor<f64>,
    x: &[Form],
    pairs: &[(usize, usize)],
    (n, k, rows): (usize, usize, usize),
    last: bool,
    bias: Option<&[f64]>,
) -> Result<Vec<Form>, QuantError> {
    let zeros = vec![0.0; n];
    let bias = bias.unwrap_or(&zeros);
    let mut results: Vec<Vec<Form>> = vec![Vec::new(); pairs.len()];
    let matrices = weights.len().checked_div(n * k).unwrap_or(0);
    for matrix in 0..matrices {
        let of_matrix = |p: &usize| pairs[*p].1 == matrix;
        let chosen: Vec<usize> = (0..pairs.len()).filter(of_matrix).collect();
        let mut vectors = Vec::with_capacity(chosen.len() * rows);
        for &p in &chosen {
            let block = &x[pairs[p].0 * rows * k..(pairs[p].0 + 1) * rows * k];
            vectors.extend(block.chunks_exact(k).map(|row| row.iter().cloned().map(Some).collect::<Vec<_>>()));
        }
        let mut products =
            apply(builder, &weights.data()[matrix * n * k..(matrix + 1) * n * k], bias, &vectors, last)?.into_iter();
        for &p in &chosen {
            results[p] = products.by_ref().take(rows).flatten().collect();
        }
    }
    Ok(results.concat())
}

/// The last two dimensions exchanged.
fn swap_last<T: Clone>(t: &Tensor<T>) -> Option<Tensor<T>> {
    let rank = t.shape().len();
    let mut order: Vec<usize> = (0..rank).collect();
    order.swap(rank.checked_sub(1)?, rank.checked_sub(2)?);
    t.transposed(&order)
}
