//! Fourier transforms over the scalar field of BN254: values on a group of 2^k points (or a coset of it) to the
//! coefficients of a polynomial, and back.
//!
//! The transform is the decimation in time of Cooley and Tukey ("An algorithm for the machine calculation of complex
//! Fourier series", 1965), depth first, so that the parts that fit a cache are finished there. Four things make it
//! fast: every twiddle factor is read from a table, in order; two levels are done in one pass over the memory; the
//! reordering by reversed bits and the first three levels are one pass; and on a coset the twiddle factors hold the
//! powers of the shift, `f(sX) = e(s²X²) + sX·o(s²X²)`, so that nothing is left to scale.
//!
//! Where the processor has AVX-512 IFMA, each pass works on eight elements at a time.
//!
//! One transform splits itself over the threads of the current rayon pool, and costs next to nothing more than a serial
//! one where every thread has a transform of its own.

use std::borrow::Cow;
use std::mem::take;

use halo2_proofs::arithmetic::Field;
use halo2_proofs::halo2curves::bn256::Fr;
use halo2_proofs::halo2curves::ff::PrimeField;
use rayon::prelude::*;

use crate::lanes::{Ifma, LANES};

/// Elements below which work is not split between threads: about 0.2 ms of it.
const SPLIT: usize = 1 << 12;

/// The first pass works on tiles of this many runs of as many elements.
const SIDE: usize = 8;

/// Bits of an index below [`SIDE`].
const SIDE_BITS: u32 = SIDE.trailing_zeros();

/// The multiplicative group of 2^k elements, with its twiddle factors: 32 · 2^k bytes, half as much again while made.
#[derive(Clone, Debug)]
pub struct Domain {
    k: u32,
    ifma: Option<Ifma>,
    omega: Fr,
    /// 1 / 2^k
    scale: Fr,
    twiddles: Twiddles,
}

/// The points shift·ω^i of a domain, with the twiddle factors of the shift: make one for all the polynomials to evaluate
/// there.
#[derive(Clone, Debug)]
pub struct Coset<'d> {
    domain: &'d Domain,
    shift: Fr,
    twiddles: Cow<'d, Twiddles>,
}

/// At `h + j`, for h = 1, 2, 4 … n/2 and j < h: the j-th power of the root of order 2h, times shift^(n / 2h). Element 0
/// is not used.
#[derive(Clone, Debug)]
struct Twiddles(Vec<Fr>);

/// What is transformed: values of which those that are missing count as 0.
#[derive(Clone, Copy)]
struct Source<'a> {
    values: &'a [Fr],
    /// A power of two.
    len: usize,
    /// Element i is the value at −i.
    reversed: bool,
}

impl Source<'_> {
    fn get(&self, i: usize) -> Fr {
        let i = if self.reversed { i.wrapping_neg() & (self.len - 1) } else { i };
        self.values.get(i).copied().unwrap_or(Fr::ZERO)
    }
}

impl Domain {
    /// The group of order 2^k; `None` above k = 28, the largest that the field has.
    ///
    /// Its generator ω is the one of halo2's `EvaluationDomain`: `Fr::ROOT_OF_UNITY` squared 28 − k times.
    pub fn new(k: u32) -> Option<Domain> {
        Self::on(k, Ifma::detect())
    }

    /// The same, with or without vectors.
    fn on(k: u32, ifma: Option<Ifma>) -> Option<Domain> {
        let squarings = Fr::S.checked_sub(k)?;
        let omega = (0..squarings).fold(Fr::ROOT_OF_UNITY, |root, _| root.square());
        let ifma = ifma.filter(|_| k >= 2 * SIDE_BITS);
        let twiddles = Twiddles::new(k, ifma, omega, Fr::ONE);
        Some(Domain { k, ifma, omega, scale: Fr::TWO_INV.pow_vartime([u64::from(k)]), twiddles })
    }

    /// The binary logarithm of the number of points.
    pub fn k(&self) -> u32 {
        self.k
    }

    /// The number of points, 2^k.
    #[expect(clippy::len_without_is_empty, reason = "a group is never empty")]
    pub fn len(&self) -> usize {
        1 << self.k
    }

    /// The generator of the group.
    pub fn omega(&self) -> Fr {
        self.omega
    }

    /// ω^i, for i of any size and sign.
    pub fn power(&self, i: i64) -> Fr {
        self.omega.pow_vartime([i.rem_euclid(1 << self.k).unsigned_abs()])
    }

    /// The coset shift·ω^i, which costs n multiplications and keeps n elements (none where the shift is 1).
    pub fn coset(&self, shift: Fr) -> Coset<'_> {
        let twiddles = match shift {
            Fr::ONE => Cow::Borrowed(&self.twiddles),
            _ => Cow::Owned(Twiddles::new(self.k, self.ifma, self.omega, shift)),
        };
        Coset { domain: self, shift, twiddles }
    }

    /// The coefficients (n of them) of the polynomial with these values at ω^0, ω^1, … ω^(n−1).
    ///
    /// Values that are missing count as 0, those after the n-th are not read.
    pub fn interpolate(&self, values: &[Fr]) -> Vec<Fr> {
        // A sum over ω^(−ij) is the sum over ω^(ij) of the values in reverse order.
        let mut out = Vec::new();
        self.transform(&mut out, Source { values, len: self.len(), reversed: true }, &self.twiddles, self.scale);
        out
    }

    /// The values at shift·ω^0, shift·ω^1, … shift·ω^(n−1) of the polynomial with these coefficients.
    ///
    /// There may be fewer or more than n coefficients. For many polynomials and one shift, [`Domain::coset`] is faster.
    pub fn evaluate(&self, coefficients: &[Fr], shift: Fr) -> Vec<Fr> {
        self.coset(shift).evaluate(coefficients)
    }

    /// Like [`Domain::interpolate`], with values at shift·ω^i; `None` where the shift is 0, as all values are one then.
    pub fn interpolate_coset(&self, values: &[Fr], shift: Fr) -> Option<Vec<Fr>> {
        let inverse = Option::<Fr>::from(shift.invert())?;
        let mut coefficients = self.interpolate(values);
        if shift != Fr::ONE {
            scale_by_powers(&mut coefficients, inverse);
        }
        Some(coefficients)
    }

    /// Σ_i source(i)·point_j^i at the points that the twiddles stand for, times `scale`, in a vector whose memory is used
    /// again.
    fn transform(&self, out: &mut Vec<Fr>, source: Source<'_>, twiddles: &Twiddles, scale: Fr) {
        out.resize(self.len(), Fr::ZERO);
        let pass = Pass { k: self.k, ifma: self.ifma, twiddles: &twiddles.0, scale };
        if self.k < 2 * SIDE_BITS {
            for (place, out) in out.iter_mut().enumerate() {
                *out = source.get(reverse(place, self.k));
            }
            pass.levels(out, 1);
        } else {
            let mut eighths = out.chunks_exact_mut(self.len() / SIDE);
            let eighths = std::array::from_fn(|_| eighths.next().unwrap_or_default());
            pass.first_levels(eighths, 0, source);
            pass.levels(out, SIDE);
        }
        if self.ifma.is_none() && scale != Fr::ONE {
            out.par_chunks_mut(SPLIT).for_each(|part| part.iter_mut().for_each(|value| *value *= &scale));
        }
    }
}

/// A transform under way.
#[derive(Clone, Copy)]
struct Pass<'a> {
    k: u32,
    ifma: Option<Ifma>,
    twiddles: &'a [Fr],
    /// What all is multiplied by at the end.
    scale: Fr,
}

impl Pass<'_> {
    fn len(&self) -> usize {
        1 << self.k
    }

    /// The elements of a source in the order in which [`Pass::first_levels`] wants those of one tile.
    ///
    /// An index is (a, m, c) of 3, k − 6 and 3 bits. A tile has one m and all a and c: 8 runs of 8 elements in the
    /// source and, as the bits are reversed, in the output.
    fn tile(&self, number: usize, source: Source<'_>) -> [Fr; SIDE * SIDE] {
        let mut tile = [Fr::ZERO; SIDE * SIDE];
        let start = SIDE * reverse(number, self.k - 2 * SIDE_BITS);
        for a in 0..SIDE {
            let run = start + a * (self.len() / SIDE);
            for c in 0..SIDE {
                tile[SIDE * reverse(c, SIDE_BITS) + reverse(a, SIDE_BITS)] = source.get(run + c);
            }
        }
        tile
    }

    /// The input in reversed-bit order, with the levels of size 2, 4 and 8 done, for the tiles from `first` that go to
    /// these parts of the eighths of the output. (A tile is copied before it is used, so that its loads overlap.)
    fn first_levels(&self, mut eighths: [&mut [Fr]; SIDE], first: usize, source: Source<'_>) {
        let len = eighths[0].len();
        if len * SIDE > SPLIT {
            let middle = len / 2;
            let next = first + middle / SIDE;
            let right = eighths.each_mut().map(|eighth| {
                let (left, right) = take(eighth).split_at_mut(middle);
                *eighth = left;
                right
            });
            rayon::join(|| self.first_levels(eighths, first, source), || self.first_levels(right, next, source));
            return;
        }
        if let Some(ifma) = self.ifma {
            return vector::first_levels(ifma, self, eighths, first, source);
        }
        let mut outs = eighths.map(|eighth| eighth.chunks_exact_mut(SIDE));
        for number in first..first + len / SIDE {
            let mut tile = self.tile(number, source);
            for (run, out) in tile.chunks_exact_mut(SIDE).zip(outs.iter_mut().filter_map(Iterator::next)) {
                self.eight(run);
                out.copy_from_slice(run);
            }
        }
    }

    /// The levels of size 2, 4 and 8 over eight elements.
    fn eight(&self, values: &mut [Fr]) {
        let [a, b, c, d, e, f, g, h] = values else { return };
        let [_, one, two, two_i, four, root, i, cube] = &self.twiddles[..SIDE] else { return };
        butterfly(a, b, one);
        butterfly(c, d, one);
        butterfly(e, f, one);
        butterfly(g, h, one);
        butterfly(a, c, two);
        butterfly(b, d, two_i);
        butterfly(e, g, two);
        butterfly(f, h, two_i);
        butterfly(a, e, four);
        butterfly(b, f, root);
        butterfly(c, g, i);
        butterfly(d, h, cube);
    }

    /// The levels above blocks of `done` elements, over a slice whose length is a power of two: two levels at a time,
    /// and one on the smallest blocks where their number is odd.
    fn levels(&self, values: &mut [Fr], done: usize) {
        let half = values.len() / 2;
        if half < done {
            return;
        }
        let parallel = values.len() > SPLIT;
        let last = (values.len() == self.len()).then_some(self.scale);
        let (low, high) = values.split_at_mut(half);
        if half == done {
            return self.one_level([low, high], &self.twiddles[half..2 * half], last);
        }
        let quarter = half / 2;
        let (a, b) = low.split_at_mut(quarter);
        let (c, d) = high.split_at_mut(quarter);
        join_if(
            parallel,
            || join_if(parallel, || self.levels(a, done), || self.levels(b, done)),
            || join_if(parallel, || self.levels(c, done), || self.levels(d, done)),
        );
        let (second_low, second_high) = self.twiddles[half..2 * half].split_at(quarter);
        self.two_levels([a, b, c, d], [&self.twiddles[quarter..half], second_low, second_high], last);
    }

    /// One level: from two blocks to one of twice their size.
    fn one_level(&self, [low, high]: [&mut [Fr]; 2], twiddles: &[Fr], last: Option<Fr>) {
        if let Some(ifma) = self.ifma {
            vector::one_level(ifma, [&mut *low, &mut *high], twiddles);
            return self.finish([low, high], last);
        }
        for ((x, y), twiddle) in low.iter_mut().zip(high).zip(twiddles) {
            butterfly(x, y, twiddle);
        }
    }

    /// Two levels: from four blocks to one of four times their size. The twiddles are those of the first level, then
    /// the lower and the upper half of the second's.
    fn two_levels(&self, quarters: [&mut [Fr]; 4], twiddles: [&[Fr]; 3], last: Option<Fr>) {
        let [a, b, c, d] = quarters;
        let [first, second_low, second_high] = twiddles;
        if 4 * a.len() > SPLIT {
            let middle = a.len() / 2;
            let (a, b, c, d) =
                (a.split_at_mut(middle), b.split_at_mut(middle), c.split_at_mut(middle), d.split_at_mut(middle));
            let (left, right) = twiddles_at(twiddles, middle);
            rayon::join(
                || self.two_levels([a.0, b.0, c.0, d.0], left, last),
                || self.two_levels([a.1, b.1, c.1, d.1], right, last),
            );
            return;
        }
        if let Some(ifma) = self.ifma {
            vector::two_levels(ifma, [&mut *a, &mut *b, &mut *c, &mut *d], twiddles);
            return self.finish([a, b, c, d], last);
        }
        let twiddles = first.iter().zip(second_low).zip(second_high);
        for ((((a, b), c), d), ((first, second_low), second_high)) in a.iter_mut().zip(b).zip(c).zip(d).zip(twiddles) {
            butterfly(a, b, first);
            butterfly(c, d, first);
            butterfly(a, c, second_low);
            butterfly(b, d, second_high);
        }
    }

    /// After the last level, elements of the field.
    fn finish<const N: usize>(&self, parts: [&mut [Fr]; N], last: Option<Fr>) {
        if let (Some(ifma), Some(scale)) = (self.ifma, last) {
            parts.into_iter().for_each(|part| vector::finish(ifma, part, scale));
        }
    }
}

impl Coset<'_> {
    /// The values at shift·ω^0, shift·ω^1, … shift·ω^(n−1) of the polynomial with these coefficients.
    ///
    /// There may be fewer or more than n coefficients.
    pub fn evaluate(&self, coefficients: &[Fr]) -> Vec<Fr> {
        let mut values = Vec::new();
        self.evaluate_into(coefficients, &mut values);
        values
    }

    /// The same, in a vector whose memory is used again.
    pub fn evaluate_into(&self, coefficients: &[Fr], values: &mut Vec<Fr>) {
        let coefficients = self.reduce(coefficients);
        let source = Source { values: &coefficients, len: self.domain.len(), reversed: false };
        self.domain.transform(values, source, &self.twiddles, Fr::ONE);
    }

    /// The polynomial modulo X^n − shift^n, which is 0 at every point.
    fn reduce<'c>(&self, coefficients: &'c [Fr]) -> Cow<'c, [Fr]> {
        let len = self.domain.len();
        if coefficients.len() <= len {
            return Cow::Borrowed(coefficients);
        }
        let ratio = self.shift.pow_vartime([len as u64]);
        let mut sum = vec![Fr::ZERO; len];
        for part in coefficients.chunks(len).rev() {
            for (i, sum) in sum.iter_mut().enumerate() {
                *sum = *sum * ratio + part.get(i).copied().unwrap_or(Fr::ZERO);
            }
        }
        Cow::Owned(sum)
    }
}

impl Twiddles {
    fn new(k: u32, ifma: Option<Ifma>, omega: Fr, shift: Fr) -> Self {
        let len = 1_usize << k;
        // The last half are powers of ω, each part below it is every second of the next.
        let mut half = len / 2;
        let mut table = vec![Fr::ZERO; half];
        table.extend(powers(omega, half.max(1), shift));
        let mut shift = shift;
        while half > 1 {
            let ratio = shift;
            let (low, high) = table.split_at_mut(half);
            for (low, high) in low[half / 2..].iter_mut().zip(high.iter().step_by(2)) {
                *low = *high;
            }
            if ratio != Fr::ONE {
                // From shift^m times a root to shift^2m times it.
                low[half / 2..].par_iter_mut().with_min_len(SPLIT).for_each(|value| *value *= &ratio);
            }
            shift = shift.square();
            half /= 2;
        }
        if let (Some(ifma), Some(long)) = (ifma, table.get_mut(LANES..)) {
            vector::prepare(ifma, long);
        }
        Self(table)
    }
}

/// base^0, base^1, … base^(len − 1), times `first`.
fn powers(base: Fr, len: usize, first: Fr) -> Vec<Fr> {
    let mut powers = vec![Fr::ONE; len];
    powers.par_chunks_mut(SPLIT).enumerate().for_each(|(chunk, powers)| {
        let mut power = first * base.pow_vartime([(chunk * SPLIT) as u64]);
        for out in powers {
            *out = power;
            power *= &base;
        }
    });
    powers
}

/// Multiplies the i-th value by base^i.
fn scale_by_powers(values: &mut [Fr], base: Fr) {
    values.par_chunks_mut(SPLIT).enumerate().for_each(|(chunk, values)| {
        let mut power = base.pow_vartime([(chunk * SPLIT) as u64]);
        for value in values {
            *value *= &power;
            power *= &base;
        }
    });
}

/// The tables before and from `middle`.
fn twiddles_at(twiddles: [&[Fr]; 3], middle: usize) -> ([&[Fr]; 3], [&[Fr]; 3]) {
    (twiddles.map(|table| &table[..middle]), twiddles.map(|table| &table[middle..]))
}

/// (x, y) ↦ (x + y·twiddle, x − y·twiddle). By reference, as the operators' copies would cost 8 % of a transform.
#[inline(always)]
fn butterfly(x: &mut Fr, y: &mut Fr, twiddle: &Fr) {
    let product = y.mul(twiddle);
    *y = x.sub(&product);
    *x = x.add(&product);
}

/// The lowest `bits` bits of an index in reverse order.
fn reverse(index: usize, bits: u32) -> usize {
    index.reverse_bits().checked_shr(usize::BITS - bits).unwrap_or(0)
}

/// Both, side by side where there is enough to do.
fn join_if(parallel: bool, left: impl FnOnce() + Send, right: impl FnOnce() + Send) {
    if parallel {
        rayon::join(left, right);
    } else {
        left();
        right();
    }
}

#[cfg(test)]
mod tests;
#[cfg_attr(not(target_arch = "x86_64"), path = "absent.rs")]
mod vector;
