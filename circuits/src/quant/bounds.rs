//! Proves that no input can leave a program's integer ranges, by exact interval arithmetic over the program's steps.
//!
//! Bounds come only from what the circuit enforces: raw sources are range-checked to `[-2^39, 2^39)`, everything else follows
//! from the steps. Calibration data never enters here. Keygen calls [`check`] and refuses a program that fails.

use serde::{Deserialize, Serialize};

use super::QuantError;
use super::norms::{Norms, relief};
use super::program::{
    Block, Function, LANES, LIMB_BITS, Lane, Linear, MAX_WIRES, MatMul, NO_WIRE, Program, RAW_BITS, Requant, Step,
    Table, Wire, Y_BITS,
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
    let inputs = program.inputs();
    if inputs > MAX_WIRES {
        return Err(QuantError::Malformed { what: "input values", expected: MAX_WIRES, got: inputs });
    }
    let mut bounds = vec![Interval::RAW; inputs];
    let mut norms = Norms::default();
    for (index, step) in program.steps.iter().enumerate() {
        let next = step_bounds_with(step, &program.tables, &bounds, &norms).map_err(|e| e.at_step(index))?;
        norms.learn(step, &bounds);
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

/// Intervals of one step's outputs, given those of all earlier wires and nothing else.
///
/// # Errors
/// As [`check`], without the step's index.
pub fn step_bounds(step: &Step, tables: &[Table], bounds: &[Interval]) -> Result<Vec<Interval>, QuantError> {
    step_bounds_with(step, tables, bounds, &Norms::default())
}

/// [`step_bounds`], with what is known of earlier wires besides their intervals.
pub(super) fn step_bounds_with(
    step: &Step,
    tables: &[Table],
    bounds: &[Interval],
    norms: &Norms,
) -> Result<Vec<Interval>, QuantError> {
    // Before anything is allocated: a few bytes can ask for billions of wires.
    let wires = bounds.len().saturating_add(step.outputs());
    if wires > MAX_WIRES {
        return Err(QuantError::Malformed { what: "wires", expected: MAX_WIRES, got: wires });
    }
    match step {
        Step::Linear(linear) => linear_bounds(linear, bounds, norms),
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
        Step::Block(block) => block_bounds(block, bounds, norms),
        Step::MatMul(product) => matmul_bounds(product, bounds, norms),
    }
}

/// What requantisation makes of a lane in `[lo, hi]`, if a lane can hold that.
fn lane_output(lo: i128, hi: i128, requant: Requant) -> Result<Interval, QuantError> {
    let limit = i128::from(Y_LIMIT);
    // No true interval is empty.
    if lo < -limit || hi >= limit || lo > hi {
        return Err(QuantError::LaneRange { lo, hi, limit: Y_LIMIT });
    }
    // Inside 41 bits now, so the conversion is exact, and requantisation is monotone.
    Ok(Interval { lo: requant.apply(lo as i64), hi: requant.apply(hi as i64) })
}

fn block_bounds(block: &Block, bounds: &[Interval], norms: &Norms) -> Result<Vec<Interval>, QuantError> {
    let whole = block.width > 0 && block.operands.len().is_multiple_of(block.width);
    // Without a vector nothing would look at the lanes.
    if !whole || block.operands.is_empty() || block.lanes.is_empty() {
        let (expected, got) = (block.width.max(1), block.operands.len());
        return Err(QuantError::Malformed { what: "operands of a block", expected, got });
    }
    let zero = Interval { lo: 0, hi: 0 };
    let known = |&w: &Wire| if w == NO_WIRE { Ok(zero) } else { at(bounds, w) };
    let operands = block.operands.iter().map(known).collect::<Result<Vec<_>, _>>()?;
    let mut results = Vec::with_capacity(block.vectors() * block.lanes.len());
    for (vector, wires) in operands.chunks_exact(block.width).zip(block.operands.chunks_exact(block.width)) {
        let wholes = norms.wholes(wires.iter().copied());
        for lane in &block.lanes {
            let (lo, hi) = lane_interval(lane, vector, &[])?;
            let (below, above) = relief(&wholes, &lane.weights, vector);
            results.push(lane_output(lo + below, hi - above, lane.requant)?);
        }
    }
    Ok(results)
}

fn matmul_bounds(product: &MatMul, bounds: &[Interval], norms: &Norms) -> Result<Vec<Interval>, QuantError> {
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
    for (row, wires) in a.chunks_exact(inner).zip(product.a.chunks_exact(inner)) {
        let wholes = norms.wholes(wires.iter().copied());
        for column in b.chunks_exact(inner) {
            let (mut lo, mut hi) = (i128::from(product.bias), i128::from(product.bias));
            for (&x, &y) in row.iter().zip(column) {
                let (from, to) = product_interval(x, y);
                lo += from;
                hi += to;
            }
            for (whole, places) in &wholes {
                let (below, above) = whole.relief_of_products(places.iter().map(|&i| (row[i], column[i])));
                (lo, hi) = (lo + below, hi - above);
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

fn linear_bounds(linear: &Linear, bounds: &[Interval], norms: &Norms) -> Result<Vec<Interval>, QuantError> {
    if linear.lanes.is_empty() || linear.lanes.len() > LANES {
        return Err(QuantError::Malformed { what: "lanes", expected: LANES, got: linear.lanes.len() });
    }
    let operands = linear.operands.iter().map(|&w| at(bounds, w)).collect::<Result<Vec<_>, _>>()?;
    let pair = |&(a, b): &(Wire, Wire)| {
        at(bounds, a)?;
        at(bounds, b)?;
        Ok(norms.product((a, b), bounds))
    };
    let pairs = linear.products.iter().map(pair).collect::<Result<Vec<_>, QuantError>>()?;
    let wholes = norms.wholes(linear.operands.iter().copied());
    let lane = |lane: &Lane| {
        let (lo, hi) = lane_interval(lane, &operands, &pairs)?;
        let (below, above) = relief(&wholes, &lane.weights, &operands);
        lane_output(lo + below, hi - above, lane.requant)
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
        // At most 2^40 · 2^80 each, so a few hundred can leave 128 bits. Sums that did come back would hide how far they were.
        let (a, b) = (i128::from(weight) * from, i128::from(weight) * to);
        let beyond = QuantError::LaneRange { lo: i128::MIN, hi: i128::MAX, limit: Y_LIMIT };
        (lo, hi) = lo.checked_add(a.min(b)).zip(hi.checked_add(a.max(b))).ok_or(beyond)?;
    }
    Ok((lo, hi))
}

fn function_bounds(function: &Function, tables: &[Table], bounds: &[Interval]) -> Result<Interval, QuantError> {
    let unknown = || QuantError::Malformed { what: "table index", expected: tables.len(), got: function.table };
    let table = tables.get(function.table).ok_or_else(unknown)?;
    let x = at(bounds, function.input)?;
    let outside = || QuantError::Domain { table: table.name.clone(), lo: x.lo, hi: x.hi };
    let (first, last) = (x.lo >> LIMB_BITS, x.hi >> LIMB_BITS);
    let entry = |hi: i64| {
        let index = hi.checked_sub(table.first).and_then(|i| usize::try_from(i).ok());
        index.and_then(|i| table.entries.get(i)).ok_or_else(outside)
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

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::quant::program::{Divide, Sqrt};

    const LANE: i64 = 1 << Y_BITS;

    fn interval(lo: i64, hi: i64) -> Interval {
        Interval { lo, hi }
    }

    fn alone(step: Step, bounds: &[Interval]) -> Result<Interval, QuantError> {
        let all = step_bounds(&step, &[], bounds)?;
        assert_eq!(all.len(), 1);
        Ok(all[0])
    }

    fn quotient(n: Interval, d: Interval) -> Result<Interval, QuantError> {
        alone(Step::Divide(Divide { numerator: 0, denominator: 1 }), &[n, d])
    }

    fn ordered(a: i64, b: i64) -> Interval {
        interval(a.min(b), a.max(b))
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn interval_of_a_quotient_is_exact(a in -40i64..40, b in -40i64..40, c in 1i64..15, d in 1i64..15) {
            let (n, d) = (ordered(a, b), ordered(c, d));
            let all = || (n.lo..=n.hi).flat_map(|n| (d.lo..=d.hi).map(move |d| n.div_euclid(d)));
            prop_assert_eq!(quotient(n, d), Ok(interval(all().min().unwrap(), all().max().unwrap())));
        }

        #[test]
        fn interval_of_a_product_is_exact(a in -9i64..9, b in -9i64..9, c in -9i64..9, d in -9i64..9) {
            let (x, y) = (ordered(a, b), ordered(c, d));
            let all = || (x.lo..=x.hi).flat_map(|x| (y.lo..=y.hi).map(move |y| i128::from(x * y)));
            prop_assert_eq!(product_interval(x, y), (all().min().unwrap(), all().max().unwrap()));
        }
    }

    #[test]
    fn quotients_reach_the_edges_of_a_lane_and_denominators_start_at_one() {
        let edge = interval(-LANE, LANE - 1);
        assert_eq!(quotient(edge, interval(1, LANE - 1)), Ok(edge));
        for lo in [0, -1, -LANE] {
            let refused = QuantError::Domain { table: "division".into(), lo, hi: 5 };
            assert_eq!(quotient(edge, interval(lo, 5)), Err(refused));
        }
    }

    #[test]
    fn roots_are_bounded_by_roots_and_refused_below_zero() {
        let root = |x| alone(Step::Sqrt(Sqrt { input: 0 }), &[x]);
        assert_eq!(root(interval(0, LANE - 1)), Ok(interval(0, (1 << 20) - 1)));
        assert_eq!(root(interval(15, 16)), Ok(interval(3, 4)));
        let refused = QuantError::Domain { table: "root".into(), lo: -1, hi: 4 };
        assert_eq!(root(interval(-1, 4)), Err(refused));
    }

    fn products(weights: Vec<i64>, pair: (Wire, Wire)) -> Step {
        let products = vec![pair; weights.len()];
        Step::Linear(Linear { operands: vec![], products, lanes: vec![Lane { products: weights, ..Lane::default() }] })
    }

    #[test]
    fn a_square_is_not_negative_and_a_product_may_be() {
        let bounds = [interval(-5, 3), interval(-5, 3)];
        assert_eq!(alone(products(vec![1], (0, 0)), &bounds), Ok(interval(0, 25)));
        assert_eq!(alone(products(vec![1], (0, 1)), &bounds), Ok(interval(-15, 25)));
    }

    #[test]
    fn sum_that_leaves_128_bits_and_comes_back_is_refused() {
        // -200 · 2^120 and then +200 · 2^120 is 0, but a bound that stops at -2^127 in between would call it 72 · 2^120, and with 128 of the
        // second kind a sum of -72 · 2^120 would pass for 0: lanes of such a sum say nothing.
        let pinned = [interval(-LANE, -LANE)];
        for back in [128, 200] {
            let weights = [vec![-LANE; 200], vec![LANE; back]].concat();
            let found = alone(products(weights, (0, 0)), &pinned);
            assert!(matches!(found, Err(QuantError::LaneRange { lo: i128::MIN, .. })), "{back}: {found:?}");
        }
        let apart = vec![-LANE, LANE];
        assert_eq!(alone(products(apart, (0, 0)), &pinned), Ok(interval(0, 0)));
    }

    #[test]
    fn weights_of_products_are_limited_and_counted() {
        let unit = [interval(0, 0)];
        let error = alone(products(vec![LANE + 1], (0, 0)), &unit).unwrap_err();
        assert_eq!(error, QuantError::Weight { value: LANE + 1, limit: MAX_WEIGHT });
        let Step::Linear(mut linear) = products(vec![1], (0, 0)) else { unreachable!() };
        linear.lanes[0].products.push(1);
        let expected = QuantError::Malformed { what: "weights of products", expected: 1, got: 2 };
        assert_eq!(alone(Step::Linear(linear), &unit), Err(expected));
    }

    #[test]
    fn a_wire_that_is_none_stands_in_blocks_only() {
        let bounds = [interval(2, 3)];
        let lane = Lane { weights: vec![7, 1], ..Lane::default() };
        let block = Block { width: 2, operands: vec![NO_WIRE, 0], lanes: vec![lane.clone()] };
        assert_eq!(alone(Step::Block(block), &bounds), Ok(interval(2, 3)));
        let matmul = MatMul { inner: 1, a: vec![NO_WIRE], b: vec![0], bias: 0, requant: Requant::Identity };
        for step in [
            Step::Linear(Linear { operands: vec![NO_WIRE, 0], lanes: vec![lane], ..Linear::default() }),
            products(vec![1], (0, NO_WIRE)),
            Step::Divide(Divide { numerator: NO_WIRE, denominator: 0 }),
            Step::Divide(Divide { numerator: 0, denominator: NO_WIRE }),
            Step::Sqrt(Sqrt { input: NO_WIRE }),
            Step::MatMul(matmul),
        ] {
            assert_eq!(alone(step, &bounds), Err(QuantError::Wire { wire: NO_WIRE, known: 1 }));
        }
    }

    #[test]
    fn malformed_blocks_are_refused() {
        let bounds = [interval(0, 1)];
        let lane = |weights: usize| Lane { weights: vec![1; weights], ..Lane::default() };
        let block = |width, operands: usize, lanes| Step::Block(Block { width, operands: vec![0; operands], lanes });
        // No width, no lane, a vector cut short; without a vector nothing would look at the lane's weights.
        for step in
            [block(0, 2, vec![lane(0)]), block(2, 2, vec![]), block(2, 3, vec![lane(2)]), block(2, 0, vec![lane(9)])]
        {
            let found = step_bounds(&step, &[], &bounds);
            assert!(matches!(found, Err(QuantError::Malformed { what: "operands of a block", .. })), "{found:?}");
        }
        for weights in [1, 3] {
            let expected = QuantError::Malformed { what: "weights", expected: 2, got: weights };
            assert_eq!(step_bounds(&block(2, 4, vec![lane(weights)]), &[], &bounds), Err(expected));
        }
        let extra = Lane { products: vec![1], ..lane(1) };
        let expected = QuantError::Malformed { what: "weights of products", expected: 0, got: 1 };
        assert_eq!(step_bounds(&block(1, 1, vec![extra]), &[], &bounds), Err(expected));
    }

    #[test]
    fn malformed_matrix_products_are_refused() {
        let bounds = [interval(0, 1)];
        let step = |inner, a: usize, b: usize, bias| {
            Step::MatMul(MatMul { inner, a: vec![0; a], b: vec![0; b], bias, requant: Requant::Identity })
        };
        for step in [step(0, 1, 1, 0), step(1, 0, 1, 0), step(1, 1, 0, 0), step(2, 3, 2, 0), step(2, 2, 3, 0)] {
            let found = step_bounds(&step, &[], &bounds);
            assert!(
                matches!(found, Err(QuantError::Malformed { what: "operands of a matrix product", .. })),
                "{found:?}"
            );
        }
        let found = step_bounds(&step(1, 1, 1, MAX_BIAS + 1), &[], &bounds);
        assert_eq!(found, Err(QuantError::Weight { value: MAX_BIAS + 1, limit: MAX_BIAS }));
        assert_eq!(step_bounds(&step(2, 2, 4, 3), &[], &bounds), Ok(vec![interval(3, 5); 2]));
        let wide = [interval(-LANE, LANE - 1)];
        let found = step_bounds(&step(1, 1, 1, 0), &[], &wide);
        assert!(matches!(found, Err(QuantError::LaneRange { .. })), "{found:?}");
    }

    #[test]
    fn steps_of_too_many_wires_are_refused_before_they_are_computed() {
        // 2^13 vectors of 2^13 lanes: a few hundred kilobytes that ask for a gigabyte of intervals.
        let lanes = vec![Lane { weights: vec![0], ..Lane::default() }; 1 << 13];
        let block = Step::Block(Block { width: 1, operands: vec![0; 1 << 13], lanes });
        let list = vec![0; 1 << 13];
        let matmul = Step::MatMul(MatMul { inner: 1, a: list.clone(), b: list, bias: 0, requant: Requant::Shift });
        for step in [block, matmul] {
            let found = step_bounds(&step, &[], &[interval(0, 0)]);
            let expected = QuantError::Malformed { what: "wires", expected: MAX_WIRES, got: (1 << 26) + 1 };
            assert_eq!(found, Err(expected));
        }
    }

    #[test]
    fn sign_is_a_bit() {
        let lane = |bias| Lane { bias, weights: vec![1], requant: Requant::Sign, ..Lane::default() };
        let step = Linear { operands: vec![0], lanes: vec![lane(0), lane(-4), lane(5)], ..Linear::default() };
        let found = step_bounds(&Step::Linear(step), &[], &[interval(-5, 3)]);
        assert_eq!(found, Ok(vec![interval(0, 1), interval(0, 0), interval(1, 1)]));
    }

    #[test]
    fn arguments_outside_their_table_are_refused() {
        let table = Table { name: "t".into(), first: -1, entries: vec![(0, 0), (5, 1)] };
        let step = Step::Function(Function { table: 0, input: 0, requant: Requant::Identity });
        let run = |x| step_bounds(&step, std::slice::from_ref(&table), &[x]);
        assert_eq!(run(interval(-1024, 1023)), Ok(vec![interval(0, 5 * 1024 + 1023)]));
        for (lo, hi) in [(-1025, 0), (0, 1024), (5000, 5000)] {
            assert_eq!(run(interval(lo, hi)), Err(QuantError::Domain { table: "t".into(), lo, hi }));
        }
    }

    #[test]
    fn flags_are_bits() {
        let lane = |bias| Lane { bias, ..Lane::default() };
        for (bias, ok) in [(0, true), (1, true), (2, false), (-1, false)] {
            let lanes = vec![lane(1), lane(bias)];
            for (in_domain, unsaturated) in [(1, 2), (2, 1)] {
                let steps = vec![Step::Linear(Linear { lanes: lanes.clone(), ..Linear::default() })];
                let program =
                    Program { sources: vec![1], tables: vec![], steps, outputs: vec![0], in_domain, unsaturated };
                assert_eq!(check(&program).is_ok(), ok, "{bias}");
            }
        }
    }
}
