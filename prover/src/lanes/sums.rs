//! Sums that are reduced once: of products, before Montgomery's reduction, and of values, before any carry.
//!
//! [`Products`] `∑ a b` → [`Products::reduce`] → [`Total`] `± c ± d …` → [`Total::reduce`] → [`Eight`].

use std::arch::x86_64::{
    __m512i, _mm512_add_epi64, _mm512_madd52hi_epu64, _mm512_mullo_epi64, _mm512_setzero_si512, _mm512_srli_epi64,
    _mm512_sub_epi64,
};
use std::marker::PhantomData;

use super::{Constants, Eight, Factor, Prime, add_product, all, carry, constants, reduce};

/// Products and values that a sum may have together. With each at most `4p` and `p` for the reduction, it is at most `65p`, less than 2^260; limbs are below `16 · 10 · 2^52`
/// before the reduction and `(16 · 12 + 10) · 2^52` after it.
pub const TERMS: usize = 16;

/// At most [`TERMS`] products.
#[derive(Clone, Copy, Debug)]
pub struct Products<F> {
    limbs: [__m512i; 10],
    prime: PhantomData<F>,
}

/// At most [`TERMS`] products and values. No limb is negative.
#[derive(Clone, Copy, Debug)]
pub struct Total<F> {
    limbs: [__m512i; 5],
    prime: PhantomData<F>,
}

impl<F: Prime> Products<F> {
    /// No products.
    #[target_feature(enable = "avx512f,avx512dq,avx512ifma,avx512vbmi2")]
    #[inline]
    pub fn zero() -> Self {
        Self { limbs: [_mm512_setzero_si512(); 10], prime: PhantomData }
    }

    /// Adds `value · factor`, of values of at most `2p`.
    #[target_feature(enable = "avx512f,avx512dq,avx512ifma,avx512vbmi2")]
    #[inline]
    pub fn add(&mut self, value: &Eight<F>, factor: &Factor<F>) {
        add_product(&mut self.limbs, value.limbs, factor.limbs);
    }

    /// Montgomery's reduction: less than `0.76p` for each product, and `p`.
    #[target_feature(enable = "avx512f,avx512dq,avx512ifma,avx512vbmi2")]
    #[inline]
    pub fn reduce(self) -> Total<F> {
        Total { limbs: reduce::<F>(self.limbs), prime: PhantomData }
    }
}

impl<F: Prime> Total<F> {
    /// Nothing.
    #[target_feature(enable = "avx512f,avx512dq,avx512ifma,avx512vbmi2")]
    #[inline]
    pub fn zero() -> Self {
        Self { limbs: [_mm512_setzero_si512(); 5], prime: PhantomData }
    }

    /// Adds a value.
    #[target_feature(enable = "avx512f,avx512dq,avx512ifma,avx512vbmi2")]
    #[inline]
    pub fn add(&mut self, value: &Eight<F>) {
        for (limb, value) in self.limbs.iter_mut().zip(value.limbs) {
            *limb = _mm512_add_epi64(*limb, value);
        }
    }

    /// Adds `4p` less a value.
    #[target_feature(enable = "avx512f,avx512dq,avx512ifma,avx512vbmi2")]
    #[inline]
    pub fn sub(&mut self, value: &Eight<F>) {
        let lent = constants(Constants::<F>::LENT);
        for (limb, (lent, value)) in self.limbs.iter_mut().zip(lent.into_iter().zip(value.limbs)) {
            *limb = _mm512_add_epi64(*limb, _mm512_sub_epi64(lent, value));
        }
    }

    /// The value of a sum that is a single product.
    #[target_feature(enable = "avx512f,avx512dq,avx512ifma,avx512vbmi2")]
    #[inline]
    pub fn product(self) -> Eight<F> {
        Eight::of(carry(self.limbs))
    }

    /// The value, reduced by the multiple of `p` that the highest limb shows: what is left is at most `p` and what the lower limbs, and the rounding, are of it, less than `1.01p`.
    #[target_feature(enable = "avx512f,avx512dq,avx512ifma,avx512vbmi2")]
    #[inline]
    pub fn reduce(self) -> Eight<F> {
        let p = constants(Constants::<F>::P);
        let mut limbs = self.limbs;
        let quotient = _mm512_madd52hi_epu64(_mm512_setzero_si512(), limbs[4], all(Constants::<F>::RECIPROCAL));
        let quotient = _mm512_srli_epi64::<45>(quotient);
        for (limb, p) in limbs.iter_mut().zip(p) {
            *limb = _mm512_sub_epi64(*limb, _mm512_mullo_epi64(quotient, p));
        }
        Eight::of(carry(limbs))
    }
}

impl<F: Prime> Eight<F> {
    /// `2p − self`, at most `2p`: for [`Products`] only.
    #[target_feature(enable = "avx512f,avx512dq,avx512ifma,avx512vbmi2")]
    #[inline]
    pub fn negative(self) -> Self {
        let mut limbs = constants(Constants::<F>::TWICE_P);
        for (limb, value) in limbs.iter_mut().zip(self.limbs) {
            *limb = _mm512_sub_epi64(*limb, value);
        }
        Self::of(carry(limbs))
    }
}
