//! What can go wrong while publishing.

use std::path::PathBuf;

use alloy::primitives::B256;

use crate::{chain::ChainError, feed::SchemaError, runtime::Failure, wallet::WalletError};

/// Error of the publisher.
#[derive(Debug, thiserror::Error)]
pub enum PublishError {
    /// The database.
    #[error("the publisher's database failed: {0}")]
    Database(#[from] rusqlite::Error),
    /// A file.
    #[error("cannot use {}: {source}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The observations cannot be read.
    #[error("{}: not a file of observations: {reason}", path.display())]
    Parse {
        /// The file.
        path: PathBuf,
        /// Why.
        reason: String,
    },
    /// There is nothing to publish.
    #[error("{}: expected at least one observation of asset {asset}, got none", path.display())]
    Empty {
        /// The file.
        path: PathBuf,
        /// The asset, or "any".
        asset: String,
    },
    /// The schema or a value.
    #[error(transparent)]
    Schema(#[from] SchemaError),
    /// The registered feed is another one.
    #[error("feed {feed}, {field}: registered {expected}, got {got}")]
    Mismatch {
        /// The feed.
        feed: B256,
        /// What differs.
        field: &'static str,
        /// On chain.
        expected: String,
        /// Here.
        got: String,
    },
    /// The chain.
    #[error(transparent)]
    Chain(#[from] ChainError),
    /// The key.
    #[error(transparent)]
    Wallet(#[from] WalletError),
    /// The commitment.
    #[error("commitment: {0}")]
    Commitment(String),
    /// A stored row cannot be read.
    #[error("the publisher's database holds a row that this program cannot read: {0}")]
    Row(String),
    /// The address cannot be served on.
    #[error("cannot listen on {address}: {source}")]
    Listen {
        /// The address.
        address: std::net::SocketAddr,
        /// Why.
        source: std::io::Error,
    },
    /// The program is stopping.
    #[error("the publisher is closing")]
    Interrupted,
}

impl From<PublishError> for Failure {
    fn from(error: PublishError) -> Self {
        match error {
            PublishError::Chain(ref e) if e.is_transient() => Self::restart(error),
            PublishError::Database(_) | PublishError::Interrupted => Self::restart(error),
            _ => Self::fatal(error),
        }
    }
}
