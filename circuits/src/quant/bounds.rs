//! Proves that no input can leave a program's integer ranges, by exact interval arithmetic over the program's steps.
//!
//! Bounds come only from what the circuit enforces: raw sources are range-checked to `[-2^39, 2^39)`, everything else follows
//! from the steps. Calibration data never enters here. Keygen calls [`check`] and refuses a program that fails.

use serde::{Deserialize, Serialize};

use crate::model::tensor::MAX_ELEMENTS;

use super::QuantError;
use super::program::{
    Block, Function, LANES, LIMB_BITS, Lane, Linear, MatMul, NO_WIRE, Program, RAW_BITS, Requant, Step, Table, Wire,
    Y_BITS,
};

/// Largest absolute weight.
pub const MAX_WEIGHT: i64 = 1 << Y_BITS;
/// Largest absolute bias: two lane ranges, so that a bias may cancel a one-sided dot product.
pub const MAX_BIAS: i64 = 1 << (Y_BITS + 2);
/// A lane before requantisation is below this.
pub const Y_LIMIT: i64 = 1 << Y_BITS;

/// All integers from `lo` to `hi`, both included.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Interval {
    /// Smallest value.
    pub lo: i64,
    /// Largest value.
    pub hi: i64,
}

impl Interval {
    /// What the circuit enforces on a raw source value.
    pub const RAW: Self = Self { lo: -(1 << RAW_BITS), hi: (1 << RAW_BITS) - 1 };

    /// Largest absolute value.
    pub fn magnitude(self) -> i64 {
        self.lo.saturating_abs().max(self.hi.saturating_abs())
    }

    /// Whether `other` lies inside.
    pub fn contains(self, other: Self) -> bool {
        self.lo <= other.lo && other.hi <= self.hi
    }
}

/// Checks the whole program and returns the interval of every wire.
///
/// # Errors
/// The first step, lane or output that breaks a rule: a wire used before it exists, wrong numbers of lanes or weights, a weight
/// or bias too large, a lane that can leave `[-2^40, 2^40)`, a function's argument that can leave its table, a flag that can be
/// anything but 0 or 1.
pub fn check(program: &Program) -> Result<Vec<Interval>, QuantError> {
    let inputs = program.sources.iter().try_fold(0usize, |sum, &n| sum.checked_add(n)).unwrap_or(usize::MAX);
    if inputs > MAX_ELEMENTS {
        return Err(QuantError::Malformed { what: "input values", expected: MAX_ELEMENTS, got: inputs });
    }
    let mut bounds = vec![Interval::RAW; inputs];
    for (index, step) in program.steps.iter().enumerate() {
        let next = step_bounds(step, &program.tables, &bounds).map_err(|e| e.at_step(index))?;
        bounds.extend(next);
    }
    for &wire in &program.outputs {
        at(&bounds, wire)?;
    }
    for (name, wire) in [("in_domain", program.in_domain), ("unsaturated", program.unsaturated)] {
        let found = at(&bounds, wire)?;
        if !(Interval { lo: 0, hi: 1 }).contains(found) {
            return Err(QuantError::Flag { name, lo: found.lo, hi: found.hi });
        }
    }
    Ok(bounds)
}

/// Intervals of one step's outputs, given those of all earlier wires.
///
/// # Errors
/// As [`check`], without the step's index.
pub fn step_bounds(step: &Step, tables: &[Table], bounds: &[Interval]) -> Result<Vec<Interval>, QuantError> {
    match step {
        Step::Linear(linear) => linear_bounds(linear, bounds),
        Step::Function(function) => Ok(vec![function_bounds(function, tables, bounds)?]),
        Step::Divide(d) => {
            let (n, d) = (at(bounds, d.numerator)?, at(bounds, d.denominator)?);
            if d.lo < 1 {
                return Err(QuantError::Domain { table: "division".into(), lo: d.lo, hi: d.hi });
            }
            let corners = [n.lo.div_euclid(d.lo), n.lo.div_euclid(d.hi), n.hi.div_euclid(d.lo), n.hi.div_euclid(d.hi)];
            let (lo, hi) = corners.iter().fold((i64::MAX, i64::MIN), |(lo, hi), &c| (lo.min(c), hi.max(c)));
            Ok(vec![lane_output(lo.into(), hi.into(), Requant::Identity)?])
        }
        Step::Sqrt(s) => {
            let x = at(bounds, s.input)?;
            let root = |v: i64| u64::try_from(v).map(|v| v.isqrt() as i64);
            match (root(x.lo), root(x.hi)) {
                (Ok(lo), Ok(hi)) => Ok(vec![Interval { lo, hi }]),
                _ => Err(QuantError::Domain { table: "root".into(), lo: x.lo, hi: x.hi }),
            }
        }
        Step::Block(block) => block_bounds(block, bounds),
        Step::MatMul(product) => matmul_bounds(product, bounds),
    }
}

/// What requantisation makes of a lane in `[lo, hi]`, if a lane can hold that.
fn lane_output(lo: i128, hi: i128, requant: Requant) -> Result<Interval, QuantError> {
    let limit = i128::from(Y_LIMIT);
    if lo < -limit || hi >= limit {
        return Err(QuantError::LaneRange { lo, hi, limit: Y_LIMIT });
    }
    // Inside 41 bits now, so the conversion is exact, and requantisation is monotone.
    Ok(Interval { lo: requant.apply(lo as i64), hi: requant.apply(hi as i64) })
}

fn block_bounds(block: &Block, bounds: &[Interval]) -> Result<Vec<Interval>, QuantError> {
    if block.width == 0 || block.lanes.is_empty() || !block.operands.len().is_multiple_of(block.width) {
        let (expected, got) = (block.width.max(1), block.operands.len());
        return Err(QuantError::Malformed { what: "operands of a block", expected, got });
    }
    let zero = Interval { lo: 0, hi: 0 };
    let known = |&w: &Wire| if w == NO_WIRE { Ok(zero) } else { at(bounds, w) };
    let operands = block.operands.iter().map(known).collect::<Result<Vec<_>, _>>()?;
    let mut results = Vec::with_capacity(block.vectors() * block.lanes.len());
    for vector in operands.chunks_exact(block.width) {
        for lane in &block.lanes {
            let (lo, hi) = lane_interval(lane, vector, &[])?;
            results.push(lane_output(lo, hi, lane.requant)?);
        }
    }
    Ok(results)
}

fn matmul_bounds(product: &MatMul, bounds: &[Interval]) -> Result<Vec<Interval>, QuantError> {
    let (a, b, inner) = (product.a.len(), product.b.len(), product.inner);
    if inner == 0 || a == 0 || b == 0 || !a.is_multiple_of(inner) || !b.is_multiple_of(inner) {
        return Err(QuantError::Malformed {
            what: "operands of a matrix product",
            expected: inner.max(1),
            got: a.min(b),
        });
    }
    if product.bias.unsigned_abs() > MAX_BIAS.unsigned_abs() {
        return Err(QuantError::Weight { value: product.bias, limit: MAX_BIAS });
    }
    let read = |list: &[Wire]| list.iter().map(|&w| at(bounds, w)).collect::<Result<Vec<_>, _>>();
    let (a, b) = (read(&product.a)?, read(&product.b)?);
    let mut results = Vec::with_capacity(a.len() / inner * (b.len() / inner));
    for row in a.chunks_exact(inner) {
        for column in b.chunks_exact(inner) {
            let (mut lo, mut hi) = (i128::from(product.bias), i128::from(product.bias));
            for (&x, &y) in row.iter().zip(column) {
                let (from, to) = product_interval(x, y);
                lo += from;
                hi += to;
            }
            results.push(lane_output(lo, hi, product.requant)?);
        }
    }
    Ok(results)
}

/// Exact interval of a product of two wires (for a square, of independent factors: still sound).
pub(super) fn product_interval(x: Interval, y: Interval) -> (i128, i128) {
    let corner = |a: i64, b: i64| i128::from(a) * i128::from(b);
    let corners = [corner(x.lo, y.lo), corner(x.lo, y.hi), corner(x.hi, y.lo), corner(x.hi, y.hi)];
    corners.iter().fold((i128::MAX, i128::MIN), |(lo, hi), &c| (lo.min(c), hi.max(c)))
}

fn linear_bounds(linear: &Linear, bounds: &[Interval]) -> Result<Vec<Interval>, QuantError> {
    if linear.lanes.is_empty() || linear.lanes.len() > LANES {
        return Err(QuantError::Malformed { what: "lanes", expected: LANES, got: linear.lanes.len() });
    }
    let operands = linear.operands.iter().map(|&w| at(bounds, w)).collect::<Result<Vec<_>, _>>()?;
    let pair = |&(a, b): &(Wire, Wire)| {
        let product = product_interval(at(bounds, a)?, at(bounds, b)?);
        // A square is never negative.
        Ok(if a == b { (product.0.max(0), product.1) } else { product })
    };
    let pairs = linear.products.iter().map(pair).collect::<Result<Vec<_>, QuantError>>()?;
    let lane = |lane: &Lane| {
        let (lo, hi) = lane_interval(lane, &operands, &pairs)?;
        lane_output(lo, hi, lane.requant)
    };
    linear.lanes.iter().map(lane).collect()
}

/// Exact interval of a lane before requantisation.
///
/// # Errors
/// [`QuantError::Malformed`] and [`QuantError::Weight`] for a lane that no circuit can hold.
pub fn lane_interval(lane: &Lane, operands: &[Interval], pairs: &[(i128, i128)]) -> Result<(i128, i128), QuantError> {
    if lane.weights.len() != operands.len() {
        return Err(QuantError::Malformed { what: "weights", expected: operands.len(), got: lane.weights.len() });
    }
    if lane.products.len() != pairs.len() {
        return Err(QuantError::Malformed {
            what: "weights of products",
            expected: pairs.len(),
            got: lane.products.len(),
        });
    }
    if lane.bias.unsigned_abs() > MAX_BIAS.unsigned_abs() {
        return Err(QuantError::Weight { value: lane.bias, limit: MAX_BIAS });
    }
    let (mut lo, mut hi) = (i128::from(lane.bias), i128::from(lane.bias));
    for (&weight, x) in lane.weights.iter().zip(operands) {
        if weight.unsigned_abs() > MAX_WEIGHT.unsigned_abs() {
            return Err(QuantError::Weight { value: weight, limit: MAX_WEIGHT });
        }
        let (a, b) = (i128::from(weight) * i128::from(x.lo), i128::from(weight) * i128::from(x.hi));
        lo += a.min(b);
        hi += a.max(b);
    }
    for (&weight, &(from, to)) in lane.products.iter().zip(pairs) {
        if weight.unsigned_abs() > MAX_WEIGHT.unsigned_abs() {
            return Err(QuantError::Weight { value: weight, limit: MAX_WEIGHT });
        }
        // At most 2^40 · 2^80.
        let (a, b) = (i128::from(weight) * from, i128::from(weight) * to);
        lo = lo.saturating_add(a.min(b));
        hi = hi.saturating_add(a.max(b));
    }
    Ok((lo, hi))
}

fn function_bounds(function: &Function, tables: &[Table], bounds: &[Interval]) -> Result<Interval, QuantError> {
    let table = tables.get(function.table).ok_or(QuantError::Malformed {
        what: "table index",
        expected: tables.len(),
        got: function.table,
    })?;
    let x = at(bounds, function.input)?;
    let (first, last) = (x.lo >> LIMB_BITS, x.hi >> LIMB_BITS);
    let entry = |hi: i64| {
        let index = hi.checked_sub(table.first).and_then(|i| usize::try_from(i).ok());
        index.and_then(|i| table.entries.get(i)).ok_or(QuantError::Domain {
            table: table.name.clone(),
            lo: x.lo,
            hi: x.hi,
        })
    };
    let limit = i128::from(Y_LIMIT);
    let (mut lo, mut hi) = (i128::MAX, i128::MIN);
    for part in first..=last {
        let &(base, slope) = entry(part)?;
        for step in [0, (1i128 << LIMB_BITS) - 1] {
            let y = (i128::from(base) << LIMB_BITS) + i128::from(slope) * step;
            lo = lo.min(y);
            hi = hi.max(y);
        }
        if lo < -limit || hi >= limit {
            return Err(QuantError::LaneRange { lo, hi, limit: Y_LIMIT });
        }
    }
    Ok(Interval { lo: function.requant.apply(lo as i64), hi: function.requant.apply(hi as i64) })
}

fn at(bounds: &[Interval], wire: Wire) -> Result<Interval, QuantError> {
    bounds.get(wire as usize).copied().ok_or(QuantError::Wire { wire, known: bounds.len() })
}
