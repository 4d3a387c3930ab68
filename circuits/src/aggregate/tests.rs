//! Aggregation on the toy circuit. Proving the outer circuit is slow: all that needs an outer proof is in one test.

use halo2_base::gates::circuit::CircuitBuilderStage;
use halo2_proofs::{
    arithmetic::Field,
    halo2curves::bn256::G1Affine,
    halo2curves::{bn256::Fr, ff::PrimeField, group::GroupEncoding, group::prime::PrimeCurveAffine},
};
use snark_verifier_sdk::{
    CircuitExt,
    halo2::aggregation::{AggregationCircuit, AggregationConfigParams},
};

use super::{
    toy::{Toy, WORDS, srs},
    *,
};
use crate::{
    evm::{self, ACCUMULATOR_LIMBS, EvmError},
    keys::{
        Silent,
        files::{KeyError, KeyField},
    },
};

/// Rows of the outer circuit of the toy, as a power of two.
const OUTER_K: u32 = 18;

/// The outer circuit's instances: witness generation only.
fn outer_instances(inner: &InnerProof) -> Vec<Fr> {
    let config = AggregationConfigParams { degree: OUTER_K, lookup_bits: OUTER_K as usize - 1, ..Default::default() };
    let circuit: AggregationCircuit = circuit::build(CircuitBuilderStage::Prover, config, &srs(8), inner).unwrap();
    circuit.instances().concat()
}

/// The last opening point replaced by another point of the curve: everything parses, no pairing is affected until the last one.
fn falsified(inner: &InnerProof) -> InnerProof {
    let mut bad = inner.clone();
    let at = bad.proof.len() - 32;
    bad.proof[at..].copy_from_slice(G1Affine::generator().to_bytes().as_ref());
    bad
}

fn limbs(instances: &[Fr]) -> [Fr; ACCUMULATOR_LIMBS] {
    *instances.first_chunk().unwrap()
}

#[test]
fn the_digest_depends_on_every_part_of_the_key() {
    let protocol = Toy::new(1).proof(5).protocol;
    let digest = vk_digest(&protocol).unwrap();
    assert_eq!(digest, vk_digest(&Toy::new(1).proof(5).protocol).unwrap());
    let points = protocol.preprocessed.len();
    assert_eq!(vk_message(&protocol).unwrap().len(), 1 + 6 * points + 2);
    for i in 0..points {
        let mut other = protocol.clone();
        other.preprocessed[i] = (other.preprocessed[i] + G1Affine::generator()).into();
        assert_ne!(vk_digest(&other).unwrap(), digest, "commitment {i}");
    }
    let mut other = protocol.clone();
    other.transcript_initial_state = other.transcript_initial_state.map(|state| state + Fr::ONE);
    assert_ne!(vk_digest(&other).unwrap(), digest);
    let mut other = protocol;
    other.domain.k += 1;
    assert_ne!(vk_digest(&other).unwrap(), digest);
}

#[test]
fn a_malformed_or_false_inner_proof_is_an_error() {
    let srs = srs(8);
    let inner = Toy::new(1).proof(5);
    verify_inner(&srs, &inner).unwrap();

    let with_proof = |proof: Vec<u8>| InnerProof { proof, ..inner.clone() };
    let length = inner.proof.len();
    for proof in [vec![], inner.proof[1..].to_vec(), [inner.proof.as_slice(), &[0]].concat()] {
        let error = verify_inner(&srs, &with_proof(proof)).unwrap_err();
        assert!(matches!(error, AggregateError::InnerLength { expected, .. } if expected == length), "{error}");
    }
    // A byte in every 32-byte element: commitments, evaluations, openings.
    for element in 0..length / 32 {
        let mut proof = inner.proof.clone();
        proof[element * 32 + 3] ^= 0x10;
        let error = verify_inner(&srs, &with_proof(proof)).unwrap_err();
        assert!(matches!(error, AggregateError::InnerRejected(_)), "element {element}: {error}");
    }
    // The identity in place of the first commitment.
    let mut proof = inner.proof.clone();
    proof[..32].copy_from_slice(G1Affine::identity().to_bytes().as_ref());
    assert!(matches!(verify_inner(&srs, &with_proof(proof.clone())), Err(AggregateError::InnerRejected(_))));
    // What the outer circuit's builder would panic on is refused even where truth is not asked for.
    let succinct = inner::verify_succinct(&srs, &with_proof(proof));
    assert!(matches!(succinct, Err(AggregateError::InnerRejected(_))));
    // A changed word, a missing word.
    let mut changed = inner.clone();
    changed.words[0] += Fr::ONE;
    assert!(matches!(verify_inner(&srs, &changed), Err(AggregateError::InnerRejected(_))));
    changed.words.pop();
    let error = verify_inner(&srs, &changed).unwrap_err();
    assert!(matches!(error, AggregateError::Words { expected: WORDS, got } if got == WORDS - 1), "{error}");
    assert!(matches!(verify_inner(&srs, &falsified(&inner)), Err(AggregateError::InnerRejected(_))));
}

#[test]
fn the_circuit_exposes_accumulator_digest_and_words_for_every_model_and_size() {
    // Model 2 has an all-zero fixed column: its commitment is the identity.
    for (model, k) in [(1, 5), (2, 5), (3, 7)] {
        let inner = Toy::new(model).proof(k);
        let instances = outer_instances(&inner);
        assert_eq!(instances.len(), ACCUMULATOR_LIMBS + 1 + WORDS);
        assert_eq!(instances[ACCUMULATOR_LIMBS], vk_digest(&inner.protocol).unwrap(), "model {model}, k {k}");
        assert_eq!(&instances[ACCUMULATOR_LIMBS + 1..], inner.words);
        proof::decide(&srs(5), &limbs(&instances)).unwrap();
    }
}

#[test]
fn the_decider_refuses_a_well_formed_but_false_accumulator() {
    let srs = srs(5);
    let honest = limbs(&outer_instances(&Toy::new(1).proof(5)));
    let false_limbs = limbs(&outer_instances(&falsified(&Toy::new(1).proof(5))));
    assert!(matches!(proof::decide(&srs, &false_limbs), Err(AggregateError::AccumulatorFalse)));
    // The identity: (0, 0) twice makes the pairing trivially true.
    let error = proof::decide(&srs, &[Fr::ZERO; ACCUMULATOR_LIMBS]).unwrap_err();
    assert!(matches!(error, AggregateError::AccumulatorMalformed(_)), "{error}");
    // The same coordinate in other limbs: 2^88 more in the lowest, 1 less in the next.
    let mut wide = honest;
    wide[0] += Fr::from_u128(1 << 88);
    wide[1] -= Fr::ONE;
    assert!(matches!(proof::decide(&srs, &wide), Err(AggregateError::AccumulatorMalformed(_))));
}

#[test]
fn an_outer_size_that_makes_no_sense_is_refused() {
    let error = keygen(&srs(8), "toy", &Toy::new(1).proof(5).protocol, &Silent).unwrap_err();
    assert!(matches!(error, AggregateError::Circuit(_)), "{error}");
}

#[test]
fn one_outer_key_proves_other_models_and_sizes_and_its_verifier_decides() {
    let outer = srs(OUTER_K);
    let key = keygen(&outer, "toy", &Toy::new(1).proof(5).protocol, &Silent).unwrap();

    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("toy.key");
    key.write(&path).unwrap();
    let expected_shape = key.shape.clone();
    drop(key);
    let wrong = AggregationKey::read(&path, "other", &outer).unwrap_err();
    assert!(matches!(wrong, AggregateError::Key(KeyError::Mismatch { field: KeyField::Shape, .. })), "{wrong}");
    let wrong = AggregationKey::read(&path, "toy", &srs(8)).unwrap_err();
    assert!(matches!(wrong, AggregateError::Key(KeyError::Mismatch { field: KeyField::K, .. })), "{wrong}");
    let key = AggregationKey::read(&path, "toy", &outer).unwrap();
    assert_eq!(key.shape, expected_shape);

    // Another model, another size, and a false proof of it: refused by the prover. Forced through, the outer proof is right (so one key
    // serves all), and only the accumulator's pairing tells.
    let inner = falsified(&Toy::new(4).proof(7));
    assert!(matches!(prove(&outer, &key, &inner, &Silent), Err(AggregateError::InnerRejected(_))));
    let proof = prove_unsound_without_inner_check(&outer, &key, &inner, &Silent).unwrap();
    evm::verify(&outer, key.verifying_key(), &proof.instances(), &proof.proof).unwrap();
    assert!(matches!(verify(&outer, key.verifying_key(), &proof), Err(AggregateError::AccumulatorFalse)));
    assert_eq!((proof.vk_digest, &proof.words), (vk_digest(&inner.protocol).unwrap(), &inner.words));

    for region in 0..proof.proof.len() / 32 {
        let mut bad = proof.clone();
        bad.proof[region * 32 + 31] ^= 1;
        let error = verify(&outer, key.verifying_key(), &bad).unwrap_err();
        assert!(matches!(error, AggregateError::Outer(EvmError::Rejected(_))), "region {region}: {error}");
    }
    for at in 0..proof.instances().len() {
        let mut bad = proof.clone();
        match at {
            0..12 => bad.limbs[at] += Fr::ONE,
            12 => bad.vk_digest += Fr::ONE,
            _ => bad.words[at - 13] += Fr::ONE,
        }
        let error = verify(&outer, key.verifying_key(), &bad).unwrap_err();
        assert!(matches!(error, AggregateError::Outer(EvmError::Rejected(_))), "instance {at}: {error}");
    }
    let short = AggregatedProof { proof: proof.proof[1..].to_vec(), ..proof.clone() };
    let error = verify(&outer, key.verifying_key(), &short).unwrap_err();
    assert!(matches!(error, AggregateError::Outer(EvmError::ProofLength { .. })), "{error}");

    let source = evm::aggregated_verifier(&outer, key.verifying_key(), WORDS, "toy").unwrap();
    assert_eq!((source.words, source.proof_length), (12 + 1 + WORDS, proof.proof.len()));
    // Limbs are put together only where an accumulator is decided.
    assert!(source.source.contains("shl(88,"), "the accumulator's limbs are not read");
}
