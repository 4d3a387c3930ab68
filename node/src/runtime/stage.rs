//! The loop that all job stages share: take the jobs of one state, work, write the result.

use std::{sync::Arc, time::Duration};

use alloy::primitives::B256;
use async_trait::async_trait;
use tokio::sync::Notify;

use super::{Failure, Service, Stop, unix_now};
use crate::{
    job::{Event, Job, State},
    store::{Store, StoreError},
};

/// Longest delay between two attempts at a job, seconds.
const LONGEST_RETRY: u64 = 60;

/// What a stage made of a job.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Done: this event happened.
    Done(Event),
    /// The stage wrote the job's change itself, or nothing is to be written.
    Settled,
    /// Not now: try again after a delay that grows with the attempts.
    Retry(String),
    /// Not now, and the delay is known, in seconds.
    RetryIn(u64, String),
}

/// One stage of the pipeline.
#[async_trait]
pub trait Stage: Send + Sync + 'static {
    /// Name for logs and metrics.
    fn name(&self) -> &'static str;

    /// States whose jobs the stage takes.
    fn states(&self) -> &'static [State];

    /// Works on one job. Must be safe to repeat.
    ///
    /// # Errors
    /// [`Failure`], when the trouble is the stage's and not the job's.
    async fn work(&self, job: &Job) -> Result<Outcome, Failure>;
}

/// Wakes stages when a job changed, so that they need not wait for their next look.
#[derive(Clone, Debug, Default)]
pub struct Wake(Arc<Notify>);

impl Wake {
    /// A new, unrelated bell.
    pub fn new() -> Self {
        Self::default()
    }

    /// Wakes every stage that waits.
    pub fn all(&self) {
        self.0.notify_waiters();
    }
}

/// A [`Stage`] as a [`Service`].
pub struct StageService<S> {
    stage: S,
    store: Store,
    wake: Wake,
    pause: Duration,
}

impl<S: Stage> StageService<S> {
    /// Runs `stage` over `store`, looking for work when woken and at least every `pause`.
    pub const fn new(stage: S, store: Store, wake: Wake, pause: Duration) -> Self {
        Self { stage, store, wake, pause }
    }

    /// Works once through every job that is ready; returns how many were taken.
    ///
    /// # Errors
    /// [`Failure`] of the stage or the store.
    pub async fn sweep(&self, stop: &Stop) -> Result<usize, Failure> {
        let mut taken = 0;
        for &state in self.stage.states() {
            let jobs = self.store.call(move |s| s.jobs_ready(state, unix_now())).await.map_err(Failure::restart)?;
            for job in jobs {
                if stop.is_draining() {
                    return Ok(taken);
                }
                taken += 1;
                match self.stage.work(&job).await {
                    Ok(outcome) => self.write(&job, outcome).await?,
                    Err(Failure::Restart(error)) => {
                        // The job waits, so that one that always fails does not keep the others from their turn.
                        self.write(&job, Outcome::Retry(error.to_string())).await?;
                        return Err(Failure::Restart(error));
                    }
                    Err(fatal) => return Err(fatal),
                }
            }
        }
        Ok(taken)
    }

    async fn write(&self, job: &Job, outcome: Outcome) -> Result<(), Failure> {
        let stage = self.stage.name();
        let event = match outcome {
            Outcome::Done(event) => event,
            Outcome::Settled => return Ok(()),
            Outcome::Retry(reason) => Event::Deferred { not_before: unix_now() + retry_delay(job.attempts), reason },
            Outcome::RetryIn(seconds, reason) => Event::Deferred { not_before: unix_now() + seconds, reason },
        };
        report(stage, job, &event);
        let (id, version) = (job.id(), job.version);
        match self.store.call(move |s| s.apply(id, Some(version), event)).await {
            Ok(_) => {
                self.wake.all();
                Ok(())
            }
            Err(error @ (StoreError::Stale { .. } | StoreError::Transition(_))) => {
                tracing::info!(stage, job = %id, %error, "the job moved on, dropping this result");
                Ok(())
            }
            Err(error) => Err(Failure::restart(error)),
        }
    }
}

/// Seconds before attempt `attempts + 1`: 1, 2, 4, ... [`LONGEST_RETRY`].
fn retry_delay(attempts: u32) -> u64 {
    1_u64.checked_shl(attempts).unwrap_or(LONGEST_RETRY).min(LONGEST_RETRY)
}

/// Logs an event; one that only repeats itself is not worth a line.
fn report(stage: &'static str, job: &Job, event: &Event) {
    let id: B256 = job.id();
    metrics::counter!("dodona_stage_events_total", "stage" => stage, "event" => event.name()).increment(1);
    match event {
        Event::Deferred { reason, .. } if job.reason.as_ref() == Some(reason) => {
            tracing::debug!(stage, job = %id, %reason, "still waiting");
        }
        Event::Deferred { reason, .. } => tracing::info!(stage, job = %id, %reason, "will look again"),
        Event::Failed(reason) => tracing::error!(stage, job = %id, %reason, "giving up"),
        Event::Expired(reason) | Event::RolledBack { reason, .. } => {
            tracing::warn!(stage, job = %id, event = event.name(), %reason, "stepping back");
        }
        _ => tracing::info!(stage, job = %id, event = event.name(), "done"),
    }
}

#[async_trait]
impl<S: Stage> Service for StageService<S> {
    fn name(&self) -> &'static str {
        self.stage.name()
    }

    async fn run(&self, stop: Stop) -> Result<(), Failure> {
        while !stop.is_draining() {
            let woken = self.wake.0.notified();
            self.sweep(&stop).await?;
            tokio::select! {
                () = woken => {}
                () = stop.draining() => {}
                () = tokio::time::sleep(self.pause) => {}
            }
        }
        Ok(())
    }
}
