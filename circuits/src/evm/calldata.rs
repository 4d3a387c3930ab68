//! The bytes between prover, contracts and generated verifiers: `docs/protocol.md`, "Proof bytes".
//!
//! Every word is 32 bytes, big-endian. Decoding refuses words that are not below `r` and limbs that do not fit, because a generated
//! verifier reduces its inputs and would take `v + r` for `v`.

use halo2_proofs::halo2curves::{bn256::Fr, ff::PrimeField};

use super::EvmError;

/// Limbs of a KZG accumulator: two points, two coordinates each, three limbs each, least significant first.
pub const ACCUMULATOR_LIMBS: usize = 12;
/// Bits of a limb.
pub const LIMB_BITS: usize = 88;
const WORD: usize = 32;

/// What an operator submits as `proof` of an aggregated answer: `12 limbs ‖ proof`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Submission {
    /// The accumulator.
    pub limbs: [Fr; ACCUMULATOR_LIMBS],
    /// The outer proof.
    pub proof: Vec<u8>,
}

impl Submission {
    /// The bytes to submit.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = encode_words(&self.limbs);
        bytes.extend_from_slice(&self.proof);
        bytes
    }

    /// Parses submitted bytes; `proof_length` is the outer proof's, in bytes.
    ///
    /// # Errors
    /// [`EvmError::ProofLength`], [`EvmError::WordRange`] or [`EvmError::LimbRange`].
    pub fn from_bytes(bytes: &[u8], proof_length: usize) -> Result<Self, EvmError> {
        let expected = ACCUMULATOR_LIMBS * WORD + proof_length;
        if bytes.len() != expected {
            return Err(EvmError::ProofLength { expected, got: bytes.len() });
        }
        let (head, proof) = bytes.split_at(ACCUMULATOR_LIMBS * WORD);
        let mut limbs = [Fr::zero(); ACCUMULATOR_LIMBS];
        for (index, (limb, bytes)) in limbs.iter_mut().zip(head.chunks_exact(WORD)).enumerate() {
            if bytes[..WORD - LIMB_BITS / 8].iter().any(|byte| *byte != 0) {
                return Err(EvmError::LimbRange { index, got: hex::encode(bytes) });
            }
            *limb = word_from_slice(index, bytes)?;
        }
        Ok(Self { limbs, proof: proof.to_vec() })
    }
}

/// A word's bytes, big-endian.
pub fn word_to_bytes(word: &Fr) -> [u8; WORD] {
    let mut bytes = word.to_repr();
    bytes.reverse();
    bytes
}

/// A word from its bytes, big-endian.
///
/// # Errors
/// [`EvmError::WordRange`] (with index 0) unless the number is below `r`.
pub fn word_from_bytes(bytes: &[u8; WORD]) -> Result<Fr, EvmError> {
    word_from_slice(0, bytes)
}

fn word_from_slice(index: usize, bytes: &[u8]) -> Result<Fr, EvmError> {
    let error = || EvmError::WordRange { index, got: hex::encode(bytes) };
    let mut repr: [u8; WORD] = bytes.try_into().map_err(|_| error())?;
    repr.reverse();
    Option::from(Fr::from_repr(repr)).ok_or_else(error)
}

fn encode_words(words: &[Fr]) -> Vec<u8> {
    words.iter().flat_map(word_to_bytes).collect()
}

/// Calldata of a direct verifier: `words ‖ proof`.
pub fn direct_calldata(words: &[Fr], proof: &[u8]) -> Vec<u8> {
    [encode_words(words).as_slice(), proof].concat()
}

/// Calldata of the aggregated verifier: `12 limbs ‖ vkDigest ‖ words ‖ proof`.
pub fn aggregated_calldata(submission: &Submission, vk_digest: &Fr, words: &[Fr]) -> Vec<u8> {
    [encode_words(&submission.limbs).as_slice(), &word_to_bytes(vk_digest), &encode_words(words), &submission.proof]
        .concat()
}

#[cfg(test)]
mod tests {
    use super::*;
    use halo2_proofs::arithmetic::Field;

    #[test]
    fn a_word_plus_r_is_refused() {
        // r, big-endian: one more than -1.
        let mut order = word_to_bytes(&-Fr::ONE);
        order[WORD - 1] += 1;
        assert!(matches!(word_from_bytes(&order), Err(EvmError::WordRange { index: 0, .. })));
        assert_eq!(word_from_bytes(&word_to_bytes(&-Fr::ONE)).unwrap(), -Fr::ONE);
    }

    #[test]
    fn a_submission_reads_back_and_its_bounds_are_checked() {
        let submission = Submission {
            limbs: std::array::from_fn(|i| Fr::from(2).pow([LIMB_BITS as u64]) - Fr::from(i as u64 + 1)),
            proof: vec![9; 64],
        };
        let bytes = submission.to_bytes();
        assert_eq!(Submission::from_bytes(&bytes, 64).unwrap(), submission);
        assert!(matches!(
            Submission::from_bytes(&bytes[1..], 64),
            Err(EvmError::ProofLength { expected: 448, got: 447 })
        ));
        let mut large = bytes.clone();
        large[3 * WORD + WORD - 12] = 1;
        assert!(matches!(Submission::from_bytes(&large, 64), Err(EvmError::LimbRange { index: 3, .. })));
    }

    #[test]
    fn calldata_is_the_concatenation() {
        let submission = Submission { limbs: [Fr::from(5); ACCUMULATOR_LIMBS], proof: vec![1, 2] };
        let data = aggregated_calldata(&submission, &Fr::from(6), &[Fr::from(7); 16]);
        assert_eq!(data.len(), (12 + 1 + 16) * WORD + 2);
        assert_eq!((data[12 * WORD - 1], data[13 * WORD - 1], data[14 * WORD - 1]), (5, 6, 7));
        assert_eq!(direct_calldata(&[Fr::ONE], &[3]).len(), WORD + 1);
    }
}
