//! [`Chain`] over an HTTP JSON-RPC endpoint.
//!
//! Every request has a time limit and is repeated with growing delays while the endpoint is down, slow or
//! rate-limits; what the endpoint refuses for good is returned at once.

use std::{borrow::Cow, time::Duration};

use alloy::{
    consensus::BlockHeader,
    primitives::{Address, B256, Bytes, U64, U256},
    rpc::{
        client::RpcClient,
        json_rpc::{ErrorPayload, RpcError, RpcRecv, RpcSend},
        types::{Block, Filter, Log, TransactionReceipt},
    },
    transports::{TransportError, TransportErrorKind},
};
use async_trait::async_trait;
use serde_json::{Value, json};

use super::{Chain, ChainError, ChainLog, Header, Receipt};
use crate::{deploy::revert_reason, job::BlockId, runtime::Backoff};

/// How patient the client is.
#[derive(Clone, Copy, Debug)]
pub struct RetryPolicy {
    /// Time for one try.
    pub timeout: Duration,
    /// Tries after the first.
    pub retries: u32,
    /// First delay; doubles up to thirty times itself.
    pub first_delay: Duration,
}

/// An HTTP endpoint.
pub struct RpcChain {
    client: RpcClient,
    shown_url: String,
    policy: RetryPolicy,
}

/// What became of one try.
enum Attempt<T> {
    Done(T),
    Again(String, Option<Duration>),
    Over(ChainError),
}

impl RpcChain {
    /// A client of `url`. Nothing is sent yet.
    ///
    /// # Errors
    /// [`ChainError::Decode`] if `url` is none.
    pub fn new(url: &str, policy: RetryPolicy) -> Result<Self, ChainError> {
        let parsed = reqwest::Url::parse(url)
            .map_err(|e| ChainError::Decode { what: "the RPC URL".to_owned(), reason: e.to_string() })?;
        Ok(Self { shown_url: shown(&parsed), client: RpcClient::new_http(parsed), policy })
    }

    /// One JSON-RPC request under the retry policy.
    ///
    /// # Errors
    /// [`ChainError`].
    pub async fn request<P, R>(&self, method: &'static str, params: P) -> Result<R, ChainError>
    where
        P: RpcSend + Clone,
        R: RpcRecv,
    {
        let first = self.policy.first_delay;
        let mut backoff = Backoff::new(first, first.saturating_mul(30));
        loop {
            let sent = self.client.request::<P, R>(Cow::Borrowed(method), params.clone());
            let attempt = match tokio::time::timeout(self.policy.timeout, sent).await {
                Ok(result) => classify(method, result),
                Err(_) => Attempt::Again(format!("no answer within {} ms", self.policy.timeout.as_millis()), None),
            };
            let (reason, wanted) = match attempt {
                Attempt::Done(value) => return Ok(value),
                Attempt::Over(error) => return Err(error),
                Attempt::Again(reason, wanted) => (reason, wanted),
            };
            metrics::counter!("dodona_rpc_failures_total", "method" => method).increment(1);
            if backoff.tries() >= self.policy.retries {
                let tries = backoff.tries() + 1;
                return Err(ChainError::Unavailable { url: self.shown_url.clone(), method, reason, tries });
            }
            let delay = backoff.next_delay().max(wanted.unwrap_or_default().min(Duration::from_secs(60)));
            tracing::debug!(method, reason, delay_ms = delay.as_millis(), "repeating an RPC request");
            tokio::time::sleep(delay).await;
        }
    }
}

/// The URL without user, password, path and query: keys of hosted endpoints live there.
fn shown(url: &reqwest::Url) -> String {
    let port = url.port().map_or_else(String::new, |p| format!(":{p}"));
    format!("{}://{}{port}", url.scheme(), url.host_str().unwrap_or("?"))
}

fn classify<T>(method: &'static str, result: Result<T, TransportError>) -> Attempt<T> {
    match result {
        Ok(value) => Attempt::Done(value),
        Err(RpcError::ErrorResp(payload)) => refused(method, &payload),
        Err(RpcError::Transport(kind)) => transport(method, &kind),
        Err(RpcError::NullResp) => Attempt::Over(ChainError::Decode {
            what: method.to_owned(),
            reason: "expected a value, got null".to_owned(),
        }),
        Err(RpcError::DeserError { err, .. }) => {
            Attempt::Over(ChainError::Decode { what: method.to_owned(), reason: err.to_string() })
        }
        Err(other) => Attempt::Over(ChainError::Decode { what: method.to_owned(), reason: other.to_string() }),
    }
}

fn refused<T>(method: &'static str, payload: &ErrorPayload) -> Attempt<T> {
    let data = payload.as_revert_data();
    let message = payload.message.to_string();
    let is_revert = payload.code == 3 || message.to_lowercase().contains("revert");
    if is_revert && matches!(method, "eth_call" | "eth_estimateGas" | "eth_sendRawTransaction") {
        let data = data.unwrap_or_default();
        let reason = if data.is_empty() { message } else { revert_reason(&data) };
        return Attempt::Over(ChainError::Reverted { reason, data });
    }
    let limited = payload.code == 429 || message.to_lowercase().contains("rate limit");
    if limited {
        return Attempt::Again(format!("it limits the rate of requests: {message}"), None);
    }
    Attempt::Over(ChainError::Refused { method, code: payload.code, message })
}

fn transport<T>(method: &'static str, kind: &TransportErrorKind) -> Attempt<T> {
    let Some(http) = kind.as_http_error() else {
        return Attempt::Again(chain_of(kind), None);
    };
    match http.status {
        429 => Attempt::Again("it limits the rate of requests (HTTP 429)".to_owned(), kind.retry_after()),
        408 | 500..=599 => Attempt::Again(format!("HTTP {}", http.status), kind.retry_after()),
        status => Attempt::Over(ChainError::Refused {
            method,
            code: i64::from(status),
            message: format!("HTTP {status}: {}", http.body.chars().take(200).collect::<String>()),
        }),
    }
}

/// An error and its causes in one line, without URLs (they may hold keys).
fn chain_of(error: &dyn std::error::Error) -> String {
    let mut last = error;
    while let Some(source) = last.source() {
        last = source;
    }
    last.to_string()
}

fn block_id(hash: Option<B256>, number: Option<u64>, what: &str) -> Result<BlockId, ChainError> {
    match (hash, number) {
        (Some(hash), Some(number)) => Ok(BlockId { number, hash }),
        _ => Err(ChainError::Decode {
            what: what.to_owned(),
            reason: "expected a mined block's hash and number, got null".to_owned(),
        }),
    }
}

#[async_trait]
impl Chain for RpcChain {
    async fn chain_id(&self) -> Result<u64, ChainError> {
        Ok(self.request::<_, U64>("eth_chainId", ()).await?.to())
    }

    async fn head(&self) -> Result<u64, ChainError> {
        Ok(self.request::<_, U64>("eth_blockNumber", ()).await?.to())
    }

    async fn header(&self, number: u64) -> Result<Option<Header>, ChainError> {
        let params = (U64::from(number), false);
        let block: Option<Block> = self.request("eth_getBlockByNumber", params).await?;
        Ok(block.map(|b| Header {
            id: BlockId { number: b.header.number(), hash: b.header.hash },
            parent: b.header.parent_hash(),
            timestamp: b.header.timestamp(),
            base_fee: u128::from(b.header.base_fee_per_gas().unwrap_or_default()),
        }))
    }

    async fn logs(&self, address: Address, topics: &[B256], from: u64, to: u64) -> Result<Vec<ChainLog>, ChainError> {
        let filter = Filter::new().address(address).event_signature(topics.to_vec()).from_block(from).to_block(to);
        let logs: Vec<Log> = self.request("eth_getLogs", (filter,)).await?;
        logs.into_iter()
            .filter(|log| !log.removed)
            .map(|log| {
                Ok(ChainLog {
                    block: block_id(log.block_hash, log.block_number, "eth_getLogs")?,
                    tx: log.transaction_hash.unwrap_or_default(),
                    index: log.log_index.unwrap_or_default(),
                    data: log.inner.data,
                })
            })
            .collect()
    }

    async fn code(&self, address: Address) -> Result<Bytes, ChainError> {
        self.request("eth_getCode", (address, "latest")).await
    }

    async fn call(&self, from: Address, to: Address, data: Bytes) -> Result<Bytes, ChainError> {
        let mut tx = json!({ "to": to, "input": data });
        if from != Address::ZERO {
            tx["from"] = json!(from);
        }
        self.request("eth_call", (tx, Value::from("latest"))).await
    }

    async fn estimate_gas(
        &self,
        from: Address,
        to: Option<Address>,
        data: Bytes,
        value: U256,
    ) -> Result<u64, ChainError> {
        let mut tx = json!({ "from": from, "input": data, "value": value });
        if let Some(to) = to {
            tx["to"] = json!(to);
        }
        Ok(self.request::<_, U64>("eth_estimateGas", (tx,)).await?.to())
    }

    async fn nonce(&self, account: Address) -> Result<u64, ChainError> {
        Ok(self.request::<_, U64>("eth_getTransactionCount", (account, "latest")).await?.to())
    }

    async fn pending_nonce(&self, account: Address) -> Result<u64, ChainError> {
        Ok(self.request::<_, U64>("eth_getTransactionCount", (account, "pending")).await?.to())
    }

    async fn balance(&self, account: Address) -> Result<U256, ChainError> {
        self.request("eth_getBalance", (account, "latest")).await
    }

    async fn send_raw(&self, raw: &[u8]) -> Result<(), ChainError> {
        let raw = Bytes::copy_from_slice(raw);
        match self.request::<_, B256>("eth_sendRawTransaction", (raw,)).await {
            Ok(_) => Ok(()),
            Err(ChainError::Refused { message, .. }) if is_known(&message) => Ok(()),
            Err(error) => Err(error),
        }
    }

    async fn receipt(&self, tx: B256) -> Result<Option<Receipt>, ChainError> {
        let receipt: Option<TransactionReceipt> = self.request("eth_getTransactionReceipt", (tx,)).await?;
        let Some(receipt) = receipt else { return Ok(None) };
        let block = block_id(receipt.block_hash, receipt.block_number, "eth_getTransactionReceipt")?;
        Ok(Some(Receipt {
            block,
            success: receipt.status(),
            gas_used: receipt.gas_used,
            gas_price: receipt.effective_gas_price,
            created: receipt.contract_address,
        }))
    }
}

/// Words with which nodes say that they have the transaction already.
fn is_known(message: &str) -> bool {
    let text = message.to_lowercase();
    ["already known", "already imported", "known transaction", "already in mempool"].iter().any(|w| text.contains(w))
}
