//! The demo: a proven risk parameter arrives on a local chain, with the real daemons, first in direct mode, then
//! aggregated; then attacks are refused. Run it with `scripts/demo`.
//!
//! | file | what |
//! |---|---|
//! | `main.rs` | the story |
//! | `checks.rs` | memory, disk, tools |
//! | `narrator.rs` | text on stdout, progress on stderr |
//! | `attacks.rs` | wrong deliveries that the chain must refuse |
//! | `report.rs` | `report.json` |

mod attacks;
mod checks;
mod narrator;
mod report;

use std::{
    path::PathBuf,
    process::ExitCode,
    time::{Duration, Instant},
};

use alloy::primitives::U256;
use anyhow::{Context, Result, ensure};
use clap::Parser;
use dodona::job::State;
use dodona_circuits::api::Mode;
use dodona_tests::{
    abi::{
        IDodonaOracle::{Fulfilled, Requested},
        IProofVerifier,
    },
    answer::{Observed, check_parameters},
    anvil::{Anvil, AnvilOptions},
    chain::GAS,
    kit::Kit,
    market, paths,
    process::{Process, Workplace, until},
    stack::{PERIOD, Stack, accounts},
};

use crate::{
    narrator::Narrator,
    report::{Delivery, Report},
};

/// Shows a proven answer arriving on a local chain, and attacks being refused.
#[derive(Debug, Parser)]
struct Options {
    /// Folder of SRS, keys and generated verifiers; a second run reuses them
    #[arg(long, value_name = "DIR")]
    cache: Option<PathBuf>,
    /// File to write
    #[arg(long, value_name = "FILE")]
    report: Option<PathBuf>,
}

/// Bytes of the accumulator in front of an aggregated proof.
const LIMB_BYTES: usize = 12 * 32;
/// Seconds that an aggregated proof takes on two cores, until a report of an earlier run says better.
const USUAL_PROOF: f64 = 90.0;

fn main() -> ExitCode {
    let options = Options::parse();
    let narrator = Narrator::new();
    let runtime = match tokio::runtime::Runtime::new() {
        Ok(runtime) => runtime,
        Err(error) => return narrator.failed(&error.into()),
    };
    match runtime.block_on(tell(&options, &narrator)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => narrator.failed(&error),
    }
}

/// Everything that runs while the story is told; ended when dropped, the daemons first.
struct Stage {
    place: Workplace,
    stack: Stack,
    kit: Kit,
    _publisher: Process,
    _anvil: Anvil,
}

async fn tell(options: &Options, say: &Narrator) -> Result<()> {
    let begun = Instant::now();
    let cache = options.cache.clone().map_or_else(paths::cache, Ok)?;
    let file = options.report.clone().unwrap_or_else(|| paths::root().join("target/demo/report.json"));
    say.title("Checks");
    say.line(&checks::all(&cache)?);

    let mut stage = set_up(&cache, say).await?;
    let before = stage.stack.parameters().await?;
    let operator = say.wait("starting the operator for direct proofs", None, stage.place.operator()).await?;
    say.title("A direct request");
    let direct = deliver(&stage, Mode::Direct, 5.0, say).await?;
    let mut peak = operator.peak_rss_mib();
    operator.stop().await?;
    say.line(&format!("direct answer {:.1} s after the demo began", begun.elapsed().as_secs_f64()));
    report::show_parameters(say, before.0, &direct);

    say.title("Attacks on a direct proof (each one a transaction that the chain must refuse)");
    let mut refused = attacks::direct(&stage.stack, &stage.kit, &stage.place.observation(None).await?, say).await?;

    say.title("An aggregated request");
    let estimate = Report::earlier_proof_s(&file).unwrap_or(USUAL_PROOF);
    if let Some(config) = &mut stage.place.config.operator {
        config.models.iter_mut().for_each(|model| model.aggregated = true);
    }
    stage.place.write()?;
    let operator =
        say.wait("starting the operator with the aggregation key", Some(15.0), stage.place.operator()).await?;
    next_observation(&stage, say).await?;
    let middle = stage.stack.parameters().await?;
    let aggregated = deliver(&stage, Mode::Aggregated, estimate, say).await?;
    peak = peak.max(operator.peak_rss_mib());
    operator.stop().await?;
    report::show_parameters(say, middle.0, &aggregated);

    say.title("Attacks on the aggregated proof");
    refused.extend(attacks::aggregated(&stage.stack, &aggregated.call, say).await?);

    let total = begun.elapsed().as_secs_f64();
    let report = Report::new(direct, aggregated, peak, refused, total);
    report.write(&file)?;
    say.title("Done");
    say.line(&format!("{total:.0} s in all; report: {}", file.display()));
    Ok(())
}

/// Keys, chain, contracts, publisher.
async fn set_up(cache: &std::path::Path, say: &Narrator) -> Result<Stage> {
    say.title("Model, keys and verifiers");
    let (folder, bars) = (cache.to_owned(), say.bars());
    let made = tokio::task::spawn_blocking(move || {
        let kit = Kit::load_in(&folder, &bars)?;
        let shape = kit.aggregated(&bars)?;
        anyhow::Ok((kit, shape))
    });
    let (kit, shape) = made.await??;
    say.line(&format!(
        "generated verifiers: direct {} bytes, aggregated {} bytes of code",
        kit.direct.runtime.len(),
        shape.verifier.runtime.len()
    ));
    say.line("SRS: the INSECURE development one; never for production");

    say.title("Chain and contracts");
    let anvil = Anvil::start(AnvilOptions { block_time: Some(1), ..AnvilOptions::default() }).await?;
    let stack = say.wait("deploying", None, Stack::deploy(&anvil.chain(), &kit, Some(&shape))).await?;
    say.line(&format!("anvil at {}; oracle {}, market {}", anvil.url(), stack.oracle, stack.market));
    say.line(&format!("model {}", stack.model));
    let mut place = Workplace::new(&stack, &kit, anvil.url())?;
    if let Some(config) = &mut place.config.operator {
        config.models.iter_mut().for_each(|model| model.aggregated = false);
    }
    place.write()?;

    say.title("Publisher");
    let publisher = say.wait("starting the publisher", None, place.publisher()).await?;
    let served = place.observation(None).await?;
    let (date, asset) = (served.labels.date.unwrap_or_default(), served.labels.asset.unwrap_or_default());
    say.line(&format!("serves {asset} of {date} as observation {}, signed by {}", served.header.seq, served.publisher));
    say.line(&format!("commitment {}", served.header.commitment));
    Ok(Stage { place, stack, kit, _publisher: publisher, _anvil: anvil })
}

/// Gas of a transaction straight to the generated verifier, with calldata and base cost.
async fn verification_gas(stack: &Stack, mode: Mode, delivery: &Delivery) -> Result<u64> {
    let words: Vec<u8> = delivery.words.iter().flat_map(|word| word.to_be_bytes::<32>()).collect();
    let proof = &delivery.call.proof;
    let (verifier, data) = match mode {
        Mode::Direct => (stack.direct_verifier, [words.as_slice(), proof].concat()),
        Mode::Aggregated => {
            let (limbs, proof) = proof.split_at_checked(LIMB_BYTES).context("the proof has no accumulator")?;
            let digest = stack.spec.vkDigests.first().context("the model has no key digest")?.to_be_bytes::<32>();
            let call = IProofVerifier::implementationCall {};
            let implementation = stack.chain.view(stack.aggregated_wrapper, &call).await?;
            (implementation, [limbs, &digest, &words, proof].concat())
        }
    };
    let receipt = stack.chain.send(accounts::STRANGER, Some(verifier), data.into(), U256::ZERO, GAS).await?;
    ensure!(receipt.success(), "the generated verifier refuses the proof that the oracle took");
    Ok(receipt.gas())
}

/// The risk oracle takes an observation once: waits for the next one.
async fn next_observation(stage: &Stage, say: &Narrator) -> Result<()> {
    let call = dodona_tests::abi::IRiskOracle::lastObservedAtCall {
        market: stage.stack.collateral,
        updateType: dodona_tests::stack::UPDATE_TYPE.to_owned(),
    };
    let last = stage.stack.chain.view(stage.stack.risk_oracle, &call).await?;
    let newer = until(Duration::from_secs(2 * PERIOD), async || {
        let served = stage.place.observation(None).await?;
        let now = stage.stack.chain.timestamp().await?;
        Ok((served.header.observed_at > last && served.header.observed_at <= now).then_some(()))
    });
    let came = say.wait("waiting for the next observation", Some(60.0), newer).await?;
    came.context("the publisher signed nothing new in two periods")
}

/// Asks, lets the operator answer, and collects what was measured.
async fn deliver(stage: &Stage, mode: Mode, estimate: f64, say: &Narrator) -> Result<Delivery> {
    let (stack, place) = (&stage.stack, &stage.place);
    let asked = Instant::now();
    let request: Requested = stack.poke(mode, None).await?;
    say.line(&format!("the market paid {} wei for request {}", request.fee, request.id));
    let limit = Duration::from_secs(900);
    let answered = place.reaches(request.id, State::Final, limit);
    say.wait("operator: collect, infer, prove, check, submit", Some(estimate), answered).await?;
    let waited = asked.elapsed().as_secs_f64();

    let events = stack.chain.placed_events::<Fulfilled>(stack.oracle).await?;
    let found = events.into_iter().find(|(event, _)| event.id == request.id);
    let (event, at) = found.context("the job is final, but the chain has no answer")?;
    ensure!(event.payee == accounts::PAYEE, "expected payee {}, got {}", accounts::PAYEE, event.payee);
    let served = place.observation(Some(event.observedAt / PERIOD)).await?;
    let days = market::days()?;
    let day = market::day_of(&days, &served)?;
    let (values, _) = stack.parameters().await?;
    check_parameters(&stage.kit, &Observed::from(&served), day, values).context("the market's parameters")?;
    let input = stack.chain.input(at.transaction).await?;
    let receipt = stack.chain.receipt(at.transaction).await?.context("no receipt of the answer")?;
    let proof = place.proof(request.id)?;
    let delivery = Delivery::new(request.id, day, values, &input, proof, receipt.gas(), waited)?;
    let gas = verification_gas(stack, mode, &delivery).await?;
    let steps = place.store()?.history(request.id)?;
    report::show_steps(say, &steps);
    Ok(Delivery { verify_gas: gas, ..delivery })
}
