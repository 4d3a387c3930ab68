//! Materialising forms: new wires at scales of about 20 bits, with or without a fused Relu, saturated where calibration says so.

use super::QuantError;
use super::bounds::{Interval, Y_LIMIT};
use super::builder::{Builder, Dot, HEADROOM, shifts};
use super::form::Form;
use super::program::{Requant, SHIFT, Y_BITS};
use super::report::LayerReport;

/// A result is exact in integers only below this; larger ones are worth a rescaling.
const EXACT_LIMIT: i64 = 1 << 21;

/// A value is taken to be no smaller than this share of the largest value seen among those of one call: one that was small in a few samples may be like
/// the others in the next.
pub(super) const OF_GROUP: f64 = 0.25;

/// A value of 20 bits whose bound is this many times the largest that calibration saw still tells 2^12 steps of that one: it is clamped after its shift, which
/// takes fewer rows. Beyond, a clamp takes all bits of its lane.
const COARSEST: f64 = 256.0;

/// Fewer values, or of no more terms, are left as they are by [`Builder::shared_sums`].
const LARGE: usize = 1024;
const FEW: usize = 2;
/// A sum that is read again and again saturates at this share of the usual bound, so that what reads it need not.
const OFTEN: f64 = 0.25;

enum Plan {
    /// Nothing to emit.
    Done(Form),
    /// A dot product and the real value of one unit of its wire.
    Emit(Dot, f64),
    /// As `Emit`, to be clamped to `±limit` units afterwards.
    Saturate(Dot, f64, i64),
}

impl Builder<'_> {
    /// Forms of at most one term each, with the same values up to rounding at 20 bits.
    ///
    /// # Errors
    /// [`QuantError::Unbounded`] when a form's range cannot be represented.
    pub fn compact(&mut self, forms: &[Form]) -> Result<Vec<Form>, QuantError> {
        self.materialise(forms, false, "rescale")
    }

    /// Large sums of many terms as wires of one unit, saturated where calibration says so; others as they are.
    ///
    /// # Errors
    /// As [`Self::compact`].
    pub fn shared_sums(&mut self, forms: &[Form]) -> Result<Vec<Form>, QuantError> {
        let largest = forms.iter().map(|f| f.terms().len()).max().unwrap_or(0);
        if forms.len() < LARGE || largest <= FEW {
            return Ok(forms.to_vec());
        }
        let bound = |b: &Self| forms.iter().map(|f| b.interval(f)).fold(0.0f64, |m, (lo, hi)| m.max(-lo).max(hi));
        let seen = self.largest_seen(forms).filter(|&s| bound(self) > s * self.options.saturate_above * OFTEN);
        if seen.is_some_and(|seen| bound(self) > seen * COARSEST / OFTEN) {
            return Ok(forms.to_vec());
        }
        let before = self.steps.len();
        let mut layer = LayerReport::new(self.node(), "settle");
        for form in forms {
            let (lo, hi) = self.interval(form);
            layer.add(lo.abs().max(hi.abs()), self.calibrated(form));
        }
        let narrow = self.narrowed(forms)?;
        let (dots, unit) = self.level(&narrow, HEADROOM * (1i64 << Y_BITS) as f64, Requant::Shift)?;
        let wires = self.emit(&dots)?;
        let results = match seen {
            None => wires.into_iter().map(|w| Form::wire(w, unit, 0.0)).collect(),
            Some(seen) => {
                let limit = ((seen * self.options.margin / unit).ceil() as i64).max(1);
                let clamps: Vec<_> = wires.into_iter().map(|w| (w, Interval { lo: -limit, hi: limit })).collect();
                layer.saturating += clamps.len();
                let (clamped, deviations) = self.clamp_exact(&clamps, true)?;
                self.saturated.extend(deviations);
                clamped.into_iter().map(|f| f.scaled(unit)).collect()
            }
        };
        layer.close(&self.steps[before..]);
        self.record(layer);
        Ok(results)
    }

    /// `max(form, 0)` for each form.
    ///
    /// # Errors
    /// As [`Self::compact`].
    pub fn relu(&mut self, forms: &[Form]) -> Result<Vec<Form>, QuantError> {
        self.materialise(forms, true, "relu")
    }

    fn materialise(&mut self, forms: &[Form], relu: bool, kind: &str) -> Result<Vec<Form>, QuantError> {
        let forms = self.narrowed(forms)?;
        let before = self.steps.len();
        let mut layer = LayerReport::new(self.node(), kind);
        let mut plans = Vec::with_capacity(forms.len());
        let group = self.largest_seen(&forms).unwrap_or(0.0);
        for form in &forms {
            plans.push(self.plan(form, relu, group, &mut layer)?);
        }
        let dots: Vec<Dot> = plans
            .iter()
            .filter_map(|p| match p {
                Plan::Emit(dot, _) | Plan::Saturate(dot, _, _) => Some(dot.clone()),
                Plan::Done(_) => None,
            })
            .collect();
        let wires = self.emit(&dots)?;
        let clamps: Vec<(u32, Interval)> = plans
            .iter()
            .filter(|p| !matches!(p, Plan::Done(_)))
            .zip(&wires)
            .filter_map(|(p, &w)| match p {
                Plan::Saturate(_, _, limit) => Some((w, Interval { lo: -limit, hi: *limit })),
                _ => None,
            })
            .collect();
        let (clamped, deviations) = self.clamp_exact(&clamps, true)?;
        self.saturated.extend(deviations);
        let (mut wires, mut clamped) = (wires.into_iter(), clamped.into_iter());
        let mut results = Vec::with_capacity(plans.len());
        for plan in plans {
            results.push(match plan {
                Plan::Done(form) => Some(form),
                Plan::Emit(_, unit) => wires.next().map(|w| Form::wire(w, unit, 0.0)),
                Plan::Saturate(_, unit, _) => wires.next().and(clamped.next()).map(|f| f.scaled(unit)),
            });
        }
        layer.close(&self.steps[before..]);
        if layer.values > 0 {
            self.record(layer);
        }
        let got = results.iter().flatten().count();
        let whole: Option<Vec<Form>> = results.into_iter().collect();
        whole.ok_or(QuantError::Malformed { what: "materialised forms", expected: forms.len(), got })
    }

    fn plan(&self, form: &Form, relu: bool, group: f64, layer: &mut LayerReport) -> Result<Plan, QuantError> {
        let (lo, hi) = self.interval(form);
        if let Some(value) = form.as_constant() {
            return Ok(Plan::Done(Form::constant(if relu { value.max(0.0) } else { value })));
        }
        if relu && hi <= 0.0 {
            return Ok(Plan::Done(Form::constant(0.0)));
        }
        let relu = relu && lo < 0.0;
        if !relu && form.terms().len() <= 1 {
            return Ok(Plan::Done(form.clone()));
        }
        let bound = lo.abs().max(hi.abs());
        let calibrated = self.calibrated(form);
        layer.add(bound, calibrated);
        if let Some((dot, unit)) = self.exact(form, relu) {
            return Ok(Plan::Emit(dot, unit));
        }
        let scale = self.lane_scale(form)?;
        let seen = calibrated.filter(|&c| c > 0.0).map(|c| c.max(group * OF_GROUP));
        let saturates = seen.filter(|&c| bound > c * self.options.saturate_above);
        layer.saturating += usize::from(saturates.is_some());
        if let Some(seen) = saturates.filter(|&c| bound > c * COARSEST) {
            let requant = if relu { Requant::Relu } else { Requant::Identity };
            let limit = seen * self.options.margin;
            // The clamp measures from `-limit`: its lane must hold `bound + limit`.
            let (dot, scale) = self.fitted(form, scale * bound / (bound + limit), 0.98, requant)?;
            let limit = (limit * scale).ceil() as i64;
            return Ok(Plan::Saturate(dot, 1.0 / scale, limit.max(1)));
        }
        let requant = if relu { Requant::ReluShift } else { Requant::Shift };
        let (dot, scale) = self.fitted(form, scale, 0.98, requant)?;
        let unit = (1i64 << SHIFT) as f64 / scale;
        Ok(match saturates {
            Some(seen) => Plan::Saturate(dot, unit, ((seen * self.options.margin / unit).ceil() as i64).max(1)),
            None => Plan::Emit(dot, unit),
        })
    }

    /// The form as an exact integer dot product of moderate range, with the real value of one unit, when it is one.
    pub(super) fn exact(&self, form: &Form, relu: bool) -> Option<(Dot, f64)> {
        self.exact_within(form, relu, EXACT_LIMIT)
    }

    /// As [`Self::exact`], of magnitude `limit` at most.
    pub(super) fn exact_within(&self, form: &Form, relu: bool, limit: i64) -> Option<(Dot, f64)> {
        let unit = form.terms().iter().map(|t| t.1.abs()).reduce(f64::min)?;
        if !is_integer(form.offset() / unit) || !form.terms().iter().all(|t| is_integer(t.1 / unit)) {
            return None;
        }
        let dot = self.dot(form, 1.0 / unit, if relu { Requant::Relu } else { Requant::Identity })?;
        let (lo, hi) = self.dot_interval(&dot).ok()?;
        // What a Relu cuts off needs room in the lane alone.
        let largest = if relu { hi } else { lo.abs().max(hi.abs()) };
        (largest <= i128::from(limit) && lo >= -i128::from(Y_LIMIT)).then_some((dot, unit))
    }

    /// The real value of one unit after `dot`, for a dot product of `scale` lane units per 1.0.
    pub(super) fn unit(dot: &Dot, scale: f64) -> f64 {
        if shifts(dot.requant) { (1i64 << SHIFT) as f64 / scale } else { 1.0 / scale }
    }
}

/// Whether a ratio is an integer up to the rounding of `f64`, and small enough for that to mean something.
pub(super) fn is_integer(x: f64) -> bool {
    x.abs() < (1i64 << 42) as f64 && (x - x.round()).abs() <= 4e-15 * x.abs().max(1.0)
}
