//! The context and the output words, against values computed elsewhere; what the prover refuses.

use std::{collections::BTreeMap, sync::Arc};

use alloy::primitives::{Address, B256, U256, b256};

use super::*;
use crate::{
    chain::{Chain, fake::FakeChain},
    collector::Collected,
    config::ProverConfig,
    deadline::Clock,
    engine::{ServedModel, SlotAnswer, fake::FakeEngine},
    job::{BlockId, Event, Job, Mode, Request, State},
    runtime::{Outcome, Stage, unix_now},
    store::{Sighting, Store},
};

/// Computed with `cast keccak $(cast abi-encode "f(uint256,address,uint8,bytes32[],address,uint64)" ...)`.
#[test]
fn the_context_is_the_contracts() {
    let binding = Binding {
        chain_id: 31_337,
        oracle: Address::repeat_byte(0x0a),
        mode: Mode::Aggregated,
        ids: vec![B256::repeat_byte(1), B256::repeat_byte(2)],
        payee: Address::repeat_byte(0x0b),
        expiry: 1_700_000_000,
    };
    let hash = b256!("da97af8243ce8d62e2e0b85d3f42f45015216c4647c5c2759a4bd09e88671089");
    assert_eq!(context(&binding), U256::from_be_bytes(hash.0) >> 8);
    let other = Binding { payee: Address::repeat_byte(0x0c), ..binding.clone() };
    assert_ne!(context(&other), context(&binding));
}

#[test]
fn outputs_are_offset_binary_lanes_with_the_flags_above_the_first_word() {
    let answer = SlotAnswer { outputs: vec![0, -1, i64::MAX, i64::MIN], in_domain: true, unsaturated: false };
    let lane = |bits: u64, j: usize| U256::from(bits) << (64 * j);
    let first = lane(1 << 63, 0) | lane((1 << 63) - 1, 1) | lane(u64::MAX, 2) | (U256::from(1) << 192);
    assert_eq!(output_words(&answer), [first, U256::ZERO]);
    let clamped = SlotAnswer { outputs: vec![0], in_domain: false, unsaturated: true };
    assert_eq!(output_words(&clamped), [lane(1 << 63, 0) | (U256::from(2) << 192)]);
}

struct Bench {
    _dir: tempfile::TempDir,
    store: Store,
    prover: Prover,
}

const MODEL: B256 = B256::repeat_byte(0xaa);

fn bench(broken: bool, mode: Mode, vk_digest: u64, deadline: u64) -> Bench {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(dir.path()).unwrap();
    let model = ServedModel {
        id: MODEL,
        modes: vec![mode],
        sources: Vec::new(),
        outputs: 3,
        vk_digest: U256::from(vk_digest),
        engine: Arc::new(FakeEngine { broken }),
    };
    let chain: Arc<dyn Chain> = Arc::new(FakeChain::new(3));
    let prover = Prover {
        chain,
        store: store.clone(),
        served: Arc::new(BTreeMap::from([(MODEL, model)])),
        clock: Clock::new(store.clone(), ProverConfig::default()),
        chain_id: 31_337,
        oracle: Address::repeat_byte(0x0a),
        payee: Address::repeat_byte(0x0b),
    };
    let request = Request {
        id: B256::repeat_byte(1),
        model_id: MODEL,
        requester: Address::ZERO,
        mode,
        fee: U256::from(1),
        created_at: 1_000,
        deadline,
        max_data_age: 60,
        max_delivery_age: 0,
        allow_later: false,
        callback_gas_limit: 0,
        verifier_version: 1,
        public_words: Vec::new(),
    };
    let block = BlockId { number: 1, hash: B256::ZERO };
    store.advance(&[block], &[Sighting::Requested(Box::new(request), block)]).unwrap();
    let put = |bytes: Vec<u8>| store.blobs().put(&bytes).unwrap();
    let collected = put(serde_json::to_vec(&Collected { sources: Vec::new() }).unwrap());
    let answer = SlotAnswer { outputs: vec![0, 1, 2], in_domain: true, unsaturated: true };
    let answer = put(serde_json::to_vec(&answer).unwrap());
    store.apply(B256::repeat_byte(1), None, Event::Collected(collected)).unwrap();
    store.apply(B256::repeat_byte(1), None, Event::Inferred(answer)).unwrap();
    Bench { _dir: dir, store, prover }
}

impl Bench {
    fn job(&self) -> Job {
        self.store.job(B256::repeat_byte(1)).unwrap()
    }

    async fn work(&self) -> Outcome {
        self.prover.work(&self.job()).await.unwrap()
    }
}

const FUTURE: u64 = 1 << 40;

#[tokio::test]
async fn a_proof_is_stored_with_what_it_is_bound_to_and_timed() {
    let bench = bench(false, Mode::Aggregated, 77, FUTURE);
    let Outcome::Done(Event::Proved(blob)) = bench.work().await else { panic!("expected a proof") };
    let stored: ProvedAnswer = serde_json::from_slice(&bench.store.blobs().get(blob).unwrap()).unwrap();
    assert_eq!((stored.binding.expiry, stored.binding.payee), (FUTURE, Address::repeat_byte(0x0b)));
    assert_eq!(stored.proof.words[0], context(&stored.binding));
    assert!(bench.store.timing(&Clock::timing(MODEL, Mode::Aggregated)).unwrap().is_some());
}

#[tokio::test]
async fn a_proof_that_does_not_verify_is_never_submitted() {
    let outcome = bench(true, Mode::Direct, 0, FUTURE).work().await;
    let reason = "proving: the proof that was made does not verify".to_owned();
    assert_eq!(outcome, Outcome::Done(Event::Failed(reason)));
}

#[tokio::test]
async fn a_key_that_is_not_the_registered_one_is_refused() {
    let outcome = bench(false, Mode::Aggregated, 78, FUTURE).work().await;
    let reason = "proving: key digest: expected the registered 0x4e, got 0x4d".to_owned();
    assert_eq!(outcome, Outcome::Done(Event::Failed(reason)));
}

#[tokio::test]
async fn an_answer_that_the_proof_does_not_show_is_refused() {
    let bench = bench(false, Mode::Direct, 0, FUTURE);
    let wrong = SlotAnswer { outputs: vec![0, 1, 3], in_domain: true, unsaturated: true };
    let blob = bench.store.blobs().put(&serde_json::to_vec(&wrong).unwrap()).unwrap();
    let id = B256::repeat_byte(1);
    let back = Event::RolledBack { to: State::Collected, reason: "test".to_owned() };
    bench.store.apply(id, None, back).unwrap();
    bench.store.apply(id, None, Event::Inferred(blob)).unwrap();
    let outcome = bench.work().await;
    assert!(
        matches!(&outcome, Outcome::Done(Event::Failed(r)) if r.starts_with("proving: instance words: expected")),
        "{outcome:?}"
    );
}

#[tokio::test]
async fn nothing_is_proved_that_cannot_arrive_in_time() {
    let deadline = unix_now() + 20;
    let outcome = bench(false, Mode::Direct, 0, deadline).work().await;
    let expected = format!("too late: expected to deliver by {deadline}, got");
    assert!(matches!(&outcome, Outcome::Done(Event::Expired(r)) if r.starts_with(&expected)), "{outcome:?}");
}
