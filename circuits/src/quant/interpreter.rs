//! Runs an integer program: the ground truth that circuit and node must match bit for bit.
//!
//! Every lane's range is checked while it runs. For a program that [`super::bounds::check`] accepts, no raw input in range can fail.

use super::QuantError;
use super::bounds::{Interval, Y_LIMIT};
use super::program::{
    Block, Divide, Function, LIMB_BITS, Lane, Linear, MAX_WIRES, MatMul, NO_WIRE, Program, RAW_BITS, Requant, Sqrt,
    Step, Table, Wire,
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
        let count = self.wires();
        if count > MAX_WIRES {
            return Err(QuantError::Malformed { what: "wires", expected: MAX_WIRES, got: count });
        }
        let mut wires = Vec::with_capacity(count);
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

/// A lane before requantisation, exactly.
///
/// # Errors
/// [`QuantError::Malformed`] when weights and operands, or products, differ in number; [`QuantError::LaneRange`] when the sum leaves 128 bits, which
/// the bounds refuse too.
pub fn lane_value(lane: &Lane, operands: &[i64], pairs: &[(i64, i64)]) -> Result<i128, QuantError> {
    if lane.weights.len() != operands.len() || lane.products.len() != pairs.len() {
        let (expected, got) = (operands.len() + pairs.len(), lane.weights.len() + lane.products.len());
        return Err(QuantError::Malformed { what: "weights", expected, got });
    }
    let linear = lane.weights.iter().zip(operands).map(|(&w, &x)| Some(i128::from(w) * i128::from(x)));
    let product = |(&w, &(a, b)): (&i64, &(i64, i64))| i128::from(w).checked_mul(i128::from(a) * i128::from(b));
    // In the order in which the bounds add, which then hold at each point of the sum.
    let sum = linear
        .chain(lane.products.iter().zip(pairs).map(product))
        .try_fold(i128::from(lane.bias), |sum, term| sum.checked_add(term?));
    sum.ok_or(QuantError::LaneRange { lo: i128::MIN, hi: i128::MAX, limit: Y_LIMIT })
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

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::quant::bounds;
    use crate::testing::random;

    const LANE: i64 = 1 << 40;

    fn alone(step: Step, wires: &[i64]) -> Result<i64, QuantError> {
        let mut all = wires.to_vec();
        step_values(&step, &[], &mut all)?;
        assert_eq!(all.len(), wires.len() + 1);
        Ok(all[wires.len()])
    }

    fn quotient(n: i64, d: i64) -> Result<i64, QuantError> {
        alone(Step::Divide(Divide { numerator: 0, denominator: 1 }), &[n, d])
    }

    fn root(x: i64) -> Result<i64, QuantError> {
        alone(Step::Sqrt(Sqrt { input: 0 }), &[x])
    }

    /// A value of a wire, small ones and edges more often.
    fn wire() -> impl Strategy<Value = i64> {
        prop_oneof![-LANE..LANE, -20i64..20, Just(-LANE), Just(LANE - 1)]
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 500, failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn quotient_is_the_only_integer_with_a_remainder_below_the_denominator(n in wire(), d in wire()) {
            let d = if d < 1 { 1 - d.max(-LANE + 2) } else { d };
            let q = i128::from(quotient(n, d).unwrap());
            let rest = i128::from(n) - q * i128::from(d);
            prop_assert!((0..i128::from(d)).contains(&rest), "{n} / {d} = {q}");
        }

        #[test]
        fn root_is_the_largest_integer_whose_square_is_not_above(x in 0..LANE, near in 0i64..1 << 20, off in -1i64..=1) {
            for x in [x, (near * near + off).max(0)] {
                let q = i128::from(root(x).unwrap());
                prop_assert!(q >= 0 && q * q <= i128::from(x) && i128::from(x) < (q + 1) * (q + 1), "{x}: {q}");
            }
        }

        #[test]
        fn values_of_random_programs_lie_in_their_intervals(seed in any::<u64>()) {
            let program = random::program(seed);
            let wires = bounds::check(&program).unwrap();
            for more in 0..8 {
                let run = program.evaluate(&random::inputs(seed ^ more, program.inputs())).unwrap();
                prop_assert!(wires.iter().zip(&run.wires).all(|(b, v)| b.lo <= *v && *v <= b.hi));
            }
        }
    }

    #[test]
    fn quotients_and_roots_that_are_not_defined_are_refused() {
        for d in [0, -1, -LANE] {
            assert_eq!(quotient(5, d), Err(QuantError::Domain { table: "division".into(), lo: d, hi: d }));
        }
        assert_eq!(root(-1), Err(QuantError::Domain { table: "root".into(), lo: -1, hi: -1 }));
    }

    #[test]
    fn matrix_product_is_that_of_rows_and_transposed_rows() {
        let mut wires = vec![1, 2, 3, 4, 5, 6];
        let step = MatMul { inner: 2, a: vec![0, 1, 2, 3], b: vec![4, 5, 0, 1], bias: 7, requant: Requant::Identity };
        step_values(&Step::MatMul(step), &[], &mut wires).unwrap();
        // [1 2; 3 4] · [5 1; 6 2] + 7
        assert_eq!(wires[6..], [24, 12, 46, 18]);
    }

    #[test]
    fn block_takes_a_missing_wire_for_zero() {
        let mut wires = vec![10, 20];
        let lane = |bias, weights: [i64; 2]| Lane { bias, weights: weights.to_vec(), ..Lane::default() };
        let operands = vec![0, NO_WIRE, NO_WIRE, 1];
        let step = Block { width: 2, operands, lanes: vec![lane(1, [2, 3]), lane(0, [-1, 5])] };
        step_values(&Step::Block(step), &[], &mut wires).unwrap();
        assert_eq!(wires[2..], [21, -10, 61, 100]);
    }

    #[test]
    fn sums_beyond_128_bits_are_an_error_and_no_panic() {
        let lane = Lane { products: vec![i64::MIN; 4], ..Lane::default() };
        let found = lane_value(&lane, &[], &[(-LANE, -LANE); 4]);
        assert!(matches!(found, Err(QuantError::LaneRange { .. })), "{found:?}");
    }

    #[test]
    fn a_program_of_too_many_wires_is_refused_before_it_runs() {
        let lanes = vec![Lane { weights: vec![0], ..Lane::default() }; 1 << 13];
        let block = Step::Block(Block { width: 1, operands: vec![0; 1 << 13], lanes });
        let program = Program {
            sources: vec![1],
            tables: vec![],
            steps: vec![block; 3],
            outputs: vec![],
            in_domain: 0,
            unsaturated: 0,
        };
        let got = 3 * (1 << 26) + 1;
        assert_eq!(program.evaluate(&[0]), Err(QuantError::Malformed { what: "wires", expected: MAX_WIRES, got }));
    }
}
