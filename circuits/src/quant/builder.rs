//! Builds an integer program: emits steps, tracks the exact interval and the calibration values of every wire.
//!
//! Ops hand in linear forms ([`Form`]); what they ask for (an activation, a clip, a function) is materialised by the methods in
//! `rescale.rs`, `clamp.rs`, `curve.rs` and `output.rs`. Here is what those share: grouping of lanes, choice of scales that the
//! bounds allow, narrowing of wide wires.

use std::collections::{BTreeMap, BTreeSet};

use super::bounds::{Interval, MAX_BIAS, MAX_WEIGHT, Y_LIMIT, lane_interval, step_bounds_with};
use super::clamp::Deviation;
use super::compile::Options;
use super::form::Form;
use super::interpreter::step_values;
use super::layer::Follower;
use super::norms::{Norms, relief};
use super::program::{LANES, Lane, Linear, OPERANDS, Program, Requant, SHIFT, Step, Table, Wire, Y_BITS};
use super::report::LayerReport;
use super::{Calibration, QuantError};
use crate::model::ModelError;

/// Wires of larger magnitude are narrowed before they meet weights that are not exact.
pub(super) const WIDE: i64 = 1 << 22;
/// Most terms of all linear forms that ops compose: about 4 GB.
const MAX_TERMS: usize = 1 << 28;
/// Share of the lane's range that a scale aims at; the rest absorbs the rounding of weights.
pub(super) const HEADROOM: f64 = 0.999;
/// Dot products of this many terms at most are remembered, lest they be emitted twice.
const SHORT: usize = 16;
/// Sums of more terms are corrected for the rounding of their weights.
const FEW: usize = 4;
/// Half a unit after a shift: makes the shift round to nearest.
pub(super) const HALF: i64 = 1 << (SHIFT - 1);

/// One dot product to be emitted: `requant(bias + Σ weight · wire + Σ weight · wire · wire)`.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Dot {
    pub terms: Vec<(Wire, i64)>,
    pub products: Vec<(Wire, Wire, i64)>,
    pub bias: i64,
    pub requant: Requant,
}

/// What a builder leaves.
#[derive(Debug)]
pub struct Finished {
    /// The program.
    pub program: Program,
    /// What was materialised.
    pub layers: Vec<LayerReport>,
    /// Node of each run of steps, with its first step; `input`, `output` and `flags` are no nodes of the graph.
    pub origins: Vec<(usize, String)>,
}

/// A program under construction.
#[derive(Debug)]
pub struct Builder<'a> {
    pub(super) options: &'a Options,
    sources: Vec<usize>,
    pub(super) tables: Vec<Table>,
    pub(super) plans: Vec<super::curve::Plan>,
    pub(super) steps: Vec<Step>,
    pub(super) bounds: Vec<Interval>,
    pub(super) norms: Norms,
    /// Every wire's value, for each calibration sample.
    samples: Vec<Vec<i64>>,
    /// Mean of every wire over the calibration samples; empty without calibration.
    means: Vec<f64>,
    /// Wires of short dot products.
    emitted: BTreeMap<Dot, Wire>,
    /// Without calibration: what wires hold where the value that they stand for is 0.
    origin_of: BTreeMap<Wire, f64>,
    /// For wide wires: a wire of 20 bits or so, the wide wire's units per unit of it, and their offset.
    narrowed: BTreeMap<Wire, (Wire, f64, f64)>,
    /// Magnitudes, in units, at which wide wires are held before they are narrowed.
    limits: BTreeMap<Wire, i64>,
    pub(super) out_of_domain: Vec<Deviation>,
    pub(super) saturated: Vec<Deviation>,
    pub(super) follower: Follower,
    /// Whether the node's values are what its follower makes of them already.
    pub(super) ahead: bool,
    node: String,
    /// Node of each run of steps, with its first step.
    origins: Vec<(usize, String)>,
    layers: Vec<LayerReport>,
    composed: usize,
}

impl<'a> Builder<'a> {
    /// Starts a program that reads `sources` (their lengths).
    ///
    /// # Errors
    /// A calibration sample of the wrong width, or with a value outside the raw range.
    pub fn new(
        sources: Vec<usize>,
        calibration: Option<&Calibration>,
        options: &'a Options,
    ) -> Result<Self, QuantError> {
        let inputs = sources.iter().sum();
        let given = calibration.map_or(&[][..], |c| &c.samples);
        let samples: Vec<Vec<i64>> = given.iter().take(options.max_samples).cloned().collect();
        for (sample, values) in samples.iter().enumerate() {
            if values.len() != inputs {
                return Err(QuantError::CalibrationWidth { sample, expected: inputs, got: values.len() });
            }
            for (index, &value) in values.iter().enumerate() {
                if !Interval::RAW.contains(Interval { lo: value, hi: value }) {
                    return Err(QuantError::RawRange { index, value, bits: super::program::RAW_BITS });
                }
            }
        }
        Ok(Self {
            options,
            sources,
            tables: Vec::new(),
            plans: Vec::new(),
            steps: Vec::new(),
            bounds: vec![Interval::RAW; inputs],
            norms: Norms::default(),
            means: means(&samples, 0..inputs),
            samples,
            emitted: BTreeMap::new(),
            origin_of: BTreeMap::new(),
            narrowed: BTreeMap::new(),
            limits: BTreeMap::new(),
            out_of_domain: Vec::new(),
            saturated: Vec::new(),
            follower: Follower::Other,
            ahead: false,
            node: "input".into(),
            origins: Vec::new(),
            layers: Vec::new(),
            composed: 0,
        })
    }

    /// Counts terms of linear forms that are about to be kept, so that a small file cannot ask for all memory.
    ///
    /// # Errors
    /// [`ModelError::TooLarge`] when they are too many.
    pub fn charge(&mut self, terms: usize) -> Result<(), QuantError> {
        self.composed = self.composed.saturating_add(terms);
        if self.composed > MAX_TERMS {
            let (what, limit, got) = ("terms of linear forms", MAX_TERMS, self.composed);
            return Err(ModelError::TooLarge { what, limit, got }.into());
        }
        Ok(())
    }

    /// Says which node the next steps belong to (for errors and the report).
    pub fn at_node(&mut self, node: &str) {
        self.node = node.into();
    }

    /// The node that steps belong to now.
    pub fn node(&self) -> &str {
        &self.node
    }

    /// Lanes that the program has at least: an entry of a table costs nothing beside one.
    pub(super) fn lanes_so_far(&self) -> usize {
        self.bounds.len() - self.sources.iter().sum::<usize>()
    }

    /// Number of calibration samples in use.
    pub fn samples(&self) -> usize {
        self.samples.len()
    }

    /// A value saturates when its interval exceeds this many times what calibration saw.
    pub(super) fn saturate_above(&self) -> f64 {
        self.options.saturate_above
    }

    /// Every wire's value so far, for each calibration sample.
    pub(super) fn samples_so_far(&self) -> &[Vec<i64>] {
        &self.samples
    }

    /// The interval of a form's real value.
    pub fn interval(&self, form: &Form) -> (f64, f64) {
        let (mut lo, mut hi) = form.interval(&self.bounds);
        for (whole, places) in self.norms.wholes(form.terms().iter().map(|t| t.0)) {
            let own: Vec<(Wire, f64)> = places.iter().map(|&i| form.terms()[i]).collect();
            let reach = whole.real_reach(own.iter().map(|t| t.1));
            let (from, to) = Form::from_sorted(own, 0.0).interval(&self.bounds);
            (lo, hi) = (lo + (-reach - from).max(0.0), hi - (to - reach).max(0.0));
        }
        (lo, hi)
    }

    /// Largest absolute value of a form over the calibration samples; `None` without calibration.
    pub fn calibrated(&self, form: &Form) -> Option<f64> {
        self.samples.iter().map(|wires| form.at(|w| wires[w as usize]).abs()).reduce(f64::max)
    }

    /// Smallest and largest value of a form over the calibration samples; `None` without calibration.
    pub fn calibrated_range(&self, form: &Form) -> Option<(f64, f64)> {
        let values = self.samples.iter().map(|wires| form.at(|w| wires[w as usize]));
        values.fold(None, |range, v| range.map_or(Some((v, v)), |(lo, hi): (f64, f64)| Some((lo.min(v), hi.max(v)))))
    }

    /// Smallest absolute value of a form over the calibration samples; `None` without calibration.
    pub(super) fn calibrated_least(&self, form: &Form) -> Option<f64> {
        self.samples.iter().map(|wires| form.at(|w| wires[w as usize]).abs()).reduce(f64::min)
    }

    /// The product of a constant `rows × x.len()` matrix (row-major) and a vector of forms. Free unless the forms have so many terms that
    /// composing would cost more than materialising them first.
    ///
    /// # Errors
    /// As [`Self::compact`].
    pub fn product(&mut self, matrix: &[f64], x: &[Form]) -> Result<Vec<Form>, QuantError> {
        let mut wires = union(x);
        let live = x.iter().filter(|f| f.as_constant().is_none()).count();
        let compacted;
        let mut x = x;
        if wires.len() > 2 * live {
            compacted = self.compact(x)?;
            x = &compacted;
            wires = union(x);
        }
        let index: BTreeMap<Wire, usize> = wires.iter().enumerate().map(|(i, &w)| (w, i)).collect();
        let dense: Vec<Vec<(usize, f64)>> =
            x.iter().map(|f| f.terms().iter().map(|&(w, c)| (index[&w], c)).collect()).collect();
        let rows = if x.is_empty() { 0 } else { matrix.len() / x.len() };
        self.charge(rows.saturating_mul(wires.len()))?;
        Ok((0..rows)
            .map(|r| {
                let mut sums = vec![0.0; wires.len()];
                let mut offset = 0.0;
                for ((&weight, terms), form) in matrix[r * x.len()..].iter().zip(&dense).zip(x) {
                    offset += weight * form.offset();
                    for &(i, c) in terms {
                        sums[i] += weight * c;
                    }
                }
                Form::from_sorted(wires.iter().copied().zip(sums).collect(), offset)
            })
            .collect())
    }

    /// Emits dot products; their wires come back in the same order. Those of equal operands share steps, wherever they stand, and so do neighbours
    /// whose joint operands take no more rows.
    /// One that was emitted before is not emitted again.
    pub(super) fn emit(&mut self, dots: &[Dot]) -> Result<Vec<Wire>, QuantError> {
        let mut found: Vec<Option<Wire>> = dots.iter().map(|dot| self.emitted.get(dot).copied()).collect();
        let mut fresh: Vec<Dot> = Vec::new();
        // Where each dot stands among the fresh ones.
        let mut places: BTreeMap<&Dot, usize> = BTreeMap::new();
        let mut at = vec![0; dots.len()];
        for (i, dot) in dots.iter().enumerate().filter(|(i, _)| found[*i].is_none()) {
            at[i] = *places.entry(dot).or_insert_with(|| {
                fresh.push(dot.clone());
                fresh.len() - 1
            });
        }
        let wires = self.emit_fresh(&fresh)?;
        for (i, found) in found.iter_mut().enumerate().filter(|(_, found)| found.is_none()) {
            *found = wires.get(at[i]).copied();
        }
        let short = |dot: &Dot| dot.terms.len() + dot.products.len() <= SHORT;
        self.emitted.extend(fresh.into_iter().zip(wires).filter(|(dot, _)| short(dot)));
        let whole: Option<Vec<Wire>> = found.into_iter().collect();
        whole.ok_or(QuantError::Malformed { what: "wires of dot products", expected: dots.len(), got: 0 })
    }

    fn emit_fresh(&mut self, dots: &[Dot]) -> Result<Vec<Wire>, QuantError> {
        let mut wires = vec![0; dots.len()];
        let first = self.bounds.len() as Wire;
        let mut group: Vec<&Dot> = Vec::new();
        let mut operands: BTreeSet<Wire> = BTreeSet::new();
        let mut fresh: BTreeSet<Wire> = BTreeSet::new();
        for (wire, at) in (first..).zip(by_operands(dots)) {
            let dot = &dots[at];
            let own = |w: &&(Wire, i64)| !operands.contains(&w.0);
            fresh.clear();
            fresh.extend(dot.terms.iter().filter(own).map(|t| t.0));
            let joint = operands.len() + fresh.len();
            let worth = operand_rows(joint) <= operand_rows(operands.len()) + operand_rows(dot.terms.len());
            if !group.is_empty() && (group.len() == LANES || !worth) {
                self.push_group(&group, &operands)?;
                group.clear();
                operands = dot.terms.iter().map(|t| t.0).collect();
            } else {
                operands.append(&mut fresh);
            }
            group.push(dot);
            wires[at] = wire;
        }
        if !group.is_empty() {
            self.push_group(&group, &operands)?;
        }
        Ok(wires)
    }

    fn push_group(&mut self, group: &[&Dot], operands: &BTreeSet<Wire>) -> Result<(), QuantError> {
        let operands: Vec<Wire> = operands.iter().copied().collect();
        // In order of lanes: neighbours of one weight share a row.
        let mut known: BTreeSet<(Wire, Wire)> = BTreeSet::new();
        let products = group.iter().flat_map(|dot| dot.products.iter().map(|&(a, b, _)| (a, b)));
        let products: Vec<(Wire, Wire)> = products.filter(|&pair| known.insert(pair)).collect();
        let lane = |dot: &&Dot| {
            let own: BTreeMap<Wire, i64> = dot.terms.iter().copied().collect();
            let weights = operands.iter().map(|w| own.get(w).copied().unwrap_or(0)).collect();
            let own: BTreeMap<(Wire, Wire), i64> = dot.products.iter().map(|&(a, b, w)| ((a, b), w)).collect();
            let products = products.iter().map(|p| own.get(p).copied().unwrap_or(0)).collect();
            Lane { bias: dot.bias, weights, products, requant: dot.requant }
        };
        let lanes = group.iter().map(lane).collect();
        self.push(Step::Linear(Linear { operands, products, lanes }))
    }

    /// Appends a step, with its bounds and calibration values.
    pub(super) fn push(&mut self, step: Step) -> Result<(), QuantError> {
        let at = self.steps.len();
        let bounds = step_bounds_with(&step, &self.tables, &self.bounds, &self.norms).map_err(|e| e.at_step(at))?;
        self.norms.learn(&step, &self.bounds);
        for wires in &mut self.samples {
            step_values(&step, &self.tables, wires).map_err(|e| e.at_step(at))?;
        }
        let first = self.bounds.len();
        self.bounds.extend(bounds);
        self.means.extend(means(&self.samples, first..self.bounds.len()));
        if self.origins.last().is_none_or(|(_, node)| *node != self.node) {
            self.origins.push((at, self.node.clone()));
        }
        self.steps.push(step);
        Ok(())
    }

    /// Exact interval of a dot product before requantisation, or why no lane can hold it.
    pub(super) fn dot_interval(&self, dot: &Dot) -> Result<(i128, i128), QuantError> {
        let operands: Vec<Interval> = dot.terms.iter().map(|t| self.bounds[t.0 as usize]).collect();
        let pair = |&(a, b, _): &(Wire, Wire, i64)| self.norms.product((a, b), &self.bounds);
        let pairs: Vec<(i128, i128)> = dot.products.iter().map(pair).collect();
        let weights = dot.terms.iter().map(|t| t.1).collect();
        let products = dot.products.iter().map(|t| t.2).collect();
        let lane = Lane { bias: dot.bias, weights, products, requant: dot.requant };
        let (lo, hi) = lane_interval(&lane, &operands, &pairs)?;
        let wholes = self.norms.wholes(dot.terms.iter().map(|t| t.0));
        let (below, above) = relief(&wholes, &lane.weights, &operands);
        Ok((lo + below, hi - above))
    }

    /// Whether a lane can hold the dot product for every input.
    pub(super) fn fits(&self, dot: &Dot) -> bool {
        let limit = i128::from(Y_LIMIT);
        matches!(self.dot_interval(dot), Ok((lo, hi)) if lo >= -limit && hi < limit)
    }

    /// Says that a form of one term is a distance from far away (`top - relu(top - x)`), so that its wire is large where the value is small.
    pub fn measured_from_afar(&mut self, form: &Form) {
        if let &[(wire, unit)] = form.terms() {
            self.origin_of.insert(wire, -form.offset() / unit);
        }
    }

    /// What a wire usually holds: its calibrated mean, without calibration what it holds where its value is 0.
    fn usual(&self, wire: Wire) -> f64 {
        self.means.get(wire as usize).or_else(|| self.origin_of.get(&wire)).copied().unwrap_or(0.0)
    }

    /// A form as a dot product with `scale` lane units per 1.0 (before any shift), rounding included. What the rounding of many weights adds to usual values is
    /// taken off the bias; of few it is not, since 0 times these should be 0.
    pub(super) fn dot(&self, form: &Form, scale: f64, requant: Requant) -> Option<Dot> {
        let half = if shifts(requant) { HALF } else { 0 };
        let mut excess = 0.0;
        let mut terms = Vec::with_capacity(form.terms().len());
        for &(wire, c) in form.terms() {
            let weight = integer(c * scale, MAX_WEIGHT)?;
            if form.terms().len() > FEW {
                excess += (weight as f64 - c * scale) * self.usual(wire);
            }
            if weight != 0 {
                terms.push((wire, weight));
            }
        }
        Some(Dot {
            terms,
            products: Vec::new(),
            bias: integer(form.offset() * scale - excess, MAX_BIAS - HALF)? + half,
            requant,
        })
    }

    /// The finest dot product for a form: `scale` first, then smaller by `step` until weights and lane fit. Returns it with its scale. A form of one
    /// term gets a whole weight, except where scales are to be powers of two (`step` is a half).
    pub(super) fn fitted(
        &self,
        form: &Form,
        scale: f64,
        step: f64,
        requant: Requant,
    ) -> Result<(Dot, f64), QuantError> {
        let mut scale = scale;
        let alone = match form.terms() {
            &[(_, c)] if step != 0.5 => Some(c.abs()),
            _ => None,
        };
        for attempt in 0..200 {
            let snapped = alone.map(|c| (scale * c).floor() / c).filter(|s| *s > 0.0).unwrap_or(scale);
            if let Some(dot) = self.dot(form, snapped, requant)
                && self.fits(&dot)
            {
                return Ok((dot, snapped));
            }
            scale *= if attempt < 100 { step } else { 0.5 };
        }
        Err(self.unbounded(form))
    }

    /// Lane units per 1.0 that use a lane's whole range for a form: `0.999 · 2^40 / bound`.
    pub(super) fn lane_scale(&self, form: &Form) -> Result<f64, QuantError> {
        let (lo, hi) = self.interval(form);
        let bound = lo.abs().max(hi.abs());
        if !bound.is_finite() || bound > 1e30 {
            return Err(self.unbounded(form));
        }
        Ok(HEADROOM * (1i64 << Y_BITS) as f64 / bound.max(1e-30))
    }

    fn unbounded(&self, form: &Form) -> QuantError {
        let (lo, hi) = self.interval(form);
        QuantError::Unbounded { node: self.node.clone(), bound: lo.abs().max(hi.abs()) }
    }

    /// The same forms without wide wires, and without wires that have only one value: a wide one is replaced by a copy shifted down to 20 bits. The copy's scale is a power of two.
    pub(super) fn narrowed(&mut self, forms: &[Form]) -> Result<Vec<Form>, QuantError> {
        let wide: Vec<Wire> = union(forms)
            .into_iter()
            .filter(|w| self.bounds[*w as usize].magnitude() > WIDE && !self.narrowed.contains_key(w))
            .collect();
        let mut copies: Vec<Form> = wide.iter().map(|&w| Form::wire(w, 1.0, 0.0)).collect();
        let held: Vec<(usize, i64)> =
            wide.iter().enumerate().filter_map(|(i, w)| self.limits.get(w).map(|&limit| (i, limit))).collect();
        let clamps: Vec<(Wire, Interval)> =
            held.iter().map(|&(i, limit)| (wide[i], Interval { lo: -limit, hi: limit })).collect();
        let (clamped, deviations) = self.clamp_exact(&clamps, true)?;
        self.saturated.extend(deviations);
        for ((i, _), form) in held.into_iter().zip(clamped) {
            copies[i] = form;
        }
        let mut dots = Vec::with_capacity(wide.len());
        for (&wire, copy) in wide.iter().zip(&copies) {
            let (lo, hi) = self.interval(copy);
            match copy.terms() {
                &[(small, unit)] if lo.abs().max(hi.abs()) <= WIDE as f64 => {
                    self.narrowed.insert(wire, (small, unit, copy.offset()));
                }
                _ => dots.push((wire, self.fitted(copy, (1i64 << Y_BITS) as f64, 0.5, Requant::Shift)?)),
            }
        }
        let (wide, dots): (Vec<Wire>, Vec<(Dot, f64)>) = dots.into_iter().unzip();
        let (dots, scales): (Vec<Dot>, Vec<f64>) = dots.into_iter().unzip();
        for ((wire, narrow), scale) in wide.into_iter().zip(self.emit(&dots)?).zip(scales) {
            self.narrowed.insert(wire, (narrow, (1i64 << SHIFT) as f64 / scale, 0.0));
        }
        Ok(forms.iter().map(|f| self.substituted(f)).collect())
    }

    /// The results of one call are held at what calibration makes of the largest of them, before wide ones are narrowed: with their flag, and only
    /// those whose bounds are far beyond it. An element that was small in all samples is not held to that.
    pub(super) fn limit(&mut self, results: &[Form]) {
        let Some(seen) = self.largest_seen(results) else { return };
        for form in results {
            let (&[(wire, unit)], (lo, hi)) = (form.terms(), self.interval(form)) else { continue };
            if lo.abs().max(hi.abs()) > seen * self.options.saturate_above {
                self.limits.insert(wire, ((seen * self.options.margin / unit.abs()).ceil() as i64).max(1024));
            }
        }
    }

    /// Whether 20 bits for a bound leave too few to the largest value that calibration saw: then results had better stay wide until [`Self::limit`]
    /// holds them.
    pub(super) fn loose(&self, bound: f64, seen: Option<f64>) -> bool {
        seen.is_some_and(|seen| bound > seen * self.options.saturate_above)
    }

    /// Largest magnitude of any of the forms over the calibration samples, if it is not 0.
    pub(super) fn largest_seen(&self, forms: &[Form]) -> Option<f64> {
        forms.iter().filter_map(|f| self.calibrated(f)).reduce(f64::max).filter(|&s| s > 0.0)
    }

    fn substituted(&self, form: &Form) -> Form {
        let pinned = |w: Wire| self.bounds[w as usize].lo == self.bounds[w as usize].hi;
        if !form.terms().iter().any(|t| self.narrowed.contains_key(&t.0) || pinned(t.0)) {
            return form.clone();
        }
        let mut offset = form.offset();
        let mut sums: BTreeMap<Wire, f64> = BTreeMap::new();
        for &(wire, c) in form.terms() {
            if pinned(wire) {
                offset += c * self.bounds[wire as usize].lo as f64;
                continue;
            }
            let (wire, unit, start) = self.narrowed.get(&wire).copied().unwrap_or((wire, 1.0, 0.0));
            offset += c * start;
            *sums.entry(wire).or_insert(0.0) += c * unit;
        }
        Form::from_sorted(sums.into_iter().collect(), offset)
    }

    pub(super) fn record(&mut self, layer: LayerReport) {
        self.layers.push(layer);
    }

    /// Closes the program. `outputs` are wires; the flags are computed from what was clamped and saturated.
    pub(super) fn close(mut self, outputs: Vec<Wire>) -> Result<Finished, QuantError> {
        self.at_node("flags");
        let (domain, inner) = (std::mem::take(&mut self.out_of_domain), std::mem::take(&mut self.saturated));
        let in_domain = self.flag_of(domain)?;
        let unsaturated = self.flag_of(inner)?;
        let (sources, tables, steps) = (self.sources, self.tables, self.steps);
        let program = Program { sources, tables, steps, outputs, in_domain, unsaturated };
        Ok(Finished { program, layers: self.layers, origins: self.origins })
    }
}

/// Rows that a step's operands take, the bias counted as one.
pub(super) fn operand_rows(operands: usize) -> usize {
    (operands + 1).div_ceil(OPERANDS)
}

fn means(samples: &[Vec<i64>], wires: std::ops::Range<usize>) -> Vec<f64> {
    if samples.is_empty() {
        return Vec::new();
    }
    let mean = |w: usize| samples.iter().map(|values| values[w] as f64).sum::<f64>() / samples.len() as f64;
    wires.map(mean).collect()
}

/// The order in which dot products are emitted: in turn, but those of the same operands after the first of these.
fn by_operands(dots: &[Dot]) -> Vec<usize> {
    let mut known: BTreeMap<Vec<Wire>, usize> = BTreeMap::new();
    let mut runs: Vec<Vec<usize>> = Vec::new();
    for (at, dot) in dots.iter().enumerate() {
        let run = *known.entry(dot.terms.iter().map(|t| t.0).collect()).or_insert(runs.len());
        match runs.get_mut(run) {
            Some(run) => run.push(at),
            None => runs.push(vec![at]),
        }
    }
    runs.concat()
}

pub(super) fn shifts(requant: Requant) -> bool {
    matches!(requant, Requant::Shift | Requant::ReluShift)
}

/// Rounds half away from zero; `None` beyond `limit`.
pub(super) fn integer(value: f64, limit: i64) -> Option<i64> {
    let rounded = value.round();
    (rounded.abs() <= limit as f64).then_some(rounded as i64)
}

fn union(forms: &[Form]) -> Vec<Wire> {
    let all: BTreeSet<Wire> = forms.iter().flat_map(|f| f.terms().iter().map(|t| t.0)).collect();
    all.into_iter().collect()
}
