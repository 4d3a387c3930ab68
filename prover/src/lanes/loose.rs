//! Elements that a Fourier transform has under way: reduced only as far as 256 bits need, and kept limb by limb.

use std::arch::x86_64::{
    __m512i, _mm512_add_epi64, _mm512_cmpgt_epi64_mask, _mm512_loadu_si512, _mm512_mask_sub_epi64, _mm512_storeu_si512,
    _mm512_sub_epi64,
};
use std::marker::PhantomData;

#[cfg(test)]
use super::MASK;
use super::{
    Eight, Factor, LANES, Prime, all, carry, constants, factor_limbs, join, multiply, read, split, split_limbs, times,
    transpose,
};

/// Eight elements, each below `5p + 2^214`, which is less than 2^256. Limbs are below 2^52.
#[derive(Clone, Copy, Debug)]
pub struct Loose<F> {
    limbs: [__m512i; 5],
    prime: PhantomData<F>,
}

struct Multiples<F>(PhantomData<F>);

impl<F: Prime> Multiples<F> {
    const TWO: [u64; 5] = times(split(F::P), 2);
    const THREE: [u64; 5] = times(split(F::P), 3);
    const FIVE: [u64; 5] = times(split(F::P), 5);
    /// A number that has a higher limb than this above limbs of up to 55 bits, of either sign, is not less than `5p`; one that has not is less than `5p + 2^214`.
    const HIGH: u64 = Self::FIVE[4] + 16;
}

/// Limbs between the passes: those of the first element's neighbours follow each limb.
#[target_feature(enable = "avx512f,avx512dq,avx512ifma,avx512vbmi2")]
#[inline]
fn read_apart<F: Prime>(from: &[F; LANES]) -> [__m512i; 4] {
    let at = from.as_ptr().cast::<__m512i>();
    // SAFETY: eight elements are 256 bytes, by the layout that `Prime` promises.
    #[expect(unsafe_code, reason = "vectors are loaded through pointers")]
    unsafe {
        [
            _mm512_loadu_si512(at),
            _mm512_loadu_si512(at.add(1)),
            _mm512_loadu_si512(at.add(2)),
            _mm512_loadu_si512(at.add(3)),
        ]
    }
}

/// The inverse of [`read_apart`].
#[target_feature(enable = "avx512f,avx512dq,avx512ifma,avx512vbmi2")]
#[inline]
fn write_apart<F: Prime>(limbs: [__m512i; 4], to: &mut [F; LANES]) {
    let at = to.as_mut_ptr().cast::<__m512i>();
    // SAFETY: eight elements are 256 bytes, by the layout that `Prime` promises. What is written there are numbers of 256 bits apart, no elements, as the caller knows.
    #[expect(unsafe_code, reason = "vectors are stored through pointers")]
    unsafe {
        _mm512_storeu_si512(at, limbs[0]);
        _mm512_storeu_si512(at.add(1), limbs[1]);
        _mm512_storeu_si512(at.add(2), limbs[2]);
        _mm512_storeu_si512(at.add(3), limbs[3]);
    }
}

#[target_feature(enable = "avx512f,avx512dq,avx512ifma,avx512vbmi2")]
#[inline]
fn plus(a: [__m512i; 5], b: [__m512i; 5]) -> [__m512i; 5] {
    let mut sum = a;
    for i in 0..5 {
        sum[i] = _mm512_add_epi64(a[i], b[i]);
    }
    sum
}

#[target_feature(enable = "avx512f,avx512dq,avx512ifma,avx512vbmi2")]
#[inline]
fn minus(a: [__m512i; 5], b: [__m512i; 5]) -> [__m512i; 5] {
    let mut difference = a;
    for i in 0..5 {
        difference[i] = _mm512_sub_epi64(a[i], b[i]);
    }
    difference
}

/// From below `10p + 2^214`, in limbs of up to 55 bits and either sign, to below `5p + 2^214`.
#[target_feature(enable = "avx512f,avx512dq,avx512ifma,avx512vbmi2")]
#[inline]
fn settle<F: Prime>(mut value: [__m512i; 5]) -> Loose<F> {
    let large = _mm512_cmpgt_epi64_mask(value[4], all(Multiples::<F>::HIGH));
    let five = constants(Multiples::<F>::FIVE);
    for i in 0..5 {
        value[i] = _mm512_mask_sub_epi64(value[i], large, value[i], five[i]);
    }
    Loose::of(carry(value))
}

impl<F: Prime> Loose<F> {
    #[inline(always)]
    fn of(limbs: [__m512i; 5]) -> Self {
        Self { limbs, prime: PhantomData }
    }

    /// What [`Loose::keep`] wrote.
    #[target_feature(enable = "avx512f,avx512dq,avx512ifma,avx512vbmi2")]
    #[inline]
    pub fn kept(from: &[F; LANES]) -> Self {
        Self::of(split_limbs(read_apart(from)))
    }

    /// Writes the elements limb by limb, not reduced: for [`Loose::kept`] alone.
    #[target_feature(enable = "avx512f,avx512dq,avx512ifma,avx512vbmi2")]
    #[inline]
    pub fn keep(self, to: &mut [F; LANES]) {
        write_apart(join(self.limbs), to);
    }

    /// Eight elements of memory.
    #[target_feature(enable = "avx512f,avx512dq,avx512ifma,avx512vbmi2")]
    #[inline]
    pub fn load(from: &[F; LANES]) -> Self {
        Self::of(split_limbs(read(from)))
    }

    /// `self · factor`, where the factor is below `p`: at most `5p · 16p / 2^260 + p`, less than `1.95p`.
    #[target_feature(enable = "avx512f,avx512dq,avx512ifma,avx512vbmi2")]
    #[inline]
    pub fn times(self, factor: &Factor<F>) -> Eight<F> {
        Eight::of(multiply::<F>(self.limbs, factor.limbs))
    }

    /// One level of a transform: `(a + b·w, a − b·w)`, where `w` is below `p`.
    #[target_feature(enable = "avx512f,avx512dq,avx512ifma,avx512vbmi2")]
    #[inline]
    pub fn one_level([a, b]: [Self; 2], w: &Factor<F>) -> [Self; 2] {
        // At most 5p · 16p / 2^260 + p < 1.95p.
        let b = multiply::<F>(b.limbs, w.limbs);
        let difference = minus(plus(a.limbs, constants(Multiples::<F>::TWO)), b);
        [settle(plus(a.limbs, b)), settle(difference)]
    }

    /// Two levels: the first on `a, b` and `c, d` with the same `w`, the second on `a, c` and `b, d`. All factors are below `p`.
    #[target_feature(enable = "avx512f,avx512dq,avx512ifma,avx512vbmi2")]
    #[inline]
    pub fn two_levels([a, b, c, d]: [Self; 4], w: &Factor<F>, low: &Factor<F>, high: &Factor<F>) -> [Self; 4] {
        let (two, three) = (constants(Multiples::<F>::TWO), constants(Multiples::<F>::THREE));
        // Below 1.95p, so that the sums and differences are below 7p + 2^214.
        let (b, d) = (multiply::<F>(b.limbs, w.limbs), multiply::<F>(d.limbs, w.limbs));
        let (a, b) = (plus(a.limbs, b), minus(plus(a.limbs, two), b));
        let (c, d) = (plus(c.limbs, d), minus(plus(c.limbs, two), d));
        // At most 7p · 16p / 2^260 + p < 2.33p, so that these are below 10p + 2^214.
        let (c, d) = (multiply::<F>(carry(c), low.limbs), multiply::<F>(carry(d), high.limbs));
        [settle(plus(a, c)), settle(plus(b, d)), settle(minus(plus(a, three), c)), settle(minus(plus(b, three), d))]
    }
}

impl<F: Prime> Factor<F> {
    /// A factor whose limbs lie apart, as [`apart`] makes them.
    #[target_feature(enable = "avx512f,avx512dq,avx512ifma,avx512vbmi2")]
    #[inline]
    pub fn kept(from: &[F; LANES]) -> Self {
        Self { limbs: factor_limbs(read_apart(from)), prime: PhantomData }
    }
}

/// Takes the limbs of elements apart, in place.
#[target_feature(enable = "avx512f,avx512dq,avx512ifma,avx512vbmi2")]
#[inline]
pub fn apart<F: Prime>(elements: &mut [F; LANES]) {
    write_apart(read(elements), elements);
}

/// Lane `c` of vector `e` becomes what vector `c` keeps for element `e`: writes to `to(c)`.
#[target_feature(enable = "avx512f,avx512dq,avx512ifma,avx512vbmi2")]
#[inline]
pub fn keep_transposed<F: Prime>(values: [Loose<F>; LANES], to: [&mut [F; LANES]; LANES]) {
    // Elements in the order in which `write` wants them.
    let order = [0, 2, 1, 3, 4, 6, 5, 7];
    let joined = order.map(|e: usize| join(values[e].limbs));
    let mut limbs = [[joined[0][0]; 4]; LANES];
    for limb in 0..4 {
        let column = transpose(joined.map(|value| value[limb]));
        for (c, vector) in column.into_iter().enumerate() {
            limbs[c][limb] = vector;
        }
    }
    // The lanes are in that order too.
    for (c, limbs) in limbs.into_iter().enumerate() {
        write_apart(limbs, &mut *to[order[c]]);
    }
}

#[cfg(test)]
impl<F: Prime> Loose<F> {
    /// One number eight times.
    #[target_feature(enable = "avx512f,avx512dq,avx512ifma,avx512vbmi2")]
    pub fn of_limbs(limbs: [u64; 5]) -> Self {
        Self::of(constants(limbs))
    }

    /// Whether all limbs, and all elements, are below their bounds.
    #[target_feature(enable = "avx512f,avx512dq,avx512ifma,avx512vbmi2")]
    pub fn is_bounded(self) -> bool {
        let [a, b, c, d, e] = self.limbs;
        let within = |limb, bound| {
            _mm512_cmpgt_epi64_mask(all(bound), limb) == 0xff && _mm512_cmpgt_epi64_mask(all(0), limb) == 0
        };
        [a, b, c, d].into_iter().all(|limb| within(limb, MASK + 1)) && within(e, Multiples::<F>::FIVE[4] + 65)
    }
}
