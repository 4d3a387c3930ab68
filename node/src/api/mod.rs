//! The operator's status API: what the node does, for people and probes. It has no authentication and
//! changes nothing; it belongs on loopback.
//!
//! | path | what |
//! |---|---|
//! | `/healthz` | 200 if the watcher looked at the chain lately, 503 otherwise |
//! | `/metrics` | Prometheus text |
//! | `/v1/jobs` | the jobs, the last changed first (`?limit=`, at most 1000) |
//! | `/v1/jobs/{id}` | one job with its history and transactions |

#[cfg(test)]
mod tests;

use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use alloy::primitives::B256;
use async_trait::async_trait;
use axum::{
    Json, Router,
    extract::{Path, Query, State},
    http::StatusCode,
    response::{IntoResponse, Response},
    routing::get,
};
use metrics_exporter_prometheus::PrometheusHandle;
use serde::{Deserialize, Serialize};
use serde_json::json;
use tokio::net::TcpListener;

use crate::{
    job::{Fulfilment, Job},
    runtime::{Failure, Service, Stop, unix_now},
    store::{Store, StoreError},
};

/// Seconds without a look at the chain after which the node is unhealthy.
const STALE_AFTER: u64 = 120;

/// The status server.
#[derive(Clone)]
pub struct StatusServer {
    /// Address to serve on.
    pub listen: SocketAddr,
    /// The store.
    pub store: Store,
    /// Unix seconds of the watcher's last look.
    pub seen_at: Arc<AtomicU64>,
    /// The metrics.
    pub metrics: PrometheusHandle,
}

/// A job as served.
#[derive(Debug, Serialize)]
pub struct JobView {
    id: B256,
    model: B256,
    mode: &'static str,
    state: &'static str,
    reason: Option<String>,
    attempts: u32,
    created_at: u64,
    deadline: u64,
    request_block: u64,
    fulfilment: Option<Fulfilment>,
}

impl From<&Job> for JobView {
    fn from(job: &Job) -> Self {
        Self {
            id: job.id(),
            model: job.request.model_id,
            mode: job.request.mode.name(),
            state: job.state.name(),
            reason: job.reason.clone(),
            attempts: job.attempts,
            created_at: job.request.created_at,
            deadline: job.request.deadline,
            request_block: job.seen.number,
            fulfilment: job.fulfilment.clone(),
        }
    }
}

/// An error as JSON: `{"error": "..."}`.
pub fn error_body(status: StatusCode, message: &str) -> Response {
    (status, Json(json!({ "error": message }))).into_response()
}

#[derive(Deserialize)]
struct Limit {
    limit: Option<u32>,
}

/// Routes of the status API.
pub fn router(server: StatusServer) -> Router {
    Router::new()
        .route("/healthz", get(healthz))
        .route("/metrics", get(render))
        .route("/v1/jobs", get(jobs))
        .route("/v1/jobs/{id}", get(job))
        .with_state(server)
}

async fn healthz(State(server): State<StatusServer>) -> Response {
    let age = unix_now().saturating_sub(server.seen_at.load(Ordering::Relaxed));
    if age <= STALE_AFTER {
        (StatusCode::OK, "ok\n").into_response()
    } else {
        error_body(StatusCode::SERVICE_UNAVAILABLE, "the watcher has not reached the chain lately")
    }
}

async fn render(State(server): State<StatusServer>) -> Response {
    if let Ok(counts) = server.store.call(|s| s.counts()).await {
        for (state, count) in counts {
            #[expect(clippy::cast_precision_loss, reason = "job counts are far below 2^53")]
            metrics::gauge!("dodona_jobs", "state" => state.name()).set(count as f64);
        }
    }
    server.metrics.render().into_response()
}

async fn jobs(State(server): State<StatusServer>, Query(Limit { limit }): Query<Limit>) -> Response {
    let limit = limit.unwrap_or(100).min(1_000);
    match server.store.call(move |s| s.jobs(limit)).await {
        Ok(jobs) => Json(jobs.iter().map(JobView::from).collect::<Vec<_>>()).into_response(),
        Err(error) => failed(&error),
    }
}

async fn job(State(server): State<StatusServer>, Path(id): Path<String>) -> Response {
    let Ok(id) = id.parse::<B256>() else {
        return error_body(StatusCode::BAD_REQUEST, &format!("expected a job id of 32 bytes in hex, got {id:?}"));
    };
    match server.store.call(move |s| Ok((s.job(id)?, s.history(id)?, s.txs_of(id)?))).await {
        Ok((job, history, txs)) => {
            let txs: Vec<_> = txs
                .iter()
                .map(|t| json!({ "hash": t.hash, "nonce": t.nonce, "max_fee": t.max_fee.to_string(), "status": format!("{:?}", t.status).to_lowercase() }))
                .collect();
            Json(json!({ "job": JobView::from(&job), "history": history, "transactions": txs })).into_response()
        }
        Err(StoreError::NoJob(_)) => error_body(StatusCode::NOT_FOUND, "no such job"),
        Err(error) => failed(&error),
    }
}

fn failed(error: &StoreError) -> Response {
    tracing::error!(%error, "the status API cannot read the store");
    error_body(StatusCode::INTERNAL_SERVER_ERROR, "the store cannot be read")
}

/// The address of the status API cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("cannot listen on {address}: {source}")]
pub struct ListenError {
    address: SocketAddr,
    source: std::io::Error,
}

#[async_trait]
impl Service for StatusServer {
    fn name(&self) -> &'static str {
        "api"
    }

    async fn run(&self, stop: Stop) -> Result<(), Failure> {
        let address = self.listen;
        let listener =
            TcpListener::bind(address).await.map_err(|source| Failure::fatal(ListenError { address, source }))?;
        tracing::info!(%address, "serving the status API");
        let until = async move { stop.draining().await };
        axum::serve(listener, router(self.clone())).with_graceful_shutdown(until).await.map_err(Failure::restart)
    }
}
