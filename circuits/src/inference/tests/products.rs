//! Products of cells: factors, the place of the second product, and where the fixed column `w` is anything but 0.

use std::collections::HashSet;

use halo2_proofs::halo2curves::bn256::Fr;
use proptest::prelude::*;

use super::{cell, settle};
use crate::gadgets::RowKind;
use crate::inference::assembler::{Cell, Column};
use crate::inference::layout::{Layout, SourceInput, SourceKind, Task};
use crate::quant::program::{OPERANDS, Requant};
use crate::testing::{assert_refused, failures, layout, random, task};

const INPUTS: [i64; 8] = [700, -1500, 3, 4, 5, 6, 7, 650];
const COLUMNS: [Column; 4] = [Column::A0, Column::A1, Column::A2, Column::Z];

/// Dot rows with products; the salt's row has a `w` that nothing reads.
fn product_rows(layout: &Layout) -> Vec<usize> {
    let product = |i: &usize| matches!(layout.rows[*i].kind, RowKind::Dot { .. }) && layout.rows[*i].w != Fr::zero();
    (0..layout.rows.len()).filter(product).collect()
}

#[test]
fn fixture_has_products_in_pairs_and_alone() {
    let layout = layout(INPUTS);
    let zero = Cell { column: Column::A1, row: 1 };
    let second = |row: usize| layout.copies.iter().find(|(_, to)| *to == Cell { column: Column::Z, row }).unwrap().0;
    let alone = product_rows(&layout).into_iter().filter(|row| second(*row) == zero).count();
    // Two linear steps, a quotient, a root, two elements of a matrix product.
    assert_eq!((product_rows(&layout).len(), alone), (9, 6));
}

#[test]
fn every_factor_is_bound_by_a_copy() {
    let honest = layout(INPUTS);
    let copied: HashSet<Cell> = honest.copies.iter().map(|(_, to)| *to).collect();
    for at in product_rows(&honest).into_iter().flat_map(|row| COLUMNS.map(|column| Cell { column, row })) {
        assert!(copied.contains(&at), "{at:?} of a row with products is free");
    }
}

#[test]
fn factor_that_is_not_the_copied_wire_is_refused_by_the_copy() {
    let honest = layout(INPUTS);
    for at in product_rows(&honest).into_iter().flat_map(|row| COLUMNS.map(|column| Cell { column, row })) {
        // The row's lanes follow the forged factor where they can: what must fail besides is the copy.
        let mut forged = honest.clone();
        *cell(&mut forged, at) += Fr::one();
        let kept = std::mem::take(&mut forged.copies);
        forged.copies = kept.iter().filter(|(_, to)| *to != at).copied().collect();
        settle(&mut forged);
        forged.copies = kept;
        assert!(failures(&forged).iter().any(|f| f == "copy"), "{at:?}");
    }
}

#[test]
fn second_products_place_is_no_free_term() {
    // A product alone: a2 holds another operand and z a copy of 0. With z free, w a2 z would be any value at all.
    let mut forged = layout(INPUTS);
    let single = |row: &usize| {
        let kind = |at: usize| forged.rows[at].kind;
        kind(*row) == RowKind::Dot { start: true } && kind(row + 1) == RowKind::Requant(Requant::Relu)
    };
    let row = product_rows(&forged).into_iter().find(single).unwrap();
    let lane = row + 1;
    assert_eq!(forged.values[lane].z, Fr::from(700 * 1500));
    // The answer 700 · 1500 - 1: the second product gives the missing -1, weight -1.
    (forged.values[row].a[2], forged.values[row].z) = (Fr::one(), Fr::one());
    forged.values[lane].a[0] -= Fr::one();
    forged.values[lane].z -= Fr::one();
    let kept = std::mem::take(&mut forged.copies);
    let own = |to: &Cell| to.row == row && [Column::A2, Column::Z].contains(&to.column);
    forged.copies = kept.iter().filter(|(_, to)| !own(to)).copied().collect();
    settle(&mut forged);
    assert_eq!(failures(&forged), Vec::<String>::new(), "without the two copies the forgery is perfect");
    forged.copies = kept;
    assert_refused(&forged, "a second product of 1 · 1", &["copy"]);
}

#[test]
fn w_is_zero_but_for_products_signs_assertions_and_the_salts_row() {
    let layout = layout(INPUTS);
    for (i, row) in layout.rows.iter().enumerate() {
        let expected = match row.kind {
            RowKind::Requant(Requant::Sign) | RowKind::Assert => Some(Fr::one()),
            RowKind::Dot { .. } => None,
            _ => Some(Fr::from(u64::from(i == layout.rows.len() - 2))),
        };
        assert!(expected.is_none_or(|w| w == row.w), "row {i}: {:?}", row.kind);
    }
}

#[test]
fn no_fixed_column_is_all_zero_in_the_smallest_task() {
    // One input, passed on: no products, no assertions, no function.
    let mut program = random::program(1);
    program.steps.truncate(1);
    (program.sources, program.outputs, program.in_domain, program.unsaturated) = (vec![1], vec![0], 1, 2);
    let task =
        Task { program: std::sync::Arc::new(program), sources: vec![SourceKind::Public], salt: Fr::zero(), ..task() };
    let input = vec![vec![SourceInput { values: vec![5], salt: Fr::zero() }]];
    let layout = Layout::new(&task, Fr::from(42), &input, None).unwrap();
    assert_eq!(failures(&layout), Vec::<String>::new());
    let used = |value: &dyn Fn(usize) -> Fr| (0..layout.rows.len()).any(|i| value(i) != Fr::zero());
    let selectors = |i: usize| layout.rows[i].kind.selectors();
    for column in 0..OPERANDS {
        assert!(used(&|i| layout.rows[i].f[column]), "f{column}");
    }
    assert!(used(&|i| layout.rows[i].w), "w");
    assert!(used(&|i| Fr::from(selectors(i).requant)) && used(&|i| Fr::from(selectors(i).group)));
    assert!(used(&|i| Fr::from(selectors(i).e)) && used(&|i| Fr::from(selectors(i).n)));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn random_programs_satisfy_the_circuit_and_show_the_interpreters_answer(seed in any::<u64>()) {
        let program = random::program(seed);
        let values = random::inputs(seed, program.inputs());
        let run = program.evaluate(&values).unwrap();
        let (outputs, sources) = (run.outputs.clone(), vec![SourceKind::Public]);
        let task = Task { program: std::sync::Arc::new(program), sources, ..task() };
        let honest = Layout::new(&task, Fr::from(42), &[vec![SourceInput { values, salt: Fr::zero() }]], None).unwrap();
        prop_assert_eq!(failures(&honest), Vec::<String>::new());
        let shown = crate::inference::statement::pack_outputs(&outputs, true, true);
        prop_assert_eq!(&honest.words[2..2 + shown.len()], shown.as_slice());
    }
}
