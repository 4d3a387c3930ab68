//! A publisher that serves what a scenario tells it, right or wrong, over the real protocol.

use std::{
    net::{Ipv4Addr, SocketAddr},
    sync::{Arc, PoisonError, RwLock},
};

use alloy::primitives::{Address, B256};
use anyhow::Result;
use axum::{
    Json, Router,
    extract::{Path, State},
    routing::get,
};
use dodona::feed::{Labels, Observation, WireHeader};
use tokio::{net::TcpListener, task::JoinHandle};

use crate::{
    answer::Observed,
    market::Day,
    stack::{PERIOD, Stack},
};

/// What is served for a sequence number.
type Answer = Box<dyn Fn(u64) -> Observation + Send + Sync>;

/// The server; it ends when dropped.
pub struct FakePublisher {
    address: SocketAddr,
    answer: Arc<RwLock<Answer>>,
    task: JoinHandle<()>,
}

impl FakePublisher {
    /// Serves `answer` on a free port.
    ///
    /// # Errors
    /// There is no free port.
    pub async fn start(answer: impl Fn(u64) -> Observation + Send + Sync + 'static) -> Result<Self> {
        let answer: Arc<RwLock<Answer>> = Arc::new(RwLock::new(Box::new(answer)));
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let address = listener.local_addr()?;
        let router = Router::new().route("/v1/feeds/{feed}/at/{seq}", get(serve)).with_state(Arc::clone(&answer));
        let task = tokio::spawn(async move {
            let _ = axum::serve(listener, router).await;
        });
        Ok(Self { address, answer, task })
    }

    /// Its base URL.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Serves something else from now on.
    pub fn serve(&self, answer: impl Fn(u64) -> Observation + Send + Sync + 'static) {
        *self.answer.write().unwrap_or_else(PoisonError::into_inner) = Box::new(answer);
    }
}

impl Drop for FakePublisher {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn serve(State(answer): State<Arc<RwLock<Answer>>>, Path((_, seq)): Path<(String, u64)>) -> Json<Observation> {
    Json(answer.read().unwrap_or_else(PoisonError::into_inner)(seq))
}

/// What an honest publisher serves for a sequence number.
///
/// # Errors
/// Values that do not fit their encoding.
pub fn honest(stack: &Stack, day: &Day, seq: u64, key: B256, publisher: Address) -> Result<Observation> {
    let observed = stack.observe(day, seq * PERIOD, key)?;
    Ok(as_served(&observed, publisher))
}

/// An observation as it is served.
pub fn as_served(observed: &Observed, publisher: Address) -> Observation {
    let header = &observed.header;
    let source = observed.slot.sources.first();
    Observation {
        header: WireHeader {
            feed_id: header.feedId,
            set_epoch: header.setEpoch,
            seq: header.seq,
            commitment: header.commitment.into(),
            observed_at: header.observedAt,
            valid_until: header.validUntil,
        },
        signature: observed.signature.clone(),
        publisher,
        values: source.map(|source| source.values.clone()).unwrap_or_default(),
        salt: source.map(|source| source.salt).unwrap_or_default().into(),
        labels: Labels::default(),
    }
}
