//! The prover: proves the answer under the context that the contract will recompute, and verifies the proof
//! before anything is paid for it. In aggregated mode the engine aggregates in the same call.

mod context;
mod service;
#[cfg(test)]
mod tests;
mod types;

pub use context::{Binding, context};
pub use service::Prover;
pub use types::{ProvedAnswer, output_words};
