//! The models that take raw windows of prices and volumes: one publisher's, and three publishers' with the median in the circuit.

use std::time::Duration;

use alloy::primitives::{Address, B256};
use anyhow::{Context, Result, ensure};
use dodona::{config::PeerConfig, job::State};
use dodona_circuits::api::{Mode, Slot, SourceInput};
use dodona_tests::{
    abi::IDodonaOracle::{self, Fulfilled},
    answer::{Observed, check_parameters},
    kit::Kit,
    market::{self, Day},
    paths,
    publisher::{FakePublisher, honest},
    scene::Live,
    stack::{INITIAL, PERIOD, Stack, accounts},
};

const LIMIT: Duration = Duration::from_secs(300);

#[tokio::test]
async fn the_features_are_computed_from_the_raw_window() -> Result<()> {
    let name = "risk_window";
    let mut live = Live::of(Kit::direct(name)?, market::days_of(name, "observations.json")?).await?;
    let config = live.place.config.publisher.as_mut().context("no publisher")?;
    for feed in &mut config.feeds {
        feed.schema = paths::model(name).join("schema.json");
        feed.observations = paths::model(name).join("observations.json");
    }
    live.place.write()?;
    let stack = &live.scene.stack;
    let _publisher = live.place.publisher().await?;
    let _operator = live.place.operator().await?;
    assert_eq!(stack.parameters().await?, (INITIAL, 0));

    let request = stack.poke(Mode::Direct, None).await?;
    live.place.reaches(request.id, State::Final, LIMIT).await?;
    live.answered_once(&request, 1).await?;

    let answer = stack.chain.view(stack.oracle, &IDodonaOracle::answerOfCall { id: request.id }).await?;
    let served = live.place.observation(Some(answer.observedAt / PERIOD)).await?;
    assert_eq!(served.values.len(), 300);
    let day = market::day_of(&live.scene.days, &served)?;
    let (values, update) = stack.parameters().await?;
    assert_eq!(update, 1);
    check_parameters(&live.scene.kit, &Observed::from(&served), day, values)
}

/// Keys and addresses of the feed's publishers.
const PUBLISHERS: [(B256, Address); 3] = [
    (accounts::PUBLISHER_KEY, accounts::PUBLISHER),
    (accounts::SECOND_PUBLISHER_KEY, accounts::SECOND_PUBLISHER),
    (accounts::THIRD_PUBLISHER_KEY, accounts::THIRD_PUBLISHER),
];

/// Serves a day's window, whatever the number, signed by the publisher in that place.
#[expect(clippy::unwrap_used, reason = "a fake that cannot sign fails its test")]
async fn publisher(stack: &Stack, place: usize, day: &Day) -> Result<FakePublisher> {
    let (stack, day, (key, address)) = (stack.clone(), day.clone(), PUBLISHERS[place]);
    FakePublisher::start(move |seq| honest(&stack, &day, seq, key, address).unwrap()).await
}

/// The interpreter's answer for three windows.
fn interpreted(kit: &Kit, windows: [&[i64]; 3]) -> Result<Vec<i64>> {
    let sources = windows.map(|values| SourceInput { values: values.to_vec(), salt: [0; 32] }).to_vec();
    let answer = kit.model.infer(&[Slot { sources }])?.pop().context("the interpreter gave no answer")?;
    ensure!(answer.in_domain && answer.unsaturated, "expected windows inside the model's domain");
    Ok(answer.outputs)
}

/// The middle one of three values, place by place.
fn medians(windows: [&[i64]; 3]) -> Vec<i64> {
    let middle = |i: usize| {
        let mut values = windows.map(|window| window[i]);
        values.sort_unstable();
        values[1]
    };
    (0..windows[0].len()).map(middle).collect()
}

#[tokio::test]
async fn three_publishers_are_asked_and_one_outlier_does_not_move_the_answer() -> Result<()> {
    let name = "risk_median";
    let kit = Kit::direct(name)?;
    let days: Vec<Day> = (1..=3)
        .map(|i| market::days_of(name, &format!("observations_{i}.json"))?.into_iter().next().context("no day"))
        .collect::<Result<_>>()?;
    let windows = [0, 1, 2].map(|i| days[i].values.clone());
    assert!(windows[0] != windows[1] && windows[1] != windows[2], "expected windows that differ");
    let mut live = Live::of(kit, days.clone()).await?;
    let stack = live.scene.stack.clone();
    let mut peers = Vec::new();
    for (place, day) in days.iter().enumerate() {
        peers.push(publisher(&stack, place, day).await?);
    }
    let config = live.place.config.operator.as_mut().context("no operator")?;
    config.publishers = peers.iter().map(|peer| PeerConfig { url: peer.url(), timeout_ms: 2_000 }).collect();
    live.place.write()?;
    let _operator = live.place.operator().await?;

    // The market follows the answer of the three.
    let request = stack.poke(Mode::Direct, None).await?;
    live.place.reaches(request.id, State::Final, LIMIT).await?;
    live.answered_once(&request, 1).await?;
    let kit = &live.scene.kit;
    let all = [0, 1, 2].map(|i| windows[i].as_slice());
    let (values, _) = stack.parameters().await?;
    let outputs = values.map(i64::try_from).into_iter().collect::<Result<Vec<_>, _>>()?;
    assert_eq!(outputs, interpreted(kit, all)?);
    for (got, float) in values.iter().zip(&days[0].float) {
        #[expect(clippy::cast_precision_loss, reason = "basis points")]
        let error = (*got as f64 - float).abs();
        assert!(error <= 5.0, "expected a value within 5 basis points of the float model's {float}, got {got}");
    }

    // One publisher now claims that all prices are higher by half: the answer is that of the medians of the window.
    let mut wrong = days[2].clone();
    for (i, value) in wrong.values.iter_mut().enumerate() {
        *value = if i % 5 == 4 { *value } else { *value + *value / 2 };
    }
    let (liar, (key, address)) = (stack.clone(), PUBLISHERS[2]);
    let served = wrong.clone();
    peers[2].serve(move |seq| honest(&liar, &served, seq, key, address).unwrap());
    let now = stack.chain.timestamp().await?;
    let request = stack.request(stack.params(now), None).await?;
    live.place.reaches(request.id, State::Final, LIMIT).await?;
    let events = stack.chain.events::<Fulfilled>(stack.oracle).await?;
    let event = events.iter().find(|event| event.id == request.id).context("no answer")?;
    let middle = medians([&windows[0], &windows[1], &wrong.values]);
    assert_eq!(event.outputs, interpreted(kit, [&middle, &middle, &middle])?);
    // It lies among the answers that honest windows give.
    let honest = interpreted(kit, all)?;
    for (got, honest) in event.outputs.iter().zip(&honest) {
        assert!((got - honest).abs() <= 50, "expected an answer near {honest}, got {got}");
    }
    // Believed alone, it would say something else in places where prices are compared with the other publishers'.
    assert_ne!(middle, wrong.values);
    Ok(())
}
