//! Edits of honest witnesses that must never pass: one cell at random, every output, slots exchanged.

use std::collections::HashSet;

use halo2_proofs::halo2curves::bn256::Fr;
use proptest::prelude::*;

use super::{cell, cut, set_lane, set_word, settle, settle_sponges};
use crate::gadgets::RowKind;
use crate::inference::assembler::{Cell, Column};
use crate::inference::error::Error;
use crate::inference::layout::{Layout, SlotInput, Task};
use crate::inference::statement::{IN_DOMAIN_BIT, OUTPUT_BITS, OUTPUTS_PER_WORD, UNSATURATED_BIT, pow2, signed};
use crate::quant::program::Requant;
use crate::testing::{assert_refused, failures, inputs, layout, program, task};

const INPUTS: [i64; 8] = [700, -1500, 3, (1 << 39) - 1, -(1 << 39), 1, 2, 650];
/// The fixture's first output word: after context, commitment and one public word.
const FIRST_OUTPUT: usize = 3;

/// One witness cell of a row: `a0..a3`, `acc`, `b`, `z`.
const CELLS: [&str; 7] = ["a0", "a1", "a2", "a3", "acc", "b", "z"];

fn witness(layout: &mut Layout, row: usize, cell: usize) -> &mut Fr {
    let values = &mut layout.values[row];
    match cell {
        0..=3 => &mut values.a[cell],
        4 => &mut values.acc,
        5 => &mut values.b,
        _ => &mut values.z,
    }
}

/// Why a cell of a row may hold anything; `None` where it may not.
fn free(layout: &Layout, copied: &HashSet<Cell>, row: usize, cell: usize) -> Option<&'static str> {
    match (layout.rows[row].kind, CELLS[cell]) {
        (RowKind::Idle, _) => {
            Some("no gate reads an idle row, save for the state that Poseidon's last round leaves there")
        }
        (RowKind::Statement, "a0" | "a1") => None,
        (RowKind::Statement, _) => Some("a statement row has two cells"),
        (RowKind::Dot { .. }, "acc") => None,
        (RowKind::Dot { .. }, "a0" | "a1" | "a2" | "z") if layout.rows[row].w != Fr::zero() => None,
        (RowKind::Dot { .. }, name @ ("a0" | "a1" | "a2" | "z")) => {
            let (column, slot) = match name {
                "a0" => (Column::A0, 0),
                "a1" => (Column::A1, 1),
                "a2" => (Column::A2, 2),
                _ => (Column::Z, 3),
            };
            let unused = layout.rows[row].f[slot] == Fr::zero() && !copied.contains(&Cell { column, row });
            unused.then_some("an operand of weight 0 that nothing is copied to")
        }
        (RowKind::Dot { .. }, _) => Some("a dot row has four operands and the accumulator"),
        (RowKind::Function, "b") => Some("a function row has no bit"),
        (RowKind::Poseidon { .. }, "acc") => Some("a Poseidon row has no accumulator"),
        (RowKind::Matrix(_), _) => unreachable!("the narrow shape has no matrix rows"),
        (RowKind::Function | RowKind::Requant(_) | RowKind::Assert | RowKind::Poseidon { .. }, _) => None,
    }
}

fn copied(layout: &Layout) -> HashSet<Cell> {
    layout.copies.iter().flat_map(|(from, to)| [*from, *to]).collect()
}

const KINDS: [RowKind; 12] = [
    RowKind::Statement,
    RowKind::Dot { start: true },
    RowKind::Dot { start: false },
    RowKind::Function,
    RowKind::Requant(Requant::Identity),
    RowKind::Requant(Requant::Relu),
    RowKind::Requant(Requant::Shift),
    RowKind::Requant(Requant::ReluShift),
    RowKind::Requant(Requant::Sign),
    RowKind::Assert,
    RowKind::Poseidon { partial: false },
    RowKind::Poseidon { partial: true },
];

fn delta() -> impl Strategy<Value = Fr> {
    let word =
        any::<[u64; 4]>().prop_map(|w| w.into_iter().fold(Fr::zero(), |sum, limb| sum * pow2(64) + Fr::from(limb)));
    let power = (0_u32..254).prop_map(pow2);
    let size = prop_oneof![Just(Fr::one()), power, word];
    (size, any::<bool>())
        .prop_map(|(d, minus)| if minus { -d } else { d })
        .prop_filter("a change", |d| *d != Fr::zero())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 80, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn changed_cell_is_refused(
        kind in prop::sample::select(&KINDS[..]),
        row in any::<prop::sample::Index>(),
        at in any::<prop::sample::Index>(),
        delta in delta(),
    ) {
        let mut forged = layout(INPUTS);
        let copied = copied(&forged);
        let bound: Vec<(usize, usize)> = (0..forged.rows.len())
            .filter(|row| forged.rows[*row].kind == kind)
            .map(|row| (row, (0..CELLS.len()).filter(|cell| free(&forged, &copied, row, *cell).is_none()).collect::<Vec<_>>()))
            .flat_map(|(row, cells)| cells.into_iter().map(move |cell| (row, cell)))
            .collect();
        let rows: Vec<usize> = bound.iter().map(|(row, _)| *row).collect::<HashSet<_>>().into_iter().collect();
        let row = *row.get(&rows);
        let cells: Vec<usize> = bound.iter().filter(|(found, _)| *found == row).map(|(_, cell)| *cell).collect();
        let chosen = *at.get(&cells);
        *witness(&mut forged, row, chosen) += delta;
        prop_assert!(!failures(&forged).is_empty(), "{} of row {row} ({kind:?}) changed by {delta:?}", CELLS[chosen]);
    }

    #[test]
    fn free_cell_is_free(row in any::<prop::sample::Index>(), at in 0_usize..7, delta in delta()) {
        // The list of free cells is exact: a cell that it names is bound by nothing, so it says nothing either.
        let mut other = layout(INPUTS);
        let copied = copied(&other);
        let states: HashSet<usize> = (1..other.rows.len())
            .filter(|row| matches!(other.rows[row - 1].kind, RowKind::Poseidon { .. }))
            .collect();
        let rows: Vec<usize> = (0..other.rows.len())
            .filter(|row| free(&other, &copied, *row, at).is_some())
            .filter(|row| !(other.rows[*row].kind == RowKind::Idle && states.contains(row)))
            .collect();
        prop_assume!(!rows.is_empty());
        // An accumulator may be bound by the row before it.
        let row = *row.get(&rows);
        let carried = row > 0 && matches!(other.rows[row - 1].kind, RowKind::Dot { .. } | RowKind::Requant(_) | RowKind::Assert);
        prop_assume!(!(CELLS[at] == "acc" && carried));
        *witness(&mut other, row, at) += delta;
        prop_assert_eq!(failures(&other), Vec::<String>::new(), "{} of row {}", CELLS[at], row);
    }

    #[test]
    fn state_that_a_permutation_leaves_on_an_idle_row_is_bound(n in 0_usize..3, at in 0_usize..3, delta in delta()) {
        let mut forged = layout(INPUTS);
        let outputs: Vec<usize> = (1..forged.rows.len())
            .filter(|row| forged.rows[*row].kind == RowKind::Idle && matches!(forged.rows[row - 1].kind, RowKind::Poseidon { .. }))
            .collect();
        prop_assert_eq!(outputs.len(), 3);
        forged.values[outputs[n]].a[at] += delta;
        prop_assert!(!failures(&forged).is_empty());
    }

    #[test]
    fn every_forged_output_is_refused_however_far_the_forgery_goes(
        output in 0_usize..7,
        wanted in -(1_i64 << 40)..1 << 40,
        depth in 0_usize..5,
    ) {
        let mut forged = layout(INPUTS);
        let run = program().evaluate(&INPUTS).unwrap();
        // Five values and two flags.
        let (word, bit, honest, wanted) = match output {
            0..=4 => (output / OUTPUTS_PER_WORD, OUTPUT_BITS * (output % OUTPUTS_PER_WORD) as u32, run.outputs[output], wanted),
            5 => (0, IN_DOMAIN_BIT, i64::from(run.in_domain), i64::from(!run.in_domain)),
            _ => (0, UNSATURATED_BIT, i64::from(run.unsaturated), i64::from(!run.unsaturated)),
        };
        prop_assume!(honest != wanted);
        let change = signed(i128::from(wanted) - i128::from(honest));
        let at = FIRST_OUTPUT + word;
        let shown = forged.words[at] + change * pow2(bit);
        let word_cell = Cell { column: Column::A0, row: at };
        let sum = |cell: &Cell| matches!(forged.rows[cell.row].kind, RowKind::Dot { start: true });
        let operand = forged.copies.iter().find(|(from, to)| *from == word_cell && sum(to)).unwrap().1;
        // The operand that carries the output: the same weight in the rows of this sum.
        let columns = [Column::A0, Column::A1, Column::A2, Column::Z];
        let carrier = (operand.row..operand.row + 2)
            .flat_map(|row| columns.iter().zip(0..).map(move |(column, slot)| (slot, Cell { column: *column, row })))
            .skip(1)
            .find(|(slot, cell)| forged.rows[cell.row].f[*slot] == pow2(bit))
            .unwrap()
            .1;
        let wire = forged.copies.iter().find(|(_, to)| *to == carrier).unwrap().0;
        let (attack, by): (&str, &[&str]) = match depth {
            0 => {
                forged.words[at] = shown;
                ("another word", &["a0 = word"])
            }
            1 => {
                set_word(&mut forged, at, shown);
                ("and its cell", &["copy"])
            }
            2 => {
                set_word(&mut forged, at, shown);
                settle(&mut forged);
                ("and the sum's first operand", &["start: acc = 0"])
            }
            3 => {
                set_word(&mut forged, at, shown);
                *cell(&mut forged, carrier) += change;
                let kept = cut(&mut forged, &[carrier]);
                settle(&mut forged);
                forged.copies = kept;
                ("and the operand that carries the output", &["copy"])
            }
            _ => {
                set_word(&mut forged, at, shown);
                *cell(&mut forged, wire) += change;
                settle(&mut forged);
                ("and the lane's result", &["z = shifted y"])
            }
        };
        let found = failures(&forged);
        prop_assert!(found.iter().any(|f| by.iter().any(|name| f.contains(name))), "{attack}: {found:?}");
        prop_assert!(found.iter().all(|f| by.iter().any(|name| f.contains(name))), "{attack}: {found:?}");
    }
}

#[test]
fn permutation_that_starts_from_another_state_is_refused_by_the_copy_alone() {
    let honest = layout(INPUTS);
    let starts: Vec<usize> = (1..honest.rows.len())
        .filter(|row| {
            let poseidon = |row: usize| matches!(honest.rows[row].kind, RowKind::Poseidon { .. });
            poseidon(*row) && !poseidon(row - 1)
        })
        .collect();
    assert_eq!(starts.len(), 3);
    // The capacity is lane 0; the lanes 1 and 2 hold what was absorbed.
    for (start, column) in starts.into_iter().flat_map(|row| [Column::A0, Column::A1, Column::A2].map(|c| (row, c))) {
        let mut forged = honest.clone();
        let at = Cell { column, row: start };
        *cell(&mut forged, at) += Fr::one();
        let kept = cut(&mut forged, &[at]);
        settle_sponges(&mut forged);
        settle(&mut forged);
        assert_eq!(failures(&forged), Vec::<String>::new(), "without its copy, {at:?} is free");
        forged.copies = kept;
        assert_ne!(forged.words[1], honest.words[1]);
        assert_refused(&forged, &format!("another state at {at:?}"), &["copy"]);
    }
}

fn two_slots() -> (Task, Vec<SlotInput>) {
    let task = Task { slots: 2, ..task() };
    let slots = [inputs(INPUTS), inputs([7, 7, 7, 7, 7, 7, 7, 7])].concat();
    (task, slots)
}

#[test]
fn slots_of_a_batch_cannot_trade_places() {
    let (task, slots) = two_slots();
    let honest = Layout::new(&task, Fr::from(42), &slots, None).unwrap();
    assert_eq!(failures(&honest), Vec::<String>::new());
    // Four words a slot: commitment, public word, two output words.
    for (first, second, what) in
        [(1, 5, "commitments"), (2, 6, "public words"), (3, 7, "answers"), (4, 8, "second words")]
    {
        let mut forged = honest.clone();
        let [a, b] = [first, second].map(|word| honest.words[word]);
        assert_ne!(a, b, "{what}");
        set_word(&mut forged, first, b);
        set_word(&mut forged, second, a);
        assert_refused(&forged, what, &["copy"]);
    }
}

#[test]
fn every_sum_of_a_batch_is_closed_by_a_row_that_starts_another() {
    let (task, slots) = two_slots();
    let layout = Layout::new(&task, Fr::from(42), &slots, None).unwrap();
    let in_sum = |kind: RowKind| kind.is_lane() || matches!(kind, RowKind::Dot { .. } | RowKind::Function);
    for (row, pair) in layout.rows.windows(2).enumerate() {
        let empty =
            pair[0].kind == RowKind::Dot { start: true } && pair[0].f == [Fr::zero(); 4] && pair[0].w == Fr::zero();
        if in_sum(pair[0].kind) && !in_sum(pair[1].kind) {
            assert!(empty, "row {row}: a sum is followed by {:?}", pair[1].kind);
        }
        if pair[1].kind.is_lane() || pair[1].kind == (RowKind::Dot { start: false }) {
            assert!(in_sum(pair[0].kind), "row {row}: nothing carries into {:?}", pair[1].kind);
        }
    }
}

#[test]
fn task_that_would_state_nothing_is_refused() {
    let empty = Task { slots: 0, ..task() };
    assert!(matches!(empty.check(), Err(Error::Input { got: 0, .. })), "{:?}", empty.check());
    let mut silent = program();
    silent.outputs.clear();
    let silent = Task { program: std::sync::Arc::new(silent), ..task() };
    assert!(matches!(silent.check(), Err(Error::Input { got: 0, .. })), "{:?}", silent.check());
}

#[test]
fn table_at_the_end_of_the_integers_is_no_panic() {
    for first in [i64::MAX - 3, i64::MIN] {
        let mut far = program();
        let table = crate::quant::program::Table { name: "far".into(), first, entries: vec![(1, 2); 8] };
        far.tables.push(table);
        let task = Task { program: std::sync::Arc::new(far), ..task() };
        let layout = Layout::new(&task, Fr::from(42), &inputs(INPUTS), None).unwrap();
        assert_eq!(failures(&layout), Vec::<String>::new());
    }
}

#[test]
fn function_of_another_argument_is_refused() {
    // The entry of x1 read at its neighbour, the answer shown; both reads are in their tables and every sum agrees.
    let mut forged = layout(INPUTS);
    let at = crate::testing::row(&forged, RowKind::Function, 0);
    let program = program();
    let run = program.evaluate(&INPUTS).unwrap();
    let entry = program.tables[0].entries[((run.wires[18] >> 10) + 3) as usize];
    forged.values[at].a[0] += Fr::one();
    set_lane(&mut forged, at + 1, run.wires[19] + entry.1);
    let word = FIRST_OUTPUT + 1;
    let shown = forged.words[word] + signed(entry.1.into()) * pow2(OUTPUT_BITS);
    set_word(&mut forged, word, shown);
    settle(&mut forged);
    assert_refused(&forged, "another argument", &["z = a0 + 2^10 a1"]);
}

#[test]
fn raw_values_outside_the_encoding_are_refused_before_anything_is_proved() {
    let edge = 1 << crate::quant::program::RAW_BITS;
    for value in [edge, -edge - 1] {
        let mut values = INPUTS;
        values[2] = value;
        let found = Layout::new(&task(), Fr::from(42), &inputs(values), None).map(|_| ());
        assert!(matches!(found, Err(Error::RawValue { index: 2, got, .. }) if got == value), "{found:?}");
    }
}
