//! The collector's stage.

use std::{collections::BTreeMap, sync::Arc};

use alloy::primitives::{Address, B256};
use async_trait::async_trait;

use super::{Collected, Peer, PeerError, Refusal, Window, check};
use crate::{
    chain::Chain,
    deadline::Clock,
    engine::{Served, ServedModel, SourceSpec},
    feed::{Commitments, FeedDomain, Observation},
    job::{Event, Job, State},
    runtime::{Failure, Outcome, Stage},
    store::Store,
};

/// Most observation times looked at for one request.
const MOST_SEQS: usize = 16;

/// The collector.
pub struct Collector {
    /// The chain.
    pub chain: Arc<dyn Chain>,
    /// The store.
    pub store: Store,
    /// The models.
    pub served: Served,
    /// Domain of the feed registry.
    pub domain: FeedDomain,
    /// Poseidon.
    pub commitments: Arc<dyn Commitments>,
    /// The publishers, in order of preference.
    pub peers: Vec<Arc<dyn Peer>>,
    /// Time left and time needed.
    pub clock: Clock,
}

/// Why a publisher gave no good observation, and whether it can be reached at all.
struct Miss {
    reason: String,
    is_down: bool,
}

impl Collector {
    /// `wanted` observations of one feed, of one time, by distinct publishers; or why there are none.
    async fn quorum(
        &self,
        job: &Job,
        source: &SourceSpec,
        wanted: usize,
        ready_at: u64,
    ) -> Result<Vec<Observation>, String> {
        let window = Window::new(&job.request, source.period, ready_at);
        let mut reasons = Vec::new();
        // A publisher that cannot be reached is not asked again for every other time.
        let mut unreachable = vec![false; self.peers.len()];
        for seq in window.seqs(source.period, MOST_SEQS) {
            let mut found: BTreeMap<Address, Observation> = BTreeMap::new();
            for (peer, gone) in self.peers.iter().zip(&mut unreachable) {
                if *gone {
                    continue;
                }
                match self.fetch(&**peer, source, window, seq).await {
                    Ok((publisher, observation)) => {
                        found.entry(publisher).or_insert(observation);
                    }
                    Err(Miss { reason, is_down }) => {
                        *gone = is_down;
                        reasons.push(format!("{}, observation {seq}: {reason}", peer.name()));
                    }
                }
                if found.len() == wanted {
                    return Ok(found.into_values().collect());
                }
            }
            if !found.is_empty() {
                reasons.push(format!("observation {seq}: expected {wanted} distinct publishers, got {}", found.len()));
            }
        }
        reasons.truncate(8);
        let why =
            if reasons.is_empty() { "no observation time lies in the window".to_owned() } else { reasons.join("; ") };
        Err(format!(
            "feed {}: expected {wanted} good observation(s) from {} to {}, got too few: {why}",
            source.feed_id, window.earliest, window.latest
        ))
    }

    async fn fetch(
        &self,
        peer: &dyn Peer,
        source: &SourceSpec,
        window: Window,
        seq: u64,
    ) -> Result<(Address, Observation), Miss> {
        let observation = peer
            .observation(source.feed_id, seq)
            .await
            .map_err(|e| Miss { is_down: matches!(e, PeerError::Unreachable(_)), reason: e.to_string() })?;
        let checked = check(&*self.chain, &self.domain, &*self.commitments, source, window, seq, &observation).await;
        match checked {
            Ok(publisher) => Ok((publisher, observation)),
            Err(refusal) => {
                if !matches!(refusal, Refusal::Chain(_)) {
                    metrics::counter!("dodona_observations_refused_total").increment(1);
                    tracing::warn!(peer = peer.name(), seq, %refusal, "observation refused");
                }
                Err(Miss { is_down: false, reason: refusal.to_string() })
            }
        }
    }

    /// Observations for every source of the model, feed by feed.
    async fn collect(&self, job: &Job, model: &ServedModel, ready_at: u64) -> Result<Collected, String> {
        let mut by_feed: BTreeMap<B256, (&SourceSpec, usize)> = BTreeMap::new();
        for source in &model.sources {
            by_feed.entry(source.feed_id).or_insert((source, 0)).1 += 1;
        }
        let mut found = BTreeMap::new();
        for (feed, (source, wanted)) in by_feed {
            found.insert(feed, self.quorum(job, source, wanted, ready_at).await?.into_iter());
        }
        let next = |source: &SourceSpec| found.get_mut(&source.feed_id).and_then(Iterator::next);
        let sources: Option<Vec<_>> = model.sources.iter().map(next).collect();
        Ok(Collected { sources: sources.ok_or("fewer observations than sources")? })
    }
}

#[async_trait]
impl Stage for Collector {
    fn name(&self) -> &'static str {
        "collector"
    }

    fn states(&self) -> &'static [State] {
        &[State::Requested]
    }

    async fn work(&self, job: &Job) -> Result<Outcome, Failure> {
        let Some(model) = self.served.get(&job.request.model_id) else {
            return Ok(Outcome::Done(Event::Failed(format!("model {} is no longer served", job.request.model_id))));
        };
        let time = match self.clock.look(&*self.chain, job).await? {
            Ok(time) => time,
            Err(late) => return Ok(Outcome::Done(Event::Expired(late.to_string()))),
        };
        match self.collect(job, model, time.ready_at).await {
            Err(reason) => Ok(Outcome::Retry(reason)),
            Ok(collected) => {
                let bytes = serde_json::to_vec(&collected).map_err(Failure::fatal)?;
                let blob = self.store.call(move |s| s.blobs().put(&bytes)).await.map_err(Failure::restart)?;
                Ok(Outcome::Done(Event::Collected(blob)))
            }
        }
    }
}
