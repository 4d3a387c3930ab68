//! Results whose elements are elements of a value: the coordinates decide which.

use crate::model::tensor::elements;
use crate::quant::QuantError;

use crate::ops::{Call, Value};

/// Row-major index of coordinates; `None` when they lie outside `shape`.
pub(super) fn flat(at: &[usize], shape: &[usize]) -> Option<usize> {
    if at.len() != shape.len() {
        return None;
    }
    at.iter().zip(shape).try_fold(0usize, |sum, (&i, &size)| (i < size).then_some(sum * size + i))
}

/// `f` of the coordinates of every element of `shape`, in row-major order; `None` when there are too many elements.
pub(super) fn each<T>(shape: &[usize], mut f: impl FnMut(&[usize]) -> T) -> Option<Vec<T>> {
    let count = elements(shape)?;
    let mut at = vec![0; shape.len()];
    let mut results = Vec::with_capacity(count);
    for _ in 0..count {
        results.push(f(&at));
        for (i, &size) in at.iter_mut().zip(shape).rev() {
            *i += 1;
            if *i < size {
                break;
            }
            *i = 0;
        }
    }
    Some(results)
}

/// A tensor of `shape` whose element at coordinates `at` is the element of `value` at `source(at)`.
pub(super) fn moved(
    call: &Call<'_>,
    value: &Value,
    shape: &[usize],
    mut source: impl FnMut(&[usize]) -> Vec<usize>,
) -> Result<Value, QuantError> {
    let index = each(shape, |at| flat(&source(at), value.shape()));
    let index = index.ok_or_else(|| call.refuse(format!("a result of shape {shape:?} is too large")))?;
    let index: Option<Vec<usize>> = index.into_iter().collect();
    let picked = index.and_then(|index| value.picked(shape, &index));
    picked.ok_or_else(|| call.refuse("an index is out of range"))
}

/// As [`moved`], with the scalar `fill` where `source` gives nothing.
pub(super) fn moved_or(
    call: &Call<'_>,
    value: &Value,
    fill: &Value,
    shape: &[usize],
    mut source: impl FnMut(&[usize]) -> Option<Vec<usize>>,
) -> Result<Value, QuantError> {
    let last: usize = value.shape().iter().product();
    let index = each(shape, |at| source(at).map_or(Some(last), |from| flat(&from, value.shape())));
    let index = index.ok_or_else(|| call.refuse(format!("a result of shape {shape:?} is too large")))?;
    let index: Option<Vec<usize>> = index.into_iter().collect();
    let picked = index.zip(Value::chained(&[value, fill])).and_then(|(index, all)| all.picked(shape, &index));
    picked.ok_or_else(|| call.refuse("an index is out of range"))
}

/// An index, counted from the end when negative.
pub(super) fn wrapped(call: &Call<'_>, index: i64, size: usize) -> Result<usize, QuantError> {
    let from_end = if index < 0 { index.checked_add(size as i64) } else { Some(index) };
    let found = from_end.and_then(|i| usize::try_from(i).ok()).filter(|&i| i < size);
    found.ok_or_else(|| call.refuse(format!("index {index} is outside [-{size}, {size})")))
}
