//! Proves and verifies the outer circuit.

use dodona_prover::Synthesised;
use halo2_base::gates::circuit::CircuitBuilderStage;
use halo2_proofs::{
    halo2curves::{
        bn256::{Bn256, Fr, G1Affine},
        group::prime::PrimeCurveAffine,
    },
    plonk::VerifyingKey,
    poly::commitment::ParamsProver,
};
use serde::{Deserialize, Serialize};
use snark_verifier::{
    loader::native::NativeLoader,
    pcs::{
        AccumulationDecider, AccumulatorEncoding,
        kzg::{KzgAccumulator, KzgDecidingKey, LimbsEncoding},
    },
};
use snark_verifier_sdk::{BITS, CircuitExt, LIMBS, SHPLONK};

use super::{
    AggregateError, AggregationKey, InnerProof,
    circuit::build,
    inner::{verify_inner, verify_succinct},
};
use crate::{
    evm::{self, ACCUMULATOR_LIMBS, Submission},
    keys::{Progress, Srs},
};

const STAGE: &str = "aggregation";

/// An outer proof with its instance words.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AggregatedProof {
    /// The accumulator: `x` and `y` of the left, then of the right point, three limbs of 88 bits each, least significant first.
    pub limbs: [Fr; ACCUMULATOR_LIMBS],
    /// Digest of the inner verifying key.
    pub vk_digest: Fr,
    /// The inner instance words.
    pub words: Vec<Fr>,
    /// The proof, for the EVM.
    pub proof: Vec<u8>,
}

impl AggregatedProof {
    /// The outer instance words: `limbs ‖ vkDigest ‖ words`.
    pub fn instances(&self) -> Vec<Fr> {
        self.limbs.iter().chain([&self.vk_digest]).chain(&self.words).copied().collect()
    }

    /// What an operator submits.
    pub fn submission(&self) -> Submission {
        Submission { limbs: self.limbs, proof: self.proof.clone() }
    }
}

/// Verifies the inner proof, then proves that it verifies. The outer proof is not verified here: [`verify`] does.
///
/// # Errors
/// [`AggregateError::Shape`], [`AggregateError::SrsSize`], [`AggregateError::SrsDigest`] for inputs that do not fit the key; what
/// [`verify_inner`] says of a malformed or false inner proof.
pub fn prove(
    srs: &Srs,
    key: &AggregationKey,
    inner: &InnerProof,
    progress: &dyn Progress,
) -> Result<AggregatedProof, AggregateError> {
    key.shape.check(&inner.protocol)?;
    verify_inner(srs, inner)?;
    prove_unsound_without_inner_check(srs, key, inner, progress)
}

/// As [`prove`], but a well-formed inner proof that is false is aggregated too: the result carries a well-formed accumulator whose pairing does
/// not hold. Exists to test that verifiers decide the accumulator.
///
/// # Errors
/// As [`prove`], but for the inner proof's pairing.
pub fn prove_unsound_without_inner_check(
    srs: &Srs,
    key: &AggregationKey,
    inner: &InnerProof,
    progress: &dyn Progress,
) -> Result<AggregatedProof, AggregateError> {
    key.check_srs(srs)?;
    key.shape.check(&inner.protocol)?;
    verify_succinct(srs, inner)?;
    progress.step(STAGE, 0, 2);
    let mut circuit = build(CircuitBuilderStage::Prover, key.shape.config(), srs, inner)?;
    circuit.set_break_points(key.shape.break_points.clone());
    progress.step(STAGE, 1, 2);
    let instances = circuit.instances().concat();
    let witness = Synthesised::of(&key.proving_key, &circuit, &[&instances])
        .map_err(|e| AggregateError::Circuit(e.to_string()))?;
    drop(circuit);
    let proof = evm::prove(srs, &key.proving_key, witness, &instances)?;
    progress.step(STAGE, 2, 2);
    split(instances, proof)
}

fn split(instances: Vec<Fr>, proof: Vec<u8>) -> Result<AggregatedProof, AggregateError> {
    let malformed = || AggregateError::Circuit(format!("outer instances: got {}", instances.len()));
    let (limbs, rest) = instances.split_first_chunk::<ACCUMULATOR_LIMBS>().ok_or_else(malformed)?;
    let (vk_digest, words) = rest.split_first().ok_or_else(malformed)?;
    Ok(AggregatedProof { limbs: *limbs, vk_digest: *vk_digest, words: words.to_vec(), proof })
}

/// Verifies an outer proof as the generated verifier does: the outer proof itself, and the accumulator's pairing. The caller compares
/// `vk_digest` with the registered one.
///
/// # Errors
/// [`AggregateError::AccumulatorMalformed`], [`AggregateError::AccumulatorFalse`] or [`AggregateError::Outer`].
pub fn verify(srs: &Srs, key: &VerifyingKey<G1Affine>, proof: &AggregatedProof) -> Result<(), AggregateError> {
    evm::verify(srs, key, &proof.instances(), &proof.proof)?;
    decide(srs, &proof.limbs)
}

/// Decides the pairing `e(lhs, G₂) = e(rhs, τG₂)` of an accumulator.
pub(super) fn decide(srs: &Srs, limbs: &[Fr; ACCUMULATOR_LIMBS]) -> Result<(), AggregateError> {
    let refs: Vec<&Fr> = limbs.iter().collect();
    let accumulator: KzgAccumulator<G1Affine, NativeLoader> =
        <LimbsEncoding<LIMBS, BITS> as AccumulatorEncoding<G1Affine, NativeLoader>>::from_repr(&refs)
            .map_err(|e| AggregateError::AccumulatorMalformed(format!("{e:?}")))?;
    if bool::from(accumulator.lhs.is_identity() | accumulator.rhs.is_identity()) {
        return Err(AggregateError::AccumulatorMalformed("a point is the identity".to_owned()));
    }
    let params = srs.params();
    let key: KzgDecidingKey<Bn256> = (params.get_g()[0], params.g2(), params.s_g2()).into();
    <SHPLONK as AccumulationDecider<G1Affine, NativeLoader>>::decide(&key, accumulator)
        .map_err(|_| AggregateError::AccumulatorFalse)
}
