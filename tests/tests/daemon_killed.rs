//! The operator is killed (SIGKILL) at each stage and started again: every request is answered exactly once.
//!
//! A trigger in the operator's database holds the job at the stage, so that the kill always comes there.

use std::time::Duration;

use anyhow::{Context, Result};
use dodona::job::State;
use dodona_circuits::api::Mode;
use dodona_tests::{
    process::{HELD, until},
    scene::Live,
    stack::accounts,
};
use serde_json::json;

const LIMIT: Duration = Duration::from_secs(90);
/// Time in which a second transaction would show.
const QUIET: Duration = Duration::from_secs(4);

async fn killed_at(stage: State, before: State) -> Result<()> {
    let live = Live::new().await?;
    let (place, stack) = (&live.place, &live.scene.stack);
    let _publisher = place.publisher().await?;
    let operator = place.operator().await?;
    place.hold_before(before)?;
    let request = stack.poke(Mode::Direct, None).await?;
    let held = until(LIMIT, async || Ok(operator.output().contains(HELD).then_some(()))).await?;
    held.with_context(|| format!("the job was never held: {}", operator.output()))?;
    assert_eq!(place.state(request.id)?, Some(stage), "the kill must come at this stage");
    operator.kill()?;

    place.release()?;
    let operator = place.operator().await?;
    place.reaches(request.id, State::Final, LIMIT).await?;
    live.answered_once(&request, 1).await?;
    tokio::time::sleep(QUIET).await;
    live.answered_once(&request, 1).await?;

    // Killed when all is done, and started once more: nothing happens.
    operator.kill()?;
    let operator = place.operator().await?;
    tokio::time::sleep(QUIET).await;
    live.answered_once(&request, 1).await?;
    assert_eq!(place.state(request.id)?, Some(State::Final));
    assert!(!operator.output().contains("panicked"), "{}", operator.output());
    Ok(())
}

#[tokio::test]
async fn killed_after_the_request_was_seen() -> Result<()> {
    killed_at(State::Requested, State::Collected).await
}

#[tokio::test]
async fn killed_after_the_observations_were_collected() -> Result<()> {
    killed_at(State::Collected, State::Inferred).await
}

#[tokio::test]
async fn killed_after_the_model_was_run() -> Result<()> {
    killed_at(State::Inferred, State::Proved).await
}

#[tokio::test]
async fn killed_after_the_proof_was_made() -> Result<()> {
    killed_at(State::Proved, State::Submitted).await
}

#[tokio::test]
async fn killed_after_the_transaction_was_mined() -> Result<()> {
    killed_at(State::Submitted, State::Final).await
}

/// The transaction waits in the pool while the operator is dead.
#[tokio::test]
async fn killed_while_the_transaction_is_in_the_pool() -> Result<()> {
    let live = Live::new().await?;
    let (place, stack, chain) = (&live.place, &live.scene.stack, &live.scene.stack.chain);
    let operator = place.operator().await?;
    let request = stack.poke(Mode::Direct, None).await?;
    place.reaches(request.id, State::Requested, LIMIT).await?;
    chain.rpc::<serde_json::Value>("evm_setIntervalMining", json!([0])).await?;
    chain.automine(false).await?;
    let _publisher = place.publisher().await?;
    place.reaches(request.id, State::Submitted, LIMIT).await?;
    let pending = until(LIMIT, async || {
        let status: serde_json::Value = chain.rpc("txpool_status", json!([])).await?;
        Ok((status["pending"] == json!("0x1")).then_some(()))
    });
    pending.await?.context("the transaction never reached the pool")?;
    operator.kill()?;

    let _operator = place.operator().await?;
    chain.automine(true).await?;
    chain.rpc::<serde_json::Value>("evm_setIntervalMining", json!([1])).await?;
    place.reaches(request.id, State::Final, LIMIT).await?;
    tokio::time::sleep(QUIET).await;
    live.answered_once(&request, 1).await?;
    assert_eq!(chain.nonce(accounts::OPERATOR).await?, 1);
    Ok(())
}
