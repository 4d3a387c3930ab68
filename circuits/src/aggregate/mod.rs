//! Aggregation: one outer proof that an inner proof verifies, under a verifying key that is itself a witness.
//!
//! The outer circuit takes the inner key's commitments and `k` as witness, hashes them into `vkDigest` and exposes it, so
//! ONE outer key and ONE Solidity verifier serve all models of a shape. Maths and soundness: `docs/gadgets/aggregation.md`.
//!
//! Outer instance words: `12 accumulator limbs ‖ vkDigest ‖ inner words`.
//!
//! | file | subject |
//! |---|---|
//! | `inner` | inner proofs: Poseidon transcript, SHPLONK, native check |
//! | `digest` | `vkDigest`, natively and in the circuit |
//! | `sponge` | Poseidon over snark-verifier's scalars |
//! | `circuit` | the outer circuit |
//! | `key` | its shape, its key, and their file |
//! | `proof` | prove and verify |

mod circuit;
mod digest;
mod error;
mod inner;
mod key;
mod proof;
mod sponge;
#[cfg(test)]
mod tests;
#[cfg(test)]
pub(crate) mod toy;

pub use digest::{vk_digest, vk_message};
pub use error::AggregateError;
pub use inner::{InnerProof, inner_protocol, prove_inner, verify_inner};
pub use key::{AggregationKey, AggregationShape, keygen};
pub use proof::{AggregatedProof, prove, prove_unsound_without_inner_check, verify};
