//! What the demo measured: shown, and written as `report.json`.

use std::{fs, path::Path};

use alloy::{
    primitives::{B256, U256},
    sol_types::SolCall,
};
use anyhow::{Context, Result};
use dodona::{prover::ProvedAnswer, store::Transition};
use dodona_tests::{answer::Fulfil, market::Day};
use serde::Serialize;
use serde_json::Value;

use crate::narrator::Narrator;

/// One answer that the operator delivered.
#[derive(Debug, Serialize)]
pub struct Delivery {
    /// The request.
    pub request: B256,
    /// Historical day.
    pub day: String,
    /// LTV, liquidation threshold and bonus, basis points.
    pub answer: [u64; 3],
    /// The float model's.
    pub float_answer: Vec<f64>,
    /// Seconds of proving, the operator's own check included.
    pub prove_s: f64,
    /// Seconds from the request to the confirmed answer.
    pub request_to_final_s: f64,
    /// Bytes of the proof as submitted.
    pub proof_bytes: usize,
    /// Gas of a transaction straight to the generated verifier.
    pub verify_gas: u64,
    /// Gas of the delivery, market's update included.
    pub fulfil_gas: u64,
    /// The delivery's call.
    #[serde(skip)]
    pub call: Fulfil,
    /// The proof's instance words.
    #[serde(skip)]
    pub words: Vec<U256>,
}

impl Delivery {
    /// From the delivery's calldata and the operator's records.
    ///
    /// # Errors
    /// Calldata that is no `fulfil`.
    pub fn new(
        request: B256,
        day: &Day,
        answer: [u64; 3],
        input: &[u8],
        proved: ProvedAnswer,
        fulfil_gas: u64,
        request_to_final_s: f64,
    ) -> Result<Self> {
        let call = Fulfil::abi_decode(input).context("calldata of the answer")?;
        Ok(Self {
            request,
            day: format!("{} {}", day.asset, day.date),
            answer,
            float_answer: day.float.clone(),
            prove_s: proved.seconds,
            request_to_final_s,
            proof_bytes: call.proof.len(),
            verify_gas: 0,
            fulfil_gas,
            call,
            words: proved.proof.words,
        })
    }
}

/// The whole report. The unprefixed figures are those of the aggregated answer, the last one delivered.
#[derive(Debug, Serialize)]
pub struct Report {
    answer: [u64; 3],
    float_answer: Vec<f64>,
    inner_prove_s: f64,
    aggregate_prove_s: f64,
    peak_rss_mib: u64,
    proof_bytes: usize,
    verify_gas: u64,
    fulfil_gas: u64,
    attacks_refused: Vec<String>,
    total_s: f64,
    direct: Delivery,
    aggregated: Delivery,
}

impl Report {
    /// `inner_prove_s` is the direct answer's proof: the same circuit with fewer words. `aggregate_prove_s` holds inner and outer
    /// proof of the aggregated one.
    pub fn new(
        direct: Delivery,
        aggregated: Delivery,
        peak_rss_mib: u64,
        attacks_refused: Vec<String>,
        total_s: f64,
    ) -> Self {
        Self {
            answer: aggregated.answer,
            float_answer: aggregated.float_answer.clone(),
            inner_prove_s: direct.prove_s,
            aggregate_prove_s: aggregated.prove_s,
            peak_rss_mib,
            proof_bytes: aggregated.proof_bytes,
            verify_gas: aggregated.verify_gas,
            fulfil_gas: aggregated.fulfil_gas,
            attacks_refused,
            total_s,
            direct,
            aggregated,
        }
    }

    /// Writes the report.
    ///
    /// # Errors
    /// It cannot be written.
    pub fn write(&self, file: &Path) -> Result<()> {
        if let Some(dir) = file.parent() {
            fs::create_dir_all(dir).with_context(|| dir.display().to_string())?;
        }
        let text = serde_json::to_string_pretty(self)? + "\n";
        fs::write(file, text).with_context(|| file.display().to_string())
    }

    /// Seconds that the aggregated proof of an earlier run took, if its report is there.
    pub fn earlier_proof_s(file: &Path) -> Option<f64> {
        let report: Value = serde_json::from_slice(&fs::read(file).ok()?).ok()?;
        report.get("aggregate_prove_s")?.as_f64().filter(|seconds| seconds.is_finite() && *seconds > 0.0)
    }
}

/// Shows the market's parameters before and after an answer, beside the float model's.
pub fn show_parameters(say: &Narrator, before: [u64; 3], delivery: &Delivery) {
    say.line(&format!("{:24} {:>8} {:>8} {:>10}   ({}, basis points)", "", "before", "proven", "float", delivery.day));
    let names = ["loan-to-value", "liquidation threshold", "liquidation bonus"];
    for (((name, before), after), float) in names.iter().zip(before).zip(delivery.answer).zip(&delivery.float_answer) {
        say.line(&format!("{name:24} {before:>8} {after:>8} {float:>10.2}"));
    }
    say.line(&format!(
        "proof {:.2} s, {} bytes; verification {} gas, whole delivery {} gas; request to confirmed answer {:.1} s",
        delivery.prove_s, delivery.proof_bytes, delivery.verify_gas, delivery.fulfil_gas, delivery.request_to_final_s
    ));
}

/// Shows the operator's record of a job: when each state was reached.
pub fn show_steps(say: &Narrator, steps: &[Transition]) {
    let Some(first) = steps.first() else { return };
    let reached = steps.iter().filter(|step| step.from != step.to);
    let text: Vec<String> =
        reached.map(|step| format!("{} +{} s", step.to, step.at.saturating_sub(first.at))).collect();
    say.line(&format!("operator: {}", text.join(", ")));
}
