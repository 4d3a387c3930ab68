//! Dot products: matrices, convolutions.

mod gemm;
mod matmul;
mod product;

use super::Op;

/// The family's ops, sorted by name.
pub(super) static OPS: &[&dyn Op] = &[&gemm::Gemm, &matmul::MatMul];
