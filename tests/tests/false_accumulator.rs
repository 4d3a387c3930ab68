//! A false inner proof, aggregated by a prover that skipped its own check: the outer proof is right, the accumulator is
//! well-formed, and only its pairing gives the lie away. A verifier that does not decide it would accept any answer.

use anyhow::Result;
use dodona_circuits::api::Mode;
use dodona_tests::{
    abi::IDodonaOracle,
    answer::fulfil,
    fixtures,
    scene::{Asked, Scene},
    stack::{INITIAL, accounts},
};

#[tokio::test]
async fn a_well_formed_but_false_accumulator_is_refused() -> Result<()> {
    let scene = Scene::new(Mode::Aggregated).await?;
    let stack = &scene.stack;
    let Asked { request, observed, answer } = scene.ask().await?;
    let context = stack.context(request.id, Mode::Aggregated, accounts::PAYEE, answer.expiry).await?;
    let shape = scene.shape.as_ref().unwrap();
    let lie = fixtures::false_accumulator(&scene.kit, shape, context, &observed.slot)?;
    let bad = fulfil(request.id, Mode::Aggregated, answer.expiry, &observed, &lie.words[2..3], lie.submission());
    assert_ne!(bad.slots[0].outputWords, answer.slots[0].outputWords, "the lie is another answer");
    assert_eq!(bad.proof.len(), answer.proof.len());

    stack.chain.refused(accounts::OPERATOR, stack.oracle, &bad, &IDodonaOracle::ProofRefused {}).await?;
    assert_eq!(stack.parameters().await?, (INITIAL, 0));
    stack.deliver(&answer).await?;
    Ok(())
}
