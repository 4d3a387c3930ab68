//! Ops that depend on the order of values: positions of extremes, sorting.

mod arg_max;
mod top_k;

use super::Op;

/// The family's ops, sorted by name.
pub(super) static OPS: &[&dyn Op] = &[&arg_max::Arg::MAX, &arg_max::Arg::MIN, &top_k::TopK];
