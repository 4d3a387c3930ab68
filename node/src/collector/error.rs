//! Why an observation is refused.

use alloy::primitives::{Address, B256, U256};

use crate::{chain::ChainError, feed::HeaderError};

/// Reason to refuse one observation.
#[derive(Debug, thiserror::Error)]
pub enum Refusal {
    /// It is of another feed.
    #[error("feed: expected {expected}, got {got}")]
    Feed {
        /// Feed of the source.
        expected: B256,
        /// Feed in the header.
        got: B256,
    },
    /// It is another observation than the one asked for.
    #[error("sequence number: expected {expected}, got {got}")]
    Seq {
        /// Asked for.
        expected: u64,
        /// In the header.
        got: u64,
    },
    /// Its time is not its sequence number's.
    #[error("observedAt: expected seq × period = {expected}, got {got}")]
    ObservedAt {
        /// `seq × period`.
        expected: u64,
        /// In the header.
        got: u64,
    },
    /// Its time is outside what the request accepts.
    #[error("observedAt: expected {earliest} to {latest}, got {got}")]
    Window {
        /// Earliest accepted.
        earliest: u64,
        /// Latest accepted.
        latest: u64,
        /// In the header.
        got: u64,
    },
    /// The publisher no longer stood by it when the request was made.
    #[error("validUntil: expected at least {expected}, the time of the request, got {got}")]
    NoLongerValid {
        /// Time of the request.
        expected: u64,
        /// In the header.
        got: u64,
    },
    /// It has another number of values.
    #[error("values: expected {expected}, got {got}")]
    Length {
        /// By the feed's schema.
        expected: usize,
        /// Served.
        got: usize,
    },
    /// The commitment does not hide these values.
    #[error("commitment: the values and salt give {expected:#x}, the header says {got:#x}")]
    Commitment {
        /// Recomputed.
        expected: U256,
        /// In the header.
        got: U256,
    },
    /// The values or the salt cannot be committed to.
    #[error("commitment: {0}")]
    Values(String),
    /// The signature is malformed.
    #[error(transparent)]
    Signature(#[from] HeaderError),
    /// Somebody else signed.
    #[error("signature: expected one of {expected}, got one of {got}")]
    Signer {
        /// The publisher that the observation names.
        expected: Address,
        /// Account that signed.
        got: Address,
    },
    /// The feed registry refuses the header.
    #[error("the feed registry refuses it: {0}")]
    Registry(String),
    /// The chain cannot be asked.
    #[error(transparent)]
    Chain(ChainError),
}
