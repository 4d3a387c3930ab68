//! Matrix checks of the wide shape, with pranks.

use std::collections::BTreeSet;
use std::sync::Arc;

use ff::Field;
use halo2_proofs::halo2curves::bn256::Fr;
use halo2_proofs::halo2curves::ff;

use super::{cell, set_lane};
use crate::gadgets::{MatrixRow, RowKind};
use crate::inference::Shape;
use crate::inference::assembler::{Cell, Column};
use crate::inference::layout::{Layout, SourceInput, SourceKind, Task};
use crate::quant::program::{Block, Lane, MatMul, NO_WIRE, Program, Requant, Step};
use crate::testing::{failures, pow2};

/// Eight inputs in `[-100, 100]` after clamps; a block of 5 vectors × 9 operands → 18 lanes; a product of a 4 × 2 and a 2 × 7 matrix.
fn program() -> Program {
    use crate::quant::program::Linear;
    let cut = |operand, weight, bias| {
        let lane = Lane { bias, weights: vec![weight], requant: Requant::Relu, ..Lane::default() };
        Step::Linear(Linear { operands: vec![operand], lanes: vec![lane], ..Linear::default() })
    };
    let mut steps = Vec::new();
    for input in 0..8 {
        steps.push(cut(input, 1, 100));
    }
    for input in 8..16 {
        steps.push(cut(input, -1, 200));
    }
    let lane = |n: i64| Lane {
        bias: n * 7 - 3,
        weights: (0..9).map(|k| n - 4 + k * (2 - n % 3)).collect(),
        ..Lane::default()
    };
    let wire = |t: u32, k: u32| if (t + k).is_multiple_of(7) { NO_WIRE } else { 16 + (3 * t + k) % 8 };
    let operands = (0..5).flat_map(|t| (0..9).map(move |k| wire(t, k))).collect();
    steps.push(Step::Block(Block { width: 9, operands, lanes: (0..18).map(lane).collect() }));
    let b = vec![16, 17, 18, 19, 20, 21, 22, 23, 23, 22, 21, 16, 17, 16];
    steps.push(Step::MatMul(MatMul { inner: 2, a: (16..24).collect(), b, bias: 5, requant: Requant::Identity }));
    let one = Lane { bias: 1, ..Lane::default() };
    steps.push(Step::Linear(Linear { lanes: vec![one.clone(), one], ..Linear::default() }));
    Program {
        sources: vec![8],
        tables: vec![],
        steps,
        outputs: vec![24, 31, 113, 114, 141],
        in_domain: 142,
        unsaturated: 143,
    }
}

fn layout(values: [i64; 8]) -> Layout {
    let task = Task {
        program: Arc::new(program()),
        sources: vec![SourceKind::Public],
        slots: 1,
        commit_outputs: false,
        shape: Shape::WIDE,
        salt: Fr::from(3),
    };
    let input = vec![vec![SourceInput { values: values.to_vec(), salt: Fr::ZERO }]];
    Layout::new(&task, Fr::from(42), &input, Some(11)).unwrap()
}

const INPUTS: [i64; 8] = [1, -2, 3, -4, 50, -60, 99, 1000];

fn rows(layout: &Layout, kind: MatrixRow) -> Vec<usize> {
    (0..layout.rows.len()).filter(|row| layout.rows[*row].kind == RowKind::Matrix(kind)).collect()
}

/// The number that a lane's limbs and sign say.
fn lane_of(layout: &Layout, row: usize) -> i64 {
    let values = &layout.values[row];
    let limb = |i: usize| (0..1024).find(|v| Fr::from(*v as u64) == values.a[i]).unwrap();
    let sum: i64 = (0..4).map(|i| limb(i) << (10 * i)).sum();
    if values.b == Fr::ONE { sum } else { -sum - 1 }
}

#[test]
fn honest_checks_are_accepted_for_any_values() {
    for values in [INPUTS, [0; 8], [-(1 << 39); 8], [(1 << 39) - 1; 8]] {
        let honest = layout(values);
        assert_eq!(failures(&honest), Vec::<String>::new());
        assert!(!rows(&honest, MatrixRow::Outputs { next: true }).is_empty());
    }
}

#[test]
fn every_forged_packed_sum_is_refused_by_the_check() {
    let honest = layout(INPUTS);
    // Packed sums are the cells of starting rows that a check reads.
    let read = |(from, to): &(Cell, Cell)| {
        let start = honest.rows[from.row].kind == RowKind::Dot { start: true };
        (start && matches!(honest.rows[to.row].kind, RowKind::Matrix(_))).then_some(from.row)
    };
    let sums: BTreeSet<usize> = honest.copies.iter().filter_map(read).collect();
    assert_eq!(sums.len(), 5 * 3 + 4 * 2);
    for row in sums {
        // The forger adds 1 to the first lane, in the packed sum and in the lane: everything but the check is content.
        let mut forged = honest.clone();
        let lane = row + 1;
        let y = lane_of(&forged, lane);
        forged.values[row].a[0] += Fr::ONE;
        set_lane(&mut forged, lane, y + 1);
        forged.values[lane].acc += Fr::ONE;
        let source = Cell { column: Column::A0, row };
        for (_, to) in honest.copies.iter().filter(|(from, _)| *from == source) {
            *cell(&mut forged, *to) += Fr::ONE;
        }
        let found = failures(&forged);
        assert!(found.iter().any(|f| f.contains("edge: s = 0")), "row {row}: {found:?}");
    }
}

#[test]
fn operand_that_is_not_the_wire_is_refused_by_the_copy() {
    let honest = layout(INPUTS);
    for row in rows(&honest, MatrixRow::Vectors).into_iter().chain(rows(&honest, MatrixRow::Outputs { next: true })) {
        for at in 0..3 {
            let mut forged = honest.clone();
            forged.values[row].a[at] += pow2(3);
            assert!(failures(&forged).iter().any(|f| f == "copy"), "operand {at} of row {row}");
        }
    }
}

#[test]
fn sums_that_do_not_start_at_zero_are_refused() {
    let mut circuit = crate::inference::InferenceCircuit::new(layout(INPUTS));
    for sum in 0..3 {
        circuit.start_matrix_sums_with_a_gift(sum);
        let prover =
            halo2_proofs::dev::MockProver::run(circuit.layout().k, &circuit, vec![circuit.words().to_vec()]).unwrap();
        let found = format!("{:?}", prover.verify().unwrap_err());
        assert!(found.contains("edge"), "sum {sum}");
    }
}
