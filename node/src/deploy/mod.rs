//! Contracts onto a chain, and what is registered in them.

mod revert;

pub use revert::revert_reason;
