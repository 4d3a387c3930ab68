//! What can go wrong on the way to the chain, by what the caller should do.

use alloy::primitives::{Address, Bytes};

/// Error of a chain request.
#[derive(Debug, thiserror::Error)]
pub enum ChainError {
    /// The endpoint cannot be reached, is too slow, or rate-limits, also after retries: try again later.
    #[error("the RPC endpoint {url} does not serve {method}: {reason} (after {tries} tries)")]
    Unavailable {
        /// Endpoint, without credentials.
        url: String,
        /// JSON-RPC method.
        method: &'static str,
        /// Last reason.
        reason: String,
        /// Times tried.
        tries: u32,
    },
    /// The endpoint answered with an error that repetition does not cure.
    #[error("the RPC endpoint refused {method}: {message} (code {code})")]
    Refused {
        /// JSON-RPC method.
        method: &'static str,
        /// JSON-RPC error code.
        code: i64,
        /// The endpoint's words.
        message: String,
    },
    /// The call or transaction reverts.
    #[error("the contract reverted: {reason}")]
    Reverted {
        /// Name and arguments of the contract's error, or its bytes.
        reason: String,
        /// Revert data.
        data: Bytes,
    },
    /// The account cannot pay for the transaction.
    #[error("not enough funds for gas in {account}: expected at least {expected} wei, got {got} wei")]
    Funds {
        /// The account.
        account: Address,
        /// wei that the transaction may cost.
        expected: String,
        /// wei in the account.
        got: String,
    },
    /// The answer has another form.
    #[error("cannot read the answer to {what}: {reason}")]
    Decode {
        /// Method or function.
        what: String,
        /// Why.
        reason: String,
    },
    /// The endpoint serves another chain.
    #[error("the RPC endpoint serves another chain: expected chain id {expected}, got {got}")]
    OtherChain {
        /// Configured.
        expected: u64,
        /// Reported.
        got: u64,
    },
    /// There is no contract at an address.
    #[error("no contract at the address of {name}: expected code at {address}, got none")]
    NoCode {
        /// What should be there.
        name: &'static str,
        /// The address.
        address: Address,
    },
}

impl ChainError {
    /// True if the same request may succeed later.
    pub const fn is_transient(&self) -> bool {
        matches!(self, Self::Unavailable { .. } | Self::Funds { .. })
    }

    /// True if a node refused the transaction because its nonce is used up.
    pub fn is_nonce_too_low(&self) -> bool {
        matches!(self, Self::Refused { message, .. } if message.to_lowercase().contains("nonce too low"))
    }

    /// True if a node refused the transaction because a replacement must pay more.
    pub fn is_underpriced(&self) -> bool {
        matches!(self, Self::Refused { message, .. } if message.to_lowercase().contains("underpriced"))
    }

    /// True if the endpoint wants a smaller range of blocks.
    pub fn is_range_refused(&self) -> bool {
        let Self::Refused { message, code, method } = self else { return false };
        let text = message.to_lowercase();
        *method == "eth_getLogs"
            && (*code == -32005
                || ["range", "too many", "limit", "exceed", "more than"].iter().any(|w| text.contains(w)))
    }
}
