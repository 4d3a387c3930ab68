//! Every lookup of the circuit, as ordinary gates: a logarithmic-derivative argument (Haböck, <https://eprint.iacr.org/2022/1530>).
//!
//! Tuples `(v, u, w, tag)` are compressed to `v + β u + β² w + β³ tag`. Looked up are, on requantisation rows, the limbs
//! `a0..a3` as `(a_i, 0, 0, 2)`; on function rows `(a0, 0, 0, 2)` and `(a1, a2, a3, f0)`. A row's table entry is
//! `(f0, f1, f2, tag)`, with the tag in the column `active`; a row without one has tag 1, which nothing looks up, so that its multiplicity
//! is of no use to a prover. With `g_i = α + a_i + 2 β³`, `h = α + a1 + β a2 + β² a3 + β³ f0` and `t = α + f0 + β f1 + β² f2 + β³ tag`, two running sums
//! advance by `Δφ0 = 1/g0 + 1/g1 + 1/g2` and `Δφ1 = 1/g3 + 1/h - m/t` (each term under its selector). `φ0 + φ1` is 0 on statement rows,
//! which are the first rows and the last usable one: hence all increments add up to 0. Degree 5.
//!
//! `α` and `β` are squeezed after all looked-up values, tables and multiplicities are committed.

use ff::{BatchInvert, Field};
use halo2_proofs::halo2curves::bn256::Fr;
use halo2_proofs::halo2curves::ff;
use halo2_proofs::plonk::ConstraintSystem;
use halo2_proofs::poly::Rotation;
use rayon::prelude::*;

use super::{Cells, Columns, constant, statement};
use crate::quant::program::OPERANDS;

/// Tag of a row without table entry: nothing looks it up.
pub const NO_ENTRY: u64 = 1;

/// Tag of the range table's entries.
pub const RANGE_TAG: u64 = 2;

/// Tag of function table `i`.
pub fn function_tag(table: usize) -> u64 {
    RANGE_TAG + 1 + table as u64
}

/// Creates the gates.
pub(crate) fn configure(meta: &mut ConstraintSystem<Fr>, columns: &Columns) {
    meta.create_gate("logup: running sums of 1/(α + looked up) - m/(α + table)", |meta| {
        let cells = Cells::query(meta, columns);
        let alpha = meta.query_challenge(columns.alpha);
        let beta = meta.query_challenge(columns.beta);
        let active = meta.query_fixed(columns.active, Rotation::cur());
        let m = meta.query_advice(columns.m, Rotation::cur());
        let [phi0, phi1] = columns.phi.map(|c| meta.query_advice(c, Rotation::cur()));
        let [next0, next1] = columns.phi.map(|c| meta.query_advice(c, Rotation::next()));

        let on = cells.requant.clone();
        let function = cells.is_function();
        let at_statement = statement::is_statement(&cells);
        let beta2 = beta.clone() * beta.clone();
        let beta3 = beta2.clone() * beta.clone();
        let [f0, f1, f2, _] = cells.f;
        let range = beta3.clone() * constant(RANGE_TAG);
        let [g0, g1, g2, g3] = cells.a.clone().map(|a| alpha.clone() + a + range.clone());
        let [_, a1, a2, a3] = cells.a;
        let h = alpha.clone() + a1 + beta.clone() * a2 + beta2.clone() * a3 + beta3.clone() * f0.clone();
        let t = alpha + f0 + beta * f1 + beta2 * f2 + beta3 * active.clone();

        let up0 = (on.clone() + function.clone()) * g1.clone() * g2.clone()
            + on.clone() * (g0.clone() * g2.clone() + g0.clone() * g1.clone());
        let up1 = on * h.clone() * t.clone() + function * g3.clone() * t.clone() - m * g3.clone() * h.clone();
        vec![
            // LOG-1
            ("φ0", active.clone() * ((next0 - phi0.clone()) * g0 * g1 * g2 - up0)),
            // LOG-2
            ("φ1", active * ((next1 - phi1.clone()) * g3 * h * t - up1)),
            // LOG-3
            ("φ0 + φ1 = 0", at_statement * (phi0 + phi1)),
        ]
    });
}

/// What the argument sees of one row.
#[derive(Clone, Copy, Debug)]
pub struct LookupRow {
    /// The cells `a0..a3`.
    pub a: [Fr; 4],
    /// The cells `f0..f3`.
    pub f: [Fr; OPERANDS],
    /// Tag of the row's table entry, or [`NO_ENTRY`].
    pub tag: u64,
    /// A requantisation row.
    pub requant: bool,
    /// A function row.
    pub function: bool,
    /// The multiplicity.
    pub m: Fr,
}

/// Rows that one thread sums up at a time.
const CHUNK: usize = 1 << 12;

/// The running sums' values on rows `0..=len`, for the rows that `row` tells.
///
/// A denominator of 0 (probability about `rows / 2^254`) counts as an inverse of 0: the proof would then fail to verify.
pub fn running_sums(len: usize, row: impl Fn(usize) -> LookupRow + Sync, alpha: Fr, beta: Fr) -> [Vec<Fr>; 2] {
    let mut sums = [vec![Fr::ZERO; len + 1], vec![Fr::ZERO; len + 1]];
    let [first, second] = &mut sums;
    let chunks = first[1..].par_chunks_mut(CHUNK).zip(second[1..].par_chunks_mut(CHUNK));
    chunks.enumerate().for_each(|(i, (first, second))| {
        let rows = (i * CHUNK..i * CHUNK + first.len()).map(&row);
        add_terms(rows, [first, second], alpha, beta);
    });
    for sum in &mut sums {
        let mut total = Fr::ZERO;
        for value in sum.iter_mut() {
            total += *value;
            *value = total;
        }
    }
    sums
}

/// Adds what each row adds to the two sums.
fn add_terms(rows: impl Iterator<Item = LookupRow>, sums: [&mut [Fr]; 2], alpha: Fr, beta: Fr) {
    let beta2 = beta.square();
    let beta3 = beta2 * beta;
    let len = sums[0].len();
    let mut inverses = Vec::with_capacity(5 * len);
    let mut terms: Vec<(usize, bool, Fr)> = Vec::with_capacity(5 * len);
    for (i, row) in rows.enumerate() {
        let mut push = |second: bool, numerator: Fr, denominator: Fr| {
            terms.push((i, second, numerator));
            inverses.push(denominator);
        };
        let range = |v: Fr| alpha + v + beta3 * Fr::from(RANGE_TAG);
        if row.requant {
            for (lane, v) in row.a.iter().enumerate() {
                push(lane == 3, Fr::ONE, range(*v));
            }
        }
        if row.function {
            push(false, Fr::ONE, range(row.a[0]));
            push(true, Fr::ONE, alpha + row.a[1] + beta * row.a[2] + beta2 * row.a[3] + beta3 * row.f[0]);
        }
        if row.m != Fr::ZERO {
            push(true, -row.m, alpha + row.f[0] + beta * row.f[1] + beta2 * row.f[2] + beta3 * Fr::from(row.tag));
        }
    }
    inverses.iter_mut().batch_invert();
    for ((i, second, numerator), inverse) in terms.into_iter().zip(inverses) {
        sums[usize::from(second)][i] += numerator * inverse;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gadgets::RowKind;
    use crate::quant::program::Requant;
    use crate::testing::{failures, layout, row};
    use halo2_proofs::dev::{FailureLocation, MockProver, VerifyFailure};

    const INPUTS: [i64; 8] = [700, 5, 3, 4, 5, 6, 7, 650];

    #[test]
    fn sums_telescope_to_zero_on_an_honest_witness_for_any_challenge() {
        let circuit = crate::inference::InferenceCircuit::new(layout(INPUTS));
        for seed in [3, 1 << 40] {
            let [s0, s1] =
                running_sums(circuit.advancing(), |i| circuit.lookup_row(i), Fr::from(seed), Fr::from(seed + 1));
            assert_eq!(*s0.last().unwrap() + s1.last().unwrap(), Fr::ZERO);
            assert_ne!(s0[s0.len() / 2] + s1[s1.len() / 2], Fr::ZERO);
        }
    }

    #[test]
    fn multiplicity_on_a_row_without_entry_does_not_pay_for_a_value_outside_the_table() {
        // The salt's row holds (4711, 0, 0) and no entry. A limb of 4711 is looked up, with that row as payment.
        let mut forged = layout(INPUTS);
        let salt = forged.rows.len() - 2;
        assert_eq!(
            (forged.rows[salt].f, forged.rows[salt].tag),
            ([Fr::from(4711), Fr::ZERO, Fr::ZERO, Fr::ONE], NO_ENTRY)
        );
        let lane = row(&forged, RowKind::Requant(Requant::Identity), 0);
        forged.values[lane].a[0] = Fr::from(4711);
        let end_of_sums = |layout: &crate::inference::Layout| {
            let mut circuit = crate::inference::InferenceCircuit::new(layout.clone());
            circuit.set_multiplicity(salt, Fr::ONE);
            let [s0, s1] =
                running_sums(circuit.advancing(), |i| circuit.lookup_row(i), Fr::from(12_345), Fr::from(678));
            *s0.last().unwrap() + s1.last().unwrap()
        };
        assert_ne!(end_of_sums(&forged), Fr::ZERO);
        // Nothing but the tag refuses it: with the range table's tag the same row would pay.
        forged.rows[salt].tag = RANGE_TAG;
        assert_eq!(end_of_sums(&forged), Fr::ZERO);
    }

    #[test]
    fn running_sums_with_a_gift_are_refused() {
        // A limb outside the table, and sums that start with what is missing: they end at 0, so only their start can notice.
        let mut forged = layout(INPUTS);
        let lane = (0..forged.rows.len()).find(|i| matches!(forged.rows[*i].kind, RowKind::Requant(_))).unwrap();
        forged.values[lane].a[3] = Fr::from(1024);
        let last = forged.rows.len() - 1;
        let mut circuit = crate::inference::InferenceCircuit::new(forged);
        circuit.start_sums_with_a_gift();
        let prover = MockProver::run(circuit.layout().k, &circuit, vec![circuit.words().to_vec()]).unwrap();
        let failures = prover.verify().unwrap_err();
        let rows: Vec<usize> = failures
            .iter()
            .filter_map(|failure| match failure {
                VerifyFailure::ConstraintNotSatisfied {
                    constraint,
                    location: FailureLocation::InRegion { offset, .. },
                    ..
                } => constraint.to_string().contains("φ0 + φ1 = 0").then_some(*offset),
                _ => None,
            })
            .collect();
        assert!(rows.contains(&0) && !rows.contains(&last), "{rows:?}");
    }

    #[test]
    fn running_sums_that_jump_on_the_way_are_refused() {
        // A limb outside the table, and a jump by what is missing: both ends are right, so only the advance can notice.
        for (column, name) in ["φ0", "φ1"].into_iter().enumerate() {
            let mut forged = layout(INPUTS);
            let lane = (0..forged.rows.len()).find(|i| matches!(forged.rows[*i].kind, RowKind::Requant(_))).unwrap();
            forged.values[lane].a[3] = Fr::from(1024);
            let jump = forged.rows.len() / 2;
            let mut circuit = crate::inference::InferenceCircuit::new(forged);
            circuit.let_a_sum_jump(column, jump);
            let prover = MockProver::run(circuit.layout().k, &circuit, vec![circuit.words().to_vec()]).unwrap();
            let found: Vec<String> = prover.verify().unwrap_err().iter().map(|failure| failure.to_string()).collect();
            assert!(found.iter().any(|f| f.contains(&format!("('{name}')"))), "{found:?}");
            assert!(!found.iter().any(|f| f.contains("φ0 + φ1 = 0")), "{found:?}");
        }
    }

    #[test]
    fn value_outside_every_table_is_refused() {
        let mut forged = layout(INPUTS);
        let lane = (0..forged.rows.len()).find(|i| matches!(forged.rows[*i].kind, RowKind::Requant(_))).unwrap();
        forged.values[lane].a[3] = Fr::from(1024);
        let found = failures(&forged);
        assert!(found.iter().any(|n| n.contains("φ0 + φ1 = 0")), "{found:?}");
    }
}
