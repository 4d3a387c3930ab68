//! A deterministic engine for tests of the stages: outputs are sums, proofs are hashes.

use alloy::primitives::{B256, U256, keccak256};

use super::{Engine, EngineError, Proof, SlotAnswer};
use crate::{
    feed::{Commitments, Observation},
    job::Mode,
};

/// The fake; `broken` makes every proof fail.
#[derive(Default)]
pub(crate) struct FakeEngine {
    pub broken: bool,
}

/// Keccak in place of Poseidon.
pub(crate) struct FakeCommitments;

impl Commitments for FakeCommitments {
    fn commitment(&self, schema_hash: B256, values: &[i64], salt: B256) -> Result<U256, String> {
        let mut bytes = [schema_hash.0, salt.0].concat();
        values.iter().for_each(|v| bytes.extend(v.to_be_bytes()));
        Ok(U256::from_be_bytes(keccak256(bytes).0) >> 8)
    }
}

impl Engine for FakeEngine {
    fn infer(&self, sources: &[Observation]) -> Result<SlotAnswer, EngineError> {
        let sum = sources.iter().flat_map(|s| &s.values).sum();
        Ok(SlotAnswer { outputs: vec![sum, sum + 1, sum + 2], in_domain: true, unsaturated: true })
    }

    fn prove(&self, mode: Mode, context: U256, sources: &[Observation]) -> Result<Proof, EngineError> {
        if self.broken {
            return Err(EngineError("the proof that was made does not verify".to_owned()));
        }
        let mut words = vec![context];
        words.extend(sources.iter().map(|s| U256::from_be_bytes(s.header.commitment.0)));
        words.extend(crate::prover::output_words(&self.infer(sources)?));
        let hash = keccak256(context.to_be_bytes::<32>());
        let vk_digest = (mode == Mode::Aggregated).then(|| U256::from(77));
        Ok(Proof { words, bytes: hash.to_vec().into(), vk_digest })
    }
}
