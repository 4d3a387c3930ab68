//! Direct and aggregated proofs of one model. A prover holds its keys in memory and can be used again and again.

use serde::{Deserialize, Serialize};

use super::error::ApiError;
use super::keys::{KeyRing, Keys};
use super::manifest::hex_bytes;
use super::model::{Model, Slot};
use crate::aggregate::{self, AggregationKey, InnerProof, prove_inner};
use crate::evm::{self, Mode};
use crate::inference::Error;
use crate::inference::statement::{from_bytes, to_bytes};
use crate::keys::{Progress, Srs};

/// A proof for the model's own verifier.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DirectProof {
    /// Instance words, big-endian.
    pub words: Vec<[u8; 32]>,
    /// What an operator submits.
    pub proof: Vec<u8>,
}

/// A proof for the shape's verifier.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AggregatedProof {
    /// Accumulator limbs, big-endian.
    pub limbs: Vec<[u8; 32]>,
    /// Digest of the model's key.
    #[serde(with = "hex_bytes")]
    pub vk_digest: [u8; 32],
    /// Inner instance words, big-endian.
    pub words: Vec<[u8; 32]>,
    /// The outer proof without the limbs.
    pub proof: Vec<u8>,
}

impl AggregatedProof {
    /// What an operator submits: `12 limbs ‖ proof`.
    pub fn submission(&self) -> Vec<u8> {
        let mut bytes = self.limbs.concat();
        bytes.extend_from_slice(&self.proof);
        bytes
    }
}

/// Proves a model in direct mode.
#[derive(Debug)]
pub struct DirectProver {
    model: Model,
    keys: Keys,
}

impl DirectProver {
    /// Loads the model's key.
    ///
    /// # Errors
    /// As [`KeyRing::load`].
    pub fn load(model: &Model, ring: &KeyRing, progress: &dyn Progress) -> Result<Self, ApiError> {
        Ok(Self { model: model.clone(), keys: ring.load(model, Mode::Direct, progress)? })
    }

    /// A prover with a key at hand.
    pub fn new(model: &Model, keys: Keys) -> Self {
        Self { model: model.clone(), keys }
    }

    /// Proves the model's answers for `slots`, bound to `context`. Not verified here.
    ///
    /// # Errors
    /// Inputs of another shape; a context that is no field element.
    pub fn prove(&self, context: [u8; 32], slots: &[Slot]) -> Result<DirectProof, ApiError> {
        let circuit = self.model.circuit(Mode::Direct, context, slots)?;
        let words = circuit.words().to_vec();
        let proof = evm::prove(&self.keys.srs, &self.keys.proving_key, &circuit, &words)?;
        Ok(DirectProof { words: words.into_iter().map(to_bytes).collect(), proof })
    }

    /// Verifies a proof as the generated verifier does.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn verify(&self, proof: &DirectProof) -> Result<(), ApiError> {
        let words = proof.words.iter().map(|word| from_bytes(word, "instance word")).collect::<Result<Vec<_>, _>>()?;
        // The key does not fix the number of words, and further ones would be bound by nothing.
        let (expected, got) = (self.model.size(Mode::Direct)?.words, words.len());
        if expected != got {
            return Err(Error::Input { what: "instance words of the proof".into(), expected, got }.into());
        }
        Ok(evm::verify(&self.keys.srs, self.keys.proving_key.get_vk(), &words, &proof.proof)?)
    }
}

/// Proves a model in aggregated mode.
#[derive(Debug)]
pub struct AggregatedProver {
    model: Model,
    inner: Keys,
    srs: Srs,
    outer: AggregationKey,
    vk_digest: [u8; 32],
}

impl AggregatedProver {
    /// Loads the model's key and the shape's aggregation key, which is made if there is none.
    ///
    /// # Errors
    /// As [`KeyRing::load`] and [`KeyRing::ensure_aggregation`].
    pub fn load(model: &Model, ring: &KeyRing, progress: &dyn Progress) -> Result<Self, ApiError> {
        let inner = ring.load(model, Mode::Aggregated, progress)?;
        let (srs, outer) = ring.ensure_aggregation(model, &inner, progress)?;
        let vk_digest = Keys::digest(&inner.srs, inner.proving_key.get_vk(), model.size(Mode::Aggregated)?.words)?;
        Ok(Self { model: model.clone(), inner, srs, outer, vk_digest })
    }

    /// The digest of the model's key, as registered.
    pub fn vk_digest(&self) -> [u8; 32] {
        self.vk_digest
    }

    /// The inner proof alone.
    ///
    /// # Errors
    /// As [`DirectProver::prove`].
    pub fn prove_inner(&self, context: [u8; 32], slots: &[Slot]) -> Result<InnerProof, ApiError> {
        let circuit = self.model.circuit(Mode::Aggregated, context, slots)?;
        let words = circuit.words().to_vec();
        Ok(prove_inner(&self.inner.srs, &self.inner.proving_key, &circuit, &words)?)
    }

    /// Aggregates an inner proof, which is verified first.
    ///
    /// # Errors
    /// What is wrong with the inner proof.
    pub fn aggregate(&self, inner: &InnerProof, progress: &dyn Progress) -> Result<AggregatedProof, ApiError> {
        let proof = aggregate::prove(&self.srs, &self.outer, inner, progress)?;
        Ok(AggregatedProof {
            limbs: proof.limbs.into_iter().map(to_bytes).collect(),
            vk_digest: to_bytes(proof.vk_digest),
            words: proof.words.into_iter().map(to_bytes).collect(),
            proof: proof.proof,
        })
    }

    /// Proves and aggregates. Not verified here.
    ///
    /// # Errors
    /// As [`Self::prove_inner`] and [`Self::aggregate`].
    pub fn prove(
        &self,
        context: [u8; 32],
        slots: &[Slot],
        progress: &dyn Progress,
    ) -> Result<AggregatedProof, ApiError> {
        self.aggregate(&self.prove_inner(context, slots)?, progress)
    }

    /// Verifies a proof as the generated verifier does, and that it is of this model.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn verify(&self, proof: &AggregatedProof) -> Result<(), ApiError> {
        if proof.vk_digest != self.vk_digest {
            let show = |digest: [u8; 32]| format!("0x{}", hex::encode(digest));
            let (expected, got) = (show(self.vk_digest), show(proof.vk_digest));
            return Err(ApiError::Digest { what: "key digest of the proof", expected, got });
        }
        let fields = |list: &[[u8; 32]]| {
            list.iter().map(|word| from_bytes(word, "instance word")).collect::<Result<Vec<_>, _>>()
        };
        let limbs = fields(&proof.limbs)?;
        let got = limbs.len();
        let limbs = limbs.try_into().map_err(|_| Error::Input {
            what: "accumulator limbs".into(),
            expected: evm::ACCUMULATOR_LIMBS,
            got,
        })?;
        let proof = aggregate::AggregatedProof {
            limbs,
            vk_digest: from_bytes(&proof.vk_digest, "key digest")?,
            words: fields(&proof.words)?,
            proof: proof.proof.clone(),
        };
        Ok(aggregate::verify(&self.srs, self.outer.verifying_key(), &proof)?)
    }
}
