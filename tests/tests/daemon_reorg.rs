//! Reorgs: the chain forgets the request, or the answer; in the end the operator's records and the chain agree, and
//! nothing was paid twice.

use std::time::Duration;

use alloy::primitives::U256;
use anyhow::{Context, Result};
use dodona::job::State;
use dodona_circuits::api::Mode;
use dodona_tests::{
    abi::IDodonaOracle::{Fulfilled, Status},
    process::until,
    scene::Live,
    stack::accounts,
};

const LIMIT: Duration = Duration::from_secs(90);

/// Replaces every block from `number` on.
async fn forget_from(live: &Live, number: u64) -> Result<()> {
    let chain = &live.scene.stack.chain;
    let depth = chain.height().await? - number + 1;
    chain.reorg(depth).await
}

#[tokio::test]
async fn a_request_that_the_chain_forgets_is_not_answered() -> Result<()> {
    let live = Live::new().await?;
    let (place, stack, chain) = (&live.place, &live.scene.stack, &live.scene.stack.chain);
    let operator = place.operator().await?;
    let block = chain.height().await? + 1;
    let lost = stack.poke(Mode::Direct, None).await?;
    place.reaches(lost.id, State::Requested, LIMIT).await?;
    forget_from(&live, block).await?;
    assert_eq!(stack.status(lost.id).await?, Status::None, "the chain still knows the request");
    place.reaches(lost.id, State::Reorged, LIMIT).await?;

    // The publisher appears: there is nothing to answer.
    let _publisher = place.publisher().await?;
    tokio::time::sleep(Duration::from_secs(3)).await;
    assert_eq!(chain.nonce(accounts::OPERATOR).await?, 0);
    assert_eq!(stack.credit(accounts::PAYEE).await?, U256::ZERO);

    // The operator goes on with the chain as it is.
    let request = stack.poke(Mode::Direct, None).await?;
    place.reaches(request.id, State::Final, LIMIT).await?;
    live.answered_once(&request, 1).await?;
    assert!(!operator.output().contains("panicked"), "{}", operator.output());
    Ok(())
}

async fn forgotten_answer(mut live: Live, final_first: bool) -> Result<()> {
    live.place.config.chain.confirmations = if final_first { 1 } else { 6 };
    live.place.write()?;
    let (place, stack, chain) = (&live.place, &live.scene.stack, &live.scene.stack.chain);
    let _publisher = place.publisher().await?;
    let operator = place.operator().await?;
    let request = stack.poke(Mode::Direct, None).await?;
    let answered = until(LIMIT, async || {
        let fulfilled = stack.status(request.id).await? == Status::Fulfilled;
        Ok(fulfilled.then_some(()))
    });
    answered.await?.with_context(|| format!("never answered: {}", operator.output()))?;
    if final_first {
        place.reaches(request.id, State::Final, LIMIT).await?;
    }
    let events = chain.placed_events::<Fulfilled>(stack.oracle).await?;
    let (_, place_of_answer) = events.last().context("no event of the answer")?;
    forget_from(&live, place_of_answer.block).await?;
    place.reaches(request.id, State::Final, LIMIT).await?;
    let again = until(LIMIT, async || {
        let fulfilled = stack.status(request.id).await? == Status::Fulfilled;
        Ok((fulfilled && place.state(request.id)? == Some(State::Final)).then_some(()))
    });
    again.await?.with_context(|| format!("not answered again: {}", operator.output()))?;
    tokio::time::sleep(Duration::from_secs(4)).await;
    live.answered_once(&request, 1).await?;
    assert!(!operator.output().contains("panicked"), "{}", operator.output());
    Ok(())
}

#[tokio::test]
async fn an_answer_that_the_chain_forgets_before_it_was_final_is_delivered_again() -> Result<()> {
    forgotten_answer(Live::new().await?, false).await
}

#[tokio::test]
async fn an_answer_that_the_chain_forgets_after_it_was_final_is_delivered_again() -> Result<()> {
    forgotten_answer(Live::new().await?, true).await
}
