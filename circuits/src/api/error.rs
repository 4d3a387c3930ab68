//! What can go wrong with a model's folder.

use std::path::PathBuf;

use crate::aggregate::AggregateError;
use crate::evm::EvmError;
use crate::keys::SrsError;
use crate::keys::files::KeyError;
use crate::model::ModelError;
use crate::quant::QuantError;

/// Errors of the facade.
#[derive(Debug, thiserror::Error)]
pub enum ApiError {
    /// A file cannot be read or written.
    #[error("{path}: {source}")]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// A file is not what it should be.
    #[error("{path}: expected {expected}, got {got}")]
    File {
        /// The file.
        path: PathBuf,
        /// What was expected.
        expected: String,
        /// What was found.
        got: String,
    },
    /// No key has been made yet.
    #[error("{path} does not exist: make it with `dodona keys {dir}`")]
    NoKey {
        /// The key file.
        path: PathBuf,
        /// The model's folder.
        dir: PathBuf,
    },
    /// A recomputed value differs from the registered one.
    #[error("{what}: registered {expected}, recomputed {got}")]
    Digest {
        /// Which value.
        what: &'static str,
        /// As registered.
        expected: String,
        /// As recomputed.
        got: String,
    },
    /// An input file of neither form.
    #[error("input file: expected {expected}, got {got}")]
    Input {
        /// The forms.
        expected: &'static str,
        /// What the parser said.
        got: String,
    },
    /// A model whose program has no declared number of slots.
    #[error("slots: expected 1 to {max}, got {got}")]
    Slots {
        /// The largest number that fits the shape.
        max: usize,
        /// What was asked for.
        got: usize,
    },
    /// The model or its specification was refused.
    #[error(transparent)]
    Model(#[from] ModelError),
    /// Quantisation or interpretation failed.
    #[error(transparent)]
    Quant(#[from] QuantError),
    /// The circuit refused.
    #[error(transparent)]
    Inference(#[from] crate::inference::Error),
    /// The SRS was refused.
    #[error(transparent)]
    Srs(#[from] SrsError),
    /// A key file was refused.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// Aggregation failed.
    #[error(transparent)]
    Aggregate(#[from] AggregateError),
    /// A direct proof or a verifier failed.
    #[error(transparent)]
    Evm(#[from] EvmError),
}

pub(crate) fn io(path: &std::path::Path) -> impl FnOnce(std::io::Error) -> ApiError {
    let path = path.to_owned();
    move |source| ApiError::Io { path, source }
}
