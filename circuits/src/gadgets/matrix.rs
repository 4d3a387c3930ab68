//! Matrices, checked by a random linear combination (wide shape).
//!
//! For vectors `x_t`, a matrix `P` and sums `p_(t,g)` that other rows unpack, `p_(t,g) = Σ_k P_(k,g) x_(t,k)` for all `t` and `g` is one identity of polynomials in
//! `τ` and `ν`: `Σ_k (Σ_t τ^t x_(t,k)) (Σ_g ν^g P_(k,g)) - Σ_g (Σ_t τ^t p_(t,g)) ν^g = 0` (Freivalds; Schwartz and Zippel). It costs vectors + matrix + sums
//! and not their product. `τ` and `ν` are squeezed after all operands are committed.
//!
//! Gate `matrix` (docs/gadgets/matrix.md), by the fixed column `r`, 0 on all other rows; `u` runs over vectors, `v` over outputs, `s` adds up products:
//! - `r = 1`: `u' = τ⁴ u + τ³ a0 + τ² a1 + τ a2 + z`, `v' = ν⁴ v + ν³ f0 + ν² f1 + ν f2 + f3`, `s' = s`
//! - `r = 3`: `u' = u`, `v' = (1 + w (ν - 1)) v + a0 f0 + a1 f1 + a2 f2 + z f3`, `s' = s`
//! - `r = 2`: `u' = v' = 0`, `s' = s + u v`; with `n = 1` also `u = v = s = 0`, which starts and ends a check.
//!
//! Degrees 4, 5, 5 and 5.

use ff::Field;
use halo2_proofs::halo2curves::bn256::Fr;
use halo2_proofs::halo2curves::ff;
use halo2_proofs::plonk::{ConstraintSystem, Expression};
use halo2_proofs::poly::Rotation;

use super::{Cells, Columns, MatrixRow, RowKind, Wide, constant};
use crate::quant::program::OPERANDS;

/// Creates the gate.
pub(crate) fn configure(meta: &mut ConstraintSystem<Fr>, columns: &Columns, wide: Wide) {
    meta.create_gate("matrix: Σ (Σ τ^t x) (Σ ν^g P) = 0", |meta| {
        let Cells { a: [a0, a1, a2, _], z, f: [f0, f1, f2, f3], w, n, .. } = Cells::query(meta, columns);
        let r = meta.query_fixed(wide.r, Rotation::cur());
        let [u, v, s] = wide.sums.map(|c| meta.query_advice(c, Rotation::cur()));
        let [u_next, v_next, s_next] = wide.sums.map(|c| meta.query_advice(c, Rotation::next()));
        let [tau, nu] = [wide.tau, wide.nu].map(|c| meta.query_challenge(c));

        // 2 at r = 1, 2 at r = 2, 6 at r = 3; 0 at the other values.
        let minus = |value: u64| r.clone() - constant(value);
        let vectors = r.clone() * minus(2) * minus(3);
        let multiply = r.clone() * minus(1) * (constant(3) - r.clone());
        let outputs = r.clone() * minus(1) * minus(2);

        let horner = |x: &Expression<Fr>, sum: &Expression<Fr>, terms: [&Expression<Fr>; OPERANDS]| {
            terms.into_iter().fold(sum.clone(), |sum, term| sum * x.clone() + term.clone())
        };
        let u_horner = horner(&tau, &u, [&a0, &a1, &a2, &z]);
        let v_horner = horner(&nu, &v, [&f0, &f1, &f2, &f3]);
        let v_live = v.clone() + w * (nu - constant(1)) * v.clone() + a0 * f0 + a1 * f1 + a2 * f2 + z * f3;
        let edge = multiply.clone() * n;
        vec![
            // MAT-1
            (
                "u",
                vectors.clone() * (u_next.clone() - u_horner)
                    + multiply.clone() * u_next.clone()
                    + outputs.clone() * (u_next - u.clone()),
            ),
            // MAT-2
            (
                "v",
                vectors.clone() * (v_next.clone() - v_horner)
                    + multiply.clone() * v_next.clone()
                    + outputs.clone() * (v_next - v_live),
            ),
            // MAT-3
            (
                "s",
                (vectors + outputs) * (s_next.clone() - s.clone())
                    + multiply * (s_next - s.clone() - u.clone() * v.clone()),
            ),
            // MAT-4, MAT-5, MAT-6
            ("edge: u = 0", edge.clone() * u),
            ("edge: v = 0", edge.clone() * v),
            ("edge: s = 0", edge * s),
        ]
    });
}

/// What a check sees of one row.
#[derive(Clone, Copy, Debug)]
pub struct SumsRow {
    /// What the row is.
    pub kind: RowKind,
    /// The cells `a0, a1, a2, z`.
    pub x: [Fr; OPERANDS],
    /// The cells `f0..f3`.
    pub f: [Fr; OPERANDS],
}

/// The values of `u`, `v` and `s` on rows `0..=rows.len()`, which begin with `start` (0 on the first row of all); 0 outside checks.
pub fn matrix_sums(rows: impl ExactSizeIterator<Item = SumsRow>, start: [Fr; 3], tau: Fr, nu: Fr) -> [Vec<Fr>; 3] {
    let mut sums = [(); 3].map(|()| Vec::with_capacity(rows.len() + 1));
    let [mut u, mut v, mut s] = start;
    for SumsRow { kind, x, f } in rows {
        for (sum, value) in sums.iter_mut().zip([u, v, s]) {
            sum.push(value);
        }
        match kind {
            RowKind::Matrix(MatrixRow::Vectors) => {
                u = x.iter().fold(u, |u, x| u * tau + x);
                v = f.iter().fold(v, |v, f| v * nu + f);
            }
            RowKind::Matrix(MatrixRow::Outputs { next }) => {
                v = if next { nu * v } else { v } + x.iter().zip(&f).map(|(x, f)| x * f).sum::<Fr>();
            }
            // At an edge of an honest check all three are 0; those of a false one go on, so that the edge alone refuses it.
            RowKind::Matrix(MatrixRow::Multiply | MatrixRow::Edge) => {
                s += u * v;
                (u, v) = (Fr::ZERO, Fr::ZERO);
            }
            _ => (u, v, s) = (Fr::ZERO, Fr::ZERO, Fr::ZERO),
        }
    }
    for (sum, value) in sums.iter_mut().zip([u, v, s]) {
        sum.push(value);
    }
    sums
}
