//! EIP-1559 transactions: fees, signing, and a plain send-and-wait for commands.

use std::time::Duration;

use alloy::{
    consensus::{SignableTransaction, TxEip1559, TxEnvelope},
    eips::eip2718::Encodable2718,
    primitives::{Address, B256, Bytes, TxKind, U256},
};

use super::{Chain, ChainError, Receipt};
use crate::wallet::{Wallet, WalletError};

/// What a transaction offers for gas, wei per gas.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fees {
    /// `maxFeePerGas`.
    pub max_fee: u128,
    /// `maxPriorityFeePerGas`.
    pub priority: u128,
}

impl Fees {
    /// Twice the base fee and the tip, at most `most`.
    pub fn first(base_fee: u128, tip: u128, most: u128) -> Self {
        let max_fee = base_fee.saturating_mul(2).saturating_add(tip).min(most);
        Self { max_fee, priority: tip.min(max_fee) }
    }

    /// `percent` more on both, rounded up; `None` if that would exceed `most`.
    pub fn bumped(self, percent: u32, most: u128) -> Option<Self> {
        let up = |fee: u128| fee.saturating_add((fee.saturating_mul(u128::from(percent))).div_ceil(100).max(1));
        let next = Self { max_fee: up(self.max_fee), priority: up(self.priority) };
        (next.max_fee <= most).then_some(next)
    }

    /// The larger of each.
    pub fn max(self, other: Self) -> Self {
        Self { max_fee: self.max_fee.max(other.max_fee), priority: self.priority.max(other.priority) }
    }
}

/// A transaction before it is signed.
#[derive(Clone, Debug)]
pub struct Draft {
    /// Chain id.
    pub chain_id: u64,
    /// Account nonce.
    pub nonce: u64,
    /// Receiver; `None` creates a contract.
    pub to: Option<Address>,
    /// Calldata or creation code.
    pub data: Bytes,
    /// wei sent along.
    pub value: U256,
    /// Gas limit.
    pub gas: u64,
    /// Fees.
    pub fees: Fees,
}

/// Signs a draft; returns its bytes and hash.
///
/// # Errors
/// [`WalletError::Sign`].
pub fn sign(draft: &Draft, wallet: &Wallet) -> Result<(Vec<u8>, B256), WalletError> {
    let tx = TxEip1559 {
        chain_id: draft.chain_id,
        nonce: draft.nonce,
        gas_limit: draft.gas,
        max_fee_per_gas: draft.fees.max_fee,
        max_priority_fee_per_gas: draft.fees.priority,
        to: draft.to.map_or(TxKind::Create, TxKind::Call),
        value: draft.value,
        access_list: alloy::eips::eip2930::AccessList::default(),
        input: draft.data.clone(),
    };
    let signature = wallet.sign(tx.signature_hash())?;
    let envelope = TxEnvelope::from(tx.into_signed(signature));
    Ok((envelope.encoded_2718(), *envelope.tx_hash()))
}

/// Refuses if the account cannot pay for a transaction at its highest price.
///
/// # Errors
/// [`ChainError::Funds`].
pub async fn check_funds(chain: &dyn Chain, account: Address, draft: &Draft) -> Result<(), ChainError> {
    let cost = U256::from(draft.gas).saturating_mul(U256::from(draft.fees.max_fee)).saturating_add(draft.value);
    let got = chain.balance(account).await?;
    if got >= cost {
        return Ok(());
    }
    Err(ChainError::Funds { account, expected: cost.to_string(), got: got.to_string() })
}

/// Why a command's transaction did not succeed.
#[derive(Debug, thiserror::Error)]
pub enum SendError {
    /// The chain.
    #[error(transparent)]
    Chain(#[from] ChainError),
    /// The key.
    #[error(transparent)]
    Wallet(#[from] WalletError),
    /// It was mined and reverted.
    #[error("transaction {0} was mined and reverted")]
    Reverted(B256),
    /// It was not mined.
    #[error("transaction {hash} was not mined within {seconds} s")]
    NotMined {
        /// Its hash.
        hash: B256,
        /// Time waited.
        seconds: u64,
    },
}

/// An account that commands send from: one transaction at a time, waiting for each.
pub struct Account<'a> {
    /// The chain.
    pub chain: &'a dyn Chain,
    /// The key.
    pub wallet: &'a Wallet,
    /// Tip, wei per gas.
    pub tip: u128,
    /// Longest wait for a transaction.
    pub patience: Duration,
}

impl Account<'_> {
    /// Sends one transaction and waits until it is mined.
    ///
    /// # Errors
    /// [`SendError`].
    pub async fn send(&self, to: Option<Address>, data: Bytes, value: U256) -> Result<(B256, Receipt), SendError> {
        let from = self.wallet.address();
        let gas = self.chain.estimate_gas(from, to, data.clone(), value).await?;
        let head = self.chain.head().await?;
        let base = self.chain.header(head).await?.map_or(0, |h| h.base_fee);
        let draft = Draft {
            chain_id: self.chain.chain_id().await?,
            nonce: self.chain.pending_nonce(from).await?,
            to,
            data,
            value,
            gas: gas.saturating_add(gas / 5),
            fees: Fees::first(base, self.tip, u128::MAX),
        };
        check_funds(self.chain, from, &draft).await?;
        let (raw, hash) = sign(&draft, self.wallet)?;
        self.chain.send_raw(&raw).await?;
        let receipt = self.wait(hash).await?;
        if receipt.success { Ok((hash, receipt)) } else { Err(SendError::Reverted(hash)) }
    }

    async fn wait(&self, hash: B256) -> Result<Receipt, SendError> {
        let until = tokio::time::Instant::now() + self.patience;
        loop {
            if let Some(receipt) = self.chain.receipt(hash).await? {
                return Ok(receipt);
            }
            if tokio::time::Instant::now() >= until {
                return Err(SendError::NotMined { hash, seconds: self.patience.as_secs() });
            }
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    }
}
