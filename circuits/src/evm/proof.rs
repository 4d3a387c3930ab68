//! Prove and verify for the EVM: Keccak transcript, SHPLONK opening, one instance column.

use dodona_prover::Witness;
use halo2_proofs::{
    halo2curves::bn256::{Bn256, Fr, G1Affine},
    plonk::{ProvingKey, VerifyingKey, verify_proof},
    poly::{
        VerificationStrategy,
        commitment::{Params, ParamsProver},
        kzg::{
            commitment::{KZGCommitmentScheme, ParamsKZG},
            multiopen::VerifierSHPLONK,
            strategy::AccumulatorStrategy,
        },
    },
};
use rand::rngs::OsRng;
use snark_verifier::{loader::native::NativeLoader, system::halo2::transcript::evm::EvmTranscript};

use super::{EvmError, verifier::Parts};
use crate::keys::Srs;

type KeccakTranscript<S> = EvmTranscript<G1Affine, NativeLoader, S, Vec<u8>>;

/// A proof that `witness` satisfies `key` with the instance `words` (one column), for the EVM. It is not verified here.
///
/// # Errors
/// [`EvmError::SrsSize`]; [`EvmError::Prove`] if the witness does not fit the key.
pub fn prove(srs: &Srs, key: &ProvingKey<G1Affine>, witness: impl Witness, words: &[Fr]) -> Result<Vec<u8>, EvmError> {
    check_size(srs.params(), key.get_vk())?;
    let mut transcript = KeccakTranscript::new(Vec::new());
    let refused = |e: dodona_prover::Error| EvmError::Prove(e.to_string());
    let bases = srs.bases().map_err(|e| EvmError::Prove(e.to_string()))?;
    dodona_prover::prove(bases, key, witness, &[words], &mut OsRng, &mut transcript).map_err(refused)?;
    Ok(transcript.finalize())
}

/// Verifies an EVM proof natively: length, transcript, openings and pairing. An accumulator inside `words` is not decided
/// here: see [`crate::aggregate::verify`].
///
/// # Errors
/// [`EvmError::ProofLength`] and [`EvmError::SrsSize`]; [`EvmError::Rejected`] if the proof is malformed or false.
pub fn verify(srs: &Srs, key: &VerifyingKey<G1Affine>, words: &[Fr], proof: &[u8]) -> Result<(), EvmError> {
    check_size(srs.params(), key)?;
    let parts = Parts::of_key(srs, key, words.len());
    if proof.len() != parts.length() {
        return Err(EvmError::ProofLength { expected: parts.length(), got: proof.len() });
    }
    // Halo2's reader takes the identity for a point like any other; the generated verifier refuses it, and so must its native twin.
    if let Some(point) = parts.identity(proof) {
        return Err(EvmError::Rejected(format!("point {point} is the identity")));
    }
    let params = srs.params().verifier_params();
    let mut transcript = KeccakTranscript::new(proof);
    let strategy = verify_proof::<KZGCommitmentScheme<Bn256>, VerifierSHPLONK<_>, _, _, _>(
        params,
        key,
        AccumulatorStrategy::new(params),
        &[&[words]],
        &mut transcript,
    )
    .map_err(|e| EvmError::Rejected(e.to_string()))?;
    if VerificationStrategy::<_, VerifierSHPLONK<_>>::finalize(strategy) {
        Ok(())
    } else {
        Err(EvmError::Rejected("the pairing does not hold".to_owned()))
    }
}

/// The SRS must have exactly the key's size.
pub(super) fn check_size(params: &ParamsKZG<Bn256>, key: &VerifyingKey<G1Affine>) -> Result<(), EvmError> {
    let expected = key.get_domain().k();
    if params.k() == expected { Ok(()) } else { Err(EvmError::SrsSize { expected, got: params.k() }) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::aggregate::toy::{Toy, WORDS, srs};
    use halo2_proofs::arithmetic::Field;

    /// Evaluations in a proof of the toy.
    const EVALUATIONS: usize = 14;

    #[test]
    fn every_region_of_the_proof_and_every_word_is_bound() {
        let (srs, toy) = (srs(5), Toy::new(1));
        let key = toy.key(&srs);
        let proof = prove(&srs, &key, &toy, &toy.words).unwrap();
        let check = |words: &[Fr], proof: &[u8]| verify(&srs, key.get_vk(), words, proof);
        check(&toy.words, &proof).unwrap();
        for element in 0..proof.len() / 32 {
            let mut bad = proof.clone();
            bad[element * 32 + 31] ^= 1;
            let error = check(&toy.words, &bad).unwrap_err();
            assert!(matches!(error, EvmError::Rejected(_)), "element {element}: {error}");
        }
        for word in 0..WORDS {
            let mut words = toy.words;
            words[word] += Fr::ONE;
            assert!(matches!(check(&words, &proof), Err(EvmError::Rejected(_))), "word {word}");
        }
        for length in [0, proof.len() - 1] {
            let error = check(&toy.words, &proof[..length]).unwrap_err();
            assert!(
                matches!(error, EvmError::ProofLength { expected, got } if expected == proof.len() && got == length),
                "{error}"
            );
        }
    }

    #[test]
    fn an_identity_point_is_refused_as_such() {
        let (srs, toy) = (srs(5), Toy::new(1));
        let key = toy.key(&srs);
        let proof = prove(&srs, &key, &toy, &toy.words).unwrap();
        for (offset, index) in [(0, 0), (64, 1), (proof.len() - 64, (proof.len() - EVALUATIONS * 32) / 64 - 1)] {
            let mut bad = proof.clone();
            bad[offset..offset + 64].fill(0);
            match verify(&srs, key.get_vk(), &toy.words, &bad) {
                Err(EvmError::Rejected(reason)) => assert_eq!(reason, format!("point {index} is the identity")),
                other => panic!("{other:?}"),
            }
        }
    }

    #[test]
    fn an_srs_of_another_size_is_refused() {
        let toy = Toy::new(1);
        let key = toy.key(&srs(5));
        let error = prove(&srs(7), &key, &toy, &toy.words).unwrap_err();
        assert!(matches!(error, EvmError::SrsSize { expected: 5, got: 7 }), "{error}");
    }
}
