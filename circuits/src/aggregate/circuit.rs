//! The outer circuit: the stock `AggregationCircuit` over one inner proof, with `vkDigest` hashed inside and exposed.
//!
//! Its accumulator indices are rows 0 to 11 of the one instance column; [`crate::evm::aggregated_verifier`] names them to the generator.

use halo2_base::{AssignedValue, gates::circuit::CircuitBuilderStage};
use halo2_proofs::halo2curves::bn256::{Fr, G1Affine};
use snark_verifier::loader::{ScalarLoader, halo2::halo2_ecc::bn254::FpChip};
use snark_verifier_sdk::{
    BITS, LIMBS, SHPLONK,
    halo2::aggregation::{
        AggregationCircuit, AggregationConfigParams, BaseFieldEccChip, Halo2Loader, PreprocessedAndDomainAsWitness,
        VerifierUniversality,
    },
};
use std::mem;

use super::{
    AggregateError, InnerProof,
    digest::TAG,
    inner::check_form,
    sponge::{hash, tag},
};
use crate::{evm::ACCUMULATOR_LIMBS, keys::Srs};

/// The outer circuit over `inner`, whose form is checked and whose native verification is the caller's.
///
/// Instances: 12 limbs, `vkDigest`, inner words. The words are the very cells that the in-circuit verifier absorbs and evaluates.
pub(super) fn build(
    stage: CircuitBuilderStage,
    config: AggregationConfigParams,
    srs: &Srs,
    inner: &InnerProof,
) -> Result<AggregationCircuit, AggregateError> {
    check_form(inner)?;
    let universality = VerifierUniversality::Full;
    let mut circuit = AggregationCircuit::new::<SHPLONK>(stage, config, srs.params(), [inner.to_snark()], universality);
    let digest = assign_digest(&mut circuit, inner.protocol.preprocessed.len())?;
    let exposed = circuit
        .builder
        .assigned_instances
        .first_mut()
        .ok_or_else(|| AggregateError::Circuit("no instance column".to_owned()))?;
    if exposed.len() != ACCUMULATOR_LIMBS {
        return Err(AggregateError::Circuit(format!(
            "accumulator limbs: expected {ACCUMULATOR_LIMBS}, got {}",
            exposed.len()
        )));
    }
    exposed.push(digest);
    circuit.expose_previous_instances(false);
    Ok(circuit)
}

/// Hashes the assigned inner key as [`super::vk_digest`] does natively.
fn assign_digest(circuit: &mut AggregationCircuit, commitments: usize) -> Result<AssignedValue<Fr>, AggregateError> {
    let PreprocessedAndDomainAsWitness { preprocessed, k } = circuit
        .preprocessed()
        .first()
        .cloned()
        .ok_or_else(|| AggregateError::Circuit("no inner key was assigned".to_owned()))?;
    // Limbs of all commitments, then the transcript's initial state.
    let expected = commitments * 2 * LIMBS + 1;
    if preprocessed.len() != expected {
        return Err(AggregateError::Circuit(format!(
            "assigned key cells: expected {expected}, got {}",
            preprocessed.len()
        )));
    }
    let range = circuit.builder.range_chip();
    let field = FpChip::<Fr>::new(&range, BITS, LIMBS);
    let pool = mem::take(circuit.builder.pool(0));
    let loader = Halo2Loader::new(BaseFieldEccChip::<'_>::new(&field), pool);
    let count = ScalarLoader::<Fr>::load_const(&loader, &Fr::from(commitments as u64));
    let mut message = vec![count];
    message.extend(preprocessed.into_iter().chain([k]).map(|cell| loader.scalar_from_assigned(cell)));
    let digest = hash(tag(TAG), &message).map(|digest| digest.into_assigned());
    drop(message);
    *circuit.builder.pool(0) = loader.take_ctx();
    digest.ok_or_else(|| AggregateError::Circuit("empty digest message".to_owned()))
}

/// A dummy inner proof of a protocol's form, to make keys from. It does not verify.
pub(super) fn dummy(protocol: &snark_verifier::verifier::plonk::PlonkProtocol<G1Affine>) -> InnerProof {
    let snark = snark_verifier_sdk::halo2::gen_dummy_snark_from_protocol::<SHPLONK>(protocol.clone());
    InnerProof { protocol: snark.protocol, words: snark.instances.concat(), proof: snark.proof }
}
