//! Rows of matrix steps, checked by a random linear combination or multiplied out: which is cheaper.
//!
//! Both are functions of the step alone, so that keygen and prover choose alike.

use crate::quant::program::{Block, LANES, MatMul, OPERANDS};

/// Rows of a block when every vector is multiplied out.
pub fn plain_block_rows(block: &Block) -> usize {
    let groups = block.lanes.len().div_ceil(LANES);
    block.vectors() * (groups * (block.width + 1).div_ceil(OPERANDS) + block.lanes.len())
}

/// Rows of a block under one check.
pub fn checked_block_rows(block: &Block) -> usize {
    let (vectors, groups) = (block.vectors(), block.lanes.len().div_ceil(LANES));
    let summand = vectors.max(groups).div_ceil(OPERANDS) + 1;
    vectors * (groups + block.lanes.len()) + (block.width + groups) * summand + 2
}

/// Whether the check is cheaper.
pub fn checked_block(block: &Block) -> bool {
    checked_block_rows(block) < plain_block_rows(block)
}

/// Rows of a product of two matrices of wires when every element is multiplied out.
pub fn plain_matmul_rows(product: &MatMul) -> usize {
    let (m, n) = product.size();
    let bias = usize::from(product.bias != 0);
    m * n * (product.inner.div_ceil(2) + bias + 1)
}

/// Rows of such a product under one check.
pub fn checked_matmul_rows(product: &MatMul) -> usize {
    let (m, n) = product.size();
    let groups = n.div_ceil(LANES);
    let live = m.div_ceil(OPERANDS) + groups * LANES.div_ceil(OPERANDS) + 1;
    m * (groups + n) + product.inner * live + groups * (m.max(groups).div_ceil(OPERANDS) + 1) + 2
}

/// Whether the check is cheaper.
pub fn checked_matmul(product: &MatMul) -> bool {
    checked_matmul_rows(product) < plain_matmul_rows(product)
}
