//! Sums of neighbouring points, eight pairs at a time.
//!
//! As in [`scalar`](super::scalar), all pairs of a level share one inversion; here each lane of two vectors has its own
//! chain of products, and the lanes' last products are inverted together. Two vectors, because a product waits for the
//! one before it in its chain. Pairs without a line through them, or with a tangent, are rare: a lane that has one is
//! treated by the scalar code.

use std::cell::RefCell;

use halo2_proofs::halo2curves::bn256::{Fq, G1Affine};
use halo2_proofs::halo2curves::ff::Field;
use halo2_proofs::halo2curves::group::prime::PrimeCurveAffine;

use super::scalar::{add, line};
use super::{Buckets, Run};
use crate::lanes::points::{Points, prefetch};
use crate::lanes::{Eight, Factor, Ifma, LANES};

/// Fewest additions for which one shared inversion pays.
pub(super) const MIN_PAIRS: usize = 16;
/// Chains of products in one lane.
const CHAINS: usize = 2;

thread_local! {
    /// Kept from piece to piece: fresh pages from the system cost a tenth of the whole.
    static SCRATCH: RefCell<Scratch> = RefCell::default();
}

/// Adds neighbours of one run until few pairs are left. The sources lie as `runs` says.
pub(super) fn add_up(ifma: Ifma, points: &[G1Affine], sources: &[u32], mut runs: Vec<Run>) -> Buckets {
    if runs.iter().map(|run| run.len / 2).sum::<usize>() < MIN_PAIRS {
        return Buckets::new(&runs, sources.iter().map(|source| signed(points, *source)).collect());
    }
    SCRATCH.with_borrow_mut(|scratch| {
        scratch.first_level(ifma, points, sources, &mut runs);
        while scratch.live.iter().map(|run| runs[*run as usize].len / 2).sum::<usize>() >= MIN_PAIRS {
            scratch.next_level(ifma, &mut runs);
        }
        scratch.buckets(&runs)
    })
}

/// A point and its sign, as in [`Sorted`](super::Sorted).
#[inline]
fn signed(points: &[G1Affine], source: u32) -> G1Affine {
    let G1Affine { x, y } = points[(source >> 1) as usize];
    G1Affine { x, y: [y, -y][(source & 1) as usize] }
}

/// One task's working memory, for up to [`SEGMENT`](super::SEGMENT) points.
#[derive(Default)]
struct Scratch {
    /// Sums of the first level, each run in its place. Later levels shorten the runs where they are.
    points: Vec<G1Affine>,
    /// Where the runs start in `points`.
    starts: Vec<u32>,
    /// Which runs have more than one point.
    live: Vec<u32>,
    /// Sources without a partner in the first level, with their places.
    single: Vec<(u32, u32)>,
    pairs: Vec<Pair>,
    additions: Additions,
}

impl Scratch {
    /// Adds pairs of `points` into the scratch's. A run's odd first point stays.
    fn first_level(&mut self, ifma: Ifma, points: &[G1Affine], sources: &[u32], runs: &mut [Run]) {
        self.starts.clear();
        self.live.clear();
        self.single.clear();
        self.pairs.clear();
        let mut end = 0;
        let mut rest = sources;
        for (index, run) in (0..).zip(runs) {
            let (own, others) = rest.split_at(run.len);
            rest = others;
            self.starts.push(end);
            let (odd, pairs) = own.split_at(run.len % 2);
            if let [odd] = odd {
                self.single.push((*odd, end));
                end += 1;
            }
            for (pair, to) in pairs.as_chunks().0.iter().zip(end..) {
                self.pairs.push(Pair { points: *pair, to });
            }
            end += (pairs.len() / 2) as u32;
            run.len = run.len.div_ceil(2);
            if run.len > 1 {
                self.live.push(index);
            }
        }
        if self.points.len() < end as usize {
            self.points.resize(end as usize, G1Affine::identity());
        }
        for (i, (source, to)) in self.single.iter().enumerate() {
            if let Some((soon, _)) = self.single.get(i + LANES) {
                prefetch(&points[(soon >> 1) as usize]);
            }
            self.points[*to as usize] = signed(points, *source);
        }
        self.additions.find_lines(ifma, points, &mut self.pairs);
        self.additions.finish(ifma, &self.pairs, &mut self.points);
    }

    /// Adds pairs of the level before.
    fn next_level(&mut self, ifma: Ifma, runs: &mut [Run]) {
        self.pairs.clear();
        self.live.retain(|index| {
            let run = &mut runs[*index as usize];
            let first = self.starts[*index as usize] + (run.len % 2) as u32;
            for i in 0..(run.len / 2) as u32 {
                let left = (first + 2 * i) << 1;
                self.pairs.push(Pair { points: [left, left + 2], to: first + i });
            }
            run.len = run.len.div_ceil(2);
            run.len > 1
        });
        self.additions.find_lines(ifma, &self.points, &mut self.pairs);
        self.additions.finish(ifma, &self.pairs, &mut self.points);
    }

    /// What is left of the runs.
    fn buckets(&self, runs: &[Run]) -> Buckets {
        let mut points = Vec::with_capacity(runs.iter().map(|run| run.len).sum());
        for (run, start) in runs.iter().zip(&self.starts) {
            points.extend_from_slice(&self.points[*start as usize..][..run.len]);
        }
        Buckets::new(runs, points)
    }
}

/// Two sources, and the place of their sum.
#[derive(Clone, Copy)]
struct Pair {
    points: [u32; 2],
    to: u32,
}

/// Eight lines, each through two points, and what else their sums follow from.
#[derive(Clone, Copy)]
struct Lines {
    /// Numerators times the denominators of the pairs before in the chain.
    rise: Eight<Fq>,
    /// Denominators; one if there is no such line.
    run: Eight<Fq>,
    /// The two points' `x` added up.
    sum: Eight<Fq>,
    /// The first points.
    left: Points,
}

/// The additions of a level, between their two halves.
#[derive(Default)]
struct Additions {
    lines: Vec<[Lines; CHAINS]>,
    /// The inverses of the chains' last products.
    inverses: Option<[Eight<Fq>; CHAINS]>,
    /// Sums of pairs that have no line through them, with their places.
    known: Vec<(u32, G1Affine)>,
}

impl Additions {
    /// The lines through all pairs of points in `from`. Repeats the last pair, to make their number that of whole
    /// vectors.
    fn find_lines(&mut self, _: Ifma, from: &[G1Affine], pairs: &mut Vec<Pair>) {
        if let Some(last) = pairs.last().copied() {
            pairs.resize(pairs.len().next_multiple_of(CHAINS * LANES), last);
        }
        // SAFETY: `Ifma` is there only if the processor has the instructions.
        #[expect(unsafe_code, reason = "compiled for AVX-512")]
        unsafe {
            self.forwards(from, turns(pairs));
        }
    }

    /// The sums of the pairs whose lines have been found, to their places in `to`.
    fn finish(&mut self, _: Ifma, pairs: &[Pair], to: &mut [G1Affine]) {
        // SAFETY: `Ifma` is there only if the processor has the instructions.
        #[expect(unsafe_code, reason = "compiled for AVX-512")]
        unsafe {
            self.backwards(turns(pairs), to);
        }
        for (at, sum) in self.known.drain(..) {
            to[at as usize] = sum;
        }
    }

    /// Multiplies the denominators, each lane of each chain its own.
    #[target_feature(enable = "avx512f,avx512dq,avx512ifma,avx512vbmi2")]
    fn forwards(&mut self, from: &[G1Affine], pairs: &[Turn]) {
        if self.lines.len() < pairs.len() {
            let zero = Eight::zero();
            let none = Lines { rise: zero, run: zero, sum: zero, left: Points { x: zero, y: zero } };
            self.lines.resize(pairs.len(), [none; CHAINS]);
        }
        let mut products = [Eight::splat(Fq::ONE); CHAINS];
        for (i, ([first, second], [a, b])) in self.lines.iter_mut().zip(pairs).enumerate() {
            if let Some(soon) = pairs.get(i + 1) {
                fetch(from, soon);
            }
            let (f, g) = (products[0].factor(), products[1].factor());
            products[0] = through(from, a, first, &f, &mut self.known);
            products[1] = through(from, b, second, &g, &mut self.known);
        }
        self.inverses = Some(invert(products));
    }

    /// Divides the slopes by the denominators, last to first, and follows the lines to the sums.
    #[target_feature(enable = "avx512f,avx512dq,avx512ifma,avx512vbmi2")]
    fn backwards(&mut self, pairs: &[Turn], to: &mut [G1Affine]) {
        let Some([mut p, mut q]) = self.inverses.take() else { return };
        for ([first, second], [a, b]) in self.lines.iter().zip(pairs).rev() {
            let (f, g) = (p.factor(), q.factor());
            let (s, t) = (first.rise.mul(&f), second.rise.mul(&g));
            (p, q) = (first.run.mul(&f), second.run.mul(&g));
            let (f, g) = (s.factor(), t.factor());
            let (s, t) = (s.mul(&f).sub(first.sum), t.mul(&g).sub(second.sum));
            let (u, v) = (first.left.x.sub(s).mul(&f), second.left.x.sub(t).mul(&g));
            Points { x: s, y: u.sub(first.left.y) }.store(to, places(a));
            Points { x: t, y: v.sub(second.left.y) }.store(to, places(b));
        }
    }
}

/// Pairs of one turn: eight for each chain.
type Turn = [[Pair; LANES]; CHAINS];

#[inline]
fn turns(pairs: &[Pair]) -> &[Turn] {
    pairs.as_chunks().0.as_chunks().0
}

/// Has the points of a turn fetched.
#[inline]
fn fetch(from: &[G1Affine], turn: &Turn) {
    for source in turn.as_flattened().iter().flat_map(|pair| pair.points) {
        prefetch(&from[(source >> 1) as usize]);
    }
}

/// Where the sums of eight pairs belong.
#[inline]
fn places(pairs: &[Pair; LANES]) -> [u32; LANES] {
    pairs.map(|pair| pair.to)
}

/// The first or the second points of eight pairs, and the lanes of those to be negated.
#[inline]
fn operands<'a, const SIDE: usize>(from: &'a [G1Affine], pairs: &[Pair; LANES]) -> ([&'a G1Affine; LANES], u8) {
    let sources = pairs.map(|pair| pair.points[SIDE]);
    let negative = sources.iter().rev().fold(0, |lanes, source| lanes << 1 | (source & 1) as u8);
    (sources.map(|source| &from[(source >> 1) as usize]), negative)
}

/// The lines through eight pairs, their numerators multiplied by `factor`, and the denominators multiplied by it.
#[target_feature(enable = "avx512f,avx512dq,avx512ifma,avx512vbmi2")]
#[inline]
fn through(
    from: &[G1Affine],
    pairs: &[Pair; LANES],
    lines: &mut Lines,
    factor: &Factor<Fq>,
    known: &mut Vec<(u32, G1Affine)>,
) -> Eight<Fq> {
    let (left, left_negative) = operands::<0>(from, pairs);
    let (right, right_negative) = operands::<1>(from, pairs);
    let (mut left, mut right) = (Points::load(left), Points::load(right));
    let zero = Eight::zero();
    let special = left.x.same(right.x) | left.y.same(zero) | right.y.same(zero);
    if left_negative | right_negative != 0 {
        left.y = left.y.negate(left_negative);
        right.y = right.y.negate(right_negative);
    }
    let slopes = Points { x: right.x.difference(left.x), y: right.y.difference(left.y) };
    let Points { x: run, y: rise } = if special == 0 { slopes } else { replace(from, pairs, special, slopes, known) };
    *lines = Lines { rise: rise.mul(factor), run, sum: left.x.sum(right.x), left };
    run.mul(factor)
}

/// In the `special` lanes, the tangents of pairs of equal points. Other special pairs have no line, and their sums are
/// then `known`. A slope's denominator and numerator are the coordinates of `slopes`.
#[target_feature(enable = "avx512f,avx512dq,avx512ifma,avx512vbmi2")]
#[cold]
#[inline(never)]
fn replace(
    from: &[G1Affine],
    pairs: &[Pair; LANES],
    special: u8,
    slopes: Points,
    known: &mut Vec<(u32, G1Affine)>,
) -> Points {
    let mut lanes = [G1Affine::identity(); LANES];
    slopes.store(&mut lanes, std::array::from_fn(|lane| lane as u32));
    for (lane, pair) in pairs.iter().enumerate().filter(|(lane, _)| special >> lane & 1 == 1) {
        let (left, right) = (signed(from, pair.points[0]), signed(from, pair.points[1]));
        let line = line(&left, &right);
        lanes[lane] = G1Affine { x: line.run, y: line.rise };
        if line.run == Fq::ZERO {
            lanes[lane].x = Fq::ONE;
            known.push((pair.to, add(&left, &right, &line)));
        }
    }
    Points::load(lanes.each_ref())
}

/// The inverses of elements other than zero.
#[target_feature(enable = "avx512f,avx512dq,avx512ifma,avx512vbmi2")]
#[inline]
fn invert([a, b]: [Eight<Fq>; CHAINS]) -> [Eight<Fq>; CHAINS] {
    let mut both = [Fq::ZERO; LANES];
    a.mul(&b.factor()).store(&mut both);
    invert_lanes(&mut both);
    let inverse = Factor::load(&both);
    [b.mul(&inverse), a.mul(&inverse)]
}

/// Replaces elements other than zero by their inverses.
fn invert_lanes(lanes: &mut [Fq; LANES]) {
    let mut before = [Fq::ONE; LANES];
    let mut product = Fq::ONE;
    for (before, lane) in before.iter_mut().zip(lanes.iter()) {
        *before = product;
        product *= lane;
    }
    // A product of elements other than zero: the default is never taken.
    let mut inverse = product.invert().unwrap_or(Fq::ZERO);
    for (lane, before) in lanes.iter_mut().zip(&before).rev() {
        let own = inverse * before;
        inverse *= *lane;
        *lane = own;
    }
}
