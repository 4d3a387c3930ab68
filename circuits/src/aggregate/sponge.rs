//! Poseidon (`T = 3`, rate 2, `R_F = 8`, `R_P = 57`, x⁵) over any of snark-verifier's scalars.
//!
//! The sponge is the one of `docs/protocol.md`, "Commitment": `state = (tag, 0, 0)`; two elements are added to `state[1]` and `state[2]` before each
//! permutation; an odd message is padded with one 0; the digest is `state[1]`. The loaders' own Poseidon differs (other capacity, padding by 1).
//!
//! The permutation is the optimised form of Grassi et al., <https://eprint.iacr.org/2019/458>, appendix B, with halo2-base's constants. One function
//! serves native scalars and cells of the circuit, so the two cannot drift apart.

use halo2_proofs::{arithmetic::Field, halo2curves::bn256::Fr};
use snark_verifier::loader::{LoadedScalar, ScalarLoader};
use snark_verifier_sdk::halo2::POSEIDON_SPEC;

const T: usize = 3;
const RATE: usize = 2;

/// The field element that a tag's ASCII bytes stand for, read as a big-endian integer. At most 31 bytes count.
pub(super) fn tag(text: &str) -> Fr {
    text.bytes().fold(Fr::ZERO, |value, byte| value * Fr::from(256) + Fr::from(u64::from(byte)))
}

/// The digest of a message that is not empty.
pub(super) fn hash<L: LoadedScalar<Fr>>(tag: Fr, message: &[L]) -> Option<L> {
    let loader = message.first()?.loader();
    let mut state = [tag, Fr::ZERO, Fr::ZERO].map(|value| loader.load_const(&value));
    for chunk in message.chunks(RATE) {
        for (slot, element) in state.iter_mut().skip(1).zip(chunk) {
            *slot = loader.sum(&[&*slot, element]);
        }
        permute(&mut state);
    }
    let [_, digest, _] = state;
    Some(digest)
}

fn permute<L: LoadedScalar<Fr>>(state: &mut [L; T]) {
    let spec = &*POSEIDON_SPEC;
    let (constants, matrices) = (spec.constants(), spec.mds_matrices());
    let mds = matrices.mds().as_ref();
    let (start, end) = (constants.start(), constants.end());
    let half = spec.r_f() / 2;

    // The first constants are added before the first S-box, later ones inside `power5`.
    for (value, constant) in state.iter_mut().zip(&start[0]) {
        *value = value.loader().sum_with_const(&[&*value], *constant);
    }
    for constants in &start[1..half] {
        full_sbox(state, constants);
        mix(state, mds);
    }
    full_sbox(state, &start[half]);
    mix(state, matrices.pre_sparse_mds().as_ref());
    for (constant, sparse) in constants.partial().iter().zip(matrices.sparse_matrices()) {
        state[0] = power5(&state[0], constant);
        let first = row(state, sparse.row());
        for (value, factor) in (1..T).zip(sparse.col_hat()) {
            state[value] = state[0].loader().sum_with_coeff(&[(*factor, &state[0]), (Fr::ONE, &state[value])]);
        }
        state[0] = first;
    }
    for constants in end {
        full_sbox(state, constants);
        mix(state, mds);
    }
    full_sbox(state, &[Fr::ZERO; T]);
    mix(state, mds);
}

fn full_sbox<L: LoadedScalar<Fr>>(state: &mut [L; T], constants: &[Fr; T]) {
    for (value, constant) in state.iter_mut().zip(constants) {
        *value = power5(value, constant);
    }
}

/// `x⁵ + c`.
fn power5<L: LoadedScalar<Fr>>(x: &L, constant: &Fr) -> L {
    x.loader().sum_products_with_const(&[(x, &x.square().square())], *constant)
}

fn mix<L: LoadedScalar<Fr>>(state: &mut [L; T], matrix: &[[Fr; T]; T]) {
    let mixed: [L; T] = std::array::from_fn(|i| row(state, &matrix[i]));
    *state = mixed;
}

fn row<L: LoadedScalar<Fr>>(state: &[L; T], factors: &[Fr; T]) -> L {
    let terms: Vec<(Fr, &L)> = factors.iter().copied().zip(state).collect();
    state[0].loader().sum_with_coeff(&terms)
}

#[cfg(test)]
mod tests {
    use super::*;
    use halo2_proofs::halo2curves::ff::PrimeField;

    #[test]
    fn permutation_of_0_1_2_is_the_reference_one() {
        let mut state = [0u64, 1, 2].map(Fr::from);
        permute(&mut state);
        let hex = hex::encode(state[0].to_repr().iter().rev().copied().collect::<Vec<u8>>());
        assert!(hex.starts_with("115cc0f5") && hex.ends_with("17189a"), "{hex}");
    }

    #[test]
    fn an_odd_message_is_padded_with_one_zero() {
        let tag = tag("dodona.vk.v1");
        let odd = hash(tag, &[Fr::from(1), Fr::from(2), Fr::from(3)]);
        assert_eq!(odd, hash(tag, &[Fr::from(1), Fr::from(2), Fr::from(3), Fr::ZERO]));
        assert_ne!(odd, hash(tag, &[Fr::from(1), Fr::from(2), Fr::from(4)]));
        assert_eq!(hash::<Fr>(tag, &[]), None);
    }
}
