//! Matrix checks of the wide shape, with pranks.

use std::sync::Arc;

use ff::Field;
use halo2_proofs::halo2curves::bn256::Fr;
use halo2_proofs::halo2curves::ff;

use super::{set_lane, set_word, settle};
use crate::gadgets::{MatrixRow, RowKind};
use crate::inference::assembler::{Cell, Column, Part, Values};
use crate::inference::circuit::MatrixJump;
use crate::inference::layout::{Layout, SourceInput, SourceKind, Task};
use crate::inference::statement::signed;
use crate::inference::{InferenceCircuit, Shape};
use crate::quant::program::{Block, Lane, MatMul, NO_WIRE, OPERANDS, Program, Requant, Step};
use crate::testing::{assert_refused, failures, failures_of, pow2};

/// Sizes of a block, `vectors × width → lanes`, and of a product of an `m × inner` and an `inner × n` matrix.
#[derive(Clone, Copy, Debug)]
struct Sizes {
    block: [usize; 3],
    matmul: [usize; 3],
}

const SIZES: Sizes = Sizes { block: [8, 9, 18], matmul: [4, 2, 7] };

/// Eight inputs in `[-100, 100]` after clamps; a block and a matrix product of them.
fn program(sizes: Sizes) -> Program {
    use crate::quant::program::Linear;
    let cut = |operand, weight, bias| {
        let lane = Lane { bias, weights: vec![weight], requant: Requant::Relu, ..Lane::default() };
        Step::Linear(Linear { operands: vec![operand], lanes: vec![lane], ..Linear::default() })
    };
    let ([vectors, width, lanes], [m, inner, n]) = (sizes.block, sizes.matmul);
    let (product, flags) = ((24 + vectors * lanes) as u32, (24 + vectors * lanes + m * n) as u32);
    let mut steps = Vec::new();
    for input in 0..8 {
        steps.push(cut(input, 1, 100));
    }
    for input in 8..16 {
        steps.push(cut(input, -1, 200));
    }
    let lane = |n: i64| Lane {
        bias: n * 7 - 3,
        weights: (0..width as i64).map(|k| n - 4 + k * (2 - n % 3)).collect(),
        ..Lane::default()
    };
    let wire = |t: u32, k: u32| if (t + k).is_multiple_of(7) { NO_WIRE } else { 16 + (3 * t + k) % 8 };
    let operands = (0..vectors as u32).flat_map(|t| (0..width as u32).map(move |k| wire(t, k))).collect();
    steps.push(Step::Block(Block { width, operands, lanes: (0..lanes as i64).map(lane).collect() }));
    let a = (0..m * inner).map(|i| 16 + i as u32 % 8).collect();
    let b = (0..inner * n).map(|i| 16 + (3 * i as u32 + 1) % 8).collect();
    steps.push(Step::MatMul(MatMul { inner, a, b, bias: 5, requant: Requant::Identity }));
    let one = Lane { bias: 1, ..Lane::default() };
    steps.push(Step::Linear(Linear { lanes: vec![one.clone(), one], ..Linear::default() }));
    Program {
        sources: vec![8],
        tables: vec![],
        steps,
        outputs: vec![24, 31, product - 1, product, flags - 1],
        in_domain: flags,
        unsaturated: flags + 1,
    }
}

/// An honest layout of the wide shape, with a check of each kind.
pub(in crate::inference) fn layout(values: [i64; 8]) -> Layout {
    sized(SIZES, values)
}

fn sized(sizes: Sizes, values: [i64; 8]) -> Layout {
    let task = Task {
        program: Arc::new(program(sizes)),
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
/// The steps with checks.
const BLOCK: usize = 16;
const MATMUL: usize = 17;
/// Five vectors in three groups of lanes.
const BLOCK_SUMS: usize = 8 * 3;
/// Four rows in two groups of columns.
const MATMUL_SUMS: usize = 4 * 2;

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

/// First row of a step.
fn step(layout: &Layout, index: usize) -> usize {
    layout.parts.iter().find(|(_, part)| *part == Part::Step(index)).unwrap().0
}

/// Rows of the packed sums: the starting rows of the two steps with lanes behind them.
fn packed_sums(layout: &Layout) -> Vec<usize> {
    let sum =
        |row: &usize| layout.rows[*row].kind == RowKind::Dot { start: true } && layout.rows[row + 1].kind.is_lane();
    (step(layout, BLOCK)..step(layout, MATMUL + 1)).filter(sum).collect()
}

/// Makes a packed sum, its first lane and everything that follows from these say `change` more: all but the check is content.
fn forge(layout: &mut Layout, row: usize, change: i64) {
    let lane = row + 1;
    let y = lane_of(layout, lane);
    layout.values[row].a[0] += signed(change.into());
    set_lane(layout, lane, y + change);
    let outputs = layout.parts.iter().find(|(_, part)| *part == Part::Outputs).unwrap().0;
    let result = Cell { column: Column::Z, row: lane };
    let shown: Vec<Cell> =
        layout.copies.iter().filter(|(from, to)| *from == result && to.row >= outputs).map(|(_, to)| *to).collect();
    for operand in shown {
        let start = (0..=operand.row).rev().find(|row| layout.rows[*row].kind == RowKind::Dot { start: true }).unwrap();
        let first = Cell { column: Column::A0, row: start };
        let word = layout.copies.iter().find(|(_, to)| *to == first).unwrap().0.row;
        let operands = [Column::A0, Column::A1, Column::A2, Column::Z];
        let slot = operands.iter().position(|c| *c == operand.column).unwrap();
        let said = layout.words[word] + signed(change.into()) * layout.rows[operand.row].f[slot];
        set_word(layout, word, said);
    }
    settle(layout);
}

/// What fails when the sums of a check jump on their way to a row by whatever makes it end at 0.
fn failures_after_a_jump(layout: &Layout, row: usize, by: MatrixJump) -> Vec<String> {
    let mut circuit = InferenceCircuit::new(layout.clone());
    circuit.let_matrix_sums_jump(row, by);
    failures_of(&circuit)
}

fn assert_only(found: &[String], name: &str, attack: &str) {
    assert!(!found.is_empty(), "{attack} is accepted");
    assert!(found.iter().all(|failure| failure.contains(name)), "{attack}: {found:#?}");
}

#[test]
fn every_forged_packed_sum_is_refused_by_the_check() {
    let honest = layout(INPUTS);
    assert_eq!(packed_sums(&honest).len(), BLOCK_SUMS + MATMUL_SUMS);
    for row in packed_sums(&honest) {
        // The forger adds 1 to the first lane, in the packed sum, in the lane and in the answer.
        let mut forged = honest.clone();
        forge(&mut forged, row, 1);
        assert_refused(&forged, &format!("packed sum of row {row}"), &["edge: s = 0"]);
    }
}

#[test]
fn checks_of_all_sizes_accept_the_answer_and_no_other() {
    // Fewer and more vectors than groups, a single one of each, with and without padding, last groups of one, three, four and six lanes.
    let sizes = [
        Sizes { block: [2, 28, 48], matmul: [1, 9, 25] },
        Sizes { block: [4, 14, 25], matmul: [6, 4, 6] },
        Sizes { block: [8, 12, 9], matmul: [7, 3, 10] },
        Sizes { block: [3, 36, 16], matmul: [3, 5, 9] },
        Sizes { block: [10, 9, 19], matmul: [2, 6, 13] },
    ];
    for sizes in sizes {
        let honest = sized(sizes, INPUTS);
        assert_eq!(rows(&honest, MatrixRow::Edge).len(), 5, "{sizes:?}: both steps are checked");
        assert_eq!(failures(&honest), Vec::<String>::new(), "{sizes:?}");
        let sums = packed_sums(&honest);
        let ([vectors, _, lanes], [m, _, n]) = (sizes.block, sizes.matmul);
        let of_block = vectors * lanes.div_ceil(6);
        assert_eq!(sums.len(), of_block + m * n.div_ceil(6), "{sizes:?}");
        for at in [0, of_block - 1, of_block, sums.len() - 1] {
            let mut forged = honest.clone();
            forge(&mut forged, sums[at], 1);
            assert_refused(&forged, &format!("{sizes:?}, sum {at}"), &["edge: s = 0"]);
        }
    }
}

#[test]
fn answer_for_other_operands_is_refused_by_the_copies_alone() {
    // From the block on, everything is computed from other inputs than those shown: only the copies of the operands can tell.
    let (mut forged, other) = (layout(INPUTS), layout([7, 6, -5, -40, 3, 2, -1, 12]));
    let block = step(&forged, BLOCK);
    forged.values[block..].clone_from_slice(&other.values[block..]);
    let first_output = 3;
    for word in first_output..forged.words.len() {
        set_word(&mut forged, word, other.words[word]);
    }
    assert_ne!(forged.words, layout(INPUTS).words);
    assert_refused(&forged, "operands of other inputs", &["copy"]);
}

#[test]
fn check_of_other_sums_than_those_unpacked_is_refused_by_the_copy_alone() {
    // The lanes say 1 more, the check reads the true sum.
    let honest = layout(INPUTS);
    for row in [packed_sums(&honest)[0], packed_sums(&honest)[BLOCK_SUMS]] {
        let mut forged = honest.clone();
        forge(&mut forged, row, 1);
        for at in 0..forged.rows.len() {
            if matches!(forged.rows[at].kind, RowKind::Matrix(_)) {
                (forged.values[at].a, forged.values[at].z) = (honest.values[at].a, honest.values[at].z);
            }
        }
        assert_refused(&forged, &format!("packed sum of row {row}"), &["copy"]);
    }
}

#[test]
fn two_false_checks_cannot_cancel() {
    // The last sums of both checks have the factors τ^0 ν^0: 1 more in one and 1 less in the other is 0 for any challenges, if the checks were one.
    let mut forged = layout(INPUTS);
    let sums = packed_sums(&forged);
    forge(&mut forged, sums[sums.len() - 1], -1);
    // The block's sums lie vector by vector.
    forge(&mut forged, sums[BLOCK_SUMS - 1], 1);
    let edges = rows(&forged, MatrixRow::Edge);
    assert_eq!(edges.len(), 5, "two checks and the last edge");
    let edge_fails = |found: &[String]| {
        assert_only(found, "edge: s = 0", "a false check made up for in another");
        found.len()
    };
    // Both are false, each at its own end.
    assert_eq!(edge_fails(&failures(&forged)), 2);
    // The second one starts with what the first one left: then it ends at 0, but neither do the first one's end nor its own start allow that.
    let carried = failures_after_a_jump(&forged, edges[2], |d| [Fr::ZERO, Fr::ZERO, d]);
    assert_eq!(edge_fails(&carried), 2);
    // Nor can the first one start with it.
    let before = failures_after_a_jump(&forged, edges[0], |d| [Fr::ZERO, Fr::ZERO, d]);
    assert_eq!(edge_fails(&before), 2);
}

#[test]
fn cells_of_a_check_that_are_no_operands_are_free() {
    // Nothing reads them, so they say nothing. (The accumulator of an edge may belong to the sum before it.)
    let honest = layout(INPUTS);
    let operands = [MatrixRow::Vectors, MatrixRow::Outputs { next: true }, MatrixRow::Outputs { next: false }];
    for kind in operands.into_iter().chain([MatrixRow::Multiply, MatrixRow::Edge]) {
        let mut other = honest.clone();
        for row in rows(&honest, kind) {
            let values = &mut other.values[row];
            values.a[3] += Fr::ONE;
            values.b += Fr::ONE;
            if kind != MatrixRow::Edge {
                values.acc += Fr::ONE;
            }
            if !operands.contains(&kind) {
                values.z += Fr::ONE;
                values.a[..3].iter_mut().for_each(|a| *a += Fr::ONE);
            }
        }
        assert_eq!(failures(&other), Vec::<String>::new(), "{kind:?}");
    }
}

#[test]
fn sums_that_jump_on_their_way_are_refused_by_the_constraint_of_the_sum() {
    let mut forged = layout(INPUTS);
    let sums = packed_sums(&forged);
    // Each jump, of one sum behind a row of one kind, makes up for this false packed sum. The matrix product's check has rows of all kinds.
    forge(&mut forged, sums[BLOCK_SUMS], 1);
    let first = step(&forged, MATMUL);
    let jumps: [(&str, MatrixJump); 3] = [
        ("'u'", |d| [d, Fr::ZERO, Fr::ZERO]),
        ("'v'", |d| [Fr::ZERO, d, Fr::ZERO]),
        ("'s'", |d| [Fr::ZERO, Fr::ZERO, d]),
    ];
    let behind = [
        MatrixRow::Edge,
        MatrixRow::Vectors,
        MatrixRow::Outputs { next: true },
        MatrixRow::Outputs { next: false },
        MatrixRow::Multiply,
    ];
    for kind in behind {
        // The check's first row stands behind its first edge.
        let (before, after) = if kind == MatrixRow::Edge { (MatrixRow::Vectors, 0) } else { (kind, 1) };
        let row = rows(&forged, before).into_iter().find(|row| *row > first).unwrap() + after;
        for (name, by) in jumps {
            let found = failures_after_a_jump(&forged, row, by);
            assert_only(&found, name, &format!("a jump of {name} behind {kind:?}"));
            assert_eq!(found.len(), 1, "{found:?}");
        }
    }
}

#[test]
fn operand_that_is_not_the_wire_is_refused_by_the_copy() {
    let honest = layout(INPUTS);
    for row in rows(&honest, MatrixRow::Vectors).into_iter().chain(rows(&honest, MatrixRow::Outputs { next: true })) {
        for at in 0..OPERANDS {
            let mut forged = honest.clone();
            let Values { a, z, .. } = &mut forged.values[row];
            *a[..OPERANDS - 1].get_mut(at).unwrap_or(z) += pow2(3);
            assert!(failures(&forged).iter().any(|f| f == "copy"), "operand {at} of row {row}");
        }
    }
}

#[test]
fn sums_that_do_not_start_at_zero_are_refused() {
    let honest = layout(INPUTS);
    let edge = rows(&honest, MatrixRow::Edge)[0];
    let mut forged = honest.clone();
    let sum = packed_sums(&forged)[0];
    forge(&mut forged, sum, 1);
    let missing: MatrixJump = |d| [Fr::ZERO, Fr::ZERO, d];
    assert_only(
        &failures_after_a_jump(&forged, edge, missing),
        "edge: s = 0",
        "a sum that starts with what is missing",
    );
    // An edge adds u v to s like every multiply row.
    let factors: MatrixJump = |d| [d, Fr::ONE, Fr::ZERO];
    let found = failures_after_a_jump(&forged, edge, factors);
    for name in ["edge: u = 0", "edge: v = 0"] {
        assert_eq!(found.iter().filter(|failure| failure.contains(name)).count(), 1, "{found:?}");
    }
    assert_eq!(found.len(), 2, "{found:?}");
    // One of them alone gives nothing, and is refused all the same.
    let alone: [(&str, MatrixJump); 2] =
        [("edge: u = 0", |_| [Fr::ONE, Fr::ZERO, Fr::ZERO]), ("edge: v = 0", |_| [Fr::ZERO, Fr::ONE, Fr::ZERO])];
    for (name, by) in alone {
        assert_only(&failures_after_a_jump(&honest, edge, by), name, "a first factor");
    }
}
