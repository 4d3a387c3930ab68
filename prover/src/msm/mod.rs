//! Multi-scalar multiplication over BN254's G1: `Σ sᵢ·Pᵢ`, exact for every scalar and every point of the curve.
//!
//! Pippenger's bucket method (Bernstein, Doumen, Lange, Oosterwijk: "Faster batch forgery identification", eprint
//! 2012/549), with four choices for the scalars of a proof: most are small, of either sign, or repeated.
//!
//! 1. `s > (r − 1)/2` is taken as `−(r − s)`, so that a small negative value is as cheap as a small positive one.
//! 2. The digits are signed (Booth 1951), which halves the buckets. The windows have different widths, chosen for least
//!    cost from how many scalars reach each bit, and a window visits only the scalars that reach it.
//! 3. A window's points are sorted by bucket and each bucket is added up pairwise, as a tree. All pairs of one level
//!    share one field inversion (Montgomery's trick), whatever the number of points in a bucket. Processors with
//!    AVX-512 IFMA add eight pairs at a time (`vector`), others one (`scalar`).
//! 4. The weighted sum of the buckets `Σ d·B_d` is that problem again, for the low and for the high half of `d`'s bits.
//!
//! Not constant time: the running time depends on the scalars.

mod scalar;
#[cfg_attr(not(target_arch = "x86_64"), path = "absent.rs")]
mod vector;

use halo2_proofs::halo2curves::bn256::{Fq, Fr, G1, G1Affine};
use halo2_proofs::halo2curves::ff::{Field, PrimeField};
use halo2_proofs::halo2curves::group::Group;
use rayon::prelude::*;

use crate::lanes::Ifma;

/// Most bases in one call of [`sum_of_terms`]: an index and a sign fit a `u32`.
const MAX_BASES: usize = 1 << 30;
/// Points added up together by one task: 512 KiB, which with its slopes is about a core's second-level cache.
const SEGMENT: usize = 1 << 13;
/// Fewest buckets whose weighted sum is worth a second round of batched additions.
const MIN_SPLIT: usize = 192;
/// Fewest terms of a part, where a window is cut to occupy idle threads.
const MIN_PART: usize = 1 << 14;
/// Bits of an absolute value: `(r − 1)/2 < 2^253`.
const MAX_BITS: usize = 253;
/// Widest window.
const MAX_WIDTH: usize = 18;

/// Σ `scalars[i]` · `bases[i]` over the shorter of the two. Bases may contain the identity and repeated or opposite
/// points.
pub fn multiexp(scalars: &[Fr], bases: &[G1Affine]) -> G1 {
    multiexp_on(Unit::best(), scalars, bases)
}

/// [`multiexp`] with a choice of [`Unit`].
fn multiexp_on(unit: Unit, scalars: &[Fr], bases: &[G1Affine]) -> G1 {
    scalars.chunks(MAX_BASES).zip(bases.chunks(MAX_BASES)).map(|(s, b)| sum_of_terms(unit, s, b)).sum()
}

/// What adds pairs of points.
#[derive(Clone, Copy, Debug)]
enum Unit {
    /// One pair after the other.
    Scalar,
    /// Eight pairs at a time.
    Vector(Ifma),
}

impl Unit {
    /// The fastest that the processor has.
    fn best() -> Self {
        Ifma::detect().map_or(Self::Scalar, Self::Vector)
    }

    /// Adds neighbours of one run until few pairs are left. The sources lie as `runs` says.
    fn add_up(self, points: &[G1Affine], sources: &[u32], runs: Vec<Run>) -> Buckets {
        match self {
            Self::Scalar => scalar::add_up(points, sources, runs),
            Self::Vector(ifma) => vector::add_up(ifma, points, sources, runs),
        }
    }

    /// What the plan of the windows reckons with.
    fn costs(self) -> Costs {
        match self {
            Self::Scalar => Costs { addition: 7, inversion: 120, min_pairs: scalar::MIN_PAIRS },
            Self::Vector(_) => Costs { addition: 3, inversion: 130, min_pairs: vector::MIN_PAIRS },
        }
    }
}

/// [`multiexp`] for at most [`MAX_BASES`] terms: the windows' sums, joined from the highest down.
fn sum_of_terms(unit: Unit, scalars: &[Fr], bases: &[G1Affine]) -> G1 {
    let terms = Terms::new(scalars, bases);
    let windows = plan(&terms.reach, &unit.costs());
    let parts = rayon::current_num_threads().div_ceil(windows.len().max(1));
    let sums: Vec<G1> = windows.par_iter().map(|window| terms.window_sum(unit, *window, bases, parts)).collect();
    windows
        .iter()
        .zip(sums)
        .rev()
        .fold(G1::identity(), |high, (window, sum)| (0..window.width).fold(high, |point, _| point.double()) + sum)
}

/// The scalars as signed integers, ordered by length.
struct Terms {
    /// Absolute value of each scalar, little-endian, below 2^253; bit 255 is set for a negative one.
    values: Vec<[u64; 4]>,
    /// Indices of the terms that are not zero, the longest values first.
    order: Vec<u32>,
    /// `reach[b]`: how many values have at least `b` bits, for `b ≥ 1`. `reach[0] = reach[1]`: zeros are left out.
    reach: [usize; MAX_BITS + 2],
}

impl Terms {
    fn new(scalars: &[Fr], bases: &[G1Affine]) -> Self {
        let half: [u64; 4] = (-Fr::ONE * Fr::TWO_INV).into();
        let values: Vec<[u64; 4]> =
            scalars.par_iter().zip(bases).with_min_len(1 << 10).map(|(s, base)| signed(s, base, &half)).collect();
        let mut reach = [0; MAX_BITS + 2];
        for value in &values {
            reach[bit_length(value)] += 1;
        }
        reach[0] = 0;
        for bits in (0..MAX_BITS).rev() {
            reach[bits] += reach[bits + 1];
        }
        let mut next = reach;
        let mut order = vec![0; reach[0]];
        for (index, value) in values.iter().enumerate() {
            let bits = bit_length(value);
            if bits > 0 {
                order[next[bits + 1]] = index as u32;
                next[bits + 1] += 1;
            }
        }
        Self { values, order, reach }
    }

    /// Σ digit · base of one window, in `parts` pieces at most.
    fn window_sum(&self, unit: Unit, window: Window, bases: &[G1Affine], parts: usize) -> G1 {
        let terms = &self.order[..self.reach[window.start]];
        let size = terms.len().div_ceil(parts).max(MIN_PART);
        let part_sum = |part: &[u32]| weighted_sum(unit, self.sorted(window, part), bases);
        terms.par_chunks(size).map(part_sum).sum()
    }

    /// The terms of `part` with a digit in `window`, by bucket.
    fn sorted(&self, window: Window, part: &[u32]) -> Sorted {
        let mut items = Vec::with_capacity(part.len());
        for index in part {
            let value = &self.values[*index as usize];
            let digit = window.digit(value);
            let negative = (digit < 0) ^ is_negative(value);
            if digit != 0 {
                items.push((digit.unsigned_abs(), index << 1 | u32::from(negative)));
            }
        }
        Sorted::new(&items, window.buckets())
    }
}

/// `scalar` as sign and absolute value (see [`Terms::values`]), zero if `base` is the identity.
fn signed(scalar: &Fr, base: &G1Affine, half: &[u64; 4]) -> [u64; 4] {
    if is_identity(base) {
        return [0; 4];
    }
    let value: [u64; 4] = (*scalar).into();
    if value.iter().rev().le(half.iter().rev()) {
        return value;
    }
    let mut value: [u64; 4] = (-scalar).into();
    value[3] |= 1 << 63;
    value
}

fn is_negative(value: &[u64; 4]) -> bool {
    value[3] >> 63 == 1
}

/// Bits of the absolute value, 0 to 253.
fn bit_length(value: &[u64; 4]) -> usize {
    let [a, b, c, d] = *value;
    let bits = |limb: u64| 64 - limb.leading_zeros() as usize;
    match [a, b, c, d << 1 >> 1] {
        [a, 0, 0, 0] => bits(a),
        [_, b, 0, 0] => 64 + bits(b),
        [_, _, c, 0] => 128 + bits(c),
        [_, _, _, d] => 192 + bits(d),
    }
}

/// Bits `start .. start + width` of the values, read as one signed digit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Window {
    start: usize,
    width: usize,
}

impl Window {
    /// The largest absolute value of a digit.
    fn buckets(self) -> usize {
        1 << (self.width - 1)
    }

    /// Booth's digit: the window's bits, plus the bit below it, less `2^width` if its top bit is set.
    /// In `−2^(width − 1) ..= 2^(width − 1)`; the digits of adjoining windows from bit 0 on add up to the value, if the
    /// last window has a zero on top.
    #[inline]
    fn digit(self, value: &[u64; 4]) -> i32 {
        let bits = match self.start.checked_sub(1) {
            None => value[0] << 1,
            Some(from) => {
                let (limb, shift) = (from / 64, from % 64);
                let above = value.get(limb + 1).map_or(0, |next| next << 1 << (63 - shift));
                value[limb] >> shift | above
            }
        };
        let bits = bits & ((2 << self.width) - 1);
        let carried = bits.div_ceil(2) as i32;
        carried - ((bits >> self.width) as i32) * (1 << self.width)
    }
}

/// The windows of least cost that cover all values with a zero on top, lowest first; none if all values are zero.
/// `reach` as in [`Terms`]. Dynamic programme over the start of the last windows.
fn plan(reach: &[usize; MAX_BITS + 2], costs: &Costs) -> Vec<Window> {
    let longest = reach.iter().rposition(|count| *count > 0).map_or(0, |bits| bits + 1);
    let mut best = vec![(0, 0); longest + 1];
    for start in (0..longest).rev() {
        let cost = |width: usize| (window_cost(costs, reach[start], width) + best[start + width].0, width);
        best[start] = (1..=MAX_WIDTH.min(longest - start)).map(cost).min().unwrap_or((0, 1));
    }
    let mut windows = Vec::new();
    let mut start = 0;
    while start < longest {
        let width = best[start].1;
        windows.push(Window { start, width });
        start += width;
    }
    windows
}

/// What a [`Unit`] takes, in field multiplications of the scalar kind (all measured).
struct Costs {
    /// A batched addition and its share of moving.
    addition: usize,
    /// What a batch takes besides, most of it the inversion.
    inversion: usize,
    /// Fewest additions of a batch.
    min_pairs: usize,
}

/// Cost of a window of `width` bits with `terms` digits, in field multiplications: 17 and 19 for a mixed and a
/// projective addition, and `costs` for a batched one.
fn window_cost(costs: &Costs, terms: usize, width: usize) -> usize {
    let buckets = 1_usize << (width - 1);
    let filled = buckets.min(terms);
    let by_parts = |filled: usize, buckets: usize| {
        let doublings = 2 * (buckets / filled).ilog2() as usize;
        17 * filled + 19 * buckets.min(filled * (1 + doublings))
    };
    let adding = if terms > costs.min_pairs {
        costs.addition * (terms - filled) + terms.div_ceil(filled).ilog2() as usize * costs.inversion
    } else {
        0
    };
    let weighing = if filled < MIN_SPLIT {
        by_parts(filled, buckets)
    } else {
        let root = 1 << (width / 2);
        2 * costs.addition * filled
            + 2 * (by_parts(root, root) + (filled / root + 1).ilog2() as usize * costs.inversion)
    };
    50 + terms + buckets / 8 + adding + weighing
}

/// Points by bucket (a counting sort).
struct Sorted {
    /// Index of a point times two, plus one if it is to be negated; bucket by bucket.
    sources: Vec<u32>,
    /// Bucket `d ≥ 1` holds `sources[ends[d − 1] .. ends[d]]`.
    ends: Vec<usize>,
}

impl Sorted {
    /// From pairs of a digit, `1..=buckets`, and a source.
    fn new(items: &[(u32, u32)], buckets: usize) -> Self {
        let mut ends = vec![0; buckets + 1];
        for (digit, _) in items {
            ends[*digit as usize] += 1;
        }
        let mut total = 0;
        for end in &mut ends {
            (*end, total) = (total, total + *end);
        }
        let mut sources = vec![0; items.len()];
        for (digit, source) in items {
            let place = &mut ends[*digit as usize];
            sources[*place] = *source;
            *place += 1;
        }
        Self { sources, ends }
    }

    /// Length of the pieces that tasks take: equal, and near [`SEGMENT`].
    fn piece(&self) -> usize {
        self.sources.len().div_ceil(self.sources.len().div_ceil(SEGMENT).max(1)).max(1)
    }

    /// The buckets' lengths inside `sources[from..to]`, with their digits.
    fn runs(&self, from: usize, to: usize) -> Vec<Run> {
        let mut runs = Vec::new();
        let mut at = from;
        for digit in self.ends.partition_point(|end| *end <= from)..self.ends.len() {
            let end = self.ends[digit].min(to);
            if end > at {
                runs.push(Run { digit: digit as u32, len: end - at });
            }
            at = end;
            if at == to {
                break;
            }
        }
        runs
    }
}

/// Neighbouring points with one digit.
struct Run {
    digit: u32,
    len: usize,
}

/// Points with their digits, ascending; a digit may come more than once.
struct Buckets {
    digits: Vec<u32>,
    points: Vec<G1Affine>,
}

/// Σ digit · ±point.
fn weighted_sum(unit: Unit, sorted: Sorted, points: &[G1Affine]) -> G1 {
    let range = sorted.ends.len() - 1;
    let buckets = add_up(unit, &sorted, points);
    if range < MIN_SPLIT || buckets.points.len() < MIN_SPLIT {
        return buckets.sum_by_parts();
    }
    drop(sorted);
    let low_bits = range.ilog2() / 2;
    let half = |digit: fn(u32, u32) -> u32, range: usize| {
        let item = |(d, source): (&u32, u32)| (digit(*d, low_bits), source << 1);
        let items: Vec<_> = buckets.digits.iter().zip(0..).map(item).filter(|(digit, _)| *digit != 0).collect();
        weighted_sum(unit, Sorted::new(&items, range), &buckets.points)
    };
    let (low, high) = rayon::join(
        || half(|digit, bits| digit & ((1 << bits) - 1), (1 << low_bits) - 1),
        || half(|digit, bits| digit >> bits, range >> low_bits),
    );
    (0..low_bits).fold(high, |point, _| point.double()) + low
}

/// Adds the points of each bucket, all but a few.
fn add_up(unit: Unit, sorted: &Sorted, points: &[G1Affine]) -> Buckets {
    let size = sorted.piece();
    let add_up_piece = |(piece, sources): (usize, &[u32])| {
        let runs = sorted.runs(piece * size, piece * size + sources.len());
        unit.add_up(points, sources, runs)
    };
    let pieces: Vec<Buckets> = sorted.sources.par_chunks(size).enumerate().map(add_up_piece).collect();
    Buckets {
        digits: pieces.iter().flat_map(|piece| &piece.digits).copied().collect(),
        points: pieces.iter().flat_map(|piece| &piece.points).copied().collect(),
    }
}

/// The identity is stored as (0, 0). No point has `y = 0`: the group's order is odd.
fn is_identity(point: &G1Affine) -> bool {
    point.y == Fq::ZERO
}

impl Buckets {
    /// The points as `runs` says.
    fn new(runs: &[Run], points: Vec<G1Affine>) -> Self {
        let digits = runs.iter().flat_map(|run| std::iter::repeat_n(run.digit, run.len)).collect();
        Self { digits, points }
    }

    /// Σ digit · point by parts: each point is added to a running sum, which is added to the total once for each step
    /// down from its digit.
    fn sum_by_parts(&self) -> G1 {
        let mut running = G1::identity();
        let mut total = G1::identity();
        let mut above = 0;
        for (digit, point) in self.digits.iter().zip(&self.points).rev() {
            let step = above - digit.min(&above);
            if step > 0 {
                total += small_multiple(step, running);
            }
            running += point;
            above = *digit;
        }
        total + small_multiple(above, running)
    }
}

/// `factor · point`.
fn small_multiple(factor: u32, point: G1) -> G1 {
    match factor {
        0 => G1::identity(),
        1 => point,
        _ => {
            let twice = small_multiple(factor / 2, point).double();
            if factor % 2 == 1 { twice + point } else { twice }
        }
    }
}

#[cfg(test)]
mod tests;
