//! HTTP: the newest observation of a feed, and one by its number.

use std::net::SocketAddr;

use alloy::primitives::B256;
use async_trait::async_trait;
use axum::{
    Json, Router,
    extract::{Path, State},
    http::StatusCode,
    response::{IntoResponse, Response},
    routing::get,
};
use tokio::net::TcpListener;

use super::{Book, PublishError};
use crate::{
    api::error_body,
    feed::Observation,
    runtime::{Failure, Service, Stop},
};

/// The publisher's server.
pub struct PublisherServer {
    /// Address to serve on.
    pub listen: SocketAddr,
    /// What to serve.
    pub book: Book,
}

/// Routes of the publisher.
pub fn router(book: Book) -> Router {
    Router::new()
        .route("/healthz", get(|| async { "ok\n" }))
        .route("/v1/feeds/{feed}/latest", get(latest))
        .route("/v1/feeds/{feed}/at/{seq}", get(at))
        .with_state(book)
}

async fn latest(State(book): State<Book>, Path(feed): Path<String>) -> Response {
    answer(feed, move |feed| book.latest(feed)).await
}

async fn at(State(book): State<Book>, Path((feed, seq)): Path<(String, String)>) -> Response {
    let Ok(seq) = seq.parse::<u64>() else {
        return error_body(StatusCode::BAD_REQUEST, &format!("expected a sequence number, got {seq:?}"));
    };
    answer(feed, move |feed| book.at(feed, seq)).await
}

async fn answer<F>(feed: String, look: F) -> Response
where
    F: FnOnce(B256) -> Result<Option<Observation>, PublishError> + Send + 'static,
{
    let Ok(feed) = feed.parse::<B256>() else {
        return error_body(StatusCode::BAD_REQUEST, &format!("expected a feed id of 32 bytes in hex, got {feed:?}"));
    };
    match tokio::task::spawn_blocking(move || look(feed)).await {
        Ok(Ok(Some(observation))) => Json(observation).into_response(),
        Ok(Ok(None)) => error_body(StatusCode::NOT_FOUND, "no such observation"),
        Ok(Err(error)) => {
            tracing::error!(%error, "cannot serve an observation");
            error_body(StatusCode::INTERNAL_SERVER_ERROR, "the publisher cannot read its book")
        }
        Err(_) => error_body(StatusCode::SERVICE_UNAVAILABLE, "stopping"),
    }
}

#[async_trait]
impl Service for PublisherServer {
    fn name(&self) -> &'static str {
        "publisher-api"
    }

    async fn run(&self, stop: Stop) -> Result<(), Failure> {
        let address = self.listen;
        let listener = TcpListener::bind(address)
            .await
            .map_err(|source| Failure::fatal(PublishError::Listen { address, source }))?;
        tracing::info!(%address, "serving observations");
        let until = async move { stop.draining().await };
        axum::serve(listener, router(self.book.clone())).with_graceful_shutdown(until).await.map_err(Failure::restart)
    }
}
