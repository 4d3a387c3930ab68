//! Recurrent cells: sums of products in one lane, and table functions of such sums.
//!
//! A cell's state is `f · c + i · g`: two products that share a row of the circuit when their factors have units whose products agree, so states are kept at
//! a power of two of units ([`Builder::sums`]). A gate is a bounded function of a linear form, read from a table over the signed argument ([`Builder::gates`]): one
//! lane scales the argument, none clamps it, because the table reaches as far as the argument's bounds do, flat ends included. Entries of a table
//! stand beside lanes in the circuit, so they cost no rows of their own as long as there are more lanes than entries. An argument whose bounds no lane can hold
//! at the table's unit is clamped where the function is flat, by two lanes.

use std::collections::BTreeMap;

use super::QuantError;
use super::arith::Factor;
use super::bounds::{Interval, MAX_BIAS, MAX_WEIGHT, product_interval};
use super::builder::{Builder, Dot, HALF, integer};
use super::curve::{Curve, SIGMOID, TANH};
use super::form::Form;
use super::program::{Function, LIMB_BITS, Requant, SHIFT, Step, Table, Wire, Y_BITS};
use super::report::LayerReport;

/// Most bits under 1.0 that a sum is given.
pub const FINEST: i32 = 19;
/// An argument that is clamped has at least this many bits under 1.0.
const COARSEST: u32 = 10;
/// Largest relative error of a product's weight.
const WEIGHT_ERROR: f64 = 1.0 / (1 << 16) as f64;

/// `linear + Σ a · b`
#[derive(Clone, Debug, Default)]
pub struct Sum {
    /// The linear part.
    pub linear: Form,
    /// The products' factors.
    pub products: Vec<(Form, Form)>,
}

impl From<Form> for Sum {
    fn from(linear: Form) -> Self {
        Self { linear, products: Vec::new() }
    }
}

/// A function that a gate can be: bounded by 1, with intervals of `2^(10 - bits)` in its table, and flat beyond `±reach`.
#[derive(Clone, Copy, Debug)]
pub struct Shape {
    /// The function.
    pub curve: &'static Curve,
    /// Bits under 1.0 of its arguments, one less for wide ones.
    pub bits: u32,
    /// Flat to less than `2^-16` beyond, an integer.
    pub reach: i64,
}

/// The logistic function: intervals of 1/32.
pub const SIGMOID_GATE: Shape = Shape { curve: &SIGMOID, bits: 15, reach: 12 };

/// The hyperbolic tangent: intervals of 1/64.
pub const TANH_GATE: Shape = Shape { curve: &TANH, bits: 16, reach: 6 };

/// One function of one sum.
#[derive(Clone, Debug)]
pub struct Gate {
    /// The argument.
    pub argument: Sum,
    /// The function.
    pub shape: &'static Shape,
    /// Result units per 1.0, as a power of two; at most [`FINEST`].
    pub bits: u32,
}

/// A sum whose factors are wires.
struct Ready {
    linear: Form,
    products: Vec<(Factor, Factor)>,
}

/// How a gate's argument becomes a wire.
enum Argument {
    /// It is one already, with this many bits under 1.0.
    Wire(Wire, u32),
    /// One lane.
    Lane(Dot, u32),
    /// Two lanes, which clamp: the first one, and its bits under 1.0.
    Clamped(Dot, u32),
    /// Too wide for all that: a function as any other.
    Any(Form),
    /// The argument is a number.
    Constant(f64),
}

impl Builder<'_> {
    /// Each sum as a form of at most one term with `2^bits` units per 1.0, or fewer where its range wants that. One lane each, if the factors' units allow.
    ///
    /// With `within`, every value is known to lie in that range for a reason that intervals do not see; it is held there (one lane more), and no flag is raised.
    ///
    /// # Errors
    /// As [`Self::compact`].
    pub fn sums(&mut self, sums: &[Sum], bits: i32, within: Option<(f64, f64)>) -> Result<Vec<Form>, QuantError> {
        let ready = self.ready(sums)?;
        let before = self.steps.len();
        let mut layer = LayerReport::new(self.node(), "sum");
        let mut plans = Vec::with_capacity(sums.len());
        let mut dots = Vec::new();
        for (sum, ready) in sums.iter().zip(&ready) {
            let (lo, hi) = self.sum_interval(ready);
            layer.add(lo.abs().max(hi.abs()), None);
            if ready.products.is_empty() && within.is_none() && self.settled(&ready.linear, bits) {
                plans.push(Some(ready.linear.clone()));
                continue;
            }
            let range = within.filter(|w| lo < w.0 || w.1 < hi);
            match self.state_dot(ready, bits, range) {
                Some((dot, unit)) => {
                    plans.push(None);
                    dots.push((dot, unit, range));
                }
                None => {
                    let form = self.apart(sum)?;
                    plans.push(Some(match range {
                        Some((lo, hi)) => self.clip(&[form], lo, hi)?.into_iter().next().unwrap_or_default(),
                        None => form,
                    }));
                }
            }
        }
        let lanes: Vec<Dot> = dots.iter().map(|d| d.0.clone()).collect();
        let wires = self.emit(&lanes)?;
        let mut upper = Vec::new();
        for (&wire, &(_, unit, range)) in wires.iter().zip(&dots) {
            if let Some((lo, hi)) = range {
                let width = ((hi - lo) / unit).ceil() as i64;
                upper.push(Dot { terms: vec![(wire, -1)], bias: width, requant: Requant::Relu, ..Dot::default() });
            }
        }
        let mut upper = self.emit(&upper)?.into_iter();
        let mut fresh = wires.iter().zip(&dots).map(|(&wire, &(_, unit, range))| match range {
            None => Some(Form::wire(wire, unit, 0.0)),
            Some((lo, hi)) => {
                let top = ((lo / unit).floor() + ((hi - lo) / unit).ceil()) * unit;
                upper.next().map(|v| Form::wire(v, -unit, top))
            }
        });
        let results: Option<Vec<Form>> = plans.into_iter().map(|p| p.or_else(|| fresh.next().flatten())).collect();
        layer.close(&self.steps[before..]);
        if layer.values > 0 {
            self.record(layer);
        }
        results.ok_or(QuantError::Malformed { what: "sums", expected: sums.len(), got: dots.len() })
    }

    /// The function of each gate. Tables grow to what the arguments' bounds ask for, up to `entries` entries each.
    ///
    /// # Errors
    /// As [`Self::compact`].
    pub fn gates(&mut self, gates: &[Gate], entries: usize) -> Result<Vec<Form>, QuantError> {
        let arguments: Vec<Sum> = gates.iter().map(|g| g.argument.clone()).collect();
        let ready = self.ready(&arguments)?;
        let before = self.steps.len();
        let mut layer = LayerReport::new(self.node(), "gate");
        let mut plans = Vec::with_capacity(gates.len());
        for (gate, ready) in gates.iter().zip(&ready) {
            let (lo, hi) = self.sum_interval(ready);
            layer.add(lo.abs().max(hi.abs()), None);
            plans.push(self.gate_argument(gate, ready, entries)?);
        }
        let first = |p: &Argument| match p {
            Argument::Lane(dot, _) | Argument::Clamped(dot, _) => Some(dot.clone()),
            _ => None,
        };
        let lanes: Vec<Dot> = plans.iter().filter_map(first).collect();
        let lanes = self.emit(&lanes)?;
        let mut upper = Vec::new();
        let lane_plans = plans.iter().filter(|p| first(p).is_some());
        let of_lanes = gates.iter().zip(&plans).filter(|(_, p)| first(p).is_some()).map(|(g, _)| g);
        for ((&u, plan), gate) in lanes.iter().zip(lane_plans).zip(of_lanes) {
            if let Argument::Clamped(_, bits) = plan {
                let width = (2 * gate.shape.reach) << gate.shape.bits;
                let weight = -(1i64 << (gate.shape.bits - bits));
                upper.push(Dot { terms: vec![(u, weight)], bias: width - 1, requant: Requant::Relu, ..Dot::default() });
            }
        }
        let mut upper = self.emit(&upper)?.into_iter();
        let mut lanes = lanes.into_iter();
        let mut results = Vec::with_capacity(gates.len());
        for (gate, plan) in gates.iter().zip(plans) {
            let missing = QuantError::Malformed { what: "arguments", expected: gates.len(), got: results.len() };
            results.push(match plan {
                Argument::Constant(x) => Form::constant((gate.shape.curve.f)(x)),
                Argument::Wire(wire, bits) => self.read_gate(gate, wire, bits, false)?,
                Argument::Lane(_, bits) => self.read_gate(gate, lanes.next().ok_or(missing)?, bits, false)?,
                Argument::Clamped(..) => {
                    let wire = lanes.next().and(upper.next()).ok_or(missing)?;
                    self.read_gate(gate, wire, gate.shape.bits, true)?
                }
                Argument::Any(form) => self.curve(&[form], gate.shape.curve)?.into_iter().next().ok_or(missing)?,
            });
        }
        layer.close(&self.steps[before..]);
        if layer.values > 0 {
            self.record(layer);
        }
        Ok(results)
    }

    /// Sums without wide wires, with wires as factors; products with constants become linear.
    fn ready(&mut self, sums: &[Sum]) -> Result<Vec<Ready>, QuantError> {
        let mut linear = Vec::with_capacity(sums.len());
        let (mut left, mut right, mut counts) = (Vec::new(), Vec::new(), Vec::with_capacity(sums.len()));
        for sum in sums {
            let mut form = sum.linear.clone();
            let before = left.len();
            for (a, b) in &sum.products {
                match (a.as_constant(), b.as_constant()) {
                    (Some(c), _) => form = form.plus(&b.scaled(c)),
                    (None, Some(c)) => form = form.plus(&a.scaled(c)),
                    (None, None) => {
                        left.push(a.clone());
                        right.push(b.clone());
                    }
                }
            }
            counts.push(left.len() - before);
            linear.push(form);
        }
        let linear = self.narrowed(&linear)?;
        let mut pairs = self.factors(&left)?.into_iter().zip(self.factors(&right)?);
        let join = |(linear, count)| Ready { linear, products: pairs.by_ref().take(count).collect() };
        Ok(linear.into_iter().zip(counts).map(join).collect())
    }

    fn sum_interval(&self, sum: &Ready) -> (f64, f64) {
        let (mut lo, mut hi) = self.interval(&sum.linear);
        let range = |f: &Factor| {
            let b = self.bounds[f.wire as usize];
            Interval { lo: b.lo + f.offset, hi: b.hi + f.offset }
        };
        for (x, y) in &sum.products {
            let (a, b) = product_interval(range(x), range(y));
            let unit = x.unit * y.unit;
            let (a, b) = (a as f64 * unit, b as f64 * unit);
            lo += a.min(b);
            hi += a.max(b);
        }
        (lo, hi)
    }

    /// The sum as a lane with `scale` units per 1.0, if the weights of its products are integers or nearly so.
    fn sum_dot(&self, sum: &Ready, scale: f64, requant: Requant) -> Option<Dot> {
        let mut dot = self.dot(&sum.linear, scale, requant)?;
        let mut terms: BTreeMap<Wire, i64> = dot.terms.iter().copied().collect();
        let mut products: Vec<(Wire, Wire, i64)> = Vec::with_capacity(sum.products.len());
        for (x, y) in &sum.products {
            let exact = scale * x.unit * y.unit;
            let weight = integer(exact, MAX_WEIGHT)?;
            if (exact - weight as f64).abs() > WEIGHT_ERROR * exact.abs() {
                return None;
            }
            *terms.entry(x.wire).or_insert(0) += weight.checked_mul(y.offset)?;
            *terms.entry(y.wire).or_insert(0) += weight.checked_mul(x.offset)?;
            dot.bias = dot.bias.checked_add(integer(weight as f64 * x.offset as f64 * y.offset as f64, MAX_BIAS)?)?;
            let (a, b) = (x.wire.min(y.wire), x.wire.max(y.wire));
            match products.iter_mut().find(|p| (p.0, p.1) == (a, b)) {
                Some(same) => same.2 += weight,
                None => products.push((a, b, weight)),
            }
        }
        dot.terms = terms.into_iter().filter(|t| t.1 != 0).collect();
        dot.products = products;
        self.fits(&dot).then_some(dot)
    }

    /// The lane of a state and the real value of one unit of its wire. With a `range`, the wire is `max(value - lo, 0)`.
    fn state_dot(&self, sum: &Ready, bits: i32, range: Option<(f64, f64)>) -> Option<(Dot, f64)> {
        let (lo, hi) = self.sum_interval(sum);
        for bits in (0..=bits.min(FINEST)).rev() {
            let unit = libm::exp2(f64::from(-bits));
            let scale = (1i64 << SHIFT) as f64 / unit;
            if lo.abs().max(hi.abs()) * scale > 2.0 * (1i64 << Y_BITS) as f64 {
                continue;
            }
            let dot = match range {
                None => self.sum_dot(sum, scale, Requant::Shift),
                Some((lo, _)) => {
                    let low = (lo / unit).floor() * unit;
                    let from = Ready { linear: sum.linear.shifted(-low), products: sum.products.clone() };
                    self.sum_dot(&from, scale, Requant::ReluShift)
                }
            };
            if let Some(dot) = dot {
                return Some((dot, unit));
            }
        }
        None
    }

    /// Whether a form is a constant, or a wire with at most `2^bits` units, as a power of two, and nothing added.
    fn settled(&self, form: &Form, bits: i32) -> bool {
        match form.terms() {
            [] => true,
            &[(wire, unit)] => {
                let exponent = libm::log2(1.0 / unit.abs());
                let small = self.bounds[wire as usize].magnitude() <= 1 << SHIFT;
                small && exponent.fract() == 0.0 && exponent <= f64::from(bits) && form.offset() == 0.0
            }
            _ => false,
        }
    }

    /// The sum with every product in a lane of its own: for factors whose units do not agree.
    fn apart(&mut self, sum: &Sum) -> Result<Form, QuantError> {
        let (a, b): (Vec<Form>, Vec<Form>) = sum.products.iter().cloned().unzip();
        let products = self.multiply(&a, &b)?;
        let total = products.iter().fold(sum.linear.clone(), |total, p| total.plus(p));
        Ok(self.compact(&[total])?.into_iter().next().unwrap_or_default())
    }

    fn gate_argument(&mut self, gate: &Gate, sum: &Ready, entries: usize) -> Result<Argument, QuantError> {
        if let Some(x) = sum.linear.as_constant()
            && sum.products.is_empty()
        {
            return Ok(Argument::Constant(x));
        }
        let finest = gate.shape.bits;
        let spans = |lo: f64, hi: f64, bits: u32| {
            let width = libm::exp2(f64::from(bits) - f64::from(LIMB_BITS));
            (hi * width).ceil() - (lo * width).floor() < entries as f64
        };
        let (lo, hi) = self.sum_interval(sum);
        if let (&[(wire, unit)], true, true) = (sum.linear.terms(), sum.products.is_empty(), sum.linear.offset() == 0.0)
        {
            let bits = libm::log2(1.0 / unit);
            let exact = bits.fract() == 0.0 && bits + 1.0 >= f64::from(finest) && bits <= f64::from(SHIFT);
            if exact && spans(lo, hi, bits as u32) {
                return Ok(Argument::Wire(wire, bits as u32));
            }
        }
        for bits in [finest, finest - 1] {
            let scale = libm::exp2(f64::from(bits + SHIFT));
            if !spans(lo, hi, bits) {
                continue;
            }
            if let Some(dot) = self.sum_dot(sum, scale, Requant::Shift) {
                return Ok(Argument::Lane(dot, bits));
            }
        }
        // `x - low`, cut at 0; the second lane counts down from the upper end.
        for bits in (COARSEST..=finest).rev() {
            let low = libm::exp2(-f64::from(finest)) - gate.shape.reach as f64;
            let above = Ready { linear: sum.linear.shifted(-low), products: sum.products.clone() };
            if let Some(dot) = self.sum_dot(&above, libm::exp2(f64::from(bits + SHIFT)), Requant::ReluShift) {
                return Ok(Argument::Clamped(dot, bits));
            }
        }
        let form = if sum.products.is_empty() { sum.linear.clone() } else { self.apart(&gate.argument)? };
        Ok(form.as_constant().map_or(Argument::Any(form), Argument::Constant))
    }

    /// Reads a gate's table; `down` for an argument that counts down from the curve's upper end.
    fn read_gate(&mut self, gate: &Gate, input: Wire, bits: u32, down: bool) -> Result<Form, QuantError> {
        let x = self.bounds[input as usize];
        let (first, last) = (x.lo >> LIMB_BITS, x.hi >> LIMB_BITS);
        let direction = if down { " down" } else { "" };
        let name = format!("{}{direction} {bits}:{}", gate.shape.curve.name, gate.bits);
        let table = self.tables.iter().position(|t| t.name == name).unwrap_or_else(|| {
            self.tables.push(Table { name, first, entries: Vec::new() });
            self.tables.len() - 1
        });
        let unit = libm::exp2(-f64::from(bits));
        let reach = gate.shape.reach as f64;
        let f = |units: f64| (gate.shape.curve.f)(if down { reach - units * unit } else { units * unit });
        let known = &mut self.tables[table];
        let end = known.first + known.entries.len() as i64;
        let (from, to) = (first.min(known.first), (last + 1).max(end));
        let before: Vec<(i64, i64)> = (from..known.first).map(|i| entry(i, gate.bits, f)).collect();
        let after = (end..to).map(|i| entry(i, gate.bits, f));
        known.entries.extend(after);
        known.entries.splice(0..0, before);
        known.first = from;
        let wire = self.bounds.len() as Wire;
        self.push(Step::Function(Function { table, input, requant: Requant::Shift }))?;
        Ok(Form::wire(wire, libm::exp2(-f64::from(gate.bits)), 0.0))
    }
}

/// Entry `i` of a table of `f` (an argument in units), with `2^bits` result units per 1.0: the chord, lifted by half its error at the middle. The
/// result stays below `2^bits`, so that products of gates never need one bit more.
fn entry(i: i64, bits: u32, f: impl Fn(f64) -> f64) -> (i64, i64) {
    let at = |part: f64| f((i as f64 + part) * (1i64 << LIMB_BITS) as f64);
    let (start, end, middle) = (at(0.0), at(1.0), at(0.5));
    let lift = (middle - (start + end) / 2.0) / 2.0;
    let one = libm::exp2(f64::from(bits + SHIFT - LIMB_BITS));
    let slope = ((end - start) * one).round() as i64;
    let base = ((start + lift) * one).round() as i64 + (HALF >> LIMB_BITS);
    (base.min(one as i64 - 1 - slope.max(0)), slope)
}
