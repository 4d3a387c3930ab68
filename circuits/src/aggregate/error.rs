//! What can go wrong in aggregation.

use crate::{evm::EvmError, keys::files::KeyError};

/// Why an aggregation step was refused.
#[derive(Debug, thiserror::Error)]
pub enum AggregateError {
    /// The inner circuit is not of the shape that the outer key was made for.
    #[error("inner circuit's shape: expected structure {expected}, got {got}")]
    Shape {
        /// The key's structure digest.
        expected: String,
        /// The inner proof's.
        got: String,
    },
    /// The number of inner words is not the shape's.
    #[error("inner words: expected {expected}, got {got}")]
    Words {
        /// The shape's.
        expected: usize,
        /// The given number.
        got: usize,
    },
    /// The inner proof has another length than its key makes.
    #[error("inner proof length: expected {expected} bytes, got {got}")]
    InnerLength {
        /// The key's proof length.
        expected: usize,
        /// The given one.
        got: usize,
    },
    /// The inner prover failed; with a satisfied witness it does not.
    #[error("inner proving failed: {0}")]
    InnerProve(String),
    /// The inner proof is malformed or false.
    #[error("inner proof refused: {0}")]
    InnerRejected(String),
    /// The SRS has not the size that the key needs.
    #[error("SRS size: expected k = {expected}, got k = {got}")]
    SrsSize {
        /// What the key needs.
        expected: u32,
        /// What was given.
        got: u32,
    },
    /// The SRS is of another setup than the key.
    #[error("SRS digest: the key was made with {expected}, got {got}")]
    SrsDigest {
        /// The key's.
        expected: String,
        /// The given one's.
        got: String,
    },
    /// The outer circuit does not fit, or its configuration is not the stock one.
    #[error("outer circuit: {0}")]
    Circuit(String),
    /// The accumulator's limbs do not make two points of the curve.
    #[error("accumulator malformed: {0}")]
    AccumulatorMalformed(String),
    /// The accumulator is well formed, but its pairing does not hold: the inner proof is false.
    #[error("accumulator refused: the inner proof's pairing does not hold")]
    AccumulatorFalse,
    /// The outer proof was refused.
    #[error("outer proof: {0}")]
    Outer(#[from] EvmError),
    /// The outer key's file was refused.
    #[error(transparent)]
    Key(#[from] KeyError),
}
