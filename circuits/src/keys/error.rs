//! What can be wrong with a structured reference string.

use std::path::PathBuf;

use super::{FileError, SrsDigest, SrsOrigin};

/// Why a structured reference string was refused.
#[derive(Debug, thiserror::Error)]
pub enum SrsError {
    /// `k` is outside the supported range.
    #[error("SRS size k = {got} is not supported: expected 1 to {max}")]
    Size {
        /// The largest accepted `k`.
        max: u32,
        /// The one asked for.
        got: u32,
    },
    /// The stored file cannot be read.
    #[error(transparent)]
    File(#[from] FileError),
    /// A stored file does not hold what its name says.
    #[error("{path}: SRS {what}: expected {expected}, got {got}")]
    Mismatch {
        /// The file.
        path: PathBuf,
        /// `k`, `origin` or `digest`.
        what: &'static str,
        /// What the name or the caller says.
        expected: String,
        /// What the file says.
        got: String,
    },
    /// No string of this origin is large enough.
    #[error("no {origin} SRS of at least 2^{k} points in {dir}; import a ceremony file first")]
    Missing {
        /// The origin asked for.
        origin: SrsOrigin,
        /// The size asked for.
        k: u32,
        /// The store's folder.
        dir: PathBuf,
    },
    /// The store already holds another ceremony.
    #[error("{dir} already holds a ceremony with digest {expected}, the file has {got}; use another folder")]
    OtherCeremony {
        /// The store's folder.
        dir: PathBuf,
        /// The digest in the store.
        expected: SrsDigest,
        /// The digest of the file.
        got: SrsDigest,
    },
    /// A ceremony's file has the wrong length for its `k`.
    #[error("ceremony file for k = {k}: expected {expected} bytes, got {got}")]
    CeremonyLength {
        /// `k` from the file's first four bytes.
        k: u32,
        /// The length that this `k` needs.
        expected: u64,
        /// The file's length.
        got: u64,
    },
    /// A ceremony's file has another size than expected.
    #[error("ceremony file: expected k = {expected}, got k = {got}")]
    CeremonyK {
        /// The `k` that the caller wants.
        expected: u32,
        /// The file's.
        got: u32,
    },
    /// A ceremony's point is not a point of the prime-order group, or is the identity.
    #[error("ceremony file: {part}[{index}] is not a valid point of the group")]
    Point {
        /// Which part of the file.
        part: &'static str,
        /// Index in that part.
        index: usize,
    },
    /// A ceremony's first point is not the generator.
    #[error("ceremony file: {part} does not start with the group's generator")]
    Generator {
        /// `G1` or `G2`.
        part: &'static str,
    },
    /// The powers are not powers of one secret.
    #[error("ceremony file: the powers in G1 do not match tau in G2 (pairing check failed)")]
    Pairing,
    /// The Lagrange points are not those of the powers.
    #[error("ceremony file: the Lagrange points do not match the powers")]
    Lagrange,
}
