//! [`Engine`] and [`Commitments`] over `dodona-circuits`.

use std::path::Path;

use alloy::primitives::{B256, U256};
use dodona_circuits::{
    api::{self, AggregatedProver, ApiError, DirectProver, KeyRing, Model, Slot, SourceInput},
    keys::{Progress, Silent},
};

use super::{Engine, EngineError, Proof, SlotAnswer};
use crate::{
    feed::{Commitments, Observation},
    job::Mode,
};

/// A compiled model with the provers of the modes that it serves.
pub struct CircuitEngine {
    model: Model,
    direct: Option<DirectProver>,
    aggregated: Option<AggregatedProver>,
}

impl CircuitEngine {
    /// Loads the model in `dir` and its keys for `modes`. An aggregation key that does not exist yet is made.
    ///
    /// # Errors
    /// [`EngineError`] with the circuits' reason; a model compiled for another number of slots than one.
    pub fn load(dir: &Path, modes: &[Mode], ring: &KeyRing, progress: &dyn Progress) -> Result<Self, EngineError> {
        let model = Model::load(dir).map_err(words)?;
        let slots = model.manifest().slots;
        if slots != 1 {
            let dir = dir.display();
            return Err(EngineError(format!("{dir}: expected a model compiled for 1 slot, got {slots}")));
        }
        if model.manifest().outputs_committed {
            let (dir, outputs) = (dir.display(), model.manifest().outputs.len());
            return Err(EngineError(format!(
                "{dir}: expected outputs that fit the words of a proof, got {outputs} outputs"
            )));
        }
        let direct = modes.contains(&Mode::Direct).then(|| DirectProver::load(&model, ring, progress));
        let aggregated = modes.contains(&Mode::Aggregated).then(|| AggregatedProver::load(&model, ring, progress));
        Ok(Self {
            direct: direct.transpose().map_err(words)?,
            aggregated: aggregated.transpose().map_err(words)?,
            model,
        })
    }
}

fn words(error: ApiError) -> EngineError {
    EngineError(error.to_string())
}

fn slot(sources: &[Observation]) -> Slot {
    let input = |o: &Observation| SourceInput { values: o.values.clone(), salt: o.salt.0 };
    Slot { sources: sources.iter().map(input).collect() }
}

fn integers(words: &[[u8; 32]]) -> Vec<U256> {
    words.iter().map(|w| U256::from_be_bytes(*w)).collect()
}

impl Engine for CircuitEngine {
    fn infer(&self, sources: &[Observation]) -> Result<SlotAnswer, EngineError> {
        let mut answers = self.model.infer(&[slot(sources)]).map_err(words)?;
        let answer = answers.pop().ok_or_else(|| EngineError("expected one answer, got none".to_owned()))?;
        Ok(SlotAnswer { outputs: answer.outputs, in_domain: answer.in_domain, unsaturated: answer.unsaturated })
    }

    fn prove(&self, mode: Mode, context: U256, sources: &[Observation]) -> Result<Proof, EngineError> {
        let missing = || EngineError(format!("the key for {} mode is not loaded", mode.name()));
        let (context, slots) = (context.to_be_bytes::<32>(), [slot(sources)]);
        match mode {
            Mode::Direct => {
                let prover = self.direct.as_ref().ok_or_else(missing)?;
                let proof = prover.prove(context, &slots).map_err(words)?;
                prover.verify(&proof).map_err(words)?;
                Ok(Proof { words: integers(&proof.words), bytes: proof.proof.into(), vk_digest: None })
            }
            Mode::Aggregated => {
                let prover = self.aggregated.as_ref().ok_or_else(missing)?;
                let proof = prover.prove(context, &slots, &Silent).map_err(words)?;
                prover.verify(&proof).map_err(words)?;
                Ok(Proof {
                    words: integers(&proof.words),
                    vk_digest: Some(U256::from_be_bytes(proof.vk_digest)),
                    bytes: proof.submission().into(),
                })
            }
        }
    }
}

/// Poseidon, as the circuit computes it.
#[derive(Clone, Copy, Debug, Default)]
pub struct Poseidon;

impl Commitments for Poseidon {
    fn commitment(&self, schema_hash: B256, values: &[i64], salt: B256) -> Result<U256, String> {
        let word = api::commitment(schema_hash.0, values, salt.0).map_err(|e| e.to_string())?;
        Ok(U256::from_be_bytes(word))
    }
}
