//! Test support: small programs, the mock prover, pranks.
//!
//! A prank is an edit of an honest witness. Multiplicities and running sums are computed *after* the edit, so that a prank
//! fails for the reason that the test names and not because a sum was stale.

pub(crate) mod conformance;
pub(crate) mod random;

use std::sync::Arc;

use ff::Field;
use halo2_proofs::dev::{MockProver, VerifyFailure};
use halo2_proofs::halo2curves::bn256::Fr;
use halo2_proofs::halo2curves::ff;

use crate::gadgets::RowKind;
use crate::inference::layout::{Layout, SlotInput, SourceInput, SourceKind, Task};
use crate::inference::{InferenceCircuit, Shape};
use crate::quant::program::{
    Block, Divide, Function, Lane, Linear, MatMul, NO_WIRE, Program, Requant, Sqrt, Step, Table,
};

/// A program with every kind of step: 8 values from a committed source of 7 and a public one of 1.
///
/// Wires 9 and 11: `x0` and `x7` cut to `[0, 1000]`; 12..16: four requantisations of `3 x0 - 2^20 x7 + 5`; 18: `x1` cut to `[-2000, 2000]`;
/// 19: the function; 20, 21: flags that are constant 1; from 22 on [`live_steps`].
pub fn program() -> Program {
    let lane = |requant| Lane { bias: 5, weights: vec![3, -(1 << 20)], requant, ..Lane::default() };
    let quad = [Requant::Identity, Requant::Relu, Requant::Shift, Requant::ReluShift].map(lane).to_vec();
    let cut = |operand, weight, bias| {
        let lanes = vec![Lane { bias, weights: vec![weight], requant: Requant::Relu, ..Lane::default() }];
        Step::Linear(Linear { operands: vec![operand], lanes, ..Linear::default() })
    };
    let one = Lane { bias: 1, ..Lane::default() };
    let entries = (-3..5).map(|hi: i64| (hi * hi * 100 - 50, 7 - hi)).collect();
    // The first lanes need small operands: x0 and x7 are cut to [0, 1000] first.
    let mut steps = vec![cut(0, -1, 1000), cut(8, -1, 1000), cut(7, -1, 1000), cut(10, -1, 1000)];
    steps.push(Step::Linear(Linear { operands: vec![9, 11], lanes: quad, ..Linear::default() }));
    steps.push(cut(1, 1, 2000));
    steps.push(cut(16, -1, 4000));
    steps.push(Step::Linear(Linear {
        operands: vec![17],
        lanes: vec![Lane { bias: 2000, weights: vec![-1], ..Lane::default() }],
        ..Linear::default()
    }));
    steps.push(Step::Function(Function { table: 0, input: 18, requant: Requant::Identity }));
    steps.push(Step::Linear(Linear { lanes: vec![one.clone(), one], ..Linear::default() }));
    steps.extend(live_steps());
    Program {
        sources: vec![7, 1],
        tables: vec![Table { name: "square".into(), first: -3, entries }],
        steps,
        outputs: vec![12, 13, 14, 15, 19],
        in_domain: 20,
        unsaturated: 21,
    }
}

/// Signs, products, a quotient, a root, a block and a matrix product of the wires 9, 11 and 18 of [`program`].
///
/// Wires 22, 23: a sign and the same lane as it is; 24, 25: products of which the first two share a row; 26: a product alone; 27: `1..=1001`;
/// 28: the quotient; 29: the root; 30..44: the block; 44, 45: the matrix product.
fn live_steps() -> Vec<Step> {
    let lane = |bias, weights: &[i64], products: &[i64], requant| {
        let (weights, products) = (weights.to_vec(), products.to_vec());
        Lane { bias, weights, products, requant }
    };
    let sign = [Requant::Sign, Requant::Identity].map(|requant| lane(5, &[1, -1], &[], requant)).to_vec();
    let mixed = vec![
        lane(-11, &[7, -3], &[2, 2, -1], Requant::Identity),
        lane(0, &[1, 0], &[1 << 12, 1 << 12, 3], Requant::Shift),
    ];
    let single = vec![lane(0, &[], &[-1], Requant::Relu)];
    let weights = |n: i64| [n - 3, 2 - n, n * n];
    let wide = (0..7).map(|n| lane(n - 2, &weights(n), &[], [Requant::Identity, Requant::Sign][n as usize % 2]));
    vec![
        Step::Linear(Linear { operands: vec![18, 9], lanes: sign, ..Linear::default() }),
        Step::Linear(Linear { operands: vec![18, 9], products: vec![(9, 11), (18, 9), (18, 18)], lanes: mixed }),
        Step::Linear(Linear { operands: vec![], products: vec![(9, 18)], lanes: single }),
        Step::Linear(Linear {
            operands: vec![11],
            products: vec![],
            lanes: vec![lane(1, &[1], &[], Requant::Identity)],
        }),
        Step::Divide(Divide { numerator: 18, denominator: 27 }),
        Step::Sqrt(Sqrt { input: 9 }),
        Step::Block(Block { width: 3, operands: vec![9, NO_WIRE, 18, 11, 18, 27], lanes: wide.collect() }),
        Step::MatMul(MatMul {
            inner: 3,
            a: vec![9, 18, 11],
            b: vec![18, 9, 27, 11, 27, 9],
            bias: 1 << 19,
            requant: Requant::Shift,
        }),
    ]
}

/// [`program`] as a task of one slot.
pub fn task() -> Task {
    Task {
        program: Arc::new(program()),
        sources: vec![SourceKind::Committed { schema: Fr::from(77) }, SourceKind::Public],
        slots: 1,
        commit_outputs: false,
        shape: Shape::NARROW,
        salt: Fr::from(4711),
    }
}

/// Inputs for [`task`].
pub fn inputs(values: [i64; 8]) -> Vec<SlotInput> {
    let source = |values: &[i64]| SourceInput { values: values.to_vec(), salt: Fr::from(99) };
    vec![vec![source(&values[..7]), source(&values[7..])]]
}

/// An honest layout of [`task`].
pub fn layout(values: [i64; 8]) -> Layout {
    Layout::new(&task(), Fr::from(42), &inputs(values), None).unwrap()
}

/// Everything that the mock prover finds wrong, as text; empty if the witness satisfies the circuit.
pub fn failures(layout: &Layout) -> Vec<String> {
    failures_of(&InferenceCircuit::new(layout.clone()))
}

/// As [`failures`], of a circuit whose sums or multiplicities were edited too.
pub fn failures_of(circuit: &InferenceCircuit) -> Vec<String> {
    let prover = MockProver::run(circuit.layout().k, circuit, vec![circuit.words().to_vec()]).unwrap();
    match prover.verify() {
        Ok(()) => vec![],
        Err(failures) => failures.iter().map(describe).collect(),
    }
}

fn describe(failure: &VerifyFailure) -> String {
    match failure {
        VerifyFailure::ConstraintNotSatisfied { constraint, .. } => format!("{constraint}"),
        VerifyFailure::Permutation { .. } => "copy".into(),
        other => format!("{other:?}"),
    }
}

/// Asserts that a prank is refused by exactly the constraints whose names contain one of `by`.
///
/// # Panics
/// If the witness is satisfied, or if anything else fails.
pub fn assert_refused(layout: &Layout, attack: &str, by: &[&str]) {
    let found = failures(layout);
    for name in by {
        assert!(found.iter().any(|f| f.contains(name)), "{attack}: expected `{name}` to fail, found {found:#?}");
    }
    for failure in &found {
        assert!(by.iter().any(|name| failure.contains(name)), "{attack}: failed for another reason: {failure}");
    }
}

/// Index of the `n`-th row of a kind.
pub fn row(layout: &Layout, kind: RowKind, n: usize) -> usize {
    layout.rows.iter().enumerate().filter(|(_, row)| row.kind == kind).map(|(i, _)| i).nth(n).unwrap()
}

/// `2^n`
pub fn pow2(n: u64) -> Fr {
    Fr::from(2).pow_vartime([n])
}
