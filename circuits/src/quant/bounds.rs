//! Proves that no input can leave a program's integer ranges, by exact interval arithmetic over the program's steps.
//!
//! Bounds come only from what the circuit enforces: raw sources are range-checked to `[-2^39, 2^39)`, everything else follows
//! from the steps. Calibration data never enters here. Keygen calls [`check`] and refuses a program that fails.

use serde::{Deserialize, Serialize};

use crate::model::tensor::MAX_ELEMENTS;

use super::QuantError;
use super::program::{Function, LANES, LIMB_BITS, Lane, Linear, Program, RAW_BITS, Step, Table, Wire, Y_BITS};

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
    }
}

fn linear_bounds(linear: &Linear, bounds: &[Interval]) -> Result<Vec<Interval>, QuantError> {
    if linear.lanes.is_empty() || linear.lanes.len() > LANES {
        return Err(QuantError::Malformed { what: "lanes", expected: LANES, got: linear.lanes.len() });
    }
    let operands = linear.operands.iter().map(|&w| at(bounds, w)).collect::<Result<Vec<_>, _>>()?;
    linear
        .lanes
        .iter()
        .map(|lane| {
            let (lo, hi) = lane_interval(lane, &operands)?;
            let limit = i128::from(Y_LIMIT);
            if lo < -limit || hi >= limit {
                return Err(QuantError::LaneRange { lo, hi, limit: Y_LIMIT });
            }
            // Inside 41 bits now, so the conversion is exact, and requantisation is monotone.
            Ok(Interval { lo: lane.requant.apply(lo as i64), hi: lane.requant.apply(hi as i64) })
        })
        .collect()
}

/// Exact interval of a lane before requantisation.
///
/// # Errors
/// [`QuantError::Malformed`] and [`QuantError::Weight`] for a lane that no circuit can hold.
pub fn lane_interval(lane: &Lane, operands: &[Interval]) -> Result<(i128, i128), QuantError> {
    if lane.weights.len() != operands.len() {
        return Err(QuantError::Malformed { what: "weights", expected: operands.len(), got: lane.weights.len() });
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
