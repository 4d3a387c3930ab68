//! Observations that the operator must refuse before it proves anything; the contract's refusals are in
//! `observations.rs`.

use std::time::Duration;

use alloy::primitives::{B256, Bytes, U256};
use anyhow::{Context, Result};
use dodona::{config::PeerConfig, feed::Observation, job::State};
use dodona_circuits::api::Mode;
use dodona_tests::{
    abi::IDodonaOracle::{RequestParams, Requested},
    answer::Observed,
    process::{Workplace, until},
    publisher::{FakePublisher, as_served, honest},
    scene::Live,
    stack::{PERIOD, accounts},
};

const LIMIT: Duration = Duration::from_secs(60);

/// A live scene whose operator asks `publishers` only.
fn ask_only(live: &mut Live, publishers: &[&FakePublisher]) -> Result<()> {
    let config = live.place.config.operator.as_mut().context("no operator")?;
    config.publishers =
        publishers.iter().map(|publisher| PeerConfig { url: publisher.url(), timeout_ms: 2_000 }).collect();
    live.place.write()
}

async fn request(live: &Live, model: B256) -> Result<Requested> {
    let stack = &live.scene.stack;
    let now = stack.chain.timestamp().await?;
    stack.request(RequestParams { modelId: model, ..stack.params(now) }, None).await
}

/// Waits until the operator says why it does not go on with a job, and checks that it did not.
async fn refused(place: &Workplace, id: B256, expected: &str) -> Result<()> {
    let store = place.store()?;
    let said = until(LIMIT, async || Ok(store.job(id).ok().filter(|job| job.reason.is_some()))).await?;
    let job = said.with_context(|| format!("expected a refusal with {expected:?}, got none"))?;
    let reason = job.reason.unwrap_or_default();
    assert!(reason.contains(expected), "expected a refusal with {expected:?}, got {reason:?}");
    assert_eq!((job.state, job.answer, job.proof), (State::Requested, None, None));
    Ok(())
}

#[tokio::test]
async fn bad_observations_are_refused_before_proving() -> Result<()> {
    let mut live = Live::new().await?;
    let stack = live.scene.stack.clone();
    let day = live.scene.days[0].clone();
    let good = {
        let (stack, day) = (stack.clone(), day.clone());
        move |seq| honest(&stack, &day, seq, accounts::PUBLISHER_KEY, accounts::PUBLISHER).unwrap()
    };
    // Signed again after a change of what is signed.
    let signed = {
        let (stack, day) = (stack.clone(), day.clone());
        move |seq: u64, key: B256, change: fn(&mut Observed)| {
            let mut observed = stack.observe(&day, seq * PERIOD, key).unwrap();
            change(&mut observed);
            observed.signature = stack.sign(&observed.header, key).unwrap();
            observed
        }
    };
    type Serve = Box<dyn Fn(u64) -> Observation + Send + Sync>;
    let mut cases: Vec<(&str, Serve)> = Vec::new();
    let (serve, own) = (good.clone(), accounts::PUBLISHER_KEY);
    cases
        .push(("expected 65 bytes, got 0", Box::new(move |seq| Observation { signature: Bytes::new(), ..serve(seq) })));
    let make = signed.clone();
    cases.push((
        "signature: expected one of",
        Box::new(move |seq| as_served(&make(seq, accounts::STRANGER_KEY, |_| {}), accounts::PUBLISHER)),
    ));
    let make = signed.clone();
    cases.push((
        "NotPublisher",
        Box::new(move |seq| as_served(&make(seq, accounts::STRANGER_KEY, |_| {}), accounts::STRANGER)),
    ));
    let serve = good.clone();
    cases.push(("sequence number: expected", Box::new(move |seq| serve(seq - 30))));
    let make = signed.clone();
    let stale =
        move |seq| as_served(&make(seq, own, |observed| observed.header.observedAt -= 3_600), accounts::PUBLISHER);
    cases.push(("observedAt: expected seq × period", Box::new(stale)));
    let make = signed.clone();
    let over = move |seq| as_served(&make(seq, own, |observed| observed.header.validUntil = 1), accounts::PUBLISHER);
    cases.push(("validUntil: expected at least", Box::new(over)));
    let make = signed.clone();
    let other = move |seq| {
        as_served(&make(seq, own, |observed| observed.header.feedId = B256::repeat_byte(1)), accounts::PUBLISHER)
    };
    cases.push(("feed: expected", Box::new(other)));
    let serve = good.clone();
    cases.push((
        "commitment: the values and salt give",
        Box::new(move |seq| {
            let mut bad = serve(seq);
            bad.values[3] += 1;
            bad
        }),
    ));
    let serve = good.clone();
    cases.push((
        "values: expected 16, got 15",
        Box::new(move |seq| {
            let mut bad = serve(seq);
            bad.values.pop();
            bad
        }),
    ));

    let publisher = FakePublisher::start(good.clone()).await?;
    ask_only(&mut live, &[&publisher])?;
    let operator = live.place.operator().await?;
    for (expected, serve) in cases {
        publisher.serve(serve);
        let asked = request(&live, stack.model).await?;
        refused(&live.place, asked.id, expected).await?;
    }
    assert_eq!(stack.chain.nonce(accounts::OPERATOR).await?, 0);
    assert_eq!(stack.credit(accounts::PAYEE).await?, U256::ZERO);
    assert!(!operator.output().contains("proved"), "nothing may be proved: {}", operator.output());

    publisher.serve(good);
    let asked = stack.poke(Mode::Direct, None).await?;
    live.place.reaches(asked.id, State::Final, LIMIT).await?;
    Ok(())
}

#[tokio::test]
async fn an_observation_under_the_quorum_is_not_proved() -> Result<()> {
    let mut live = Live::new().await?;
    let stack = live.scene.stack.clone();
    let model = stack.register_quorum_model().await?;
    let day = live.scene.days[0].clone();
    // Two servers, one publisher behind both.
    let serve = move |seq| honest(&stack, &day, seq, accounts::PUBLISHER_KEY, accounts::PUBLISHER).unwrap();
    let (first, second) = (FakePublisher::start(serve.clone()).await?, FakePublisher::start(serve).await?);
    ask_only(&mut live, &[&first, &second])?;
    let config = live.place.config.operator.as_mut().context("no operator")?;
    config.models.iter_mut().for_each(|served| served.model_id = model);
    live.place.write()?;
    let _operator = live.place.operator().await?;
    let asked = request(&live, model).await?;
    refused(&live.place, asked.id, "expected 2 distinct publishers, got 1").await?;
    assert_eq!(live.scene.stack.chain.nonce(accounts::OPERATOR).await?, 0);
    Ok(())
}
