//! One matrix of constants over many vectors: convolutions, layers over tokens.
//!
//! Small layers stay lazily linear forms, which fuse with whatever follows. Large ones become a [`Block`], whose cost in the wide shape is that of its inputs,
//! weights and outputs. A block is materialised on the spot, with the Relu that follows it if the caller knows of one ([`Builder::relu_expected`]).

use std::collections::BTreeMap;

use super::QuantError;
use super::bounds::{Interval, MAX_BIAS, MAX_WEIGHT, Y_LIMIT, lane_interval};
use super::builder::{Builder, Dot, HALF, HEADROOM, integer, shifts};
use super::form::Form;
use super::norms::{Whole, relief};
use super::program::{Block, Lane, NO_WIRE, Requant, SHIFT, Step, Wire, Y_BITS};
use super::report::LayerReport;

/// Multiply-adds from which on a layer becomes a block.
pub const LEAST_PRODUCTS: usize = 60_000;
/// Operands of a block are at most this large, in units.
const WIDEST: f64 = (1i64 << 22) as f64;

/// An output of a layer may be so many times further from its bound than other values before it saturates: what reads it reads many such values.
const SPARE: f64 = 4.0;
/// A value of 20 bits whose bound is this many times the largest that calibration saw still tells 2^10 steps of that one, and many such values make an output: it is
/// clamped after its shift, which takes fewer rows. Beyond, a clamp takes all bits of its lane.
const COARSEST: f64 = 1024.0;

/// Largest magnitude of a factor of a product of matrices of 64 inner elements (see [`Builder::matmuls`]); below the square root of `2^33`.
const FACTOR_OF_PRODUCT: f64 = 92_600.0;

/// What reads a node's values, and nothing else does.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Follower {
    /// A Relu.
    Relu,
    /// A maximum pooling of windows that do not overlap.
    Pool(Pool),
    /// A function that is read from a table.
    Table,
    /// A product of two live matrices, behind nothing but moves.
    Product,
    /// Anything else.
    #[default]
    Other,
}

/// A maximum pooling, of windows side by side and without padding, and whether a Relu stands before or behind it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pool {
    /// Size of a window in each dimension.
    pub kernel: Vec<usize>,
    /// The node itself is followed by a Relu, and the pooling comes after it.
    pub before: bool,
    /// No value below 0 is left in the end.
    pub relu: bool,
}

/// The operands of a block: wires, and for each column `k` the value `unit · (wire + offset)`.
pub(super) struct Operands {
    pub wires: Vec<Wire>,
    pub units: Vec<f64>,
    pub offsets: Vec<f64>,
}

/// One output of a layer: its lane without weights of vectors, and what one unit of it is worth.
struct Output {
    lane: Lane,
    unit: f64,
    /// Saturates at `±limit` units.
    limit: Option<i64>,
}

impl Builder<'_> {
    /// Says what reads the values that the node gives.
    pub fn expect(&mut self, follower: Follower) {
        self.follower = follower;
        self.ahead = false;
    }

    /// Whether a layer of this node has answered what the Relu or the pooling behind the node makes of its values.
    pub fn is_ahead(&self) -> bool {
        self.ahead
    }

    /// Whether a Relu, and nothing else, reads what the node gives: its last layer may then answer what that Relu makes of it.
    pub fn relu_expected(&self) -> bool {
        match &self.follower {
            Follower::Relu => true,
            Follower::Pool(pool) => pool.before,
            _ => false,
        }
    }

    /// The pooling that reads what the node gives, if nothing else does.
    pub fn pool_expected(&self) -> Option<&Pool> {
        match &self.follower {
            Follower::Pool(pool) => Some(pool),
            _ => None,
        }
    }

    /// `bias_n + Σ_k weights_(n,k) x_(t,k)` for each vector `x_t`; `None` stands for 0 (padding). `weights` is `n × k`, row-major. Results: for each vector, `n` forms.
    /// With `relu`, results may already be cut at 0 (a Relu must follow in any case).
    ///
    /// # Errors
    /// As [`Self::compact`]; [`QuantError::Malformed`] when the sizes do not fit.
    pub fn layer(
        &mut self,
        weights: &[f64],
        bias: &[f64],
        vectors: &[Vec<Option<Form>>],
        relu: bool,
    ) -> Result<Vec<Vec<Form>>, QuantError> {
        let (n, k) = (bias.len(), weights.len() / bias.len().max(1));
        if n * k != weights.len() || vectors.iter().any(|v| v.len() != k) {
            let got = vectors.iter().map(Vec::len).find(|&l| l != k).unwrap_or(weights.len());
            return Err(QuantError::Malformed { what: "operands of a layer", expected: k, got });
        }
        let live = vectors.iter().flatten().flatten().any(|f| f.as_constant().is_none());
        if !live
            || k == 0
            || vectors.len() < 4
            || n < 2
            || vectors.len().saturating_mul(n).saturating_mul(k) < LEAST_PRODUCTS
        {
            return self.lazy_layer(weights, bias, vectors);
        }
        // A block's ranges are looked at product by product.
        self.charge(vectors.len().saturating_mul(n).saturating_mul(k) / 4)?;
        let operands = self.operands(vectors, k)?;
        let before = self.steps.len();
        let mut report = LayerReport::new(self.node(), if relu { "block, relu" } else { "block" });
        let outputs = self.outputs(weights, bias, &operands, relu, &mut report)?;
        let lanes = outputs.iter().map(|o| o.lane.clone()).collect();
        let first = self.bounds.len();
        self.push(Step::Block(Block { width: k, operands: operands.wires, lanes }))?;
        let forms = self.block_results(first, vectors.len(), &outputs, relu)?;
        self.ahead |= relu;
        report.close(&self.steps[before..]);
        self.record(report);
        Ok(forms)
    }

    fn lazy_layer(
        &mut self,
        weights: &[f64],
        bias: &[f64],
        vectors: &[Vec<Option<Form>>],
    ) -> Result<Vec<Vec<Form>>, QuantError> {
        let n = bias.len();
        let mut results = Vec::with_capacity(vectors.len());
        for vector in vectors {
            let k = vector.len();
            let present: Vec<usize> = (0..k).filter(|&i| vector[i].is_some()).collect();
            let x: Vec<Form> = vector.iter().flatten().cloned().collect();
            let own: Vec<f64> = (0..n).flat_map(|row| present.iter().map(move |&i| weights[row * k + i])).collect();
            let sums = if x.is_empty() { vec![Form::constant(0.0); n] } else { self.product(&own, &x)? };
            results.push(sums.iter().zip(bias).map(|(f, &b)| f.shifted(b)).collect());
        }
        Ok(results)
    }

    /// Wires whose unit and offset depend on the column alone.
    pub(super) fn operands(&mut self, vectors: &[Vec<Option<Form>>], k: usize) -> Result<Operands, QuantError> {
        if let Some(found) = self.ready_operands(vectors, k)? {
            return Ok(found);
        }
        let all: Vec<Form> = vectors.iter().flatten().flatten().cloned().collect();
        let (wires, unit) = self.uniform(&all, WIDEST / 4.0)?;
        let mut next = wires.into_iter();
        let wire = |x: &Option<Form>| if x.is_some() { next.next().unwrap_or(NO_WIRE) } else { NO_WIRE };
        let wires = vectors.iter().flatten().map(wire).collect();
        Ok(Operands { wires, units: vec![unit; k], offsets: vec![0.0; k] })
    }

    /// The forms as they are, if each column has one unit and one offset, a whole one where there is padding.
    fn ready_operands(&mut self, vectors: &[Vec<Option<Form>>], k: usize) -> Result<Option<Operands>, QuantError> {
        let mut columns: Vec<Option<(f64, f64)>> = vec![None; k];
        let padded: Vec<bool> = (0..k).map(|i| vectors.iter().any(|v| v[i].is_none())).collect();
        for vector in vectors {
            for ((form, column), padded) in vector.iter().zip(&mut columns).zip(&padded) {
                let Some(form) = form else { continue };
                let &[(wire, unit)] = form.terms() else { return Ok(None) };
                let mut offset = form.offset() / unit;
                // A wire must be able to stand for the 0 of padding.
                if *padded {
                    let whole = offset.round();
                    if (offset - whole).abs() >= 1e-6 {
                        return Ok(None);
                    }
                    offset = whole;
                }
                let small = self.bounds[wire as usize].magnitude() as f64 <= WIDEST;
                let near = offset.abs() < Y_LIMIT as f64 / 2.0;
                if !near || !small || column.is_some_and(|found| found != (unit, offset)) {
                    return Ok(None);
                }
                *column = Some((unit, offset));
            }
        }
        let (units, offsets): (Vec<f64>, Vec<f64>) = columns.into_iter().map(|c| c.unwrap_or((1.0, 0.0))).unzip();
        // Padding where the offset is not 0: a wire that makes the value 0.
        let mut zeros: BTreeMap<i64, Wire> = BTreeMap::new();
        let mut wires = Vec::with_capacity(vectors.len() * k);
        for vector in vectors {
            for (form, offset) in vector.iter().zip(&offsets) {
                wires.push(match form.as_ref().and_then(|f| f.terms().first()) {
                    Some(&(wire, _)) => wire,
                    None if *offset == 0.0 => NO_WIRE,
                    None => self.constant_wire(-*offset as i64, &mut zeros)?,
                });
            }
        }
        Ok(Some(Operands { wires, units, offsets }))
    }

    fn constant_wire(&mut self, value: i64, known: &mut BTreeMap<i64, Wire>) -> Result<Wire, QuantError> {
        if let Some(&wire) = known.get(&value) {
            return Ok(wire);
        }
        let wire = self.single(&Dot { bias: value, ..Dot::default() })?;
        known.insert(value, wire);
        Ok(wire)
    }

    fn outputs(
        &self,
        weights: &[f64],
        bias: &[f64],
        operands: &Operands,
        relu: bool,
        report: &mut LayerReport,
    ) -> Result<Vec<Output>, QuantError> {
        let k = operands.units.len();
        let zero = Interval { lo: 0, hi: 0 };
        let bounds: Vec<Interval> =
            operands.wires.iter().map(|&w| if w == NO_WIRE { zero } else { self.bounds[w as usize] }).collect();
        // Vectors of equal bounds need one look.
        let wholes = operands.wires.chunks_exact(k).map(|wires| self.norms.wholes(wires.iter().copied()));
        let mut distinct: Vec<Range<'_>> =
            bounds.chunks_exact(k).zip(wholes).map(|(intervals, wholes)| Range { intervals, wholes }).collect();
        distinct.sort_unstable_by(|a, b| a.key().cmp(b.key()));
        distinct.dedup();
        let mut rows = Vec::with_capacity(bias.len());
        for (row, &own) in weights.chunks_exact(k).zip(bias) {
            let row: Vec<f64> = row.iter().zip(&operands.units).map(|(w, u)| w * u).collect();
            let whole = own + row.iter().zip(&operands.offsets).map(|(w, o)| w * o).sum::<f64>();
            let bound = distinct.iter().map(|v| v.magnitude(&row, whole)).fold(0.0f64, f64::max);
            let seen = self.calibrated_layer(&row, whole, &operands.wires);
            report.add(bound, seen);
            rows.push((row, own, bound, seen));
        }
        let largest = rows.iter().map(|r| r.2).fold(0.0f64, f64::max);
        let calm = |r: &(Vec<f64>, f64, f64, Option<f64>)| !self.loose(r.2, r.3.filter(|&s| s > 0.0));
        let one_unit = !relu && rows.iter().all(calm);
        let full = HEADROOM * (1i64 << Y_BITS) as f64 / largest.max(1e-30);
        let common = match self.follower {
            Follower::Product if one_unit => {
                Some(HEADROOM * FACTOR_OF_PRODUCT * (1i64 << SHIFT) as f64 / largest.max(1e-30))
            }
            // A table counts in one power of two, and then reads the lanes as they are.
            Follower::Table if one_unit => Some(libm::exp2(libm::floor(libm::log2(full)))),
            _ => None,
        };
        let mut outputs = Vec::with_capacity(bias.len());
        for (row, own, bound, seen) in rows {
            let output =
                self.output((row.as_slice(), own), &operands.offsets, &distinct, (bound, seen), relu, common)?;
            report.saturating += usize::from(output.limit.is_some());
            outputs.push(output);
        }
        Ok(outputs)
    }

    fn output(
        &self,
        (row, bias): (&[f64], f64),
        offsets: &[f64],
        vectors: &[Range<'_>],
        (bound, seen): (f64, Option<f64>),
        relu: bool,
        common: Option<f64>,
    ) -> Result<Output, QuantError> {
        let saturates = seen.filter(|&s| s > 0.0 && bound > s * SPARE * self.options.saturate_above);
        let fine = saturates.is_some_and(|s| bound > s * COARSEST);
        let requant = match (relu, fine) {
            (true, true) => Requant::Relu,
            (true, false) => Requant::ReluShift,
            (false, true) => Requant::Identity,
            (false, false) => Requant::Shift,
        };
        let half = if shifts(requant) { HALF } else { 0 };
        // Half a lane where a clamp of all its bits follows, which measures from its lower end.
        let room = if fine { 0.5 } else { 1.0 };
        let mut scale = room * HEADROOM * (1i64 << Y_BITS) as f64 / bound.max(1e-30);
        let table = self.follower == Follower::Table;
        let step = if table { 0.5 } else { 0.98 };
        if table {
            scale = libm::exp2(libm::floor(libm::log2(scale)));
        }
        if let Some(common) = common {
            scale = common;
        }
        for _ in 0..200 {
            let weights: Option<Vec<i64>> = row.iter().map(|w| integer(w * scale, MAX_WEIGHT)).collect();
            if let Some(weights) = weights
                && let Some(bias) = whole_bias(bias * scale, &weights, offsets)
            {
                let lane = Lane { bias: bias + half, weights, requant, ..Lane::default() };
                let limit = i128::from(Y_LIMIT);
                let fits = |v: &Range<'_>| matches!(v.of(&lane), Ok((lo, hi)) if lo >= -limit && hi < limit);
                if vectors.iter().all(fits) {
                    let unit = if shifts(requant) { (1i64 << SHIFT) as f64 / scale } else { 1.0 / scale };
                    let limit = saturates.map(|s| ((s * self.options.margin / unit).ceil() as i64).max(1));
                    return Ok(Output { lane, unit, limit });
                }
            }
            scale *= step;
        }
        Err(QuantError::Unbounded { node: self.node().into(), bound })
    }

    /// Largest magnitude over samples and vectors.
    fn calibrated_layer(&self, row: &[f64], bias: f64, wires: &[Wire]) -> Option<f64> {
        let value = |sample: &[i64], vector: &[Wire]| {
            let products = vector.iter().zip(row).filter(|(w, _)| **w != NO_WIRE);
            products.fold(bias, |sum, (&w, c)| sum + c * sample[w as usize] as f64).abs()
        };
        let samples = self.samples_so_far().iter().take(LAYER_SAMPLES);
        samples.map(|s| wires.chunks_exact(row.len()).map(|v| value(s, v)).fold(0.0, f64::max)).reduce(f64::max)
    }

    fn block_results(
        &mut self,
        first: usize,
        vectors: usize,
        outputs: &[Output],
        relu: bool,
    ) -> Result<Vec<Vec<Form>>, QuantError> {
        let wire = |t: usize, n: usize| (first + t * outputs.len() + n) as Wire;
        let mut clamps = Vec::new();
        for t in 0..vectors {
            for (n, limit) in outputs.iter().enumerate().filter_map(|(n, o)| o.limit.map(|l| (n, l))) {
                let lo = if relu { 0 } else { -limit };
                clamps.push((wire(t, n), Interval { lo, hi: limit }));
            }
        }
        let (clamped, deviations) = self.clamp_exact(&clamps, true)?;
        self.saturated.extend(deviations);
        let mut clamped = clamped.into_iter();
        let mut results = Vec::with_capacity(vectors);
        for t in 0..vectors {
            let mut row = Vec::with_capacity(outputs.len());
            for (n, output) in outputs.iter().enumerate() {
                let form = match output.limit {
                    Some(_) => clamped.next().map(|f| f.scaled(output.unit)),
                    None => Some(Form::wire(wire(t, n), output.unit, 0.0)),
                };
                row.push(form.ok_or(QuantError::Malformed { what: "clamps", expected: clamps.len(), got: 0 })?);
            }
            results.push(row);
        }
        Ok(results)
    }
}

/// The bias of a lane whose operands `wire + offset` are read as wires: by the rounded weights, so that their rounding counts as often as the operand's value is, and not
/// as often as its distance from an offset that may be far.
pub(super) fn whole_bias(bias: f64, weights: &[i64], offsets: &[f64]) -> Option<i64> {
    let own: f64 = weights.iter().zip(offsets).map(|(w, o)| *w as f64 * o).sum();
    integer(bias.round() + own, MAX_BIAS - HALF)
}

/// Samples that a layer's ranges are taken from.
const LAYER_SAMPLES: usize = 32;

/// What is known of a vector's operands.
#[derive(Clone, Debug, PartialEq)]
struct Range<'a> {
    intervals: &'a [Interval],
    wholes: Vec<(Whole, Vec<usize>)>,
}

impl Range<'_> {
    fn key(&self) -> impl Iterator<Item = (i64, i64)> + '_ {
        self.intervals.iter().map(|x| (x.lo, x.hi))
    }

    /// Exact interval of a lane before requantisation.
    fn of(&self, lane: &Lane) -> Result<(i128, i128), QuantError> {
        let (lo, hi) = lane_interval(lane, self.intervals, &[])?;
        let (below, above) = relief(&self.wholes, &lane.weights, self.intervals);
        Ok((lo + below, hi - above))
    }

    /// Largest magnitude of `bias + Σ row · x`.
    fn magnitude(&self, row: &[f64], bias: f64) -> f64 {
        let sum = |terms: &mut dyn Iterator<Item = (f64, Interval)>| {
            terms.fold((0.0f64, 0.0f64), |(lo, hi), (w, x)| {
                let (a, b) = (w * x.lo as f64, w * x.hi as f64);
                (lo + a.min(b), hi + a.max(b))
            })
        };
        let (mut lo, mut hi) = sum(&mut row.iter().copied().zip(self.intervals.iter().copied()));
        for (whole, places) in &self.wholes {
            let reach = whole.real_reach(places.iter().map(|&i| row[i]));
            let (from, to) = sum(&mut places.iter().map(|&i| (row[i], self.intervals[i])));
            (lo, hi) = (lo + (-reach - from).max(0.0), hi - (to - reach).max(0.0));
        }
        (lo + bias).abs().max((hi + bias).abs())
    }
}
