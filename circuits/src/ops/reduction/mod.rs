//! Ops that make one value of many: along dimensions, or of several tensors.

mod groups;
mod reduce;
mod variadic;

pub(super) use groups::Groups;

use super::Op;

/// The family's ops, sorted by name.
pub(super) static OPS: &[&dyn Op] = &[
    &variadic::MAX,
    &variadic::MEAN,
    &variadic::MIN,
    &reduce::L1,
    &reduce::L2,
    &reduce::LOG_SUM,
    &reduce::LOG_SUM_EXP,
    &reduce::MAX,
    &reduce::MEAN,
    &reduce::MIN,
    &reduce::PROD,
    &reduce::SUM,
    &reduce::SUM_SQUARE,
    &variadic::SUM,
];
