//! Shared by the family: attributes that are lists, which may be left out.

use crate::model::{Attribute, Constant};
use crate::quant::QuantError;

use crate::ops::Call;

/// Text, or its default.
pub(super) fn text<'c>(call: &'c Call<'_>, name: &str, default: &'static str) -> Result<&'c str, QuantError> {
    match call.node().attributes.get(name) {
        None => Ok(default),
        Some(Attribute::Text(text)) => Ok(text),
        Some(_) => Err(call.refuse(format!("attribute `{name}` is not text"))),
    }
}

/// Texts; none where the attribute is not given.
pub(super) fn texts<'c>(call: &'c Call<'_>, name: &str) -> Result<&'c [String], QuantError> {
    match call.node().attributes.get(name) {
        None => Ok(&[]),
        Some(Attribute::Texts(texts)) => Ok(texts),
        Some(Attribute::Ints(v)) if v.is_empty() => Ok(&[]),
        Some(_) => Err(call.refuse(format!("attribute `{name}` is not a list of texts"))),
    }
}

/// Integers, as a list or a tensor; none where the attribute is not given.
pub(super) fn ints<'c>(call: &'c Call<'_>, name: &str) -> Result<&'c [i64], QuantError> {
    match call.node().attributes.get(name) {
        None => Ok(&[]),
        Some(Attribute::Ints(v)) => Ok(v),
        Some(Attribute::Tensor(Constant::Int(t))) => Ok(t.data()),
        Some(_) => Err(call.refuse(format!("attribute `{name}` is not a list of integers"))),
    }
}

/// Real numbers, as a list or a tensor; none where the attribute is not given.
pub(super) fn reals<'c>(call: &'c Call<'_>, name: &str) -> Result<&'c [f64], QuantError> {
    match call.node().attributes.get(name) {
        None => Ok(&[]),
        Some(Attribute::Floats(v)) => Ok(v),
        Some(Attribute::Tensor(Constant::Real(t))) => Ok(t.data()),
        Some(_) => Err(call.refuse(format!("attribute `{name}` is not a list of floats"))),
    }
}

/// A list's element for feature `i`: lists of one element serve all.
pub(super) fn each(list: &[f64], i: usize, default: f64) -> f64 {
    match list {
        [] => default,
        [one] => *one,
        _ => list.get(i).copied().unwrap_or(default),
    }
}
