//! The row formulas of `docs/gadgets/README.md`.

use halo2_proofs::halo2curves::bn256::Fr;

use crate::gadgets::RowKind;
use crate::inference::layout::{Layout, SourceKind, Task};
use crate::inference::statement::OUTPUTS_PER_WORD;
use crate::quant::program::{LANES, Linear, NO_WIRE, OPERANDS, Program, Step, Wire};
use crate::testing::{inputs, task};

fn source(kind: SourceKind, values: usize) -> usize {
    let chunk = |c: usize| (1 + c) + (c.div_ceil(OPERANDS) + c);
    let full = values / LANES;
    let rest = values % LANES;
    let sponge = match kind {
        SourceKind::Committed { .. } => (3 + values.div_ceil(LANES)).div_ceil(2) * 69,
        SourceKind::Public => 0,
    };
    full * chunk(LANES) + if rest > 0 { chunk(rest) } else { 0 } + sponge
}

fn step(step: &Step) -> usize {
    match step {
        Step::Linear(linear) => linear_rows(linear) + linear.lanes.len(),
        Step::Function(_) => 2,
        // The quotient or root as a lane, two rows or one for the products, two assertions.
        Step::Divide(_) => 6,
        Step::Sqrt(_) => 5,
        Step::Block(block) => {
            let group = |vector: &[Wire]| {
                let live = vector.iter().filter(|wire| **wire != NO_WIRE).count();
                let rows = |lanes: usize| (live + 1).div_ceil(OPERANDS) + lanes;
                block.lanes.chunks(LANES).map(|lanes| rows(lanes.len())).sum::<usize>()
            };
            block.operands.chunks(block.width).map(group).sum()
        }
        Step::MatMul(product) => {
            // A bias sits beside the product that an odd number leaves alone.
            let bias = usize::from(product.bias != 0 && product.inner.is_multiple_of(2));
            let (m, n) = product.size();
            m * n * (product.inner.div_ceil(2) + bias + 1)
        }
    }
}

fn linear_rows(linear: &Linear) -> usize {
    let bias = linear.lanes.iter().any(|lane| lane.bias != 0).then_some(NO_WIRE);
    let mut terms: Vec<Wire> = linear.operands.iter().copied().chain(bias).collect();
    let weights = |i: usize| linear.lanes.iter().map(|lane| lane.products[i]).collect::<Vec<_>>();
    let (mut rows, mut i) = (0, 0);
    while i < linear.products.len() {
        rows += 1;
        if i + 1 < linear.products.len() && weights(i) == weights(i + 1) {
            i += 2;
            continue;
        }
        let (a, b) = linear.products[i];
        terms.retain(|wire| ![a, b].contains(wire));
        terms.pop();
        i += 1;
    }
    (rows + terms.len().div_ceil(OPERANDS)).max(1)
}

fn outputs(program: &Program) -> usize {
    let words = program.outputs.chunks(OUTPUTS_PER_WORD).enumerate();
    words.map(|(i, chunk)| (chunk.len() + if i == 0 { 4 } else { 2 }).div_ceil(OPERANDS)).sum()
}

fn expected(task: &Task) -> usize {
    let sources: usize = task.sources.iter().zip(&task.program.sources).map(|(kind, len)| source(*kind, *len)).sum();
    let slot = sources + task.program.steps.iter().map(step).sum::<usize>() + outputs(&task.program);
    // The statement, the row that closes the last sum, the last usable row.
    task.shape.words.max(5 + 2 * task.sources.len()) + task.slots * slot + 2
}

#[test]
fn rows_are_those_of_the_formulas() {
    let values = [700, 5, 3, 4, 5, 6, 7, 650];
    for slots in [1, 2] {
        let task = Task { slots, ..task() };
        let given: Vec<_> = (0..slots).flat_map(|_| inputs(values)).collect();
        let layout = Layout::new(&task, Fr::from(42), &given, None).unwrap();
        let output = |row: usize| row > 0 && matches!(layout.rows[row - 1].kind, RowKind::Poseidon { .. });
        let used = (0..layout.rows.len()).filter(|row| layout.rows[*row].kind != RowKind::Idle || output(*row)).count();
        assert_eq!(used, expected(&task), "{slots} slots");
    }
}
