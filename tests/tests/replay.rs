//! A proof is good for one request, one payee, once.

use alloy::primitives::U256;
use anyhow::Result;
use dodona_circuits::api::Mode;
use dodona_tests::{
    abi::IDodonaOracle::{self, Status},
    answer::{ASKED, Fulfil},
    scene::Scene,
    stack::accounts,
};

const REFUSED: IDodonaOracle::ProofRefused = IDodonaOracle::ProofRefused {};

async fn one_use(mode: Mode) -> Result<()> {
    let scene = Scene::new(mode).await?;
    let (stack, chain) = (&scene.stack, &scene.stack.chain);
    let first = scene.ask().await?;
    let second = stack.poke(mode, Some(ASKED + 1)).await?;
    assert_ne!(first.request.id, second.id);

    // A second open request with the same inputs, before and after the first was answered.
    let for_second = Fulfil { ids: vec![second.id], ..first.answer.clone() };
    chain.refused(accounts::OPERATOR, stack.oracle, &for_second, &REFUSED).await?;
    // A front-runner with its own account as payee.
    let stolen = Fulfil { payee: accounts::STRANGER, ..first.answer.clone() };
    chain.refused(accounts::STRANGER, stack.oracle, &stolen, &REFUSED).await?;
    // The whole batch for the price of one proof.
    let both = Fulfil {
        ids: vec![first.request.id, second.id],
        slots: vec![first.answer.slots[0].clone(), first.answer.slots[0].clone()],
        ..first.answer.clone()
    };
    let expected =
        IDodonaOracle::BatchSizeNotSupported { modelId: stack.model, mode: first.answer.mode, batch: U256::from(2) };
    chain.refused(accounts::OPERATOR, stack.oracle, &both, &expected).await?;

    // Whoever sends it, the answer pays the payee of the proof.
    chain.transact(accounts::STRANGER, stack.oracle, &first.answer, U256::ZERO).await?;
    assert_eq!(stack.credit(accounts::PAYEE).await?, first.request.fee);

    let settled = IDodonaOracle::RequestNotOpen { id: first.request.id, status: Status::Fulfilled };
    chain.refused(accounts::OPERATOR, stack.oracle, &first.answer, &settled).await?;
    chain.refused(accounts::OPERATOR, stack.oracle, &for_second, &REFUSED).await?;
    assert_eq!(stack.status(second.id).await?, Status::Open);
    assert_eq!(stack.credit(accounts::PAYEE).await?, first.request.fee, "paid once");
    let escrow =
        chain.view(stack.oracle, &IDodonaOracle::totalEscrowCall { token: alloy::primitives::Address::ZERO }).await?;
    assert_eq!(escrow, second.fee);
    Ok(())
}

#[tokio::test]
async fn a_direct_proof_is_good_for_one_request_and_payee_once() -> Result<()> {
    one_use(Mode::Direct).await
}

#[tokio::test]
async fn an_aggregated_proof_is_good_for_one_request_and_payee_once() -> Result<()> {
    one_use(Mode::Aggregated).await
}

#[tokio::test]
async fn a_proof_expires() -> Result<()> {
    let scene = Scene::new(Mode::Direct).await?;
    let stack = &scene.stack;
    let request = stack.poke(Mode::Direct, Some(ASKED)).await?;
    let observed = stack.observe(&scene.days[0], ASKED, accounts::PUBLISHER_KEY)?;
    let expiry = ASKED + 30;
    let context = stack.context(request.id, Mode::Direct, accounts::PAYEE, expiry).await?;
    let proof = scene.kit.prove_direct(context, &observed.slot)?;
    let words = &proof.words[2..3];
    let answer = dodona_tests::answer::fulfil(request.id, Mode::Direct, expiry, &observed, words, proof.proof);
    stack.chain.mine_at(expiry + 1).await?;
    let expected = IDodonaOracle::ProofExpired { expiry: U256::from(expiry), timestamp: U256::from(expiry + 1) };
    stack.chain.refused(accounts::OPERATOR, stack.oracle, &answer, &expected).await?;
    Ok(())
}
