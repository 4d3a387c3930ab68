//! Arithmetic, comparisons and logic, element by element, with broadcasting.

mod add;
mod clip;
mod div;
mod mul;
mod pointwise;
mod sub;

pub(in crate::ops) use pointwise::{binary, unary};

use super::Op;

/// The family's ops, sorted by name.
pub(super) static OPS: &[&dyn Op] = &[&add::Add, &clip::Clip, &div::Div, &mul::Mul, &sub::Sub];
