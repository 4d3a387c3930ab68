//! What a program's steps say about a row of values and its norm, beyond the intervals of wires: no value is larger than the root of the sum of the squares.
//!
//! Four steps are read, each for what the circuit enforces of it, as exact integers:
//!
//! 1. a lane `V = b + Σ w_i z_i²` without shift or Relu, `b >= 0`, `w_i >= 1` and no other terms: `z_i² <= V`;
//! 2. a root `D = floor(sqrt(V))`: `|z_i| <= D`, since `z_i` is an integer;
//! 3. a lane `E = c + m · D` without shift or Relu, `c >= 0`, `m >= 1` and no other terms: `m · |z_i| <= E`;
//! 4. a quotient `r = floor(n / E)` with `0 <= n <= K`: `|z_i| · r <= |z_i| · n / E <= K / m`.
//!
//! A sum of parts, a lane `E = b + Σ w_i x_i` of wires that are never negative, `b >= 0` and `w_i >= 1`, stands for 1 to 3: `w_i x_i <= E`.
//!
//! So a product `z_i · r` lies in `[-K / m, K / m]`, while its factors' intervals allow far more where `E` may be small.

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::rc::Rc;

use super::bounds::{Interval, product_interval};
use super::program::{Lane, Linear, Requant, Step, Wire};

/// Values and a wire that bounds them.
#[derive(Clone, Debug)]
enum Known {
    /// At least the square of each value.
    Square(Rc<BTreeSet<Wire>>),
    /// At least this many times the magnitude of each value.
    Norm(Rc<BTreeSet<Wire>>, i64),
    /// Its product with each value is at most this large.
    Inverse(Rc<BTreeSet<Wire>>, i128),
}

/// What is known of the wires so far.
#[derive(Debug, Default)]
pub(super) struct Norms {
    known: BTreeMap<Wire, Known>,
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
                }
            }
            Step::Sqrt(root) => {
                if let Some(Known::Square(values)) = self.known.get(&root.input) {
                    self.known.insert(first, Known::Norm(Rc::clone(values), 1));
                }
            }
            Step::Divide(quotient) => {
                let numerator = bounds.get(quotient.numerator as usize).filter(|n| n.lo >= 0);
                if let (Some(Known::Norm(values, factor)), Some(n)) = (self.known.get(&quotient.denominator), numerator)
                {
                    let most = i128::from(n.hi) / i128::from(*factor);
                    self.known.insert(first, Known::Inverse(Rc::clone(values), most));
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
                Known::Norm(values, factor) => Some(Known::Norm(Rc::clone(values), factor.checked_mul(weight)?)),
                Known::Square(_) | Known::Inverse(..) => None,
            };
        }
        let part = |w: Wire| bounds.get(w as usize).filter(|x| x.lo >= 0).map(|_| w);
        let parts: Option<BTreeSet<Wire>> = terms.iter().map(|t| part(t.0)).collect();
        parts.map(|parts| Known::Norm(Rc::new(parts), least))
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
            if let Some(Known::Inverse(values, most)) = self.known.get(&inverse)
                && values.contains(&value)
            {
                (lo, hi) = (lo.max(-most), hi.min(*most));
            }
        }
        (lo, hi)
    }
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
}
