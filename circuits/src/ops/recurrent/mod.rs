//! Recurrent layers, unrolled: every step of the sequence becomes steps of the program.
//!
//! | file | what |
//! |---|---|
//! | `gru`, `lstm`, `rnn` | one cell each |
//! | `sequence` | inputs, directions, layouts and outputs, which the three share |
//! | `activation` | the functions inside a cell |
//!
//! Sums of products and gates: see [`crate::quant::gate`].

mod activation;
mod gru;
mod lstm;
mod rnn;
mod sequence;
#[cfg(test)]
mod tests;

use super::Op;

/// The family's ops, sorted by name.
pub(super) static OPS: &[&dyn Op] = &[&gru::Gru, &lstm::Lstm, &rnn::Rnn];
