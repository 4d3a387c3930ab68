//! The chain behind a trait: what the stages need of JSON-RPC, no more.
//!
//! | file | what |
//! |---|---|
//! | `rpc.rs` | the trait over an HTTP endpoint, with retries |
//! | `tx.rs` | fees, signing, send-and-wait |
//! | `error.rs` | what can go wrong, by what the caller should do |
//! | `preflight.rs` | the checks at start: chain id, code at the addresses |
//! | `fake.rs` | a chain in memory, for tests |

mod error;
#[cfg(test)]
pub(crate) mod fake;
mod preflight;
mod rpc;
#[cfg(test)]
mod tests;
pub mod tx;

pub use error::ChainError;
pub use preflight::{check_chain, check_code};
pub use rpc::{RetryPolicy, RpcChain};

use alloy::{
    primitives::{Address, B256, Bytes, U256},
    sol_types::SolCall,
};
use async_trait::async_trait;

use crate::job::BlockId;

/// A block's header, as far as the node looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    /// Number and hash.
    pub id: BlockId,
    /// Hash of the block before it.
    pub parent: B256,
    /// Unix seconds.
    pub timestamp: u64,
    /// Base fee, wei per gas; 0 on chains without one.
    pub base_fee: u128,
}

/// A log with its place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChainLog {
    /// Block of the log.
    pub block: BlockId,
    /// Transaction of the log.
    pub tx: B256,
    /// Position in the block.
    pub index: u64,
    /// Topics and data.
    pub data: alloy::primitives::LogData,
}

/// A mined transaction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Receipt {
    /// Block of the transaction.
    pub block: BlockId,
    /// False if it reverted.
    pub success: bool,
    /// Gas used.
    pub gas_used: u64,
    /// wei per gas paid.
    pub gas_price: u128,
    /// Address of the contract that the transaction created, if it did.
    pub created: Option<Address>,
}

/// What the node needs of a chain. Methods without a block argument look at the newest block.
#[async_trait]
pub trait Chain: Send + Sync + 'static {
    /// Chain id.
    async fn chain_id(&self) -> Result<u64, ChainError>;
    /// Number of the newest block.
    async fn head(&self) -> Result<u64, ChainError>;
    /// Header of a canonical block; `None` if there is none of that number.
    async fn header(&self, number: u64) -> Result<Option<Header>, ChainError>;
    /// Logs of `address` with one of `topics` first, in blocks `from..=to`, in order.
    async fn logs(&self, address: Address, topics: &[B256], from: u64, to: u64) -> Result<Vec<ChainLog>, ChainError>;
    /// Code at an address; empty if there is none.
    async fn code(&self, address: Address) -> Result<Bytes, ChainError>;
    /// Result of a call that changes nothing. Reverts are [`ChainError::Reverted`].
    async fn call(&self, from: Address, to: Address, data: Bytes) -> Result<Bytes, ChainError>;
    /// Gas that a transaction would use.
    async fn estimate_gas(
        &self,
        from: Address,
        to: Option<Address>,
        data: Bytes,
        value: U256,
    ) -> Result<u64, ChainError>;
    /// Transactions of `account` that are mined.
    async fn nonce(&self, account: Address) -> Result<u64, ChainError>;
    /// Transactions of `account` that are mined or wait in the pool.
    async fn pending_nonce(&self, account: Address) -> Result<u64, ChainError>;
    /// Balance in wei.
    async fn balance(&self, account: Address) -> Result<U256, ChainError>;
    /// Hands a signed transaction to the network. Handing it in again is no error.
    async fn send_raw(&self, raw: &[u8]) -> Result<(), ChainError>;
    /// Receipt of a mined transaction.
    async fn receipt(&self, tx: B256) -> Result<Option<Receipt>, ChainError>;
}

/// Calls a view function and decodes its result.
///
/// # Errors
/// Those of [`Chain::call`], and [`ChainError::Decode`] if the result is of another form.
pub async fn view<C: SolCall>(chain: &dyn Chain, to: Address, call: &C) -> Result<C::Return, ChainError> {
    let out = chain.call(Address::ZERO, to, call.abi_encode().into()).await?;
    C::abi_decode_returns(&out).map_err(|e| ChainError::Decode { what: C::SIGNATURE.to_owned(), reason: e.to_string() })
}
