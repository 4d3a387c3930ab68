//! Deliveries that the chain must refuse. Each is simulated for its exact reason, and mined as a transaction that
//! reverts; one that goes through ends the demo with an error.

use std::fmt::Debug;

use alloy::sol_types::SolError;
use anyhow::{Context, Result};
use dodona::feed::Observation;
use dodona_circuits::api::Mode;
use dodona_tests::{
    abi::IDodonaOracle::{ProofRefused, RequestNotOpen, RequestParams, Status},
    answer::{Fulfil, Observed, mode_number},
    attack,
    kit::Kit,
    stack::{Stack, accounts},
};

use crate::narrator::Narrator;

/// One wrong delivery after the other; remembers the names of those that were refused.
struct Attacks<'a> {
    stack: &'a Stack,
    say: &'a Narrator,
    mode: &'static str,
    refused: Vec<String>,
}

impl Attacks<'_> {
    async fn refuse<E: SolError + Debug + PartialEq>(&mut self, name: &str, call: &Fulfil, expected: E) -> Result<()> {
        let (chain, oracle) = (&self.stack.chain, self.stack.oracle);
        let receipt = chain.refused(accounts::STRANGER, oracle, call, &expected).await;
        let receipt = receipt.with_context(|| format!("attack not refused as it should be: {name}"))?;
        self.say.line(&format!("refused: {name} ({}, {} gas)", short(&expected), receipt.gas()));
        self.refused.push(format!("{}: {name}", self.mode));
        Ok(())
    }
}

/// Name of an error without its arguments.
fn short(error: &impl Debug) -> String {
    format!("{error:?}").split([' ', '{']).next().unwrap_or_default().to_owned()
}

/// Parameters of a request that anyone could make now.
async fn params(stack: &Stack, mode: Mode) -> Result<RequestParams> {
    let now = stack.chain.timestamp().await?;
    let version = match mode {
        Mode::Direct => stack.direct_version,
        Mode::Aggregated => stack.aggregated_version,
    };
    Ok(RequestParams { mode: mode_number(mode), verifierVersion: version, ..stack.params(now) })
}

/// Two open requests with the same inputs and one right proof for the first: everything else that could be done with it.
///
/// # Errors
/// An attack that the chain does not refuse, or the right answer refused.
pub async fn direct(stack: &Stack, kit: &Kit, served: &Observation, say: &Narrator) -> Result<Vec<String>> {
    let params = params(stack, Mode::Direct).await?;
    let first = stack.request(params.clone(), None).await?;
    let second = stack.request(params, None).await?;
    let right = stack.answer(kit, &first, &Observed::from(served)).await?;
    let mut attacks = Attacks { stack, say, mode: "direct", refused: Vec::new() };
    let refused = ProofRefused {};
    for (name, up) in [("answer raised by one unit", true), ("answer lowered by one unit", false)] {
        attacks.refuse(name, &attack::changed_answer(&right, up)?, refused.clone()).await?;
    }
    let other = Fulfil { ids: vec![second.id], ..right.clone() };
    attacks.refuse("proof for a second open request with the same inputs", &other, refused.clone()).await?;
    let stolen = Fulfil { payee: accounts::STRANGER, ..right.clone() };
    attacks.refuse("proof with another payee", &stolen, refused).await?;
    stack.deliver(&right).await.context("the right answer was refused")?;
    say.line("accepted: the same proof, unchanged");
    let settled = RequestNotOpen { id: first.id, status: Status::Fulfilled };
    attacks.refuse("proof sent again", &right, settled).await?;
    Ok(attacks.refused)
}

/// The delivered aggregated proof again, and everything else that could be done with it.
///
/// # Errors
/// An attack that the chain does not refuse.
pub async fn aggregated(stack: &Stack, delivered: &Fulfil, say: &Narrator) -> Result<Vec<String>> {
    let id = *delivered.ids.first().context("the answer has no request")?;
    let mut attacks = Attacks { stack, say, mode: "aggregated", refused: Vec::new() };
    let settled = RequestNotOpen { id, status: Status::Fulfilled };
    attacks.refuse("proof sent again", delivered, settled).await?;
    let second = stack.request(params(stack, Mode::Aggregated).await?, None).await?;
    let other = Fulfil { ids: vec![second.id], ..delivered.clone() };
    attacks.refuse("proof for a second open request with the same inputs", &other, ProofRefused {}).await?;
    let stolen = Fulfil { payee: accounts::STRANGER, ..other.clone() };
    attacks.refuse("proof with another payee", &stolen, ProofRefused {}).await?;
    attacks.refuse("answer raised by one unit", &attack::changed_answer(&other, true)?, ProofRefused {}).await?;
    Ok(attacks.refused)
}
