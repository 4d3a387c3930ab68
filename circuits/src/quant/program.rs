//! The quantised model as an integer program: what the circuit proves and what the interpreter runs.
//!
//! A program is straight-line code over *wires*. Wires `0..inputs` are the raw source values; every step appends its
//! outputs as new wires. The kinds of step:
//!
//! - [`Linear`]: up to [`LANES`] dot products over one list of operands and products of wires, each followed by a [`Requant`];
//! - [`Function`]: a piecewise-linear function read from a table, followed by a [`Requant`];
//! - [`Divide`], [`Sqrt`]: exact integer quotients and roots, found outside and checked inside;
//! - [`Block`]: one matrix of constants applied to many vectors (positions of a convolution, tokens);
//! - [`MatMul`]: the product of two matrices of wires.
//!
//! Not here: floats, scales and ONNX (see [`crate::quant`] and [`crate::model`]).
//! Bounds: see [`crate::quant::bounds`], which proves that no input can leave the ranges stated below.

use serde::{Deserialize, Serialize};

/// Dot products that share one accumulator: `LANES * LANE_BITS = 252 < 254` bits of BN254's scalar field.
pub const LANES: usize = 6;
/// Operands of a dot-product row, each with a packed weight.
pub const OPERANDS: usize = 4;
/// Width of one packed lane, in bits.
pub const LANE_BITS: u32 = 42;
/// A lane before requantisation is a signed integer in `[-2^Y_BITS, 2^Y_BITS)`.
pub const Y_BITS: u32 = 40;
/// What [`Requant::Shift`] and [`Requant::ReluShift`] divide by, in bits.
pub const SHIFT: u32 = 20;
/// Bits of the range table; also the width of a [`Function`]'s interpolated part.
pub const LIMB_BITS: u32 = 10;
/// Raw source values lie in `[-2^RAW_BITS, 2^RAW_BITS)`.
pub const RAW_BITS: u32 = 39;

/// Most wires of a program: each takes a row at least, and no circuit has more rows.
pub const MAX_WIRES: usize = 1 << 24;

/// Index of a value of the program.
pub type Wire = u32;

/// What becomes of a lane `y` in `[-2^40, 2^40)`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Requant {
    /// `z = y`
    #[default]
    Identity,
    /// `z = max(y, 0)`
    Relu,
    /// `z = floor(y / 2^20)`
    Shift,
    /// `z = max(floor(y / 2^20), 0)`
    ReluShift,
    /// `z = 1` if `y >= 0`, else 0
    Sign,
}

impl Requant {
    /// Applies the requantisation.
    pub fn apply(self, y: i64) -> i64 {
        match self {
            Self::Identity => y,
            Self::Relu => y.max(0),
            Self::Shift => y >> SHIFT,
            Self::ReluShift => (y >> SHIFT).max(0),
            Self::Sign => i64::from(y >= 0),
        }
    }
}

/// One dot product's own part: `y = bias + Σ_i weights[i] · operand_i + Σ_i products[i] · (product_i)`, then `requant`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lane {
    /// Added to the dot product (also carries the rounding constant of a shift).
    pub bias: i64,
    /// One weight for each operand of the step, `|weight| <= 2^40`.
    pub weights: Vec<i64>,
    /// One weight for each product of the step, `|weight| <= 2^40`.
    pub products: Vec<i64>,
    /// What becomes of `y`.
    pub requant: Requant,
}

/// Up to [`LANES`] dot products over the same operands. Output wires: one a lane, in order.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Linear {
    /// The wires that every lane's weights refer to.
    pub operands: Vec<Wire>,
    /// Pairs of wires, whose products every lane's `products` refer to.
    pub products: Vec<(Wire, Wire)>,
    /// Between one and [`LANES`] lanes.
    pub lanes: Vec<Lane>,
}

/// `f(x)` by linear interpolation: with `x = hi · 2^10 + lo`, `0 <= lo < 2^10`,
/// `y = base[hi] · 2^10 + slope[hi] · lo`, then `requant`. One output wire.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Function {
    /// Index into [`Program::tables`].
    pub table: usize,
    /// The argument; its bounds must lie inside the table's domain.
    pub input: Wire,
    /// What becomes of `y`.
    pub requant: Requant,
}

/// `floor(numerator / denominator)`; the denominator's bounds lie above 0. One output wire.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Divide {
    /// Any wire.
    pub numerator: Wire,
    /// A wire that is never below 1.
    pub denominator: Wire,
}

/// `floor(sqrt(input))`; the input's bounds do not lie below 0. One output wire.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sqrt {
    /// A wire that is never negative.
    pub input: Wire,
}

/// One `N × K` matrix of constants applied to `T` vectors of wires: `y[t][n] = bias[n] + Σ_k weights[n][k] · x[t][k]`. Output wires: `T × N`,
/// row-major. The wide shape pays for the matrix once and not once a vector.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Block {
    /// `K`, at least 1.
    pub width: usize,
    /// `T × K` wires, row-major; [`NO_WIRE`] is a constant 0.
    pub operands: Vec<Wire>,
    /// One lane for each of the `N` outputs of a vector: bias, `K` weights, requantisation; no products.
    pub lanes: Vec<Lane>,
}

/// In a [`Block`]: no wire, but the constant 0.
pub const NO_WIRE: Wire = Wire::MAX;

/// `y[i][j] = bias + Σ_k a[i][k] · b[k][j]`, then `requant`. Output wires: `M × N`, row-major.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MatMul {
    /// `K`, at least 1.
    pub inner: usize,
    /// `M × K` wires, row-major.
    pub a: Vec<Wire>,
    /// `N × K` wires: `b` transposed, row-major.
    pub b: Vec<Wire>,
    /// Added to each dot product (the rounding constant of a shift).
    pub bias: i64,
    /// What becomes of each `y`.
    pub requant: Requant,
}

/// A function's table: entry `i` serves `hi = first + i`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Table {
    /// For people: `sigmoid`, `tanh`, …
    pub name: String,
    /// `hi` of the first entry.
    pub first: i64,
    /// `(base, slope)` for each `hi`.
    pub entries: Vec<(i64, i64)>,
}

/// One step.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Step {
    /// Dot products.
    Linear(Linear),
    /// A table function.
    Function(Function),
    /// A quotient.
    Divide(Divide),
    /// A root.
    Sqrt(Sqrt),
    /// A matrix of constants applied to many vectors.
    Block(Block),
    /// A product of two matrices of wires.
    MatMul(MatMul),
}

impl Block {
    /// `T`, the number of vectors.
    pub fn vectors(&self) -> usize {
        self.operands.len() / self.width.max(1)
    }
}

impl MatMul {
    /// `(M, N)`
    pub fn size(&self) -> (usize, usize) {
        (self.a.len() / self.inner.max(1), self.b.len() / self.inner.max(1))
    }
}

impl Step {
    /// Number of wires that the step appends.
    pub fn outputs(&self) -> usize {
        match self {
            Self::Linear(l) => l.lanes.len(),
            Self::Function(_) | Self::Divide(_) | Self::Sqrt(_) => 1,
            Self::Block(b) => b.vectors().saturating_mul(b.lanes.len()),
            Self::MatMul(m) => m.size().0.saturating_mul(m.size().1),
        }
    }
}

/// A quantised model: one inference (one slot).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Program {
    /// Values of each source; their sum is the number of input wires.
    pub sources: Vec<usize>,
    /// Tables of the functions, in order of their tags.
    pub tables: Vec<Table>,
    /// Straight-line code.
    pub steps: Vec<Step>,
    /// The wires that are the answer; signed 64-bit lanes of the output words.
    pub outputs: Vec<Wire>,
    /// A wire that is 1 iff no input was clamped to the declared domain, else 0.
    pub in_domain: Wire,
    /// A wire that is 1 iff nothing saturated inside, else 0.
    pub unsaturated: Wire,
}

impl Program {
    /// Number of input wires. Counts stop at the largest integer, so that a hostile program cannot make them wrap.
    pub fn inputs(&self) -> usize {
        self.sources.iter().fold(0, |sum, &n| sum.saturating_add(n))
    }

    /// Number of wires.
    pub fn wires(&self) -> usize {
        self.steps.iter().fold(self.inputs(), |sum, step| sum.saturating_add(step.outputs()))
    }
}
