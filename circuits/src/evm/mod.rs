//! Proofs for the EVM, the Solidity verifiers that check them, and the calldata between the two.
//!
//! | file | subject |
//! |---|---|
//! | `proof` | prove and verify with the Keccak transcript and SHPLONK |
//! | `verifier` | generation of the Solidity source, direct (one model) and aggregated (one shape) |
//! | `calldata` | the byte layouts of `docs/protocol.md`, "Proof bytes" |
//!
//! The sources must be compiled with the optimizer off: with it on, solc's wasm build runs out of memory.

mod calldata;
mod error;
mod proof;
mod verifier;

pub use calldata::{
    ACCUMULATOR_LIMBS, LIMB_BITS, Submission, aggregated_calldata, direct_calldata, word_from_bytes, word_to_bytes,
};
pub use error::EvmError;
pub use proof::{prove, verify};
pub use verifier::{Mode, VerifierSource, aggregated_verifier, direct_verifier, proof_length};
