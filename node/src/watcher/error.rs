//! What can go wrong while watching.

use crate::{chain::ChainError, job::BlockId, runtime::Failure, store::StoreError};

/// Error of the watcher.
#[derive(Debug, thiserror::Error)]
pub enum WatchError {
    /// The chain.
    #[error(transparent)]
    Chain(#[from] ChainError),
    /// The store.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The chain changed while a range was read: read it again.
    #[error("the chain changed while blocks were read: expected {expected:?} at block {}, got {got:?}", at.number)]
    Moved {
        /// The block.
        at: BlockId,
        /// Hash that was expected.
        expected: alloy::primitives::B256,
        /// Hash found.
        got: alloy::primitives::B256,
    },
    /// A block that should exist does not.
    #[error("the RPC endpoint has no block {number} although its head is {head}")]
    NoBlock {
        /// The block.
        number: u64,
        /// Reported head.
        head: u64,
    },
    /// A log cannot be decoded: the contract is not the one that this program knows.
    #[error("log {index} of block {block} is not an event of IDodonaOracle: {reason}")]
    BadLog {
        /// Block of the log.
        block: u64,
        /// Position.
        index: u64,
        /// Why.
        reason: String,
    },
}

impl From<WatchError> for Failure {
    fn from(error: WatchError) -> Self {
        match error {
            WatchError::Chain(ChainError::OtherChain { .. } | ChainError::NoCode { .. })
            | WatchError::BadLog { .. }
            | WatchError::Store(StoreError::OtherDeployment { .. } | StoreError::Version { .. }) => Self::fatal(error),
            _ => Self::restart(error),
        }
    }
}
