//! Dot products: matrices, convolutions.

mod conv;
mod conv_transpose;
mod einsum;
mod gemm;
mod matmul;
mod pooled;
mod product;

pub(in crate::ops) use conv::constant;
pub(in crate::ops) use product::{batched, prepared};

use super::Op;

/// The family's ops, sorted by name.
pub(super) static OPS: &[&dyn Op] =
    &[&conv::Conv, &conv_transpose::ConvTranspose, &einsum::Einsum, &gemm::Gemm, &matmul::MatMul];
