//! The generated verifiers, behind their wrappers, under mutation: whatever is changed of a real proof or of what it proves is refused, and
//! refusing costs no more than the wrapper's gas cap.

use alloy::{
    primitives::{Address, Bytes, U256},
    sol_types::SolCall,
};
use anyhow::{Context, Result, ensure};
use dodona_circuits::api::Mode;
use dodona_tests::{
    abi::IProofVerifier::verifyCall,
    attack::R,
    chain::Chain,
    kit::Kit,
    scene::{Asked, Scene},
    stack::{GAS_CAP, accounts},
};

/// What a call costs besides the generated verifier: the transaction, its calldata, the wrapper's checks, and the 64th that EIP-150 keeps.
const BESIDE: u64 = 250_000;
/// Bytes of the accumulator in front of an aggregated proof.
const LIMB_BYTES: usize = 12 * 32;

/// A wrapper and a call that it accepts.
struct Bench {
    scene: Scene,
    wrapper: Address,
    right: verifyCall,
}

impl Bench {
    async fn new(mode: Mode) -> Result<Self> {
        let scene = Scene::new(mode).await?;
        let Asked { request, observed, answer } = scene.ask().await?;
        let context = scene.stack.context(request.id, mode, answer.payee, answer.expiry).await?;
        let words = scene.kit.model.words(mode, context, &[observed.slot])?;
        let mut words: Vec<U256> = words.into_iter().map(U256::from_be_bytes).collect();
        let (wrapper, key) = match &scene.shape {
            None => (scene.stack.direct_wrapper, U256::from_be_slice(scene.stack.direct_verifier.as_slice())),
            Some(shape) => (scene.stack.aggregated_wrapper, U256::from_be_bytes(shape.vk_digest)),
        };
        if mode == Mode::Aggregated {
            words.resize(16, U256::ZERO);
        }
        let right = verifyCall { key, words, proofLength: U256::from(answer.proof.len()), proof: answer.proof };
        let bench = Self { scene, wrapper, right };
        ensure!(bench.accepts(&bench.right).await?, "the real proof is refused");
        Ok(bench)
    }

    /// Whether the wrapper says yes within its gas; a revert is a no.
    async fn accepts(&self, call: &verifyCall) -> Result<bool> {
        accepts(&self.scene.stack.chain, self.wrapper, call).await
    }

    async fn refuses(&self, what: impl FnOnce() -> String, call: verifyCall) -> Result<()> {
        let accepted = self.accepts(&call).await.with_context(|| "out of the wrapper's gas")?;
        ensure!(!accepted, "accepted: {}", what());
        Ok(())
    }

    fn with_proof(&self, change: impl FnOnce(&mut Vec<u8>)) -> verifyCall {
        let mut proof = self.right.proof.to_vec();
        change(&mut proof);
        verifyCall { proof: Bytes::from(proof), ..self.right.clone() }
    }

    async fn every_byte_counts(&self) -> Result<()> {
        for at in 0..self.right.proof.len() {
            let bit = 1 << (at % 8);
            self.refuses(|| format!("byte {at} xor {bit}"), self.with_proof(|p| p[at] ^= bit)).await?;
        }
        Ok(())
    }

    async fn every_word_counts(&self) -> Result<()> {
        let modular = |word: U256, by: U256| word.add_mod(by, R);
        for at in 0..self.right.words.len() {
            let changed = |value: U256| {
                let mut call = self.right.clone();
                call.words[at] = value;
                call
            };
            let word = self.right.words[at];
            self.refuses(|| format!("word {at} + 1"), changed(modular(word, U256::from(1)))).await?;
            self.refuses(|| format!("word {at} - 1"), changed(modular(word, R - U256::from(1)))).await?;
            self.refuses(|| format!("word {at} + r"), changed(word + R)).await?;
        }
        Ok(())
    }

    /// Each element a point at infinity, a point off the curve, one outside the field.
    async fn every_point_counts(&self) -> Result<()> {
        for at in (0..self.right.proof.len()).step_by(32) {
            let end = (at + 64).min(self.right.proof.len());
            self.refuses(|| format!("nothing but zeros from byte {at}"), self.with_proof(|p| p[at..end].fill(0)))
                .await?;
            self.refuses(|| format!("nothing but ones from byte {at}"), self.with_proof(|p| p[at..end].fill(0xff)))
                .await?;
            let next = |p: &mut Vec<u8>| {
                let value = U256::from_be_slice(&p[at..at + 32]).wrapping_add(U256::from(1));
                p[at..at + 32].copy_from_slice(&value.to_be_bytes::<32>());
            };
            self.refuses(|| format!("one more at byte {at}"), self.with_proof(next)).await?;
        }
        Ok(())
    }

    async fn lengths_count(&self) -> Result<()> {
        let length = self.right.proof.len();
        for kept in [0, 1, 32, LIMB_BYTES, length - 32, length - 1] {
            self.refuses(|| format!("{kept} bytes"), self.with_proof(|p| p.truncate(kept))).await?;
        }
        for more in [1, 32, length] {
            self.refuses(|| format!("{more} bytes more"), self.with_proof(|p| p.resize(length + more, 0))).await?;
        }
        let mut words = self.right.clone();
        words.words.pop();
        self.refuses(|| "a word less".to_owned(), words).await?;
        let mut words = self.right.clone();
        words.words.push(U256::ZERO);
        self.refuses(|| "a word more".to_owned(), words).await
    }
}

async fn accepts(chain: &Chain, wrapper: Address, call: &verifyCall) -> Result<bool> {
    let got = chain.simulate_with_gas(accounts::STRANGER, wrapper, call, GAS_CAP + BESIDE).await?;
    got.map_or(Ok(false), |data| Ok(verifyCall::abi_decode_returns(&data)?))
}

async fn mutated(mode: Mode) -> Result<()> {
    let bench = Bench::new(mode).await?;
    bench.every_byte_counts().await?;
    bench.every_word_counts().await?;
    bench.every_point_counts().await?;
    bench.lengths_count().await?;
    ensure!(bench.accepts(&bench.right).await?, "the real proof is refused afterwards");
    Ok(())
}

#[tokio::test]
async fn no_change_of_a_direct_proof_is_accepted() -> Result<()> {
    mutated(Mode::Direct).await
}

#[tokio::test]
async fn no_change_of_an_aggregated_proof_is_accepted() -> Result<()> {
    mutated(Mode::Aggregated).await
}

#[tokio::test]
async fn a_proof_of_another_key_or_model_is_refused() -> Result<()> {
    let bench = Bench::new(Mode::Direct).await?;
    let chain = &bench.scene.stack.chain;
    // The verifier of another model, of the same shape and with as many words.
    let other = Kit::direct("risk_window")?;
    let verifier = chain.deploy(accounts::OWNER, other.direct.creation.to_vec()).await?;
    let key = U256::from_be_slice(verifier.as_slice());
    bench.refuses(|| "another model's verifier".to_owned(), verifyCall { key, ..bench.right.clone() }).await?;
    bench.refuses(|| "no verifier".to_owned(), verifyCall { key: U256::from(1), ..bench.right.clone() }).await?;

    let aggregated = Bench::new(Mode::Aggregated).await?;
    let key = aggregated.right.key;
    for (what, key) in [("+ 1", key + U256::from(1)), ("- 1", key - U256::from(1)), ("+ r", key + R), ("0", U256::ZERO)]
    {
        aggregated.refuses(|| format!("digest {what}"), verifyCall { key, ..aggregated.right.clone() }).await?;
    }
    Ok(())
}

#[tokio::test]
async fn a_proof_of_the_other_mode_is_refused() -> Result<()> {
    let (direct, aggregated) = (Bench::new(Mode::Direct).await?, Bench::new(Mode::Aggregated).await?);
    let to = |bench: &Bench, proof: &Bench| verifyCall { proof: proof.right.proof.clone(), ..bench.right.clone() };
    aggregated.refuses(|| "a direct proof".to_owned(), to(&aggregated, &direct)).await?;
    direct.refuses(|| "an aggregated proof".to_owned(), to(&direct, &aggregated)).await?;
    // The same length, so that length alone does not refuse it.
    let fitted = |bench: &Bench, proof: &Bench| {
        let mut call = to(bench, proof);
        let mut bytes = call.proof.to_vec();
        bytes.resize(bench.right.proof.len(), 0);
        call.proof = bytes.into();
        call
    };
    aggregated.refuses(|| "a direct proof of that length".to_owned(), fitted(&aggregated, &direct)).await?;
    direct.refuses(|| "an aggregated proof of that length".to_owned(), fitted(&direct, &aggregated)).await
}
