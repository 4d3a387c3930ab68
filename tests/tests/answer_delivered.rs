//! An answer is delivered: the market's parameters become the proven values, and the operator's payee is credited.

use alloy::primitives::U256;
use anyhow::Result;
use dodona_circuits::api::Mode;
use dodona_tests::{
    abi::IDodonaOracle::{Fulfilled, Status},
    answer::{ASKED, check_parameters},
    scene::Scene,
    stack::{INITIAL, accounts},
};

async fn delivered(mode: Mode) -> Result<()> {
    let scene = Scene::new(mode).await?;
    let stack = &scene.stack;
    assert_eq!(stack.parameters().await?, (INITIAL, 0));
    let asked = scene.ask().await?;
    assert_eq!(stack.status(asked.request.id).await?, Status::Open);
    assert_eq!(stack.parameters().await?, (INITIAL, 0), "asking changes nothing");

    let event: Fulfilled = stack.deliver(&asked.answer).await?.event()?;
    let (values, update) = stack.parameters().await?;
    assert_eq!(update, 1);
    check_parameters(&scene.kit, &asked.observed, &scene.days[0], values)?;
    assert_ne!(values, INITIAL);

    assert_eq!(stack.status(asked.request.id).await?, Status::Fulfilled);
    assert_eq!((event.id, event.payee, event.fee), (asked.request.id, accounts::PAYEE, asked.request.fee));
    assert_eq!((event.observedAt, event.inDomain, event.unsaturated), (ASKED, true, true));
    assert_eq!(event.commitments, [asked.observed.header.commitment]);
    assert_eq!(event.outputs, values.map(|value| i64::try_from(value).unwrap_or(-1)));
    assert_eq!(stack.credit(accounts::PAYEE).await?, asked.request.fee);
    assert_eq!(stack.credit(accounts::OPERATOR).await?, U256::ZERO, "the payee of the proof is paid, not the sender");
    Ok(())
}

#[tokio::test]
async fn a_direct_answer_changes_the_markets_parameters() -> Result<()> {
    delivered(Mode::Direct).await
}

#[tokio::test]
async fn an_aggregated_answer_changes_the_markets_parameters() -> Result<()> {
    delivered(Mode::Aggregated).await
}
