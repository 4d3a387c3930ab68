//! What can go wrong in the store.

use std::path::PathBuf;

use alloy::primitives::B256;

use crate::job::TransitionError;

/// Error of the store.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The database refused.
    #[error("the store's database failed: {0}")]
    Database(#[from] rusqlite::Error),
    /// A file could not be read or written.
    #[error("cannot use {}: {source}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The database has another schema.
    #[error("{}: expected store schema version {expected}, got {got}", path.display())]
    Version {
        /// The database.
        path: PathBuf,
        /// Version of this program.
        expected: i64,
        /// Version found.
        got: i64,
    },
    /// The store belongs to another deployment.
    #[error("the store was made for another deployment: expected {expected}, got {got}; use another data directory")]
    OtherDeployment {
        /// What the store was made for.
        expected: String,
        /// What the node is configured for.
        got: String,
    },
    /// No job has this id.
    #[error("the store has no job {0}")]
    NoJob(B256),
    /// The job changed while a stage worked on it; the stage's result is dropped.
    #[error("job {id} changed meanwhile: expected version {expected}, got {got}")]
    Stale {
        /// The job.
        id: B256,
        /// Version that the stage worked on.
        expected: u64,
        /// Version in the store.
        got: u64,
    },
    /// The state machine refused.
    #[error(transparent)]
    Transition(#[from] TransitionError),
    /// A row cannot be decoded.
    #[error("the store holds a row that this program cannot read: {0}")]
    Row(String),
    /// A blob is not there.
    #[error("blob {0} is missing from the store")]
    BlobMissing(B256),
    /// A blob's content is not what its name says.
    #[error("blob {expected} is damaged: its content has hash {got}")]
    BlobDamaged {
        /// Hash in the name.
        expected: B256,
        /// Hash of the content.
        got: B256,
    },
    /// A job has a live transaction on another nonce.
    #[error("job {job} already has a live transaction: expected nonce {expected}, got {got}")]
    SecondNonce {
        /// The job.
        job: B256,
        /// Nonce of the live transaction.
        expected: u64,
        /// Nonce of the new one.
        got: u64,
    },
    /// The program is stopping.
    #[error("the store is closing")]
    Interrupted,
}

impl StoreError {
    /// True if the content of the store, rather than the moment, is at fault: work the artefact out again.
    pub const fn is_bad_blob(&self) -> bool {
        matches!(self, Self::BlobMissing(_) | Self::BlobDamaged { .. })
    }
}
