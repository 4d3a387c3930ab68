//! The publisher never equivocates, and serves what it signed.

use std::sync::Arc;

use alloy::primitives::{B256, U256};

use super::*;
use crate::{
    bindings::IFeedRegistry::ObservationHeader,
    engine::fake::FakeCommitments,
    feed::{
        Field, Labels, Schema,
        tests::{KEY, domain},
    },
    wallet::Wallet,
};

const FEED: B256 = B256::repeat_byte(0x11);

fn rows() -> Vec<Observed> {
    let row = |n: i64| Observed {
        values: vec![n, 10 * n],
        labels: Labels { date: Some(format!("2020-01-0{n}")), asset: Some("SPX".to_owned()) },
    };
    vec![row(1), row(2), row(3)]
}

fn feed(set_epoch: u32) -> Feed {
    Feed { id: FEED, set_epoch, schema_hash: B256::repeat_byte(7), period: 60, valid_for: 600, rows: rows() }
}

/// A fresh signer over the same folder: every call is a restart.
fn signer(dir: &tempfile::TempDir) -> Signer {
    Signer {
        wallet: Wallet::from_hex(KEY).unwrap(),
        domain: domain(),
        book: Book::open(dir.path()).unwrap(),
        commitments: Arc::new(FakeCommitments),
        feeds: Vec::new(),
    }
}

#[test]
fn one_period_has_one_header_also_after_restarts() {
    let dir = tempfile::tempdir().unwrap();
    let first = signer(&dir).publish(&feed(1), 6_000).unwrap();
    for now in [6_000, 6_001, 6_059] {
        assert_eq!(signer(&dir).publish(&feed(1), now).unwrap(), first);
    }
    let other_data = Feed { rows: rows().split_off(1), ..feed(1) };
    assert_eq!(signer(&dir).publish(&other_data, 6_030).unwrap(), first, "new data is no reason to sign again");
    let next = signer(&dir).publish(&feed(1), 6_060).unwrap();
    assert_eq!((next.header.seq, next.header.observed_at, next.header.valid_until), (101, 6_060, 6_660));
    assert_ne!(next.salt, first.salt);
}

#[test]
fn rows_follow_each_other_and_start_over() {
    let dir = tempfile::tempdir().unwrap();
    let dates: Vec<_> =
        (0..4).map(|i| signer(&dir).publish(&feed(1), 6_000 + 60 * i).unwrap().labels.date.unwrap()).collect();
    assert_eq!(dates, ["2020-01-01", "2020-01-02", "2020-01-03", "2020-01-01"]);
}

#[test]
fn what_is_served_opens_the_commitment_and_is_signed_by_the_publisher() {
    use crate::feed::Commitments;
    let dir = tempfile::tempdir().unwrap();
    let signer = signer(&dir);
    let o = signer.publish(&feed(1), 6_000).unwrap();
    let header = ObservationHeader::from(&o.header);
    assert_eq!(domain().signer(&header, &o.signature), Ok(signer.wallet.address()));
    let commitment = FakeCommitments.commitment(B256::repeat_byte(7), &o.values, o.salt).unwrap();
    assert_eq!(header.commitment, commitment);
    assert!(U256::from_be_bytes(o.salt.0) < U256::from(1) << 254);
    assert_eq!(signer.book.latest(FEED).unwrap(), Some(o.clone()));
    assert_eq!(signer.book.at(FEED, 100).unwrap(), Some(o));
    assert_eq!(signer.book.at(FEED, 99).unwrap(), None);
}

#[test]
fn a_failure_while_signing_stores_nothing() {
    struct Broken;
    impl crate::feed::Commitments for Broken {
        fn commitment(&self, _: B256, _: &[i64], _: B256) -> Result<U256, String> {
            Err("value out of range".to_owned())
        }
    }
    let dir = tempfile::tempdir().unwrap();
    let broken = Signer { commitments: Arc::new(Broken), ..signer(&dir) };
    let error = broken.publish(&feed(1), 6_000).unwrap_err();
    assert_eq!(error.to_string(), "commitment: value out of range");
    assert_eq!(broken.book.latest(FEED).unwrap(), None);
    assert_eq!(signer(&dir).publish(&feed(1), 6_000).unwrap().labels.date.unwrap(), "2020-01-01");
}

fn schema() -> Schema {
    let field = |name: &str| Field { name: name.to_owned(), unit: "fraction".to_owned(), scale: 1_000 };
    Schema { name: "two".to_owned(), version: 1, period: 60, fields: vec![field("a"), field("b")] }
}

fn load(text: &str, asset: Option<&str>) -> Result<Vec<Observed>, PublishError> {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("observations.json");
    std::fs::write(&path, text).unwrap();
    load_observations(&path, &schema(), asset)
}

const FILE: &str = r#"{"feed":"two","observations":[
    {"date":"2020-01-01","asset":"SPX","values":[0.5,-0.25]},
    {"date":"2020-01-01","asset":"NDX","values":[1,2]}]}"#;

#[test]
fn observations_are_read_in_schema_units_by_asset() {
    assert_eq!(load(FILE, None).unwrap().len(), 2);
    assert_eq!(load(FILE, Some("SPX")).unwrap()[0].values, [500, -250]);
    assert!(matches!(load(FILE, Some("WTI")), Err(PublishError::Empty { asset, .. }) if asset == "WTI"));
}

#[test]
fn observations_of_another_feed_or_width_are_refused_with_the_reason() {
    let reason = |text: &str| match load(text, None).unwrap_err() {
        PublishError::Parse { reason, .. } => reason,
        other => other.to_string(),
    };
    assert_eq!(reason(&FILE.replace("\"two\"", "\"three\"")), "expected observations of feed \"two\", got \"three\"");
    assert_eq!(reason(&FILE.replace("[1,2]", "[1]")), "2020-01-01: schema two: expected 2 values, got 1");
}

#[tokio::test]
async fn the_server_answers_with_the_observation_or_says_what_is_wrong() {
    let dir = tempfile::tempdir().unwrap();
    let signer = signer(&dir);
    let observation = signer.publish(&feed(1), 6_000).unwrap();
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base = format!("http://{}/v1/feeds", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, super::server::router(signer.book)).await });
    let get = async |path: String| {
        let reply = reqwest::get(format!("{base}/{path}")).await.unwrap();
        (reply.status().as_u16(), reply.text().await.unwrap())
    };
    let (status, body) = get(format!("{FEED}/latest")).await;
    assert_eq!(status, 200);
    assert_eq!(serde_json::from_str::<crate::feed::Observation>(&body).unwrap(), observation);
    assert_eq!(get(format!("{FEED}/at/100")).await.0, 200);
    assert_eq!(get(format!("{FEED}/at/7")).await, (404, r#"{"error":"no such observation"}"#.to_owned()));
    assert_eq!(
        get("0x12/latest".to_owned()).await,
        (400, r#"{"error":"expected a feed id of 32 bytes in hex, got \"0x12\""}"#.to_owned())
    );
}
