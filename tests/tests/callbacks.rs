//! A requester whose callback reverts or burns its gas: the answer stands, the operator is paid, anyone may try again.

use alloy::{
    primitives::{Address, Bytes, U256},
    sol_types::SolError,
};
use anyhow::Result;
use dodona_circuits::api::Mode;
use dodona_tests::{
    abi::{
        IConsumer,
        IDodonaOracle::{self, Requested, Status},
    },
    answer::{ASKED, interpreted},
    chain::GAS,
    scene::Scene,
    stack::accounts,
};

const KEEP: u8 = 0;
const REVERT: u8 = 1;
const REVERT_LONG: u8 = 2;
const BURN_GAS: u8 = 3;
const NEED_GAS: u8 = 9;
const CALLBACK_GAS: u32 = 200_000;
/// More than a consumer that needs gas needs.
const AMPLE_GAS: u32 = 600_000;
/// What a miserly operator leaves beyond what a delivery uses: less than [`AMPLE_GAS`], and less than the consumer needs.
const SPARED_GAS: u64 = 200_000;
/// Most gas of a delivery without its callback.
const DELIVERY_GAS: u64 = 900_000;

/// A consumer that behaves in `way`, and its open request with `gas` for the callback.
async fn consumer(scene: &Scene, way: u8, gas: u32) -> Result<(Address, Requested)> {
    let (stack, chain) = (&scene.stack, &scene.stack.chain);
    let consumer = stack.deploy_consumer().await?;
    let funds = U256::from(10).pow(U256::from(18));
    assert!(chain.send(accounts::USER, Some(consumer), Bytes::new(), funds, GAS).await?.success());
    chain.transact(accounts::USER, consumer, &IConsumer::setWayCall { way }, U256::ZERO).await?;
    let params = IDodonaOracle::RequestParams { callbackGasLimit: gas, ..stack.params(ASKED) };
    let fee = chain.view(stack.oracle, &IDodonaOracle::quoteCall { params: params.clone() }).await?;
    chain.next_timestamp(ASKED).await?;
    let call = IConsumer::askCall { params: params.into(), fee };
    let request = chain.transact(accounts::USER, consumer, &call, U256::ZERO).await?.event()?;
    Ok((consumer, request))
}

/// Delivers the right answer to a consumer that fails in `way` with a reason that `expected` accepts, then lets it succeed.
async fn survives(way: u8, expected: impl Fn(&[u8]) -> bool) -> Result<()> {
    let scene = Scene::new(Mode::Direct).await?;
    let (stack, chain) = (&scene.stack, &scene.stack.chain);
    let (consumer, request) = consumer(&scene, way, CALLBACK_GAS).await?;
    let observed = stack.observe(&scene.days[0], ASKED, accounts::PUBLISHER_KEY)?;
    let answer = scene.answer(&request, &observed).await?;

    let receipt = stack.deliver(&answer).await?;
    let failed: IDodonaOracle::CallbackFailed = receipt.event()?;
    assert_eq!((failed.id, failed.requester), (request.id, consumer));
    let reason = failed.reason;
    assert!(expected(&reason), "the reason is {reason}");
    let most = DELIVERY_GAS + u64::from(CALLBACK_GAS);
    assert!(receipt.gas() <= most, "expected at most {most} gas, got {}", receipt.gas());

    assert_eq!(stack.status(request.id).await?, Status::Fulfilled);
    assert_eq!(stack.credit(accounts::PAYEE).await?, request.fee);
    let stored = chain.view(stack.oracle, &IDodonaOracle::answerOfCall { id: request.id }).await?;
    assert_eq!(stored.outputs, interpreted(&scene.kit, &observed)?.outputs);
    assert!(chain.view(stack.oracle, &IDodonaOracle::callbackFailedCall { id: request.id }).await?);
    assert_eq!(chain.view(consumer, &IConsumer::answersCall {}).await?, U256::ZERO);

    let retry = IDodonaOracle::retryCallbackCall { id: request.id };
    let refused = IDodonaOracle::CallbackRefused { reason };
    chain.refused(accounts::STRANGER, stack.oracle, &retry, &refused).await?;
    chain.transact(accounts::USER, consumer, &IConsumer::setWayCall { way: KEEP }, U256::ZERO).await?;
    let receipt = chain.transact(accounts::STRANGER, stack.oracle, &retry, U256::ZERO).await?;
    assert_eq!(receipt.event::<IDodonaOracle::CallbackRetried>()?.id, request.id);
    assert_eq!(chain.view(consumer, &IConsumer::answersCall {}).await?, U256::from(1));
    let expected = IDodonaOracle::NoFailedCallback { id: request.id };
    chain.refused(accounts::STRANGER, stack.oracle, &retry, &expected).await?;
    assert_eq!(stack.credit(accounts::PAYEE).await?, request.fee, "a retry pays nothing");
    Ok(())
}

#[tokio::test]
async fn a_callback_that_reverts_changes_nothing_for_the_operator() -> Result<()> {
    let expected = IConsumer::Unwilling { code: U256::from(7) }.abi_encode();
    survives(REVERT, |reason| reason == expected).await
}

#[tokio::test]
async fn a_callback_that_burns_its_gas_costs_what_it_was_given() -> Result<()> {
    survives(BURN_GAS, <[u8]>::is_empty).await
}

#[tokio::test]
async fn a_callback_that_reverts_with_a_flood_of_data_is_cut_short() -> Result<()> {
    survives(REVERT_LONG, |reason| reason.len() == 256).await
}

#[tokio::test]
async fn a_callback_that_needs_more_gas_succeeds_when_tried_again() -> Result<()> {
    let scene = Scene::new(Mode::Direct).await?;
    let (stack, chain) = (&scene.stack, &scene.stack.chain);
    let (consumer, request) = consumer(&scene, NEED_GAS, CALLBACK_GAS).await?;
    let observed = stack.observe(&scene.days[0], ASKED, accounts::PUBLISHER_KEY)?;
    let answer = scene.answer(&request, &observed).await?;
    assert_eq!(stack.deliver(&answer).await?.events::<IDodonaOracle::CallbackFailed>().len(), 1);
    let retry = IDodonaOracle::retryCallbackCall { id: request.id };
    chain.transact(accounts::STRANGER, stack.oracle, &retry, U256::ZERO).await?;
    assert_eq!(chain.view(consumer, &IConsumer::answersCall {}).await?, U256::from(1));
    Ok(())
}

#[tokio::test]
async fn too_little_gas_for_the_callback_reverts_the_delivery() -> Result<()> {
    let scene = Scene::new(Mode::Direct).await?;
    let (stack, chain) = (&scene.stack, &scene.stack.chain);
    let (consumer, request) = consumer(&scene, NEED_GAS, AMPLE_GAS).await?;
    let observed = stack.observe(&scene.days[0], ASKED, accounts::PUBLISHER_KEY)?;
    let answer = scene.answer(&request, &observed).await?;
    let whole = chain.snapshot().await?;
    let receipt = stack.deliver(&answer).await?;
    assert_eq!(chain.view(consumer, &IConsumer::answersCall {}).await?, U256::from(1), "enough gas, no failure");
    chain.restore(whole).await?;

    // An operator that leaves enough gas for all but the callback, so that the callback fails: nothing is delivered.
    let gas = receipt.gas() + SPARED_GAS;
    let data = chain.simulate_with_gas(accounts::OPERATOR, stack.oracle, &answer, gas).await?.unwrap_err();
    let expected = IDodonaOracle::InsufficientCallbackGas::abi_decode(&data)?;
    assert!(expected.left < expected.required, "{expected:?}");
    let data = Bytes::from(alloy::sol_types::SolCall::abi_encode(&answer));
    let receipt = chain.send(accounts::OPERATOR, Some(stack.oracle), data, U256::ZERO, gas).await?;
    assert!(!receipt.success(), "delivered with {gas} gas, no reserve for the callback");
    assert_eq!(stack.status(request.id).await?, Status::Open);
    stack.deliver(&answer).await?;
    assert_eq!(chain.view(consumer, &IConsumer::answersCall {}).await?, U256::from(1));
    Ok(())
}
