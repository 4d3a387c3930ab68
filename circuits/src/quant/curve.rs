//! Functions of one variable as tables: piecewise linear, over an argument counted up from the table's lower end.
//!
//! The domain comes from the bounds of the arguments: without the ends over which the function is flat, and not far beyond what calibration saw. Beyond it the argument is
//! held at the end, with a flag unless the function is flat there. How the domain is cut and how fine its intervals are: see `pieces.rs`.
//! All arithmetic is `f64` and `libm`, so tables are the same on every machine.

use super::QuantError;
use super::arith::deduplicated;
use super::bounds::{Interval, Y_LIMIT};
use super::builder::{Builder, Dot, HALF, HEADROOM};
use super::form::Form;
use super::pieces::{Drawn, Piece, SHARE, bent, extremes, pieces, points, rounded};
use super::program::{Function, LIMB_BITS, Requant, SHIFT, Step, Table, Wire, Y_BITS};
use super::report::LayerReport;

/// A form of more terms is materialised before it is the argument of several pieces.
const MANY_TERMS: usize = 12;

/// A function of one variable.
pub struct Function1 {
    name: String,
    f: Box<dyn Fn(f64) -> f64>,
    domain: (f64, f64),
}

impl Function1 {
    /// `name` says everything: equal names mean equal functions. `f` uses nothing but `f64` and `libm`.
    pub fn new(name: impl Into<String>, f: impl Fn(f64) -> f64 + 'static) -> Self {
        Self { name: name.into(), f: Box::new(f), domain: (f64::NEG_INFINITY, f64::INFINITY) }
    }

    /// The function exists on `[lo, hi]` only, and is finite there. Arguments outside are held at the end, with a flag.
    #[must_use]
    pub fn on(self, lo: f64, hi: f64) -> Self {
        Self { domain: (lo, hi), ..self }
    }

    /// What it is called.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Whether it exists everywhere in `[lo, hi]`.
    pub(super) fn exists_on(&self, lo: f64, hi: f64) -> bool {
        self.domain.0 <= lo && hi <= self.domain.1
    }

    /// The value at `x`, which is held inside the domain.
    pub fn at(&self, x: f64) -> f64 {
        (self.f)(x.max(self.domain.0).min(self.domain.1))
    }
}

/// A function that takes no parameters and exists everywhere.
#[derive(Clone, Copy, Debug)]
pub struct Curve {
    /// Name of the table.
    pub name: &'static str,
    /// The function; deterministic (`libm`).
    pub f: fn(f64) -> f64,
}

/// The logistic function.
pub const SIGMOID: Curve = Curve { name: "sigmoid", f: |x| 1.0 / (1.0 + libm::exp(-x)) };

/// The hyperbolic tangent.
pub const TANH: Curve = Curve { name: "tanh", f: libm::tanh };

/// A function's tables, for arguments in `[lo, hi]` and wherever it is flat beyond.
#[derive(Clone, Debug)]
pub(super) struct Plan {
    name: String,
    lo: f64,
    hi: f64,
    error: f64,
    parts: Vec<(Drawn, usize)>,
}

/// Where a function is needed, and beyond which values an argument is held with a flag.
struct Domain {
    lo: f64,
    hi: f64,
    limits: (f64, f64),
}

impl Builder<'_> {
    /// `curve(form)` for each form; see [`Self::function`].
    ///
    /// # Errors
    /// As [`Self::function`].
    pub fn curve(&mut self, forms: &[Form], curve: &Curve) -> Result<Vec<Form>, QuantError> {
        self.function(forms, &Function1::new(curve.name, curve.f))
    }

    /// `f(form)` for each form: one or two lanes and a function read each, three times that where the function bends strongly.
    ///
    /// # Errors
    /// As [`Self::compact`]; [`QuantError::Unbounded`] for a function that leaves all bounds over what its arguments can be.
    pub fn function(&mut self, forms: &[Form], f: &Function1) -> Result<Vec<Form>, QuantError> {
        if let Some(found) = self.directly(forms, f)? {
            return Ok(found);
        }
        let (distinct, index) = deduplicated(forms);
        let arguments = self.table_arguments(&distinct)?;
        let before = self.steps.len();
        let mut layer = LayerReport::new(self.node(), &f.name);
        let live: Vec<Form> = arguments.iter().filter(|a| a.as_constant().is_none()).cloned().collect();
        for form in &live {
            let (lo, hi) = self.interval(form);
            layer.add(lo.abs().max(hi.abs()), self.calibrated(form));
        }
        let mut results = self.drawn(live, f, &mut layer)?.into_iter();
        layer.close(&self.steps[before..]);
        if layer.values > 0 {
            self.record(layer);
        }
        let all = arguments.iter().map(|a| match a.as_constant() {
            Some(value) => Some(Form::constant(f.at(value))),
            None => results.next(),
        });
        let whole: Option<Vec<Form>> = all.collect();
        let whole = whole.ok_or(QuantError::Malformed { what: "function results", expected: forms.len(), got: 0 })?;
        Ok(index.into_iter().map(|i| whole[i].clone()).collect())
    }

    /// The forms without wide wires, except those whose units are powers of two: these lose nothing.
    pub(super) fn table_arguments(&mut self, forms: &[Form]) -> Result<Vec<Form>, QuantError> {
        let ready = |form: &Form| matches!(form.terms(), [(_, c)] if libm::frexp(*c).0.abs() == 0.5);
        let others: Vec<Form> = forms.iter().filter(|form| !ready(form)).cloned().collect();
        // Together, so that their lanes share rows.
        let mut narrowed = self.narrowed(&others)?.into_iter();
        let arguments = forms.iter().map(|form| if ready(form) { Some(form.clone()) } else { narrowed.next() });
        let whole: Option<Vec<Form>> = arguments.collect();
        whole.ok_or(QuantError::Malformed { what: "arguments of a table", expected: forms.len(), got: 0 })
    }

    fn drawn(&mut self, forms: Vec<Form>, f: &Function1, layer: &mut LayerReport) -> Result<Vec<Form>, QuantError> {
        if forms.is_empty() {
            return Ok(forms);
        }
        let domain = self.domain(&forms, f)?;
        let (min, max) = extremes(&|x| f.at(x), domain.lo, domain.hi);
        let flat = max - min <= 1e-12 * max.abs().max(min.abs());
        let plan = if flat { None } else { Some(self.plan_of(f, &domain, max - min)) };
        // Units per 1.0 at which every piece's argument has a whole weight.
        let bits = plan.iter().flat_map(|p| &p.parts).map(|p| p.0.piece.bits).min();
        let finest = libm::exp2(f64::from(bits.unwrap_or(0) + SHIFT as i32));
        let mut forms = self.held_in(forms, &domain, finest, layer)?;
        let Some(plan) = plan else { return Ok(vec![Form::constant(f.at(domain.lo)); forms.len()]) };
        if plan.parts.len() > 1 {
            forms = self.wide(forms, finest)?;
        }
        for form in &mut forms {
            if matches!(form.terms(), [(_, c)] if c.abs() * finest < 1.0) {
                let narrow = self.narrowed(std::slice::from_ref(form))?;
                *form = narrow.into_iter().next().unwrap_or_default();
            }
        }
        let mut results = vec![Form::constant(0.0); forms.len()];
        let last = plan.parts.len() - 1;
        for (i, (part, table)) in plan.parts.iter().enumerate() {
            // A piece above the first one adds what the function gains over it.
            let excess = if i == 0 { 0.0 } else { -part.low };
            let mut live = Vec::new();
            for (at, form) in forms.iter().enumerate() {
                let (lo, hi) = self.interval(form);
                if (lo >= part.piece.hi() && i != last) || (hi <= part.piece.lo && i != 0) {
                    let value = if lo >= part.piece.hi() { part.high } else { part.low };
                    results[at] = results[at].shifted(value + excess);
                } else {
                    live.push(at);
                }
            }
            let inputs: Vec<Form> = live.iter().map(|&at| forms[at].clone()).collect();
            let wires = self.arguments(&inputs, &part.piece)?;
            for (at, input) in live.into_iter().zip(wires) {
                let wire = self.bounds.len() as Wire;
                self.push(Step::Function(Function { table: *table, input, requant: Requant::Shift }))?;
                let value = Form::wire(wire, part.unit, part.offset + excess);
                results[at] = results[at].plus(&value);
            }
        }
        Ok(results)
    }

    /// Where the function is needed: what the bounds allow, less what calibration makes absurd, less flat ends.
    fn domain(&self, forms: &[Form], f: &Function1) -> Result<Domain, QuantError> {
        let all = forms.iter().map(|form| self.interval(form));
        let (least, most) = all.fold((f64::INFINITY, f64::NEG_INFINITY), |r, i| (r.0.min(i.0), r.1.max(i.1)));
        let (mut lo, mut hi) = (least.max(f.domain.0), most.min(f.domain.1));
        let unbounded = |bound: f64| QuantError::Unbounded { node: self.node().into(), bound };
        if !(lo <= hi && (hi - lo).is_finite()) {
            return Err(unbounded(least.abs().max(most.abs())));
        }
        let mut limits = f.domain;
        let seen = forms.iter().filter_map(|form| self.calibrated_range(form));
        let seen = seen.reduce(|a, b| (a.0.min(b.0), a.1.max(b.1)));
        let seen = seen.map(|(a, b)| (a.max(lo).min(hi), b.max(lo).min(hi)));
        let value = |x: f64| f.at(x);
        let size = |lo: f64, hi: f64| {
            let (min, max) = extremes(&value, lo, hi);
            min.abs().max(max.abs())
        };
        if let Some((from, to)) = seen {
            let usual = size(from, to);
            if usual > 0.0 && size(lo, hi) > usual * self.options.saturate_above {
                // The function grows far beyond what it was: not further than the margin.
                let limit = usual * self.options.margin;
                limits = (edge(&value, from, lo, limit), edge(&value, to, hi, limit));
                (lo, hi) = limits;
            }
        }
        let bound = size(lo, hi);
        if bound.is_nan() || bound >= 1e30 {
            return Err(unbounded(bound));
        }
        if hi > lo {
            let (from, to) = bent(&value, lo, hi);
            (lo, hi) = (from, to.max(from));
        }
        if let Some(limit) = seen.map(|(a, b)| a.abs().max(b.abs())).filter(|&s| s > 0.0)
            && lo.abs().max(hi.abs()) > limit * self.options.saturate_above
        {
            let limit = limit * self.options.margin;
            // Where the function goes on to bend beyond the margin; flat ends are no saturation.
            limits = (if lo < -limit { -limit } else { limits.0 }, if hi > limit { limit } else { limits.1 });
            (lo, hi) = (lo.max(-limit), hi.min(limit));
        }
        Ok(Domain { lo, hi: hi.max(lo), limits })
    }

    /// The forms, held inside the limits.
    fn held_in(
        &mut self,
        forms: Vec<Form>,
        domain: &Domain,
        finest: f64,
        layer: &mut LayerReport,
    ) -> Result<Vec<Form>, QuantError> {
        let mut at = Vec::new();
        for (i, form) in forms.iter().enumerate() {
            let (lo, hi) = self.interval(form);
            if lo < domain.limits.0 || hi > domain.limits.1 {
                at.push(i);
            }
        }
        let (wires, scales) = self.whole_lanes(at.iter().map(|&i| &forms[i]), finest)?;
        let clamps: Vec<(Wire, Interval)> = wires
            .iter()
            .zip(&scales)
            .map(|(&wire, scale)| {
                let limit = Y_LIMIT as f64;
                let lo = (domain.limits.0 * scale).floor().max(-limit);
                let hi = (domain.limits.1 * scale).ceil().min(limit - 1.0);
                (wire, Interval { lo: lo.min(hi) as i64, hi: hi as i64 })
            })
            .collect();
        let (clamped, deviations) = self.clamp_exact(&clamps, true)?;
        self.saturated.extend(deviations);
        layer.saturating += at.len();
        let mut forms = forms;
        for ((i, form), scale) in at.into_iter().zip(clamped).zip(scales) {
            forms[i] = form.scaled(1.0 / scale);
        }
        Ok(forms)
    }

    /// Forms of many terms as single wires of 40 bits.
    fn wide(&mut self, forms: Vec<Form>, finest: f64) -> Result<Vec<Form>, QuantError> {
        let many: Vec<usize> = (0..forms.len()).filter(|&i| forms[i].terms().len() > MANY_TERMS).collect();
        let (wires, scales) = self.whole_lanes(many.iter().map(|&i| &forms[i]), finest)?;
        let mut forms = forms;
        for ((i, wire), scale) in many.into_iter().zip(wires).zip(scales) {
            forms[i] = Form::wire(wire, 1.0 / scale, 0.0);
        }
        Ok(forms)
    }

    /// Forms as wires of 40 bits, but of no more than `finest` units per 1.0, whose scales are powers of two.
    fn whole_lanes<'f>(
        &mut self,
        forms: impl Iterator<Item = &'f Form>,
        finest: f64,
    ) -> Result<(Vec<Wire>, Vec<f64>), QuantError> {
        let (mut dots, mut scales) = (Vec::new(), Vec::new());
        for form in forms {
            // Half the lane: a clamp adds its limit before it cuts.
            let scale = libm::exp2(libm::floor(libm::log2(self.lane_scale(form)?)) - 1.0).min(finest);
            let (dot, scale) = self.fitted(form, scale, 0.5, Requant::Identity)?;
            dots.push(dot);
            scales.push(scale);
        }
        Ok((self.emit(&dots)?, scales))
    }

    /// Tables that serve the domain: known ones if they are good enough.
    fn plan_of(&mut self, f: &Function1, domain: &Domain, range: f64) -> Plan {
        let serves =
            |p: &&Plan| p.name == f.name && p.lo <= domain.lo && domain.hi <= p.hi && p.error <= range * SHARE * 1.05;
        if let Some(known) = self.plans.iter().find(serves) {
            return known.clone();
        }
        let value = |x: f64| f.at(x);
        let (lo, hi) = rounded((domain.lo, domain.hi), f.domain);
        // Rounding out must not reach where the function explodes.
        let (lo, hi) = if extremes(&value, lo, hi).1.is_finite() && spread(&value, lo, hi) <= 2.0 * range {
            (lo, hi)
        } else {
            (domain.lo, domain.hi)
        };
        let known: usize = self.tables.iter().map(|t| t.entries.len()).sum();
        let (found, error) = pieces(&value, lo, hi, self.lanes_so_far().saturating_sub(known));
        let mut parts = Vec::with_capacity(found.len());
        for (i, piece) in found.iter().enumerate() {
            let drawn = piece.drawn(&value, i == 0);
            let name = format!("{} [{}, {}]", f.name, piece.lo, piece.hi());
            self.tables.push(Table { name, first: 0, entries: drawn.entries.clone() });
            parts.push((drawn, self.tables.len() - 1));
        }
        let plan = Plan { name: f.name.clone(), lo, hi, error, parts };
        self.plans.push(plan.clone());
        plan
    }

    /// Wires in `[0, span + 2^10)` that count the piece's units from its lower end, held at both ends.
    fn arguments(&mut self, forms: &[Form], piece: &Piece) -> Result<Vec<Wire>, QuantError> {
        let mut first = Vec::with_capacity(forms.len());
        let mut plans = Vec::with_capacity(forms.len());
        for form in forms {
            let (dot, extra, above) = self.argument(form, piece)?;
            first.push(dot);
            plans.push((extra, above));
        }
        let first = self.emit(&first)?;
        let mut second = Vec::new();
        for (&u, &(extra, _)) in first.iter().zip(&plans).filter(|(_, p)| p.1) {
            let width = piece.span() as f64 * libm::exp2(f64::from(extra));
            second.push(Dot {
                terms: vec![(u, -1)],
                bias: width.floor() as i64,
                requant: Requant::Relu,
                ..Dot::default()
            });
        }
        let mut second = self.emit(&second)?.into_iter();
        let held: Option<Vec<Wire>> =
            first.iter().zip(&plans).map(|(&u, p)| if p.1 { second.next() } else { Some(u) }).collect();
        let short = || QuantError::Malformed { what: "arguments", expected: forms.len(), got: 0 };
        let held = held.ok_or_else(short)?;
        let mut third = Vec::new();
        for (&v, &(extra, _)) in held.iter().zip(&plans).filter(|(_, p)| p.0 != 0) {
            let weight = libm::exp2(f64::from(SHIFT as i32 - extra)) as i64;
            third.push(Dot { terms: vec![(v, weight)], bias: HALF, requant: Requant::Shift, ..Dot::default() });
        }
        let mut third = self.emit(&third)?.into_iter();
        let all = held.into_iter().zip(&plans).map(|(v, p)| if p.0 == 0 { Some(v) } else { third.next() });
        all.collect::<Option<Vec<Wire>>>().ok_or_else(short)
    }

    /// The first lane of an argument, at `2^extra` times the piece's units: `x - lo`, or `hi - x` where the argument must be held at the upper end too.
    fn argument(&self, form: &Form, piece: &Piece) -> Result<(Dot, i32, bool), QuantError> {
        let bits = f64::from(piece.bits);
        let slack = libm::exp2(-bits) * (1i64 << (LIMB_BITS - 1)) as f64;
        let (_, most) = self.interval(form);
        for above in [false, true] {
            if !above && most > piece.hi() + slack {
                continue;
            }
            let from = if above { form.scaled(-1.0).shifted(piece.hi()) } else { form.shifted(-piece.lo) };
            let (lo, hi) = self.interval(&from);
            let bound = lo.abs().max(hi.abs());
            let lane = HEADROOM * (1i64 << Y_BITS) as f64;
            let room = libm::floor(libm::log2(lane / bound.max(1e-30))) - bits;
            let fused = room >= f64::from(SHIFT);
            let requant = if fused { Requant::ReluShift } else { Requant::Relu };
            let (dot, scale) = self.fitted(&from, libm::exp2(bits + room.min(f64::from(SHIFT))), 0.5, requant)?;
            let extra = -libm::round(libm::log2(Self::unit(&dot, scale)) + bits) as i32;
            if extra < -(SHIFT as i32) {
                return Err(QuantError::Unbounded { node: self.node().into(), bound });
            }
            let end = (piece.span() + (1 << LIMB_BITS) - 1) as f64 * libm::exp2(f64::from(extra));
            let (_, top) = self.dot_interval(&dot)?;
            let top = if fused { top >> SHIFT } else { top };
            if above || top as f64 <= end.floor() {
                return Ok((dot, extra, above));
            }
        }
        Err(QuantError::Malformed { what: "arguments", expected: 1, got: 0 })
    }
}

/// The point nearest to `far`, seen from `near`, up to which the function stays inside `±limit`.
fn edge(f: &dyn Fn(f64) -> f64, near: f64, far: f64, limit: f64) -> f64 {
    let inside = |x: f64| f(x).abs() <= limit;
    let outside = points(near.min(far), near.max(far)).into_iter().filter(|&x| !inside(x));
    let Some(mut bad) = outside.min_by(|a, b| (a - near).abs().total_cmp(&(b - near).abs())) else { return far };
    let mut good = near;
    for _ in 0..60 {
        let middle = good + (bad - good) / 2.0;
        if inside(middle) {
            good = middle;
        } else {
            bad = middle;
        }
    }
    good
}

fn spread(f: &dyn Fn(f64) -> f64, lo: f64, hi: f64) -> f64 {
    let (min, max) = extremes(f, lo, hi);
    max - min
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::quant::Calibration;
    use crate::quant::Options;
    use crate::quant::builder::Finished;

    const UNIT: i64 = 1 << 16;

    /// Largest error of `f` over inputs in `[lo, hi]`, as a share of the range, and the entries of all tables.
    fn worst(f: &Function1, lo: f64, hi: f64) -> (f64, usize) {
        let options = Options::default();
        let mut builder = Builder::new(vec![1], None, &options).unwrap();
        let domain = (lo * UNIT as f64, hi * UNIT as f64);
        let x = builder.inputs(&[domain], &[UNIT as f64]).unwrap();
        let y = builder.function(&x, f).unwrap();
        let Finished { program, .. } = builder.finish(&y, &[1e5]).unwrap();
        crate::quant::bounds::check(&program).unwrap();
        let entries = program.tables.iter().map(|t| t.entries.len()).sum();
        let mut worst: f64 = 0.0;
        let (mut least, mut most) = (f64::MAX, f64::MIN);
        let (from, to) = (domain.0.ceil() as i64, domain.1.floor() as i64);
        for raw in (0..4000).map(|i| from + (to - from) * i / 3999).chain(from..(from + 4000).min(to)) {
            let run = program.evaluate(&[raw]).unwrap();
            assert!(run.unsaturated, "{raw}");
            let want = f.at(raw as f64 / UNIT as f64);
            (least, most) = (least.min(want), most.max(want));
            let error = (run.outputs[0] as f64 / 1e5 - want).abs();
            worst = worst.max(error);
        }
        for raw in [-(1i64 << 39), from - 1, to + 1, (1 << 39) - 1] {
            program.evaluate(&[raw]).unwrap();
        }
        ((worst - 1e-5).max(0.0) / (most - least), entries)
    }

    #[test]
    fn tables_are_as_close_as_documented() {
        let curve = |c: Curve| Function1::new(c.name, c.f);
        let ln = || Function1::new("log", libm::log).on(1e-3, f64::INFINITY);
        let cases: Vec<(Function1, f64, f64, usize)> = vec![
            (curve(SIGMOID), -16.0, 16.0, 800),
            (curve(SIGMOID), -1000.0, 1000.0, 850),
            (curve(TANH), -16.0, 16.0, 800),
            (Function1::new("exp", libm::exp), -20.0, 0.0, 800),
            (Function1::new("exp", libm::exp), -2.0, 5.0, 800),
            (Function1::new("sin", libm::sin), -4.0, 4.0, 800),
            (Function1::new("erf", libm::erf), -100.0, 100.0, 800),
            (Function1::new("atan", libm::atan), -16.0, 16.0, 1200),
            (Function1::new("atan", libm::atan), -1000.0, 1000.0, 2000),
            (Function1::new("asin", libm::asin).on(-1.0, 1.0), -1.0, 1.0, 2500),
            (Function1::new("root", libm::sqrt).on(0.0, f64::INFINITY), 0.0, 100.0, 3000),
            (ln(), 1e-3, 1.0, 2500),
            (ln(), 1.0, 64.0, 1300),
            (ln(), 0.01, 1000.0, 3000),
            (Function1::new("kink", |x: f64| if x > 0.0 { 0.0 } else { libm::expm1(x) }), -20.0, 30.0, 800),
        ];
        let mut failed = Vec::new();
        for (f, lo, hi, most) in cases {
            let (error, entries) = worst(&f, lo, hi);
            println!("{} [{lo}, {hi}]: 2^{:.2} of the range, {entries} entries", f.name, error.log2());
            if error > 1.1 * SHARE || entries > most {
                failed.push(format!("{} [{lo}, {hi}]: {error:e}, {entries}", f.name));
            }
        }
        assert!(failed.is_empty(), "{failed:?}");
    }

    #[test]
    fn a_table_serves_later_calls_and_flags_are_exact() {
        let options = Options::default();
        let samples: Vec<Vec<i64>> = (0..64).map(|i| vec![i * UNIT / 64]).collect();
        let calibration = Calibration { samples };
        let mut builder = Builder::new(vec![1], Some(&calibration), &options).unwrap();
        let x = builder.inputs(&[(-100.0 * UNIT as f64, 100.0 * UNIT as f64)], &[UNIT as f64]).unwrap();
        let exp = Function1::new("exp", libm::exp);
        let mut y = builder.function(&x, &exp).unwrap();
        y.extend(builder.function(&[x[0].scaled(0.5)], &curve_of("tanh")).unwrap());
        y.extend(builder.function(&[x[0].scaled(0.7)], &curve_of("tanh")).unwrap());
        let Finished { program, .. } = builder.finish(&y, &[1e4; 3]).unwrap();
        assert_eq!(program.tables.len(), 2);
        // exp saturates at 8 times the largest value seen, where x is larger by ln 8.
        let edge = ((63.0 / 64.0 + 8f64.ln()) * UNIT as f64) as i64;
        assert!(program.evaluate(&[edge - 300]).unwrap().unsaturated);
        assert!(!program.evaluate(&[edge + 300]).unwrap().unsaturated);
        assert!(!program.evaluate(&[99 * UNIT]).unwrap().unsaturated);
        assert!(program.evaluate(&[-99 * UNIT]).unwrap().unsaturated);
    }

    fn curve_of(name: &str) -> Function1 {
        Function1::new(name, libm::tanh)
    }

    #[test]
    fn lookups_are_exact_and_hold_the_index() {
        let options = Options::default();
        let mut builder = Builder::new(vec![2], None, &options).unwrap();
        let x = builder.inputs(&[(-5.0, 9.0), (0.0, 3.0)], &[1.0, 1.0]).unwrap();
        let tables = [vec![3.0, -7.0, 1e6, 5.0], vec![0.5, 0.25, -1.0, 1e8], vec![1e6, 7.0, -9e5, 0.0]];
        let y: Vec<Form> = builder.lookup(&x, &tables).unwrap().concat();
        let Finished { program, .. } = builder.finish(&y, &[1.0, 100.0, 1.0, 1.0, 100.0, 1.0]).unwrap();
        crate::quant::bounds::check(&program).unwrap();
        for i in -5..10i64 {
            let run = program.evaluate(&[i, i.clamp(0, 3)]).unwrap();
            assert_eq!(run.unsaturated, (0..4).contains(&i));
            let at = i.clamp(0, 3) as usize;
            let near = |got: i64, want: f64| (got as f64 - want).abs() <= 1e4;
            for half in run.outputs.chunks(3) {
                assert_eq!((half[0], half[2]), (tables[0][at] as i64, tables[2][at] as i64));
                assert!(near(half[1], tables[1][at] * 100.0));
            }
        }
    }
}
