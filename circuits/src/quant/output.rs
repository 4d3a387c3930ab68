//! The last lanes: forms as integers at exactly the declared output scales, rounded to nearest.

use super::QuantError;
use super::bounds::Y_LIMIT;
use super::builder::{Builder, Dot, HALF, HEADROOM, integer};
use super::form::Form;
use super::program::{Program, Requant, SHIFT, Wire};
use super::report::LayerReport;
use super::rescale::is_integer;

impl Builder<'_> {
    /// Closes the program with `round(form · scale)` for each output.
    ///
    /// # Errors
    /// [`QuantError::OutputScale`] when an output needs more than 40 bits; else as [`Self::compact`].
    pub fn finish(mut self, forms: &[Form], scales: &[f64]) -> Result<(Program, Vec<LayerReport>), QuantError> {
        self.at_node("output");
        let forms = self.tamed(forms)?;
        let mut layer = LayerReport::new("output", "rescale");
        let before = self.steps.len();
        let (mut first, mut last) = (Vec::new(), Vec::new());
        for (index, (form, &scale)) in forms.iter().zip(scales).enumerate() {
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
                then.map(|(weight, bias, requant)| Dot { terms: vec![(w, weight)], bias, requant })
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

    /// Forms without wide wires, saturated where the interval is far beyond the calibrated range.
    fn tamed(&mut self, forms: &[Form]) -> Result<Vec<Form>, QuantError> {
        let mut forms = self.narrowed(forms)?;
        for form in &mut forms {
            let (lo, hi) = self.interval(form);
            let above = |c: f64| c > 0.0 && lo.abs().max(hi.abs()) > c * self.options.saturate_above;
            if form.terms().len() > 1 && self.calibrated(form).is_some_and(above) {
                let compact = self.compact(std::slice::from_ref(form))?;
                if let Some(compact) = self.narrowed(&compact)?.pop() {
                    *form = compact;
                }
            }
        }
        Ok(forms)
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
        if !(bound * scale < Y_LIMIT as f64 * HEADROOM) {
            return Err(too_large());
        }
        let whole = is_integer(form.offset() * scale) && form.terms().iter().all(|t| is_integer(t.1 * scale));
        if form.as_constant().is_some() || whole {
            let dot = self.dot(form, scale, Requant::Identity).filter(|d| self.fits(d));
            return dot.map(|d| (d, None)).ok_or_else(too_large);
        }
        let one = (1i64 << SHIFT) as f64;
        let spare = libm::floor(libm::log2(HEADROOM * one / (bound * scale))).min(f64::from(SHIFT));
        let direct = self.dot(form, scale * one, Requant::Shift).filter(|d| self.fits(d));
        if let Some(dot) = direct.filter(|_| form.terms().len() == 1 || spare < 1.0) {
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
