//! A damaged proof is refused, wherever the damage is, and costs its sender no more than the verifier's gas cap.

use alloy::primitives::U256;
use anyhow::Result;
use dodona_circuits::api::Mode;
use dodona_tests::{
    abi::{IDodonaOracle, IProofVerifier, IWrapper},
    attack::{flipped, regions, with_proof},
    chain::Receipt,
    scene::Scene,
    stack::{GAS_CAP, accounts},
};

/// Bytes of the accumulator in front of an aggregated proof.
const LIMB_BYTES: usize = 12 * 32;
/// Most gas of a refused delivery: the cap, and what the oracle does before it calls the verifier.
const MOST_GAS: u64 = GAS_CAP + 350_000;

fn within_cap(receipt: &Receipt, what: &str) {
    assert!(receipt.gas() <= MOST_GAS, "{what}: expected at most {MOST_GAS} gas, got {}", receipt.gas());
}

async fn every_region_is_bound(mode: Mode) -> Result<()> {
    let scene = Scene::new(mode).await?;
    let (oracle, chain) = (scene.stack.oracle, &scene.stack.chain);
    let answer = scene.ask().await?.answer;
    for at in regions(answer.proof.len()) {
        let bad = flipped(&answer, at);
        let limb = mode == Mode::Aggregated && at < LIMB_BYTES && at % 32 < 21;
        let receipt = if limb {
            let index = at / 32;
            let got = U256::from_be_slice(&bad.proof[index * 32..index * 32 + 32]);
            let expected = IProofVerifier::LimbTooLarge { index: U256::from(index), got };
            chain.refused(accounts::OPERATOR, oracle, &bad, &expected).await?
        } else {
            chain.refused(accounts::OPERATOR, oracle, &bad, &IDodonaOracle::ProofRefused {}).await?
        };
        within_cap(&receipt, &format!("byte {at}"));
    }
    scene.stack.deliver(&answer).await?;
    Ok(())
}

async fn other_lengths_are_refused(mode: Mode) -> Result<()> {
    let scene = Scene::new(mode).await?;
    let (oracle, chain) = (scene.stack.oracle, &scene.stack.chain);
    let answer = scene.ask().await?.answer;
    let right = answer.proof.to_vec();
    let wrong = [
        Vec::new(),
        right[..32].to_vec(),
        right[..right.len() - 1].to_vec(),
        right[..right.len() - 32].to_vec(),
        [right.as_slice(), &[0]].concat(),
        [right.as_slice(), &[0; 32]].concat(),
        [right.as_slice(), right.as_slice()].concat(),
    ];
    for proof in wrong {
        let got = U256::from(proof.len());
        let expected = IProofVerifier::ProofLength { expected: U256::from(right.len()), got };
        let receipt = chain.refused(accounts::OPERATOR, oracle, &with_proof(&answer, proof), &expected).await?;
        within_cap(&receipt, &format!("{got} bytes"));
    }
    // The right length, and nothing right in it: zeros, ones, and no point of the curve.
    for byte in [0, 1, 0xff] {
        let mut proof = vec![byte; right.len()];
        if mode == Mode::Aggregated {
            proof[..LIMB_BYTES].copy_from_slice(&right[..LIMB_BYTES]);
        }
        let bad = with_proof(&answer, proof);
        let receipt = chain.refused(accounts::OPERATOR, oracle, &bad, &IDodonaOracle::ProofRefused {}).await?;
        within_cap(&receipt, &format!("all bytes {byte:#x}"));
    }
    scene.stack.deliver(&answer).await?;
    Ok(())
}

#[tokio::test]
async fn a_flipped_bit_anywhere_in_a_direct_proof_is_refused() -> Result<()> {
    every_region_is_bound(Mode::Direct).await
}

#[tokio::test]
async fn a_flipped_bit_anywhere_in_an_aggregated_proof_is_refused() -> Result<()> {
    every_region_is_bound(Mode::Aggregated).await
}

#[tokio::test]
async fn a_truncated_or_over_long_direct_proof_is_refused() -> Result<()> {
    other_lengths_are_refused(Mode::Direct).await
}

#[tokio::test]
async fn a_truncated_or_over_long_aggregated_proof_is_refused() -> Result<()> {
    other_lengths_are_refused(Mode::Aggregated).await
}

#[tokio::test]
async fn an_accumulator_at_the_identity_is_refused() -> Result<()> {
    let scene = Scene::new(Mode::Aggregated).await?;
    let answer = scene.ask().await?.answer;
    for point in 0..2 {
        let mut proof = answer.proof.to_vec();
        proof[point * LIMB_BYTES / 2..(point + 1) * LIMB_BYTES / 2].fill(0);
        let expected = IWrapper::IdentityPoint { index: U256::from(point) };
        let bad = with_proof(&answer, proof);
        scene.stack.chain.refused(accounts::OPERATOR, scene.stack.oracle, &bad, &expected).await?;
    }
    Ok(())
}
