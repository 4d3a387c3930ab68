//! What a program's steps say about a row of values and its norm, beyond the intervals of wires: no value is larger than the root of the sum of the squares.
//!
//! Four steps are read, each for what the circuit enforces of it, as exact integers:
//!
//! 1. a lane `V = b + Σ w_i z_i²` without shift or Relu, `b >= 0`, `w_i >= 1` and no other terms: `Σ z_i² <= V`;
//! 2. a root `D = floor(sqrt(V))`: `|z_i| <= D`, since `z_i` is an integer, and `Σ z_i² <= D² + 2 D`;
//! 3. a lane `E = c + m · D` without shift or Relu, `c >= 0`, `m >= 1` and no other terms: `m · |z_i| <= E`;
//! 4. a quotient `r = floor(n / E)` with `0 <= n <= K`: `|z_i| · r <= |z_i| · n / E <= K / m`.
//!
//! A sum of parts, a lane `E = b + Σ w_i x_i` of wires that are never negative, `b >= 0` and `w_i >= m`, stands for 1 to 3: `m Σ x_i <= E`.
//!
//! So a product `z_i · r` lies in `[-K / m, K / m]`, while its factors' intervals allow far more where `E` may be small. And so do all of them together ([`Whole`]):
//!
//! - `sqrt(Σ (z_i r)²) <= ρ K / m`, with `ρ = sqrt(D² + 2 D) / (D + c / m)`, at most `sqrt(3)`, and at most `2 / sqrt(3)` where `c >= m / 2` (both at `D = 1`; for `D = 0` all `z_i` are 0);
//! - `Σ x_i r <= K / m` for parts.
//!
//! Lanes `q_i = floor((w z_i r + b) / 2^20)` of one `w` and `b`, each of another `z_i`, differ from `w z_i r / 2^20` by at most `e = max(|b|, |b - 2^20 + 1|) / 2^20`: with `n` values,
//! `sqrt(Σ q_i²) <= w ρ K / (m 2^20) + e sqrt(n)`, or `Σ |q_i| <= w K / (m 2^20) + e n`. A sum `Σ c_i q_i` is then at most `sqrt(Σ c_i²)` times the one (Cauchy and Schwarz), or `max |c_i|`
//! times the other, while the sum of the intervals counts every `q_i` as if it were the largest.

use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use super::bounds::{Interval, product_interval};
use super::program::{Lane, Linear, Requant, SHIFT, Step, Wire};

/// What bounds a row of values together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Measure {
    /// The root of the sum of squares.
    Root,
    /// The sum of magnitudes.
    Sum,
}

/// Values and a wire that bounds them.
#[derive(Clone, Debug)]
enum Known {
    /// At least the sum of the squares.
    Square(Rc<BTreeSet<Wire>>),
    /// For a root `D`: `offset + factor · D`. For a sum: at least `factor` times it.
    Norm { values: Rc<BTreeSet<Wire>>, measure: Measure, factor: i64, offset: i64 },
    /// Its product with each value is at most `each`, and the products' measure at most `all`.
    Inverse { values: Rc<BTreeSet<Wire>>, measure: Measure, each: i128, all: i128 },
}

/// A bound of a row of wires as a whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Whole {
    measure: Measure,
    most: i128,
}

impl Whole {
    /// Largest magnitude of `Σ c_i q_i`.
    fn reach(self, coefficients: impl Iterator<Item = i128>) -> i128 {
        let magnitudes = coefficients.map(i128::unsigned_abs);
        let largest = match self.measure {
            Measure::Root => magnitudes.fold(0u128, |sum, c| sum.saturating_add(c.saturating_mul(c))).isqrt() + 1,
            Measure::Sum => magnitudes.max().unwrap_or(0),
        };
        i128::try_from(largest).unwrap_or(i128::MAX).saturating_mul(self.most)
    }

    /// [`Self::reach`] for real coefficients.
    pub fn real_reach(self, coefficients: impl Iterator<Item = f64>) -> f64 {
        let largest = match self.measure {
            Measure::Root => coefficients.fold(0.0, |sum, c| sum + c * c).sqrt() * (1.0 + 1e-9),
            Measure::Sum => coefficients.fold(0.0, |most: f64, c| most.max(c.abs())),
        };
        largest * self.most as f64
    }

    /// How much the ends of `Σ c_i q_i` by intervals lie beyond what the whole allows: to be added to the lower end and taken off the upper one.
    pub fn relief(self, terms: impl Iterator<Item = (i64, Interval)> + Clone) -> (i128, i128) {
        let reach = self.reach(terms.clone().map(|t| i128::from(t.0)));
        let (mut lo, mut hi) = (0i128, 0i128);
        for (weight, x) in terms {
            let (a, b) = (i128::from(weight) * i128::from(x.lo), i128::from(weight) * i128::from(x.hi));
            (lo, hi) = (lo + a.min(b), hi + a.max(b));
        }
        beyond((lo, hi), reach)
    }
}

impl Whole {
    /// [`Self::relief`] for `Σ q_i y_i` with wires `y_i` of any value in their intervals, `(q_i, y_i)` being the pairs' intervals.
    pub fn relief_of_products(self, pairs: impl Iterator<Item = (Interval, Interval)> + Clone) -> (i128, i128) {
        let reach = self.reach(pairs.clone().map(|(_, y)| i128::from(y.magnitude())));
        let (lo, hi) = pairs.fold((0i128, 0i128), |(lo, hi), (q, y)| {
            let (from, to) = product_interval(q, y);
            (lo + from, hi + to)
        });
        beyond((lo, hi), reach)
    }
}

/// How far `[lo, hi]` reaches out of `[-reach, reach]` at either end. `reach` may be the largest integer there is.
fn beyond((lo, hi): (i128, i128), reach: i128) -> (i128, i128) {
    ((-reach).saturating_sub(lo).max(0), hi.saturating_sub(reach).max(0))
}

/// Lanes `requant(bias + weight · z · r)` of one quotient `r`.
#[derive(Clone, Debug)]
struct Group {
    weight: i64,
    bias: i64,
    requant: Requant,
    /// The values `z` so far.
    used: BTreeSet<Wire>,
    whole: Whole,
}

/// What is known of the wires so far.
#[derive(Debug, Default)]
pub(super) struct Norms {
    known: BTreeMap<Wire, Known>,
    /// By quotient.
    groups: BTreeMap<Wire, Group>,
    /// The quotient of each lane of a group.
    members: BTreeMap<Wire, Wire>,
}

impl Norms {
    /// Reads a step; `bounds` are those of all wires before it, which are as many.
    pub fn learn(&mut self, step: &Step, bounds: &[Interval]) {
        let first = bounds.len() as Wire;
        match step {
            Step::Linear(linear) => {
                for (lane, wire) in linear.lanes.iter().zip(first..) {
                    if let Some(known) = self.of_lane(linear, lane, bounds) {
                        self.known.insert(wire, known);
                    }
                    self.join(linear, lane, wire);
                }
            }
            Step::Sqrt(root) => {
                if let Some(Known::Square(values)) = self.known.get(&root.input) {
                    let values = Rc::clone(values);
                    self.known.insert(first, Known::Norm { values, measure: Measure::Root, factor: 1, offset: 0 });
                }
            }
            Step::Divide(quotient) => {
                let numerator = bounds.get(quotient.numerator as usize).filter(|n| n.lo >= 0);
                if let (Some(Known::Norm { values, measure, factor, offset }), Some(n)) =
                    (self.known.get(&quotient.denominator), numerator)
                {
                    let each = i128::from(n.hi) / i128::from(*factor);
                    // ρ, rounded up at five digits.
                    let ratio = match measure {
                        Measure::Sum => 100_000,
                        Measure::Root if offset.saturating_mul(2) >= *factor => 115_471,
                        Measure::Root => 173_206,
                    };
                    let (values, measure, all) = (Rc::clone(values), *measure, (each + 1) * ratio / 100_000 + 1);
                    self.known.insert(first, Known::Inverse { values, measure, each, all });
                }
            }
            Step::Function(_) | Step::Block(_) | Step::MatMul(_) => {}
        }
    }

    fn of_lane(&self, linear: &Linear, lane: &Lane, bounds: &[Interval]) -> Option<Known> {
        if lane.bias < 0 || lane.requant != Requant::Identity {
            return None;
        }
        let mut terms = linear.operands.iter().zip(&lane.weights).filter(|t| *t.1 != 0);
        let mut squares = linear.products.iter().zip(&lane.products).filter(|p| *p.1 != 0).peekable();
        if squares.peek().is_some() {
            let all = squares.map(|(&(a, b), &weight)| (a == b && weight > 0).then_some(a));
            let values: Option<BTreeSet<Wire>> = all.collect();
            return values.filter(|_| terms.next().is_none()).map(|v| Known::Square(Rc::new(v)));
        }
        let terms: Vec<(Wire, i64)> = terms.map(|(&w, &weight)| (w, weight)).collect();
        let least = terms.iter().map(|t| t.1).min().filter(|&weight| weight > 0)?;
        if let &[(root, weight)] = terms.as_slice() {
            return match self.known.get(&root)? {
                Known::Norm { values, measure, factor, offset } => Some(Known::Norm {
                    values: Rc::clone(values),
                    measure: *measure,
                    factor: factor.checked_mul(weight)?,
                    offset: offset.checked_mul(weight)?.checked_add(lane.bias)?,
                }),
                Known::Square(_) | Known::Inverse { .. } => None,
            };
        }
        let part = |w: Wire| bounds.get(w as usize).filter(|x| x.lo >= 0).map(|_| w);
        let parts: Option<BTreeSet<Wire>> = terms.iter().map(|t| part(t.0)).collect();
        let (measure, offset) = (Measure::Sum, 0);
        parts.map(|parts| Known::Norm { values: Rc::new(parts), measure, factor: least, offset })
    }

    /// Adds a lane that is one product of a value with the inverse of its norm to that quotient's group, if it is like the others there and of another value.
    fn join(&mut self, linear: &Linear, lane: &Lane, wire: Wire) {
        let mut products = linear.products.iter().zip(&lane.products).filter(|p| *p.1 != 0);
        let (Some((&(a, b), &weight)), None) = (products.next(), products.next()) else { return };
        if lane.weights.iter().any(|&w| w != 0) || lane.requant == Requant::Sign || a == b {
            return;
        }
        for (value, quotient) in [(a, b), (b, a)] {
            let Some(Known::Inverse { values, measure, all, .. }) = self.known.get(&quotient) else { continue };
            if !values.contains(&value) {
                continue;
            }
            let (bias, requant) = (lane.bias, lane.requant);
            let group = self.groups.entry(quotient).or_insert_with(|| Group {
                weight,
                bias,
                requant,
                used: BTreeSet::new(),
                whole: whole(*measure, *all, values.len(), (weight, bias, requant)),
            });
            let alike = (group.weight, group.bias, group.requant) == (weight, bias, requant);
            if alike && group.used.insert(value) {
                self.members.insert(wire, quotient);
            }
            return;
        }
    }

    /// The interval of a product of two wires. Wires that do not exist have the interval 0.
    pub fn product(&self, (a, b): (Wire, Wire), bounds: &[Interval]) -> (i128, i128) {
        let of = |w: Wire| bounds.get(w as usize).copied().unwrap_or(Interval { lo: 0, hi: 0 });
        let (mut lo, mut hi) = product_interval(of(a), of(b));
        if a == b {
            // A square is never negative.
            return (lo.max(0), hi);
        }
        for (value, inverse) in [(a, b), (b, a)] {
            if let Some(Known::Inverse { values, each, .. }) = self.known.get(&inverse)
                && values.contains(&value)
            {
                (lo, hi) = (lo.max(-each), hi.min(*each));
            }
        }
        (lo, hi)
    }

    /// The groups among some wires, with the places of their lanes. A group of which a wire stands in two places is left out.
    pub fn wholes(&self, wires: impl Iterator<Item = Wire>) -> Vec<(Whole, Vec<usize>)> {
        if self.members.is_empty() {
            return Vec::new();
        }
        let mut found: BTreeMap<Wire, Vec<(Wire, usize)>> = BTreeMap::new();
        for (at, wire) in wires.enumerate() {
            if let Some(quotient) = self.members.get(&wire) {
                found.entry(*quotient).or_default().push((wire, at));
            }
        }
        let mut wholes = Vec::with_capacity(found.len());
        for (quotient, places) in found {
            let distinct: BTreeSet<Wire> = places.iter().map(|p| p.0).collect();
            if let Some(group) = self.groups.get(&quotient).filter(|_| distinct.len() == places.len()) {
                wholes.push((group.whole, places.into_iter().map(|p| p.1).collect()));
            }
        }
        wholes
    }
}

/// The bound of `n` lanes `requant(bias + weight · z · r)` of which the products `z · r` measure `all` at most.
fn whole(measure: Measure, all: i128, n: usize, (weight, bias, requant): (i64, i64, Requant)) -> Whole {
    let shift = if matches!(requant, Requant::Shift | Requant::ReluShift) { SHIFT } else { 0 };
    let one = 1i128 << shift;
    let bias = i128::from(bias);
    let off = bias.abs().max((bias - one + 1).abs());
    let n = n as i128;
    let spread = match measure {
        Measure::Root => n.isqrt() + 1,
        Measure::Sum => n,
    };
    let most = (i128::from(weight).abs().saturating_mul(all).saturating_add(off.saturating_mul(spread))) / one + 1;
    Whole { measure, most }
}

/// What the wholes take off the ends of `Σ weight · wire` by intervals; see [`Whole::relief`].
pub(super) fn relief(wholes: &[(Whole, Vec<usize>)], weights: &[i64], intervals: &[Interval]) -> (i128, i128) {
    let zero = Interval { lo: 0, hi: 0 };
    let term = |&i: &usize| (weights.get(i).copied().unwrap_or(0), intervals.get(i).copied().unwrap_or(zero));
    wholes.iter().fold((0, 0), |(lo, hi), (whole, places)| {
        let own = whole.relief(places.iter().map(term));
        (lo + own.0, hi + own.1)
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::quant::QuantError;
    use crate::quant::bounds::check;
    use crate::quant::program::{Divide, Program, Sqrt};

    /// Wires: two inputs, held at `±2^9` as `0, 1` through Shift lanes `2, 3`, their square sum 4, its root 5, the norm 6, the numerator 7, the reciprocal 8, a product 9.
    fn program(change: impl Fn(&mut Vec<Step>)) -> Program {
        let lane = |bias, weights: &[i64], products: &[i64], requant| Lane {
            bias,
            weights: weights.to_vec(),
            products: products.to_vec(),
            requant,
        };
        let linear = |operands: &[Wire], products: &[(Wire, Wire)], lanes: Vec<Lane>| {
            Step::Linear(Linear { operands: operands.to_vec(), products: products.to_vec(), lanes })
        };
        let narrow = vec![lane(0, &[1, 0], &[], Requant::Shift), lane(0, &[0, 1], &[], Requant::Shift)];
        let flag = lane(1, &[], &[], Requant::Identity);
        let mut steps = vec![
            linear(&[0, 1], &[], narrow),
            linear(&[], &[(2, 2), (3, 3)], vec![lane(0, &[], &[1, 1], Requant::Identity)]),
            Step::Sqrt(Sqrt { input: 4 }),
            linear(&[5], &[], vec![lane(1, &[2], &[], Requant::Identity)]),
            linear(&[], &[], vec![lane((1 << 40) - (1 << 20), &[], &[], Requant::Identity)]),
            Step::Divide(Divide { numerator: 7, denominator: 6 }),
            linear(&[], &[(2, 8)], vec![lane(0, &[], &[2], Requant::Identity)]),
            linear(&[], &[], vec![flag]),
        ];
        change(&mut steps);
        let (in_domain, unsaturated) = (10, 10);
        Program { sources: vec![2], tables: Vec::new(), steps, outputs: vec![9], in_domain, unsaturated }
    }

    fn lane_of(steps: &mut [Step], at: usize) -> &mut Lane {
        match &mut steps[at] {
            Step::Linear(linear) => &mut linear.lanes[0],
            _ => unreachable!(),
        }
    }

    #[test]
    fn a_value_over_its_norm_is_bounded() {
        let bounds = check(&program(|_| ())).unwrap();
        let most = (1 << 40) - (1 << 20);
        assert_eq!(bounds[9], Interval { lo: -most, hi: most });
    }

    type Change<'a> = &'a dyn Fn(&mut Vec<Step>);

    /// Each change breaks one condition of the argument, so that the product's bounds are those of its factors: far beyond a lane.
    #[test]
    fn nothing_else_is_bounded() {
        let changes: [Change<'_>; 8] = [
            // Another value, whose square is not in the sum.
            &|s| {
                lane_of(s, 1).products = vec![0, 1];
            },
            // A square that is taken off.
            &|s| {
                lane_of(s, 1).products = vec![1, -1];
                lane_of(s, 1).bias = 1 << 38;
            },
            // A sum that starts below 0; a Relu keeps the root's argument in range.
            &|s| {
                lane_of(s, 1).bias = -1;
                lane_of(s, 1).requant = Requant::Relu;
            },
            // A sum that is shifted.
            &|s| {
                lane_of(s, 1).requant = Requant::Shift;
            },
            // A product that is no square.
            &|s| {
                if let Step::Linear(linear) = &mut s[1] {
                    linear.products[1] = (2, 3);
                    linear.lanes[0].bias = 1 << 38;
                }
            },
            // A norm that falls with the root.
            &|s| {
                lane_of(s, 3).weights = vec![-1];
                lane_of(s, 3).bias = 1 << 20;
            },
            // A numerator below 0.
            &|s| {
                lane_of(s, 4).bias = -(1 << 39);
            },
            // A reciprocal of something else.
            &|s| {
                s[5] = Step::Divide(Divide { numerator: 7, denominator: 7 });
                lane_of(s, 4).bias = 1 << 39;
                lane_of(s, 6).products = vec![1 << 32];
            },
        ];
        for (i, change) in changes.iter().enumerate() {
            let error = check(&program(change)).map(|b| b[9]).unwrap_err();
            let (step, error) = match error {
                QuantError::Step { step, source } => (step, *source),
                other => panic!("{i}: {other}"),
            };
            assert!(step == 6 && matches!(error, QuantError::LaneRange { .. }), "{i}: step {step}, {error}");
        }
    }

    #[test]
    fn a_part_over_its_sum_is_bounded_where_no_part_is_negative() {
        let sum = |requant| {
            program(|s| {
                if let Step::Linear(linear) = &mut s[0] {
                    linear.lanes.iter_mut().for_each(|l| l.requant = requant);
                }
                s[2] = Step::Linear(Linear {
                    operands: vec![2, 3],
                    lanes: vec![Lane { bias: (1 << 20) + 1, weights: vec![1, 1], ..Lane::default() }],
                    ..Linear::default()
                });
                lane_of(s, 3).bias = 1;
                if let Step::Divide(divide) = &mut s[5] {
                    divide.denominator = 5;
                }
                lane_of(s, 6).products = vec![1];
            })
        };
        let most = (1 << 40) - (1 << 20);
        assert!(check(&sum(Requant::ReluShift)).unwrap()[9].hi <= most);
        // Parts of either sign may be larger than their sum: the bias keeps that above 0, and the product has the bounds of its factors alone.
        let error = check(&sum(Requant::Shift)).unwrap_err();
        let beyond = |e: &QuantError| matches!(e, QuantError::LaneRange { .. });
        assert!(matches!(&error, QuantError::Step { step: 6, source } if beyond(source)), "{error}");
    }

    /// A part `4` of at least 1,024, and a sum of it and `3` that leaves 1,000 out: the part may be forty times what is left.
    #[test]
    fn a_sum_that_starts_below_zero_bounds_no_part() {
        let parts = |bias| {
            program(|s| {
                if let Step::Linear(linear) = &mut s[0] {
                    linear.lanes[1].requant = Requant::ReluShift;
                }
                let sum = |operands: &[Wire], bias| {
                    let weights = vec![1; operands.len()];
                    let lanes = vec![Lane { bias, weights, ..Lane::default() }];
                    Step::Linear(Linear { operands: operands.to_vec(), lanes, ..Linear::default() })
                };
                s[1] = sum(&[2], (1 << 19) + 1024);
                s[2] = sum(&[3, 4], bias);
                if let Step::Divide(divide) = &mut s[5] {
                    divide.denominator = 5;
                }
                if let Step::Linear(linear) = &mut s[6] {
                    linear.products = vec![(4, 8)];
                }
                lane_of(s, 6).products = vec![1];
            })
        };
        assert!(check(&parts(1)).is_ok());
        let error = check(&parts(-1000)).unwrap_err();
        let beyond = |e: &QuantError| matches!(e, QuantError::LaneRange { .. });
        assert!(matches!(&error, QuantError::Step { step: 6, source } if beyond(source)), "{error}");
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn no_input_leaves_the_bound(a in -(1i64 << 39)..1 << 39, b in -(1i64 << 39)..1 << 39, small in any::<bool>()) {
            let program = program(|_| ());
            let bounds = check(&program).unwrap();
            let cut = |v: i64| if small { v >> 18 } else { v };
            let run = program.evaluate(&[cut(a), cut(b)]);
            let run: Result<_, QuantError> = run;
            let got = run.unwrap().outputs[0];
            prop_assert!(bounds[9].lo <= got && got <= bounds[9].hi);
        }
    }

    /// Two values `2, 3` (20 bits), `Σ z² + ε` 4, its root 5, `E` 6, the numerator 7, the quotient 8, both products as shifted lanes 9 and 10, and a sum of these 11.
    fn row(weights: [i64; 2], change: impl Fn(&mut Vec<Step>)) -> Program {
        let mut program = program(|s| {
            let product = |z: Wire| (z, 8);
            let lane =
                |products: Vec<i64>| Lane { bias: 1 << 19, products, requant: Requant::Shift, ..Lane::default() };
            s[6] = Step::Linear(Linear {
                operands: vec![],
                products: vec![product(2), product(3)],
                lanes: vec![lane(vec![2, 0]), lane(vec![0, 2])],
            });
            let sum = Lane { weights: weights.to_vec(), ..Lane::default() };
            s.insert(7, Step::Linear(Linear { operands: vec![9, 10], products: vec![], lanes: vec![sum] }));
            change(s);
        });
        (program.outputs, program.in_domain, program.unsaturated) = (vec![11], 12, 12);
        program
    }

    /// What an element can be, and the root of two of them.
    const ELEMENT: f64 = ((1i64 << 40) - (1 << 20)) as f64 / (1i64 << 20) as f64;

    #[test]
    fn a_sum_over_a_row_is_bounded_by_the_norm_of_its_weights() {
        let bounds = check(&row([3, 4], |_| ())).unwrap();
        let most = bounds[11].hi as f64;
        assert!(bounds[11].lo == -bounds[11].hi, "{:?}", bounds[11]);
        // sqrt(3² + 4²), rounded up to 6, times 2 / sqrt(3): not 3 + 4 = 7.
        assert!(most > 6.0 * 1.1547 * ELEMENT && most < 6.0 * 1.1548 * ELEMENT, "{most}");
        assert!(check(&row([40, -30], |_| ())).unwrap()[11].hi as f64 <= 51.0 * 1.1548 * ELEMENT);
    }

    /// A reach of more than 2^127 takes nothing off. (A difference that wrapped once took so much off that a lane had no lower end.)
    #[test]
    fn a_reach_beyond_all_integers_takes_nothing_off() {
        let count = 5600usize;
        let lane = |bias, weights, products, requant| Lane { bias, weights, products, requant };
        let mut steps = Vec::new();
        let mut wires = 1;
        let mut push = |operands: Vec<Wire>, products: Vec<(Wire, Wire)>, lanes: Vec<Lane>| {
            let first = wires;
            wires += lanes.len() as Wire;
            steps.push(Step::Linear(Linear { operands, products, lanes }));
            first
        };
        let zeros: Vec<Wire> =
            (0..count).map(|_| push(vec![], vec![], vec![lane(0, vec![], vec![], Requant::Identity)])).collect();
        let squares = zeros.iter().map(|&z| (z, z)).collect();
        let sum = push(vec![], squares, vec![lane(1, vec![], vec![1; count], Requant::Identity)]);
        let largest = push(vec![], vec![], vec![lane((1 << 40) - 1, vec![], vec![], Requant::Identity)]);
        let (root, quotient) = (wires, wires + 1);
        wires += 2;
        steps.push(Step::Sqrt(Sqrt { input: sum }));
        steps.push(Step::Divide(Divide { numerator: largest, denominator: root }));
        let mut push = |operands: Vec<Wire>, products: Vec<(Wire, Wire)>, lanes: Vec<Lane>| {
            let first = wires;
            wires += lanes.len() as Wire;
            steps.push(Step::Linear(Linear { operands, products, lanes }));
            first
        };
        let row = zeros
            .iter()
            .map(|&z| push(vec![], vec![(z, quotient)], vec![lane(1, vec![], vec![1 << 40], Requant::Identity)]));
        let mut operands: Vec<Wire> = row.collect();
        let less = push(vec![], vec![], vec![lane(-(count as i64), vec![], vec![], Requant::Identity)]);
        let cut = push(vec![0], vec![], vec![lane(0, vec![1], vec![], Requant::Relu)]);
        operands.extend([less, cut]);
        let weights = [vec![1 << 40; count + 1], vec![-(1 << 20)]].concat();
        let last = steps.len();
        steps.push(Step::Linear(Linear {
            operands,
            products: vec![],
            lanes: vec![lane(0, weights, vec![], Requant::Identity)],
        }));
        let program = Program {
            sources: vec![1],
            tables: Vec::new(),
            steps,
            outputs: vec![0],
            in_domain: root,
            unsaturated: root,
        };
        let error = check(&program).unwrap_err();
        let refused = |e: &QuantError| matches!(e, QuantError::LaneRange { .. });
        assert!(matches!(&error, QuantError::Step { step, source } if *step == last && refused(source)), "{error}");
    }

    /// `E = 4 D + 1`: at `D = 1` a quotient times the norm is up to `sqrt(3) / (1 + 1/4)` of a quarter of the numerator, for which the bound takes `sqrt(3)`.
    #[test]
    fn a_norm_with_little_added_is_bounded_for_the_smallest_root() {
        let program = row([3, 4], |s| lane_of(s, 3).weights = vec![4]);
        let bounds = check(&program).unwrap();
        let (mut norms, mut at) = (Norms::default(), program.inputs());
        for step in &program.steps {
            norms.learn(step, &bounds[..at]);
            at += step.outputs();
        }
        let most = norms.wholes([9, 10].into_iter())[0].0.most as f64 / (ELEMENT / 2.0);
        assert!(most > 1.732 && most < 1.7322, "{most}");
    }

    /// Each change breaks one condition: then the sum has the bound that its operands' intervals give.
    #[test]
    fn nothing_else_is_a_row() {
        let linear = |s: &mut Vec<Step>, at: usize, change: &dyn Fn(&mut Linear)| match &mut s[at] {
            Step::Linear(linear) => change(linear),
            _ => unreachable!(),
        };
        let changes: [(&str, Change<'_>); 5] = [
            ("one value twice", &|s| linear(s, 6, &|l| l.lanes[1].products = vec![2, 0])),
            ("lanes of two weights", &|s| linear(s, 6, &|l| l.lanes[1].products = vec![0, 1])),
            ("lanes of two biases", &|s| linear(s, 6, &|l| l.lanes[1].bias = 0)),
            ("another operand besides", &|s| {
                linear(s, 6, &|l| {
                    l.operands = vec![2];
                    l.lanes.iter_mut().for_each(|lane| lane.weights = vec![1]);
                })
            }),
            ("one wire in two places", &|s| linear(s, 7, &|l| l.operands = vec![9, 9])),
        ];
        for (name, change) in changes {
            let bounds = check(&row([300, 300], change)).unwrap();
            let ends = |wire: usize, weight: i64| weight * bounds[wire].hi;
            let whole = if name == "one wire in two places" { ends(9, 600) } else { ends(9, 300) + ends(10, 300) };
            assert_eq!(bounds[11].hi, whole, "{name}");
        }
    }

    #[test]
    fn parts_of_a_sum_weigh_no_more_than_the_largest_weight() {
        let parts = |requant| {
            let mut program = row([300, 400], |s| {
                if let Step::Linear(linear) = &mut s[0] {
                    linear.lanes.iter_mut().for_each(|l| l.requant = requant);
                }
                s[2] = Step::Linear(Linear {
                    operands: vec![2, 3],
                    lanes: vec![Lane { bias: 1, weights: vec![1, 1], ..Lane::default() }],
                    ..Linear::default()
                });
                lane_of(s, 3).bias = 1;
                if let Step::Divide(divide) = &mut s[5] {
                    divide.denominator = 5;
                }
                if let Step::Linear(linear) = &mut s[6] {
                    linear.lanes[0].products = vec![1, 0];
                    linear.lanes[1].products = vec![0, 1];
                }
            });
            program.outputs = vec![11];
            program
        };
        let most = check(&parts(Requant::ReluShift)).unwrap()[11].hi as f64;
        assert!((400.0 * ELEMENT..402.0 * ELEMENT).contains(&most), "{most}");
    }

    #[test]
    fn a_product_of_a_row_with_wires_is_bounded_by_their_norm() {
        use crate::quant::program::MatMul;
        let program = row([1, 1], |s| {
            s[7] = Step::MatMul(MatMul { inner: 2, a: vec![9, 10], b: vec![2, 3], bias: 0, requant: Requant::Shift });
        });
        let bounds = check(&program).unwrap();
        let (element, wire) = (bounds[9].hi as f64, bounds[2].magnitude() as f64);
        let (got, by_intervals) = (bounds[11].hi as f64, 2.0 * element * wire / (1 << 20) as f64);
        assert!(
            got < by_intervals && got * got >= 1.99 * (element * wire / (1 << 20) as f64).powi(2),
            "{got} {by_intervals}"
        );
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

        /// Small values, where rounding is worst, and large ones.
        #[test]
        fn no_row_leaves_the_bound_of_its_whole(
            a in -(1i64 << 39)..1 << 39,
            b in -(1i64 << 39)..1 << 39,
            bits in 0u32..20,
            weights in prop::array::uniform2(-(1i64 << 18)..1 << 18),
        ) {
            let program = row(weights, |_| ());
            let bounds = check(&program).unwrap();
            let run = program.evaluate(&[a >> bits, b >> bits]).unwrap();
            prop_assert!(bounds[11].lo <= run.outputs[0] && run.outputs[0] <= bounds[11].hi);
        }
    }
}
