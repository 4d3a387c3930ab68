//! JSON-RPC to anvil: transactions from its unlocked accounts, exact reverts, time, snapshots, reorgs.

use std::fmt::Debug;

use alloy::{
    primitives::{Address, B256, Bytes, Log, LogData, U64, U256},
    sol_types::{SolCall, SolError, SolEvent},
};
use anyhow::{Context, Result, bail};
use serde::{Deserialize, de::DeserializeOwned};
use serde_json::{Value, json};

/// Gas limit of a transaction whose use is not known: below anvil's block limit of 30 million.
pub const GAS: u64 = 16_000_000;

/// A client of one endpoint.
#[derive(Clone, Debug)]
pub struct Chain {
    client: reqwest::Client,
    url: String,
}

/// A mined transaction.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Receipt {
    /// Its hash.
    pub transaction_hash: B256,
    status: U64,
    gas_used: U64,
    block_number: U64,
    contract_address: Option<Address>,
    logs: Vec<WireLog>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct WireLog {
    address: Address,
    topics: Vec<B256>,
    data: Bytes,
    block_number: U64,
    transaction_hash: B256,
}

/// Where an event stands on the chain.
#[derive(Clone, Copy, Debug)]
pub struct Place {
    /// Number of its block.
    pub block: u64,
    /// Hash of its transaction.
    pub transaction: B256,
}

impl Receipt {
    /// False if it reverted.
    pub fn success(&self) -> bool {
        self.status == U64::from(1)
    }

    /// Gas used, with what the transaction and its calldata cost.
    pub fn gas(&self) -> u64 {
        self.gas_used.to()
    }

    /// Number of its block.
    pub fn block(&self) -> u64 {
        self.block_number.to()
    }

    /// Its events of one kind, from any contract.
    pub fn events<E: SolEvent>(&self) -> Vec<E> {
        let log =
            |l: &WireLog| Log { address: l.address, data: LogData::new_unchecked(l.topics.clone(), l.data.clone()) };
        self.logs.iter().filter_map(|l| E::decode_log(&log(l)).ok().map(|decoded| decoded.data)).collect()
    }

    /// Its only event of one kind.
    ///
    /// # Errors
    /// None, or several.
    pub fn event<E: SolEvent>(&self) -> Result<E> {
        let mut found = self.events::<E>();
        if found.len() != 1 {
            bail!("expected one event {}, got {}", E::SIGNATURE, found.len());
        }
        found.pop().context("no event")
    }
}

/// An error of the endpoint, with revert data if the call reverted.
#[derive(Clone, Debug, Deserialize)]
struct WireError {
    message: String,
    #[serde(default)]
    data: Value,
}

impl Chain {
    /// A client of the endpoint at `url`.
    pub fn new(url: &str) -> Self {
        Self { client: reqwest::Client::new(), url: url.to_owned() }
    }

    async fn raw(&self, method: &str, params: Value) -> Result<std::result::Result<Value, WireError>> {
        let body = json!({"jsonrpc": "2.0", "id": 1, "method": method, "params": params});
        let reply: Value = self.client.post(&self.url).json(&body).send().await?.json().await?;
        match reply.get("error") {
            Some(error) => Ok(Err(serde_json::from_value(error.clone())?)),
            None => Ok(Ok(reply.get("result").cloned().unwrap_or(Value::Null))),
        }
    }

    /// Calls a method.
    ///
    /// # Errors
    /// No answer, an error as answer, or a result of another type.
    pub async fn rpc<T: DeserializeOwned>(&self, method: &str, params: Value) -> Result<T> {
        match self.raw(method, params).await.with_context(|| format!("{method} at {}", self.url))? {
            Ok(value) => serde_json::from_value(value).with_context(|| format!("result of {method}")),
            Err(error) => bail!("{method}: {}{}", error.message, reason(&error)),
        }
    }

    /// Sends a transaction with a gas limit and waits for its receipt, which may be that of a revert.
    ///
    /// # Errors
    /// The endpoint refuses it.
    pub async fn send(
        &self,
        from: Address,
        to: Option<Address>,
        data: Bytes,
        value: U256,
        gas: u64,
    ) -> Result<Receipt> {
        let mut tx = json!({"from": from, "data": data, "value": value, "gas": U64::from(gas)});
        if let Some(to) = to {
            tx["to"] = json!(to);
        }
        let hash: B256 = self.rpc("eth_sendTransaction", json!([tx])).await?;
        self.receipt(hash).await?.with_context(|| format!("transaction {hash} is not mined"))
    }

    /// Receipt of a transaction, if it is mined. Waits a moment for anvil to mine it.
    ///
    /// # Errors
    /// The endpoint does not answer.
    pub async fn receipt(&self, hash: B256) -> Result<Option<Receipt>> {
        for _ in 0..250 {
            let receipt: Option<Receipt> = self.rpc("eth_getTransactionReceipt", json!([hash])).await?;
            if receipt.is_some() {
                return Ok(receipt);
            }
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        }
        Ok(None)
    }

    /// Calls a function in a transaction that must succeed.
    ///
    /// # Errors
    /// It reverts; the text says why.
    pub async fn transact<C: SolCall>(&self, from: Address, to: Address, call: &C, value: U256) -> Result<Receipt> {
        let data = Bytes::from(call.abi_encode());
        let receipt = self.send(from, Some(to), data.clone(), value, GAS).await?;
        if !receipt.success() {
            let why = self.revert_data(from, to, data, value).await;
            bail!("{} reverted: {}", C::SIGNATURE, why.map_or_else(|e| e.to_string(), |d| explain(&d)));
        }
        Ok(receipt)
    }

    /// Result of a view function at the newest block.
    ///
    /// # Errors
    /// It reverts, or returns something else.
    pub async fn view<C: SolCall>(&self, to: Address, call: &C) -> Result<C::Return> {
        let tx = json!({"to": to, "data": Bytes::from(call.abi_encode()), "gas": U64::from(GAS)});
        let out: Bytes = self.rpc("eth_call", json!([tx, "latest"])).await.context(C::SIGNATURE)?;
        C::abi_decode_returns(&out).with_context(|| format!("result of {}", C::SIGNATURE))
    }

    /// What a call would do in the newest block: its result, or the revert's data.
    ///
    /// # Errors
    /// The endpoint does not answer.
    pub async fn simulate<C: SolCall>(
        &self,
        from: Address,
        to: Address,
        call: &C,
    ) -> Result<std::result::Result<Bytes, Vec<u8>>> {
        self.simulate_with_gas(from, to, call, GAS).await
    }

    /// As [`Self::simulate`], with a gas limit.
    ///
    /// # Errors
    /// As there, or it runs out of gas at the top.
    pub async fn simulate_with_gas<C: SolCall>(
        &self,
        from: Address,
        to: Address,
        call: &C,
        gas: u64,
    ) -> Result<std::result::Result<Bytes, Vec<u8>>> {
        let tx = json!({"from": from, "to": to, "data": Bytes::from(call.abi_encode()), "gas": U64::from(gas)});
        match self.raw("eth_call", json!([tx, "latest"])).await? {
            Ok(result) => Ok(Ok(serde_json::from_value(result)?)),
            Err(error) => match error.data.as_str() {
                Some(hex) => Ok(Err(hex.parse::<Bytes>()?.to_vec())),
                None => bail!("{}: {}", C::SIGNATURE, error.message),
            },
        }
    }

    async fn revert_data(&self, from: Address, to: Address, data: Bytes, value: U256) -> Result<Bytes> {
        let tx = json!({"from": from, "to": to, "data": data, "value": value, "gas": U64::from(GAS)});
        match self.raw("eth_call", json!([tx, "latest"])).await? {
            Ok(result) => bail!("expected a revert, got the result {result}"),
            Err(error) => match error.data.as_str() {
                Some(hex) => Ok(hex.parse()?),
                None => bail!("expected a revert, got the error {}", error.message),
            },
        }
    }

    /// Checks that a call reverts with exactly `expected`, when simulated and when mined.
    ///
    /// # Errors
    /// It succeeds, or reverts with anything else.
    pub async fn refused<C, E>(&self, from: Address, to: Address, call: &C, expected: &E) -> Result<Receipt>
    where
        C: SolCall,
        E: SolError + Debug + PartialEq,
    {
        self.refused_with_value(from, to, call, U256::ZERO, expected).await
    }

    /// As [`Self::refused`], with ether.
    ///
    /// # Errors
    /// As there.
    pub async fn refused_with_value<C, E>(
        &self,
        from: Address,
        to: Address,
        call: &C,
        value: U256,
        expected: &E,
    ) -> Result<Receipt>
    where
        C: SolCall,
        E: SolError + Debug + PartialEq,
    {
        let data = Bytes::from(call.abi_encode());
        let got = self
            .revert_data(from, to, data.clone(), value)
            .await
            .with_context(|| format!("{}: expected {expected:?}", C::SIGNATURE))?;
        if got != expected.abi_encode() {
            bail!("{}: expected the revert {expected:?}, got {}", C::SIGNATURE, explain(&got));
        }
        let receipt = self.send(from, Some(to), data, value, GAS).await?;
        if receipt.success() {
            bail!("{}: expected the revert {expected:?} in a block, got success", C::SIGNATURE);
        }
        Ok(receipt)
    }

    /// Creates a contract.
    ///
    /// # Errors
    /// The creation reverts.
    pub async fn deploy(&self, from: Address, creation: Vec<u8>) -> Result<Address> {
        let receipt = self.send(from, None, creation.into(), U256::ZERO, GAS).await?;
        match receipt.contract_address {
            Some(address) if receipt.success() => Ok(address),
            _ => bail!("the creation of a contract reverted ({} gas)", receipt.gas()),
        }
    }

    /// Code at an address.
    ///
    /// # Errors
    /// The endpoint does not answer.
    pub async fn code(&self, address: Address) -> Result<Bytes> {
        self.rpc("eth_getCode", json!([address, "latest"])).await
    }

    /// Balance in wei.
    ///
    /// # Errors
    /// The endpoint does not answer.
    pub async fn balance(&self, address: Address) -> Result<U256> {
        self.rpc("eth_getBalance", json!([address, "latest"])).await
    }

    /// Mined transactions of an account.
    ///
    /// # Errors
    /// The endpoint does not answer.
    pub async fn nonce(&self, address: Address) -> Result<u64> {
        Ok(self.rpc::<U64>("eth_getTransactionCount", json!([address, "latest"])).await?.to())
    }

    /// Number of the newest block.
    ///
    /// # Errors
    /// The endpoint does not answer.
    pub async fn height(&self) -> Result<u64> {
        Ok(self.rpc::<U64>("eth_blockNumber", json!([])).await?.to())
    }

    /// Time of the newest block, Unix seconds.
    ///
    /// # Errors
    /// The endpoint does not answer.
    pub async fn timestamp(&self) -> Result<u64> {
        let block: Value = self.rpc("eth_getBlockByNumber", json!(["latest", false])).await?;
        let time: U64 = serde_json::from_value(block["timestamp"].clone()).context("timestamp of a block")?;
        Ok(time.to())
    }

    /// Events of one kind from block 0 on, oldest first.
    ///
    /// # Errors
    /// The endpoint does not answer.
    pub async fn events<E: SolEvent>(&self, address: Address) -> Result<Vec<E>> {
        Ok(self.placed_events(address).await?.into_iter().map(|(event, _)| event).collect())
    }

    /// As [`Self::events`], with the place of each.
    ///
    /// # Errors
    /// The endpoint does not answer.
    pub async fn placed_events<E: SolEvent>(&self, address: Address) -> Result<Vec<(E, Place)>> {
        let filter =
            json!({"address": address, "topics": [E::SIGNATURE_HASH], "fromBlock": "0x0", "toBlock": "latest"});
        let logs: Vec<WireLog> = self.rpc("eth_getLogs", json!([filter])).await?;
        let decode = |l: WireLog| {
            let place = Place { block: l.block_number.to(), transaction: l.transaction_hash };
            Ok((E::decode_raw_log(l.topics, &l.data)?, place))
        };
        logs.into_iter().map(decode).collect()
    }

    /// Calldata of a transaction.
    ///
    /// # Errors
    /// There is no such transaction.
    pub async fn input(&self, transaction: B256) -> Result<Bytes> {
        let tx: Value = self.rpc("eth_getTransactionByHash", json!([transaction])).await?;
        serde_json::from_value(tx["input"].clone()).with_context(|| format!("input of {transaction}"))
    }

    /// Sets the time of the next block.
    ///
    /// # Errors
    /// The time lies before the newest block's.
    pub async fn next_timestamp(&self, timestamp: u64) -> Result<()> {
        self.rpc::<Value>("evm_setNextBlockTimestamp", json!([timestamp])).await.map(drop)
    }

    /// Mines a block at a time.
    ///
    /// # Errors
    /// As [`Self::next_timestamp`].
    pub async fn mine_at(&self, timestamp: u64) -> Result<()> {
        self.next_timestamp(timestamp).await?;
        self.mine(1).await
    }

    /// Mines empty blocks.
    ///
    /// # Errors
    /// The endpoint does not answer.
    pub async fn mine(&self, blocks: u64) -> Result<()> {
        self.rpc::<Value>("anvil_mine", json!([U64::from(blocks)])).await.map(drop)
    }

    /// Replaces the newest `depth` blocks by empty ones.
    ///
    /// # Errors
    /// The endpoint does not answer.
    pub async fn reorg(&self, depth: u64) -> Result<()> {
        self.rpc::<Value>("anvil_reorg", json!([depth, []])).await.map(drop)
    }

    /// Stops or starts mining a block for every transaction.
    ///
    /// # Errors
    /// The endpoint does not answer.
    pub async fn automine(&self, on: bool) -> Result<()> {
        self.rpc::<Value>("evm_setAutomine", json!([on])).await.map(drop)
    }

    /// Remembers the chain's state.
    ///
    /// # Errors
    /// The endpoint does not answer.
    pub async fn snapshot(&self) -> Result<U256> {
        self.rpc("evm_snapshot", json!([])).await
    }

    /// Goes back to a remembered state, which is forgotten with it.
    ///
    /// # Errors
    /// There is no such snapshot.
    pub async fn restore(&self, snapshot: U256) -> Result<()> {
        if self.rpc::<bool>("evm_revert", json!([snapshot])).await? {
            return Ok(());
        }
        bail!("snapshot {snapshot} does not exist");
    }
}

fn reason(error: &WireError) -> String {
    let data = error.data.as_str().and_then(|hex| hex.parse::<Bytes>().ok());
    data.map_or_else(String::new, |data| format!(" ({})", explain(&data)))
}

/// Revert data in words.
pub fn explain(data: &[u8]) -> String {
    dodona::deploy::revert_reason(data)
}
