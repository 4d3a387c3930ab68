//! Where most scenarios begin: a chain with the whole stack, an open request of the market, and the right answer to it.
//! Times are fixed, so that ids, contexts and aggregated proofs are the same in every run.

use alloy::primitives::U256;
use anyhow::{Context, Result, ensure};
use dodona_circuits::{api::Mode, keys::Silent};

use crate::{
    abi::IDodonaOracle::{Fulfilled, Requested},
    answer::{ASKED, Fulfil, Observed, START},
    anvil::{Anvil, AnvilOptions},
    kit::{Aggregated, Kit},
    market::{self, Day},
    process::Workplace,
    stack::{Stack, accounts},
};

/// A chain with everything deployed.
#[derive(Debug)]
pub struct Scene {
    /// The model.
    pub kit: Kit,
    /// The shape's verifier, in aggregated mode.
    pub shape: Option<Aggregated>,
    /// The contracts.
    pub stack: Stack,
    /// Historical days.
    pub days: Vec<Day>,
    /// The chain's process.
    pub anvil: Anvil,
}

/// A chain in real time, one block a second, with publisher and operator ready to be started.
#[derive(Debug)]
pub struct Live {
    /// Files of the daemons. Before the chain, so that it is dropped first.
    pub place: Workplace,
    /// Chain, contracts and model.
    pub scene: Scene,
}

impl Live {
    /// Everything deployed for direct mode.
    ///
    /// # Errors
    /// What stands in the way.
    pub async fn new() -> Result<Self> {
        Self::of(Kit::load()?, market::days()?).await
    }

    /// As [`Self::new`], for another model and its days.
    ///
    /// # Errors
    /// As there.
    pub async fn of(kit: Kit, days: Vec<Day>) -> Result<Self> {
        let anvil = Anvil::start(AnvilOptions { block_time: Some(1), ..AnvilOptions::default() }).await?;
        let stack = Stack::deploy(&anvil.chain(), &kit, None).await?;
        let place = Workplace::new(&stack, &kit, anvil.url())?;
        Ok(Self { place, scene: Scene { kit, shape: None, stack, days, anvil } })
    }

    /// Checks that a request was answered exactly once: one event, one payment, one mined transaction of the operator for each of
    /// `answered` requests, the market's parameters proven.
    ///
    /// # Errors
    /// Anything else.
    pub async fn answered_once(&self, request: &Requested, answered: u64) -> Result<()> {
        let (stack, chain) = (&self.scene.stack, &self.scene.stack.chain);
        let events = chain.events::<Fulfilled>(stack.oracle).await?;
        let mine: Vec<_> = events.iter().filter(|event| event.id == request.id).collect();
        ensure!(mine.len() == 1, "expected one answer to {}, got {}", request.id, mine.len());
        ensure!(events.len() as u64 == answered, "expected {answered} answers in all, got {}", events.len());
        let credit = stack.credit(accounts::PAYEE).await?;
        let expected = request.fee * U256::from(answered);
        ensure!(credit == expected, "expected {expected} wei credited, got {credit}");
        let nonce = chain.nonce(accounts::OPERATOR).await?;
        ensure!(nonce == answered, "expected {answered} transactions of the operator, got {nonce}");
        let (values, _) = stack.parameters().await?;
        let outputs = values.map(|value| i64::try_from(value).unwrap_or(i64::MAX));
        let newest = &events.last().context("no answer")?.outputs;
        ensure!(outputs[..] == newest[..], "expected the market to follow {newest:?}, got {outputs:?}");
        Ok(())
    }
}

/// A request and its right answer.
#[derive(Clone, Debug)]
pub struct Asked {
    /// The request.
    pub request: Requested,
    /// The observation of the first day.
    pub observed: Observed,
    /// The right answer, not yet delivered.
    pub answer: Fulfil,
}

impl Scene {
    /// Everything deployed for one mode; the chain begins at [`START`].
    ///
    /// # Errors
    /// What stands in the way, for instance contracts that are not built.
    pub async fn new(mode: Mode) -> Result<Self> {
        let kit = Kit::load()?;
        let shape = match mode {
            Mode::Direct => None,
            Mode::Aggregated => Some(kit.aggregated(&Silent)?),
        };
        let anvil = Anvil::start(AnvilOptions { timestamp: Some(START), ..AnvilOptions::default() }).await?;
        let stack = Stack::deploy(&anvil.chain(), &kit, shape.as_ref()).await?;
        Ok(Self { kit, shape, stack, days: market::days()?, anvil })
    }

    /// The market's first request, at [`ASKED`], with the answer for the first day.
    ///
    /// # Errors
    /// What the chain or the prover refuse.
    pub async fn ask(&self) -> Result<Asked> {
        let mode = if self.shape.is_some() { Mode::Aggregated } else { Mode::Direct };
        let request = self.stack.poke(mode, Some(ASKED)).await?;
        let day = self.days.first().context("no observations")?;
        let observed = self.stack.observe(day, ASKED, accounts::PUBLISHER_KEY)?;
        let answer = self.answer(&request, &observed).await?;
        Ok(Asked { request, observed, answer })
    }

    /// The right answer to a request, in the scene's mode.
    ///
    /// # Errors
    /// What the prover refuses.
    pub async fn answer(&self, request: &Requested, observed: &Observed) -> Result<Fulfil> {
        match &self.shape {
            None => self.stack.answer(&self.kit, request, observed).await,
            Some(shape) => self.stack.aggregated_answer(&self.kit, shape, request, observed).await,
        }
    }
}
