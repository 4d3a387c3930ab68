//! Functions read straight from a table over all that their arguments' bounds allow: one lane and a read, without clamps, flags or a Relu apart.
//!
//! The argument is signed, `x · 2^a` in 20 bits or fewer, and the table has an entry for each `hi` that it can reach. Entries stand beside lanes, so they cost nothing
//! as long as they are no more than these; that, and the error over what calibration saw, decide whether a function is read this way or as in [`super::curve`].

use super::QuantError;
use super::arith::deduplicated;
use super::builder::{Builder, Dot, HALF, HEADROOM, shifts};
use super::curve::Function1;
use super::form::Form;
use super::pieces::{Piece, SHARE, extremes};
use super::program::{Function, LIMB_BITS, Requant, SHIFT, Step, Table, Wire, Y_BITS};
use super::report::LayerReport;

/// Entries that are always to be had.
const SMALL: usize = 256;
/// Largest errors, as shares of the range of usual values, in the order in which they are tried.
const SHARES: [f64; 3] = [SHARE / 4.0, SHARE / 2.0, SHARE];

/// Largest error where the argument is a wire as it is: that saves a lane and more.
const READY: f64 = 4.0 * SHARE;

/// A table over `first .. first + entries` intervals, for arguments of `2^bits` units and results of `2^result` units per 1.0.
#[derive(Clone, Copy, Debug)]
struct Direct {
    bits: i32,
    result: i32,
    first: i64,
    last: i64,
}

impl Direct {
    fn piece(&self) -> Piece {
        let width = libm::exp2(f64::from(LIMB_BITS as i32 - self.bits));
        let intervals = (self.last - self.first + 1) as usize;
        Piece { lo: self.first as f64 * width, bits: self.bits, intervals }
    }

    fn table(&self, f: &Function1) -> String {
        format!("{} {}:{}", f.name(), self.bits, self.result)
    }

    fn entry(&self, f: &Function1, hi: i64) -> (i64, i64) {
        let at = |part: f64| f.at((hi as f64 + part) * libm::exp2(f64::from(LIMB_BITS as i32 - self.bits)));
        let (from, middle, to) = (at(0.0), at(0.5), at(1.0));
        let lift = (middle - (from + to) / 2.0) / 2.0;
        // What is never negative stays so.
        let lift = if from.min(to) >= 0.0 && from.min(to) + lift < 0.0 { 0.0 } else { lift };
        let one = libm::exp2(f64::from(self.result + (SHIFT - LIMB_BITS) as i32));
        (((from + lift) * one).round() as i64 + (HALF >> LIMB_BITS), ((to - from) * one).round() as i64)
    }
}

/// Where an argument comes from.
enum Argument {
    /// A wire as it is.
    Ready(Wire),
    /// A lane.
    Lane(Dot),
}

impl Argument {
    fn lane(&self) -> Option<&Dot> {
        match self {
            Self::Ready(_) => None,
            Self::Lane(dot) => Some(dot),
        }
    }
}

impl Builder<'_> {
    /// `f(form)` for each form where one table serves all that the bounds allow, with as few rows as any function; else nothing, and no steps but narrowed copies.
    ///
    /// # Errors
    /// As [`Self::compact`].
    pub fn directly(&mut self, forms: &[Form], f: &Function1) -> Result<Option<Vec<Form>>, QuantError> {
        let (distinct, index) = deduplicated(forms);
        let arguments = self.table_arguments(&distinct)?;
        let live: Vec<Form> = arguments.iter().filter(|a| a.as_constant().is_none()).cloned().collect();
        let Some(plan) = self.direct_plan(&live, f) else { return Ok(None) };
        let lanes: Option<Vec<Argument>> = live.iter().map(|form| self.direct_argument(form, plan.bits)).collect();
        let Some(lanes) = lanes else { return Ok(None) };
        let (mut first, mut last) = (plan.first, plan.last);
        for lane in &lanes {
            let (lo, hi) = match lane {
                Argument::Ready(wire) => (self.bounds[*wire as usize].lo.into(), self.bounds[*wire as usize].hi.into()),
                Argument::Lane(dot) => {
                    let (lo, hi) = self.dot_interval(dot)?;
                    let shift = if shifts(dot.requant) { SHIFT } else { 0 };
                    (lo >> shift, hi >> shift)
                }
            };
            first = first.min((lo >> LIMB_BITS) as i64);
            last = last.max((hi >> LIMB_BITS) as i64);
        }
        let before = self.steps.len();
        let mut layer = LayerReport::new(self.node(), f.name());
        for form in &live {
            let (lo, hi) = self.interval(form);
            layer.add(lo.abs().max(hi.abs()), self.calibrated(form));
        }
        let table = self.direct_table(f, &Direct { first, last, ..plan });
        let mut results = Vec::with_capacity(live.len());
        let dots: Vec<Dot> = lanes.iter().filter_map(Argument::lane).cloned().collect();
        let mut fresh = self.emit(&dots)?.into_iter();
        for lane in &lanes {
            let input = match lane {
                Argument::Ready(wire) => Some(*wire),
                Argument::Lane(_) => fresh.next(),
            };
            let input = input.ok_or(QuantError::Malformed { what: "arguments", expected: live.len(), got: 0 })?;
            let wire = self.bounds.len() as Wire;
            self.push(Step::Function(Function { table, input, requant: Requant::Shift }))?;
            results.push(Form::wire(wire, libm::exp2(-f64::from(plan.result)), 0.0));
        }
        layer.close(&self.steps[before..]);
        self.record(layer);
        let mut results = results.into_iter();
        let all = arguments.iter().map(|a| match a.as_constant() {
            Some(value) => Some(Form::constant(f.at(value))),
            None => results.next(),
        });
        let whole: Option<Vec<Form>> = all.collect();
        let whole = whole.ok_or(QuantError::Malformed { what: "function results", expected: forms.len(), got: 0 })?;
        Ok(Some(index.into_iter().map(|i| whole[i].clone()).collect()))
    }

    /// A form as a signed argument of `2^bits` units per 1.0. A wire of whole units may have more than 20 bits.
    fn direct_argument(&self, form: &Form, bits: i32) -> Option<Argument> {
        let scale = libm::exp2(f64::from(bits));
        let dot = match self.whole_units(form).filter(|&own| own <= bits) {
            Some(own) if own == bits && form.offset() == 0.0 && form.terms().iter().all(|t| t.1 > 0.0) => {
                return form.terms().first().map(|t| Argument::Ready(t.0));
            }
            Some(_) => self.dot(form, scale, Requant::Identity)?,
            None => self.dot(form, scale * (1i64 << SHIFT) as f64, Requant::Shift)?,
        };
        self.fits(&dot).then_some(Argument::Lane(dot))
    }

    /// For a form that is one wire in units of `2^-bits`, a whole number of units from 0: these bits.
    fn whole_units(&self, form: &Form) -> Option<i32> {
        let &[(_, c)] = form.terms() else { return None };
        let (half, exponent) = libm::frexp(c.abs());
        (half == 0.5 && (form.offset() / c).fract() == 0.0).then_some(1 - exponent)
    }

    /// The coarsest table that is good enough and costs no rows of its own.
    fn direct_plan(&self, forms: &[Form], f: &Function1) -> Option<Direct> {
        let value = |x: f64| f.at(x);
        let all = forms.iter().map(|form| self.interval(form));
        let (lo, hi) = all.reduce(|r, i| (r.0.min(i.0), r.1.max(i.1)))?;
        let bound = lo.abs().max(hi.abs());
        if !f.exists_on(lo, hi) || !bound.is_finite() || bound <= 0.0 {
            return None;
        }
        let seen = forms.iter().filter_map(|form| self.calibrated_range(form));
        let (from, to) = seen.reduce(|a, b| (a.0.min(b.0), a.1.max(b.1))).unwrap_or((lo, hi));
        let (usual, whole) = (extremes(&value, from, to), extremes(&value, lo, hi));
        let size = |(min, max): (f64, f64)| min.abs().max(max.abs());
        let range = usual.1 - usual.0;
        // Results far larger than usual would waste the bits of usual ones.
        if !(range > 0.0 && size(whole) <= size(usual) * self.saturate_above() && size(whole) < 1e30) {
            return None;
        }
        let most = libm::floor(libm::log2(HEADROOM * (1i64 << (Y_BITS - SHIFT)) as f64 / bound)) as i32;
        let known: usize = self.tables.iter().map(|t| t.entries.len()).sum();
        let room = SMALL.max(self.lanes_so_far() + 2 * forms.len());
        // Units that every argument has already: no lane, or one whose weight is a power of two.
        let own: Option<Vec<i32>> = forms.iter().map(|form| self.whole_units(form)).collect();
        let own = own.and_then(|all| all.into_iter().max());
        let shifted = (most - 6)..=most;
        let whole_units: Vec<i32> = own.map_or_else(Vec::new, |own| (own..=own + 6).collect());
        for share in SHARES {
            let (ready, multiples) = whole_units.split_at(whole_units.len().min(1));
            let as_it_is = ready.iter().map(|&bits| (bits, READY));
            for (bits, share) in as_it_is.chain(shifted.clone().chain(multiples.iter().copied()).map(|b| (b, share))) {
                let width = libm::exp2(f64::from(LIMB_BITS as i32 - bits));
                let (first, last) = (libm::floor(lo / width) as i64, libm::floor(hi / width) as i64);
                let result =
                    libm::floor(libm::log2((1i64 << (Y_BITS - SHIFT)) as f64 / size(whole) / (1.0 + 2.0 * SHARE)));
                let plan = Direct { bits, result: result as i32, first, last };
                let name = plan.table(f);
                let own = self.tables.iter().find(|t| t.name == name);
                let (before, end) = own.map_or((first, last), |t| (t.first, t.first + t.entries.len() as i64 - 1));
                let entries = (last.max(end) - first.min(before) + 1) as usize;
                if known - own.map_or(0, |t| t.entries.len()) + entries > room {
                    continue;
                }
                let target = range * share;
                if plan.piece().worst(&value, target) <= target {
                    return Some(plan);
                }
            }
        }
        None
    }

    /// The function's table, grown to the plan's range.
    fn direct_table(&mut self, f: &Function1, plan: &Direct) -> usize {
        let name = plan.table(f);
        let at = self.tables.iter().position(|t| t.name == name).unwrap_or_else(|| {
            self.tables.push(Table { name, first: plan.first, entries: Vec::new() });
            self.tables.len() - 1
        });
        let known = &mut self.tables[at];
        let end = known.first + known.entries.len() as i64;
        let before: Vec<(i64, i64)> = (plan.first..known.first).map(|hi| plan.entry(f, hi)).collect();
        known.entries.extend((end..=plan.last).map(|hi| plan.entry(f, hi)));
        known.first = known.first.min(plan.first);
        known.entries.splice(0..0, before);
        at
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::quant::builder::Finished;
    use crate::quant::{Calibration, Options};

    const UNIT: i64 = 1 << 16;

    fn bell() -> Function1 {
        Function1::new("bell", |x| libm::exp(-x * x / 8.0))
    }

    /// The function of `scale` times one input within `±bound`, its values, and whether it was read directly.
    fn run(bound: i64, scale: f64, filler: usize) -> (Vec<(f64, f64)>, bool) {
        let options = Options::default();
        let samples = (0..65).map(|i| vec![(i - 32) * UNIT / 8]).collect();
        let mut builder = Builder::new(vec![1], Some(&Calibration { samples }), &options).unwrap();
        let ends = (bound * UNIT) as f64;
        let x = builder.inputs(&[(-ends, ends)], &[UNIT as f64]).unwrap();
        // Lanes for entries to stand beside.
        let dots: Vec<Dot> = (0..filler as i64).map(|bias| Dot { bias, ..Dot::default() }).collect();
        builder.emit(&dots).unwrap();
        let form = x[0].scaled(scale);
        let read = builder.directly(std::slice::from_ref(&form), &bell()).unwrap();
        let direct = read.is_some();
        let y = read.unwrap_or_else(|| vec![Form::constant(0.0)]);
        let Finished { program, .. } = builder.finish(&y, &[65536.0]).unwrap();
        crate::quant::bounds::check(&program).unwrap();
        let inputs = (-40..=40).map(|i| i * bound * UNIT / 40).chain([1, -1, bound * UNIT - 1, 1 << 38, -(1 << 39)]);
        let values = inputs.map(|raw| {
            let run = program.evaluate(&[raw]).unwrap();
            assert!(run.unsaturated);
            let held = raw.clamp(-bound * UNIT, bound * UNIT) as f64 / UNIT as f64 * scale;
            (run.outputs[0] as f64 / 65536.0, bell().at(held))
        });
        (values.collect(), direct)
    }

    #[test]
    fn a_table_over_all_bounds_needs_no_clamp() {
        // Any unit; units of a power of two, below and above what a shift leaves.
        for (bound, scale) in [(16, 1.0), (16, 0.73), (16, -1.0), (60, 1.0), (60, -0.41)] {
            let (values, direct) = run(bound, scale, 9000);
            assert!(direct, "{bound} {scale}");
            for (got, want) in values {
                assert!((got - want).abs() <= 1.25 * READY, "{bound} {scale}: {got} {want}");
            }
        }
    }

    #[test]
    fn a_small_program_takes_a_small_table_or_none() {
        assert!(run(3, 1.0, 0).1);
        assert!(!run(60, 0.73, 0).1);
    }

    #[test]
    fn a_function_that_explodes_or_ends_is_left_to_others() {
        let options = Options::default();
        let samples = (0..8).map(|i| vec![i * UNIT / 8]).collect();
        let mut builder = Builder::new(vec![1], Some(&Calibration { samples }), &options).unwrap();
        let x = builder.inputs(&[(-20.0 * UNIT as f64, 20.0 * UNIT as f64)], &[UNIT as f64]).unwrap();
        assert_eq!(builder.directly(&x, &Function1::new("exp", libm::exp)).unwrap(), None);
        let root = Function1::new("root", f64::sqrt).on(0.0, f64::INFINITY);
        assert_eq!(builder.directly(&x, &root).unwrap(), None);
    }

    #[test]
    fn calls_share_a_table_that_grows() {
        let options = Options::default();
        let samples = (0..8).map(|i| vec![i * UNIT / 2, -i * UNIT / 2]).collect();
        let mut builder = Builder::new(vec![2], Some(&Calibration { samples }), &options).unwrap();
        let ends = 4.0 * UNIT as f64;
        let x = builder.inputs(&[(0.0, ends), (-ends, 0.0)], &[UNIT as f64; 2]).unwrap();
        let filler: Vec<Dot> = (0..2000).map(|bias| Dot { bias, ..Dot::default() }).collect();
        builder.emit(&filler).unwrap();
        let a = builder.directly(&x[..1], &bell()).unwrap().unwrap();
        let before = builder.tables[0].clone();
        let b = builder.directly(&x[1..], &bell()).unwrap().unwrap();
        assert_eq!(builder.tables.len(), 1);
        let after = &builder.tables[0];
        let skip = (before.first - after.first) as usize;
        assert_eq!(after.entries[skip..skip + before.entries.len()], before.entries);
        let Finished { program, .. } = builder.finish(&[a, b].concat(), &[65536.0; 2]).unwrap();
        for raw in [0, UNIT, 2 * UNIT + 77, 4 * UNIT] {
            let run = program.evaluate(&[raw, -raw]).unwrap();
            assert!((run.outputs[0] - run.outputs[1]).abs() <= 8);
        }
    }
}
