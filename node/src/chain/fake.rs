//! A chain in memory, for tests: blocks with logs, forks, an account's transactions.

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    sync::Mutex,
};

use alloy::primitives::{Address, B256, Bytes, LogData, U256, keccak256};
use async_trait::async_trait;

use super::{Chain, ChainError, ChainLog, Header, Receipt};
use crate::job::BlockId;

/// State of the fake; tests set it directly.
#[derive(Default)]
pub(crate) struct State {
    pub chain_id: u64,
    pub headers: Vec<Header>,
    pub logs: BTreeMap<u64, Vec<(Address, ChainLog)>>,
    pub code: HashMap<Address, Bytes>,
    pub nonces: HashMap<Address, u64>,
    pub balance: U256,
    pub sent: Vec<Vec<u8>>,
    pub receipts: HashMap<B256, Receipt>,
    /// Result of every `eth_call`, by selector.
    pub calls: HashMap<[u8; 4], Result<Bytes, String>>,
    /// Reply to `send_raw`.
    pub refuse_send: Option<(i64, String)>,
    /// Widest range that `logs` serves.
    pub max_range: Option<u64>,
    /// Ranges asked for.
    pub ranges: Vec<(u64, u64)>,
    pub down: bool,
    known: HashSet<B256>,
}

/// The fake chain.
pub(crate) struct FakeChain(pub Mutex<State>);

impl FakeChain {
    /// A chain of a genesis block and `blocks` more, on fork 0.
    pub(crate) fn new(blocks: u64) -> Self {
        let fake = Self(Mutex::new(State { chain_id: 31_337, balance: U256::MAX, ..State::default() }));
        fake.extend(blocks + 1, 0);
        fake
    }

    /// Adds `count` empty blocks whose hashes depend on `fork`.
    pub(crate) fn extend(&self, count: u64, fork: u64) {
        let mut state = self.0.lock().unwrap();
        for _ in 0..count {
            let number = state.headers.len() as u64;
            let parent = state.headers.last().map_or(B256::ZERO, |h| h.id.hash);
            let hash = keccak256([parent.as_slice(), &fork.to_be_bytes(), &number.to_be_bytes()].concat());
            let id = BlockId { number, hash };
            state.headers.push(Header { id, parent, timestamp: 1_000 + 12 * number, base_fee: 1_000_000_000 });
        }
    }

    /// Drops the blocks above `ancestor` with their logs and adds `count` of another fork.
    pub(crate) fn fork(&self, ancestor: u64, count: u64, fork: u64) {
        {
            let mut state = self.0.lock().unwrap();
            state.headers.truncate(usize::try_from(ancestor).unwrap() + 1);
            state.logs.retain(|number, _| *number <= ancestor);
        }
        self.extend(count, fork);
    }

    /// Adds a log to an existing block.
    pub(crate) fn log(&self, number: u64, address: Address, tx: B256, data: LogData) {
        let mut state = self.0.lock().unwrap();
        let block = state.headers[usize::try_from(number).unwrap()].id;
        let logs = state.logs.entry(number).or_default();
        let index = logs.len() as u64;
        logs.push((address, ChainLog { block, tx, index, data }));
    }

    fn up(&self) -> Result<std::sync::MutexGuard<'_, State>, ChainError> {
        let state = self.0.lock().unwrap();
        if state.down {
            return Err(ChainError::Unavailable {
                url: "http://fake".to_owned(),
                method: "any",
                reason: "down".to_owned(),
                tries: 1,
            });
        }
        Ok(state)
    }
}

#[async_trait]
impl Chain for FakeChain {
    async fn chain_id(&self) -> Result<u64, ChainError> {
        Ok(self.up()?.chain_id)
    }

    async fn head(&self) -> Result<u64, ChainError> {
        Ok(self.up()?.headers.len() as u64 - 1)
    }

    async fn header(&self, number: u64) -> Result<Option<Header>, ChainError> {
        Ok(self.up()?.headers.get(usize::try_from(number).unwrap()).copied())
    }

    async fn logs(&self, address: Address, topics: &[B256], from: u64, to: u64) -> Result<Vec<ChainLog>, ChainError> {
        let mut state = self.up()?;
        state.ranges.push((from, to));
        if state.max_range.is_some_and(|most| to - from + 1 > most) {
            return Err(ChainError::Refused {
                method: "eth_getLogs",
                code: -32_005,
                message: "block range too large".to_owned(),
            });
        }
        let of = |(a, log): &(Address, ChainLog)| {
            (*a == address && log.data.topics().first().is_some_and(|t| topics.contains(t))).then(|| log.clone())
        };
        Ok(state.logs.range(from..=to).flat_map(|(_, logs)| logs.iter().filter_map(of)).collect())
    }

    async fn code(&self, address: Address) -> Result<Bytes, ChainError> {
        Ok(self.up()?.code.get(&address).cloned().unwrap_or_default())
    }

    async fn call(&self, _: Address, _: Address, data: Bytes) -> Result<Bytes, ChainError> {
        let selector = [data[0], data[1], data[2], data[3]];
        match self.up()?.calls.get(&selector) {
            Some(Ok(out)) => Ok(out.clone()),
            Some(Err(reason)) => Err(ChainError::Reverted { reason: reason.clone(), data: Bytes::new() }),
            None => Err(ChainError::Reverted { reason: "no such function".to_owned(), data: Bytes::new() }),
        }
    }

    async fn estimate_gas(&self, _: Address, _: Option<Address>, _: Bytes, _: U256) -> Result<u64, ChainError> {
        self.up().map(|_| 500_000)
    }

    async fn nonce(&self, account: Address) -> Result<u64, ChainError> {
        Ok(self.up()?.nonces.get(&account).copied().unwrap_or_default())
    }

    async fn pending_nonce(&self, account: Address) -> Result<u64, ChainError> {
        self.nonce(account).await
    }

    async fn balance(&self, _: Address) -> Result<U256, ChainError> {
        Ok(self.up()?.balance)
    }

    async fn send_raw(&self, raw: &[u8]) -> Result<(), ChainError> {
        let mut state = self.up()?;
        if let Some((code, message)) = state.refuse_send.clone() {
            return Err(ChainError::Refused { method: "eth_sendRawTransaction", code, message });
        }
        if state.known.insert(keccak256(raw)) {
            state.sent.push(raw.to_vec());
        }
        Ok(())
    }

    async fn receipt(&self, tx: B256) -> Result<Option<Receipt>, ChainError> {
        Ok(self.up()?.receipts.get(&tx).copied())
    }
}
