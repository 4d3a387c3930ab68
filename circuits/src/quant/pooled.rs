//! A layer whose windows are pooled by their maximum at once: `max(a, b) = b + relu(a − b)`, and a difference of two outputs is linear in the inputs too.
//!
//! The block has, for each two outputs `a, b` of a pooled window, the lanes `b` and `relu(a − b)`, so the first round of comparisons costs nothing. With `m_i` the maxima
//! of the pairs, `p = relu(m_n)` (where a Relu follows; else `m_n` itself), `q = relu(m_i − p)` one pair after the other, and the result is measured from above, so that
//! its bounds are those of the outputs: `top − relu(top − p − q)`.

use super::QuantError;
use super::bounds::{Interval, MAX_WEIGHT, Y_LIMIT, lane_interval};
use super::builder::{Builder, Dot, HALF, HEADROOM, integer};
use super::form::Form;
use super::layer::{Operands, whole_bias};
use super::program::{Block, LANES, Lane, NO_WIRE, OPERANDS, Requant, SHIFT, Step, Wire, Y_BITS};
use super::report::LayerReport;

/// Beyond so many times what calibration saw, 20 bits of a bound are too coarse.
const COARSEST: f64 = 512.0;
/// Samples that a layer's ranges are taken from.
const SAMPLES: usize = 32;

/// Outputs that are pooled: one matrix of constants, applied to parts of vectors.
#[derive(Clone, Copy, Debug)]
pub struct Pooling<'a> {
    /// Row-major, one row an output channel.
    pub weights: &'a [f64],
    /// One for each output channel.
    pub bias: &'a [f64],
    /// For each pooled window of a vector, for each of its taps: the elements of the vector that the weights meet.
    pub windows: &'a [Vec<Vec<usize>>],
    /// Whether a Relu follows.
    pub relu: bool,
}

/// A lane: the weights of one tap, or those of one less those of another, and then a Relu.
struct Row {
    channel: usize,
    weights: Vec<f64>,
    bias: f64,
    requant: Requant,
}

impl Pooling<'_> {
    fn channels(&self) -> usize {
        self.bias.len()
    }

    fn add(&self, row: &mut [f64], channel: usize, columns: &[usize], sign: f64) {
        let own = self.weights.chunks_exact(columns.len().max(1)).nth(channel).unwrap_or_default();
        for (weight, &column) in own.iter().zip(columns) {
            row[column] += sign * weight;
        }
    }

    /// Each tap's own sum over the operands' wires, and its bias.
    fn taps<'s>(
        &'s self,
        channel: usize,
        operands: &'s Operands,
    ) -> impl Iterator<Item = (Vec<(usize, f64)>, f64)> + 's {
        self.windows.iter().flatten().map(move |columns| {
            let own = self.weights.chunks_exact(columns.len().max(1)).nth(channel).unwrap_or_default();
            let terms: Vec<(usize, f64)> = own.iter().zip(columns).map(|(w, &c)| (c, w * operands.units[c])).collect();
            let bias = terms.iter().fold(self.bias[channel], |sum, &(c, w)| sum + w * operands.offsets[c]);
            (terms, bias)
        })
    }

    /// All lanes: windows, then pairs of taps, then channels.
    fn rows(&self, width: usize) -> Vec<Row> {
        let mut rows = Vec::new();
        for window in self.windows {
            for pair in window.chunks(2) {
                let Some((last, first)) = pair.split_last() else { continue };
                for channel in 0..self.channels() {
                    let mut weights = vec![0.0; width];
                    self.add(&mut weights, channel, last, 1.0);
                    rows.push(Row { channel, weights, bias: self.bias[channel], requant: Requant::Shift });
                }
                for (channel, first) in first.iter().flat_map(|f| (0..self.channels()).map(move |c| (c, f))) {
                    let mut weights = vec![0.0; width];
                    self.add(&mut weights, channel, first, 1.0);
                    self.add(&mut weights, channel, last, -1.0);
                    rows.push(Row { channel, weights, bias: 0.0, requant: Requant::ReluShift });
                }
            }
        }
        rows
    }
}

/// The value of one unit of a channel, the largest possible value in units, and what a value saturates at.
#[derive(Clone, Copy, Debug)]
struct Channel {
    unit: f64,
    top: i64,
    limit: Option<i64>,
}

/// The channels, and the block's lanes.
type Planned = (Vec<Channel>, Vec<Lane>);

impl Builder<'_> {
    /// The maxima of all pooled windows of all vectors, cut at 0 if a Relu follows: for each vector, for each of its windows, for each channel.
    /// `None` where calibration saw so little of the bounds that 20 bits are too coarse.
    ///
    /// # Errors
    /// As [`Self::compact`]; [`QuantError::Malformed`] when the sizes do not fit.
    pub fn pooled_layer(
        &mut self,
        pooling: &Pooling<'_>,
        vectors: &[Vec<Option<Form>>],
    ) -> Result<Option<Vec<Form>>, QuantError> {
        let width = vectors.first().map_or(0, Vec::len);
        let inner = pooling.weights.len() / pooling.channels().max(1);
        let taps = || pooling.windows.iter().flatten();
        if inner == 0
            || vectors.iter().any(|v| v.len() != width)
            || taps().any(|t| t.len() != inner || t.iter().any(|&c| c >= width))
        {
            return Err(QuantError::Malformed {
                what: "operands of a pooled layer",
                expected: inner.max(1),
                got: width,
            });
        }
        let lanes = taps().count().saturating_mul(pooling.channels());
        self.charge(vectors.len().saturating_mul(lanes).saturating_mul(width) / 4)?;
        let mut rows = pooling.rows(width);
        let operands = self.operands(vectors, width)?;
        for row in &mut rows {
            row.weights.iter_mut().zip(&operands.units).for_each(|(w, u)| *w *= u);
        }
        let before = self.steps.len();
        let mut report = LayerReport::new(self.node(), "block, pooled");
        let Some((channels, lanes)) = self.pooled_lanes(pooling, &rows, &operands, &mut report)? else {
            return Ok(None);
        };
        let first = self.bounds.len() as Wire;
        let count = lanes.len() as Wire;
        self.push(Step::Block(Block { width, operands: operands.wires, lanes }))?;
        let starts = (0..vectors.len() as Wire).map(|v| first + v * count);
        let results = self.largest_pairs(pooling, &channels, starts)?;
        report.close(&self.steps[before..]);
        self.record(report);
        self.ahead = true;
        Ok(Some(results))
    }

    /// Each channel's scale and the block's lanes; `None` where 20 bits are too coarse.
    fn pooled_lanes(
        &self,
        pooling: &Pooling<'_>,
        rows: &[Row],
        operands: &Operands,
        report: &mut LayerReport,
    ) -> Result<Option<Planned>, QuantError> {
        let width = operands.units.len();
        let zero = Interval { lo: 0, hi: 0 };
        let bounds: Vec<Interval> =
            operands.wires.iter().map(|&w| if w == NO_WIRE { zero } else { self.bounds[w as usize] }).collect();
        let mut distinct: Vec<&[Interval]> = bounds.chunks_exact(width).collect();
        distinct.sort_unstable_by_key(|v| v.iter().map(|x| (x.lo, x.hi)).collect::<Vec<_>>());
        distinct.dedup();
        let whole = |row: &Row| row.bias + row.weights.iter().zip(&operands.offsets).map(|(w, o)| w * o).sum::<f64>();
        let mut channels = Vec::with_capacity(pooling.channels());
        let mut found: Vec<Option<Lane>> = vec![None; rows.len()];
        for channel in 0..pooling.channels() {
            let own: Vec<usize> = (0..rows.len()).filter(|&r| rows[r].channel == channel).collect();
            // Differences are up to twice as large as what they are differences of, which is what a bound is measured by.
            let mut bound = 0.0f64;
            for row in own.iter().map(|&r| &rows[r]) {
                let ends = distinct.iter().map(|v| range(row.weights.iter().copied().enumerate(), whole(row), v));
                bound = ends.fold(bound, |m, (lo, hi)| m.max(-lo).max(hi));
            }
            let (mut single, mut seen) = (0.0f64, None);
            for (terms, bias) in pooling.taps(channel, operands) {
                let ends = distinct.iter().map(|v| range(terms.iter().copied(), bias, v));
                single = ends.fold(single, |m, (lo, hi)| m.max(-lo).max(hi));
                seen = [seen, self.seen(&terms, bias, operands)].into_iter().flatten().reduce(f64::max);
            }
            report.add(single, seen);
            let seen = seen.filter(|&s| s > 0.0);
            let saturates = seen.filter(|_| self.loose(single, seen));
            if saturates.is_some_and(|s| single > s * COARSEST) {
                return Ok(None);
            }
            report.saturating += usize::from(saturates.is_some());
            let own: Vec<(usize, &Row)> = own.into_iter().map(|r| (r, &rows[r])).collect();
            let (scale, lanes) = self.fitted_lanes(&own, &operands.offsets, &distinct, bound)?;
            for ((r, _), lane) in own.iter().zip(lanes) {
                found[*r] = Some(lane);
            }
            let unit = (1i64 << SHIFT) as f64 / scale;
            let limit = saturates.map(|s| ((s * self.options.margin / unit).ceil() as i64).max(1));
            channels.push(Channel { unit, top: largest(pooling, channel, operands, &distinct, unit), limit });
        }
        let lanes: Option<Vec<Lane>> = found.into_iter().collect();
        let lanes = lanes.ok_or(QuantError::Malformed { what: "lanes", expected: rows.len(), got: 0 })?;
        Ok(Some((channels, lanes)))
    }

    /// Largest magnitude of a sum over the first samples.
    fn seen(&self, terms: &[(usize, f64)], bias: f64, operands: &Operands) -> Option<f64> {
        let value = |sample: &[i64], vector: &[Wire]| {
            let live = terms.iter().filter(|(k, _)| vector[*k] != NO_WIRE);
            live.fold(bias, |sum, &(k, c)| sum + c * sample[vector[k] as usize] as f64).abs()
        };
        let vectors = || operands.wires.chunks_exact(operands.units.len());
        let samples = self.samples_so_far().iter().take(SAMPLES);
        samples.map(|s| vectors().map(|v| value(s, v)).fold(0.0, f64::max)).reduce(f64::max)
    }

    /// The finest lanes of one common scale.
    fn fitted_lanes(
        &self,
        rows: &[(usize, &Row)],
        offsets: &[f64],
        vectors: &[&[Interval]],
        bound: f64,
    ) -> Result<(f64, Vec<Lane>), QuantError> {
        let limit = i128::from(Y_LIMIT);
        let mut scale = HEADROOM * (1i64 << Y_BITS) as f64 / bound.max(1e-30);
        for _ in 0..200 {
            let lane = |row: &Row| {
                let weights: Vec<i64> =
                    row.weights.iter().map(|w| integer(w * scale, MAX_WEIGHT)).collect::<Option<_>>()?;
                let bias = whole_bias(row.bias * scale, &weights, offsets)? + HALF;
                let lane = Lane { bias, weights, requant: row.requant, ..Lane::default() };
                let fits = |v: &&[Interval]| matches!(lane_interval(&lane, v, &[]), Ok((lo, hi)) if lo >= -limit && hi < limit);
                vectors.iter().all(fits).then_some(lane)
            };
            if let Some(lanes) = rows.iter().map(|(_, row)| lane(row)).collect() {
                return Ok((scale, lanes));
            }
            scale *= 0.98;
        }
        Err(QuantError::Unbounded { node: self.node().into(), bound })
    }

    /// What the head of this file says, for blocks whose wires start at `starts`.
    fn largest_pairs(
        &mut self,
        pooling: &Pooling<'_>,
        channels: &[Channel],
        starts: impl Iterator<Item = Wire>,
    ) -> Result<Vec<Form>, QuantError> {
        let n = channels.len();
        let lengths: Vec<usize> = pooling.windows.iter().map(Vec::len).collect();
        let mut pooled: Vec<Pooled> = Vec::new();
        for start in starts {
            let mut at = start;
            for &taps in &lengths {
                for channel in 0..n {
                    let lane = |i: usize| at + (i * n + channel) as Wire;
                    let pairs = (0..taps).step_by(2);
                    let terms = pairs.map(|tap| (tap..taps.min(tap + 2)).map(|i| (lane(i), 1)).collect()).collect();
                    pooled.push(Pooled { channel, pairs: terms, most: Vec::new() });
                }
                at += (taps * n) as Wire;
            }
        }
        for one in &mut pooled {
            one.most = one.pairs.pop().unwrap_or_default();
        }
        if pooling.relu {
            let dots: Vec<Dot> = pooled.iter().map(|one| cut(one.most.clone(), 0)).collect();
            for (one, wire) in pooled.iter_mut().zip(self.emit_evenly(&dots)?) {
                one.most = vec![(wire, 1)];
            }
        }
        while pooled.iter().any(|one| !one.pairs.is_empty()) {
            let next: Vec<Option<Vec<(Wire, i64)>>> = pooled.iter_mut().map(|one| one.pairs.pop()).collect();
            let minus = |one: &Pooled| one.most.iter().map(|t| (t.0, -t.1)).collect::<Vec<_>>();
            let live = pooled
                .iter()
                .zip(&next)
                .filter_map(|(one, pair)| Some([pair.as_ref()?.as_slice(), &minus(one)].concat()));
            let dots: Vec<Dot> = live.map(|terms| cut(terms, 0)).collect();
            let mut wires = self.emit_evenly(&dots)?.into_iter();
            for (one, _) in pooled.iter_mut().zip(next).filter(|(_, pair)| pair.is_some()) {
                one.most.extend(wires.next().map(|wire| (wire, 1)));
            }
        }
        self.measured(&pooled, channels, pooling.relu)
    }

    /// The maxima as single wires: measured from above, or clamped where they may saturate.
    fn measured(&mut self, pooled: &[Pooled], channels: &[Channel], relu: bool) -> Result<Vec<Form>, QuantError> {
        let (mut calm, mut loose, mut ends) = (Vec::new(), Vec::new(), Vec::new());
        for one in pooled {
            match channels[one.channel].limit {
                None => {
                    let minus = one.most.iter().map(|t| (t.0, -t.1)).collect();
                    calm.push(cut(minus, channels[one.channel].top));
                }
                Some(hi) => {
                    let requant = if relu { Requant::Relu } else { Requant::Identity };
                    loose.push(Dot { terms: one.most.clone(), requant, ..Dot::default() });
                    ends.push(Interval { lo: if relu { 0 } else { -hi }, hi });
                }
            }
        }
        let (calm, loose) = (self.emit_evenly(&calm)?, self.emit_evenly(&loose)?);
        let clamps: Vec<(Wire, Interval)> = loose.into_iter().zip(ends).collect();
        let (clamped, deviations) = self.clamp_exact(&clamps, true)?;
        self.saturated.extend(deviations);
        let (mut calm, mut clamped) = (calm.into_iter(), clamped.into_iter());
        let all = pooled.iter().map(|one| {
            let Channel { unit, top, limit } = channels[one.channel];
            match limit {
                None => Some(Form::wire(calm.next()?, -unit, top as f64 * unit)),
                Some(_) => Some(clamped.next()?.scaled(unit)),
            }
        });
        let whole: Option<Vec<Form>> = all.collect();
        whole.ok_or(QuantError::Malformed { what: "pooled values", expected: pooled.len(), got: 0 })
    }

    /// [`Self::emit`] of dots of as many operands each, none of which are the same, in steps of the number that leaves the fewest cells empty.
    fn emit_evenly(&mut self, dots: &[Dot]) -> Result<Vec<Wire>, QuantError> {
        let operands = dots.iter().map(|d| d.terms.len()).max().unwrap_or(0);
        let constant = usize::from(dots.iter().any(|d| d.bias != 0));
        let rows = |lanes: usize| (lanes * operands + constant).div_ceil(OPERANDS);
        let best = (1..=LANES).min_by(|&a, &b| (rows(a) * b).cmp(&(rows(b) * a))).unwrap_or(1);
        let mut wires = Vec::with_capacity(dots.len());
        for some in dots.chunks(best) {
            wires.extend(self.emit(some)?);
        }
        Ok(wires)
    }
}

/// The largest value of a channel in units, with room for what was rounded.
fn largest(pooling: &Pooling<'_>, channel: usize, operands: &Operands, vectors: &[&[Interval]], unit: f64) -> i64 {
    let inner = pooling.weights.len() / pooling.channels().max(1);
    let mut most = 0.0f64;
    for (terms, bias) in pooling.taps(channel, operands) {
        most = vectors.iter().map(|v| range(terms.iter().copied(), bias, v).1).fold(most, f64::max);
    }
    let one = (1i64 << SHIFT) as f64;
    let largest = operands.offsets.iter().map(|o| o.abs()).fold(0.0, f64::max)
        + vectors.iter().flat_map(|v| v.iter()).map(|x| x.magnitude() as f64).fold(0.0, f64::max);
    // Half a unit for each weight of two lanes, and for the shifts.
    let slack = inner as f64 * largest / one + 2.0;
    (most / unit + slack).ceil() as i64
}

/// A window's pairs that are still to be compared, and the largest of the others, as sums of wires.
struct Pooled {
    channel: usize,
    pairs: Vec<Vec<(Wire, i64)>>,
    most: Vec<(Wire, i64)>,
}

fn cut(terms: Vec<(Wire, i64)>, bias: i64) -> Dot {
    Dot { terms, bias, requant: Requant::Relu, ..Dot::default() }
}

/// Smallest and largest value of `bias + Σ weight · x`, for `x` in the intervals.
fn range(terms: impl Iterator<Item = (usize, f64)>, bias: f64, vector: &[Interval]) -> (f64, f64) {
    terms.fold((bias, bias), |(lo, hi), (column, w)| {
        let (a, b) = (w * vector[column].lo as f64, w * vector[column].hi as f64);
        (lo + a.min(b), hi + a.max(b))
    })
}
