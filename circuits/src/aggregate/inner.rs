//! Inner proofs: Poseidon transcript, SHPLONK, one instance column; checked natively before they are aggregated.
//!
//! A proof made with another opening scheme fails silently inside the outer circuit, so nothing goes in that this module has not verified.

use dodona_prover::Witness;
use halo2_proofs::{
    halo2curves::{
        bn256::{Bn256, Fr, G1Affine},
        group::prime::PrimeCurveAffine,
    },
    plonk::{ProvingKey, VerifyingKey},
    poly::commitment::ParamsProver,
};
use rand::rngs::OsRng;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use snark_verifier::{
    cost::CostEstimation,
    loader::native::NativeLoader,
    pcs::{
        AccumulationDecider,
        kzg::{KzgAccumulator, KzgDecidingKey},
    },
    system::halo2::{Config, compile, transcript::halo2::TranscriptObject},
    verifier::{SnarkVerifier, plonk::PlonkProtocol},
};
use snark_verifier_sdk::{
    PlonkSuccinctVerifier, SHPLONK, Snark,
    halo2::{POSEIDON_SPEC, PoseidonTranscript},
};

use super::AggregateError;
use crate::keys::Srs;

/// An inner proof with what its verification needs.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct InnerProof {
    /// The inner verifying key, compiled for snark-verifier.
    pub protocol: PlonkProtocol<G1Affine>,
    /// The instance words.
    pub words: Vec<Fr>,
    /// The proof.
    pub proof: Vec<u8>,
}

impl InnerProof {
    pub(super) fn to_snark(&self) -> Snark {
        Snark::new(self.protocol.clone(), vec![self.words.clone()], self.proof.clone())
    }
}

/// Compiles an inner verifying key with `words` instance words. The SRS has the key's size.
///
/// # Errors
/// [`AggregateError::SrsSize`].
pub fn inner_protocol(
    srs: &Srs,
    key: &VerifyingKey<G1Affine>,
    words: usize,
) -> Result<PlonkProtocol<G1Affine>, AggregateError> {
    let expected = key.get_domain().k();
    if srs.k() != expected {
        return Err(AggregateError::SrsSize { expected, got: srs.k() });
    }
    Ok(compile(srs.params(), key, Config::kzg().with_num_instance(vec![words])))
}

/// Proves that `witness` satisfies `key` with the instance `words`, for aggregation. The proof is not verified here: [`verify_inner`] does.
///
/// # Errors
/// [`AggregateError::SrsSize`]; [`AggregateError::InnerProve`] if the witness does not fit the key.
pub fn prove_inner(
    srs: &Srs,
    key: &ProvingKey<G1Affine>,
    witness: impl Witness,
    words: &[Fr],
) -> Result<InnerProof, AggregateError> {
    let protocol = inner_protocol(srs, key.get_vk(), words.len())?;
    let mut transcript = PoseidonTranscript::<NativeLoader, Vec<u8>>::from_spec(vec![], POSEIDON_SPEC.clone());
    let refused = |e: dodona_prover::Error| AggregateError::InnerProve(e.to_string());
    let bases = srs.bases().map_err(|e| AggregateError::InnerProve(e.to_string()))?;
    dodona_prover::prove(bases, key, witness, &[words], &mut OsRng, &mut transcript).map_err(refused)?;
    Ok(InnerProof { protocol, words: words.to_vec(), proof: transcript.finalize() })
}

/// Verifies an inner proof completely: length, encodings (identity points are refused), transcript, openings, pairing.
/// The SRS may have any size, if it is of the right setup.
///
/// # Errors
/// [`AggregateError::Words`], [`AggregateError::InnerLength`] or [`AggregateError::InnerRejected`].
pub fn verify_inner(srs: &Srs, inner: &InnerProof) -> Result<(), AggregateError> {
    let accumulators = verify_succinct(srs, inner)?;
    let params = srs.params();
    let key: KzgDecidingKey<Bn256> = (params.get_g()[0], params.g2(), params.s_g2()).into();
    <SHPLONK as AccumulationDecider<G1Affine, NativeLoader>>::decide_all(&key, accumulators)
        .map_err(|e| AggregateError::InnerRejected(format!("{e:?}")))
}

/// All of the verification but the pairing: what the outer circuit does. Passing it means that the library underneath will not
/// panic on the proof, not that the proof is true.
pub(super) fn verify_succinct(
    srs: &Srs,
    inner: &InnerProof,
) -> Result<Vec<KzgAccumulator<G1Affine, NativeLoader>>, AggregateError> {
    check_form(inner)?;
    let key = srs.params().get_g()[0].into();
    let refused = |e: snark_verifier::Error| AggregateError::InnerRejected(format!("{e:?}"));
    let instances = [inner.words.clone()];
    let mut transcript = PoseidonTranscript::<NativeLoader, &[u8]>::from_spec(&inner.proof, POSEIDON_SPEC.clone());
    let proof = PlonkSuccinctVerifier::<SHPLONK>::read_proof(&key, &inner.protocol, &instances, &mut transcript)
        .map_err(refused)?;
    // The transcript's reader takes the identity for a point like any other.
    let identity = |object: &TranscriptObject<G1Affine, NativeLoader>| match object {
        TranscriptObject::EcPoint(point) => bool::from(point.is_identity()),
        TranscriptObject::Scalar(_) => false,
    };
    if let Some(element) = transcript.loaded_stream.iter().position(identity) {
        return Err(AggregateError::InnerRejected(format!("element {element} is the identity point")));
    }
    PlonkSuccinctVerifier::<SHPLONK>::verify(&key, &inner.protocol, &instances, &proof).map_err(refused)
}

/// The checks that need no arithmetic: word count and proof length.
pub(super) fn check_form(inner: &InnerProof) -> Result<(), AggregateError> {
    let words = inner.protocol.num_instance.iter().sum();
    if inner.protocol.num_instance.len() != 1 || inner.words.len() != words {
        return Err(AggregateError::Words { expected: words, got: inner.words.len() });
    }
    let cost =
        <PlonkSuccinctVerifier<SHPLONK> as CostEstimation<(G1Affine, NativeLoader)>>::estimate_cost(&inner.protocol);
    let expected = 32 * (cost.num_commitment + cost.num_evaluation);
    if inner.proof.len() != expected {
        return Err(AggregateError::InnerLength { expected, got: inner.proof.len() });
    }
    Ok(())
}

/// Digest of everything in a protocol that is a constant of the outer key: all but commitments, transcript state and domain.
pub(super) fn structure_digest(protocol: &PlonkProtocol<G1Affine>) -> Result<String, AggregateError> {
    let structure = (
        protocol.preprocessed.len(),
        &protocol.num_instance,
        &protocol.num_witness,
        &protocol.num_challenge,
        (&protocol.evaluations, &protocol.queries),
        &protocol.quotient,
        protocol.instance_committing_key.is_some(),
        &protocol.linearization,
        &protocol.accumulator_indices,
    );
    let bytes = serde_json::to_vec(&structure).map_err(|e| AggregateError::Circuit(e.to_string()))?;
    Ok(hex::encode(Sha256::digest(bytes)))
}
