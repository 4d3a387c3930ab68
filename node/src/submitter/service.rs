//! The submitter's stage.

use std::sync::Arc;

use alloy::{
    primitives::{Address, B256, Bytes, U256},
    sol_types::SolCall,
};
use async_trait::async_trait;

use super::{SubmitError, plan, revert::verdict};
use crate::{
    bindings::IDodonaOracle::{self, SignedHeader, fulfilCall},
    chain::{
        Chain, ChainError,
        tx::{Draft, Fees, check_funds, sign},
    },
    collector::Collected,
    config::SubmitterConfig,
    deadline::chain_now,
    job::{Event, Job, State},
    prover::{ProvedAnswer, output_words},
    runtime::{Failure, Outcome, Stage, Wake, unix_now},
    store::{Store, StoreError, StoredTx, TxStatus, load_blob},
    wallet::Wallet,
};

/// Reverted transactions after which a job is given up: each costs gas.
const MOST_REVERTS: usize = 3;
/// Seconds until a submitted job is looked at again.
const LOOK_AGAIN: u64 = 2;
/// Seconds until an account without funds is looked at again.
const FUNDS_AGAIN: u64 = 30;

/// The submitter.
pub struct Submitter {
    /// The chain.
    pub chain: Arc<dyn Chain>,
    /// The store.
    pub store: Store,
    /// The account that pays gas.
    pub wallet: Wallet,
    /// Chain id.
    pub chain_id: u64,
    /// The oracle.
    pub oracle: Address,
    /// Blocks that must follow a reverted transaction before it is believed.
    pub confirmations: u64,
    /// Fees and patience.
    pub config: SubmitterConfig,
    /// Wakes the other stages.
    pub wake: Wake,
}

impl Submitter {
    /// Simulates, signs, stores and sends the answer of a proved job.
    async fn send(&self, job: &Job) -> Result<Outcome, SubmitFailure> {
        let data = match self.calldata(job).await? {
            Ok(data) => data,
            Err(back) => return Ok(Outcome::Done(back)),
        };
        let from = self.wallet.address();
        if let Err(error) = self.chain.call(from, self.oracle, data.clone()).await {
            return refused(error);
        }
        let gas = match self.chain.estimate_gas(from, Some(self.oracle), data.clone(), U256::ZERO).await {
            Ok(gas) => gas,
            Err(error) => return refused(error),
        };
        let gas = gas.saturating_add(gas / 100 * u64::from(self.config.gas_margin_percent));
        let draft = match self.draft(job, data, gas).await? {
            Ok(draft) => draft,
            Err(reason) => return Ok(Outcome::RetryIn(FUNDS_AGAIN, reason)),
        };
        self.dispatch(job, &draft).await
    }

    /// A transaction with nonce and fees, or why there can be none now.
    async fn draft(&self, job: &Job, data: Bytes, gas: u64) -> Result<Result<Draft, String>, SubmitFailure> {
        let from = self.wallet.address();
        let (mined, pending) = (self.chain.nonce(from).await?, self.chain.pending_nonce(from).await?);
        let (live, submitted) = self.store.call(move |s| Ok((s.live_txs(from)?, s.submitted_ids()?))).await?;
        let slot = plan::slot(job.id(), &live, |id| submitted.contains(&id), mined, pending);
        let head = self.chain.head().await?;
        let base = self.chain.header(head).await?.map_or(0, |h| h.base_fee);
        let most = self.config.max_fee_per_gas_wei;
        let first = Fees::first(base, self.config.priority_fee_wei, most);
        let fees = match slot.beat.map(|old| old.bumped(self.config.bump_percent, most)) {
            None => first,
            Some(Some(bumped)) => bumped.max(first),
            Some(None) => {
                return Ok(Err(format!(
                    "a replacement on nonce {} would offer more than {most} wei per gas",
                    slot.nonce
                )));
            }
        };
        if fees.max_fee < base {
            return Ok(Err(format!("the base fee is {base} wei per gas: expected at most {most}")));
        }
        let draft = Draft {
            chain_id: self.chain_id,
            nonce: slot.nonce,
            to: Some(self.oracle),
            data,
            value: U256::ZERO,
            gas,
            fees,
        };
        match check_funds(&*self.chain, from, &draft).await {
            Ok(()) => Ok(Ok(draft)),
            Err(error @ ChainError::Funds { .. }) => Ok(Err(error.to_string())),
            Err(error) => Err(error.into()),
        }
    }

    /// Signs, stores, and then sends.
    async fn dispatch(&self, job: &Job, draft: &Draft) -> Result<Outcome, SubmitFailure> {
        let (raw, hash) = sign(draft, &self.wallet)?;
        let stored = StoredTx {
            hash,
            job: job.id(),
            sender: self.wallet.address(),
            nonce: draft.nonce,
            raw: raw.clone(),
            max_fee: draft.fees.max_fee,
            priority_fee: draft.fees.priority,
            status: TxStatus::Live,
            created_at: unix_now(),
        };
        let version = job.version;
        match self.store.call(move |s| s.submit(version, &stored)).await {
            Ok(_) => {}
            Err(error @ (StoreError::Stale { .. } | StoreError::Transition(_))) => {
                tracing::info!(job = %job.id(), %error, "the job moved on, nothing is sent");
                return Ok(Outcome::Settled);
            }
            Err(error) => return Err(error.into()),
        }
        self.wake.all();
        tracing::info!(job = %job.id(), tx = %hash, nonce = draft.nonce, max_fee = draft.fees.max_fee, "sending");
        metrics::counter!("dodona_transactions_total").increment(1);
        self.hand_in(hash, &raw).await;
        Ok(Outcome::Settled)
    }

    /// Hands a stored transaction to the network. Whatever comes of it, the next look decides.
    async fn hand_in(&self, hash: B256, raw: &[u8]) {
        if let Err(error) = self.chain.send_raw(raw).await
            && !error.is_nonce_too_low()
        {
            tracing::warn!(tx = %hash, %error, "the network did not take the transaction now");
        }
    }

    /// Watches a submitted job.
    async fn watch(&self, job: &Job) -> Result<Outcome, SubmitFailure> {
        let id = job.id();
        let txs = self.store.call(move |s| s.txs_of(id)).await?;
        let head = self.chain.head().await?;
        for tx in txs.iter().filter(|t| t.status == TxStatus::Live) {
            let Some(receipt) = self.chain.receipt(tx.hash).await? else { continue };
            if receipt.success {
                return Ok(Outcome::RetryIn(
                    LOOK_AGAIN,
                    format!("mined in block {}, waiting for confirmations", receipt.block.number),
                ));
            }
            if head < receipt.block.number + self.confirmations {
                return Ok(Outcome::RetryIn(LOOK_AGAIN, "mined but reverted, waiting for confirmations".to_owned()));
            }
            return self.reverted(job, &txs, tx.hash).await;
        }
        if let Some(late) = self.passed(job).await? {
            return Ok(Outcome::Done(Event::Expired(late)));
        }
        let live: Vec<&StoredTx> = txs.iter().filter(|t| t.status == TxStatus::Live).collect();
        let Some(newest) = live.last() else {
            return self.abandon(job, "no transaction of this job can be mined any more".to_owned()).await;
        };
        if self.chain.nonce(self.wallet.address()).await? > newest.nonce {
            return self.displaced(job, newest.nonce).await;
        }
        if unix_now().saturating_sub(newest.created_at) >= self.config.bump_after_s {
            metrics::counter!("dodona_fee_bumps_total").increment(1);
            return self.send(job).await;
        }
        self.hand_in(newest.hash, &newest.raw).await;
        Ok(Outcome::RetryIn(LOOK_AGAIN, format!("waiting for transaction {}", newest.hash)))
    }

    /// The account's nonce is used but none of the job's transactions has a receipt: another one took it. A
    /// receipt may lag behind the nonce, so the second look in a row decides.
    async fn displaced(&self, job: &Job, nonce: u64) -> Result<Outcome, SubmitFailure> {
        let reason = format!("nonce {nonce} was used by another transaction");
        if job.reason.as_deref() == Some(reason.as_str()) {
            return self.abandon(job, reason).await;
        }
        Ok(Outcome::RetryIn(LOOK_AGAIN, reason))
    }

    async fn reverted(&self, job: &Job, txs: &[StoredTx], hash: B256) -> Result<Outcome, SubmitFailure> {
        self.store.call(move |s| s.set_tx_status(hash, TxStatus::Dead)).await?;
        let mut reverts = 1;
        for tx in txs.iter().filter(|t| t.status == TxStatus::Dead) {
            let receipt = self.chain.receipt(tx.hash).await?;
            reverts += usize::from(receipt.is_some_and(|r| !r.success));
        }
        if reverts >= MOST_REVERTS {
            return Ok(Outcome::Done(Event::Failed(format!("{reverts} transactions were mined and reverted"))));
        }
        self.abandon(job, format!("transaction {hash} was mined and reverted")).await
    }

    /// Takes the job back to its proof, so that a new transaction may be made.
    async fn abandon(&self, job: &Job, reason: String) -> Result<Outcome, SubmitFailure> {
        let (id, version) = (job.id(), job.version);
        tracing::warn!(job = %id, %reason, "submitting again");
        match self.store.call(move |s| s.abandon_txs(id, version, reason)).await {
            Ok(_) | Err(StoreError::Stale { .. }) => {
                self.wake.all();
                Ok(Outcome::Settled)
            }
            Err(error) => Err(error.into()),
        }
    }

    /// Whether the scanned chain is past the job's deadline, in words.
    async fn passed(&self, job: &Job) -> Result<Option<String>, SubmitFailure> {
        let Some(tip) = self.store.call(|s| s.tip()).await? else { return Ok(None) };
        let time = self.chain.header(tip.number).await?.map_or(0, |h| h.timestamp);
        let deadline = job.request.deadline;
        Ok((time > deadline).then(|| format!("not answered by {deadline}: block {} is of {time}", tip.number)))
    }

    /// Calldata of `fulfil`, or the event that takes the job back to where a lost artefact is made.
    async fn calldata(&self, job: &Job) -> Result<Result<Bytes, Event>, Failure> {
        let proved: ProvedAnswer = match load_blob(&self.store, job.proof, State::Inferred).await? {
            Ok(proved) => proved,
            Err(back) => return Ok(Err(back)),
        };
        let collected: Collected = match load_blob(&self.store, job.observations, State::Requested).await? {
            Ok(collected) => collected,
            Err(back) => return Ok(Err(back)),
        };
        let signed =
            |o: &crate::feed::Observation| SignedHeader { header: (&o.header).into(), signature: o.signature.clone() };
        let slot = IDodonaOracle::Slot {
            observations: collected.sources.iter().map(signed).collect(),
            publicWords: job.request.public_words.clone(),
            outputWords: output_words(&proved.answer),
        };
        let call = fulfilCall {
            ids: proved.binding.ids,
            mode: proved.binding.mode.code(),
            payee: proved.binding.payee,
            expiry: proved.binding.expiry,
            slots: vec![slot],
            proof: proved.proof.bytes,
        };
        Ok(Ok(call.abi_encode().into()))
    }
}

/// A failure of the stage on its way out of the helpers above.
struct SubmitFailure(Failure);

impl From<Failure> for SubmitFailure {
    fn from(failure: Failure) -> Self {
        Self(failure)
    }
}

macro_rules! from_submit_error {
    ($($source:ty),*) => {$(
        impl From<$source> for SubmitFailure {
            fn from(error: $source) -> Self {
                Self(SubmitError::from(error).into())
            }
        }
    )*};
}
from_submit_error!(ChainError, StoreError, crate::wallet::WalletError);

fn refused(error: ChainError) -> Result<Outcome, SubmitFailure> {
    match error {
        ChainError::Reverted { reason, data } => Ok(verdict(&data, &reason)),
        ChainError::Refused { message, .. } if message.to_lowercase().contains("insufficient funds") => {
            Ok(Outcome::RetryIn(FUNDS_AGAIN, format!("not enough funds for gas: {message}")))
        }
        other => Err(other.into()),
    }
}

#[async_trait]
impl Stage for Submitter {
    fn name(&self) -> &'static str {
        "submitter"
    }

    fn states(&self) -> &'static [State] {
        &[State::Submitted, State::Proved, State::Aggregated]
    }

    async fn work(&self, job: &Job) -> Result<Outcome, Failure> {
        if job.state == State::Submitted {
            return self.watch(job).await.map_err(|f| f.0);
        }
        let now = chain_now(&*self.chain).await.map_err(Failure::restart)?;
        let deadline = job.request.deadline;
        if now > deadline {
            let late = format!("too late: expected to deliver by {deadline}, got a proof at {now}");
            return Ok(Outcome::Done(Event::Expired(late)));
        }
        self.send(job).await.map_err(|f| f.0)
    }
}
