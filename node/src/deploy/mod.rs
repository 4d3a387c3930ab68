//! Contracts onto a chain, and what is registered in them.
//!
//! | file | what |
//! |---|---|
//! | `artifact.rs` | bytecode: forge's artifacts, generated verifiers through `compile.js` |
//! | `deployment.rs` | `deployment.json` |
//! | `contracts.rs` | the deployment itself |
//! | `register.rs` | feeds, publishers, models |
//! | `verify.rs` | what stands on chain against sources and files |
//! | `revert.rs` | revert data in words |
//! | `error.rs` | what can go wrong |

mod artifact;
mod contracts;
mod deployment;
mod error;
mod register;
mod revert;
#[cfg(test)]
mod tests;
mod verify;

pub use artifact::{Compiled, Runtime, compile_verifier, forge_artifact, forge_runtime};
pub use contracts::{DeployOptions, activate, deploy, deploy_aggregated};
pub use deployment::{Deployment, VerifierMeta};
pub use error::DeployError;
pub use register::{FeedTerms, ModelFiles, register_feed, register_model, rotate_publishers, shape_number};
pub use revert::revert_reason;
pub use verify::{Check, verify_aggregated, verify_contracts, verify_model};
