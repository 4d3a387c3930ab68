//! Lanes: take one off the accumulator, prove its range, shift it, cut it at zero.
//!
//! Gate `requant` (docs/gadgets/requant.md): on a row with `requant = 1`, with limbs `a_i` in `[0, 2^10)` by lookup,
//! `S = Σ a_i 2^(10 i)`, `H = a2 + 2^10 a3 = floor(S / 2^20)` and a sign bit `b`:
//! `y = b S - (1 - b)(S + 1)`, `acc = 2^42 acc' + y`, and, with `V = e S + (1 - e) H`,
//! `z = b V - n (1 - b)(V + 1) - w b (S - 1)`. Hence `y` in `[-2^40, 2^40)` is unique, and `z` is `y`, `max(y, 0)`, `floor(y / 2^20)` or its
//! positive part by the switches `e` and `n`. With `w = 1` and `e = 1`, `z` is the sign bit `b`; with `n = 1` besides, `b = 1` is demanded.
//! Degrees 3, 3, 5 and 4. The limbs' lookups (REQ-4) are in `logup`; raw values are checked
//! once more, doubled (REQ-5, `inference::layout`).

use halo2_proofs::halo2curves::bn256::Fr;
use halo2_proofs::plonk::ConstraintSystem;

use super::{Cells, Columns, constant, not};
use crate::quant::program::{LANE_BITS, LANES, LIMB_BITS, RAW_BITS, SHIFT, Y_BITS};

// Four limbs are a lane's range and two of them what a shift drops. Lanes are two bits wider than their values, so that neither
// the difference of two values (below 2^(Y_BITS + 1)) nor that of a lane and a doubled one (below 3 · 2^Y_BITS) reaches the next lane;
// all lanes together stay below r > 2^253. A doubled raw value fills a lane.
const _: () = assert!(4 * LIMB_BITS == Y_BITS && 2 * LIMB_BITS == SHIFT);
const _: () = assert!(LANE_BITS == Y_BITS + 2 && LANES as u32 * LANE_BITS < 253 && RAW_BITS + 1 == Y_BITS);

/// Creates the gate.
pub(crate) fn configure(meta: &mut ConstraintSystem<Fr>, columns: &Columns) {
    meta.create_gate("requant: acc = 2^42 acc' + y, z = shifted y", |meta| {
        let Cells { a, acc, acc_next, b, z, w, requant: on, e, n, .. } = Cells::query(meta, columns);
        let [a0, a1, a2, a3] = a;
        let high = a2 + a3 * constant(1 << LIMB_BITS);
        let sum = a0 + a1 * constant(1 << LIMB_BITS) + high.clone() * constant(1 << (2 * LIMB_BITS));
        let y = b.clone() * sum.clone() - not(b.clone()) * (sum.clone() + constant(1));
        let value = high.clone() + e * (sum.clone() - high);
        let bit = w.clone() * b.clone() * (sum - constant(1));
        let cut = b.clone() * value.clone() - n.clone() * not(b.clone()) * (value + constant(1)) - bit;
        vec![
            // REQ-1
            ("b is a bit", on.clone() * b.clone() * not(b.clone())),
            // REQ-2
            ("acc = 2^42 acc' + y", on.clone() * (acc - acc_next * constant(1 << LANE_BITS) - y)),
            // REQ-3
            ("z = shifted y", on.clone() * (z - cut)),
            // REQ-6
            ("asserted y >= 0", on * w * n * not(b)),
        ]
    });
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gadgets::RowKind;
    use crate::inference::layout::Layout;
    use crate::quant::program::Requant;
    use crate::testing::{assert_refused, failures, layout, pow2, row};
    use ff::Field;
    use halo2_proofs::halo2curves::ff;

    const INPUTS: [i64; 8] = [700, -5, 3, (1 << 39) - 1, -(1 << 39), 1, 2, 650];

    fn lane(layout: &Layout, requant: Requant, n: usize) -> usize {
        row(layout, RowKind::Requant(requant), n)
    }

    #[test]
    fn honest_lanes_satisfy_the_gate_at_the_edges_of_the_encoding() {
        assert_eq!(failures(&layout(INPUTS)), Vec::<String>::new());
        assert_eq!(failures(&layout([-1; 8])), Vec::<String>::new());
    }

    #[test]
    fn result_off_by_one_is_refused_in_every_mode() {
        let modes = [Requant::Identity, Requant::Relu, Requant::Shift, Requant::ReluShift, Requant::Sign];
        for requant in modes {
            let mut forged = layout(INPUTS);
            let at = lane(&forged, requant, 0);
            forged.values[at].z += Fr::ONE;
            let names = failures(&forged);
            assert!(names.iter().any(|n| n.contains("z = shifted y")), "{requant:?}: {names:?}");
        }
    }

    #[test]
    fn sign_of_a_lane_that_is_not_the_lanes_sign_is_refused() {
        // x1 - x0 + 5 < 0 for the first inputs, > 0 for the others.
        for (inputs, sign) in [(INPUTS, 0), ([0, 5, 3, 4, 5, 6, 7, 650], 1)] {
            let mut forged = layout(inputs);
            let at = lane(&forged, Requant::Sign, 0);
            assert_eq!(forged.values[at].z, Fr::from(sign));
            forged.values[at].z = Fr::from(1 - sign);
            let names = failures(&forged);
            assert!(names.iter().any(|n| n.contains("z = shifted y")), "{names:?}");
            // With the bit turned too, y is another one.
            forged.values[at].b = Fr::from(1 - sign);
            let names = failures(&forged);
            assert!(names.iter().any(|n| n.contains("acc = 2^42 acc' + y")), "{names:?}");
        }
    }

    #[test]
    fn assertion_of_a_negative_lane_is_refused_by_its_own_constraint_alone() {
        // The quotient's first assertion, n - q d, moved below 0 with its sum: everything but REQ-6 agrees.
        let mut forged = layout(INPUTS);
        let at = row(&forged, RowKind::Assert, 0);
        let values = &mut forged.values[at];
        let rest = values.a.iter().rev().fold(Fr::ZERO, |sum, limb| sum * pow2(10) + limb);
        values.acc -= rest + Fr::from(8);
        // y = -8 = -(7 + 1)
        (values.a, values.b, values.z) = ([Fr::from(7), Fr::ZERO, Fr::ZERO, Fr::ZERO], Fr::ZERO, -Fr::from(8));
        assert_refused(&forged, "an assertion of -8", &["asserted y >= 0", "acc' = acc + step"]);
        assert!(failures(&forged).iter().any(|n| n.contains("asserted y >= 0")));
    }

    #[test]
    fn assertions_result_is_one() {
        let mut forged = layout(INPUTS);
        let at = row(&forged, RowKind::Assert, 0);
        assert_eq!(forged.values[at].z, Fr::ONE);
        forged.values[at].z = Fr::from(2);
        assert_refused(&forged, "an assertion's result", &["z = shifted y"]);
    }

    #[test]
    fn sign_that_is_no_bit_is_refused() {
        let mut forged = layout(INPUTS);
        let at = lane(&forged, Requant::Shift, 0);
        forged.values[at].b = Fr::from(2);
        assert_refused(&forged, "b = 2", &["b is a bit", "acc = 2^42 acc' + y", "z = shifted y"]);
    }

    #[test]
    fn negative_lane_passed_off_as_positive_needs_limbs_outside_the_table() {
        // y = -k is also b S with b = 1 and S = r - k: the limbs that make it are no 10-bit numbers.
        let mut forged = layout(INPUTS);
        let at = lane(&forged, Requant::ReluShift, 0);
        assert_eq!(forged.values[at].b, Fr::ZERO);
        let values = &mut forged.values[at];
        let sum = values.a.iter().rev().fold(Fr::ZERO, |sum, limb| sum * pow2(10) + limb);
        values.b = Fr::ONE;
        values.a = [-sum - Fr::ONE, Fr::ZERO, Fr::ZERO, Fr::ZERO];
        assert_refused(&forged, "negative as positive", &["φ0 + φ1 = 0"]);
    }

    #[test]
    fn limb_just_outside_the_table_is_refused() {
        // 1024 + 0·2^10 instead of 0 + 1·2^10: the same sum, another cut.
        let mut forged = layout(INPUTS);
        let at = (0..forged.rows.len())
            .find(|i| matches!(forged.rows[*i].kind, RowKind::Requant(_)) && forged.values[*i].a[1] != Fr::ZERO)
            .unwrap();
        forged.values[at].a[0] += pow2(10);
        forged.values[at].a[1] -= Fr::ONE;
        assert_refused(&forged, "limb = 1024 + x", &["φ0 + φ1 = 0"]);
    }

    #[test]
    fn every_limb_is_looked_up() {
        // The lane of 2^39 - 1 has limbs 1023, 1023, 1023, 511: 1024 more in one and 1 less in the next is the same sum.
        let honest = layout(INPUTS);
        let full = [1023, 1023, 1023, 511].map(Fr::from);
        let at = (0..honest.rows.len()).find(|i| honest.values[*i].a == full).unwrap();
        for limb in 0..3 {
            let mut forged = honest.clone();
            forged.values[at].a[limb] += pow2(10);
            forged.values[at].a[limb + 1] -= Fr::ONE;
            assert_refused(&forged, &format!("limb {limb}"), &["φ0 + φ1 = 0"]);
        }
    }

    #[test]
    fn unit_moved_from_one_lane_to_its_neighbour_is_refused() {
        // y0 + 2^42 and y1 - 1 give the same packed sum; y0 then needs a limb of 12 bits more.
        let mut forged = layout(INPUTS);
        let first = lane(&forged, Requant::Identity, 0);
        assert!(matches!(forged.rows[first + 1].kind, RowKind::Requant(_)));
        let (y0, y1) = (forged.values[first].z, forged.values[first + 1].z);
        forged.values[first].a[3] += pow2(12);
        forged.values[first].z = y0 + pow2(42);
        forged.values[first + 1].acc -= Fr::ONE;
        forged.values[first + 1].a[0] += Fr::ONE;
        forged.values[first + 1].z = y1 - Fr::ONE;
        let found = failures(&forged);
        assert!(found.iter().any(|n| n.contains("φ0 + φ1 = 0")), "{found:?}");
        assert!(
            !found.iter().any(|n| n.contains("acc = 2^42 acc' + y")),
            "the packed sum itself must not notice: {found:?}"
        );
    }
}
