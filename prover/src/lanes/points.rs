//! Eight points of G1 at a time: their coordinates from memory to lanes and back.

use std::arch::x86_64::{
    __m512i, _MM_HINT_T0, _mm_prefetch, _mm512_add_epi64, _mm512_cmpeq_epi64_mask, _mm512_loadu_si512,
    _mm512_mask_cmpeq_epi64_mask, _mm512_mask_sub_epi64, _mm512_storeu_si512, _mm512_sub_epi64,
};
use std::mem::offset_of;

use halo2_proofs::halo2curves::bn256::{Fq, G1Affine};

use super::{Constants, Eight, LANES, below, carry, constants, join, split_limbs, transpose};

const _: () = assert!(offset_of!(G1Affine, x) == 0 && offset_of!(G1Affine, y) == 32 && size_of::<G1Affine>() == 64);

/// Eight points. An identity of memory is (0, 0).
#[derive(Clone, Copy, Debug)]
pub struct Points {
    pub x: Eight<Fq>,
    pub y: Eight<Fq>,
}

impl Points {
    /// Eight points of memory.
    #[target_feature(enable = "avx512f,avx512dq,avx512ifma,avx512vbmi2")]
    #[inline]
    pub fn load(from: [&G1Affine; LANES]) -> Self {
        let row = |lane: usize| {
            let at = std::ptr::from_ref(from[lane]).cast::<__m512i>();
            // SAFETY: a point is 64 bytes, as asserted above.
            #[expect(unsafe_code, reason = "vectors are loaded through pointers")]
            unsafe {
                _mm512_loadu_si512(at)
            }
        };
        let [a, b, c, d, e, f, g, h] = transpose([row(0), row(1), row(2), row(3), row(4), row(5), row(6), row(7)]);
        Self { x: Eight::of(split_limbs([a, b, c, d])), y: Eight::of(split_limbs([e, f, g, h])) }
    }

    /// Writes the points to `to[at[lane]]`, coordinates below `p`.
    #[target_feature(enable = "avx512f,avx512dq,avx512ifma,avx512vbmi2")]
    #[inline]
    pub fn store(self, to: &mut [G1Affine], at: [u32; LANES]) {
        let [a, b, c, d] = join(below(self.x.limbs, Constants::<Fq>::P));
        let [e, f, g, h] = join(below(self.y.limbs, Constants::<Fq>::P));
        let rows = transpose([a, b, c, d, e, f, g, h]);
        for (row, at) in rows.iter().zip(at) {
            let at = std::ptr::from_mut(&mut to[at as usize]).cast::<__m512i>();
            // SAFETY: a point is 64 bytes, as asserted above, and its coordinates are below the prime.
            #[expect(unsafe_code, reason = "vectors are stored through pointers")]
            unsafe {
                _mm512_storeu_si512(at, *row);
            }
        }
    }
}

impl Eight<Fq> {
    /// The lanes in which two vectors hold the same, one bit each; both are fresh from memory.
    #[target_feature(enable = "avx512f,avx512dq,avx512ifma,avx512vbmi2")]
    #[inline]
    pub fn same(self, other: Self) -> u8 {
        let mut lanes = _mm512_cmpeq_epi64_mask(self.limbs[0], other.limbs[0]);
        for i in 1..5 {
            lanes = _mm512_mask_cmpeq_epi64_mask(lanes, self.limbs[i], other.limbs[i]);
        }
        lanes
    }

    /// `p − self` in the lanes given; `self` is fresh from memory. For use in sums and differences only: the limbs may
    /// be negative.
    #[target_feature(enable = "avx512f,avx512dq,avx512ifma,avx512vbmi2")]
    #[inline]
    pub fn negate(self, lanes: u8) -> Self {
        let p = constants(Constants::<Fq>::P);
        let mut limbs = self.limbs;
        for (limb, p) in limbs.iter_mut().zip(&p) {
            *limb = _mm512_mask_sub_epi64(*limb, lanes, *p, *limb);
        }
        Self::of(limbs)
    }

    /// `self + other`, both below `p`. For use in sums and differences only: the limbs may have a bit more.
    #[target_feature(enable = "avx512f,avx512dq,avx512ifma,avx512vbmi2")]
    #[inline]
    pub fn sum(self, other: Self) -> Self {
        let mut limbs = self.limbs;
        for (limb, other) in limbs.iter_mut().zip(&other.limbs) {
            *limb = _mm512_add_epi64(*limb, *other);
        }
        Self::of(limbs)
    }

    /// `self − other`, both below `p`.
    #[target_feature(enable = "avx512f,avx512dq,avx512ifma,avx512vbmi2")]
    #[inline]
    pub fn difference(self, other: Self) -> Self {
        let p = constants(Constants::<Fq>::P);
        let mut limbs = self.limbs;
        for i in 0..5 {
            limbs[i] = _mm512_add_epi64(_mm512_sub_epi64(limbs[i], other.limbs[i]), p[i]);
        }
        Self::of(carry(limbs))
    }
}

/// Has the processor fetch a point that is needed soon. It may lie across two lines of the cache.
#[inline]
pub fn prefetch(point: &G1Affine) {
    let at = std::ptr::from_ref(point).cast::<i8>();
    // SAFETY: fetches in advance, and reads nothing.
    #[expect(unsafe_code, reason = "takes a pointer")]
    unsafe {
        _mm_prefetch::<_MM_HINT_T0>(at);
        _mm_prefetch::<_MM_HINT_T0>(at.wrapping_add(63));
    }
}
