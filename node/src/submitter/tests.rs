//! The submitter: one nonce for one job, whatever happens.

use std::sync::Arc;

use alloy::{
    consensus::{Transaction, TxEnvelope},
    eips::eip2718::Decodable2718,
    primitives::{Address, B256, Bytes, U256},
    sol_types::{SolCall, SolError},
};

use super::*;
use crate::{
    bindings::IDodonaOracle::{self, fulfilCall},
    chain::{Chain, Receipt, fake::FakeChain, tx::Fees},
    collector::Collected,
    config::SubmitterConfig,
    engine::{Proof, SlotAnswer},
    feed::tests::KEY,
    job::{BlockId, Event, Job, Mode, Request, State},
    prover::{Binding, ProvedAnswer},
    runtime::{Outcome, Stage, Wake},
    store::{Sighting, Store, StoredTx, TxStatus},
    wallet::Wallet,
};

const ORACLE: Address = Address::repeat_byte(0x0a);
const FUTURE: u64 = 1 << 40;

fn id(n: u8) -> B256 {
    B256::repeat_byte(n)
}

fn stored(job: u8, hash: u8, nonce: u64, max_fee: u128) -> StoredTx {
    StoredTx {
        hash: B256::repeat_byte(hash),
        job: id(job),
        sender: Address::ZERO,
        nonce,
        raw: Vec::new(),
        max_fee,
        priority_fee: 1,
        status: TxStatus::Live,
        created_at: 0,
    }
}

#[test]
fn a_job_keeps_its_nonce_and_must_beat_its_own_fees() {
    let live = [stored(1, 1, 7, 10), stored(1, 2, 7, 20), stored(2, 3, 8, 99)];
    let got = slot(id(1), &live, |_| true, 7, 9);
    assert_eq!(got, Slot { nonce: 7, beat: Some(Fees { max_fee: 20, priority: 1 }) });
}

#[test]
fn a_nonce_that_nobody_needs_is_taken_over() {
    let live = [stored(1, 1, 7, 10), stored(2, 2, 8, 30), stored(3, 3, 9, 50)];
    let got = slot(id(4), &live, |job| job != id(2), 7, 10);
    assert_eq!(got, Slot { nonce: 8, beat: Some(Fees { max_fee: 30, priority: 1 }) });
}

#[test]
fn otherwise_the_next_free_nonce_is_taken_also_before_the_pool_knows() {
    assert_eq!(slot(id(4), &[stored(1, 1, 7, 10)], |_| true, 7, 7), Slot { nonce: 8, beat: None });
    assert_eq!(slot(id(4), &[], |_| true, 3, 5), Slot { nonce: 5, beat: None });
    let mined_meanwhile = [stored(1, 1, 2, 10)];
    assert_eq!(slot(id(1), &mined_meanwhile, |_| true, 3, 3), Slot { nonce: 3, beat: None });
}

#[test]
fn bumps_add_the_percentage_to_both_fees_and_stop_at_the_limit() {
    let fees = Fees { max_fee: 100, priority: 3 };
    assert_eq!(fees.bumped(25, 200), Some(Fees { max_fee: 125, priority: 4 }));
    assert_eq!(fees.bumped(25, 124), None);
    assert_eq!(Fees::first(50, 3, 1_000), Fees { max_fee: 103, priority: 3 });
    assert_eq!(Fees::first(50, 3, 2), Fees { max_fee: 2, priority: 2 });
}

struct Bench {
    dir: tempfile::TempDir,
    chain: Arc<FakeChain>,
    bump_after_s: u64,
}

impl Bench {
    fn new() -> Self {
        let chain = FakeChain::new(10);
        chain.0.lock().unwrap().calls.insert(fulfilCall::SELECTOR, Ok(Bytes::new()));
        Self { dir: tempfile::tempdir().unwrap(), chain: Arc::new(chain), bump_after_s: 3_600 }
    }

    fn store(&self) -> Store {
        Store::open(self.dir.path()).unwrap()
    }

    /// A fresh submitter over the same folder: every call is a restart.
    fn submitter(&self) -> Submitter {
        let chain: Arc<dyn Chain> = self.chain.clone();
        Submitter {
            chain,
            store: self.store(),
            wallet: Wallet::from_hex(KEY).unwrap(),
            chain_id: 31_337,
            oracle: ORACLE,
            confirmations: 2,
            config: SubmitterConfig { bump_after_s: self.bump_after_s, ..SubmitterConfig::default() },
            wake: Wake::new(),
        }
    }

    /// Brings job `n` to its proof.
    fn proved(&self, n: u8, deadline: u64) {
        let store = self.store();
        let request = Request {
            id: id(n),
            model_id: id(0xaa),
            requester: Address::repeat_byte(1),
            mode: Mode::Direct,
            fee: U256::from(5),
            created_at: 1_000,
            deadline,
            max_data_age: 600,
            max_delivery_age: 0,
            allow_later: false,
            callback_gas_limit: 0,
            verifier_version: 1,
            public_words: Vec::new(),
        };
        let block = BlockId { number: 5, hash: id(5) };
        store.advance(&[block], &[Sighting::Requested(Box::new(request), block)]).unwrap();
        let answer = SlotAnswer { outputs: vec![1, 2, 3], in_domain: true, unsaturated: true };
        let binding = Binding {
            chain_id: 31_337,
            oracle: ORACLE,
            mode: Mode::Direct,
            ids: vec![id(n)],
            payee: Address::repeat_byte(2),
            expiry: deadline,
        };
        let proof = Proof { words: Vec::new(), bytes: Bytes::from_static(b"proof"), vk_digest: None };
        let proved = ProvedAnswer { binding, answer, proof, seconds: 1.0 };
        let put = |bytes: Vec<u8>| store.blobs().put(&bytes).unwrap();
        let collected = put(serde_json::to_vec(&Collected { sources: Vec::new() }).unwrap());
        let proof = put(serde_json::to_vec(&proved).unwrap());
        for event in [Event::Collected(collected), Event::Inferred(collected), Event::Proved(proof)] {
            store.apply(id(n), None, event).unwrap();
        }
    }

    fn job(&self, n: u8) -> Job {
        self.store().job(id(n)).unwrap()
    }

    async fn work(&self, n: u8) -> Outcome {
        self.submitter().work(&self.job(n)).await.unwrap()
    }

    fn sent(&self) -> Vec<TxEnvelope> {
        let sent = self.chain.0.lock().unwrap().sent.clone();
        sent.iter().map(|raw| TxEnvelope::decode_2718(&mut raw.as_slice()).unwrap()).collect()
    }

    fn mined(&self, hash: B256, number: u64, success: bool) {
        let mut state = self.chain.0.lock().unwrap();
        let block = BlockId { number, hash: id(0xbb) };
        let receipt = Receipt { block, success, gas_used: 1, gas_price: 1, created: None };
        state.receipts.insert(hash, receipt);
        let account = Wallet::from_hex(KEY).unwrap().address();
        *state.nonces.entry(account).or_default() += 1;
    }
}

#[tokio::test]
async fn the_transaction_is_stored_before_it_is_sent_and_the_same_bytes_go_out_after_a_restart() {
    let bench = Bench::new();
    bench.proved(1, FUTURE);
    bench.chain.0.lock().unwrap().refuse_send = Some((-32_000, "pool is full".to_owned()));
    assert_eq!(bench.work(1).await, Outcome::Settled);
    assert_eq!((bench.job(1).state, bench.sent().len()), (State::Submitted, 0));
    let stored = bench.store().txs_of(id(1)).unwrap();

    bench.chain.0.lock().unwrap().refuse_send = None;
    for _ in 0..3 {
        assert!(matches!(bench.work(1).await, Outcome::RetryIn(..)));
    }
    let sent = bench.sent();
    assert_eq!(sent.len(), 1);
    assert_eq!((*sent[0].tx_hash(), sent[0].nonce(), stored.len()), (stored[0].hash, 0, 1));
    assert_eq!(sent[0].to(), Some(ORACLE));
}

#[tokio::test]
async fn a_stuck_transaction_is_replaced_on_its_nonce_with_a_higher_fee() {
    let mut bench = Bench::new();
    bench.bump_after_s = 0;
    bench.proved(1, FUTURE);
    bench.work(1).await;
    bench.work(1).await;
    let sent = bench.sent();
    assert_eq!(sent.iter().map(Transaction::nonce).collect::<Vec<_>>(), [0, 0]);
    assert_eq!(sent[0].max_fee_per_gas() * 5 / 4, sent[1].max_fee_per_gas());
    assert_eq!(bench.store().txs_of(id(1)).unwrap().len(), 2);
}

#[tokio::test]
async fn two_jobs_take_two_nonces() {
    let bench = Bench::new();
    bench.proved(1, FUTURE);
    bench.proved(2, FUTURE);
    bench.work(1).await;
    bench.work(2).await;
    assert_eq!(bench.sent().iter().map(Transaction::nonce).collect::<Vec<_>>(), [0, 1]);
}

#[tokio::test]
async fn the_nonce_of_a_job_that_is_gone_serves_the_next_one() {
    let bench = Bench::new();
    bench.proved(1, FUTURE);
    bench.proved(2, FUTURE);
    bench.work(1).await;
    bench.store().apply(id(1), None, Event::RequestGone).unwrap();
    bench.work(2).await;
    let sent = bench.sent();
    assert_eq!(sent.iter().map(Transaction::nonce).collect::<Vec<_>>(), [0, 0]);
    assert!(sent[1].max_fee_per_gas() > sent[0].max_fee_per_gas());
}

#[tokio::test]
async fn a_success_is_not_believed_before_the_watcher_saw_it() {
    let bench = Bench::new();
    bench.proved(1, FUTURE);
    bench.work(1).await;
    bench.mined(*bench.sent()[0].tx_hash(), 10, true);
    let outcome = bench.work(1).await;
    assert_eq!(outcome, Outcome::RetryIn(2, "mined in block 10, waiting for confirmations".to_owned()));
    assert_eq!(bench.job(1).state, State::Submitted);
}

#[tokio::test]
async fn a_reverted_transaction_is_believed_after_confirmations_and_tried_three_times() {
    let bench = Bench::new();
    bench.proved(1, FUTURE);
    for attempt in 0..3_u64 {
        bench.work(1).await;
        let hash = *bench.sent().last().unwrap().tx_hash();
        bench.mined(hash, 10, false);
        assert!(matches!(bench.work(1).await, Outcome::RetryIn(..)), "no confirmations yet");
        bench.chain.extend(2, 0);
        let outcome = bench.work(1).await;
        if attempt == 2 {
            let expected = "3 transactions were mined and reverted".to_owned();
            assert_eq!(outcome, Outcome::Done(Event::Failed(expected)));
        } else {
            assert_eq!((outcome, bench.job(1).state), (Outcome::Settled, State::Proved));
        }
        bench.chain.fork(10, 0, 0);
    }
    assert_eq!(bench.sent().iter().map(Transaction::nonce).collect::<Vec<_>>(), [0, 1, 2]);
}

#[tokio::test]
async fn a_nonce_taken_by_another_transaction_frees_the_job_at_the_second_look() {
    let bench = Bench::new();
    bench.proved(1, FUTURE);
    bench.work(1).await;
    bench.mined(B256::ZERO, 9, true);
    let outcome = bench.work(1).await;
    let reason = "nonce 0 was used by another transaction".to_owned();
    assert_eq!(outcome, Outcome::RetryIn(2, reason.clone()));
    bench.store().apply(id(1), None, Event::Deferred { not_before: 0, reason }).unwrap();
    assert_eq!(bench.work(1).await, Outcome::Settled);
    assert_eq!(bench.job(1).state, State::Proved);
    bench.work(1).await;
    assert_eq!(bench.sent().last().unwrap().nonce(), 1);
}

#[tokio::test]
async fn without_funds_nothing_is_stored_and_the_reason_has_the_numbers() {
    let bench = Bench::new();
    bench.proved(1, FUTURE);
    bench.chain.0.lock().unwrap().balance = U256::from(10);
    let Outcome::RetryIn(30, reason) = bench.work(1).await else { panic!("expected a delay") };
    let account = Wallet::from_hex(KEY).unwrap().address();
    let cost = 600_000_u64 * 3_000_000_000;
    assert_eq!(reason, format!("not enough funds for gas in {account}: expected at least {cost} wei, got 10 wei"));
    assert!(bench.store().txs_of(id(1)).unwrap().is_empty());
}

#[tokio::test]
async fn what_cannot_arrive_in_time_is_not_sent() {
    let bench = Bench::new();
    bench.proved(1, 1_500);
    assert!(matches!(bench.work(1).await, Outcome::Done(Event::Expired(r)) if r.starts_with("too late:")));
    assert!(bench.sent().is_empty());
}

#[tokio::test]
async fn refusals_of_the_contract_are_sorted_by_what_helps() {
    let verdict = |data: Vec<u8>| super::revert::verdict(&data, "why");
    let late = IDodonaOracle::DeadlinePassed { id: id(1), deadline: U256::from(1), timestamp: U256::from(2) };
    assert!(matches!(verdict(late.abi_encode()), Outcome::Done(Event::Expired(_))));
    let settled = IDodonaOracle::RequestNotOpen { id: id(1), status: IDodonaOracle::Status::Fulfilled };
    assert!(matches!(verdict(settled.abi_encode()), Outcome::RetryIn(5, _)));
    let stale = IDodonaOracle::DeliveredTooLate { id: id(1), earliest: U256::from(2), observedAt: U256::from(1) };
    assert!(matches!(verdict(stale.abi_encode()), Outcome::Done(Event::RolledBack { to: State::Requested, .. })));
    let refused = IDodonaOracle::ProofRefused {}.abi_encode();
    let text = "the contract refuses the answer: why".to_owned();
    assert_eq!(verdict(refused), Outcome::Done(Event::Failed(text)));
}

#[tokio::test]
async fn a_simulation_that_reverts_costs_nothing() {
    let bench = Bench::new();
    bench.proved(1, FUTURE);
    bench.chain.0.lock().unwrap().calls.insert(fulfilCall::SELECTOR, Err("ProofRefused".to_owned()));
    let text = "the contract refuses the answer: ProofRefused".to_owned();
    assert_eq!(bench.work(1).await, Outcome::Done(Event::Failed(text)));
    assert!(bench.store().txs_of(id(1)).unwrap().is_empty());
}
