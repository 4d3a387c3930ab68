//! The store keeps what it was told, over restarts, reorgs and damage.

use alloy::primitives::{Address, B256, U256};

use super::*;
use crate::job::{BlockId, Event, Fulfilment, Mode, Request, State, TransitionError};

fn request(id: u8) -> Request {
    Request {
        id: B256::repeat_byte(id),
        model_id: B256::repeat_byte(0xaa),
        requester: Address::repeat_byte(1),
        mode: Mode::Direct,
        fee: U256::from(5),
        created_at: 1_000,
        deadline: 2_000 + u64::from(id),
        max_data_age: 600,
        max_delivery_age: 0,
        allow_later: false,
        callback_gas_limit: 0,
        verifier_version: 1,
        public_words: Vec::new(),
    }
}

fn block(number: u64, fork: u8) -> BlockId {
    let mut hash = [fork; 32];
    hash[24..].copy_from_slice(&number.to_be_bytes());
    BlockId { number, hash: hash.into() }
}

fn seen(id: u8, number: u64) -> Sighting {
    Sighting::Requested(Box::new(request(id)), block(number, 0))
}

fn answered(number: u64, tx: u8) -> Fulfilment {
    Fulfilment { block: block(number, 0), tx: B256::repeat_byte(tx), payee: Address::repeat_byte(2), own: true }
}

fn tx(job: u8, hash: u8, nonce: u64) -> StoredTx {
    StoredTx {
        hash: B256::repeat_byte(hash),
        job: B256::repeat_byte(job),
        sender: Address::repeat_byte(3),
        nonce,
        raw: vec![2, hash],
        max_fee: 30,
        priority_fee: 1,
        status: TxStatus::Live,
        created_at: 100,
    }
}

fn open(dir: &tempfile::TempDir) -> Store {
    Store::open(dir.path()).unwrap()
}

/// A store with job `id` seen in block 5 and brought to `state`.
fn with_job(store: &Store, id: u8, state: State) {
    store.advance(&[block(5, 0)], &[seen(id, 5)]).unwrap();
    let id = B256::repeat_byte(id);
    let blob = store.blobs().put(b"artefact").unwrap();
    for event in [Event::Collected(blob), Event::Inferred(blob), Event::Proved(blob)] {
        if store.job(id).unwrap().state == state {
            return;
        }
        store.apply(id, None, event).unwrap();
    }
    assert_eq!(store.job(id).unwrap().state, state);
}

#[test]
fn a_job_survives_a_restart_at_every_state_with_its_history() {
    let dir = tempfile::tempdir().unwrap();
    let id = B256::repeat_byte(1);
    open(&dir).advance(&[block(5, 0)], &[seen(1, 5)]).unwrap();
    let blob = open(&dir).blobs().put(b"x").unwrap();
    for (event, state) in [
        (Event::Collected(blob), State::Collected),
        (Event::Inferred(blob), State::Inferred),
        (Event::Proved(blob), State::Proved),
        (Event::Submitted, State::Submitted),
        (Event::Fulfilled(answered(6, 1)), State::Final),
    ] {
        open(&dir).apply(id, None, event).unwrap();
        assert_eq!(open(&dir).job(id).unwrap().state, state);
    }
    let states: Vec<String> = open(&dir).history(id).unwrap().into_iter().map(|t| t.to).collect();
    assert_eq!(states, ["requested", "collected", "inferred", "proved", "submitted", "final"]);
}

#[test]
fn a_stage_that_worked_on_an_older_version_is_refused_and_changes_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(&dir);
    with_job(&store, 1, State::Collected);
    let id = B256::repeat_byte(1);
    let version = store.job(id).unwrap().version;
    let event = Event::RolledBack { to: State::Requested, reason: "damaged".to_owned() };
    store.apply(id, Some(version), event).unwrap();
    let before = store.job(id).unwrap();
    let error = store.apply(id, Some(version), Event::Inferred(B256::ZERO)).unwrap_err();
    assert_eq!(error.to_string(), format!("job {id} changed meanwhile: expected version 1, got 2"));
    assert_eq!(store.job(id).unwrap(), before);
}

#[test]
fn a_refused_transition_leaves_no_trace() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(&dir);
    with_job(&store, 1, State::Requested);
    let id = B256::repeat_byte(1);
    let error = store.apply(id, None, Event::Proved(B256::ZERO)).unwrap_err();
    let expected = TransitionError { id, event: "proved", expected: "inferred", got: State::Requested };
    assert!(matches!(error, StoreError::Transition(e) if e == expected));
    assert_eq!(store.history(id).unwrap().len(), 1);
}

#[test]
fn a_reorg_undoes_requests_and_answers_above_the_ancestor_only() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(&dir);
    let blocks: Vec<_> = (4..=8).map(|n| block(n, 0)).collect();
    store.advance(&blocks, &[seen(1, 5), seen(2, 7)]).unwrap();
    let [one, two] = [B256::repeat_byte(1), B256::repeat_byte(2)];
    store.advance(&[block(9, 0)], &[Sighting::Fulfilled(one, answered(9, 9))]).unwrap();
    assert_eq!(store.job(one).unwrap().state, State::Final);

    let changed = store.roll_back(6).unwrap();
    assert_eq!(
        changed.iter().map(|j| (j.id(), j.state)).collect::<Vec<_>>(),
        [(two, State::Reorged), (one, State::Requested),]
    );
    assert_eq!(store.tip().unwrap(), Some(block(6, 0)));

    store.advance(&[block(7, 1)], &[seen(2, 7)]).unwrap();
    assert_eq!(store.job(two).unwrap().state, State::Requested);
}

#[test]
fn an_answer_taken_back_waits_for_the_same_transaction() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(&dir);
    with_job(&store, 1, State::Proved);
    let id = B256::repeat_byte(1);
    let version = store.job(id).unwrap().version;
    store.submit(version, &tx(1, 9, 4)).unwrap();
    store.advance(&[block(9, 0)], &[Sighting::Fulfilled(id, answered(9, 9))]).unwrap();
    assert_eq!(store.txs_of(id).unwrap()[0].status, TxStatus::Mined);
    store.roll_back(8).unwrap();
    assert_eq!(store.job(id).unwrap().state, State::Submitted);
    assert_eq!(store.txs_of(id).unwrap(), [tx(1, 9, 4)]);
}

#[test]
fn a_job_never_has_live_transactions_on_two_nonces() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(&dir);
    with_job(&store, 1, State::Proved);
    let id = B256::repeat_byte(1);
    let version = store.job(id).unwrap().version;
    let job = store.submit(version, &tx(1, 9, 4)).unwrap();
    let error = store.submit(job.version, &tx(1, 10, 5)).unwrap_err();
    assert!(matches!(error, StoreError::SecondNonce { expected: 4, got: 5, .. }), "{error}");
    let job = store.submit(job.version, &tx(1, 11, 4)).unwrap();
    assert_eq!(store.live_txs(Address::repeat_byte(3)).unwrap().len(), 2);
    let back = store.abandon_txs(id, job.version, "displaced".to_owned()).unwrap();
    assert_eq!(back.state, State::Proved);
    assert!(store.live_txs(Address::repeat_byte(3)).unwrap().is_empty());
}

#[test]
fn a_refund_expires_an_open_job_and_leaves_a_finished_one() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(&dir);
    store.advance(&[block(5, 0)], &[seen(1, 5), seen(2, 5)]).unwrap();
    let [one, two] = [B256::repeat_byte(1), B256::repeat_byte(2)];
    store.advance(&[block(6, 0)], &[Sighting::Fulfilled(two, answered(6, 1))]).unwrap();
    let refunds = [Sighting::Refunded(one, block(7, 0)), Sighting::Refunded(two, block(7, 0))];
    store.advance(&[block(7, 0)], &refunds).unwrap();
    assert_eq!(store.job(one).unwrap().state, State::Expired);
    assert_eq!(store.job(two).unwrap().state, State::Final);
}

#[test]
fn ready_jobs_come_by_deadline_and_not_before_their_time() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(&dir);
    store.advance(&[block(5, 0)], &[seen(3, 5), seen(1, 5), seen(2, 5)]).unwrap();
    let wait = Event::Deferred { not_before: 500, reason: "later".to_owned() };
    store.apply(B256::repeat_byte(1), None, wait).unwrap();
    let ids = |now| store.jobs_ready(State::Requested, now).unwrap().iter().map(|j| j.id()[0]).collect::<Vec<_>>();
    assert_eq!(ids(499), [2, 3]);
    assert_eq!(ids(500), [1, 2, 3]);
}

#[test]
fn damaged_and_missing_blobs_are_named() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(&dir);
    let hash = store.blobs().put(b"proof").unwrap();
    assert_eq!(store.blobs().get(hash).unwrap(), b"proof");
    std::fs::write(store.blobs().path(hash), b"prooF").unwrap();
    let error = store.blobs().get(hash).unwrap_err();
    assert!(matches!(error, StoreError::BlobDamaged { expected, got } if expected == hash && got != hash));
    assert!(matches!(store.blobs().get(B256::ZERO), Err(StoreError::BlobMissing(B256::ZERO))));
    assert_eq!(store.blobs().put(b"proof").unwrap(), hash, "storing again repairs");
    assert_eq!(store.blobs().get(hash).unwrap(), b"proof");
}

#[tokio::test]
async fn a_lost_artefact_takes_the_job_back_to_where_it_is_made() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(&dir);
    let hash = store.blobs().put(b"{\"a\":1}").unwrap();
    std::fs::remove_file(store.blobs().path(hash)).unwrap();
    let back = load_blob::<serde_json::Value>(&store, Some(hash), State::Collected).await.unwrap().unwrap_err();
    let reason = format!("blob {hash} is missing from the store");
    assert_eq!(back, Event::RolledBack { to: State::Collected, reason });
}

#[test]
fn a_store_of_another_deployment_or_version_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    open(&dir).bind(1, Address::ZERO).unwrap();
    open(&dir).bind(1, Address::ZERO).unwrap();
    let error = open(&dir).bind(2, Address::ZERO).unwrap_err();
    assert!(matches!(error, StoreError::OtherDeployment { got, .. } if got.starts_with("chain 2,")));
    let path = dir.path().join("node.sqlite");
    Connection::open(&path).unwrap().pragma_update(None, "user_version", 7).unwrap();
    let error = Store::open(dir.path()).err().unwrap();
    assert!(matches!(error, StoreError::Version { expected: 1, got: 7, .. }), "{error}");
}

#[test]
fn timings_are_smoothed() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(&dir);
    assert_eq!(store.timing("prove").unwrap(), None);
    store.record_timing("prove", 4.0).unwrap();
    store.record_timing("prove", 8.0).unwrap();
    assert_eq!(store.timing("prove").unwrap(), Some(5.0));
}
