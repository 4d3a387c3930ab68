//! Deadlines: no work is begun whose result cannot arrive in time.

use alloy::primitives::B256;

use crate::{
    chain::{Chain, ChainError},
    config::ProverConfig,
    job::{Job, Mode, State},
    runtime::{Failure, unix_now},
    store::Store,
};

/// Estimates what is left to do and compares it with the deadline.
#[derive(Clone)]
pub struct Clock {
    store: Store,
    config: ProverConfig,
}

/// Time at a look, Unix seconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Time {
    /// The later of the newest block's time and this machine's.
    pub now: u64,
    /// When the answer can be on chain if work goes on at once.
    pub ready_at: u64,
}

/// The answer cannot arrive in time.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error(
    "too late: expected to deliver by {deadline}, got {ready_at} as the earliest time (now {now}, {needed} s of work left)"
)]
pub struct TooLate {
    /// Deadline of the request.
    pub deadline: u64,
    /// Earliest delivery.
    pub ready_at: u64,
    /// Time of the look.
    pub now: u64,
    /// Seconds of work left, margin included.
    pub needed: u64,
}

impl Clock {
    /// A clock with estimates from `config` until `store` knows better.
    pub const fn new(store: Store, config: ProverConfig) -> Self {
        Self { store, config }
    }

    /// Name of the timing of a proof.
    pub fn timing(model: B256, mode: Mode) -> String {
        format!("prove {} {model}", mode.name())
    }

    /// Seconds of work that a job in its state has left.
    ///
    /// # Errors
    /// [`Failure`] of the store.
    pub async fn needed(&self, job: &Job) -> Result<u64, Failure> {
        if job.state >= State::Submitted {
            return Ok(0);
        }
        if job.state >= State::Proved {
            return Ok(1);
        }
        let what = Self::timing(job.request.model_id, job.request.mode);
        let known = self.store.call(move |s| s.timing(&what)).await.map_err(Failure::restart)?;
        let proof = match (known, job.request.mode) {
            (Some(seconds), _) => {
                #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "casts of floats saturate")]
                let seconds = (seconds * 1.25).ceil() as u64;
                seconds
            }
            (None, Mode::Direct) => self.config.direct_estimate_s,
            (None, Mode::Aggregated) => self.config.aggregated_estimate_s,
        };
        Ok(proof + self.config.margin_s)
    }

    /// The time, and whether the job can still be answered in time.
    ///
    /// # Errors
    /// [`Failure`] of the store or the chain; the inner result is the job's.
    pub async fn look(&self, chain: &dyn Chain, job: &Job) -> Result<Result<Time, TooLate>, Failure> {
        let now = chain_now(chain).await.map_err(Failure::restart)?;
        let needed = self.needed(job).await?;
        let deadline = job.request.deadline;
        let ready_at = now.saturating_add(needed);
        Ok(if ready_at > deadline {
            Err(TooLate { deadline, ready_at, now, needed })
        } else {
            Ok(Time { now, ready_at })
        })
    }
}

/// The later of the newest block's time and this machine's: the next block is not before either.
///
/// # Errors
/// [`ChainError`].
pub async fn chain_now(chain: &dyn Chain) -> Result<u64, ChainError> {
    let head = chain.head().await?;
    let block = chain.header(head).await?.map_or(0, |h| h.timestamp);
    Ok(block.max(unix_now()))
}
