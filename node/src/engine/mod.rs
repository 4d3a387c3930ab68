//! The model behind a trait: what the stages need of the circuits.
//!
//! | file | what |
//! |---|---|
//! | `circuits.rs` | the implementation over `dodona-circuits` |
//! | `registry.rs` | the models of this node: engine, and the spec on chain |

mod circuits;
#[cfg(test)]
pub(crate) mod fake;
mod registry;

pub use circuits::{CircuitEngine, Poseidon};
pub use registry::{ModelError, Served, ServedModel, SourceSpec};

use alloy::primitives::U256;
use serde::{Deserialize, Serialize};

use crate::{feed::Observation, job::Mode};

/// Answer of the integer interpreter for one slot.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SlotAnswer {
    /// Signed fixed-point outputs.
    pub outputs: Vec<i64>,
    /// No input was clamped to the declared domain.
    pub in_domain: bool,
    /// Nothing saturated inside.
    pub unsaturated: bool,
}

/// A proof that this node has verified.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Proof {
    /// Instance words of the statement, context first.
    pub words: Vec<U256>,
    /// What the contract takes as `proof`: the proof, after 12 accumulator limbs if aggregated.
    pub bytes: alloy::primitives::Bytes,
    /// Digest of the inner key, if aggregated.
    pub vk_digest: Option<U256>,
}

/// Error of the circuits, in words.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("{0}")]
pub struct EngineError(pub String);

/// One loaded model. Calls block for as long as they compute.
pub trait Engine: Send + Sync {
    /// Runs the integer interpreter on one slot; sources in the model's order.
    ///
    /// # Errors
    /// [`EngineError`].
    fn infer(&self, sources: &[Observation]) -> Result<SlotAnswer, EngineError>;

    /// Proves one slot under `context` and verifies the proof.
    ///
    /// # Errors
    /// [`EngineError`], also when the proof that was made does not verify.
    fn prove(&self, mode: Mode, context: U256, sources: &[Observation]) -> Result<Proof, EngineError>;
}
