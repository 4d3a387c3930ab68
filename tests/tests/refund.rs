//! Nobody answers: after the deadline, and not before, anyone can give the fee back to whom the request named.

use alloy::primitives::{Address, U256};
use anyhow::Result;
use dodona_circuits::api::Mode;
use dodona_tests::{
    abi::IDodonaOracle::{self, Status},
    answer::ASKED,
    scene::Scene,
    stack::{INITIAL, accounts},
};

#[tokio::test]
async fn nobody_answers_and_anyone_refunds_after_the_deadline() -> Result<()> {
    let scene = Scene::new(Mode::Direct).await?;
    let (stack, chain) = (&scene.stack, &scene.stack.chain);
    let asked = scene.ask().await?;
    let (id, deadline) = (asked.request.id, asked.request.params.deadline);
    let refund = IDodonaOracle::refundCall { id };
    assert!(deadline > ASKED);

    chain.mine_at(deadline).await?;
    let expected =
        IDodonaOracle::DeadlineNotPassed { id, deadline: U256::from(deadline), timestamp: U256::from(deadline) };
    let call = alloy::sol_types::SolError::abi_encode(&expected);
    assert_eq!(chain.simulate(accounts::STRANGER, stack.oracle, &refund).await?.unwrap_err(), call);

    chain.mine_at(deadline + 1).await?;
    let late = IDodonaOracle::ProofExpired { expiry: U256::from(deadline), timestamp: U256::from(deadline + 1) };
    let call = alloy::sol_types::SolError::abi_encode(&late);
    assert_eq!(chain.simulate(accounts::OPERATOR, stack.oracle, &asked.answer).await?.unwrap_err(), call);

    let receipt = chain.transact(accounts::STRANGER, stack.oracle, &refund, U256::ZERO).await?;
    let event: IDodonaOracle::Refunded = receipt.event()?;
    assert_eq!((event.to, event.amount), (accounts::USER, asked.request.fee));
    assert_eq!(stack.status(id).await?, Status::Refunded);
    assert_eq!(stack.credit(accounts::USER).await?, asked.request.fee);
    assert_eq!(stack.credit(accounts::PAYEE).await?, U256::ZERO);
    assert_eq!(stack.parameters().await?, (INITIAL, 0));

    let again = IDodonaOracle::RequestNotOpen { id, status: Status::Refunded };
    chain.refused(accounts::STRANGER, stack.oracle, &refund, &again).await?;

    // The credit is money.
    let before = chain.balance(accounts::STRANGER).await?;
    let withdraw = IDodonaOracle::withdrawCall { token: Address::ZERO, to: accounts::STRANGER };
    chain.transact(accounts::USER, stack.oracle, &withdraw, U256::ZERO).await?;
    assert_eq!(chain.balance(accounts::STRANGER).await? - before, asked.request.fee);
    assert_eq!(chain.balance(stack.oracle).await?, U256::ZERO);
    Ok(())
}

#[tokio::test]
async fn an_answer_after_the_deadline_is_refused_even_with_a_lasting_proof() -> Result<()> {
    let scene = Scene::new(Mode::Direct).await?;
    let (stack, chain) = (&scene.stack, &scene.stack.chain);
    let request = stack.poke(Mode::Direct, Some(ASKED)).await?;
    let (id, deadline) = (request.id, request.params.deadline);
    let observed = stack.observe(&scene.days[0], ASKED, accounts::PUBLISHER_KEY)?;
    let expiry = deadline + 86_400;
    let context = stack.context(id, Mode::Direct, accounts::PAYEE, expiry).await?;
    let proof = scene.kit.prove_direct(context, &observed.slot)?;
    let words = &proof.words[2..3];
    let answer = dodona_tests::answer::fulfil(id, Mode::Direct, expiry, &observed, words, proof.proof);

    // Good until the last second of the deadline.
    chain.mine_at(deadline).await?;
    assert!(chain.simulate(accounts::OPERATOR, stack.oracle, &answer).await?.is_ok());
    chain.mine_at(deadline + 1).await?;
    let expected =
        IDodonaOracle::DeadlinePassed { id, deadline: U256::from(deadline), timestamp: U256::from(deadline + 1) };
    chain.refused(accounts::OPERATOR, stack.oracle, &answer, &expected).await?;
    let refund = IDodonaOracle::refundCall { id };
    chain.transact(accounts::STRANGER, stack.oracle, &refund, U256::ZERO).await?;
    let expected = IDodonaOracle::RequestNotOpen { id, status: Status::Refunded };
    chain.refused(accounts::OPERATOR, stack.oracle, &answer, &expected).await?;
    Ok(())
}

#[tokio::test]
async fn an_answered_request_is_not_refunded() -> Result<()> {
    let scene = Scene::new(Mode::Direct).await?;
    let (stack, chain) = (&scene.stack, &scene.stack.chain);
    let asked = scene.ask().await?;
    stack.deliver(&asked.answer).await?;
    chain.mine_at(asked.request.params.deadline + 1).await?;
    let expected = IDodonaOracle::RequestNotOpen { id: asked.request.id, status: Status::Fulfilled };
    let refund = IDodonaOracle::refundCall { id: asked.request.id };
    chain.refused(accounts::USER, stack.oracle, &refund, &expected).await?;
    Ok(())
}
