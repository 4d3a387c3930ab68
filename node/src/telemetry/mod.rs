//! Logs and metrics of the long-lived commands. Logs go to stderr.

use std::io::IsTerminal;

use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle};
use tracing_subscriber::EnvFilter;

use crate::config::LogConfig;

/// Why telemetry cannot start.
#[derive(Debug, thiserror::Error)]
pub enum TelemetryError {
    /// The filter is malformed.
    #[error("log.filter: expected a filter such as \"info\" or \"dodona=debug\", got {got:?}: {reason}")]
    Filter {
        /// The filter.
        got: String,
        /// Why.
        reason: String,
    },
    /// A second logger or recorder.
    #[error("telemetry is already running: {0}")]
    Twice(String),
}

/// Starts logging as configured.
///
/// # Errors
/// [`TelemetryError`].
pub fn logs(config: &LogConfig) -> Result<(), TelemetryError> {
    let filter = EnvFilter::try_new(&config.filter)
        .map_err(|e| TelemetryError::Filter { got: config.filter.clone(), reason: e.to_string() })?;
    let builder = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal());
    let started = if config.json { builder.json().try_init() } else { builder.try_init() };
    started.map_err(|e| TelemetryError::Twice(e.to_string()))
}

/// Installs the metrics recorder and describes the metrics (docs/ops/metrics.md).
///
/// # Errors
/// [`TelemetryError::Twice`].
pub fn recorder() -> Result<PrometheusHandle, TelemetryError> {
    let handle = PrometheusBuilder::new().install_recorder().map_err(|e| TelemetryError::Twice(e.to_string()))?;
    metrics::describe_gauge!("dodona_jobs", "jobs in the store, by state");
    metrics::describe_gauge!("dodona_head_block", "newest block that the RPC endpoint reports");
    metrics::describe_gauge!("dodona_scanned_block", "last block whose events are in the store");
    metrics::describe_gauge!("dodona_published_seq", "last observation published, by feed");
    metrics::describe_counter!("dodona_stage_events_total", "what the stages made of jobs, by stage and event");
    metrics::describe_counter!("dodona_reorgs_total", "reorgs followed");
    metrics::describe_counter!("dodona_transactions_total", "transactions signed, replacements included");
    metrics::describe_counter!("dodona_fee_bumps_total", "stuck transactions replaced");
    metrics::describe_counter!("dodona_observations_refused_total", "observations refused");
    metrics::describe_counter!("dodona_rpc_failures_total", "failed tries of RPC requests, by method");
    metrics::describe_counter!("dodona_service_restarts_total", "services started again after a failure, by service");
    metrics::describe_histogram!("dodona_prove_seconds", "time of proving and verifying, by mode");
    Ok(handle)
}
