//! Runs an integer program: the ground truth that circuit and node must match bit for bit.
//!
//! Every lane's range is checked while it runs. For a program that [`super::bounds::check`] accepts, no raw input in range can fail.

use super::QuantError;
use super::bounds::{Interval, Y_LIMIT};
use super::program::{
    Block, Divide, Function, LIMB_BITS, Lane, Linear, MatMul, NO_WIRE, Program, RAW_BITS, Requant, Sqrt, Step, Table,
    Wire,
};

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
        Step::Linear(l) => linear_values(l, wires),
        Step::Function(f) => {
            let y = function_value(f, tables, wires)?;
            wires.push(requantised(y, f.requant)?);
            Ok(())
        }
        Step::Divide(Divide { numerator, denominator }) => {
            let (n, d) = (value(wires, *numerator)?, value(wires, *denominator)?);
            if d < 1 {
                return Err(QuantError::Domain { table: "division".into(), lo: d, hi: d });
            }
            wires.push(requantised(i128::from(n.div_euclid(d)), Requant::Identity)?);
            Ok(())
        }
        Step::Sqrt(Sqrt { input }) => {
            let x = value(wires, *input)?;
            let root = u64::try_from(x).map_err(|_| QuantError::Domain { table: "root".into(), lo: x, hi: x })?.isqrt();
            wires.push(requantised(i128::from(root), Requant::Identity)?);
            Ok(())
        }
        Step::Block(block) => block_values(block, wires),
        Step::MatMul(product) => matmul_values(product, wires),
    }
}

fn linear_values(Linear { operands, products, lanes }: &Linear, wires: &mut Vec<i64>) -> Result<(), QuantError> {
    let x = operands.iter().map(|&w| value(wires, w)).collect::<Result<Vec<_>, _>>()?;
    let pair = |&(a, b): &(Wire, Wire)| Ok((value(wires, a)?, value(wires, b)?));
    let pairs = products.iter().map(pair).collect::<Result<Vec<_>, QuantError>>()?;
    for lane in lanes {
        let y = lane_value(lane, &x, &pairs)?;
        wires.push(requantised(y, lane.requant)?);
    }
    Ok(())
}

fn function_value(f: &Function, tables: &[Table], wires: &[i64]) -> Result<i128, QuantError> {
    let x = value(wires, f.input)?;
    let wrong = QuantError::Malformed { what: "table index", expected: tables.len(), got: f.table };
    let table = tables.get(f.table).ok_or(wrong)?;
    let (hi, lo) = (x >> LIMB_BITS, x & ((1 << LIMB_BITS) - 1));
    let index = hi.checked_sub(table.first).and_then(|i| usize::try_from(i).ok());
    let outside = || QuantError::Domain { table: table.name.clone(), lo: x, hi: x };
    let &(base, slope) = index.and_then(|i| table.entries.get(i)).ok_or_else(outside)?;
    Ok((i128::from(base) << LIMB_BITS) + i128::from(slope) * i128::from(lo))
}

fn block_values(block: &Block, wires: &mut Vec<i64>) -> Result<(), QuantError> {
    let known: &[i64] = wires;
    let at = |&w: &Wire| if w == NO_WIRE { Ok(0) } else { value(known, w) };
    let x = block.operands.iter().map(at).collect::<Result<Vec<_>, _>>()?;
    let mut results = Vec::with_capacity(block.vectors() * block.lanes.len());
    for vector in x.chunks_exact(block.width.max(1)) {
        for lane in &block.lanes {
            results.push(requantised(lane_value(lane, vector, &[])?, lane.requant)?);
        }
    }
    wires.extend(results);
    Ok(())
}

fn matmul_values(product: &MatMul, wires: &mut Vec<i64>) -> Result<(), QuantError> {
    let read = |list: &[Wire]| list.iter().map(|&w| value(wires, w)).collect::<Result<Vec<_>, _>>();
    let (a, b) = (read(&product.a)?, read(&product.b)?);
    let inner = product.inner.max(1);
    for row in a.chunks_exact(inner) {
        for column in b.chunks_exact(inner) {
            let sum: i128 = row.iter().zip(column).map(|(&x, &y)| i128::from(x) * i128::from(y)).sum();
            wires.push(requantised(sum + i128::from(product.bias), product.requant)?);
        }
    }
    Ok(())
}

/// A lane before requantisation; exact (wires are below `2^40`, weights at most `2^40`).
///
/// # Errors
/// [`QuantError::Malformed`] when weights and operands, or products, differ in number.
pub fn lane_value(lane: &Lane, operands: &[i64], pairs: &[(i64, i64)]) -> Result<i128, QuantError> {
    if lane.weights.len() != operands.len() || lane.products.len() != pairs.len() {
        let (expected, got) = (operands.len() + pairs.len(), lane.weights.len() + lane.products.len());
        return Err(QuantError::Malformed { what: "weights", expected, got });
    }
    let linear: i128 = lane.weights.iter().zip(operands).map(|(&w, &x)| i128::from(w) * i128::from(x)).sum();
    let product = |(&w, &(a, b)): (&i64, &(i64, i64))| i128::from(w) * (i128::from(a) * i128::from(b));
    Ok(i128::from(lane.bias) + linear + lane.products.iter().zip(pairs).map(product).sum::<i128>())
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
