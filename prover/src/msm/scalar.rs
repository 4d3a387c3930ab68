//! Sums of neighbouring points on any processor, one pair after the other.

use std::cell::RefCell;

use halo2_proofs::halo2curves::bn256::{Fq, G1Affine};
use halo2_proofs::halo2curves::ff::Field;
use halo2_proofs::halo2curves::group::prime::PrimeCurveAffine;

use super::{Buckets, Run, is_identity};

/// Fewest additions for which one shared inversion pays.
pub(super) const MIN_PAIRS: usize = 24;

thread_local! {
    /// Kept from piece to piece: fresh pages from the system cost a tenth of the whole.
    static SCRATCH: RefCell<Scratch> = const { RefCell::new(Scratch { points: Vec::new(), slopes: Vec::new() }) };
}

/// Adds neighbours of one run until few pairs are left. The sources lie as `runs` says.
pub(super) fn add_up(points: &[G1Affine], sources: &[u32], runs: Vec<Run>) -> Buckets {
    SCRATCH.with_borrow_mut(|scratch| scratch.add_up(points, sources, runs))
}

/// One task's working memory, for up to [`SEGMENT`](super::SEGMENT) points.
struct Scratch {
    points: Vec<G1Affine>,
    slopes: Vec<Slope>,
}

impl Scratch {
    fn add_up(&mut self, points: &[G1Affine], sources: &[u32], mut runs: Vec<Run>) -> Buckets {
        self.load(points, sources);
        while runs.iter().map(|run| run.len / 2).sum::<usize>() >= MIN_PAIRS {
            find_slopes(&self.points, &runs, &mut self.slopes);
            add_pairs(&mut self.points, &mut runs, &self.slopes);
        }
        Buckets::new(&runs, self.points.clone())
    }

    /// The points of `sources`, with their signs. Copied first and negated after: short rounds keep more loads in
    /// flight.
    fn load(&mut self, points: &[G1Affine], sources: &[u32]) {
        self.points.clear();
        self.points.extend(sources.iter().map(|source| points[(source >> 1) as usize]));
        for (point, source) in self.points.iter_mut().zip(sources) {
            point.y = [point.y, -point.y][(source & 1) as usize];
        }
    }
}

/// The line through two points (the tangent, if they are equal).
pub(super) struct Slope {
    /// The denominator; zero if there is no such line: a point is the identity, or the sum is.
    pub run: Fq,
    /// The slope; until the inversion is known, the numerator times the denominators of the pairs before.
    pub rise: Fq,
}

/// The slopes of all pairs, with one inversion.
fn find_slopes(points: &[G1Affine], runs: &[Run], slopes: &mut Vec<Slope>) {
    slopes.clear();
    let mut at = 0;
    for run in runs {
        let pairs = points[at..at + run.len].chunks_exact(2);
        slopes.extend(pairs.map(|pair| line(&pair[0], &pair[1])));
        at += run.len;
    }
    let mut product = Fq::ONE;
    for slope in slopes.iter_mut().filter(|slope| slope.run != Fq::ZERO) {
        slope.rise *= &product;
        product *= &slope.run;
    }
    // A product of elements other than zero: the default is never taken.
    let mut inverse = product.invert().unwrap_or(Fq::ZERO);
    for slope in slopes.iter_mut().rev().filter(|slope| slope.run != Fq::ZERO) {
        slope.rise *= &inverse;
        inverse *= &slope.run;
    }
}

/// The line through `p` and `q`, the slope not yet divided.
pub(super) fn line(p: &G1Affine, q: &G1Affine) -> Slope {
    if is_identity(p) || is_identity(q) {
        return Slope { run: Fq::ZERO, rise: Fq::ZERO };
    }
    if p.x != q.x {
        return Slope { run: q.x.sub(&p.x), rise: q.y.sub(&p.y) };
    }
    if p.y != q.y {
        return Slope { run: Fq::ZERO, rise: Fq::ZERO };
    }
    let square = p.x.square();
    Slope { run: p.y.double(), rise: square.double().add(&square) }
}

/// Replaces each pair of a run by its sum; a run's odd last point stays.
fn add_pairs(points: &mut Vec<G1Affine>, runs: &mut [Run], slopes: &[Slope]) {
    let mut slopes = slopes.iter();
    let (mut from, mut to) = (0, 0);
    for run in runs {
        for (_, slope) in (0..run.len / 2).zip(&mut slopes) {
            points[to] = add(&points[from], &points[from + 1], slope);
            from += 2;
            to += 1;
        }
        if run.len % 2 == 1 {
            points[to] = points[from];
            from += 1;
            to += 1;
        }
        run.len = run.len.div_ceil(2);
    }
    points.truncate(to);
}

/// `p + q`, given their slope.
pub(super) fn add(p: &G1Affine, q: &G1Affine, slope: &Slope) -> G1Affine {
    if slope.run == Fq::ZERO {
        return match (is_identity(p), is_identity(q)) {
            (true, _) => *q,
            (_, true) => *p,
            _ => G1Affine::identity(),
        };
    }
    let x = slope.rise.square().sub(&p.x).sub(&q.x);
    let y = p.x.sub(&x).mul(&slope.rise).sub(&p.y);
    G1Affine { x, y }
}
