//! Loops over rows of field elements, eight at a time where the processor has vectors.

use halo2_proofs::halo2curves::bn256::Fr;
use halo2_proofs::halo2curves::ff::Field;
use rayon::prelude::*;

use crate::fft::Domain;
use crate::lanes::{Ifma, LANES};

#[cfg(target_arch = "x86_64")]
mod vector;

/// Rows that one thread handles at a time.
const CHUNK: usize = 1 << 11;

/// Rows of which each depends on the one before. Eight segments are handled side by side; their distance is no power of two, or their rows would share a few places of the cache.
const SEGMENT: usize = 240;
type Block = [Fr; LANES * SEGMENT];

/// How to compute on rows.
#[derive(Clone, Copy, Debug)]
pub struct Arithmetic(Option<Ifma>);

/// Runs a function of `vector` where there are vectors.
macro_rules! on_vectors {
    ($rows:ident, $function:ident($($argument:expr),*)) => {
        #[cfg(target_arch = "x86_64")]
        if $rows.0.is_some() {
            // SAFETY: the processor has the instructions, as the `Ifma` shows.
            #[expect(unsafe_code, reason = "the function is compiled for AVX-512")]
            return unsafe { vector::$function($($argument),*) };
        }
        #[cfg(not(target_arch = "x86_64"))]
        let _ = ($(&$argument),*);
    };
}

impl Arithmetic {
    /// The fastest way on this processor.
    pub fn detect() -> Self {
        Self(Ifma::detect())
    }

    /// Adds `∑ w_i p_i`, whose polynomials may be shorter or longer than the sum.
    pub fn add_weighted(self, sum: &mut [Fr], terms: &[(&[Fr], Fr)]) {
        on_vectors!(self, add_weighted(sum, terms));
        for (poly, weight) in terms {
            sum.iter_mut().zip(*poly).for_each(|(sum, value)| *sum += value * weight);
        }
    }

    /// Multiplies all by one factor.
    pub fn scale(self, values: &mut [Fr], factor: Fr) {
        on_vectors!(self, scale(values, factor));
        values.iter_mut().for_each(|value| *value *= factor);
    }

    /// Multiplies each by one of as many others.
    pub fn multiply(self, values: &mut [Fr], others: &[Fr]) {
        on_vectors!(self, multiply(values, others));
        values.iter_mut().zip(others).for_each(|(value, other)| *value *= other);
    }

    /// `start · ratio^i` for all `i`.
    pub fn geometric(self, start: Fr, ratio: Fr, to: &mut [Fr]) {
        on_vectors!(self, geometric(start, ratio, to));
        geometric(start, ratio, to);
    }

    /// The value of a polynomial. A long one is taken in four parts side by side, since a step of one has to wait for the step before.
    pub fn value(self, coefficients: &[Fr], x: Fr) -> Fr {
        on_vectors!(self, value(coefficients, x));
        let quarter = coefficients.len() / 4;
        if quarter < 16 {
            return horner(coefficients, x);
        }
        let (low, rest) = coefficients.split_at(quarter);
        let (second, rest) = rest.split_at(quarter);
        let (third, rest) = rest.split_at(quarter);
        let (fourth, above) = rest.split_at(quarter);
        let mut sums = [Fr::zero(), Fr::zero(), Fr::zero(), horner(above, x)];
        for (((a, b), c), d) in low.iter().zip(second).zip(third).zip(fourth).rev() {
            sums = [sums[0] * x + a, sums[1] * x + b, sums[2] * x + c, sums[3] * x + d];
        }
        horner(&sums, x.pow_vartime([quarter as u64]))
    }

    /// Replaces each ratio by the product of `start` and all ratios before it.
    pub fn running_products(self, start: Fr, ratios: &mut [Fr]) {
        if self.0.is_none() {
            return run(start, ratios);
        }
        let mut next = start;
        let products: Vec<Fr> = ratios.par_chunks(SEGMENT).map(|segment| self.product(segment)).collect();
        let starts: Vec<Fr> = products.iter().map(|product| replace(&mut next, |next| next * product)).collect();
        let blocks = ratios.par_chunks_mut(LANES * SEGMENT).zip(starts.par_chunks(LANES));
        blocks.for_each(|(block, starts)| self.run_segments(block, starts));
    }

    /// Divides a polynomial by `X − point`, without the remainder; the highest coefficient becomes 0.
    pub fn divide(self, poly: &mut [Fr], point: Fr) {
        if self.0.is_none() {
            return divide(Fr::zero(), poly, point);
        }
        let mut above = Fr::zero();
        let step = point.pow_vartime([SEGMENT as u64]);
        let values: Vec<Fr> = poly.par_chunks(SEGMENT).map(|segment| self.value(segment, point)).collect();
        let carries = values.iter().rev().map(|value| replace(&mut above, |above| above * step + value));
        let mut carries: Vec<Fr> = carries.collect();
        carries.reverse();
        let blocks = poly.par_chunks_mut(LANES * SEGMENT).zip(carries.par_chunks(LANES));
        blocks.for_each(|(block, carries)| self.divide_segments(block, carries, point));
    }

    fn product(self, values: &[Fr]) -> Fr {
        on_vectors!(self, product(values));
        values.iter().product()
    }

    /// Running products of up to eight segments, each with its start.
    fn run_segments(self, block: &mut [Fr], starts: &[Fr]) {
        if let (Ok(block), Ok(starts)) = (<&mut Block>::try_from(&mut *block), <&[Fr; LANES]>::try_from(starts)) {
            on_vectors!(self, run_segments(block, starts));
        }
        block.chunks_mut(SEGMENT).zip(starts).for_each(|(segment, start)| run(*start, segment));
    }

    /// Divides up to eight segments, each with what comes from above.
    fn divide_segments(self, block: &mut [Fr], carries: &[Fr], point: Fr) {
        if let (Ok(block), Ok(carries)) = (<&mut Block>::try_from(&mut *block), <&[Fr; LANES]>::try_from(carries)) {
            on_vectors!(self, divide_segments(block, carries, point));
        }
        block.chunks_mut(SEGMENT).zip(carries).for_each(|(segment, carry)| divide(*carry, segment, point));
    }

    /// Inverts all elements that are not 0 with one inversion.
    pub fn invert(self, values: &mut [Fr]) {
        let zeros: Vec<usize> = (0..values.len()).filter(|i| values[*i] == Fr::zero()).collect();
        zeros.iter().for_each(|i| values[*i] = Fr::one());
        self.invert_units(values);
        zeros.iter().for_each(|i| values[*i] = Fr::zero());
    }

    fn invert_units(self, values: &mut [Fr]) {
        on_vectors!(self, invert_units(values));
        invert_units(values);
    }
}

/// `shift` times all powers of the domain's root, in order.
pub fn points(domain: &Domain, shift: Fr, points: &mut Vec<Fr>) {
    points.resize(domain.len(), Fr::zero());
    points.par_chunks_mut(CHUNK).enumerate().for_each(|(i, points)| {
        let start = shift * domain.power((i * CHUNK) as i64);
        Arithmetic::detect().geometric(start, domain.omega(), points);
    });
}

/// What `value` was before it became `next` of itself.
fn replace(value: &mut Fr, next: impl FnOnce(Fr) -> Fr) -> Fr {
    let before = *value;
    *value = next(before);
    before
}

fn run(start: Fr, ratios: &mut [Fr]) {
    let mut product = start;
    for ratio in ratios {
        let next = product * *ratio;
        *ratio = product;
        product = next;
    }
}

fn divide(above: Fr, coefficients: &mut [Fr], point: Fr) {
    let mut carry = above;
    for coefficient in coefficients.iter_mut().rev() {
        let next = *coefficient + carry * point;
        *coefficient = carry;
        carry = next;
    }
}

fn horner(coefficients: &[Fr], x: Fr) -> Fr {
    coefficients.iter().rev().fold(Fr::zero(), |sum, coefficient| sum * x + coefficient)
}

fn geometric(start: Fr, ratio: Fr, to: &mut [Fr]) {
    let mut next = start;
    for to in to {
        *to = next;
        next *= ratio;
    }
}

/// Inverts elements none of which is 0.
fn invert_units(values: &mut [Fr]) {
    let mut product = Fr::one();
    let mut before = Vec::with_capacity(values.len());
    for value in &*values {
        before.push(product);
        product *= value;
    }
    let mut inverse = product.invert().unwrap_or(Fr::zero());
    for (value, before) in values.iter_mut().zip(before).rev() {
        let next = inverse * *value;
        *value = inverse * before;
        inverse = next;
    }
}

#[cfg(test)]
mod tests;
