//! Quantisation: scales, bounds, the integer program and its interpreter.

pub mod program;
