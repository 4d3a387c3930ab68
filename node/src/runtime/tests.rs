//! Supervisor and backoff.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;

use super::*;

/// Fails `times` times, then runs until it is stopped.
struct Flaky {
    runs: Arc<AtomicU32>,
    times: u32,
    fatal: bool,
}

#[async_trait]
impl Service for Flaky {
    fn name(&self) -> &'static str {
        "flaky"
    }

    async fn run(&self, stop: Stop) -> Result<(), Failure> {
        if self.runs.fetch_add(1, Ordering::SeqCst) < self.times {
            return Err(if self.fatal { Failure::fatal("wrong chain") } else { Failure::restart("down") });
        }
        stop.draining().await;
        Ok(())
    }
}

/// Ignores the first phase.
struct Stubborn;

#[async_trait]
impl Service for Stubborn {
    fn name(&self) -> &'static str {
        "stubborn"
    }

    async fn run(&self, _: Stop) -> Result<(), Failure> {
        std::future::pending().await
    }
}

fn supervisor() -> Supervisor {
    let quick = Backoff::new(Duration::from_millis(1), Duration::from_millis(4));
    Supervisor::new(Duration::from_millis(50)).with_backoff(quick)
}

#[tokio::test]
async fn a_service_that_fails_is_started_again_and_stops_when_told() {
    let runs = Arc::new(AtomicU32::new(0));
    let stop = Stop::new();
    let flaky = Flaky { runs: Arc::clone(&runs), times: 3, fatal: false };
    let task = tokio::spawn(supervisor().with(flaky).run(stop.clone()));
    while runs.load(Ordering::SeqCst) < 4 {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    stop.drain();
    task.await.unwrap().unwrap();
    assert_eq!(runs.load(Ordering::SeqCst), 4);
}

#[tokio::test]
async fn a_fatal_failure_stops_the_others_and_is_returned() {
    let runs = Arc::new(AtomicU32::new(0));
    let fatal = Flaky { runs: Arc::clone(&runs), times: 1, fatal: true };
    let healthy = Flaky { runs: Arc::new(AtomicU32::new(0)), times: 0, fatal: false };
    let error = supervisor().with(fatal).with(healthy).run(Stop::new()).await.unwrap_err();
    assert_eq!(error.to_string(), "flaky: wrong chain");
    assert_eq!(runs.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn a_service_that_does_not_stop_is_dropped_after_the_grace_period_or_at_once() {
    for force in [false, true] {
        let stop = Stop::new();
        let grace = if force { Duration::from_secs(60) } else { Duration::from_millis(20) };
        let task = tokio::spawn(Supervisor::new(grace).with(Stubborn).run(stop.clone()));
        stop.drain();
        if force {
            stop.now();
        }
        tokio::time::timeout(Duration::from_secs(5), task).await.unwrap().unwrap().unwrap();
    }
}

#[test]
fn delays_double_up_to_the_limit_and_start_over() {
    let mut backoff = Backoff::new(Duration::from_millis(100), Duration::from_secs(1));
    let nominal: Vec<_> = (0..5).map(|i| backoff.nominal(i).as_millis()).collect();
    assert_eq!(nominal, [100, 200, 400, 800, 1_000]);
    assert_eq!(backoff.nominal(99), Duration::from_secs(1));
    let first = backoff.next_delay();
    assert!(first >= Duration::from_millis(75) && first <= Duration::from_millis(100), "{first:?}");
    backoff.next_delay();
    assert_eq!(backoff.tries(), 2);
    backoff.reset();
    assert!(backoff.next_delay() <= Duration::from_millis(100));
}

/// Fails on one job.
struct Poisoned(alloy::primitives::B256);

#[async_trait]
impl Stage for Poisoned {
    fn name(&self) -> &'static str {
        "poisoned"
    }

    fn states(&self) -> &'static [crate::job::State] {
        &[crate::job::State::Requested]
    }

    async fn work(&self, job: &crate::job::Job) -> Result<Outcome, Failure> {
        if job.id() == self.0 {
            return Err(Failure::restart("cannot"));
        }
        Ok(Outcome::Done(crate::job::Event::Collected(alloy::primitives::B256::ZERO)))
    }
}

#[tokio::test]
async fn a_job_that_always_fails_does_not_keep_the_others_from_their_turn() {
    use crate::{
        job::{BlockId, Mode, Request, State},
        store::{Sighting, Store},
    };
    use alloy::primitives::{Address, B256, U256};
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(dir.path()).unwrap();
    let block = BlockId { number: 1, hash: B256::ZERO };
    for n in 1..=2_u8 {
        let request = Request {
            id: B256::repeat_byte(n),
            model_id: B256::ZERO,
            requester: Address::ZERO,
            mode: Mode::Direct,
            fee: U256::ZERO,
            created_at: 0,
            deadline: u64::from(n),
            max_data_age: 0,
            max_delivery_age: 0,
            allow_later: false,
            callback_gas_limit: 0,
            verifier_version: 1,
            public_words: Vec::new(),
        };
        store.advance(&[block], &[Sighting::Requested(Box::new(request), block)]).unwrap();
    }
    let stage = Poisoned(B256::repeat_byte(1));
    let service = StageService::new(stage, store.clone(), Wake::new(), Duration::from_secs(1));
    assert!(matches!(service.sweep(&Stop::new()).await, Err(Failure::Restart(_))));
    assert_eq!(service.sweep(&Stop::new()).await.unwrap(), 1);
    let job = |n| store.job(B256::repeat_byte(n)).unwrap();
    assert_eq!((job(1).state, job(1).reason.as_deref()), (State::Requested, Some("cannot")));
    assert_eq!(job(2).state, State::Collected);
}
