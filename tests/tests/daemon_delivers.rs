//! The real daemons: `dodona publish` signs and serves, `dodona run` sees the request, collects, infers, proves and
//! delivers.

use std::time::Duration;

use anyhow::Result;
use dodona::job::State;
use dodona_circuits::api::Mode;
use dodona_tests::{
    abi::IDodonaOracle,
    answer::{Observed, check_parameters},
    market,
    scene::Live,
    stack::{INITIAL, PERIOD},
};

const LIMIT: Duration = Duration::from_secs(90);

#[tokio::test]
async fn the_daemon_answers_the_markets_request() -> Result<()> {
    let live = Live::new().await?;
    let stack = &live.scene.stack;
    let publisher = live.place.publisher().await?;
    let operator = live.place.operator().await?;
    assert_eq!(stack.parameters().await?, (INITIAL, 0));

    let request = stack.poke(Mode::Direct, None).await?;
    live.place.reaches(request.id, State::Final, LIMIT).await?;
    live.answered_once(&request, 1).await?;

    // The values are those of the day that the publisher committed to.
    let answer = stack.chain.view(stack.oracle, &IDodonaOracle::answerOfCall { id: request.id }).await?;
    let served = live.place.observation(Some(answer.observedAt / PERIOD)).await?;
    let day = market::day_of(&live.scene.days, &served)?;
    assert_eq!(served.values, day.values);
    let (values, update) = stack.parameters().await?;
    assert_eq!(update, 1);
    check_parameters(&live.scene.kit, &Observed::from(&served), day, values)?;

    for process in [operator, publisher] {
        let log = process.output();
        let status = process.stop().await?;
        assert!(status.success(), "expected a clean stop, got {status}: {log}");
        assert!(!log.contains("panicked"), "{log}");
    }
    Ok(())
}
