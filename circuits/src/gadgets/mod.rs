//! The gates of the inference circuit, one file each, over one fixed set of columns.
//!
//! | file | rows it serves | page |
//! |---|---|---|
//! | [`statement`] | instance words and constants | `docs/gadgets/statement.md` |
//! | [`linear`] | dot products with fixed, packed weights; products of cells | `docs/gadgets/linear.md` |
//! | [`requant`] | unpack a lane, check its range, shift, relu | `docs/gadgets/requant.md` |
//! | [`function`] | piecewise-linear functions from a table | `docs/gadgets/function.md` |
//! | [`poseidon`] | commitments to sources | `docs/gadgets/poseidon.md` |
//! | [`logup`] | every lookup, as ordinary gates | `docs/gadgets/logup.md` |
//! | [`matrix`] | matrices checked by random linear combinations (wide shape only) | `docs/gadgets/matrix.md` |
//!
//! A row is of one [`RowKind`]; its selectors follow from that alone. No gate holds a constant that depends on a model: a
//! model is its fixed columns and copy constraints, so that one aggregation key serves all models.
//! Highest degree: 5.

pub mod function;
pub mod linear;
pub mod logup;
pub mod matrix;
pub mod poseidon;
pub mod requant;
pub mod statement;
#[cfg(test)]
mod tests;

use halo2_proofs::halo2curves::bn256::Fr;
use halo2_proofs::plonk::{
    Advice, Challenge, Column, ConstraintSystem, Expression, FirstPhase, Fixed, Instance, SecondPhase, VirtualCells,
};
use halo2_proofs::poly::Rotation;

use crate::quant::program::{OPERANDS, Requant};

/// Degree of the constraint system.
pub const DEGREE: usize = 5;

/// The columns of both shapes.
#[derive(Clone, Debug)]
pub struct Columns {
    /// Operands, limbs or Poseidon state; 0, 1 and 2 can be copied.
    pub a: [Column<Advice>; 4],
    /// Packed accumulator of dot products and lanes.
    pub acc: Column<Advice>,
    /// Sign bit of a lane, or a Poseidon square.
    pub b: Column<Advice>,
    /// Result of a lane, argument of a function, fourth operand, or a Poseidon square; can be copied.
    pub z: Column<Advice>,
    /// Multiplicity of the row's table entry.
    pub m: Column<Advice>,
    /// Running sums of the lookup argument (second phase).
    pub phi: [Column<Advice>; 2],
    /// Weights; 0, 1 and 2 also hold round constants or a table entry.
    pub f: [Column<Fixed>; OPERANDS],
    /// Weight of a dot-product row's products; 1 on sign and assertion lanes.
    pub w: Column<Fixed>,
    /// On every row on which the running sums advance, the tag of its table entry ([`logup::NO_ENTRY`] where there is none); 0 on the
    /// last usable row. Not 0 means that the sums advance, so that one column serves for both.
    pub active: Column<Fixed>,
    /// 1 on requantisation rows.
    pub requant: Column<Fixed>,
    /// 1 on dot-product and function rows, 2 on Poseidon rows.
    pub group: Column<Fixed>,
    /// First switch of a row kind.
    pub e: Column<Fixed>,
    /// Second switch of a row kind.
    pub n: Column<Fixed>,
    /// The instance words.
    pub instance: Column<Instance>,
    /// Lookup challenge: the argument of the rational function.
    pub alpha: Challenge,
    /// Lookup challenge: compresses tuples.
    pub beta: Challenge,
    /// What the wide shape has besides.
    pub wide: Option<Wide>,
}

/// The columns that only the wide shape has.
#[derive(Clone, Copy, Debug)]
pub struct Wide {
    /// Evaluation over vectors, evaluation over outputs, and the sum of their products (second phase).
    pub sums: [Column<Advice>; 3],
    /// What a matrix row does.
    pub r: Column<Fixed>,
    /// Combines vectors.
    pub tau: Challenge,
    /// Combines outputs.
    pub nu: Challenge,
}

impl Columns {
    /// Allocates the columns and creates all gates, those of the wide shape if asked.
    pub fn configure(meta: &mut ConstraintSystem<Fr>, wide: bool) -> Self {
        meta.set_minimum_degree(DEGREE);
        let a = [(); 4].map(|()| meta.advice_column());
        let [acc, b, z, m] = [(); 4].map(|()| meta.advice_column());
        let f = [(); OPERANDS].map(|()| meta.fixed_column());
        let [w, active, requant, group, e, n] = [(); 6].map(|()| meta.fixed_column());
        let instance = meta.instance_column();
        for column in [a[0], a[1], a[2], z] {
            meta.enable_equality(column);
        }
        let [alpha, beta] = [(); 2].map(|()| meta.challenge_usable_after(FirstPhase));
        let phi = [(); 2].map(|()| meta.advice_column_in(SecondPhase));
        let wide = wide.then(|| {
            let [tau, nu] = [(); 2].map(|()| meta.challenge_usable_after(FirstPhase));
            let sums = [(); 3].map(|()| meta.advice_column_in(SecondPhase));
            Wide { sums, r: meta.fixed_column(), tau, nu }
        });
        let columns = Self { a, acc, b, z, m, phi, f, w, active, requant, group, e, n, instance, alpha, beta, wide };
        statement::configure(meta, &columns);
        linear::configure(meta, &columns);
        requant::configure(meta, &columns);
        function::configure(meta, &columns);
        poseidon::configure(meta, &columns);
        logup::configure(meta, &columns);
        if let Some(wide) = columns.wide {
            matrix::configure(meta, &columns, wide);
        }
        columns
    }
}

/// What a row does. Its selectors are a function of this value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum RowKind {
    /// Nothing; may hold a table entry and free cells.
    Idle,
    /// `a0` is the instance word of this row and `a1` the constant `f0`; the running sums add up to 0 here.
    Statement,
    /// `acc' = acc + a0 f0 + a1 f1 + a2 f2 + z f3 + w (a0 a1 + a2 z)`; with `start`, `acc = 0` besides.
    Dot {
        /// First row of a dot product: nothing may be left in the accumulator.
        start: bool,
    },
    /// Takes the lowest lane off the accumulator.
    Requant(Requant),
    /// Takes the lowest lane off the accumulator and refuses a negative one.
    Assert,
    /// `acc' = base · 2^10 + slope · lo`, `acc = 0`.
    Function,
    /// Wide shape: what to do with the sums of a matrix check.
    Matrix(MatrixRow),
    /// One Poseidon round, full or partial.
    Poseidon {
        /// Only the first element goes through the S-box.
        partial: bool,
    },
}

/// A row of a matrix check: see [`matrix`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum MatrixRow {
    /// `u = v = s = 0`, and on the next row too.
    Edge,
    /// Four operands into `u` and four weights into `v`.
    Vectors,
    /// Four operands with weights into `v`, times `ν` first if `next`.
    Outputs {
        /// Starts another power of `ν`.
        next: bool,
    },
    /// `s' = s + u v`, `u' = v' = 0`.
    Multiply,
}

/// Values of the selector columns on a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Selectors {
    /// Column [`Columns::requant`].
    pub requant: u64,
    /// Column [`Columns::group`].
    pub group: u64,
    /// Column [`Columns::e`].
    pub e: u64,
    /// Column [`Columns::n`].
    pub n: u64,
    /// Column [`Wide::r`].
    pub r: u64,
}

impl RowKind {
    /// The row's selectors.
    pub fn selectors(self) -> Selectors {
        let (requant, group, e, n) = match self {
            Self::Idle => (0, 0, 0, 0),
            Self::Statement => (0, 0, 1, 1),
            Self::Dot { start } => (0, 1, 0, u64::from(start)),
            Self::Function => (0, 1, 1, 0),
            Self::Requant(Requant::Identity) | Self::Assert => (1, 0, 1, 1),
            Self::Requant(Requant::Relu | Requant::Sign) => (1, 0, 1, 0),
            Self::Requant(Requant::Shift) => (1, 0, 0, 1),
            Self::Requant(Requant::ReluShift) => (1, 0, 0, 0),
            Self::Poseidon { partial } => (0, 2, 0, u64::from(partial)),
            Self::Matrix(row) => (0, 0, 0, u64::from(row == MatrixRow::Edge)),
        };
        let r = match self {
            Self::Matrix(MatrixRow::Vectors) => 1,
            Self::Matrix(MatrixRow::Multiply | MatrixRow::Edge) => 2,
            Self::Matrix(MatrixRow::Outputs { .. }) => 3,
            _ => 0,
        };
        Selectors { requant, group, e, n, r }
    }

    /// What column [`Columns::w`] holds on a row that is no dot product.
    pub fn switch(self) -> u64 {
        let next = Self::Matrix(MatrixRow::Outputs { next: true });
        u64::from(self == next || matches!(self, Self::Requant(Requant::Sign) | Self::Assert))
    }

    /// Whether a lane is taken off the accumulator.
    pub fn is_lane(self) -> bool {
        matches!(self, Self::Requant(_) | Self::Assert)
    }

    /// Whether the first three columns `f` are free on such a row, so that it can hold a table entry.
    pub fn hosts_table(self) -> bool {
        self == Self::Idle || self.is_lane()
    }
}

/// Queries at the current row, shared by the gates.
pub(crate) struct Cells {
    pub a: [Expression<Fr>; 4],
    pub acc: Expression<Fr>,
    pub acc_next: Expression<Fr>,
    pub b: Expression<Fr>,
    pub z: Expression<Fr>,
    pub f: [Expression<Fr>; OPERANDS],
    pub w: Expression<Fr>,
    pub requant: Expression<Fr>,
    pub group: Expression<Fr>,
    pub e: Expression<Fr>,
    pub n: Expression<Fr>,
}

impl Cells {
    pub fn query(meta: &mut VirtualCells<'_, Fr>, c: &Columns) -> Self {
        Self {
            a: c.a.map(|column| meta.query_advice(column, Rotation::cur())),
            acc: meta.query_advice(c.acc, Rotation::cur()),
            acc_next: meta.query_advice(c.acc, Rotation::next()),
            b: meta.query_advice(c.b, Rotation::cur()),
            z: meta.query_advice(c.z, Rotation::cur()),
            f: c.f.map(|column| meta.query_fixed(column, Rotation::cur())),
            w: meta.query_fixed(c.w, Rotation::cur()),
            requant: meta.query_fixed(c.requant, Rotation::cur()),
            group: meta.query_fixed(c.group, Rotation::cur()),
            e: meta.query_fixed(c.e, Rotation::cur()),
            n: meta.query_fixed(c.n, Rotation::cur()),
        }
    }

    /// 1 on dot-product and function rows, 0 on all others; degree 2.
    pub fn is_sum(&self) -> Expression<Fr> {
        self.group.clone() * (constant(2) - self.group.clone())
    }

    /// 2 on Poseidon rows, 0 on all others; degree 2.
    pub fn is_poseidon(&self) -> Expression<Fr> {
        self.group.clone() * (self.group.clone() - constant(1))
    }

    /// 1 on function rows, 0 on all others; degree 2. (On Poseidon rows `e = 0`.)
    pub fn is_function(&self) -> Expression<Fr> {
        self.group.clone() * self.e.clone()
    }
}

/// A small constant as an expression.
pub(crate) fn constant(value: u64) -> Expression<Fr> {
    Expression::Constant(Fr::from(value))
}

/// `1 - x`
pub(crate) fn not(x: Expression<Fr>) -> Expression<Fr> {
    constant(1) - x
}
