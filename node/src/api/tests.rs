//! The status API tells states, and health.

use std::sync::{Arc, atomic::AtomicU64};

use alloy::primitives::{Address, B256, U256};
use metrics_exporter_prometheus::PrometheusBuilder;
use serde_json::Value;

use super::*;
use crate::{
    job::{BlockId, Mode, Request},
    store::Sighting,
};

async fn get(base: &str, path: &str) -> (u16, String) {
    let reply = reqwest::get(format!("{base}{path}")).await.unwrap();
    (reply.status().as_u16(), reply.text().await.unwrap())
}

#[tokio::test]
async fn jobs_are_shown_with_their_history_and_health_follows_the_watcher() {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(dir.path()).unwrap();
    let id = B256::repeat_byte(1);
    let request = Request {
        id,
        model_id: B256::repeat_byte(2),
        requester: Address::ZERO,
        mode: Mode::Direct,
        fee: U256::from(1),
        created_at: 10,
        deadline: 20,
        max_data_age: 0,
        max_delivery_age: 0,
        allow_later: false,
        callback_gas_limit: 0,
        verifier_version: 1,
        public_words: Vec::new(),
    };
    let block = BlockId { number: 7, hash: B256::ZERO };
    store.advance(&[block], &[Sighting::Requested(Box::new(request), block)]).unwrap();
    let seen_at = Arc::new(AtomicU64::new(0));
    let metrics = PrometheusBuilder::new().build_recorder().handle();
    let listen = "127.0.0.1:0".parse().unwrap();
    let server = StatusServer { listen, store, seen_at: Arc::clone(&seen_at), metrics };
    let listener = TcpListener::bind(listen).await.unwrap();
    let base = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, router(server)).await });

    assert_eq!(get(&base, "/healthz").await.0, 503);
    seen_at.store(unix_now(), Ordering::Relaxed);
    assert_eq!(get(&base, "/healthz").await, (200, "ok\n".to_owned()));

    let (status, body) = get(&base, "/v1/jobs").await;
    let jobs: Value = serde_json::from_str(&body).unwrap();
    assert_eq!(
        (status, jobs[0]["state"].as_str(), jobs[0]["request_block"].as_u64()),
        (200, Some("requested"), Some(7))
    );
    let (_, body) = get(&base, &format!("/v1/jobs/{id}")).await;
    let job: Value = serde_json::from_str(&body).unwrap();
    assert_eq!(job["history"][0]["to"], "requested");
    assert_eq!(get(&base, &format!("/v1/jobs/{}", B256::ZERO)).await, (404, r#"{"error":"no such job"}"#.to_owned()));
    assert_eq!(get(&base, "/v1/jobs/7").await.0, 400);
}
