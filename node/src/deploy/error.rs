//! What can go wrong while deploying and registering.

use std::path::PathBuf;

use crate::chain::{ChainError, tx::SendError};

/// Error of a deployment or registration.
#[derive(Debug, thiserror::Error)]
pub enum DeployError {
    /// A file.
    #[error("cannot use {}: {source}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// A file has another form.
    #[error("{}: expected {expected}, got {got}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What it should be.
        expected: &'static str,
        /// What is wrong.
        got: String,
    },
    /// The Solidity compiler refused.
    #[error("the Solidity compiler failed on {}: {reason}", path.display())]
    Compiler {
        /// The source.
        path: PathBuf,
        /// Its last words.
        reason: String,
    },
    /// A value of the model cannot be registered.
    #[error("{what}: expected {expected}, got {got}")]
    Value {
        /// What.
        what: &'static str,
        /// What is allowed.
        expected: String,
        /// What was found.
        got: String,
    },
    /// The chain.
    #[error(transparent)]
    Chain(#[from] ChainError),
    /// A transaction.
    #[error("{what}: {source}")]
    Send {
        /// What was sent.
        what: String,
        /// Why it failed.
        source: SendError,
    },
}
