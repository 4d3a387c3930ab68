//! The submitter: brings a proof onto the chain, once.
//!
//! A transaction is simulated, signed, stored, and only then sent. A stuck one is replaced on the same nonce
//! with a higher fee. A job is done when the watcher sees its answer, not when a receipt arrives.
//!
//! | file | what |
//! |---|---|
//! | `service.rs` | the stage: send, watch |
//! | `plan.rs` | which nonce and fees the next transaction takes |
//! | `revert.rs` | what a refusal of the contract means for the job |
//! | `error.rs` | what can go wrong |

mod error;
mod plan;
mod revert;
mod service;
#[cfg(test)]
mod tests;

pub use error::SubmitError;
pub use plan::{Slot, slot};
pub use service::Submitter;
