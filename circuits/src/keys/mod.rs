//! The structured reference string (SRS) and the key files.
//!
//! | file | subject |
//! |---|---|
//! | `srs` | [`Srs`]: the string with its origin and digest |
//! | `dev` | the insecure deterministic string for development |
//! | `ceremony` | import of a ceremony's file, checked by pairing |
//! | `store` | [`SrsStore`]: one checksummed file for each `k` and origin |
//! | `files` | versioned key files: a wrong one is refused by name |
//! | `codec` | checksummed, atomically written files: what `store` and `files` share |

mod ceremony;
mod codec;
mod dev;
mod error;
pub mod files;
mod srs;
mod store;

pub use codec::FileError;
pub use error::SrsError;
pub use srs::{MAX_K, Srs, SrsDigest, SrsOrigin, srs_digest};
pub use store::SrsStore;

/// Receives the progress of a long step. Implementations must be cheap: they are called from worker threads.
pub trait Progress: Sync {
    /// `done` of `total` units of `stage` are finished; a stage starts with `done = 0` and ends with `done = total`.
    fn step(&self, stage: &str, done: u64, total: u64);
}

/// Ignores all progress.
#[derive(Clone, Copy, Debug, Default)]
pub struct Silent;

impl Progress for Silent {
    fn step(&self, _stage: &str, _done: u64, _total: u64) {}
}
