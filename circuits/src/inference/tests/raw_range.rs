//! Raw values outside `[-2^39, 2^39)`, which the bounds of every program rest upon.

use std::sync::Arc;

use halo2_proofs::halo2curves::bn256::Fr;

use super::{set_lane, set_word, settle};
use crate::gadgets::RowKind;
use crate::inference::Shape;
use crate::inference::layout::{Layout, SourceInput, SourceKind, Task};
use crate::inference::statement::{pack, pack_outputs};
use crate::quant::program::{Lane, Linear, Program, RAW_BITS, Requant, Step};
use crate::testing::{assert_refused, failures};

const EDGE: i64 = 1 << RAW_BITS;

/// `u = relu(x - (2^39 - 10))`, which is at most 9 for raw values in range, then `(2^36 u, 0)` in two lanes of one sum.
fn amplifier() -> Task {
    let lane = |bias, weights, requant| Lane { bias, weights, requant, ..Lane::default() };
    let linear = |operands, lanes| Step::Linear(Linear { operands, lanes, ..Linear::default() });
    let one = || lane(1, vec![], Requant::Identity);
    let program = Program {
        sources: vec![1],
        tables: vec![],
        steps: vec![
            linear(vec![0], vec![lane(10 - EDGE, vec![1], Requant::Relu)]),
            linear(vec![1], vec![lane(0, vec![1 << 36], Requant::Identity), lane(0, vec![0], Requant::Identity)]),
            linear(vec![], vec![one(), one()]),
        ],
        outputs: vec![2, 3],
        in_domain: 4,
        unsaturated: 5,
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

fn amplified(x: i64) -> Layout {
    Layout::new(&amplifier(), Fr::from(42), &[vec![SourceInput { values: vec![x], salt: Fr::zero() }]], None).unwrap()
}

/// The rows of all lanes; the program's own are the last five.
fn lanes(layout: &Layout) -> Vec<usize> {
    (0..layout.rows.len()).filter(|i| matches!(layout.rows[*i].kind, RowKind::Requant(_))).collect()
}

#[test]
fn raw_value_outside_the_encoding_cannot_carry_into_a_neighbouring_lane() {
    // With x = 2^39 + 54 the first lane would be 2^42 = one unit of the second: an answer (0, 1) instead of (2^42, 0).
    let x = EDGE + 54;
    let mut forged = amplified(0);
    set_word(&mut forged, 1, pack(&[x])[0]);
    set_word(&mut forged, 2, pack_outputs(&[0, 1], true, true)[0]);
    let lanes = lanes(&forged);
    let (raw, own) = lanes.split_at(lanes.len() - 5);
    let unpack = raw[0] - 1;
    assert_eq!(forged.rows[unpack].kind, RowKind::Dot { start: true });
    forged.values[unpack].a[0] = forged.words[1];
    for (row, y) in raw.iter().zip([x, 2 * x]).chain(own.iter().zip([64, 0, 1])) {
        set_lane(&mut forged, *row, y);
    }
    settle(&mut forged);
    assert_refused(&forged, "x = 2^39 + 54", &["φ0 + φ1 = 0"]);
}

#[test]
fn raw_values_at_both_edges_of_the_encoding_are_accepted() {
    for x in [-EDGE, EDGE - 1] {
        assert_eq!(failures(&amplified(x)), Vec::<String>::new(), "{x}");
    }
}
