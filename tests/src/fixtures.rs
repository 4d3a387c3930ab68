//! Aggregated proofs, made once for each statement: chain, addresses, times and salts of the scenarios are fixed, so the same
//! context comes back in every run. A fixture is keyed by all that it proves; if anything differs a new one is made.

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result, ensure};
use dodona_circuits::{
    aggregate::{self, AggregateError},
    api::{AggregatedProof, AggregatedProver, Mode, Slot},
    evm::{word_from_bytes, word_to_bytes},
    keys::{Progress, Silent},
};

use crate::kit::{self, Aggregated, Kit};

/// Place of the output word: after context and commitment.
const OUTPUT_WORD: usize = 2;

/// Where the proof of a statement lies.
fn path(kit: &Kit, shape: &Aggregated, kind: &str, words: &[[u8; 32]]) -> Result<PathBuf> {
    let words = words.concat();
    let name = kit::hash([words.as_slice(), &shape.vk_digest, &shape.verifier.runtime]);
    Ok(kit.home()?.join(format!("{kind}-{name}.json")))
}

fn cached(kit: &Kit, path: &Path, make: impl FnOnce() -> Result<AggregatedProof>) -> Result<AggregatedProof> {
    let _lock = kit::lock(&kit.cache, "aggregation")?;
    if let Ok(text) = fs::read(path) {
        return serde_json::from_slice(&text).with_context(|| path.display().to_string());
    }
    let proof = make()?;
    kit::write_whole(path, &serde_json::to_vec(&proof)?)?;
    Ok(proof)
}

/// An aggregated proof of the model's answer for `slot` under `context`.
///
/// # Errors
/// What the prover refuses.
pub fn aggregated(kit: &Kit, shape: &Aggregated, context: [u8; 32], slot: &Slot) -> Result<AggregatedProof> {
    let words = kit.model.words(Mode::Aggregated, context, std::slice::from_ref(slot))?;
    cached(kit, &path(kit, shape, "proof", &words)?, || {
        let prover = AggregatedProver::load(&kit.model, &kit.ring, &Silent)?;
        let proof = prover.prove(context, std::slice::from_ref(slot), &Silent)?;
        prover.verify(&proof)?;
        Ok(proof)
    })
}

/// An outer proof, right in itself, of an inner proof that is false: its accumulator is well-formed and its pairing does not hold. The
/// words are those of a lie: the model's answer with the first output one unit higher.
///
/// # Errors
/// What the prover refuses.
pub fn false_accumulator(kit: &Kit, shape: &Aggregated, context: [u8; 32], slot: &Slot) -> Result<AggregatedProof> {
    let words = kit.model.words(Mode::Aggregated, context, std::slice::from_ref(slot))?;
    cached(kit, &path(kit, shape, "false", &words)?, || make_false(kit, context, slot, &Silent))
}

fn make_false(kit: &Kit, context: [u8; 32], slot: &Slot, progress: &dyn Progress) -> Result<AggregatedProof> {
    let prover = AggregatedProver::load(&kit.model, &kit.ring, progress)?;
    let mut inner = prover.prove_inner(context, std::slice::from_ref(slot))?;
    drop(prover);
    let one = std::array::from_fn(|i| u8::from(i == 31));
    inner.words[OUTPUT_WORD] += word_from_bytes(&one)?;
    let keys = kit.ring.load(&kit.model, Mode::Aggregated, progress)?;
    let (srs, key) = kit.ring.ensure_aggregation(&kit.model, &keys, progress)?;
    let lie = aggregate::prove_unsound_without_inner_check(&srs, &key, &inner, progress)?;
    let verdict = aggregate::verify(&srs, key.verifying_key(), &lie);
    ensure!(
        matches!(verdict, Err(AggregateError::AccumulatorFalse)),
        "expected a right outer proof with a false accumulator, got {verdict:?}"
    );
    Ok(AggregatedProof {
        limbs: lie.limbs.iter().map(word_to_bytes).collect(),
        vk_digest: word_to_bytes(&lie.vk_digest),
        words: lie.words.iter().map(word_to_bytes).collect(),
        proof: lie.proof,
    })
}
