//! The client against a server that misbehaves.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use alloy::primitives::{Address, Bytes};
use axum::{Router, extract::State, http::StatusCode, response::IntoResponse, routing::post};

use super::*;

/// What the server does until it has been asked `times` times.
#[derive(Clone, Copy)]
enum Trouble {
    Limit,
    Sleep,
    Error(&'static str),
}

#[derive(Clone)]
struct Server {
    asked: Arc<AtomicU32>,
    times: u32,
    trouble: Trouble,
}

async fn answer(State(server): State<Server>) -> axum::response::Response {
    if server.asked.fetch_add(1, Ordering::SeqCst) < server.times {
        match server.trouble {
            Trouble::Limit => return StatusCode::TOO_MANY_REQUESTS.into_response(),
            Trouble::Sleep => tokio::time::sleep(Duration::from_secs(5)).await,
            Trouble::Error(body) => return body.into_response(),
        }
    }
    r#"{"jsonrpc":"2.0","id":0,"result":"0x7a69"}"#.into_response()
}

async fn start(times: u32, trouble: Trouble) -> (RpcChain, Arc<AtomicU32>) {
    let asked = Arc::new(AtomicU32::new(0));
    let server = Server { asked: Arc::clone(&asked), times, trouble };
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/secret-key", listener.local_addr().unwrap());
    let app = Router::new().route("/secret-key", post(answer)).with_state(server);
    tokio::spawn(async move { axum::serve(listener, app).await });
    (RpcChain::new(&url, policy()).unwrap(), asked)
}

const fn policy() -> RetryPolicy {
    RetryPolicy { timeout: Duration::from_millis(200), retries: 2, first_delay: Duration::from_millis(1) }
}

#[tokio::test]
async fn rate_limits_and_slow_answers_are_tried_again() {
    for trouble in [Trouble::Limit, Trouble::Sleep] {
        let (chain, asked) = start(2, trouble).await;
        assert_eq!(chain.chain_id().await.unwrap(), 31_337);
        assert_eq!(asked.load(Ordering::SeqCst), 3);
    }
}

#[tokio::test]
async fn an_endpoint_that_keeps_limiting_is_unavailable_and_its_key_is_not_shown() {
    let (chain, asked) = start(99, Trouble::Limit).await;
    let error = chain.chain_id().await.unwrap_err();
    assert!(error.is_transient());
    let text = error.to_string();
    assert!(text.contains("eth_chainId: it limits the rate of requests (HTTP 429) (after 3 tries)"), "{text}");
    assert!(!text.contains("secret-key"), "{text}");
    assert_eq!(asked.load(Ordering::SeqCst), 3);
}

#[tokio::test]
async fn an_endpoint_that_is_down_is_unavailable() {
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let chain = RpcChain::new(&format!("http://{free}"), policy()).unwrap();
    let error = chain.head().await.unwrap_err();
    assert!(matches!(error, ChainError::Unavailable { method: "eth_blockNumber", tries: 3, .. }), "{error}");
    assert!(error.to_string().contains("refused"), "{error}");
}

#[tokio::test]
async fn an_error_of_the_endpoint_is_not_repeated() {
    let body = r#"{"jsonrpc":"2.0","id":0,"error":{"code":-32000,"message":"nonce too low"}}"#;
    let (chain, asked) = start(99, Trouble::Error(body)).await;
    let error = chain.send_raw(&[2]).await.unwrap_err();
    assert!(error.is_nonce_too_low() && !error.is_transient(), "{error}");
    assert_eq!(asked.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn a_transaction_that_is_known_already_is_no_error() {
    let body = r#"{"jsonrpc":"2.0","id":0,"error":{"code":-32000,"message":"already known"}}"#;
    let (chain, _) = start(99, Trouble::Error(body)).await;
    chain.send_raw(&[2]).await.unwrap();
}

#[tokio::test]
async fn a_revert_is_named() {
    let body = r#"{"jsonrpc":"2.0","id":0,"error":{"code":3,"message":"execution reverted","data":"0xdeadbeef"}}"#;
    let (chain, asked) = start(99, Trouble::Error(body)).await;
    let error = chain.call(Address::ZERO, Address::ZERO, Bytes::new()).await.unwrap_err();
    assert_eq!(error.to_string(), "the contract reverted: unknown error 0xdeadbeef");
    assert_eq!(asked.load(Ordering::SeqCst), 1);
}
