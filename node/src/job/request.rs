//! The request as the chain has it.

use alloy::primitives::{Address, B256, U256};
use serde::{Deserialize, Serialize};

use super::State;

/// How an answer is proven.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Mode {
    /// The inner proof, checked by the model's own verifier: 0 on chain.
    Direct,
    /// The aggregated proof, checked by the one verifier of the shape: 1 on chain.
    Aggregated,
}

impl Mode {
    /// Name as stored and served.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Direct => "direct",
            Self::Aggregated => "aggregated",
        }
    }

    /// Number as in the contracts.
    pub const fn code(self) -> u8 {
        match self {
            Self::Direct => 0,
            Self::Aggregated => 1,
        }
    }

    /// The mode with this number.
    pub const fn from_code(code: u8) -> Option<Self> {
        match code {
            0 => Some(Self::Direct),
            1 => Some(Self::Aggregated),
            _ => None,
        }
    }

    /// State of a job of this mode whose proof is stored.
    pub const fn proved(self) -> State {
        match self {
            Self::Direct => State::Proved,
            Self::Aggregated => State::Aggregated,
        }
    }
}

/// A request, from its `Requested` event. Times are Unix seconds, the fee is in wei.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Request {
    /// Identifier: keccak of chain, oracle, requester, nonce and parameters.
    pub id: B256,
    /// Model that is asked.
    pub model_id: B256,
    /// Account that asked.
    pub requester: Address,
    /// How the answer must be proven.
    pub mode: Mode,
    /// Escrowed fee.
    pub fee: U256,
    /// Time of the request's block.
    pub created_at: u64,
    /// Last second at which an answer is accepted.
    pub deadline: u64,
    /// Seconds that the observation may be older than the request.
    pub max_data_age: u64,
    /// Seconds that the observation may be old when delivered; 0 = no limit.
    pub max_delivery_age: u64,
    /// The first observation after the request is good too.
    pub allow_later: bool,
    /// Gas that the callback must be given.
    pub callback_gas_limit: u32,
    /// Version of the verifier in the router.
    pub verifier_version: u32,
    /// Packed words of all public sources.
    pub public_words: Vec<U256>,
}
