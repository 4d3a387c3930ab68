//! Fourier transforms over the scalar field of BN254: values on a group of 2^k points (or a coset of it) to the
//! coefficients of a polynomial, and back.
//!
//! The transform is the decimation in time of Cooley and Tukey ("An algorithm for the machine calculation of complex
//! Fourier series", 1965), depth first, so that the parts that fit a cache are finished there. Three things make it
//! fast: every twiddle factor is read from a table, in order; two levels are done in one pass over the memory; and the
//! reordering by reversed bits, the scaling of the input and the first three levels are one pass.
//!
//! One transform splits itself over the threads of the current rayon pool, and costs next to nothing more than a serial
//! one where every thread has a transform of its own.

use std::borrow::Cow;
use std::mem::take;

use halo2_proofs::arithmetic::Field;
use halo2_proofs::halo2curves::bn256::Fr;
use halo2_proofs::halo2curves::ff::PrimeField;
use rayon::prelude::*;

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
    omega: Fr,
    /// 1 / 2^k
    scale: Fr,
    /// At `h + j`, for h = 1, 2, 4 … n/2 and j < h: the j-th power of the root of order 2h. Element 0 is not used.
    twiddles: Vec<Fr>,
}

/// The points shift·ω^i of a domain, with the powers of the shift: make one for all the polynomials to evaluate there.
#[derive(Clone, Debug)]
pub struct Coset<'d> {
    domain: &'d Domain,
    shift: Fr,
    /// shift^i for i < n, in the order in which a transform takes them; empty where the shift is 1.
    powers: Vec<Fr>,
}

/// What a transform multiplies its input with.
#[derive(Clone, Copy)]
enum Factors<'a> {
    One,
    Same(Fr),
    /// In the order in which a transform takes its input.
    Each(&'a [Fr]),
}

impl Factors<'_> {
    /// Multiplies the elements that a transform takes from the `first`-th on.
    fn apply(&self, first: usize, elements: &mut [Fr]) {
        match self {
            Factors::One => {}
            Factors::Same(factor) => elements.iter_mut().for_each(|element| *element *= factor),
            Factors::Each(factors) => {
                for (element, factor) in elements.iter_mut().zip(&factors[first..]) {
                    *element *= factor;
                }
            }
        }
    }
}

impl Domain {
    /// The group of order 2^k; `None` above k = 28, the largest that the field has.
    ///
    /// Its generator ω is the one of halo2's `EvaluationDomain`: `Fr::ROOT_OF_UNITY` squared 28 − k times.
    pub fn new(k: u32) -> Option<Domain> {
        let squarings = Fr::S.checked_sub(k)?;
        let omega = (0..squarings).fold(Fr::ROOT_OF_UNITY, |root, _| root.square());
        Some(Domain { k, omega, scale: Fr::TWO_INV.pow_vartime([u64::from(k)]), twiddles: twiddles(k, omega) })
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
        let powers = if shift == Fr::ONE { Vec::new() } else { self.in_tiles(&powers(shift, self.len())) };
        Coset { domain: self, shift, powers }
    }

    /// The coefficients (n of them) of the polynomial with these values at ω^0, ω^1, … ω^(n−1).
    ///
    /// Values that are missing count as 0, those after the n-th are not read.
    pub fn interpolate(&self, values: &[Fr]) -> Vec<Fr> {
        // A sum over ω^(−ij) is the sum over ω^(ij) of the values in reverse order.
        let mask = self.len() - 1;
        let source = |i: usize| values.get(i.wrapping_neg() & mask).copied().unwrap_or(Fr::ZERO);
        self.transform(&source, Factors::Same(self.scale))
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

    /// The elements in the order in which a transform takes them.
    fn in_tiles(&self, elements: &[Fr]) -> Vec<Fr> {
        let mut out = elements.to_vec();
        if self.k < 2 * SIDE_BITS {
            for (place, out) in out.iter_mut().enumerate() {
                *out = elements[reverse(place, self.k)];
            }
        } else {
            out.par_chunks_exact_mut(SIDE * SIDE).with_min_len(SIDE * SIDE).enumerate().for_each(|(number, out)| {
                out.copy_from_slice(&self.tile(number, &|i| elements[i]));
            });
        }
        out
    }

    /// Σ_i source(i)·factor_i·ω^(ij) for j = 0, 1, … n − 1.
    fn transform(&self, source: &(impl Fn(usize) -> Fr + Sync), factors: Factors) -> Vec<Fr> {
        let mut out = Vec::new();
        self.transform_into(&mut out, source, factors);
        out
    }

    /// The same, in a vector whose memory is used again.
    fn transform_into(&self, out: &mut Vec<Fr>, source: &(impl Fn(usize) -> Fr + Sync), factors: Factors) {
        out.resize(self.len(), Fr::ZERO);
        if self.k < 2 * SIDE_BITS {
            for (place, out) in out.iter_mut().enumerate() {
                *out = source(reverse(place, self.k));
            }
            factors.apply(0, out);
            self.levels(out, 1);
        } else {
            let mut eighths = out.chunks_exact_mut(self.len() / SIDE);
            let eighths = std::array::from_fn(|_| eighths.next().unwrap_or_default());
            self.first_levels(eighths, 0, source, factors);
            self.levels(out, SIDE);
        }
    }

    /// The elements of a source in the order in which [`Domain::first_levels`] wants those of one tile.
    ///
    /// An index is (a, m, c) of 3, k − 6 and 3 bits. A tile has one m and all a and c: 8 runs of 8 elements in the
    /// source and, as the bits are reversed, in the output.
    fn tile(&self, number: usize, source: &impl Fn(usize) -> Fr) -> [Fr; SIDE * SIDE] {
        let mut tile = [Fr::ZERO; SIDE * SIDE];
        let start = SIDE * reverse(number, self.k - 2 * SIDE_BITS);
        for a in 0..SIDE {
            let run = start + a * (self.len() / SIDE);
            for c in 0..SIDE {
                tile[SIDE * reverse(c, SIDE_BITS) + reverse(a, SIDE_BITS)] = source(run + c);
            }
        }
        tile
    }

    /// The scaled input in reversed-bit order, with the levels of size 2, 4 and 8 done, for the tiles from `first` that
    /// go to these parts of the eighths of the output. (A tile is copied before it is used, so that its loads overlap.)
    fn first_levels(
        &self,
        mut eighths: [&mut [Fr]; SIDE],
        first: usize,
        source: &(impl Fn(usize) -> Fr + Sync),
        factors: Factors,
    ) {
        let len = eighths[0].len();
        if len * SIDE > SPLIT {
            let middle = len / 2;
            let next = first + middle / SIDE;
            let right = eighths.each_mut().map(|eighth| {
                let (left, right) = take(eighth).split_at_mut(middle);
                *eighth = left;
                right
            });
            rayon::join(
                || self.first_levels(eighths, first, source, factors),
                || self.first_levels(right, next, source, factors),
            );
            return;
        }
        let mut outs = eighths.map(|eighth| eighth.chunks_exact_mut(SIDE));
        for number in first..first + len / SIDE {
            let mut tile = self.tile(number, source);
            factors.apply(number * tile.len(), &mut tile);
            for (run, out) in tile.chunks_exact_mut(SIDE).zip(outs.iter_mut().filter_map(Iterator::next)) {
                self.eight(run);
                out.copy_from_slice(run);
            }
        }
    }

    /// The levels of size 2, 4 and 8 over eight elements, with 5 multiplications.
    fn eight(&self, values: &mut [Fr]) {
        let ([a, b, c, d, e, f, g, h], [_, root, i, cube]) = (values, &self.twiddles[SIDE / 2..SIDE]) else { return };
        butterfly_by_one(a, b);
        butterfly_by_one(c, d);
        butterfly_by_one(e, f);
        butterfly_by_one(g, h);
        butterfly_by_one(a, c);
        butterfly(b, d, i);
        butterfly_by_one(e, g);
        butterfly(f, h, i);
        butterfly_by_one(a, e);
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
        let (low, high) = values.split_at_mut(half);
        if half == done {
            return one_level(low, high, &self.twiddles[half..2 * half]);
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
        two_levels([a, b, c, d], [&self.twiddles[quarter..half], second_low, second_high]);
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
        let factors = if self.shift == Fr::ONE { Factors::One } else { Factors::Each(&self.powers) };
        self.domain.transform_into(values, &|i| coefficients.get(i).copied().unwrap_or(Fr::ZERO), factors);
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

/// The table of [`Domain`] for 2^k points: the last half are powers, each part below it is every second of the next.
fn twiddles(k: u32, omega: Fr) -> Vec<Fr> {
    let mut half = (1usize << k) / 2;
    let mut table = vec![Fr::ZERO; half];
    table.extend(powers(omega, half.max(1)));
    while half > 1 {
        let (low, high) = table.split_at_mut(half);
        for (low, high) in low[half / 2..].iter_mut().zip(high.iter().step_by(2)) {
            *low = *high;
        }
        half /= 2;
    }
    table
}

/// base^0, base^1, … base^(len − 1).
fn powers(base: Fr, len: usize) -> Vec<Fr> {
    let mut powers = vec![Fr::ONE; len];
    powers.par_chunks_mut(SPLIT).enumerate().for_each(|(chunk, powers)| {
        let mut power = base.pow_vartime([(chunk * SPLIT) as u64]);
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

/// One level: from two blocks to one of twice their size.
fn one_level(low: &mut [Fr], high: &mut [Fr], twiddles: &[Fr]) {
    for ((x, y), twiddle) in low.iter_mut().zip(high).zip(twiddles) {
        butterfly(x, y, twiddle);
    }
}

/// Two levels: from four blocks to one of four times their size. The twiddles are those of the first level, then the
/// lower and the upper half of the second's.
fn two_levels(quarters: [&mut [Fr]; 4], twiddles: [&[Fr]; 3]) {
    let [a, b, c, d] = quarters;
    let [first, second_low, second_high] = twiddles;
    if 4 * a.len() > SPLIT {
        let middle = a.len() / 2;
        let (a, b, c, d) =
            (a.split_at_mut(middle), b.split_at_mut(middle), c.split_at_mut(middle), d.split_at_mut(middle));
        let (left, right) = twiddles_at(twiddles, middle);
        rayon::join(|| two_levels([a.0, b.0, c.0, d.0], left), || two_levels([a.1, b.1, c.1, d.1], right));
        return;
    }
    let twiddles = first.iter().zip(second_low).zip(second_high);
    for ((((a, b), c), d), ((first, second_low), second_high)) in a.iter_mut().zip(b).zip(c).zip(d).zip(twiddles) {
        butterfly(a, b, first);
        butterfly(c, d, first);
        butterfly(a, c, second_low);
        butterfly(b, d, second_high);
    }
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

/// (x, y) ↦ (x + y, x − y)
#[inline(always)]
fn butterfly_by_one(x: &mut Fr, y: &mut Fr) {
    let difference = x.sub(y);
    *x = x.add(y);
    *y = difference;
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
