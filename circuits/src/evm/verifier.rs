//! Generation of the Solidity verifiers.
//!
//! The source is made by snark-verifier's EVM loader. To it this module adds: a header that says what the verifier is for, a check of the
//! calldata's exact length, and a loosened pragma. The output is a function of key, SRS and shape alone.
//!
//! What the generated code checks: every point is on the curve and not the identity; the accumulator's limbs fit 88 bits and make points of
//! the curve; the transcript, the identity of the quotient, and one pairing over both the outer opening and the accumulator,
//! combined with a challenge. What it does not: that words are `< r` (it reduces them). The contracts' wrapper does.

use halo2_proofs::{
    halo2curves::bn256::{Fq, Fr, G1Affine},
    plonk::VerifyingKey,
    poly::commitment::ParamsProver,
};
use snark_verifier::{
    cost::CostEstimation,
    loader::{evm::EvmLoader, native::NativeLoader},
    pcs::kzg::KzgDecidingKey,
    system::halo2::{Config, compile, transcript::evm::EvmTranscript},
    verifier::{SnarkVerifier, plonk::PlonkProtocol},
};
use snark_verifier_sdk::{PlonkSuccinctVerifier, PlonkVerifier, SHPLONK};
use std::rc::Rc;

use super::{ACCUMULATOR_LIMBS, EvmError, proof::check_size};
use crate::keys::{Srs, SrsDigest, SrsOrigin};

/// What a verifier checks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// Inner proofs of one model.
    Direct,
    /// Outer proofs, for all models of a shape.
    Aggregated,
}

/// A generated verifier and what a deployer must know of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VerifierSource {
    /// Direct or aggregated.
    pub mode: Mode,
    /// Name of the one contract in the source.
    pub contract: &'static str,
    /// The Solidity source. Compile with the optimizer off.
    pub source: String,
    /// Words before the proof in the calldata: instance words; aggregated: 12 limbs, `vkDigest`, inner words.
    pub words: usize,
    /// Bytes of the proof that follows the words.
    pub proof_length: usize,
    /// The circuit's shape.
    pub shape: String,
    /// The setup that proofs must come from.
    pub srs_digest: SrsDigest,
    /// True for the INSECURE development SRS.
    pub dev_srs: bool,
}

/// The verifier of one model's inner proofs. `words` is the number of instance words that the model uses.
///
/// # Errors
/// [`EvmError::SrsSize`] or [`EvmError::Source`].
pub fn direct_verifier(
    srs: &Srs,
    key: &VerifyingKey<G1Affine>,
    words: usize,
    shape: &str,
) -> Result<VerifierSource, EvmError> {
    generate(srs, key, words, shape, Mode::Direct)
}

/// The verifier of a shape's outer proofs; `inner_words` is the number of instance words of the inner proof.
///
/// # Errors
/// As [`direct_verifier`].
pub fn aggregated_verifier(
    srs: &Srs,
    key: &VerifyingKey<G1Affine>,
    inner_words: usize,
    shape: &str,
) -> Result<VerifierSource, EvmError> {
    generate(srs, key, ACCUMULATOR_LIMBS + 1 + inner_words, shape, Mode::Aggregated)
}

/// Bytes of an EVM proof of this protocol: 64 a point, 32 a scalar.
pub fn proof_length(protocol: &PlonkProtocol<G1Affine>) -> usize {
    Parts::of(protocol).length()
}

/// The parts of a proof, in their order: commitments (points), evaluations (scalars), openings (points).
pub(super) struct Parts {
    commitments: usize,
    evaluations: usize,
    openings: usize,
}

impl Parts {
    fn of(protocol: &PlonkProtocol<G1Affine>) -> Self {
        let cost =
            <PlonkSuccinctVerifier<SHPLONK> as CostEstimation<(G1Affine, NativeLoader)>>::estimate_cost(protocol);
        let commitments = protocol.num_witness.iter().sum::<usize>() + protocol.quotient.num_chunk();
        Self { commitments, evaluations: cost.num_evaluation, openings: cost.num_commitment - commitments }
    }

    /// Those of a key with `words` instance words; the SRS has the key's size.
    pub(super) fn of_key(srs: &Srs, key: &VerifyingKey<G1Affine>, words: usize) -> Self {
        Self::of(&protocol(srs, key, words, Mode::Direct))
    }

    /// Bytes of the proof.
    pub(super) fn length(&self) -> usize {
        64 * (self.commitments + self.openings) + 32 * self.evaluations
    }

    /// Index of the first point that is the identity, in a proof of this length.
    pub(super) fn identity(&self, proof: &[u8]) -> Option<usize> {
        let (commitments, rest) = proof.split_at_checked(64 * self.commitments)?;
        let (_, openings) = rest.split_at_checked(32 * self.evaluations)?;
        let mut points = commitments.chunks_exact(64).chain(openings.chunks_exact(64));
        points.position(|point| point.iter().all(|byte| *byte == 0))
    }
}

fn protocol(srs: &Srs, key: &VerifyingKey<G1Affine>, words: usize, mode: Mode) -> PlonkProtocol<G1Affine> {
    // Without these indices the generated verifier would never decide the inner proof's pairing.
    let accumulator = match mode {
        Mode::Direct => None,
        Mode::Aggregated => Some((0..ACCUMULATOR_LIMBS).map(|row| (0, row)).collect()),
    };
    let config = Config::kzg().with_num_instance(vec![words]).with_accumulator_indices(accumulator);
    compile(srs.params(), key, config)
}

fn generate(
    srs: &Srs,
    key: &VerifyingKey<G1Affine>,
    words: usize,
    shape: &str,
    mode: Mode,
) -> Result<VerifierSource, EvmError> {
    check_size(srs.params(), key)?;
    let protocol = protocol(srs, key, words, mode);
    let proof_length = proof_length(&protocol);
    let contract = match mode {
        Mode::Direct => "DirectVerifier",
        Mode::Aggregated => "AggregatedVerifier",
    };
    let verifier = VerifierSource {
        mode,
        contract,
        source: String::new(),
        words,
        proof_length,
        shape: shape.to_owned(),
        srs_digest: srs.digest(),
        dev_srs: srs.origin() == SrsOrigin::Dev,
    };
    let source = finish(&loader_source(srs, &protocol)?, &verifier)?;
    Ok(VerifierSource { source, ..verifier })
}

/// The EVM loader's own source for a protocol.
fn loader_source(srs: &Srs, protocol: &PlonkProtocol<G1Affine>) -> Result<String, EvmError> {
    let params = srs.params();
    let deciding_key: KzgDecidingKey<_> = (params.get_g()[0], params.g2(), params.s_g2()).into();
    let loader = EvmLoader::new::<Fq, Fr>();
    let loaded = protocol.loaded(&loader);
    let mut transcript = EvmTranscript::<G1Affine, Rc<EvmLoader>, _, _>::new(&loader);
    let instances = transcript.load_instances(protocol.num_instance.clone());
    let refused = |e: snark_verifier::Error| EvmError::Rejected(format!("{e:?}"));
    let proof =
        PlonkVerifier::<SHPLONK>::read_proof(&deciding_key, &loaded, &instances, &mut transcript).map_err(refused)?;
    PlonkVerifier::<SHPLONK>::verify(&deciding_key, &loaded, &instances, &proof).map_err(refused)?;
    Ok(loader.solidity_code())
}

/// Loosens the pragma, names the contract, checks the calldata's length and says at the top what the verifier is for.
fn finish(source: &str, verifier: &VerifierSource) -> Result<String, EvmError> {
    let length = verifier.words * 32 + verifier.proof_length;
    let source = replace(source, "// SPDX-License-Identifier: MIT", "")?;
    let source = replace(&source, "pragma solidity 0.8.19;", "pragma solidity ^0.8.19;")?;
    let source = replace(&source, "contract Halo2Verifier {", &format!("contract {} {{", verifier.contract))?;
    let source = replace(
        &source,
        "let success := true",
        &format!("if iszero(eq(calldatasize(), {length:#x})) {{ revert(0, 0) }}\n            let success := true"),
    )?;
    let warning = if verifier.dev_srs {
        "// INSECURE: the SRS is the development one, whose secret is public. Never use in production.\n"
    } else {
        ""
    };
    Ok(format!(
        "// SPDX-License-Identifier: MIT\n// Generated by Dodona; compile with the optimizer off.\n{warning}\
         // shape: {}\n// calldata: {} words, then {} bytes of proof\n// srs: {}\n{}\n",
        verifier.shape.replace(['\n', '\r'], " "),
        verifier.words,
        verifier.proof_length,
        verifier.srs_digest,
        source.trim()
    ))
}

fn replace(source: &str, expected: &'static str, by: &str) -> Result<String, EvmError> {
    match source.matches(expected).count() {
        1 => Ok(source.replacen(expected, by, 1)),
        got => Err(EvmError::Source { expected, got }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::aggregate::toy::{Toy, WORDS, srs};

    #[test]
    fn the_source_is_deterministic_and_says_what_it_is() {
        let srs = srs(5);
        let make = || direct_verifier(&srs, Toy::new(1).key(&srs).get_vk(), WORDS, "toy").unwrap();
        let verifier = make();
        assert_eq!(verifier, make());
        assert!(verifier.dev_srs && verifier.mode == Mode::Direct);
        for text in [
            "contract DirectVerifier {",
            "pragma solidity ^0.8.19;",
            "INSECURE",
            &srs.digest().to_string(),
            &format!("calldatasize(), {:#x})", WORDS * 32 + verifier.proof_length),
        ] {
            assert!(verifier.source.contains(text), "{text}");
        }
    }

    #[test]
    fn another_model_gives_another_verifier() {
        let srs = srs(5);
        let source = |model| direct_verifier(&srs, Toy::new(model).key(&srs).get_vk(), WORDS, "toy").unwrap().source;
        assert_ne!(source(1), source(3));
    }

    #[test]
    fn an_all_zero_fixed_column_is_a_constant_of_the_verifier() {
        let srs = srs(5);
        let source = direct_verifier(&srs, Toy::new(2).key(&srs).get_vk(), WORDS, "toy").unwrap().source;
        // The precompiles take (0, 0) for the identity.
        assert!(source.contains("mstore("), "{source}");
    }
}
