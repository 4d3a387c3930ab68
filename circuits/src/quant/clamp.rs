//! Clamps by Relu lanes, the flags that say whether one acted, and the graph's own Clip.
//!
//! `u = relu(x - lo)`, `v = relu((hi - lo) - u)`; the clamped value is `hi - v`: an affine form over one wire, so free downstream, and interval
//! arithmetic sees its range.
//!
//! Deviations are never negative, and 0 iff that side did not act. Those of a wire of few bits are sums of wires that are there already: `u - (x - lo) = relu(lo - x)`,
//! `v - ((hi - lo) - u) = relu(u - (hi - lo))`. Those of a wide one, of which no lane could add two, are lanes: `relu(floor((lo - x + 2^20 - 1) / 2^20))` and the like.

use std::collections::BTreeMap;

use super::QuantError;
use super::bounds::{Interval, MAX_BIAS, Y_LIMIT};
use super::builder::{Builder, Dot, WIDE};
use super::form::Form;
use super::program::{Requant, SHIFT, Wire, Y_BITS};
use super::report::LayerReport;

/// A Clip whose range is at least this share of the form's range is done at 20 bits, else at 40.
const NARROW_CLIP: f64 = 0.125;
/// Largest wire that is clipped in whole units: four bits are left to the distance from an end.
const SHARP: i64 = 1 << 36;
/// Largest wire whose deviation is a sum of wires: a lane adds a few dozen of them.
const SUMMED: i64 = 1 << 32;

/// `bias + Σ coefficient · wire`: never negative, and 0 iff a clamp did not act.
#[derive(Clone, Debug, Default)]
pub(super) struct Deviation {
    terms: Vec<(Wire, i64)>,
    bias: i64,
}

/// A sum of deviations, with its range.
#[derive(Default)]
struct Deviations {
    terms: BTreeMap<Wire, i64>,
    bias: i64,
    lo: i128,
    hi: i128,
}

impl Deviation {
    fn wire(wire: Wire) -> Self {
        Self { terms: vec![(wire, 1)], bias: 0 }
    }

    /// Range by interval arithmetic, which does not see that the value is never negative.
    fn interval(&self, bounds: &[Interval]) -> (i128, i128) {
        let start = (i128::from(self.bias), i128::from(self.bias));
        self.terms.iter().fold(start, |(lo, hi), &(wire, c)| {
            let range = bounds[wire as usize];
            let ends = [range.lo, range.hi].map(|end| i128::from(c) * i128::from(end));
            (lo + ends[0].min(ends[1]), hi + ends[0].max(ends[1]))
        })
    }
}

impl Builder<'_> {
    /// The first wires, clamped to integer domains, as forms in reals (`units / scale`). Raises `in_domain`.
    ///
    /// # Errors
    /// A domain that is empty or outside the raw range, or of the wrong width.
    pub fn inputs(&mut self, domains: &[(f64, f64)], scales: &[f64]) -> Result<Vec<Form>, QuantError> {
        let inputs = self.bounds.len();
        if domains.len() != inputs || scales.len() != inputs {
            return Err(QuantError::InputWidth { expected: inputs, got: domains.len().min(scales.len()) });
        }
        let mut clamps = Vec::with_capacity(inputs);
        for (index, &(lo, hi)) in domains.iter().enumerate() {
            let (units_lo, units_hi) = (lo.ceil(), hi.floor());
            let raw = Interval::RAW;
            let valid = units_lo <= units_hi && units_lo >= raw.lo as f64 && units_hi <= raw.hi as f64;
            if !valid {
                return Err(QuantError::InputDomain { index, lo, hi });
            }
            clamps.push((index as Wire, Interval { lo: units_lo as i64, hi: units_hi as i64 }));
        }
        let (forms, deviations) = self.clamp_exact(&clamps, true)?;
        self.out_of_domain.extend(deviations);
        Ok(forms.iter().zip(scales).map(|(f, s)| f.scaled(1.0 / s)).collect())
    }

    /// Clamps wires to integer intervals. Returns the clamped values in units and, if asked, deviations that are all 0 iff no clamp acted.
    pub(super) fn clamp_exact(
        &mut self,
        clamps: &[(Wire, Interval)],
        with_deviations: bool,
    ) -> Result<(Vec<Form>, Vec<Deviation>), QuantError> {
        // A wire that fills its lane has no room for the distance to a limit: its two signs are clamped apart.
        let wide = |&&(x, range): &&(Wire, Interval)| {
            let bounds = self.bounds[x as usize];
            range.lo <= 0 && range.hi >= 0 && (bounds.hi - range.lo >= Y_LIMIT || range.hi - bounds.lo >= Y_LIMIT)
        };
        let wires: Vec<Wire> = clamps.iter().filter(wide).map(|c| c.0).collect();
        if wires.is_empty() {
            return self.clamp_narrow(clamps, with_deviations);
        }
        let side = |&x: &Wire, sign| Dot { terms: vec![(x, sign)], requant: Requant::Relu, ..Dot::default() };
        let sides: Vec<Dot> = wires.iter().flat_map(|x| [side(x, 1), side(x, -1)]).collect();
        let mut parts = Vec::with_capacity(clamps.len() + wires.len());
        let mut split = Vec::with_capacity(clamps.len());
        for clamp in clamps {
            split.push(wide(&clamp));
        }
        let mut sides = self.emit(&sides)?.into_iter();
        for (&(x, range), &split) in clamps.iter().zip(&split) {
            match (split, split.then(|| sides.next()).flatten(), split.then(|| sides.next()).flatten()) {
                (true, Some(above), Some(below)) => {
                    parts.push((above, Interval { lo: 0, hi: range.hi }));
                    parts.push((below, Interval { lo: 0, hi: -range.lo }));
                }
                _ => parts.push((x, range)),
            }
        }
        let (clamped, deviations) = self.clamp_narrow(&parts, with_deviations)?;
        let mut clamped = clamped.into_iter();
        let mut forms = Vec::with_capacity(clamps.len());
        let lost = QuantError::Malformed { what: "clamps", expected: clamps.len(), got: 0 };
        for split in split {
            let first = clamped.next().ok_or_else(|| lost.clone())?;
            if !split {
                forms.push(first);
                continue;
            }
            let whole = first.plus(&clamped.next().ok_or_else(|| lost.clone())?.scaled(-1.0));
            let dot = self.dot(&whole, 1.0, Requant::Identity).ok_or_else(|| lost.clone())?;
            forms.push(Form::wire(self.single(&dot)?, 1.0, 0.0));
        }
        Ok((forms, deviations))
    }

    /// [`Self::clamp_exact`] for wires with room in their lanes.
    fn clamp_narrow(
        &mut self,
        clamps: &[(Wire, Interval)],
        with_deviations: bool,
    ) -> Result<(Vec<Form>, Vec<Deviation>), QuantError> {
        let mut dots = Vec::new();
        // For each clamp: where its `u` is among the first dots.
        let mut lower = Vec::with_capacity(clamps.len());
        let mut deviating = Vec::new();
        for &(x, range) in clamps {
            let bounds = self.bounds[x as usize];
            lower.push((bounds.lo < range.lo).then_some(dots.len()));
            if bounds.lo < range.lo {
                dots.push(Dot { terms: vec![(x, 1)], bias: -range.lo, requant: Requant::Relu, ..Dot::default() });
            }
            if with_deviations && bounds.magnitude() > SUMMED {
                if bounds.lo < range.lo {
                    deviating.push(dots.len());
                    dots.push(self.deviation(x, -1, range.lo));
                }
                if bounds.hi > range.hi {
                    deviating.push(dots.len());
                    dots.push(self.deviation(x, 1, -range.hi));
                }
            }
        }
        let first = self.emit(&dots)?;
        let mut upper = Vec::new();
        let mut plans = Vec::with_capacity(clamps.len());
        for (&(x, range), u) in clamps.iter().zip(&lower) {
            // `above = x - lo` where nothing lies below `lo`, else `u`.
            let (wire, bias) = u.map_or((x, -range.lo), |i| (first[i], 0));
            if self.bounds[x as usize].hi > range.hi {
                plans.push((None, range));
                let width = range.hi - range.lo;
                upper.push(Dot {
                    terms: vec![(wire, -1)],
                    bias: width - bias,
                    requant: Requant::Relu,
                    ..Dot::default()
                });
            } else {
                plans.push((Some((wire, bias)), range));
            }
        }
        let mut second = self.emit(&upper)?.into_iter();
        let mut forms = Vec::with_capacity(plans.len());
        let mut deviations: Vec<Deviation> = deviating.into_iter().map(|i| Deviation::wire(first[i])).collect();
        for (((direct, range), &(x, _)), u) in plans.into_iter().zip(clamps).zip(lower) {
            let u = u.map(|i| first[i]);
            let mut own = Deviation::default();
            if let Some(u) = u {
                // u - (x - lo)
                own.terms.extend([(u, 1), (x, -1)]);
                own.bias += range.lo;
            }
            forms.push(match direct {
                Some((wire, bias)) => Form::wire(wire, 1.0, (range.lo + bias) as f64),
                None => {
                    let v = second.next().ok_or(QuantError::Malformed { what: "clamps", expected: 1, got: 0 })?;
                    // v - (hi - x), or v - ((hi - lo) - u)
                    own.terms.extend([(v, 1), (u.unwrap_or(x), 1)]);
                    own.bias -= if u.is_some() { range.hi - range.lo } else { range.hi };
                    let form = Form::wire(v, -1.0, range.hi as f64);
                    self.measured_from_afar(&form);
                    form
                }
            });
            if with_deviations && !own.terms.is_empty() && self.bounds[x as usize].magnitude() <= SUMMED {
                deviations.push(own);
            }
        }
        Ok((forms, deviations))
    }

    /// A dot product that is 0 iff `sign · x + bias <= 0`, else positive; shifted to 20 bits where its range allows.
    fn deviation(&self, x: Wire, sign: i64, bias: i64) -> Dot {
        let shifted = Dot {
            terms: vec![(x, sign)],
            bias: bias + (1 << SHIFT) - 1,
            requant: Requant::ReluShift,
            ..Dot::default()
        };
        if self.fits(&shifted) {
            return shifted;
        }
        Dot { terms: vec![(x, sign)], bias, requant: Requant::Relu, ..Dot::default() }
    }

    /// A wire that is 1 iff all `deviations` are 0, else 0.
    pub(super) fn flag_of(&mut self, deviations: Vec<Deviation>) -> Result<Wire, QuantError> {
        let limit = i128::from(Y_LIMIT);
        let mut sums: Vec<Deviations> = Vec::new();
        for deviation in &deviations {
            let (lo, hi) = deviation.interval(&self.bounds);
            let room = |sum: &Deviations| {
                hi + sum.hi <= limit && lo + sum.lo > -limit && sum.bias.saturating_add(deviation.bias).abs() < MAX_BIAS
            };
            if !sums.last().is_some_and(room) {
                sums.push(Deviations::default());
            }
            let Some(sum) = sums.last_mut() else { continue };
            for &(wire, c) in &deviation.terms {
                *sum.terms.entry(wire).or_insert(0) += c;
            }
            sum.bias += deviation.bias;
            (sum.lo, sum.hi) = (sum.lo + lo, sum.hi + hi);
        }
        // 1 iff -Σ >= 0
        let negated = |sum: Deviations| Dot {
            terms: sum.terms.into_iter().filter(|t| t.1 != 0).map(|(wire, c)| (wire, -c)).collect(),
            bias: -sum.bias,
            requant: Requant::Sign,
            ..Dot::default()
        };
        let mut dots: Vec<Dot> = sums.into_iter().map(negated).collect();
        if dots.len() <= 1 {
            let always = Dot { requant: Requant::Sign, ..Dot::default() };
            return self.single(&dots.pop().unwrap_or(always));
        }
        let indicators = self.emit(&dots)?;
        // relu(1 - Σ (1 - i)) over booleans
        let count = indicators.len() as i64;
        self.single(&Dot {
            terms: indicators.into_iter().map(|w| (w, 1)).collect(),
            bias: 1 - count,
            requant: Requant::Relu,
            ..Dot::default()
        })
    }

    pub(super) fn single(&mut self, dot: &Dot) -> Result<Wire, QuantError> {
        let wires = self.emit(std::slice::from_ref(dot))?;
        wires.first().copied().ok_or(QuantError::Malformed { what: "lanes", expected: 1, got: 0 })
    }

    /// The graph's own Clip of each form to `[lo, hi]` (either may be infinite): part of the model, so it raises no flag.
    ///
    /// # Errors
    /// As [`Self::compact`].
    pub fn clip(&mut self, forms: &[Form], lo: f64, hi: f64) -> Result<Vec<Form>, QuantError> {
        // A quotient of wide bounds keeps its bits where the clip makes it small.
        let blunt: Vec<Form> = forms.iter().filter(|f| !self.sharp(f, lo, hi)).cloned().collect();
        let mut blunt = self.narrowed(&blunt)?.into_iter();
        let forms: Vec<Form> = forms
            .iter()
            .map(|f| if self.sharp(f, lo, hi) { Some(f.clone()) } else { blunt.next() })
            .collect::<Option<_>>()
            .ok_or(QuantError::Malformed { what: "forms to clip", expected: forms.len(), got: 0 })?;
        let before = self.steps.len();
        let mut layer = LayerReport::new(self.node(), "clip");
        let mut results: Vec<Option<Form>> = Vec::with_capacity(forms.len());
        let mut first = Vec::new();
        let mut plans = Vec::new();
        for (index, form) in forms.iter().enumerate() {
            let (below, above) = self.interval(form);
            let range = (lo.max(below), hi.min(above));
            if let Some(value) = form.as_constant() {
                results.push(Some(Form::constant(value.max(lo).min(hi))));
            } else if lo <= below && above <= hi {
                results.push(Some(form.clone()));
            } else if range.0 >= range.1 {
                // ONNX: min(max(x, lo), hi), also where lo > hi or the form lies on one side.
                let value = if hi <= lo || above <= lo { lo.min(hi) } else { hi };
                results.push(Some(Form::constant(if below >= hi { hi } else { value })));
            } else {
                layer.add(below.abs().max(above.abs()), self.calibrated(form));
                results.push(None);
                plans.push(self.clip_start(index, form, range, (below < lo, above > hi), &mut first)?);
            }
        }
        let wires = self.emit(&first)?;
        let second: Vec<Dot> = plans
            .iter()
            .zip(&wires)
            .filter(|(p, _)| p.both)
            .map(|(p, &u)| Dot { terms: vec![(u, -1)], bias: p.width, requant: Requant::Relu, ..Dot::default() })
            .collect();
        let mut second = self.emit(&second)?.into_iter();
        for (plan, &u) in plans.iter().zip(&wires) {
            let (wire, sign) = if plan.both { (second.next(), -1.0) } else { (Some(u), plan.sign) };
            results[plan.index] = wire.map(|w| Form::wire(w, sign * plan.unit, plan.anchor));
        }
        layer.close(&self.steps[before..]);
        if layer.values > 0 {
            self.record(layer);
        }
        let got = results.iter().flatten().count();
        let whole: Option<Vec<Form>> = results.into_iter().collect();
        whole.ok_or(QuantError::Malformed { what: "clipped forms", expected: forms.len(), got })
    }

    /// Whether a form is a wide wire of which the clip keeps a small part: it is clipped in whole units of the wire, which rounds nothing.
    fn sharp(&self, form: &Form, lo: f64, hi: f64) -> bool {
        let [(wire, _)] = form.terms() else { return false };
        let size = self.bounds[*wire as usize].magnitude();
        let (below, above) = self.interval(form);
        size > WIDE && size <= SHARP && hi.min(above) - lo.max(below) < NARROW_CLIP * (above - below)
    }

    fn clip_start(
        &self,
        index: usize,
        form: &Form,
        (lo, hi): (f64, f64),
        (below, above): (bool, bool),
        dots: &mut Vec<Dot>,
    ) -> Result<ClipPlan, QuantError> {
        // Measured from the end that may act first: `x - lo`, or `hi - x` when only `hi` can act.
        let (sign, from) = if below { (1.0, form.shifted(-lo)) } else { (-1.0, form.scaled(-1.0).shifted(hi)) };
        let (a, b) = self.interval(&from);
        let narrow = hi - lo >= NARROW_CLIP * a.abs().max(b.abs());
        let requant = if narrow { Requant::ReluShift } else { Requant::Relu };
        // Whole units of a sharp wire (see `sharp`), else a power of two.
        let step = match from.terms() {
            [(_, c)] if self.sharp(form, lo, hi) => c.abs(),
            _ => 1.0,
        };
        let most = step * (1i64 << Y_BITS) as f64 / a.abs().max(b.abs()).max(1e-30);
        let scale = libm::exp2(libm::floor(libm::log2(most))) / step;
        let (dot, scale) = self.fitted(&from, scale, 0.5, requant)?;
        let unit = Self::unit(&dot, scale);
        dots.push(dot);
        let both = below && above;
        let anchor = if below && !above { lo } else { hi };
        Ok(ClipPlan { index, both, sign, unit, anchor, width: ((hi - lo) / unit).round() as i64 })
    }
}

struct ClipPlan {
    index: usize,
    both: bool,
    sign: f64,
    unit: f64,
    anchor: f64,
    width: i64,
}
