//! Keys, proofs and verification of one inference circuit.
//!
//! Aggregated mode uses the Poseidon transcript, direct mode the Keccak transcript of the EVM verifier; both use SHPLONK.

use std::io::Cursor;

use halo2_base::halo2_proofs as base;
use halo2_proofs::halo2curves::bn256::{Bn256, Fr, G1Affine};
use halo2_proofs::plonk::{ProvingKey, VerifyingKey, create_proof, keygen_pk, keygen_vk_custom, verify_proof};
use halo2_proofs::poly::commitment::{Params, ParamsProver};
use halo2_proofs::poly::kzg::commitment::{KZGCommitmentScheme, ParamsKZG};
use halo2_proofs::poly::kzg::multiopen::{ProverSHPLONK, VerifierSHPLONK};
use halo2_proofs::poly::kzg::strategy::SingleStrategy;
use halo2_proofs::transcript::{EncodedChallenge, TranscriptRead, TranscriptReadBuffer, TranscriptWriterBuffer};
use rand::rngs::OsRng;
use snark_verifier::loader::native::NativeLoader;
use snark_verifier::system::halo2::transcript::evm::EvmTranscript;
use snark_verifier::system::halo2::{Config, compile};
use snark_verifier_sdk::Snark;
use snark_verifier_sdk::halo2::{POSEIDON_SPEC, PoseidonTranscript};

use super::circuit::InferenceCircuit;
use super::error::Error;

/// The Fiat–Shamir transcript of a proof.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Transcript {
    /// For a proof that will be aggregated.
    Poseidon,
    /// For a proof that a Solidity verifier reads.
    Keccak,
}

// The crate that snark-verifier is built on is the one that we name; this fails to compile if the two ever differ.
const _: fn(base::plonk::Error) -> halo2_proofs::plonk::Error = |error| error;

/// Makes the proving key of a laid-out task (its values are of no account).
///
/// # Errors
/// An SRS smaller than the layout's `k`, or halo2's refusal.
pub fn keygen(params: &ParamsKZG<Bn256>, circuit: &InferenceCircuit) -> Result<ProvingKey<G1Affine>, Error> {
    check_k(params, circuit.layout().k)?;
    let vk = keygen_vk_custom(params, circuit, false)?;
    Ok(keygen_pk(params, vk, circuit)?)
}

/// Refuses an SRS whose size differs from the layout's (a larger one must be cut down first).
fn check_k(params: &ParamsKZG<Bn256>, k: u32) -> Result<(), Error> {
    if params.k() == k { Ok(()) } else { Err(Error::SrsTooSmall { expected: k, got: params.k() }) }
}

/// Proves a circuit.
///
/// # Errors
/// As [`keygen`]; a witness that satisfies nothing is not noticed here but by [`verify`].
pub fn prove(
    params: &ParamsKZG<Bn256>,
    pk: &ProvingKey<G1Affine>,
    circuit: &InferenceCircuit,
    transcript: Transcript,
) -> Result<Vec<u8>, Error> {
    check_k(params, circuit.layout().k)?;
    let words = circuit.words().to_vec();
    let circuits = std::slice::from_ref(circuit);
    match transcript {
        Transcript::Poseidon => {
            let mut out = PoseidonTranscript::<NativeLoader, Vec<u8>>::from_spec(vec![], POSEIDON_SPEC.clone());
            create_proof::<KZGCommitmentScheme<Bn256>, ProverSHPLONK<'_, Bn256>, _, _, _, _>(
                params, pk, circuits, &[&[&words]], OsRng, &mut out,
            )?;
            Ok(out.finalize())
        }
        Transcript::Keccak => {
            let mut out: EvmTranscript<G1Affine, NativeLoader, Vec<u8>, Vec<u8>> = TranscriptWriterBuffer::<_, G1Affine, _>::init(Vec::new());
            create_proof::<KZGCommitmentScheme<Bn256>, ProverSHPLONK<'_, Bn256>, _, _, _, _>(
                params, pk, circuits, &[&[&words]], OsRng, &mut out,
            )?;
            Ok(out.finalize())
        }
    }
}

/// Verifies a proof, to its last byte.
///
/// # Errors
/// [`Error::Rejected`] with what failed.
pub fn verify(
    params: &ParamsKZG<Bn256>,
    vk: &VerifyingKey<G1Affine>,
    words: &[Fr],
    proof: &[u8],
    transcript: Transcript,
) -> Result<(), Error> {
    let mut cursor = Cursor::new(proof);
    match transcript {
        Transcript::Poseidon => {
            let mut input = PoseidonTranscript::<NativeLoader, &mut Cursor<&[u8]>>::from_spec(&mut cursor, POSEIDON_SPEC.clone());
            check(params, vk, words, &mut input)?;
        }
        Transcript::Keccak => {
            let mut input: EvmTranscript<G1Affine, NativeLoader, _, Vec<u8>> =
                TranscriptReadBuffer::<_, G1Affine, _>::init(&mut cursor);
            check(params, vk, words, &mut input)?;
        }
    }
    let read = cursor.position() as usize;
    if read == proof.len() { Ok(()) } else { Err(Error::ProofLength { expected: read, got: proof.len() }) }
}

fn check<E: EncodedChallenge<G1Affine>, T: TranscriptRead<G1Affine, E>>(
    params: &ParamsKZG<Bn256>,
    vk: &VerifyingKey<G1Affine>,
    words: &[Fr],
    transcript: &mut T,
) -> Result<(), Error> {
    let strategy = SingleStrategy::new(params.verifier_params());
    verify_proof::<KZGCommitmentScheme<Bn256>, VerifierSHPLONK<'_, Bn256>, _, _, _>(
        params.verifier_params(),
        vk,
        strategy,
        &[&[words]],
        transcript,
    )
    .map_err(|error| Error::Rejected { words: words.len(), reason: format!("{error:?}") })
}

/// A proof with its protocol, as the aggregation circuit takes it.
///
/// # Errors
/// As [`prove`].
pub fn snark(params: &ParamsKZG<Bn256>, pk: &ProvingKey<G1Affine>, circuit: &InferenceCircuit) -> Result<Snark, Error> {
    let proof = prove(params, pk, circuit, Transcript::Poseidon)?;
    let config = Config::kzg().with_num_instance(vec![circuit.words().len()]);
    Ok(Snark::new(compile(params, pk.get_vk(), config), vec![circuit.words().to_vec()], proof))
}
