//! The collector takes good observations and refuses each kind of bad one by its reason.

use std::{collections::BTreeMap, sync::Arc};

use alloy::{
    primitives::{Address, B256, Bytes, U256},
    sol_types::{SolCall, SolValue},
};
use async_trait::async_trait;

use super::*;
use crate::{
    bindings::IFeedRegistry::{ObservationHeader, verifyCall},
    chain::{Chain, fake::FakeChain},
    config::ProverConfig,
    deadline::Clock,
    engine::{
        ServedModel, SourceSpec,
        fake::{FakeCommitments, FakeEngine},
    },
    feed::{
        Commitments, FeedDomain, HeaderError, Labels, Observation, WireHeader,
        tests::{KEY, domain},
    },
    job::{BlockId, Event, Job, Mode, Request},
    runtime::{Outcome, Stage},
    store::Store,
    wallet::Wallet,
};

const FEED: B256 = B256::repeat_byte(0x11);
const MODEL: B256 = B256::repeat_byte(0xaa);
const SECOND: &str = "0x5de4111afa1a4b94908f83103eb1f1706367c2e68ca870fc3fb9a804cdab365a";

fn source() -> SourceSpec {
    SourceSpec { feed_id: FEED, schema_hash: B256::repeat_byte(7), length: 2, period: 60 }
}

fn request() -> Request {
    Request {
        id: B256::repeat_byte(1),
        model_id: MODEL,
        requester: Address::ZERO,
        mode: Mode::Direct,
        fee: U256::from(1),
        created_at: 6_030,
        deadline: 1 << 40,
        max_data_age: 100,
        max_delivery_age: 0,
        allow_later: false,
        callback_gas_limit: 0,
        verifier_version: 1,
        public_words: Vec::new(),
    }
}

fn window() -> Window {
    Window::new(&request(), 60, 6_030)
}

/// An honest observation of `seq`, then changed by `change` and signed.
fn signed(key: &str, seq: u64, change: impl FnOnce(&mut Observation)) -> Observation {
    let wallet = Wallet::from_hex(key).unwrap();
    let (values, salt) = (vec![3, -4], B256::repeat_byte(2));
    let commitment = FakeCommitments.commitment(source().schema_hash, &values, salt).unwrap();
    let observed_at = 60 * seq;
    let header = WireHeader {
        feed_id: FEED,
        set_epoch: 1,
        seq,
        commitment: commitment.into(),
        observed_at,
        valid_until: observed_at + 600,
    };
    let publisher = wallet.address();
    let mut o = Observation { header, signature: Bytes::new(), publisher, values, salt, labels: Labels::default() };
    change(&mut o);
    if o.signature.is_empty() {
        o.signature = domain().sign(&ObservationHeader::from(&o.header), &wallet).unwrap();
    }
    o
}

fn chain() -> FakeChain {
    let chain = FakeChain::new(3);
    let accepted = Wallet::from_hex(KEY).unwrap().address().abi_encode();
    chain.0.lock().unwrap().calls.insert(verifyCall::SELECTOR, Ok(accepted.into()));
    chain
}

async fn refusal(change: impl FnOnce(&mut Observation)) -> Refusal {
    let o = signed(KEY, 100, change);
    check(&chain(), &domain(), &FakeCommitments, &source(), window(), 100, &o).await.unwrap_err()
}

#[tokio::test]
async fn an_honest_observation_passes_with_its_publisher() {
    let o = signed(KEY, 100, |_| {});
    let publisher = check(&chain(), &domain(), &FakeCommitments, &source(), window(), 100, &o).await.unwrap();
    assert_eq!(publisher, o.publisher);
}

#[tokio::test]
async fn each_kind_of_bad_observation_is_refused_by_its_reason() {
    let e = refusal(|o| o.header.feed_id = B256::ZERO).await;
    assert!(matches!(e, Refusal::Feed { expected: FEED, got: B256::ZERO }), "{e}");
    let e = refusal(|o| o.header.seq = 99).await;
    assert!(matches!(e, Refusal::Seq { expected: 100, got: 99 }), "{e}");
    let e = refusal(|o| o.header.observed_at += 1).await;
    assert!(matches!(e, Refusal::ObservedAt { expected: 6_000, got: 6_001 }), "{e}");
    let e = refusal(|o| o.header.valid_until = 6_029).await;
    assert!(matches!(e, Refusal::NoLongerValid { expected: 6_030, got: 6_029 }), "{e}");
    let e = refusal(|o| o.values.push(0)).await;
    assert!(matches!(e, Refusal::Length { expected: 2, got: 3 }), "{e}");
    let e = refusal(|o| o.values[0] += 1).await;
    assert!(matches!(e, Refusal::Commitment { .. }), "{e}");
    let e = refusal(|o| o.salt = B256::ZERO).await;
    assert!(matches!(e, Refusal::Commitment { .. }), "{e}");
    let e = refusal(|o| o.signature = Bytes::from_static(&[1; 64])).await;
    assert!(matches!(e, Refusal::Signature(HeaderError::Length(64))), "{e}");
    let e = refusal(|o| o.publisher = Address::ZERO).await;
    assert!(matches!(e, Refusal::Signer { expected: Address::ZERO, .. }), "{e}");
}

#[tokio::test]
async fn stale_and_future_observations_are_outside_the_window() {
    for (seq, got) in [(98, 5_880), (101, 6_060)] {
        let o = signed(KEY, seq, |_| {});
        let e = check(&chain(), &domain(), &FakeCommitments, &source(), window(), seq, &o).await.unwrap_err();
        assert!(matches!(e, Refusal::Window { earliest: 5_930, latest: 6_030, got: g } if g == got), "{e}");
    }
}

#[tokio::test]
async fn the_registry_has_the_last_word_on_the_signer() {
    let chain = chain();
    let refusal = Err("NotPublisher".to_owned());
    chain.0.lock().unwrap().calls.insert(verifyCall::SELECTOR, refusal);
    let o = signed(KEY, 100, |_| {});
    let e = check(&chain, &domain(), &FakeCommitments, &source(), window(), 100, &o).await.unwrap_err();
    assert_eq!(e.to_string(), "the feed registry refuses it: NotPublisher");
}

#[test]
fn windows_are_those_of_the_contract() {
    assert_eq!(window(), Window { earliest: 5_930, latest: 6_030, created_at: 6_030 });
    assert_eq!(window().seqs(60, 16), [100, 99]);
    let later = Request { allow_later: true, ..request() };
    assert_eq!(Window::new(&later, 60, 6_030).seqs(60, 16), [101, 100, 99]);
    let fresh = Request { max_delivery_age: 50, ..request() };
    assert_eq!(Window::new(&fresh, 60, 6_040).seqs(60, 16), [100]);
    assert_eq!(Window::new(&request(), 7_000, 6_030).seqs(7_000, 16), [0; 0]);
}

struct FixedPeer(&'static str, Vec<Observation>);

#[async_trait]
impl Peer for FixedPeer {
    fn name(&self) -> &str {
        self.0
    }

    async fn observation(&self, _: B256, seq: u64) -> Result<Observation, PeerError> {
        self.1.iter().find(|o| o.header.seq == seq).cloned().ok_or(PeerError::None(seq))
    }
}

/// A chain whose registry accepts every signer (its answer is what the observation names).
async fn collect(sources: usize, peers: Vec<Vec<Observation>>) -> Outcome {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(dir.path()).unwrap();
    let model = ServedModel {
        id: MODEL,
        modes: vec![Mode::Direct],
        sources: vec![source(); sources],
        outputs: 3,
        vk_digest: U256::ZERO,
        engine: Arc::new(FakeEngine::default()),
    };
    let chain: Arc<dyn Chain> = Arc::new(EchoRegistry(FakeChain::new(3)));
    let peer = |(i, list): (usize, Vec<Observation>)| Arc::new(FixedPeer(["a", "b", "c"][i], list)) as Arc<dyn Peer>;
    let collector = Collector {
        chain,
        store: store.clone(),
        served: Arc::new(BTreeMap::from([(MODEL, model)])),
        domain: FeedDomain { ..domain() },
        commitments: Arc::new(FakeCommitments),
        peers: peers.into_iter().enumerate().map(peer).collect(),
        clock: Clock::new(store, ProverConfig::default()),
    };
    let job = Job::new(request(), BlockId { number: 1, hash: B256::ZERO });
    collector.work(&job).await.unwrap()
}

/// The fake chain, with a feed registry that recovers the signer as the contract does.
struct EchoRegistry(FakeChain);

#[async_trait]
impl Chain for EchoRegistry {
    async fn call(&self, _: Address, _: Address, data: Bytes) -> Result<Bytes, crate::chain::ChainError> {
        let call = verifyCall::abi_decode(&data).unwrap();
        Ok(domain().signer(&call.header, &call.signature).unwrap().abi_encode().into())
    }
    async fn chain_id(&self) -> Result<u64, crate::chain::ChainError> {
        self.0.chain_id().await
    }
    async fn head(&self) -> Result<u64, crate::chain::ChainError> {
        self.0.head().await
    }
    async fn header(&self, number: u64) -> Result<Option<crate::chain::Header>, crate::chain::ChainError> {
        self.0.header(number).await
    }
    async fn logs(
        &self,
        a: Address,
        t: &[B256],
        f: u64,
        to: u64,
    ) -> Result<Vec<crate::chain::ChainLog>, crate::chain::ChainError> {
        self.0.logs(a, t, f, to).await
    }
    async fn code(&self, address: Address) -> Result<Bytes, crate::chain::ChainError> {
        self.0.code(address).await
    }
    async fn estimate_gas(
        &self,
        f: Address,
        t: Option<Address>,
        d: Bytes,
        v: U256,
    ) -> Result<u64, crate::chain::ChainError> {
        self.0.estimate_gas(f, t, d, v).await
    }
    async fn nonce(&self, account: Address) -> Result<u64, crate::chain::ChainError> {
        self.0.nonce(account).await
    }
    async fn pending_nonce(&self, account: Address) -> Result<u64, crate::chain::ChainError> {
        self.0.pending_nonce(account).await
    }
    async fn balance(&self, account: Address) -> Result<U256, crate::chain::ChainError> {
        self.0.balance(account).await
    }
    async fn send_raw(&self, raw: &[u8]) -> Result<(), crate::chain::ChainError> {
        self.0.send_raw(raw).await
    }
    async fn receipt(&self, tx: B256) -> Result<Option<crate::chain::Receipt>, crate::chain::ChainError> {
        self.0.receipt(tx).await
    }
}

#[tokio::test]
async fn the_newest_time_with_a_quorum_is_taken() {
    let (a, b) = (signed(KEY, 100, |_| {}), signed(SECOND, 99, |_| {}));
    let old = signed(KEY, 99, |_| {});
    let outcome = collect(2, vec![vec![a, old], vec![b]]).await;
    assert!(matches!(outcome, Outcome::Done(Event::Collected(_))), "{outcome:?}");
}

#[tokio::test]
async fn one_publisher_behind_two_urls_is_no_quorum() {
    let (a, again) = (signed(KEY, 100, |_| {}), signed(KEY, 100, |o| o.header.valid_until += 1));
    let outcome = collect(2, vec![vec![a], vec![again]]).await;
    let Outcome::Retry(reason) = outcome else { panic!("expected a retry, got {outcome:?}") };
    assert!(reason.contains("observation 100: expected 2 distinct publishers, got 1"), "{reason}");
}

#[tokio::test]
async fn without_observations_the_reason_names_every_publisher() {
    let outcome = collect(1, vec![Vec::new(), Vec::new()]).await;
    let Outcome::Retry(reason) = outcome else { panic!("expected a retry, got {outcome:?}") };
    let expected = format!("feed {FEED}: expected 1 good observation(s) from 5930 to 6030, got too few: ");
    assert!(reason.starts_with(&expected), "{reason}");
    assert!(reason.contains("a, observation 100: it has no observation 100; b, observation 100:"), "{reason}");
}

#[tokio::test]
async fn a_publisher_that_is_down_says_why() {
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let peer = HttpPeer::new(&format!("http://{free}/"), std::time::Duration::from_secs(1)).unwrap();
    let error = peer.observation(FEED, 1).await.unwrap_err();
    assert!(matches!(&error, PeerError::Unreachable(e) if e.contains("refused")), "{error}");
}
