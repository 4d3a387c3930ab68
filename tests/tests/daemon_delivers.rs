//! The real daemons: `dodona publish` signs and serves, `dodona run` sees the request, collects, infers, proves and
//! delivers.

use std::time::Duration;

use anyhow::{Context, Result};
use dodona::{feed::Observation, job::State};
use dodona_circuits::api::{Mode, Slot, SourceInput};
use dodona_tests::{
    answer::{Observed, check_parameters},
    process::fetch,
    scene::Live,
    stack::INITIAL,
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
    let config = live.place.config.publisher()?;
    let answer = stack.chain.view(stack.oracle, &dodona_tests::abi::IDodonaOracle::answerOfCall { id: request.id }).await?;
    let seq = answer.observedAt / dodona_tests::stack::PERIOD;
    let url = format!("http://{}/v1/feeds/{}/at/{seq}", config.listen, stack.feed);
    let served: Observation = serde_json::from_value(fetch(&url).await?)?;
    let days = &live.scene.days;
    let (date, asset) = (served.labels.date.clone(), served.labels.asset.clone());
    let day = days.iter().find(|day| Some(&day.date) == date.as_ref() && Some(&day.asset) == asset.as_ref());
    let day = day.context("the publisher serves an observation that is not in the file")?;
    assert_eq!(served.values, day.values);
    let observed = Observed {
        header: (&served.header).into(),
        signature: served.signature.clone(),
        slot: Slot { sources: vec![SourceInput { values: served.values, salt: served.salt.0 }] },
    };
    let (values, update) = stack.parameters().await?;
    assert_eq!(update, 1);
    check_parameters(&live.scene.kit, &observed, day, values)?;

    for process in [operator, publisher] {
        let log = process.output();
        let status = process.stop().await?;
        assert!(status.success(), "expected a clean stop, got {status}: {log}");
        assert!(!log.contains("panicked"), "{log}");
    }
    Ok(())
}
