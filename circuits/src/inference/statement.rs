//! The instance words (docs/protocol.md): packing, commitments, context.

use ff::{Field, PrimeField};
use halo2_proofs::halo2curves::bn256::Fr;
use halo2_proofs::halo2curves::ff;
use sha3::{Digest, Keccak256};

use super::error::Error;
use crate::gadgets::poseidon;
use crate::quant::program::{LANE_BITS, LANES, RAW_BITS, Y_BITS};

/// Domain tag of source commitments.
pub const INPUT_TAG: &str = "dodona.input.v1";
/// Outputs in one word.
pub const OUTPUTS_PER_WORD: usize = 3;
/// Width of an output lane, in bits.
pub const OUTPUT_BITS: u32 = 64;
/// Bit of the first output word that says that no input was clamped.
pub const IN_DOMAIN_BIT: u32 = 192;
/// Bit of the first output word that says that nothing saturated.
pub const UNSATURATED_BIT: u32 = 193;

/// 2^n in the field.
pub fn pow2(n: u32) -> Fr {
    Fr::from(2).pow_vartime([u64::from(n)])
}

/// A signed integer as a field element.
pub fn signed(value: i128) -> Fr {
    let magnitude = value.unsigned_abs();
    // The trait's conversion doubles 64 times, whatever the value.
    let magnitude = u64::try_from(magnitude).map_or_else(|_| Fr::from_u128(magnitude), Fr::from);
    if value < 0 { -magnitude } else { magnitude }
}

/// 32 big-endian bytes.
pub fn to_bytes(value: Fr) -> [u8; 32] {
    let mut bytes = value.to_repr();
    bytes.as_mut().reverse();
    let mut out = [0; 32];
    out.copy_from_slice(bytes.as_ref());
    out
}

/// A canonical field element from 32 big-endian bytes.
///
/// # Errors
/// [`Error::FieldElement`] if the bytes are not below the field's order.
pub fn from_bytes(bytes: &[u8; 32], what: &str) -> Result<Fr, Error> {
    let mut little = *bytes;
    little.reverse();
    Option::from(Fr::from_repr(little))
        .ok_or_else(|| Error::FieldElement { what: what.to_owned(), got: hex::encode(bytes) })
}

/// Packs signed values, six lanes of 42 bits to a word, offset binary.
pub fn pack(values: &[i64]) -> Vec<Fr> {
    values
        .chunks(LANES)
        .map(|chunk| {
            let lanes =
                chunk.iter().zip(0..).map(|(v, j)| signed(i128::from(*v) + (1 << Y_BITS)) * pow2(LANE_BITS * j));
            lanes.sum()
        })
        .collect()
}

/// Packs signed 64-bit outputs, three to a word, offset binary; the first word carries the flags.
pub fn pack_outputs(outputs: &[i64], in_domain: bool, unsaturated: bool) -> Vec<Fr> {
    let mut words: Vec<Fr> = outputs
        .chunks(OUTPUTS_PER_WORD)
        .map(|chunk| {
            let offset = 1 << (OUTPUT_BITS - 1);
            chunk.iter().zip(0..).map(|(v, j)| signed(i128::from(*v) + offset) * pow2(OUTPUT_BITS * j)).sum()
        })
        .collect();
    if let Some(first) = words.first_mut() {
        *first += pow2(IN_DOMAIN_BIT) * Fr::from(u64::from(in_domain));
        *first += pow2(UNSATURATED_BIT) * Fr::from(u64::from(unsaturated));
    }
    words
}

/// Domain tag of commitments to outputs.
pub const OUTPUT_TAG: &str = "dodona.output.v1";
/// Words of committed outputs: the flags, the commitment.
pub const COMMITTED_OUTPUT_WORDS: usize = 2;

/// The words of outputs behind a commitment: a word of flags without lanes, then `Poseidon(tag, [count, salt, packed outputs…])`, where the packed outputs are
/// those of [`pack_outputs`], flags included.
pub fn commit_outputs(outputs: &[i64], in_domain: bool, unsaturated: bool, salt: Fr) -> [Fr; COMMITTED_OUTPUT_WORDS] {
    let flag = |bit: u32, set: bool| pow2(bit) * Fr::from(u64::from(set));
    let mut message = vec![Fr::from(outputs.len() as u64), salt];
    message.extend(pack_outputs(outputs, in_domain, unsaturated));
    let flags = flag(IN_DOMAIN_BIT, in_domain) + flag(UNSATURATED_BIT, unsaturated);
    [flags, poseidon::hash(poseidon::tag(OUTPUT_TAG), &message)]
}

/// The salt of a slot's output commitment, derived from the salts of all its sources, the context and the slot's number: secret if one of them is, another one in
/// every proof and in every slot.
pub fn output_salt(source_salts: impl IntoIterator<Item = Fr>, context: Fr, slot: usize) -> Fr {
    let mut message = vec![context, Fr::from(slot as u64)];
    message.extend(source_salts);
    poseidon::hash(poseidon::tag("dodona.output.salt.v2"), &message)
}

/// The first `count` outputs and the flags (in domain, unsaturated) of one slot's output words, big-endian: [`pack_outputs`] undone.
pub fn unpack_outputs(words: &[[u8; 32]], count: usize) -> (Vec<i64>, bool, bool) {
    let lane = |index: usize| {
        let word = words.get(index / OUTPUTS_PER_WORD)?;
        let end = 32 - 8 * (index % OUTPUTS_PER_WORD);
        let bytes: [u8; 8] = word.get(end - 8..end)?.try_into().ok()?;
        // Offset binary: the sign bit is turned over.
        Some((u64::from_be_bytes(bytes) ^ (1 << (OUTPUT_BITS - 1))) as i64)
    };
    let flag = |bit: u32| {
        let byte = words.first().map_or(0, |word| word[31 - bit as usize / 8]);
        byte >> (bit % 8) & 1 == 1
    };
    ((0..count).map_while(lane).collect(), flag(IN_DOMAIN_BIT), flag(UNSATURATED_BIT))
}

/// A schema hash as a field element: shifted right by 8 bits.
pub fn schema_field(schema_hash: &[u8; 32]) -> Fr {
    let mut shifted = [0; 32];
    shifted[1..].copy_from_slice(&schema_hash[..31]);
    shifted.reverse();
    Option::from(Fr::from_repr(shifted)).unwrap_or(Fr::ZERO)
}

/// Refuses values outside `[-2^39, 2^39)`.
///
/// # Errors
/// [`Error::RawValue`] for the first such value.
pub fn check_raw(values: &[i64], source_index: usize) -> Result<(), Error> {
    let bound = 1_i64 << RAW_BITS;
    match values.iter().position(|v| !(-bound..bound).contains(v)) {
        Some(index) => Err(Error::RawValue { source_index, index, got: values[index] }),
        None => Ok(()),
    }
}

/// The salted commitment to one source.
///
/// # Errors
/// [`Error::RawValue`] if a value lies outside the encoding.
pub fn commitment(schema: Fr, values: &[i64], salt: Fr) -> Result<Fr, Error> {
    check_raw(values, 0)?;
    let mut message = vec![schema, Fr::from(values.len() as u64), salt];
    message.extend(pack(values));
    Ok(poseidon::hash(poseidon::tag(INPUT_TAG), &message))
}

/// What a context binds a proof to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Context {
    /// EIP-155 chain id.
    pub chain_id: u64,
    /// Address of `DodonaOracle`.
    pub oracle: [u8; 20],
    /// 0 direct, 1 aggregated.
    pub mode: u8,
    /// Slot by slot.
    pub request_ids: Vec<[u8; 32]>,
    /// Who is paid.
    pub payee: [u8; 20],
    /// Unix seconds after which the proof is refused.
    pub expiry: u64,
}

impl Context {
    /// `keccak256(abi.encode(chainId, oracle, mode, requestIds, payee, expiry)) >> 8`, big-endian.
    pub fn word(&self) -> [u8; 32] {
        let uint = |value: u64| {
            let mut word = [0; 32];
            word[24..].copy_from_slice(&value.to_be_bytes());
            word
        };
        let address = |bytes: &[u8; 20]| {
            let mut word = [0; 32];
            word[12..].copy_from_slice(bytes);
            word
        };
        let mut hasher = Keccak256::new();
        let head = [
            uint(self.chain_id),
            address(&self.oracle),
            uint(u64::from(self.mode)),
            uint(6 * 32),
            address(&self.payee),
            uint(self.expiry),
            uint(self.request_ids.len() as u64),
        ];
        for word in head.iter().chain(&self.request_ids) {
            hasher.update(word);
        }
        let digest = hasher.finalize();
        let mut word = [0; 32];
        word[1..].copy_from_slice(&digest[..31]);
        word
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packing_is_offset_binary_in_42_bit_lanes() {
        let bound = 1_i64 << RAW_BITS;
        let words = pack(&[0, -bound, bound - 1, 0, 0, 0, 7]);
        assert_eq!(words.len(), 2);
        let lane = |v: i64, j: u32| Fr::from((v + (1 << Y_BITS)) as u64) * pow2(42 * j);
        assert_eq!(words[0], lane(0, 0) + lane(-bound, 1) + lane(bound - 1, 2) + lane(0, 3) + lane(0, 4) + lane(0, 5));
        assert_eq!(words[1], lane(7, 0));
    }

    #[test]
    fn outputs_come_back_out_of_their_words() {
        let outputs = [0, -1, i64::MAX, i64::MIN, 77];
        for (in_domain, unsaturated) in [(true, false), (false, true), (true, true)] {
            let words: Vec<[u8; 32]> =
                pack_outputs(&outputs, in_domain, unsaturated).into_iter().map(to_bytes).collect();
            assert_eq!(unpack_outputs(&words, 5), (outputs.to_vec(), in_domain, unsaturated));
        }
        assert_eq!(unpack_outputs(&[], 3), (vec![], false, false));
    }

    #[test]
    fn values_outside_the_encoding_are_refused() {
        let bound = 1_i64 << RAW_BITS;
        let error = commitment(Fr::ONE, &[0, bound], Fr::ONE).unwrap_err();
        assert!(matches!(error, Error::RawValue { index: 1, got, .. } if got == bound));
        assert!(commitment(Fr::ONE, &[-bound], Fr::ONE).is_ok());
        assert!(matches!(commitment(Fr::ONE, &[-bound - 1], Fr::ONE), Err(Error::RawValue { index: 0, .. })));
    }

    #[test]
    fn bytes_are_big_endian_and_canonical() {
        assert_eq!(to_bytes(Fr::from(258))[30..], [1, 2]);
        assert_eq!(from_bytes(&to_bytes(-Fr::ONE), "x").unwrap(), -Fr::ONE);
        let mut order = to_bytes(-Fr::ONE);
        order[31] += 1;
        assert!(matches!(from_bytes(&order, "x"), Err(Error::FieldElement { .. })));
    }
}
