//! The watcher's loop.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use alloy::primitives::Address;
use async_trait::async_trait;

use super::{
    WatchError,
    decode::{TOPICS, sighting},
};
use crate::{
    chain::{Chain, ChainError, ChainLog, check_chain, check_code},
    engine::Served,
    job::BlockId,
    runtime::{Failure, Service, Stop, Wake, unix_now},
    store::Store,
};

/// In ranges up to this many blocks every block's hash is stored; in longer ones (catching up) only the last
/// and those with events.
const DENSE: u64 = 32;

/// What the watcher is told.
#[derive(Clone, Debug)]
pub struct WatchConfig {
    /// Chain id that the endpoint must report.
    pub chain_id: u64,
    /// The oracle.
    pub oracle: Address,
    /// Account that this node is paid on.
    pub payee: Address,
    /// First block to look at when the store is new.
    pub start_block: u64,
    /// Blocks that must follow a block before it is read.
    pub confirmations: u64,
    /// Most blocks in one request.
    pub max_range: u64,
    /// Time between two looks.
    pub poll: Duration,
}

/// The watcher.
pub struct Watcher {
    chain: Arc<dyn Chain>,
    store: Store,
    served: Served,
    config: WatchConfig,
    wake: Wake,
    /// Unix seconds of the last successful look, for the health check.
    seen_at: Arc<AtomicU64>,
}

impl Watcher {
    /// A watcher over `chain` that writes to `store`.
    pub fn new(
        chain: Arc<dyn Chain>,
        store: Store,
        served: Served,
        config: WatchConfig,
        wake: Wake,
        seen_at: Arc<AtomicU64>,
    ) -> Self {
        Self { chain, store, served, config, wake, seen_at }
    }

    /// One look at the chain: follows a reorg if there is one, then reads ranges until nothing is left.
    ///
    /// # Errors
    /// [`WatchError`]; what was read before it is in the store.
    pub async fn tick(&self, stop: &Stop) -> Result<(), WatchError> {
        let head = self.chain.head().await?;
        self.follow_reorg().await?;
        let mut width = self.config.max_range;
        while !stop.is_draining() {
            let next = self.store.call(|s| s.tip()).await?.map_or(self.config.start_block, |tip| tip.number + 1);
            let last = head.saturating_sub(self.config.confirmations);
            if next > last || head < self.config.confirmations {
                break;
            }
            let to = last.min(next + width - 1);
            match self.read(next, to, head).await {
                Err(WatchError::Chain(error)) if error.is_range_refused() && width > 1 => {
                    width = (to - next).div_ceil(2).max(1);
                    tracing::info!(%error, width, "the RPC endpoint wants a smaller range");
                }
                other => other?,
            }
        }
        self.seen_at.store(unix_now(), Ordering::Relaxed);
        Ok(())
    }

    /// Compares the stored blocks with the chain, newest first, and undoes what is above the common one.
    async fn follow_reorg(&self) -> Result<(), WatchError> {
        let Some(tip) = self.store.call(|s| s.tip()).await? else { return Ok(()) };
        let mut stored = Some(tip);
        while let Some(block) = stored {
            let canonical = self.chain.header(block.number).await?;
            if canonical.is_some_and(|h| h.id == block) {
                break;
            }
            let Some(below) = block.number.checked_sub(1) else {
                stored = None;
                break;
            };
            stored = self.store.call(move |s| s.block_at_most(below)).await?;
        }
        let ancestor = stored.map_or(self.config.start_block.saturating_sub(1), |b| b.number);
        if ancestor >= tip.number {
            return Ok(());
        }
        let changed = self.store.call(move |s| s.roll_back(ancestor)).await?;
        metrics::counter!("dodona_reorgs_total").increment(1);
        tracing::warn!(depth = tip.number - ancestor, ancestor, jobs = changed.len(), "reorg: rolled back");
        self.wake.all();
        Ok(())
    }

    /// Reads blocks `from..=to` into the store.
    async fn read(&self, from: u64, to: u64, head: u64) -> Result<(), WatchError> {
        let logs = self.chain.logs(self.config.oracle, &TOPICS, from, to).await?;
        let blocks = self.headers(from, to, head, &logs).await?;
        let mut sightings = Vec::new();
        for log in &logs {
            let known = blocks.iter().find(|b| b.number == log.block.number);
            if let Some(block) = known
                && block.hash != log.block.hash
            {
                return Err(WatchError::Moved { at: *block, expected: block.hash, got: log.block.hash });
            }
            sightings.extend(sighting(log, &self.served, self.config.payee)?);
        }
        let changed = self.store.call(move |s| s.advance(&blocks, &sightings)).await?;
        for job in &changed {
            tracing::info!(job = %job.id(), state = %job.state, block = to, "seen on chain");
        }
        metrics::gauge!("dodona_scanned_block").set(precise(to));
        metrics::gauge!("dodona_head_block").set(precise(head));
        if !changed.is_empty() {
            self.wake.all();
        }
        Ok(())
    }

    /// Hashes of the blocks to store. Checks that they follow each other and the stored tip.
    async fn headers(&self, from: u64, to: u64, head: u64, logs: &[ChainLog]) -> Result<Vec<BlockId>, WatchError> {
        let mut numbers: Vec<u64> = if to - from < DENSE {
            (from..=to).collect()
        } else {
            logs.iter().map(|l| l.block.number).chain([to]).collect()
        };
        numbers.dedup();
        let mut before = self.store.call(|s| s.tip()).await?;
        let mut blocks = Vec::with_capacity(numbers.len());
        for number in numbers {
            let header = self.chain.header(number).await?.ok_or(WatchError::NoBlock { number, head })?;
            if let Some(before) = before
                && before.number + 1 == number
                && before.hash != header.parent
            {
                return Err(WatchError::Moved { at: before, expected: before.hash, got: header.parent });
            }
            before = Some(header.id);
            blocks.push(header.id);
        }
        Ok(blocks)
    }
}

#[expect(clippy::cast_precision_loss, reason = "block numbers are far below 2^53")]
const fn precise(number: u64) -> f64 {
    number as f64
}

#[async_trait]
impl Service for Watcher {
    fn name(&self) -> &'static str {
        "watcher"
    }

    async fn run(&self, stop: Stop) -> Result<(), Failure> {
        let chain = &*self.chain;
        check_chain(chain, self.config.chain_id).await.map_err(WatchError::from)?;
        check_code(chain, &[("DodonaOracle", self.config.oracle)]).await.map_err(WatchError::from)?;
        loop {
            match self.tick(&stop).await {
                Ok(()) => {}
                Err(error @ WatchError::Moved { .. }) => tracing::info!(%error, "reading again"),
                Err(WatchError::Chain(error @ ChainError::Unavailable { .. })) => return Err(Failure::restart(error)),
                Err(error) => return Err(error.into()),
            }
            if !stop.sleep(self.config.poll).await {
                return Ok(());
            }
        }
    }
}
