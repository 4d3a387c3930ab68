//! What can go wrong while submitting.

use crate::{chain::ChainError, runtime::Failure, store::StoreError, wallet::WalletError};

/// Error of the submitter.
#[derive(Debug, thiserror::Error)]
pub enum SubmitError {
    /// The chain.
    #[error(transparent)]
    Chain(#[from] ChainError),
    /// The store.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The key.
    #[error(transparent)]
    Wallet(#[from] WalletError),
}

impl From<SubmitError> for Failure {
    fn from(error: SubmitError) -> Self {
        match error {
            SubmitError::Wallet(_) => Self::fatal(error),
            _ => Self::restart(error),
        }
    }
}
