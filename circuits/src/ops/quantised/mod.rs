//! Models that are quantised already: their integers are kept exactly, with the file's own scales.
//!
//! | file | what |
//! |---|---|
//! | `quantize_linear`, `dequantize_linear` | between reals and integers |
//! | `dynamic_quantize_linear` | to integers, by the range of the values |
//! | `matrix` | MatMulInteger, QLinearMatMul |
//! | `convolution` | ConvInteger, QLinearConv |
//! | `scales` | scales and zero points, of a tensor or along an axis |
//!
//! Sums of products with constant weights are free; what costs is rounding (see `quant/round.rs`).

mod convolution;
mod dequantize_linear;
mod dynamic_quantize_linear;
mod matrix;
mod quantize_linear;
mod scales;
#[cfg(test)]
mod tests;

use super::Op;

/// The family's ops, sorted by name.
pub(super) static OPS: &[&dyn Op] = &[
    &convolution::ConvInteger,
    &dequantize_linear::DequantizeLinear,
    &dynamic_quantize_linear::DynamicQuantizeLinear,
    &matrix::MatMulInteger,
    &convolution::QLinearConv,
    &matrix::QLinearMatMul,
    &quantize_linear::QuantizeLinear,
];
