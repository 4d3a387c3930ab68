//! Dot products with fixed weights, six packed into one field element.
//!
//! Gate `linear` (docs/gadgets/linear.md): on a row with `group = 1`, `acc' = acc + (1 - e) (a0 f0 + a1 f1 + a2 f2 + z f3) + e (2^10 a2 + a3 a0) + w (a0 a1 + a2 z)`; the
//! second part serves function rows, the third one products of cells. A row that starts a sum (`n = 1` or `e = 1`) also has `acc = 0`, which is what closes the sum
//! before it: nothing may be left over. Degrees 5 and 4.

use halo2_proofs::halo2curves::bn256::Fr;
use halo2_proofs::plonk::ConstraintSystem;

use super::{Cells, Columns, constant, not};
use crate::quant::program::LIMB_BITS;

/// Creates the gate.
pub(crate) fn configure(meta: &mut ConstraintSystem<Fr>, columns: &Columns) {
    meta.create_gate("linear: acc' = acc + a0 f0 + a1 f1 + a2 f2 + z f3", |meta| {
        let cells = Cells::query(meta, columns);
        let on = cells.is_sum();
        let [a0, a1, a2, a3] = cells.a;
        let [f0, f1, f2, f3] = cells.f;
        let products = cells.w * (a0.clone() * a1.clone() + a2.clone() * cells.z.clone());
        let dot = a0.clone() * f0 + a1 * f1 + a2.clone() * f2 + cells.z * f3;
        let function = a2 * constant(1 << LIMB_BITS) + a3 * a0;
        let step = not(cells.e.clone()) * dot + cells.e.clone() * function + products;
        vec![
            // LIN-1 (FUN-2 on function rows)
            ("acc' = acc + step", on.clone() * (cells.acc_next - cells.acc.clone() - step)),
            // LIN-2
            ("start: acc = 0", on * (cells.n + cells.e) * cells.acc),
        ]
    });
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gadgets::RowKind;
    use crate::quant::program::Requant;
    use crate::testing::{assert_refused, failures, layout, pow2, row};
    use ff::Field;
    use halo2_proofs::halo2curves::ff;

    const INPUTS: [i64; 8] = [700, 5, 3, 4, 5, 6, 7, 650];

    #[test]
    fn operand_that_is_not_the_copied_wire_is_refused() {
        let mut forged = layout(INPUTS);
        let at = row(&forged, RowKind::Dot { start: true }, 3);
        forged.values[at].a[0] += Fr::ONE;
        assert_refused(&forged, "another operand", &["copy", "acc' = acc + step"]);
    }

    #[test]
    fn fourth_operand_that_is_not_the_copied_wire_is_refused() {
        let mut forged = layout(INPUTS);
        let weighted = |row: &crate::inference::assembler::Row| row.f[3] != Fr::ZERO && row.w == Fr::ZERO;
        let dot = |row: &crate::inference::assembler::Row| matches!(row.kind, RowKind::Dot { .. }) && weighted(row);
        let at = forged.rows.iter().position(dot).unwrap();
        forged.values[at].z += Fr::ONE;
        assert_refused(&forged, "another fourth operand", &["copy", "acc' = acc + step"]);
    }

    #[test]
    fn rest_left_in_the_accumulator_is_refused_by_the_next_start() {
        // The last lane of the sum takes y - 2^42 c less: everything but the closing of the sum can be made to agree.
        let mut forged = layout(INPUTS);
        let last = (0..forged.rows.len())
            .find(|i| {
                matches!(forged.rows[*i].kind, RowKind::Requant(Requant::Relu))
                    && matches!(forged.rows[i + 1].kind, RowKind::Dot { start: true })
            })
            .unwrap();
        forged.values[last + 1].acc = -pow2(42).invert().unwrap();
        forged.values[last].a[0] += Fr::ONE;
        forged.values[last].z += Fr::ONE;
        let found = failures(&forged);
        assert!(found.iter().any(|n| n.contains("start: acc = 0")), "{found:?}");
        assert!(!found.iter().any(|n| n.contains("acc = 2^42 acc' + y")), "{found:?}");
    }

    #[test]
    fn rest_left_in_the_accumulator_is_refused_by_a_function_row() {
        let mut forged = layout(INPUTS);
        let at = row(&forged, RowKind::Function, 0);
        assert!(matches!(forged.rows[at - 1].kind, RowKind::Requant(Requant::Identity)));
        forged.values[at].acc = -pow2(42).invert().unwrap();
        forged.values[at - 1].a[0] += Fr::ONE;
        forged.values[at - 1].z += Fr::ONE;
        let found = failures(&forged);
        assert!(found.iter().any(|n| n.contains("start: acc = 0")), "{found:?}");
        assert!(!found.iter().any(|n| n.contains("acc = 2^42 acc' + y")), "{found:?}");
    }

    #[test]
    fn sum_that_starts_with_a_gift_is_refused() {
        let mut forged = layout(INPUTS);
        let at = row(&forged, RowKind::Dot { start: true }, 0);
        forged.values[at].acc = Fr::ONE;
        let found = failures(&forged);
        assert!(found.iter().any(|n| n.contains("start: acc = 0")), "{found:?}");
    }
}
