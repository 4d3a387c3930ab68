//! The prover's stage.

use std::{sync::Arc, time::Instant};

use alloy::primitives::{Address, U256};
use async_trait::async_trait;

use super::{Binding, ProvedAnswer, context, output_words};
use crate::{
    chain::Chain,
    collector::Collected,
    deadline::Clock,
    engine::{EngineError, Proof, Served, SlotAnswer},
    job::{Event, Job, Mode, State},
    runtime::{Failure, Outcome, Stage},
    store::{Store, load_blob},
};

/// The prover.
pub struct Prover {
    /// The chain, for the time.
    pub chain: Arc<dyn Chain>,
    /// The store.
    pub store: Store,
    /// The models.
    pub served: Served,
    /// Time left and time needed.
    pub clock: Clock,
    /// Chain of the oracle.
    pub chain_id: u64,
    /// The oracle.
    pub oracle: Address,
    /// Account that is paid.
    pub payee: Address,
}

impl Prover {
    async fn prove(&self, job: &Job, collected: Collected, answer: SlotAnswer) -> Result<Outcome, Failure> {
        let (id, mode) = (job.request.model_id, job.request.mode);
        let binding = Binding {
            chain_id: self.chain_id,
            oracle: self.oracle,
            mode,
            ids: vec![job.id()],
            payee: self.payee,
            expiry: job.request.deadline,
        };
        let (served, word) = (self.served.clone(), context(&binding));
        let sources = collected.sources.clone();
        let begun = Instant::now();
        let run = move || served.get(&id).map(|m| (m.engine.prove(mode, word, &sources), m.vk_digest));
        let made = tokio::task::spawn_blocking(run).await.map_err(Failure::restart)?;
        let seconds = begun.elapsed().as_secs_f64();
        let Some((proof, vk_digest)) = made else {
            return Ok(Outcome::Done(Event::Failed(format!("model {id} is no longer served"))));
        };
        let proof = match proof.and_then(|p| check(p, mode, word, vk_digest, &collected, &answer)) {
            Ok(proof) => proof,
            Err(error) => return Ok(Outcome::Done(Event::Failed(format!("proving: {error}")))),
        };
        metrics::histogram!("dodona_prove_seconds", "mode" => mode.name()).record(seconds);
        tracing::info!(job = %job.id(), mode = mode.name(), seconds, bytes = proof.bytes.len(), "proved and verified");
        let bytes = serde_json::to_vec(&ProvedAnswer { binding, answer, proof, seconds }).map_err(Failure::fatal)?;
        let write = move |s: &Store| {
            s.record_timing(&Clock::timing(id, mode), seconds)?;
            s.blobs().put(&bytes)
        };
        let blob = self.store.call(write).await.map_err(Failure::restart)?;
        Ok(Outcome::Done(Event::Proved(blob)))
    }
}

/// The statement that was proved must be the one that the contract will put together.
fn check(
    proof: Proof,
    mode: Mode,
    context: U256,
    vk_digest: U256,
    collected: &Collected,
    answer: &SlotAnswer,
) -> Result<Proof, EngineError> {
    let mut expected = vec![context];
    expected.extend(collected.sources.iter().map(|s| U256::from_be_bytes(s.header.commitment.0)));
    expected.extend(output_words(answer));
    if mode == Mode::Aggregated {
        expected.resize(expected.len().max(proof.words.len()), U256::ZERO);
        let got = proof.vk_digest.unwrap_or_default();
        if got != vk_digest {
            return Err(EngineError(format!("key digest: expected the registered {vk_digest:#x}, got {got:#x}")));
        }
    }
    if proof.words == expected {
        Ok(proof)
    } else {
        Err(EngineError(format!("instance words: expected {expected:x?}, got {:x?}", proof.words)))
    }
}

#[async_trait]
impl Stage for Prover {
    fn name(&self) -> &'static str {
        "prover"
    }

    fn states(&self) -> &'static [State] {
        &[State::Inferred]
    }

    async fn work(&self, job: &Job) -> Result<Outcome, Failure> {
        if let Err(late) = self.clock.look(&*self.chain, job).await? {
            return Ok(Outcome::Done(Event::Expired(late.to_string())));
        }
        let collected = match load_blob(&self.store, job.observations, State::Requested).await? {
            Ok(collected) => collected,
            Err(back) => return Ok(Outcome::Done(back)),
        };
        let answer = match load_blob(&self.store, job.answer, State::Collected).await? {
            Ok(answer) => answer,
            Err(back) => return Ok(Outcome::Done(back)),
        };
        self.prove(job, collected, answer).await
    }
}
