//! Piecewise-linear functions.
//!
//! Gate `function` (docs/gadgets/function.md): on a row with `group = e = 1`, `z = a0 + 2^10 a1`, where `a0` in `[0, 2^10)` and
//! `(a1, a2, a3)` is an entry `(hi, base, slope)` of the table whose tag is the fixed cell `f0`, both by lookup (FUN-3). The sum
//! `acc' = 2^10 a2 + a3 a0` is part of the gate `linear`. Degree 3.

use halo2_proofs::halo2curves::bn256::Fr;
use halo2_proofs::plonk::ConstraintSystem;

use super::{Cells, Columns, constant};
use crate::quant::program::LIMB_BITS;

/// Creates the gate.
pub(crate) fn configure(meta: &mut ConstraintSystem<Fr>, columns: &Columns) {
    meta.create_gate("function: z = a0 + 2^10 a1", |meta| {
        let cells = Cells::query(meta, columns);
        let on = cells.is_function();
        let [a0, a1, ..] = cells.a;
        // FUN-1
        vec![("z = a0 + 2^10 a1", on * (cells.z - a0 - a1 * constant(1 << LIMB_BITS)))]
    });
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gadgets::RowKind;
    use crate::testing::{assert_refused, failures, layout, row};
    use ff::Field;
    use halo2_proofs::halo2curves::ff;

    const INPUTS: [i64; 8] = [700, -1500, 3, 4, 5, 6, 7, 650];

    #[test]
    fn every_entry_and_both_ends_of_the_domain_are_accepted() {
        for x in [-2000, -1025, -1024, -1, 0, 1, 1023, 1024, 2000, 1 << 38] {
            let mut inputs = INPUTS;
            inputs[1] = x;
            assert_eq!(failures(&layout(inputs)), Vec::<String>::new(), "argument {x}");
        }
    }

    #[test]
    fn another_entry_of_the_table_needs_a_low_part_outside_the_range() {
        let mut forged = layout(INPUTS);
        let at = row(&forged, RowKind::Function, 0);
        let entry = forged.tables[1].1[2];
        let f = forged.rows[entry].f;
        let z = forged.values[at].z;
        forged.values[at].a = [z - f[0] * Fr::from(1 << 10), f[0], f[1], f[2]];
        let found = failures(&forged);
        assert!(found.iter().any(|n| n.contains("φ0 + φ1 = 0")), "{found:?}");
        assert!(!found.iter().any(|n| n.contains("z = a0 + 2^10 a1")), "{found:?}");
    }

    #[test]
    fn slope_of_another_entry_is_refused() {
        let mut forged = layout(INPUTS);
        let at = row(&forged, RowKind::Function, 0);
        forged.values[at].a[3] += Fr::ONE;
        assert_refused(&forged, "another slope", &["acc' = acc + step", "φ0 + φ1 = 0"]);
    }

    #[test]
    fn range_table_is_not_a_function_table() {
        // (5, 0, 0) is an entry, but with the range tag.
        let mut forged = layout(INPUTS);
        let at = row(&forged, RowKind::Function, 0);
        forged.values[at].a = [forged.values[at].z - Fr::from(5 << 10), Fr::from(5), Fr::ZERO, Fr::ZERO];
        assert!(failures(&forged).iter().any(|n| n.contains("φ0 + φ1 = 0")));
    }

    #[test]
    fn argument_that_is_not_the_wire_is_refused() {
        let mut forged = layout(INPUTS);
        let at = row(&forged, RowKind::Function, 0);
        forged.values[at].z += Fr::ONE;
        forged.values[at].a[0] += Fr::ONE;
        assert_refused(&forged, "another argument", &["copy", "acc' = acc + step"]);
    }
}
