//! The inference stage: runs the integer interpreter on the collected observations.
//!
//! It is separate from the prover so that the answer is known, logged and servable before the costly part,
//! and so that a proof is checked against an answer made without it.

mod service;

pub use service::Inference;
