//! The row formulas of `docs/gadgets/README.md`.

use halo2_proofs::halo2curves::bn256::Fr;

use crate::gadgets::RowKind;
use crate::inference::layout::{Layout, SourceKind, Task};
use crate::inference::statement::OUTPUTS_PER_WORD;
use crate::quant::program::{LANES, Program, Step};
use crate::testing::{inputs, task};

fn source(kind: SourceKind, values: usize) -> usize {
    let chunk = |c: usize| (1 + c) + (c.div_ceil(3) + c);
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
        Step::Linear(linear) => {
            let bias = usize::from(linear.lanes.iter().any(|lane| lane.bias != 0));
            (linear.operands.len() + bias).div_ceil(3).max(1) + linear.lanes.len()
        }
        Step::Function(_) => 2,
        other => unreachable!("no {other:?} in the fixture"),
    }
}

fn outputs(program: &Program) -> usize {
    let words = program.outputs.chunks(OUTPUTS_PER_WORD).enumerate();
    words.map(|(i, chunk)| (chunk.len() + if i == 0 { 4 } else { 2 }).div_ceil(3)).sum()
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
