//! Statement rows: instance words and pinned constants.
//!
//! Gate `statement` (docs/gadgets/statement.md): on a row with `requant = 0, e = n = 1`, `a0` equals the instance word of that
//! row and `a1` equals the fixed cell `f0`. Degree 4.
//! The instance column is read by this gate, not through the permutation, which saves a permutation column.

use halo2_proofs::halo2curves::bn256::Fr;
use halo2_proofs::plonk::{ConstraintSystem, Expression};
use halo2_proofs::poly::Rotation;

use super::{Cells, Columns, not};

/// 1 on statement rows, 0 on all others; degree 3.
pub(crate) fn is_statement(cells: &Cells) -> Expression<Fr> {
    not(cells.requant.clone()) * cells.e.clone() * cells.n.clone()
}

/// Creates the gate.
pub(crate) fn configure(meta: &mut ConstraintSystem<Fr>, columns: &Columns) {
    meta.create_gate("statement: a0 = word, a1 = f0", |meta| {
        let cells = Cells::query(meta, columns);
        let word = meta.query_instance(columns.instance, Rotation::cur());
        let on = is_statement(&cells);
        let [a0, a1, ..] = cells.a;
        let [f0, ..] = cells.f;
        vec![
            // STM-1
            ("a0 = word", on.clone() * (a0 - word)),
            // STM-2
            ("a1 = f0", on * (a1 - f0)),
        ]
    });
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{assert_refused, failures, layout};
    use ff::Field;
    use halo2_proofs::halo2curves::ff;

    const INPUTS: [i64; 8] = [700, 5, 3, 4, 5, 6, 7, 650];

    #[test]
    fn every_used_word_changed_alone_is_refused() {
        let honest = layout(INPUTS);
        for word in 0..honest.words.len() {
            let mut forged = honest.clone();
            forged.words[word] += Fr::ONE;
            assert_refused(&forged, &format!("word {word} + 1"), &["a0 = word"]);
        }
    }

    #[test]
    fn changed_word_with_its_cell_changed_too_is_refused_by_the_copy() {
        let honest = layout(INPUTS);
        for word in 1..honest.words.len() {
            let mut forged = honest.clone();
            forged.words[word] += Fr::ONE;
            forged.values[word].a[0] += Fr::ONE;
            assert_refused(&forged, &format!("word {word} and its cell + 1"), &["copy"]);
        }
    }

    #[test]
    fn context_is_bound_to_nothing_but_itself() {
        let mut other = layout(INPUTS);
        other.words[0] = Fr::from(43);
        other.values[0].a[0] = Fr::from(43);
        assert_eq!(failures(&other), Vec::<String>::new());
    }

    #[test]
    fn constant_that_differs_from_its_fixed_cell_is_refused() {
        let mut forged = layout(INPUTS);
        forged.values[0].a[1] = Fr::from(2);
        let found = failures(&forged);
        assert!(found.iter().any(|n| n.contains("a1 = f0")), "{found:?}");
    }
}
