//! A credit-gated loan with a private score: the proof shows a verdict and nothing else, and the verdict decides who may draw.

use alloy::primitives::{Address, U256};
use anyhow::{Context, Result};
use dodona_tests::{
    abi::{
        CreditTerms,
        ICreditLoan::{self, Decided, WrongStatus, accountOfCall, applicantOfCall, drawCall},
        IDodonaOracle::{ObservationOutOfWindow, Requested},
        IToken,
    },
    answer::{ASKED, Fulfil, Observed, START},
    anvil::{Anvil, AnvilOptions},
    kit::Kit,
    market::{self, Day},
    stack::{PERIOD, Stack, accounts},
};

const PRINCIPAL: u128 = 1_000;
const INTEREST: u128 = 50;
/// Statuses of the contract.
const APPROVED: u8 = 2;
const DENIED: u8 = 3;

/// A chain with the credit model registered and a funded pool.
struct Scene {
    kit: Kit,
    days: Vec<Day>,
    stack: Stack,
    pool: Address,
    token: Address,
    _anvil: Anvil,
}

impl Scene {
    async fn new() -> Result<Self> {
        let kit = Kit::direct("credit")?;
        let days = market::days_of("credit", "observations.json")?;
        let anvil = Anvil::start(AnvilOptions { timestamp: Some(START), ..AnvilOptions::default() }).await?;
        let stack = Stack::without_market(&anvil.chain(), &kit, None).await?;
        let terms = CreditTerms {
            modelId: stack.model,
            mode: 0,
            principal: PRINCIPAL,
            interest: INTEREST,
            term: 86_400,
            validity: 3_600,
            timeToAnswer: 600,
        };
        let (pool, token) = stack.deploy_credit_loan(terms).await?;
        let scene = Self { kit, days, stack, pool, token, _anvil: anvil };
        for account in [accounts::OWNER, accounts::USER] {
            let amount = U256::from(10_000);
            scene.send(account, token, &IToken::mintCall { to: account, amount }).await?;
            scene.send(account, token, &IToken::approveCall { spender: pool, amount: U256::MAX }).await?;
        }
        scene.send(accounts::OWNER, pool, &ICreditLoan::depositCall { amount: U256::from(5_000) }).await?;
        Ok(scene)
    }

    async fn send<C: alloy::sol_types::SolCall>(&self, from: Address, to: Address, call: &C) -> Result<()> {
        self.stack.chain.transact(from, to, call, U256::ZERO).await.map(drop)
    }

    /// The first applicant of the file with this verdict by the float model.
    fn applicant(&self, approved: bool) -> Result<&Day> {
        let wanted = if approved { 1.0 } else { 0.0 };
        self.days.iter().find(|day| day.float == [wanted]).context("no such applicant")
    }

    /// Applies from `applicant` at `time`; the request and the time of observation that it booked.
    async fn apply(&self, applicant: Address, time: u64) -> Result<(Requested, u64)> {
        let chain = &self.stack.chain;
        chain.next_timestamp(time).await?;
        let value = U256::from(10).pow(U256::from(16));
        let receipt = chain.transact(applicant, self.pool, &ICreditLoan::applyForLoanCall {}, value).await?;
        let applied: ICreditLoan::Applied = receipt.event()?;
        assert_eq!(chain.view(self.pool, &applicantOfCall { slot: applied.slot }).await?, applicant);
        Ok((receipt.event()?, applied.slot))
    }

    async fn proved(&self, request: &Requested, observed: &Observed) -> Result<Fulfil> {
        self.stack.answer(&self.kit, request, observed).await
    }

    async fn status(&self, applicant: Address) -> Result<u8> {
        Ok(self.stack.chain.view(self.pool, &accountOfCall { applicant }).await?.status)
    }
}

#[tokio::test]
async fn an_approved_applicant_draws_and_repays_and_the_chain_sees_one_bit() -> Result<()> {
    let scene = Scene::new().await?;
    let (stack, chain) = (&scene.stack, &scene.stack.chain);
    let (request, slot) = scene.apply(accounts::USER, ASKED + 7).await?;
    assert_eq!(slot, (ASKED + 7) / PERIOD * PERIOD + PERIOD);
    chain.mine_at(slot + 1).await?;
    let observed = stack.observe(scene.applicant(true)?, slot, accounts::PUBLISHER_KEY)?;
    let answer = scene.proved(&request, &observed).await?;
    // Nothing but context, commitment and verdict: bit 63 is the offset, bits 192 and 193 the flags.
    let word = answer.slots[0].outputWords[0];
    let expected = (U256::from(1) << 63) + U256::from(1) + (U256::from(3) << 192);
    assert_eq!((answer.slots[0].outputWords.len(), word), (1, expected));

    let decided: Decided = stack.deliver(&answer).await?.event()?;
    assert!(decided.approved);
    assert_eq!(scene.status(accounts::USER).await?, APPROVED);
    let before = chain.view(scene.token, &IToken::balanceOfCall { account: accounts::USER }).await?;
    scene.send(accounts::USER, scene.pool, &drawCall {}).await?;
    let after = chain.view(scene.token, &IToken::balanceOfCall { account: accounts::USER }).await?;
    assert_eq!(after - before, U256::from(PRINCIPAL));
    scene.send(accounts::USER, scene.pool, &ICreditLoan::repayCall { applicant: accounts::USER }).await?;
    let assets = chain.view(scene.pool, &ICreditLoan::totalAssetsCall {}).await?;
    assert_eq!(assets, U256::from(5_000 + INTEREST));
    Ok(())
}

#[tokio::test]
async fn a_denied_applicant_cannot_draw() -> Result<()> {
    let scene = Scene::new().await?;
    let (stack, chain) = (&scene.stack, &scene.stack.chain);
    let (request, slot) = scene.apply(accounts::USER, ASKED + 7).await?;
    chain.mine_at(slot + 1).await?;
    let observed = stack.observe(scene.applicant(false)?, slot, accounts::PUBLISHER_KEY)?;
    let answer = scene.proved(&request, &observed).await?;
    let decided: Decided = stack.deliver(&answer).await?.event()?;
    assert!(!decided.approved);
    let refused = WrongStatus { applicant: accounts::USER, status: DENIED };
    chain.refused(accounts::USER, scene.pool, &drawCall {}, &refused).await?;
    Ok(())
}

#[tokio::test]
async fn a_verdict_on_somebody_elses_observation_is_refused() -> Result<()> {
    let scene = Scene::new().await?;
    let (stack, chain) = (&scene.stack, &scene.stack.chain);
    // One who would be approved applies first; the other's request cannot be answered with that observation.
    let (first, slot) = scene.apply(accounts::STRANGER, ASKED + 7).await?;
    let (second, later) = scene.apply(accounts::USER, slot + 5).await?;
    assert_eq!(later, slot + PERIOD);
    chain.mine_at(later + 1).await?;
    let good = stack.observe(scene.applicant(true)?, slot, accounts::PUBLISHER_KEY)?;
    let stolen = scene.proved(&second, &good).await?;
    let got = U256::from(slot);
    let (earliest, latest) = (U256::from(second.createdAt), U256::from(second.createdAt + PERIOD));
    // The observation is from before the application, which accepts none from before.
    let latest = if slot > second.createdAt { latest } else { U256::from(second.createdAt) };
    let refused = ObservationOutOfWindow { id: second.id, earliest, latest, got };
    chain.refused(accounts::OPERATOR, stack.oracle, &stolen, &refused).await?;
    let decided: Decided = stack.deliver(&scene.proved(&first, &good).await?).await?.event()?;
    assert!(decided.approved && decided.applicant == accounts::STRANGER);
    Ok(())
}
