//! Matrices, checked by a random linear combination (wide shape).
//!
//! For vectors `x_t`, a matrix `P` and sums `p_(t,g)` that other rows unpack, `p_(t,g) = Σ_k P_(k,g) x_(t,k)` for all `t` and `g` is one identity of polynomials in
//! `τ` and `ν`: `Σ_k (Σ_t τ^t x_(t,k)) (Σ_g ν^g P_(k,g)) - Σ_g (Σ_t τ^t p_(t,g)) ν^g = 0` (Freivalds; Schwartz and Zippel). It costs vectors + matrix + sums
//! and not their product. `τ` and `ν` are squeezed after all operands are committed.
//!
//! Gate `matrix` (docs/gadgets/matrix.md), by the fixed column `r`, 0 on all other rows; `u` runs over vectors, `v` over outputs, `s` adds up products:
//! - `r = 1`: `u' = τ³ u + τ² a0 + τ a1 + a2`, `v' = ν³ v + ν² f0 + ν f1 + f2`, `s' = s`
//! - `r = 3`: `u' = u`, `v' = (1 + w (ν - 1)) v + a0 f0 + a1 f1 + a2 f2`, `s' = s`
//! - `r = 2`: `u' = v' = 0`, `s' = s + u v`; with `n = 1` also `u = v = s = 0`, which starts and ends a check.
//!
//! Degrees 4, 5, 5 and 5.

use ff::Field;
use halo2_proofs::halo2curves::bn256::Fr;
use halo2_proofs::halo2curves::ff;
use halo2_proofs::plonk::ConstraintSystem;
use halo2_proofs::poly::Rotation;

use super::{Cells, Columns, MatrixRow, RowKind, Wide, constant};

/// Creates the gate.
pub(crate) fn configure(meta: &mut ConstraintSystem<Fr>, columns: &Columns, wide: Wide) {
    meta.create_gate("matrix: Σ (Σ τ^t x) (Σ ν^g P) = 0", |meta| {
        let Cells { a: [a0, a1, a2, _], f: [f0, f1, f2], w, n, .. } = Cells::query(meta, columns);
        let r = meta.query_fixed(wide.r, Rotation::cur());
        let [u, v, s] = wide.sums.map(|c| meta.query_advice(c, Rotation::cur()));
        let [u_next, v_next, s_next] = wide.sums.map(|c| meta.query_advice(c, Rotation::next()));
        let [tau, nu] = [wide.tau, wide.nu].map(|c| meta.query_challenge(c));

        // 2 at r = 1, 2 at r = 2, 6 at r = 3; 0 at the other values.
        let minus = |value: u64| r.clone() - constant(value);
        let vectors = r.clone() * minus(2) * minus(3);
        let multiply = r.clone() * minus(1) * (constant(3) - r.clone());
        let outputs = r.clone() * minus(1) * minus(2);

        let powers =
            |x: &halo2_proofs::plonk::Expression<Fr>| (x.clone() * x.clone(), x.clone() * x.clone() * x.clone());
        let ((tau2, tau3), (nu2, nu3)) = (powers(&tau), powers(&nu));
        let u_horner = tau3 * u.clone() + tau2 * a0.clone() + tau * a1.clone() + a2.clone();
        let v_horner = nu3 * v.clone() + nu2 * f0.clone() + nu.clone() * f1.clone() + f2.clone();
        let v_live = v.clone() + w * (nu - constant(1)) * v.clone() + a0 * f0 + a1 * f1 + a2 * f2;
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
    /// The cells `a0..a2`.
    pub a: [Fr; 3],
    /// The cells `f0..f2`.
    pub f: [Fr; 3],
}

/// The values of `u`, `v` and `s` on rows `0..=rows.len()`, which begin with `start` (0 on the first row of all); 0 outside checks.
pub fn matrix_sums(rows: impl ExactSizeIterator<Item = SumsRow>, start: [Fr; 3], tau: Fr, nu: Fr) -> [Vec<Fr>; 3] {
    let (tau2, nu2) = (tau.square(), nu.square());
    let (tau3, nu3) = (tau2 * tau, nu2 * nu);
    let mut sums = [(); 3].map(|()| Vec::with_capacity(rows.len() + 1));
    let [mut u, mut v, mut s] = start;
    for SumsRow { kind, a, f } in rows {
        for (sum, value) in sums.iter_mut().zip([u, v, s]) {
            sum.push(value);
        }
        match kind {
            RowKind::Matrix(MatrixRow::Vectors) => {
                u = tau3 * u + tau2 * a[0] + tau * a[1] + a[2];
                v = nu3 * v + nu2 * f[0] + nu * f[1] + f[2];
            }
            RowKind::Matrix(MatrixRow::Outputs { next }) => {
                v = if next { nu * v } else { v } + a[0] * f[0] + a[1] * f[1] + a[2] * f[2];
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
