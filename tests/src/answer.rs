//! Requests, signed observations and proven answers, as a publisher and an operator make them.

use alloy::primitives::{Address, B256, Bytes, U256, aliases::U96};
use anyhow::{Context, Result, ensure};
use dodona::{
    feed::{FeedDomain, Observation},
    wallet::Wallet,
};
use dodona_circuits::api::{self, Mode, Slot, SlotAnswer, SourceInput};

use crate::{
    abi::{
        IDodonaOracle::{self, RequestParams, SignedHeader},
        IFeedRegistry::ObservationHeader,
        ILendingMarket,
    },
    chain::Receipt,
    fixtures,
    kit::{Aggregated, Kit},
    market::Day,
    stack::{PERIOD, Stack, accounts},
};

/// Chain id of anvil.
pub const CHAIN_ID: u64 = 31_337;
/// Time of the first block in scenarios with fixed times; a multiple of the period.
pub const START: u64 = 1_800_000_000;
/// Time of the first request in such scenarios.
pub const ASKED: u64 = START + 3_600;

/// An observation with what its commitment hides.
#[derive(Clone, Debug)]
pub struct Observed {
    /// What was signed.
    pub header: ObservationHeader,
    /// 65 bytes.
    pub signature: Bytes,
    /// What the model runs on.
    pub slot: Slot,
}

impl From<&Observation> for Observed {
    fn from(served: &Observation) -> Self {
        let input = SourceInput { values: served.values.clone(), salt: served.salt.0 };
        Self {
            header: (&served.header).into(),
            signature: served.signature.clone(),
            slot: Slot { sources: vec![input] },
        }
    }
}

/// All that `fulfil` takes.
pub type Fulfil = IDodonaOracle::fulfilCall;

impl Stack {
    /// Signs a day's values as the observation of the period that begins at or before `time`.
    ///
    /// # Errors
    /// Values that do not fit their encoding.
    pub fn observe(&self, day: &Day, time: u64, key: B256) -> Result<Observed> {
        let mut salt = [0; 32];
        salt[24..].copy_from_slice(&(time ^ 0x5a5a_5a5a).to_be_bytes());
        let commitment = api::commitment(self.schema.0, &day.values, salt)?;
        let seq = time / PERIOD;
        let header = ObservationHeader {
            feedId: self.feed,
            setEpoch: 1,
            seq,
            commitment: U256::from_be_bytes(commitment),
            observedAt: seq * PERIOD,
            validUntil: seq * PERIOD + 86_400,
        };
        let slot = Slot { sources: vec![SourceInput { values: day.values.clone(), salt }] };
        Ok(Observed { signature: self.sign(&header, key)?, header, slot })
    }

    /// Signs a header, whatever it says.
    ///
    /// # Errors
    /// The key is not one.
    pub fn sign(&self, header: &ObservationHeader, key: B256) -> Result<Bytes> {
        let domain = FeedDomain { chain_id: CHAIN_ID, registry: self.feeds };
        let wallet = Wallet::from_hex(&key.to_string()).context("expected a private key")?;
        Ok(domain.sign(header, &wallet)?)
    }

    /// Pays the market's quoted fee for a proven update, in a block at `time` if one is given.
    ///
    /// # Errors
    /// The request reverts.
    pub async fn poke(&self, mode: Mode, time: Option<u64>) -> Result<IDodonaOracle::Requested> {
        if let Some(time) = time {
            self.chain.next_timestamp(time).await?;
        }
        let value = U256::from(10).pow(U256::from(17));
        let call = ILendingMarket::pokeRiskParametersCall { mode: mode_number(mode) };
        self.chain.transact(accounts::USER, self.market, &call, value).await?.event()
    }

    /// Parameters of a plain request for the model in direct mode, made at `time`.
    pub fn params(&self, time: u64) -> RequestParams {
        RequestParams {
            modelId: self.model,
            mode: 0,
            allowLater: false,
            callbackGasLimit: 0,
            verifierVersion: self.direct_version,
            deadline: time + 1_800,
            maxDataAge: 600,
            maxDeliveryAge: 0,
            refundTo: Address::ZERO,
            feeToken: Address::ZERO,
            fee: U96::ZERO,
            penalty: U96::ZERO,
            publicWords: Vec::new(),
        }
    }

    /// Asks the oracle itself for the quoted fee, from [`accounts::USER`], in a block at `time` if one is given.
    ///
    /// # Errors
    /// The request reverts.
    pub async fn request(&self, mut params: RequestParams, time: Option<u64>) -> Result<IDodonaOracle::Requested> {
        let fee = self.chain.view(self.oracle, &IDodonaOracle::quoteCall { params: params.clone() }).await?;
        params.fee = fee.to();
        if let Some(time) = time {
            self.chain.next_timestamp(time).await?;
        }
        let call = IDodonaOracle::requestCall { params };
        self.chain.transact(accounts::USER, self.oracle, &call, fee).await?.event()
    }

    /// The context of a proof for one request, as the contract computes it.
    ///
    /// # Errors
    /// The chain does not answer.
    pub async fn context(&self, id: B256, mode: Mode, payee: Address, expiry: u64) -> Result<[u8; 32]> {
        let call = IDodonaOracle::contextOfCall { ids: vec![id], mode: mode_number(mode), payee, expiry };
        Ok(self.chain.view(self.oracle, &call).await?.to_be_bytes())
    }

    /// A right answer in direct mode, for [`accounts::PAYEE`].
    ///
    /// # Errors
    /// What the prover refuses.
    pub async fn answer(&self, kit: &Kit, asked: &IDodonaOracle::Requested, observed: &Observed) -> Result<Fulfil> {
        let expiry = asked.params.deadline;
        let context = self.context(asked.id, Mode::Direct, accounts::PAYEE, expiry).await?;
        let proof = kit.prove_direct(context, &observed.slot)?;
        Ok(fulfil(asked.id, Mode::Direct, expiry, observed, &proof.words[2..3], proof.proof))
    }

    /// A right answer in aggregated mode, for [`accounts::PAYEE`], from the fixtures.
    ///
    /// # Errors
    /// What the prover refuses.
    pub async fn aggregated_answer(
        &self,
        kit: &Kit,
        shape: &Aggregated,
        asked: &IDodonaOracle::Requested,
        observed: &Observed,
    ) -> Result<Fulfil> {
        let expiry = asked.params.deadline;
        let context = self.context(asked.id, Mode::Aggregated, accounts::PAYEE, expiry).await?;
        let proof = fixtures::aggregated(kit, shape, context, &observed.slot)?;
        Ok(fulfil(asked.id, Mode::Aggregated, expiry, observed, &proof.words[2..3], proof.submission()))
    }

    /// Delivers an answer as the operator.
    ///
    /// # Errors
    /// It is refused.
    pub async fn deliver(&self, call: &Fulfil) -> Result<Receipt> {
        self.chain.transact(accounts::OPERATOR, self.oracle, call, U256::ZERO).await
    }

    /// Status of a request.
    ///
    /// # Errors
    /// The chain does not answer.
    pub async fn status(&self, id: B256) -> Result<IDodonaOracle::Status> {
        self.chain.view(self.oracle, &IDodonaOracle::statusOfCall { id }).await
    }

    /// wei that an account may withdraw from the oracle.
    ///
    /// # Errors
    /// The chain does not answer.
    pub async fn credit(&self, account: Address) -> Result<U256> {
        self.chain.view(self.oracle, &IDodonaOracle::creditOfCall { token: Address::ZERO, account }).await
    }
}

/// The mode as contracts write it.
pub fn mode_number(mode: Mode) -> u8 {
    match mode {
        Mode::Direct => 0,
        Mode::Aggregated => 1,
    }
}

/// One answer's call, paid to [`accounts::PAYEE`].
pub fn fulfil(id: B256, mode: Mode, expiry: u64, observed: &Observed, outputs: &[[u8; 32]], proof: Vec<u8>) -> Fulfil {
    let header = SignedHeader { header: observed.header.clone(), signature: observed.signature.clone() };
    Fulfil {
        ids: vec![id],
        mode: mode_number(mode),
        payee: accounts::PAYEE,
        expiry,
        slots: vec![IDodonaOracle::Slot {
            observations: vec![header],
            publicWords: Vec::new(),
            outputWords: outputs.iter().map(|word| U256::from_be_bytes(*word)).collect(),
        }],
        proof: proof.into(),
    }
}

/// The interpreter's answer for an observation.
///
/// # Errors
/// What the interpreter refuses.
pub fn interpreted(kit: &Kit, observed: &Observed) -> Result<SlotAnswer> {
    kit.model.infer(std::slice::from_ref(&observed.slot))?.pop().context("the interpreter gave no answer")
}

/// Checks that parameters in basis points are the interpreter's answer, and within 5 basis points of the float model's.
///
/// # Errors
/// They are not.
pub fn check_parameters(kit: &Kit, observed: &Observed, day: &Day, got: [u64; 3]) -> Result<()> {
    let expected = interpreted(kit, observed)?;
    ensure!(expected.in_domain && expected.unsaturated, "expected a day inside the model's domain");
    let as_outputs = got.map(|value| i64::try_from(value).unwrap_or(i64::MAX));
    ensure!(as_outputs[..] == expected.outputs, "expected the interpreter's {:?}, got {got:?}", expected.outputs);
    for (got, float) in as_outputs.iter().zip(&day.float) {
        #[expect(clippy::cast_precision_loss, reason = "basis points")]
        let error = (*got as f64 - float).abs();
        ensure!(error <= 5.0, "expected a value within 5 basis points of the float model's {float}, got {got}");
    }
    Ok(())
}
