//! Observations that a contract must not take: the proof of each answer here is right, only the observation is not.

use alloy::primitives::{B256, Bytes, U256};
use anyhow::Result;
use dodona_circuits::api::Mode;
use dodona_tests::{
    abi::{
        IDodonaOracle::{self, Requested, Slot},
        IFeedRegistry::{self, ObservationHeader},
    },
    answer::{ASKED, Fulfil, Observed},
    scene::Scene,
    stack::{MAX_DATA_AGE, PERIOD, accounts},
};

/// A scene with one open direct request, made at [`ASKED`].
async fn asked() -> Result<(Scene, Requested)> {
    let scene = Scene::new(Mode::Direct).await?;
    let request = scene.stack.poke(Mode::Direct, Some(ASKED)).await?;
    Ok((scene, request))
}

/// The first day's observation with a changed header, signed again by the publisher, and an answer proved for it.
async fn proved(
    scene: &Scene,
    request: &Requested,
    time: u64,
    change: impl FnOnce(&mut ObservationHeader),
) -> Result<Fulfil> {
    let mut observed = scene.stack.observe(&scene.days[0], time, accounts::PUBLISHER_KEY)?;
    change(&mut observed.header);
    observed.signature = scene.stack.sign(&observed.header, accounts::PUBLISHER_KEY)?;
    scene.answer(request, &observed).await
}

#[tokio::test]
async fn a_stale_observation_is_refused() -> Result<()> {
    let (scene, request) = asked().await?;
    let (stack, chain) = (&scene.stack, &scene.stack.chain);
    let old = ASKED - MAX_DATA_AGE - PERIOD;
    let bad = proved(&scene, &request, old, |_| {}).await?;
    let expected = IDodonaOracle::ObservationOutOfWindow {
        id: request.id,
        earliest: U256::from(ASKED - MAX_DATA_AGE),
        latest: U256::from(ASKED),
        got: U256::from(old),
    };
    chain.refused(accounts::OPERATOR, stack.oracle, &bad, &expected).await?;
    // The oldest that is accepted.
    let good = proved(&scene, &request, ASKED - MAX_DATA_AGE, |_| {}).await?;
    stack.deliver(&good).await?;
    Ok(())
}

#[tokio::test]
async fn an_observation_made_after_the_request_is_refused() -> Result<()> {
    let (scene, request) = asked().await?;
    let (stack, chain) = (&scene.stack, &scene.stack.chain);
    // Ahead of the clock.
    let bad = proved(&scene, &request, ASKED + 10 * PERIOD, |_| {}).await?;
    chain.mine_at(ASKED + 2 * PERIOD).await?;
    let expected = IFeedRegistry::ObservedInFuture {
        latest: U256::from(ASKED + 2 * PERIOD + 15),
        got: U256::from(ASKED + 10 * PERIOD),
    };
    chain.refused(accounts::OPERATOR, stack.oracle, &bad, &expected).await?;
    // Past by now, but chosen after the question was known.
    let bad = proved(&scene, &request, ASKED + PERIOD, |_| {}).await?;
    let expected = IDodonaOracle::ObservationOutOfWindow {
        id: request.id,
        earliest: U256::from(ASKED - MAX_DATA_AGE),
        latest: U256::from(ASKED),
        got: U256::from(ASKED + PERIOD),
    };
    chain.refused(accounts::OPERATOR, stack.oracle, &bad, &expected).await?;
    Ok(())
}

#[tokio::test]
async fn an_observation_that_is_no_longer_valid_is_refused() -> Result<()> {
    let (scene, request) = asked().await?;
    let observed_at = ASKED - 2 * PERIOD;
    let bad = proved(&scene, &request, observed_at, |header| header.validUntil = ASKED - 1).await?;
    let expected = IDodonaOracle::ObservationNoLongerValid {
        id: request.id,
        createdAt: U256::from(ASKED),
        validUntil: U256::from(ASKED - 1),
    };
    let stack = &scene.stack;
    stack.chain.refused(accounts::OPERATOR, stack.oracle, &bad, &expected).await?;
    Ok(())
}

#[tokio::test]
async fn a_header_at_odds_with_its_feed_is_refused() -> Result<()> {
    let (scene, request) = asked().await?;
    let (stack, chain) = (&scene.stack, &scene.stack.chain);
    let bad = proved(&scene, &request, ASKED, |header| header.feedId = B256::repeat_byte(3)).await?;
    let expected = IDodonaOracle::WrongFeed {
        id: request.id,
        source: U256::ZERO,
        expected: stack.feed,
        got: B256::repeat_byte(3),
    };
    chain.refused(accounts::OPERATOR, stack.oracle, &bad, &expected).await?;
    let bad = proved(&scene, &request, ASKED, |header| header.observedAt -= 1).await?;
    let expected = IFeedRegistry::ObservedAtMismatch { expected: U256::from(ASKED), got: U256::from(ASKED - 1) };
    chain.refused(accounts::OPERATOR, stack.oracle, &bad, &expected).await?;
    let bad = proved(&scene, &request, ASKED, |header| header.setEpoch = 2).await?;
    let expected = IFeedRegistry::EpochNotAccepted { feedId: stack.feed, current: 1, got: 2 };
    chain.refused(accounts::OPERATOR, stack.oracle, &bad, &expected).await?;
    Ok(())
}

#[tokio::test]
async fn an_unsigned_or_wrongly_signed_observation_is_refused() -> Result<()> {
    let (scene, request) = asked().await?;
    let (stack, chain) = (&scene.stack, &scene.stack.chain);
    let good = proved(&scene, &request, ASKED, |_| {}).await?;
    let with = |signature: Bytes| {
        let mut bad = good.clone();
        bad.slots[0].observations[0].signature = signature;
        bad
    };
    let header = good.slots[0].observations[0].header.clone();
    let expected = IFeedRegistry::BadSignatureLength { expected: U256::from(65), got: U256::ZERO };
    chain.refused(accounts::OPERATOR, stack.oracle, &with(Bytes::new()), &expected).await?;

    let stranger = with(stack.sign(&header, accounts::STRANGER_KEY)?);
    let expected = IFeedRegistry::NotPublisher { feedId: stack.feed, setEpoch: 1, signer: accounts::STRANGER };
    chain.refused(accounts::OPERATOR, stack.oracle, &stranger, &expected).await?;

    // The same signature in its other form: s in the upper half.
    let mut high = good.slots[0].observations[0].signature.to_vec();
    let order = alloy::primitives::uint!(0xfffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141_U256);
    let s = order - U256::from_be_slice(&high[32..64]);
    high[32..64].copy_from_slice(&s.to_be_bytes::<32>());
    high[64] = 55 - high[64];
    let expected = IFeedRegistry::BadSignatureS { got: s.into() };
    chain.refused(accounts::OPERATOR, stack.oracle, &with(high.into()), &expected).await?;

    // Revoked after it was signed, before it was delivered.
    let revoke = IFeedRegistry::revokeCall { feedId: stack.feed, publisher: accounts::PUBLISHER };
    chain.transact(accounts::OWNER, stack.feeds, &revoke, U256::ZERO).await?;
    let expected = IFeedRegistry::PublisherIsRevoked { feedId: stack.feed, publisher: accounts::PUBLISHER };
    chain.refused(accounts::OPERATOR, stack.oracle, &good, &expected).await?;
    Ok(())
}

#[tokio::test]
async fn an_observation_under_the_quorum_is_refused() -> Result<()> {
    let scene = Scene::new(Mode::Direct).await?;
    let (stack, chain) = (&scene.stack, &scene.stack.chain);
    let model = stack.register_quorum_model().await?;
    let params = IDodonaOracle::RequestParams { modelId: model, ..stack.params(ASKED) };
    let request = stack.request(params, Some(ASKED)).await?;
    let signed = |observed: &Observed| IDodonaOracle::SignedHeader {
        header: observed.header.clone(),
        signature: observed.signature.clone(),
    };
    let observe = |time, key| stack.observe(&scene.days[0], time, key);
    let first = observe(ASKED, accounts::PUBLISHER_KEY)?;
    let answer = |observations: Vec<&Observed>| Fulfil {
        ids: vec![request.id],
        mode: 0,
        payee: accounts::PAYEE,
        expiry: request.params.deadline,
        slots: vec![Slot {
            observations: observations.into_iter().map(signed).collect(),
            publicWords: Vec::new(),
            outputWords: vec![U256::from(1) << 192],
        }],
        proof: vec![0; scene.kit.direct.proof_length].into(),
    };

    let expected = IDodonaOracle::ObservationCount { id: request.id, expected: U256::from(2), got: U256::from(1) };
    chain.refused(accounts::OPERATOR, stack.oracle, &answer(vec![&first]), &expected).await?;

    // One publisher in both places.
    let expected = IDodonaOracle::PublisherNotDistinct { id: request.id, publisher: accounts::PUBLISHER };
    chain.refused(accounts::OPERATOR, stack.oracle, &answer(vec![&first, &first]), &expected).await?;

    // Two publishers, two moments.
    let earlier = observe(ASKED - PERIOD, accounts::SECOND_PUBLISHER_KEY)?;
    let expected = IDodonaOracle::MixedObservations { id: request.id, expected: ASKED, got: ASKED - PERIOD };
    chain.refused(accounts::OPERATOR, stack.oracle, &answer(vec![&first, &earlier]), &expected).await?;

    // The quorum met, only the proof is missing: the checks before it pass.
    let second = observe(ASKED, accounts::SECOND_PUBLISHER_KEY)?;
    let met = answer(vec![&first, &second]);
    chain.refused(accounts::OPERATOR, stack.oracle, &met, &IDodonaOracle::ProofRefused {}).await?;
    assert_eq!(stack.credit(accounts::PAYEE).await?, U256::ZERO);
    Ok(())
}
