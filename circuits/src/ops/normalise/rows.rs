//! Shared by the normalisations: a tensor cut into rows, centred, brought to unit variance, scaled and shifted.

use crate::model::tensor::Tensor;
use crate::quant::QuantError;
use crate::quant::builder::Builder;
use crate::quant::form::Form;

use crate::ops::Call;

/// Rows longer than this get a wire for their mean; shorter ones compose it.
const COMPOSED_MEAN: usize = 12;

/// Most terms of forms that are centred as they are.
const SHORT: usize = 3;

/// What becomes of a row.
#[derive(Clone, Copy, Debug)]
pub(super) struct Norm {
    /// Whether the mean is subtracted first.
    pub centred: bool,
    /// Whether the squares are averaged, not summed.
    pub mean: bool,
    /// Added to the mean (or sum) of the squares.
    pub epsilon: f64,
}

/// `(x − mean) / sqrt(mean of squares + epsilon)` for each row of a tensor: `rows[r][i]` is a flat index.
pub(super) fn normalise_rows(
    builder: &mut Builder<'_>,
    x: &[Form],
    rows: &[Vec<usize>],
    norm: Norm,
) -> Result<Vec<Form>, QuantError> {
    let length = rows.first().map_or(1, Vec::len);
    let gathered: Vec<Form> = rows.iter().flatten().map(|&i| x[i].clone()).collect();
    // Forms of few terms are read as often as wires, so they need not become wires first.
    let short = gathered.iter().all(|f| f.terms().len() <= SHORT);
    let aligned = if short { gathered } else { builder.aligned(&gathered, length)? };
    let mut centred = Vec::with_capacity(rows.len());
    for own in aligned.chunks(length.max(1)) {
        if !norm.centred {
            centred.push(own.to_vec());
            continue;
        }
        let mean = if length > COMPOSED_MEAN {
            builder.mean(own)?
        } else {
            crate::ops::pooling::sum(&own.iter().collect::<Vec<_>>()).scaled(1.0 / own.len() as f64)
        };
        let negative = mean.scaled(-1.0);
        centred.push(own.iter().map(|f| f.plus(&negative)).collect());
    }
    let mut results = vec![Form::default(); x.len()];
    let count = if norm.mean { length as f64 } else { 1.0 };
    let normal = builder.normalise(&centred, count, norm.epsilon)?;
    for (&i, value) in rows.iter().flatten().zip(normal.into_iter().flatten()) {
        results[i] = value;
    }
    Ok(results)
}

/// The flat indices of each row, where a row runs over `axes` of `shape`.
pub(super) fn over_axes(shape: &[usize], axes: &[usize]) -> Vec<Vec<usize>> {
    let count: usize = shape.iter().product();
    let kept: usize = shape.iter().enumerate().filter(|(i, _)| !axes.contains(i)).map(|(_, &s)| s).product();
    let mut rows = vec![Vec::new(); kept];
    for flat in 0..count {
        let (mut rest, mut row, mut step) = (flat, 0, 1);
        for (axis, &size) in shape.iter().enumerate().rev() {
            if !axes.contains(&axis) {
                row += rest % size * step;
                step *= size;
            }
            rest /= size;
        }
        rows[row].push(flat);
    }
    rows
}

/// Consecutive rows of `length` elements.
pub(super) fn consecutive(count: usize, length: usize) -> Vec<Vec<usize>> {
    (0..count).collect::<Vec<_>>().chunks(length.max(1)).map(<[usize]>::to_vec).collect()
}

/// `scale · x + shift`, element by element, with constants of `x`'s shape.
pub(super) fn affine(
    call: &Call<'_>,
    shape: &[usize],
    x: Vec<Form>,
    scale: &Tensor<f64>,
    shift: Option<&Tensor<f64>>,
) -> Result<Tensor<Form>, QuantError> {
    let wrong = || call.refuse(format!("scale or bias does not broadcast to {shape:?}"));
    let scale = scale.broadcast(shape).ok_or_else(wrong)?;
    let shift = shift.map(|s| s.broadcast(shape).ok_or_else(wrong)).transpose()?;
    let mut data = Vec::with_capacity(x.len());
    for (i, (form, &factor)) in x.iter().zip(scale.data()).enumerate() {
        data.push(form.scaled(factor).shifted(shift.as_ref().map_or(0.0, |s| s.data()[i])));
    }
    Tensor::new(shape.to_vec(), data).ok_or_else(wrong)
}

/// A constant of one value a channel, as `[C, 1, …]` for a tensor of `rank` dimensions.
pub(super) fn channels(call: &Call<'_>, i: usize, count: usize, rank: usize) -> Result<Tensor<f64>, QuantError> {
    let values = crate::ops::linear::constant(call, i)?;
    let mut shape = vec![1; rank.saturating_sub(1).max(1)];
    shape[0] = count;
    let shaped = values.clone().reshaped(shape);
    shaped.ok_or_else(|| call.refuse(format!("input {i} has {} values for {count} channels", values.len())))
}
