//! A right proof of another statement: every word that it shows is bound, and none passes modulo `r`.

use alloy::primitives::{Address, U256};
use anyhow::Result;
use dodona_circuits::api::Mode;
use dodona_tests::{
    abi::{IDodonaOracle, IFeedRegistry, IProofVerifier},
    answer::Fulfil,
    attack::{R, changed_answer, word_plus_r},
    scene::{Asked, Scene},
    stack::accounts,
};

const REFUSED: IDodonaOracle::ProofRefused = IDodonaOracle::ProofRefused {};

async fn oracle_refuses(mode: Mode) -> Result<()> {
    let scene = Scene::new(mode).await?;
    let (stack, chain) = (&scene.stack, &scene.stack.chain);
    let Asked { request, observed, answer } = scene.ask().await?;
    let operator = accounts::OPERATOR;

    for up in [true, false] {
        chain.refused(operator, stack.oracle, &changed_answer(&answer, up)?, &REFUSED).await?;
    }
    let bad = word_plus_r(&answer)?;
    let expected = IDodonaOracle::WordNotInField { index: U256::from(2), got: bad.slots[0].outputWords[0] };
    chain.refused(operator, stack.oracle, &bad, &expected).await?;

    // The flags are proved too: an answer cannot be passed off as inside the domain, or as outside.
    for bit in [192, 193] {
        let mut bad = answer.clone();
        bad.slots[0].outputWords[0] ^= U256::from(1) << bit;
        chain.refused(operator, stack.oracle, &bad, &REFUSED).await?;
    }
    let mut bad = answer.clone();
    bad.slots[0].outputWords[0] |= U256::from(1) << 194;
    let expected =
        IDodonaOracle::OutputWordMalformed { id: request.id, index: U256::ZERO, got: bad.slots[0].outputWords[0] };
    chain.refused(operator, stack.oracle, &bad, &expected).await?;

    // Another commitment: the publisher's signature does not cover it; signed by the publisher, the proof does not.
    let mut header = observed.header.clone();
    header.commitment += U256::from(1);
    let mut bad = answer.clone();
    bad.slots[0].observations[0].header = header.clone();
    let domain = dodona::feed::FeedDomain { chain_id: dodona_tests::answer::CHAIN_ID, registry: stack.feeds };
    let signer = domain.signer(&header, &observed.signature)?;
    let expected = IFeedRegistry::NotPublisher { feedId: stack.feed, setEpoch: 1, signer };
    chain.refused(operator, stack.oracle, &bad, &expected).await?;
    bad.slots[0].observations[0].signature = stack.sign(&header, accounts::PUBLISHER_KEY)?;
    chain.refused(operator, stack.oracle, &bad, &REFUSED).await?;
    header.commitment = observed.header.commitment + R;
    bad.slots[0].observations[0].signature = stack.sign(&header, accounts::PUBLISHER_KEY)?;
    bad.slots[0].observations[0].header = header.clone();
    let expected = IFeedRegistry::CommitmentNotInField { got: header.commitment };
    chain.refused(operator, stack.oracle, &bad, &expected).await?;

    // Another context: expiry and payee are in it. The id is in `replay.rs`.
    let bad = Fulfil { expiry: answer.expiry - 1, ..answer.clone() };
    chain.refused(operator, stack.oracle, &bad, &REFUSED).await?;
    let bad = Fulfil { payee: Address::repeat_byte(0x77), ..answer.clone() };
    chain.refused(operator, stack.oracle, &bad, &REFUSED).await?;
    let bad = Fulfil { mode: 1 - answer.mode, ..answer.clone() };
    let expected = IDodonaOracle::ModeMismatch { id: request.id, expected: answer.mode, got: 1 - answer.mode };
    chain.refused(operator, stack.oracle, &bad, &expected).await?;

    // After all this the right answer still is right.
    stack.deliver(&answer).await?;
    Ok(())
}

#[tokio::test]
async fn a_direct_proof_delivers_no_other_answer() -> Result<()> {
    oracle_refuses(Mode::Direct).await
}

#[tokio::test]
async fn an_aggregated_proof_delivers_no_other_answer() -> Result<()> {
    oracle_refuses(Mode::Aggregated).await
}

/// The wrapper's own checks, without the oracle in front: every word by one up and down, and by `r`.
async fn wrapper_refuses(mode: Mode) -> Result<()> {
    let scene = Scene::new(mode).await?;
    let stack = &scene.stack;
    let Asked { request, observed, answer } = scene.ask().await?;
    let context = stack.context(request.id, mode, answer.payee, answer.expiry).await?;
    let words = scene.kit.model.words(mode, context, &[observed.slot])?;
    let words: Vec<U256> = words.into_iter().map(U256::from_be_bytes).collect();
    let (wrapper, key) = match &scene.shape {
        None => (stack.direct_wrapper, U256::from_be_slice(stack.direct_verifier.as_slice())),
        Some(shape) => (stack.aggregated_wrapper, U256::from_be_bytes(shape.vk_digest)),
    };
    let length = U256::from(scene.kit.direct.proof_length);
    let call = |key, words: Vec<U256>| IProofVerifier::verifyCall {
        key,
        words,
        proofLength: length,
        proof: answer.proof.clone(),
    };
    assert!(stack.chain.view(wrapper, &call(key, words.clone())).await?);
    for index in 0..words.len() {
        for changed in
            [words[index] + U256::from(1), words[index].checked_sub(U256::from(1)).unwrap_or(R - U256::from(1))]
        {
            let mut bad = words.clone();
            bad[index] = changed;
            assert!(!stack.chain.view(wrapper, &call(key, bad)).await?, "word {index} as {changed}");
        }
        let mut bad = words.clone();
        bad[index] += R;
        let expected = IProofVerifier::WordNotInField { index: U256::from(index), got: bad[index] };
        stack.chain.refused(accounts::STRANGER, wrapper, &call(key, bad), &expected).await?;
    }
    let mut long = words.clone();
    long.push(U256::ZERO);
    if mode == Mode::Aggregated {
        assert!(!stack.chain.view(wrapper, &call(key + U256::from(1), words.clone())).await?, "another model's digest");
        let expected = IProofVerifier::WordCount { expected: U256::from(16), got: U256::from(17) };
        stack.chain.refused(accounts::STRANGER, wrapper, &call(key, long), &expected).await?;
    } else {
        assert!(!stack.chain.view(wrapper, &call(key, long)).await?, "a word more than the model has");
        let nobody = U256::from(0x1234);
        let expected = IProofVerifier::NoCode { implementation: Address::from_word(nobody.into()) };
        stack.chain.refused(accounts::STRANGER, wrapper, &call(nobody, words), &expected).await?;
    }
    Ok(())
}

#[tokio::test]
async fn every_word_of_a_direct_proof_is_bound_and_below_r() -> Result<()> {
    wrapper_refuses(Mode::Direct).await
}

#[tokio::test]
async fn every_word_of_an_aggregated_proof_is_bound_and_below_r() -> Result<()> {
    wrapper_refuses(Mode::Aggregated).await
}
