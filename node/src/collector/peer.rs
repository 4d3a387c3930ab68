//! A publisher, over HTTP.

use std::time::Duration;

use alloy::primitives::B256;
use async_trait::async_trait;

use crate::feed::Observation;

/// Most bytes of an answer that are read.
const MOST_BYTES: usize = 4 << 20;

/// Why a publisher served nothing.
#[derive(Debug, thiserror::Error)]
pub enum PeerError {
    /// It has no such observation.
    #[error("it has no observation {0}")]
    None(u64),
    /// It cannot be reached, or answers with an error.
    #[error("{0}")]
    Unreachable(String),
    /// The answer is no observation.
    #[error("its answer is not an observation: {0}")]
    Malformed(String),
}

/// A source of observations. What it serves is not trusted.
#[async_trait]
pub trait Peer: Send + Sync {
    /// Name for messages.
    fn name(&self) -> &str;

    /// Observation `seq` of `feed`.
    async fn observation(&self, feed: B256, seq: u64) -> Result<Observation, PeerError>;
}

/// The innermost cause: the outer ones only say that a request failed.
fn root(error: &dyn std::error::Error) -> String {
    let mut last = error;
    while let Some(source) = last.source() {
        last = source;
    }
    last.to_string()
}

/// A publisher at a base URL.
pub struct HttpPeer {
    client: reqwest::Client,
    base: String,
}

impl HttpPeer {
    /// A client of the publisher at `base` (without `/v1`) that waits `timeout` for an answer.
    ///
    /// # Errors
    /// [`PeerError::Unreachable`] if the HTTP client cannot be made.
    pub fn new(base: &str, timeout: Duration) -> Result<Self, PeerError> {
        let client = reqwest::Client::builder()
            .timeout(timeout)
            .redirect(reqwest::redirect::Policy::none())
            .build()
            .map_err(|e| PeerError::Unreachable(e.to_string()))?;
        Ok(Self { client, base: base.trim_end_matches('/').to_owned() })
    }
}

#[async_trait]
impl Peer for HttpPeer {
    fn name(&self) -> &str {
        &self.base
    }

    async fn observation(&self, feed: B256, seq: u64) -> Result<Observation, PeerError> {
        let unreachable = |e: reqwest::Error| PeerError::Unreachable(root(&e));
        let url = format!("{}/v1/feeds/{feed}/at/{seq}", self.base);
        let mut reply = self.client.get(url).send().await.map_err(unreachable)?;
        match reply.status().as_u16() {
            200 => {}
            404 => return Err(PeerError::None(seq)),
            status => return Err(PeerError::Unreachable(format!("HTTP {status}"))),
        }
        let mut body = Vec::new();
        while let Some(chunk) = reply.chunk().await.map_err(unreachable)? {
            body.extend_from_slice(&chunk);
            if body.len() > MOST_BYTES {
                return Err(PeerError::Malformed(format!("expected at most {MOST_BYTES} bytes, got more")));
            }
        }
        serde_json::from_slice(&body).map_err(|e| PeerError::Malformed(e.to_string()))
    }
}
