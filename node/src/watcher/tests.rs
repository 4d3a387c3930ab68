//! The watcher over a chain in memory: order, ranges, reorgs, restarts.

use std::{
    collections::BTreeMap,
    sync::{Arc, atomic::AtomicU64},
    time::Duration,
};

use alloy::{
    primitives::{Address, B256, U256, aliases::U96},
    sol_types::SolEvent,
};

use super::*;
use crate::{
    bindings::IDodonaOracle::{Fulfilled, RequestParams, Requested},
    chain::{Chain, ChainError, fake::FakeChain},
    engine::{Served, ServedModel, fake::FakeEngine},
    job::{Mode, State},
    runtime::{Failure, Service, Stop, Wake},
    store::Store,
};

const ORACLE: Address = Address::repeat_byte(0x0a);
const PAYEE: Address = Address::repeat_byte(0x0b);
const MODEL: B256 = B256::repeat_byte(0x0c);

struct Bench {
    dir: tempfile::TempDir,
    chain: Arc<FakeChain>,
}

impl Bench {
    fn new(blocks: u64) -> Self {
        Self { dir: tempfile::tempdir().unwrap(), chain: Arc::new(FakeChain::new(blocks)) }
    }

    fn store(&self) -> Store {
        Store::open(self.dir.path()).unwrap()
    }

    /// A fresh watcher over the same folder: every call is a restart.
    fn watcher(&self, confirmations: u64) -> Watcher {
        let config = WatchConfig {
            chain_id: 31_337,
            oracle: ORACLE,
            payee: PAYEE,
            start_block: 1,
            confirmations,
            max_range: 50,
            poll: Duration::from_millis(1),
        };
        let chain: Arc<dyn Chain> = self.chain.clone();
        Watcher::new(chain, self.store(), served(), config, Wake::new(), Arc::new(AtomicU64::new(0)))
    }

    async fn tick(&self, confirmations: u64) {
        self.watcher(confirmations).tick(&Stop::new()).await.unwrap();
    }

    fn state(&self, id: u8) -> State {
        self.store().job(B256::repeat_byte(id)).unwrap().state
    }
}

fn served() -> Served {
    let model = ServedModel {
        id: MODEL,
        modes: vec![Mode::Direct],
        sources: Vec::new(),
        outputs: 3,
        vk_digest: U256::ZERO,
        engine: Arc::new(FakeEngine::default()),
    };
    Arc::new(BTreeMap::from([(MODEL, model)]))
}

fn requested(id: u8, model: B256, mode: u8) -> Requested {
    Requested {
        id: B256::repeat_byte(id),
        modelId: model,
        requester: Address::repeat_byte(9),
        nonce: U256::from(id),
        createdAt: 1_000,
        fee: U256::from(7),
        verifierVersion: 1,
        params: RequestParams {
            modelId: model,
            mode,
            allowLater: false,
            callbackGasLimit: 0,
            verifierVersion: 0,
            deadline: 9_000,
            maxDataAge: 600,
            maxDeliveryAge: 0,
            refundTo: Address::ZERO,
            feeToken: Address::ZERO,
            fee: U96::from(7),
            penalty: U96::ZERO,
            publicWords: Vec::new(),
        },
    }
}

fn fulfilled(id: u8, payee: Address) -> Fulfilled {
    Fulfilled {
        id: B256::repeat_byte(id),
        modelId: MODEL,
        payee,
        fee: U256::from(7),
        observedAt: 900,
        validUntil: 9_000,
        inDomain: true,
        unsaturated: true,
        commitments: Vec::new(),
        outputs: vec![1, 2, 3],
    }
}

impl Bench {
    fn request(&self, block: u64, id: u8) {
        self.chain.log(block, ORACLE, B256::repeat_byte(id), requested(id, MODEL, 0).encode_log_data());
    }

    fn fulfil(&self, block: u64, id: u8, payee: Address) {
        self.chain.log(block, ORACLE, B256::repeat_byte(0xf0), fulfilled(id, payee).encode_log_data());
    }
}

#[tokio::test]
async fn a_request_waits_for_its_confirmations() {
    let bench = Bench::new(10);
    bench.request(9, 1);
    bench.tick(2).await;
    assert!(bench.store().jobs(10).unwrap().is_empty());
    bench.chain.extend(1, 0);
    bench.tick(2).await;
    assert_eq!(bench.state(1), State::Requested);
    assert_eq!(bench.store().tip().unwrap().unwrap().number, 9);
}

#[tokio::test]
async fn requests_of_other_models_and_modes_are_left_to_others() {
    let bench = Bench::new(5);
    let other = requested(1, B256::repeat_byte(0xdd), 0);
    bench.chain.log(3, ORACLE, B256::ZERO, other.encode_log_data());
    bench.chain.log(3, ORACLE, B256::ZERO, requested(2, MODEL, 1).encode_log_data());
    bench.tick(0).await;
    assert!(bench.store().jobs(10).unwrap().is_empty());
}

#[tokio::test]
async fn an_answer_says_who_was_paid() {
    let bench = Bench::new(6);
    bench.request(3, 1);
    bench.request(3, 2);
    bench.fulfil(5, 1, PAYEE);
    bench.fulfil(5, 2, Address::repeat_byte(0xee));
    bench.tick(0).await;
    let own = |id| bench.store().job(B256::repeat_byte(id)).unwrap().fulfilment.unwrap().own;
    assert_eq!((bench.state(1), own(1)), (State::Final, true));
    assert_eq!((bench.state(2), own(2)), (State::Final, false));
}

#[tokio::test]
async fn a_reorg_under_the_request_takes_the_job_away_and_gives_it_back() {
    let bench = Bench::new(8);
    bench.request(7, 1);
    bench.tick(0).await;
    bench.chain.fork(5, 4, 1);
    bench.tick(0).await;
    assert_eq!(bench.state(1), State::Reorged);
    bench.chain.extend(1, 1);
    bench.request(10, 1);
    bench.tick(0).await;
    let job = bench.store().job(B256::repeat_byte(1)).unwrap();
    assert_eq!((job.state, job.seen.number), (State::Requested, 10));
}

#[tokio::test]
async fn a_reorg_under_the_answer_takes_only_the_answer_back() {
    let bench = Bench::new(9);
    bench.request(4, 1);
    bench.fulfil(8, 1, PAYEE);
    bench.tick(0).await;
    assert_eq!(bench.state(1), State::Final);
    bench.chain.fork(6, 5, 1);
    bench.tick(0).await;
    assert_eq!(bench.state(1), State::Requested);
    bench.fulfil(11, 1, PAYEE);
    bench.chain.extend(1, 1);
    bench.chain.fork(10, 3, 2);
    bench.fulfil(12, 1, PAYEE);
    bench.tick(0).await;
    assert_eq!(bench.store().job(B256::repeat_byte(1)).unwrap().fulfilment.unwrap().block.number, 12);
}

#[tokio::test]
async fn a_chain_that_became_shorter_is_followed() {
    let bench = Bench::new(9);
    bench.request(8, 1);
    bench.tick(0).await;
    bench.chain.fork(6, 0, 0);
    bench.tick(0).await;
    assert_eq!(bench.state(1), State::Reorged);
    assert_eq!(bench.store().tip().unwrap().unwrap().number, 6);
}

#[tokio::test]
async fn long_ranges_are_cut_and_halved_while_the_endpoint_refuses() {
    let bench = Bench::new(120);
    bench.request(77, 1);
    bench.chain.0.lock().unwrap().max_range = Some(20);
    bench.tick(0).await;
    assert_eq!(bench.state(1), State::Requested);
    let ranges = bench.chain.0.lock().unwrap().ranges.clone();
    assert_eq!(ranges[..3], [(1, 50), (1, 25), (1, 12)]);
    assert_eq!(ranges.last(), Some(&(109, 120)));
    assert_eq!(bench.store().tip().unwrap().unwrap().number, 120);
}

#[tokio::test]
async fn nothing_is_read_twice_after_a_restart() {
    let bench = Bench::new(20);
    bench.tick(0).await;
    bench.chain.extend(3, 0);
    bench.tick(0).await;
    assert_eq!(bench.chain.0.lock().unwrap().ranges, [(1, 20), (21, 23)]);
}

#[tokio::test]
async fn another_chain_or_an_address_without_code_is_fatal() {
    let bench = Bench::new(3);
    let failure = bench.watcher(0).run(Stop::new()).await.unwrap_err();
    let expected = format!("no contract at the address of DodonaOracle: expected code at {ORACLE}, got none");
    assert!(matches!(&failure, Failure::Fatal(e) if e.to_string() == expected), "{failure}");
    bench.chain.0.lock().unwrap().chain_id = 1;
    let failure = bench.watcher(0).run(Stop::new()).await.unwrap_err();
    let expected = "the RPC endpoint serves another chain: expected chain id 31337, got 1";
    assert!(matches!(&failure, Failure::Fatal(e) if e.to_string() == expected), "{failure}");
}

#[tokio::test]
async fn an_endpoint_that_is_down_is_no_reason_to_end() {
    let bench = Bench::new(3);
    bench.chain.0.lock().unwrap().down = true;
    let failure = bench.watcher(0).run(Stop::new()).await.unwrap_err();
    assert!(matches!(&failure, Failure::Restart(e) if e.to_string().contains("does not serve")), "{failure}");
    assert!(matches!(
        bench.watcher(0).tick(&Stop::new()).await,
        Err(WatchError::Chain(ChainError::Unavailable { .. }))
    ));
}
