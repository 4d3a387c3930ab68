//! The last lanes: forms as integers at exactly the declared output scales, rounded to nearest.

use super::QuantError;
use super::bounds::{Interval, Y_LIMIT};
use super::builder::{Builder, Dot, Finished, HALF, HEADROOM, WIDE, integer};
use super::form::Form;
use super::program::{Divide, Requant, SHIFT, Step, Wire};
use super::report::LayerReport;
use super::rescale::is_integer;

impl Builder<'_> {
    /// Closes the program with `round(form · scale)` for each output.
    ///
    /// # Errors
    /// [`QuantError::OutputScale`] when an output needs more than 40 bits; else as [`Self::compact`].
    pub fn finish(mut self, forms: &[Form], scales: &[f64]) -> Result<Finished, QuantError> {
        self.at_node("output");
        let tamed = self.tamed(forms, scales)?;
        let mut layer = LayerReport::new("output", "rescale");
        let before = self.steps.len();
        let (mut first, mut last) = (Vec::new(), Vec::new());
        for (index, (form, &scale)) in tamed.iter().zip(scales).enumerate() {
            let (lo, hi) = self.interval(form);
            layer.add(lo.abs().max(hi.abs()), self.calibrated(form));
            let (dot, then) = self.output_lane(index, form, scale)?;
            first.push(dot);
            last.push(then);
        }
        let wires = self.emit(&first)?;
        let rescaled: Vec<Dot> = wires
            .iter()
            .zip(&last)
            .filter_map(|(&w, then)| {
                then.map(|(weight, bias, requant)| Dot { terms: vec![(w, weight)], bias, requant, ..Dot::default() })
            })
            .collect();
        let mut rescaled = self.emit(&rescaled)?.into_iter();
        let pick = wires.iter().zip(&last).map(|(&w, then)| if then.is_some() { rescaled.next() } else { Some(w) });
        let outputs: Option<Vec<Wire>> = pick.collect();
        let outputs = outputs.ok_or(QuantError::Malformed { what: "outputs", expected: scales.len(), got: 0 })?;
        layer.close(&self.steps[before..]);
        self.record(layer);
        self.close(outputs)
    }

    /// Forms without wide wires, saturated where the interval is far beyond the calibrated range. Forms that are exact in integers stay.
    fn tamed(&mut self, forms: &[Form], scales: &[f64]) -> Result<Vec<Form>, QuantError> {
        let mut tamed = Vec::with_capacity(forms.len());
        for (form, &scale) in forms.iter().zip(scales) {
            if self.whole(form, scale).is_some() {
                tamed.push(form.clone());
                continue;
            }
            if let Some(divided) = self.divided_down(form, scale)? {
                tamed.push(divided);
                continue;
            }
            let mut one = self.narrowed(std::slice::from_ref(form))?;
            let saturates = |f: &Form| {
                let (lo, hi) = self.interval(f);
                let above = |c: f64| c > 0.0 && lo.abs().max(hi.abs()) > c * self.options.saturate_above;
                f.terms().len() > 1 && self.calibrated(f).is_some_and(above)
            };
            if one.iter().any(saturates) {
                if let [plain] = one.as_slice()
                    && let Some(held) = self.held(&plain.clone(), scale)?
                {
                    tamed.push(held);
                    continue;
                }
                one = self.compact(&one)?;
                one = self.narrowed(&one)?;
            }
            tamed.append(&mut one);
        }
        Ok(tamed)
    }

    /// A form held at what calibration makes of it, in a lane of as many bits below `1 / scale` as it has room for, which a division takes away.
    fn held(&mut self, form: &Form, scale: f64) -> Result<Option<Form>, QuantError> {
        let (lo, hi) = self.interval(form);
        let limit = self.calibrated(form).unwrap_or(0.0) * self.options.margin;
        let room = HEADROOM * Y_LIMIT as f64 / ((lo.abs().max(hi.abs()) + limit) * scale).max(1e-30);
        let fine = scale * libm::exp2(libm::floor(libm::log2(room)));
        if room < 2.0 || !fine.is_finite() {
            return Ok(None);
        }
        let Some(dot) = self.dot(form, fine, Requant::Identity).filter(|d| self.fits(d)) else { return Ok(None) };
        let wire = self.single(&dot)?;
        let limit = ((limit * fine).ceil() as i64).max(1);
        let (clamped, deviations) = self.clamp_exact(&[(wire, Interval { lo: -limit, hi: limit })], true)?;
        self.saturated.extend(deviations);
        let Some(clamped) = clamped.into_iter().next().map(|f| f.scaled(1.0 / fine)) else { return Ok(None) };
        let divided = self.divided_down(&clamped, scale)?;
        Ok(Some(divided.unwrap_or(clamped)))
    }

    /// A wide wire, rounded to units of `1 / scale` by one division: narrowing it first would make it coarse. A sum of wide wires in whole units is added up first.
    fn divided_down(&mut self, form: &Form, scale: f64) -> Result<Option<Form>, QuantError> {
        let wide = |builder: &Self, w: Wire| builder.bounds[w as usize].magnitude() > WIDE;
        if !form.terms().iter().any(|t| wide(self, t.0)) {
            return Ok(None);
        }
        let (wire, unit, offset) = match form.terms() {
            &[(wire, unit)] => (wire, unit, form.offset()),
            _ => {
                let Some((dot, unit)) = self.exact_within(form, false, Y_LIMIT / 4) else { return Ok(None) };
                (self.single(&dot)?, unit, 0.0)
            }
        };
        let size = self.bounds[wire as usize].magnitude();
        let Some((weight, step)) = fraction((unit * scale).abs(), (Y_LIMIT / 2 / size.max(1)).max(1)) else {
            return Ok(None);
        };
        let weight = if unit < 0.0 { -weight } else { weight };
        let start = (offset / unit * weight as f64 + step as f64 / 2.0).floor();
        let numerator = Dot { terms: vec![(wire, weight)], bias: start as i64, ..Dot::default() };
        if start.abs() > Y_LIMIT as f64 || !self.fits(&numerator) {
            return Ok(None);
        }
        let numerator = self.single(&numerator)?;
        if step == 1 {
            return Ok(Some(Form::wire(numerator, 1.0 / scale, 0.0)));
        }
        let denominator = self.single(&Dot { bias: step, ..Dot::default() })?;
        let quotient = self.bounds.len() as Wire;
        self.push(Step::Divide(Divide { numerator, denominator }))?;
        Ok(Some(Form::wire(quotient, 1.0 / scale, 0.0)))
    }

    /// Whether one lane holds `form · scale` exactly.
    pub(super) fn is_whole(&self, form: &Form, scale: f64) -> bool {
        self.whole(form, scale).is_some()
    }

    /// `form · scale` as an exact integer dot product, when it is one.
    fn whole(&self, form: &Form, scale: f64) -> Option<Dot> {
        let constant = form.as_constant().is_some();
        let whole = is_integer(form.offset() * scale) && form.terms().iter().all(|t| is_integer(t.1 * scale));
        let dot = self.dot(form, scale, Requant::Identity).filter(|_| constant || whole);
        dot.filter(|d| self.fits(d))
    }

    /// One output's first lane, and `(weight, bias, requant)` of a second one where a single lane would round its weights too coarsely.
    #[expect(clippy::type_complexity, reason = "one private caller, which reads the parts at once")]
    fn output_lane(
        &self,
        index: usize,
        form: &Form,
        scale: f64,
    ) -> Result<(Dot, Option<(i64, i64, Requant)>), QuantError> {
        let (lo, hi) = self.interval(form);
        let bound = lo.abs().max(hi.abs());
        let too_large = || QuantError::OutputScale { index, bound, scale };
        if (bound * scale).is_nan() || bound * scale >= Y_LIMIT as f64 * HEADROOM {
            return Err(too_large());
        }
        if let Some(dot) = self.whole(form, scale) {
            return Ok((dot, None));
        }
        let one = (1i64 << SHIFT) as f64;
        let spare = libm::floor(libm::log2(HEADROOM * one / (bound * scale))).min(f64::from(SHIFT));
        let direct = self.dot(form, scale * one, Requant::Shift).filter(|d| self.fits(d));
        let exact = form.terms().iter().all(|t| is_integer(t.1 * scale * one));
        if let Some(dot) = direct.filter(|_| exact || spare < 1.0) {
            return Ok((dot, None));
        }
        // First at `scale · 2^spare`, which uses the whole lane, then down (or up) to the scale itself, exactly.
        let (dot, found) = self.fitted(form, scale * one * libm::exp2(spare), 0.5, Requant::Shift)?;
        let spare = libm::log2(found / (scale * one));
        let then = if spare >= 0.0 {
            (libm::exp2(f64::from(SHIFT) - spare), HALF, Requant::Shift)
        } else {
            (libm::exp2(-spare), 0, Requant::Identity)
        };
        let weight = integer(then.0, Y_LIMIT).ok_or_else(too_large)?;
        Ok((dot, Some((weight, then.1, then.2))))
    }
}

/// The best fraction for a positive ratio of at most 1, with a numerator of at most `limit`; `None` where that is not within `2^-16`.
fn fraction(ratio: f64, limit: i64) -> Option<(i64, i64)> {
    if !(ratio.is_finite() && ratio > 0.0 && ratio <= 1.0) {
        return None;
    }
    let off = |a: i64, b: i64| (a as f64 / b as f64 / ratio - 1.0).abs();
    let mut best: Option<(i64, i64)> = None;
    for a in 1..=limit.min(1 << 12) {
        let below = (a as f64 / ratio).round();
        if below > Y_LIMIT as f64 / 4.0 {
            break;
        }
        let b = below as i64;
        if best.is_none_or(|(x, y)| off(a, b) < 0.99 * off(x, y)) {
            best = Some((a, b));
        }
        if off(a, b) < 1e-12 {
            break;
        }
    }
    best.filter(|&(a, b)| off(a, b) < libm::exp2(-16.0))
}
