//! Poseidon over BN254's scalar field: `T = 3`, rate 2, `R_F = 8`, `R_P = 57`, S-box `x^5`.
//!
//! Permutation: Grassi et al., <https://eprint.iacr.org/2019/458>, with the reference constants (Grain LFSR), from the crate
//! `poseidon-primitives`. Sponge: `docs/protocol.md`.
//!
//! Gate `poseidon` (docs/gadgets/poseidon.md): one round a row. The state `u = (a0, a1, a2)` already holds the round's constants. With
//! `(s0, s1, s2) = (a3, b, z)`: `s0 = u0²`, `s_i = (1 - n) u_i² + n` for `i = 1, 2`, and `u' = M (s_i² u_i) + f`. On a partial round `n = 1`, so
//! `s_i = 1` leaves `u_i` as it is. Degrees 4, 5 and 5.

use std::sync::LazyLock;

use ff::Field;
use halo2_proofs::halo2curves::bn256::Fr;
use halo2_proofs::halo2curves::ff;
use halo2_proofs::plonk::{ConstraintSystem, Expression};
use halo2_proofs::poly::Rotation;
use poseidon_primitives::poseidon::primitives::Spec;

use super::{Cells, Columns, not};

/// Width of the state.
pub const T: usize = 3;
/// Elements absorbed by a permutation.
pub const RATE: usize = 2;
/// Full rounds.
pub const FULL_ROUNDS: usize = 8;
/// Partial rounds.
pub const PARTIAL_ROUNDS: usize = 57;
/// All rounds.
pub const ROUNDS: usize = FULL_ROUNDS + PARTIAL_ROUNDS;

/// The state of the permutation.
pub type State = [Fr; T];

#[derive(Debug)]
struct Parameters;

impl Spec<Fr, T, RATE> for Parameters {
    fn full_rounds() -> usize {
        FULL_ROUNDS
    }
    fn partial_rounds() -> usize {
        PARTIAL_ROUNDS
    }
    fn sbox(value: Fr) -> Fr {
        value.square().square() * value
    }
    fn secure_mds() -> usize {
        0
    }
}

/// Round constants and mixing matrix.
#[derive(Debug)]
pub struct Constants {
    /// Added before each round's S-boxes.
    pub rounds: Vec<State>,
    /// The MDS matrix.
    pub mds: [State; T],
}

/// The constants, generated once.
pub static CONSTANTS: LazyLock<Constants> = LazyLock::new(|| {
    let (rounds, mds, _) = Parameters::constants();
    Constants { rounds, mds }
});

/// Whether round `i` is a partial one.
pub fn is_partial(round: usize) -> bool {
    (FULL_ROUNDS / 2..FULL_ROUNDS / 2 + PARTIAL_ROUNDS).contains(&round)
}

/// One round's S-boxes and mixing, without its constants.
pub fn round(state: &State, partial: bool) -> State {
    let mut boxed = *state;
    for (i, value) in boxed.iter_mut().enumerate() {
        if i == 0 || !partial {
            *value = Parameters::sbox(*value);
        }
    }
    CONSTANTS.mds.map(|row| row.iter().zip(&boxed).map(|(m, v)| *m * v).sum())
}

/// `a + b`, element by element.
pub fn add(a: &State, b: &State) -> State {
    [a[0] + b[0], a[1] + b[1], a[2] + b[2]]
}

/// The permutation.
pub fn permute(state: &State) -> State {
    CONSTANTS
        .rounds
        .iter()
        .enumerate()
        .fold(*state, |state, (i, constants)| round(&add(&state, constants), is_partial(i)))
}

/// A domain tag: up to 31 ASCII bytes read as a big-endian integer.
pub fn tag(text: &str) -> Fr {
    text.bytes().fold(Fr::ZERO, |acc, byte| acc * Fr::from(256) + Fr::from(u64::from(byte)))
}

/// The sponge of `docs/protocol.md`: `state = (tag, 0, 0)`, two elements a permutation, the digest is the second element.
pub fn hash(tag: Fr, message: &[Fr]) -> Fr {
    let mut state = [tag, Fr::ZERO, Fr::ZERO];
    for pair in message.chunks(RATE) {
        for (slot, value) in state[1..].iter_mut().zip(pair) {
            *slot += value;
        }
        state = permute(&state);
    }
    state[1]
}

/// Creates the gate.
pub(crate) fn configure(meta: &mut ConstraintSystem<Fr>, columns: &Columns) {
    meta.create_gate("poseidon: u' = M (u^5 or u) + f", |meta| {
        let cells = Cells::query(meta, columns);
        let on = cells.is_poseidon();
        let next = [columns.a[0], columns.a[1], columns.a[2]].map(|c| meta.query_advice(c, Rotation::next()));
        let [u0, u1, u2, s0] = cells.a;
        let (s1, s2) = (cells.b, cells.z);
        let square = |x: &Expression<Fr>| x.clone() * x.clone();
        let switched = |x: &Expression<Fr>| not(cells.n.clone()) * square(x) + cells.n.clone();
        let boxed = [(&s0, &u0), (&s1, &u1), (&s2, &u2)].map(|(s, u)| square(s) * u.clone());
        let mut constraints = vec![
            // POS-1, POS-2, POS-3
            ("s0 = u0²", on.clone() * (s0.clone() - square(&u0))),
            ("s1 = u1² or 1", on.clone() * (s1.clone() - switched(&u1))),
            ("s2 = u2² or 1", on.clone() * (s2.clone() - switched(&u2))),
        ];
        // POS-4, POS-5, POS-6
        let names = ["u0' = M0 boxed + f0", "u1' = M1 boxed + f1", "u2' = M2 boxed + f2"];
        for (((name, row), next), f) in names.into_iter().zip(&CONSTANTS.mds).zip(next).zip(cells.f) {
            let mixed = row
                .iter()
                .zip(&boxed)
                .map(|(m, value)| value.clone() * Expression::Constant(*m))
                .fold(f, |acc, term| acc + term);
            constraints.push((name, on.clone() * (next - mixed)));
        }
        constraints
    });
}

#[cfg(test)]
mod tests {
    use super::*;
    use ff::PrimeField;

    /// Published vector of the reference implementation (`poseidonperm_x5_254_3`) for the input (0, 1, 2).
    #[test]
    fn permutation_matches_the_reference_vector() {
        let output = permute(&[Fr::ZERO, Fr::ONE, Fr::from(2)]);
        let hex = output.map(|value| hex::encode(value.to_repr().as_ref().iter().rev().copied().collect::<Vec<_>>()));
        assert_eq!(hex[0], "115cc0f5e7d690413df64c6b9662e9cf2a3617f2743245519e19607a4417189a");
        assert_eq!(hex[1], "0fca49b798923ab0239de1c9e7a4a9a2210312b6a2f616d18b5a87f9b628ae29");
        assert_eq!(hex[2], "0e7ae82e40091e63cbd4f16a6d16310b3729d4b6e138fcf54110e2867045a30c");
    }

    #[test]
    fn sponge_pads_an_odd_message_with_zero_and_depends_on_the_tag() {
        let (one, two) = (Fr::ONE, Fr::from(2));
        assert_eq!(hash(one, &[one, two, one]), hash(one, &[one, two, one, Fr::ZERO]));
        assert_ne!(hash(one, &[one, two]), hash(two, &[one, two]));
        assert_eq!(hash(Fr::ZERO, &[one, two]), permute(&[Fr::ZERO, one, two])[1]);
    }

    use crate::gadgets::RowKind;
    use crate::testing::{assert_refused, failures, layout, row};

    const INPUTS: [i64; 8] = [700, 5, 3, 4, 5, 6, 7, 650];

    #[test]
    fn skipped_s_box_on_a_full_round_is_refused() {
        let mut forged = layout(INPUTS);
        let at = row(&forged, RowKind::Poseidon { partial: false }, 0);
        forged.values[at].b = Fr::ONE;
        let found = failures(&forged);
        assert!(found.iter().any(|n| n.contains("s1 = u1² or 1")), "{found:?}");
    }

    #[test]
    fn s_box_on_an_element_that_a_partial_round_leaves_alone_is_refused() {
        let mut forged = layout(INPUTS);
        let at = row(&forged, RowKind::Poseidon { partial: true }, 0);
        forged.values[at].z = forged.values[at].a[2].square();
        let found = failures(&forged);
        assert!(found.iter().any(|n| n.contains("s2 = u2² or 1")), "{found:?}");
    }

    #[test]
    fn negated_square_root_is_no_square() {
        let mut forged = layout(INPUTS);
        let at = row(&forged, RowKind::Poseidon { partial: true }, 3);
        forged.values[at].a[3] = -forged.values[at].a[3];
        // s0² is unchanged, so only the square itself notices.
        assert_refused(&forged, "s0 = -u0²", &["s0 = u0²"]);
    }

    #[test]
    fn negated_squares_of_a_full_round_are_refused_one_by_one() {
        for (cell, name) in ["s0 = u0²", "s1 = u1² or 1", "s2 = u2² or 1"].into_iter().enumerate() {
            let mut forged = layout(INPUTS);
            let at = row(&forged, RowKind::Poseidon { partial: false }, 2);
            let values = &mut forged.values[at];
            let square = [&mut values.a[3], &mut values.b, &mut values.z].into_iter().nth(cell).unwrap();
            *square = -*square;
            assert_refused(&forged, name, &[name]);
        }
    }

    #[test]
    fn another_salt_does_not_open_the_commitment() {
        let mut forged = layout(INPUTS);
        // The salt is absorbed as the first element of the second block.
        let salt = (0..forged.values.len()).find(|i| forged.values[*i].a[1] == Fr::from(99)).unwrap();
        forged.values[salt].a[1] += Fr::ONE;
        forged.values[salt].a[2] += Fr::ONE;
        assert_refused(&forged, "another salt", &["copy"]);
    }

    #[test]
    fn forged_state_between_rounds_is_refused() {
        let mut forged = layout(INPUTS);
        let at = row(&forged, RowKind::Poseidon { partial: true }, 20);
        forged.values[at].a[1] += Fr::ONE;
        let found = failures(&forged);
        assert!(found.iter().any(|n| n.contains("u1' = M1 boxed + f1")), "{found:?}");
    }
}
