//! Quotients and roots that a prover would rather have: DIV-1, DIV-2, SQR-1, SQR-2 of `docs/gadgets/division.md`.

use std::sync::Arc;

use halo2_proofs::halo2curves::bn256::Fr;
use proptest::prelude::*;

use super::{set_lane, set_word, settle};
use crate::gadgets::RowKind;
use crate::inference::Shape;
use crate::inference::layout::{Layout, SourceInput, SourceKind, Task};
use crate::inference::statement::{pack_outputs, signed};
use crate::quant::program::{Divide, LANE_BITS, Lane, Linear, Program, RAW_BITS, Requant, Sqrt, Step, Y_BITS};
use crate::testing::{assert_refused, failures, pow2};

const EDGE: i64 = 1 << RAW_BITS;

/// `floor(x0 / d)` with `d = max(x1, 1)`, and `floor(sqrt(s))` with `s = max(x2, 0)`.
fn task() -> Task {
    let lane = |bias, weights: &[i64], requant| Lane { bias, weights: weights.to_vec(), requant, ..Lane::default() };
    let linear = |operands, lanes| Step::Linear(Linear { operands, lanes, ..Linear::default() });
    let program = Program {
        sources: vec![3],
        tables: vec![],
        steps: vec![
            linear(vec![1, 2], vec![lane(-1, &[1, 0], Requant::Relu), lane(0, &[0, 1], Requant::Relu)]),
            linear(vec![3], vec![lane(1, &[1], Requant::Identity)]),
            Step::Divide(Divide { numerator: 0, denominator: 5 }),
            Step::Sqrt(Sqrt { input: 4 }),
            linear(vec![], vec![lane(1, &[], Requant::Identity), lane(1, &[], Requant::Identity)]),
        ],
        outputs: vec![6, 7],
        in_domain: 8,
        unsaturated: 9,
    };
    Task {
        program: Arc::new(program),
        sources: vec![SourceKind::Public],
        slots: 1,
        commit_outputs: false,
        shape: Shape::NARROW,
        salt: Fr::zero(),
    }
}

fn layout(x: [i64; 3]) -> Layout {
    let source = SourceInput { values: x.to_vec(), salt: Fr::zero() };
    Layout::new(&task(), Fr::from(42), &[vec![source]], None).unwrap()
}

/// Rows of one quotient or root: the new wire's sum and lane, and the two assertions.
struct Rows {
    hint: usize,
    lane: usize,
    asserts: [usize; 2],
}

/// Rows of the fixture's quotient and of its root.
fn rows(layout: &Layout) -> [Rows; 2] {
    let product = |i: &usize| matches!(layout.rows[*i].kind, RowKind::Dot { .. }) && layout.rows[*i].w != Fr::zero();
    let products: Vec<usize> = (0..layout.rows.len()).filter(product).collect();
    let &[quotient, root] = products.as_slice() else { panic!("{products:?}") };
    // Between the new wire's lane and the assertions: two rows for the quotient's terms, one for the root's.
    let [a, b, c, d] = [quotient + 2, quotient + 3, root + 1, root + 2];
    let rows = |first: usize, second, terms| Rows {
        hint: first - terms - 2,
        lane: first - terms - 1,
        asserts: [first, second],
    };
    [rows(a, b, 2), rows(c, d, 1)]
}

/// How a negative lane is put before its assertion.
#[derive(Clone, Copy, Debug)]
enum Claim {
    /// As what it is.
    Negative,
    /// As positive, with whatever limbs make that so.
    Positive,
}

/// Puts another value in the new wire's place and lets the assertions say what then is true. Every other row follows.
fn forge(layout: &mut Layout, rows: &Rows, value: i64, lanes: [i128; 2], claim: Claim) {
    layout.values[rows.hint].a[0] = signed(value.into());
    set_lane(layout, rows.lane, value);
    for (row, y) in rows.asserts.into_iter().zip(lanes) {
        let values = &mut layout.values[row];
        (values.b, values.z) = (Fr::one(), Fr::one());
        values.a = [signed(y), Fr::zero(), Fr::zero(), Fr::zero()];
        let sum = if y < 0 { -(y + 1) } else { y };
        if y >= 0 || matches!(claim, Claim::Negative) {
            let limb = |i: u32| Fr::from(((sum >> (10 * i)) & 1023) as u64);
            values.a = [limb(0), limb(1), limb(2), signed(sum >> 30)];
        }
        if y < 0 && matches!(claim, Claim::Negative) {
            (values.b, values.z) = (Fr::zero(), signed(y));
        }
    }
}

fn answer(layout: &mut Layout, quotient: i64, root: i64) {
    set_word(layout, 2, pack_outputs(&[quotient, root], true, true)[0]);
    settle(layout);
}

/// What refuses lanes `y`, the first assertion of which fails.
fn refusal(lanes: [i128; 2], claim: Claim) -> Vec<&'static str> {
    let limit = 1 << Y_BITS;
    let mut by = vec![];
    if lanes.iter().any(|y| *y < 0) && matches!(claim, Claim::Negative) {
        by.push("asserted y >= 0");
    }
    if lanes.iter().any(|y| *y >= limit || *y < -limit || (*y < 0 && matches!(claim, Claim::Positive))) {
        by.push("φ0 + φ1 = 0");
    }
    by
}

fn raw() -> impl Strategy<Value = i64> {
    prop_oneof![-EDGE..EDGE, -3000i64..3000, prop::sample::select(&[-EDGE, EDGE - 1, 0, 1, -1, 1 << 38][..])]
}

fn other() -> impl Strategy<Value = i64> {
    prop_oneof![2 => prop::sample::select(&[1i64, -1][..]), 1 => 2i64..5000, 1 => -5000i64..-1]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 40, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_quotient_and_root_satisfies_the_circuit(x0 in raw(), x1 in raw(), x2 in raw()) {
        let honest = layout([x0, x1, x2]);
        prop_assert_eq!(failures(&honest), Vec::<String>::new());
        let (d, s) = (i128::from(x1.max(1)), x2.max(0));
        let q = (i128::from(x0) - i128::from(x0).rem_euclid(d)) / d;
        let root = (0..=s.isqrt() + 1).rev().find(|r| r * r <= s).unwrap();
        prop_assert_eq!(honest.words[2], pack_outputs(&[q as i64, root], true, true)[0]);
    }

    #[test]
    fn another_quotient_is_refused(x0 in raw(), x1 in raw(), off in other(), positive in any::<bool>()) {
        let d = x1.max(1);
        let wrong = x0.div_euclid(d) + off;
        prop_assume!(wrong.abs() < 1 << Y_BITS);
        let mut forged = layout([x0, x1, 17]);
        let rest = i128::from(x0) - i128::from(wrong) * i128::from(d);
        let lanes = [rest, i128::from(d) - 1 - rest];
        prop_assert!(lanes.iter().any(|y| *y < 0));
        let claim = if positive { Claim::Positive } else { Claim::Negative };
        let [quotient, _] = rows(&forged);
        forge(&mut forged, &quotient, wrong, lanes, claim);
        answer(&mut forged, wrong, 4);
        assert_refused(&forged, &format!("{x0} / {d} = {wrong}, {claim:?}"), &refusal(lanes, claim));
    }

    #[test]
    fn another_root_is_refused(x2 in raw(), off in other(), mirrored in any::<bool>(), positive in any::<bool>()) {
        let s = x2.max(0);
        // Also the roots of another sign, whose squares are right: -q, -q - 1 and their neighbours.
        let wrong = if mirrored { -s.isqrt() - off.rem_euclid(2) } else { s.isqrt() + off };
        prop_assume!(wrong != s.isqrt());
        let mut forged = layout([0, 1, x2]);
        let rest = i128::from(s) - i128::from(wrong) * i128::from(wrong);
        let lanes = [rest, 2 * i128::from(wrong) - rest];
        prop_assert!(lanes.iter().any(|y| *y < 0));
        let claim = if positive { Claim::Positive } else { Claim::Negative };
        let [_, root] = rows(&forged);
        forge(&mut forged, &root, wrong, lanes, claim);
        answer(&mut forged, 0, wrong);
        assert_refused(&forged, &format!("sqrt({s}) = {wrong}, {claim:?}"), &refusal(lanes, claim));
    }
}

#[test]
fn remainder_that_carries_into_the_next_lane_leaves_a_rest() {
    // With d = 2^10 and a quotient 2^32 too small the remainder is 2^42 more, one unit of the second lane, which then wants 2^42 less: all
    // limbs, signs and the packed sum agree, and -1 is left over.
    let (x, d) = (5_000_123, 1 << 10);
    let mut forged = layout([x, d, 17]);
    let wrong = x.div_euclid(d) - (1 << 32);
    let rest = i128::from(x.rem_euclid(d));
    let lanes = [rest, i128::from(d) - rest];
    let [quotient, _] = rows(&forged);
    forge(&mut forged, &quotient, wrong, lanes, Claim::Negative);
    answer(&mut forged, wrong, 4);
    assert_refused(&forged, "carry", &["start: acc = 0"]);
}

#[test]
fn quotient_outside_every_lane_is_refused() {
    // A quotient modulo r: with d = 2 the field holds 1/2, and 7 = 2 q then leaves no remainder.
    let mut forged = layout([7, 2, 17]);
    let [quotient, _] = rows(&forged);
    forge(&mut forged, &quotient, 3, [0, 1], Claim::Negative);
    let half = Fr::from(7) * Fr::from(2).invert().unwrap();
    forged.values[quotient.hint].a[0] = half;
    let lane = &mut forged.values[quotient.lane];
    (lane.a, lane.z) = ([half, Fr::zero(), Fr::zero(), Fr::zero()], half);
    forged.words[2] += half - Fr::from(3);
    forged.values[2].a[0] = forged.words[2];
    settle(&mut forged);
    assert_refused(&forged, "7 / 2 in the field", &["φ0 + φ1 = 0"]);
}

#[test]
fn rest_of_the_quotients_lane_cannot_pay_for_its_remainder() {
    // 7 / 2 = 5: the true lanes are -3 and 4. What the new wire's cell holds beyond its lane would make them 0 and 1, if the products' sum did not
    // start anew.
    let mut forged = layout([7, 2, 17]);
    let [quotient, _] = rows(&forged);
    forge(&mut forged, &quotient, 5, [0, 1], Claim::Negative);
    let unit = pow2(u64::from(LANE_BITS));
    forged.values[quotient.hint].a[0] += unit * (Fr::from(3) - Fr::from(3) * unit);
    answer(&mut forged, 5, 4);
    assert_refused(&forged, "a gift to the remainder", &["start: acc = 0"]);
}

#[test]
fn quotient_that_differs_from_its_lane_is_refused() {
    // The new wire's cell is free; the lane is what binds it. The products read the lane's result.
    let mut forged = layout([7, 2, 17]);
    let [quotient, _] = rows(&forged);
    forged.values[quotient.hint].a[0] += pow2(u64::from(LANE_BITS));
    settle(&mut forged);
    assert_refused(&forged, "another cell", &["start: acc = 0"]);
}

#[test]
fn honest_values_at_the_edges() {
    for x in [
        [-EDGE, -EDGE, -EDGE],
        [EDGE - 1, EDGE - 1, EDGE - 1],
        [-EDGE, EDGE - 1, 1],
        [EDGE - 1, 1, 1 << 38],
        [-1, EDGE - 1, 0],
    ] {
        assert_eq!(failures(&layout(x)), Vec::<String>::new(), "{x:?}");
    }
}
