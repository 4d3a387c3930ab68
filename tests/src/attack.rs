//! Wrong variants of a right answer.

use alloy::primitives::{U256, uint};
use anyhow::{Context, Result};

use crate::answer::Fulfil;

/// Order of BN254's scalar field.
pub const R: U256 = uint!(0x30644e72e131a029b85045b68181585d2833e84879b9709143e1f593f0000001_U256);

/// The answer with its first output changed by one unit.
///
/// # Errors
/// It has no output word.
pub fn changed_answer(call: &Fulfil, up: bool) -> Result<Fulfil> {
    let mut bad = call.clone();
    let word = output_word(&mut bad)?;
    *word = if up { *word + U256::from(1) } else { *word - U256::from(1) };
    Ok(bad)
}

/// The answer with an output word that is the same modulo `r`.
///
/// # Errors
/// It has no output word.
pub fn word_plus_r(call: &Fulfil) -> Result<Fulfil> {
    let mut bad = call.clone();
    *output_word(&mut bad)? += R;
    Ok(bad)
}

fn output_word(call: &mut Fulfil) -> Result<&mut U256> {
    call.slots.first_mut().and_then(|slot| slot.outputWords.first_mut()).context("no output word")
}

/// The answer with one bit of its proof flipped: the lowest of byte `at`.
pub fn flipped(call: &Fulfil, at: usize) -> Fulfil {
    let mut proof = call.proof.to_vec();
    if let Some(byte) = proof.get_mut(at) {
        *byte ^= 1;
    }
    with_proof(call, proof)
}

/// The answer with another proof.
pub fn with_proof(call: &Fulfil, proof: Vec<u8>) -> Fulfil {
    Fulfil { proof: proof.into(), ..call.clone() }
}

/// Places in a proof of `length` bytes: the first, a middle and the last byte of every 32-byte element.
pub fn regions(length: usize) -> Vec<usize> {
    (0..length / 32).flat_map(|element| [0, 15, 31].map(|byte| element * 32 + byte)).collect()
}
