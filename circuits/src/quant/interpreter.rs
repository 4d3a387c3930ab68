//! Runs an integer program: the ground truth that circuit and node must match bit for bit.
//!
//! Every lane's range is checked while it runs. For a program that [`super::bounds::check`] accepts, no raw input in range can fail.

use super::QuantError;
use super::bounds::{Interval, Y_LIMIT};
use super::program::{LIMB_BITS, Lane, Linear, Program, RAW_BITS, Requant, Step, Table, Wire};

/// Everything that a run computed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Evaluation {
    /// The value of every wire, inputs first.
    pub wires: Vec<i64>,
    /// The values of [`Program::outputs`].
    pub outputs: Vec<i64>,
    /// Whether no input was clamped to the declared domain.
    pub in_domain: bool,
    /// Whether nothing saturated inside.
    pub unsaturated: bool,
}

impl Program {
    /// Runs the program on the raw values of all sources, in order.
    ///
    /// # Errors
    /// The wrong number of inputs, an input outside `[-2^39, 2^39)`, or a program that breaks its own rules.
    pub fn evaluate(&self, inputs: &[i64]) -> Result<Evaluation, QuantError> {
        if inputs.len() != self.inputs() {
            return Err(QuantError::InputWidth { expected: self.inputs(), got: inputs.len() });
        }
        for (index, &value) in inputs.iter().enumerate() {
            if !(Interval::RAW.lo..=Interval::RAW.hi).contains(&value) {
                return Err(QuantError::RawRange { index, value, bits: RAW_BITS });
            }
        }
        let mut wires = Vec::with_capacity(self.wires());
        wires.extend_from_slice(inputs);
        for (index, step) in self.steps.iter().enumerate() {
            step_values(step, &self.tables, &mut wires).map_err(|e| e.at_step(index))?;
        }
        let outputs = self.outputs.iter().map(|&w| value(&wires, w)).collect::<Result<_, _>>()?;
        let in_domain = flag("in_domain", value(&wires, self.in_domain)?)?;
        let unsaturated = flag("unsaturated", value(&wires, self.unsaturated)?)?;
        Ok(Evaluation { wires, outputs, in_domain, unsaturated })
    }
}

/// Appends one step's outputs to `wires`.
///
/// # Errors
/// As [`Program::evaluate`], without the step's index.
pub fn step_values(step: &Step, tables: &[Table], wires: &mut Vec<i64>) -> Result<(), QuantError> {
    match step {
        Step::Linear(Linear { operands, lanes }) => {
            let x = operands.iter().map(|&w| value(wires, w)).collect::<Result<Vec<_>, _>>()?;
            for lane in lanes {
                wires.push(requantised(lane_value(lane, &x)?, lane.requant)?);
            }
        }
        Step::Function(f) => {
            let x = value(wires, f.input)?;
            let table = tables.get(f.table).ok_or(QuantError::Malformed {
                what: "table index",
                expected: tables.len(),
                got: f.table,
            })?;
            let (hi, lo) = (x >> LIMB_BITS, x & ((1 << LIMB_BITS) - 1));
            let index = hi.checked_sub(table.first).and_then(|i| usize::try_from(i).ok());
            let &(base, slope) = index.and_then(|i| table.entries.get(i)).ok_or_else(|| QuantError::Domain {
                table: table.name.clone(),
                lo: x,
                hi: x,
            })?;
            let y = (i128::from(base) << LIMB_BITS) + i128::from(slope) * i128::from(lo);
            wires.push(requantised(y, f.requant)?);
        }
    }
    Ok(())
}

/// A lane before requantisation; exact.
///
/// # Errors
/// [`QuantError::Malformed`] when weights and operands differ in number.
pub fn lane_value(lane: &Lane, operands: &[i64]) -> Result<i128, QuantError> {
    if lane.weights.len() != operands.len() {
        return Err(QuantError::Malformed { what: "weights", expected: operands.len(), got: lane.weights.len() });
    }
    let products = lane.weights.iter().zip(operands).map(|(&w, &x)| i128::from(w) * i128::from(x));
    Ok(products.fold(i128::from(lane.bias), |sum, p| sum + p))
}

fn requantised(y: i128, requant: Requant) -> Result<i64, QuantError> {
    let limit = i128::from(Y_LIMIT);
    if y < -limit || y >= limit {
        return Err(QuantError::LaneRange { lo: y, hi: y, limit: Y_LIMIT });
    }
    Ok(requant.apply(y as i64))
}

fn value(wires: &[i64], wire: Wire) -> Result<i64, QuantError> {
    wires.get(wire as usize).copied().ok_or(QuantError::Wire { wire, known: wires.len() })
}

fn flag(name: &'static str, value: i64) -> Result<bool, QuantError> {
    match value {
        0 => Ok(false),
        1 => Ok(true),
        _ => Err(QuantError::Flag { name, lo: value, hi: value }),
    }
}
