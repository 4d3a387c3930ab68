//! Ops that only move values: wires, no rows.

mod cast;
mod concat;
mod constant;
mod dropout;
mod flatten;
mod identity;
mod reshape;
mod squeeze;
mod transpose;
mod unsqueeze;

use super::Op;

/// The family's ops, sorted by name.
pub(super) static OPS: &[&dyn Op] = &[
    &cast::Cast,
    &concat::Concat,
    &constant::Constant,
    &dropout::Dropout,
    &flatten::Flatten,
    &identity::Identity,
    &reshape::Reshape,
    &squeeze::Squeeze,
    &transpose::Transpose,
    &unsqueeze::Unsqueeze,
];
