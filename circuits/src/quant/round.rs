//! Rounding to integers of a given range: what QuantizeLinear asks for.
//!
//! `y = clamp(round(x), lo, hi)` as `hi - v`: a lane `u = relu(floor((x - lo + 1/2) · 2^m))`, whose `m` bits below 1 pay for weights that are no integers at
//! one lane's scale, and a lane `v = relu(floor((W · 2^m + 2^m - 1 - u) / 2^m))` that counts down, `W = hi - lo`. Floors of floors lose nothing.
//!
//! Ties go to the even integer where the form is exact in steps of `2^-20`: two more lanes, for the parity. Elsewhere weights are rounded, so a tie
//! means nothing, and it goes up.

use super::QuantError;
use super::builder::{Builder, Dot};
use super::form::Form;
use super::program::{Requant, SHIFT};
use super::report::LayerReport;
use super::rescale::is_integer;

/// Wider forms are cut to a little more than their range before they are rounded.
const WIDE: f64 = (1i64 << (SHIFT - 2)) as f64;
const ONE: f64 = (1i64 << SHIFT) as f64;

/// How one form is rounded.
struct Rounding {
    /// `x - base + 1/2`
    form: Form,
    base: f64,
    width: i64,
    /// Bits of the first lane below 1.
    bits: u32,
    /// Values lie below `base`, or above `base + width`.
    below: bool,
    above: bool,
    /// Ties occur and are told.
    ties: bool,
}

impl Builder<'_> {
    /// `round(x_i)`, saturated to the integers `ranges[i]`, as exact integers. Raises no flag.
    ///
    /// # Errors
    /// As [`Self::compact`]; [`QuantError::Malformed`] when the lists differ in length.
    pub fn rounded(&mut self, x: &[Form], ranges: &[(f64, f64)]) -> Result<Vec<Form>, QuantError> {
        if x.len() != ranges.len() {
            return Err(QuantError::Malformed { what: "ranges", expected: x.len(), got: ranges.len() });
        }
        let before = self.steps.len();
        let mut layer = LayerReport::new(self.node(), "round");
        let mut results: Vec<Option<Form>> = Vec::with_capacity(x.len());
        let mut plans = Vec::new();
        for (form, &range) in x.iter().zip(ranges) {
            let found = self.rounding(form, range)?;
            if found.is_err() {
                let (lo, hi) = self.interval(form);
                layer.add(lo.abs().max(hi.abs()), self.calibrated(form));
            }
            match found {
                Ok(form) => results.push(Some(form)),
                Err(plan) => {
                    results.push(None);
                    plans.push(plan);
                }
            }
        }
        let mut fresh = self.round(&plans)?.into_iter();
        layer.close(&self.steps[before..]);
        if layer.values > 0 {
            self.record(layer);
        }
        let whole: Option<Vec<Form>> = results.into_iter().map(|r| r.or_else(|| fresh.next())).collect();
        whole.ok_or(QuantError::Malformed { what: "rounded forms", expected: x.len(), got: plans.len() })
    }

    /// The result where nothing needs to be emitted, else how to round.
    fn rounding(&mut self, form: &Form, (lo, hi): (f64, f64)) -> Result<Result<Form, Rounding>, QuantError> {
        if let Some(value) = form.as_constant() {
            return Ok(Ok(Form::constant(value.round_ties_even().max(lo).min(hi))));
        }
        let mut form = form.clone();
        if !is_exact(&form, ONE) {
            form = self.narrowed(&[form])?.pop().unwrap_or_default();
        }
        let (a, b) = self.interval(&form);
        if a.abs().max(b.abs()) > WIDE {
            form = self.clip(&[form], lo - 1.0, hi + 1.0)?.pop().unwrap_or_default();
        }
        let (a, b) = self.interval(&form);
        // A margin for the rounding of weights.
        let (first, last) = ((a + 0.5 - 1e-3).floor(), (b + 0.5 + 1e-3).floor());
        let whole = is_exact(&form, 1.0);
        if whole && first >= lo && last <= hi {
            return Ok(Ok(form));
        }
        let (base, top) = (first.max(lo), last.min(hi));
        if base >= top {
            return Ok(Ok(Form::constant(if first >= hi { hi } else { top.max(lo) })));
        }
        let ties = !whole && is_exact(&form, ONE);
        let form = form.shifted(0.5 - base);
        let (below, above) = (first < lo, last > hi);
        let mut plan = Rounding { form, base, width: (top - base) as i64, bits: 0, below, above, ties };
        if !whole && !ties {
            let fits = |bits: &u32| self.round_lane(&plan, *bits).is_some();
            plan.bits = (0..=SHIFT).rev().find(fits).unwrap_or(0);
        }
        match self.round_lane(&plan, plan.bits) {
            Some(_) => Ok(Err(plan)),
            None => Err(QuantError::Unbounded { node: self.node().into(), bound: a.abs().max(b.abs()) }),
        }
    }

    /// `floor(form · 2^bits)`
    fn round_lane(&self, plan: &Rounding, bits: u32) -> Option<Dot> {
        let dot = self.dot(&plan.form, libm::exp2(f64::from(SHIFT + bits)), Requant::Identity)?;
        let requant = if plan.below && !plan.ties { Requant::ReluShift } else { Requant::Shift };
        self.fits(&dot).then_some(Dot { requant, ..dot })
    }

    fn round(&mut self, plans: &[Rounding]) -> Result<Vec<Form>, QuantError> {
        let lanes: Option<Vec<Dot>> = plans.iter().map(|p| self.round_lane(p, p.bits)).collect();
        let lanes = lanes.ok_or(QuantError::Malformed { what: "roundings", expected: plans.len(), got: 0 })?;
        let up = self.emit(&lanes)?;
        // Parity of the integer that a tie rounds up to.
        let parity = |p: &Rounding| (p.base.rem_euclid(2.0)) as i64;
        let tied = plans.iter().zip(&up).zip(&lanes).filter(|((p, _), _)| p.ties);
        let halves = tied.clone().map(|((p, &u), _)| Dot {
            terms: vec![(u, 1 << (SHIFT - 1))],
            bias: parity(p) << (SHIFT - 1),
            requant: Requant::Shift,
            ..Dot::default()
        });
        let halves = self.emit(&halves.collect::<Vec<_>>())?;
        let even = tied.zip(&halves).map(|(((p, &u), lane), &half)| {
            let mut dot = lane.clone();
            // An odd integer loses the smallest step: only a tie falls to the integer below.
            dot.terms.extend([(u, -1), (half, 2)]);
            dot.terms.sort_unstable();
            dot.bias -= parity(p);
            dot.requant = if p.below { Requant::ReluShift } else { Requant::Shift };
            dot
        });
        let mut even = self.emit(&even.collect::<Vec<_>>())?.into_iter();
        let mut wires = Vec::with_capacity(plans.len());
        for (plan, &u) in plans.iter().zip(&up) {
            let missing = QuantError::Malformed { what: "even integers", expected: plans.len(), got: wires.len() };
            wires.push(if plan.ties { even.next().ok_or(missing)? } else { u });
        }
        let down = plans.iter().zip(&wires).filter(|(p, _)| p.above || p.bits > 0).map(|(p, &u)| {
            let one = 1i64 << p.bits;
            let top = p.width * one + one - 1;
            if p.bits == 0 {
                return Dot { terms: vec![(u, -1)], bias: top, requant: Requant::Relu, ..Dot::default() };
            }
            let weight = 1i64 << (SHIFT - p.bits);
            Dot { terms: vec![(u, -weight)], bias: top * weight, requant: Requant::ReluShift, ..Dot::default() }
        });
        let mut down = self.emit(&down.collect::<Vec<_>>())?.into_iter();
        let forms = plans.iter().zip(wires).map(|(p, u)| match p.above || p.bits > 0 {
            true => down.next().map(|v| Form::wire(v, -1.0, p.base + p.width as f64)),
            false => Some(Form::wire(u, 1.0, p.base)),
        });
        let whole: Option<Vec<Form>> = forms.collect();
        whole.ok_or(QuantError::Malformed { what: "roundings", expected: plans.len(), got: 0 })
    }
}

/// Whether all parts of a form are integers in steps of `1 / one`.
fn is_exact(form: &Form, one: f64) -> bool {
    is_integer(form.offset() * one) && form.terms().iter().all(|t| is_integer(t.1 * one))
}
