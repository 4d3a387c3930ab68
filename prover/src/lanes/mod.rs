//! Eight field elements at a time, on processors with AVX-512 IFMA.
//!
//! An element is five limbs of 52 bits, and each limb of eight elements is one vector: `vpmadd52luq` and `vpmadd52huq` (Intel's "Intrinsics Guide", AVX512_IFMA52) then multiply eight
//! pairs of limbs at once. Products are reduced as Montgomery did ("Modular multiplication without trial division", 1985), with 2^260 for the radix. In memory an element is what halo2curves
//! makes of it, `x·2^256 mod p`; one operand of each product, the [`Factor`], is therefore 16 times as large, so that `x·2^256 · 16·y·2^256 / 2^260 = x·y·2^256`.
//!
//! Values are below `2p` here and below `p` in memory.
//!
//! The functions are compiled for that instruction set, and whoever calls them must have an [`Ifma`] to show that the processor has it.

pub mod loose;
pub mod points;

use std::arch::x86_64::{
    __m512i, _mm512_add_epi64, _mm512_and_si512, _mm512_loadu_si512, _mm512_madd52hi_epu64, _mm512_madd52lo_epu64,
    _mm512_mask_blend_epi64, _mm512_movepi64_mask, _mm512_or_si512, _mm512_permutex2var_epi64, _mm512_set1_epi64,
    _mm512_setr_epi64, _mm512_setzero_si512, _mm512_shldi_epi64, _mm512_shuffle_i64x2, _mm512_slli_epi64,
    _mm512_srai_epi64, _mm512_srli_epi64, _mm512_storeu_si512, _mm512_sub_epi64, _mm512_unpackhi_epi64,
    _mm512_unpacklo_epi64,
};
use std::marker::PhantomData;

use halo2_proofs::halo2curves::bn256::{Fq, Fr};

mod sums;

pub use sums::{Products, TERMS, Total};

/// Elements of a vector.
pub const LANES: usize = 8;

/// Bits of a limb.
const BITS: u32 = 52;
const MASK: u64 = (1 << BITS) - 1;

/// The processor has the instructions that this module is made of.
#[derive(Clone, Copy, Debug)]
pub struct Ifma(());

impl Ifma {
    /// What the processor says of itself.
    pub fn detect() -> Option<Self> {
        let has = is_x86_feature_detected!("avx512f")
            && is_x86_feature_detected!("avx512dq")
            && is_x86_feature_detected!("avx512ifma")
            && is_x86_feature_detected!("avx512vbmi2");
        has.then_some(Self(()))
    }
}

/// A prime below 2^254 whose elements halo2curves keeps as four limbs of 64 bits, times 2^256 modulo the prime.
///
/// # Safety
/// An element must be nothing but those four limbs, least first.
#[expect(unsafe_code, reason = "who implements it promises a layout")]
pub unsafe trait Prime: Copy {
    /// The prime, 64 bits a limb.
    const P: [u64; 4];
}

// SAFETY: a tuple of `[u64; 4]` and nothing else, as `limbs_are_those_of_halo2curves` confirms.
#[expect(unsafe_code, reason = "the layout is halo2curves'")]
unsafe impl Prime for Fr {
    const P: [u64; 4] = [0x43e1_f593_f000_0001, 0x2833_e848_79b9_7091, 0xb850_45b6_8181_585d, 0x3064_4e72_e131_a029];
}

// SAFETY: as for `Fr`.
#[expect(unsafe_code, reason = "the layout is halo2curves'")]
unsafe impl Prime for Fq {
    const P: [u64; 4] = [0x3c20_8c16_d87c_fd47, 0x9781_6a91_6871_ca8d, 0xb850_45b6_8181_585d, 0x3064_4e72_e131_a029];
}

const _: () = assert!(size_of::<Fr>() == 32 && size_of::<Fq>() == 32);

/// Four limbs of 64 bits as five of 52.
const fn split(v: [u64; 4]) -> [u64; 5] {
    [
        v[0] & MASK,
        (v[0] >> 52 | v[1] << 12) & MASK,
        (v[1] >> 40 | v[2] << 24) & MASK,
        (v[2] >> 28 | v[3] << 36) & MASK,
        v[3] >> 16,
    ]
}

/// A small multiple, below 2^260.
const fn times(v: [u64; 5], factor: u64) -> [u64; 5] {
    let mut product = [0; 5];
    let mut carry = 0;
    let mut i = 0;
    while i < 5 {
        let limb = v[i] * factor + carry;
        product[i] = limb & MASK;
        carry = limb >> BITS;
        i += 1;
    }
    product
}

/// Each limb but the highest larger by 2^52, at the cost of the next.
const fn lent(v: [u64; 5]) -> [u64; 5] {
    [v[0] + MASK + 1, v[1] + MASK, v[2] + MASK, v[3] + MASK, v[4] - 1]
}

/// `−1/p` modulo 2^52, by Newton's iteration: each step doubles the bits that are right, and an odd number is its own inverse modulo 8.
const fn negative_inverse(p: u64) -> u64 {
    let mut inverse = p;
    let mut bits = 3;
    while bits < BITS {
        inverse = inverse.wrapping_mul(2_u64.wrapping_sub(p.wrapping_mul(inverse)));
        bits *= 2;
    }
    inverse.wrapping_neg() & MASK
}

/// What follows from a prime.
struct Constants<F>(PhantomData<F>);

impl<F: Prime> Constants<F> {
    const P: [u64; 5] = split(F::P);
    const TWICE_P: [u64; 5] = times(split(F::P), 2);
    /// `4p` with 2^52 lent to each limb from the next: `4p` minus a value below `2p` has no negative limb.
    const LENT: [u64; 5] = lent(times(split(F::P), 4));
    const INVERSE: u64 = negative_inverse(F::P[0]);
    /// 2^97 divided by the prime's highest limb plus 1, rounded down.
    const RECIPROCAL: u64 = ((1 << 97) / (Self::P[4] as u128 + 1)) as u64;
}

/// Eight elements, each below `2p`.
#[derive(Clone, Copy, Debug)]
pub struct Eight<F> {
    limbs: [__m512i; 5],
    prime: PhantomData<F>,
}

/// Sixteen times eight elements, each below `32p`: what an [`Eight`] is multiplied by.
#[derive(Clone, Copy, Debug)]
pub struct Factor<F> {
    limbs: [__m512i; 5],
    prime: PhantomData<F>,
}

#[target_feature(enable = "avx512f,avx512dq,avx512ifma,avx512vbmi2")]
#[inline]
fn all(value: u64) -> __m512i {
    _mm512_set1_epi64(value.cast_signed())
}

#[target_feature(enable = "avx512f,avx512dq,avx512ifma,avx512vbmi2")]
#[inline]
fn constants(values: [u64; 5]) -> [__m512i; 5] {
    [all(values[0]), all(values[1]), all(values[2]), all(values[3]), all(values[4])]
}

/// Moves what a limb holds above 52 bits, of either sign, into the next one. The highest keeps all.
#[target_feature(enable = "avx512f,avx512dq,avx512ifma,avx512vbmi2")]
#[inline]
fn carry(mut limbs: [__m512i; 5]) -> [__m512i; 5] {
    for i in 0..4 {
        limbs[i + 1] = _mm512_add_epi64(limbs[i + 1], _mm512_srai_epi64::<BITS>(limbs[i]));
        limbs[i] = _mm512_and_si512(limbs[i], all(MASK));
    }
    limbs
}

/// `value`, or `value − bound` where that is not negative; `value` may have limbs above 52 bits.
#[target_feature(enable = "avx512f,avx512dq,avx512ifma,avx512vbmi2")]
#[inline]
fn below(value: [__m512i; 5], bound: [u64; 5]) -> [__m512i; 5] {
    let bound = constants(bound);
    let mut less = value;
    for i in 0..5 {
        less[i] = _mm512_sub_epi64(value[i], bound[i]);
    }
    let mut top = less[0];
    for limb in &less[1..] {
        top = _mm512_add_epi64(*limb, _mm512_srai_epi64::<BITS>(top));
    }
    let negative = _mm512_movepi64_mask(top);
    for i in 0..5 {
        less[i] = _mm512_mask_blend_epi64(negative, less[i], value[i]);
    }
    carry(less)
}

/// Limbs of 64 bits of eight elements in memory, each limb in one vector; the order of the elements in it is [`write`]'s.
#[target_feature(enable = "avx512f,avx512dq,avx512ifma,avx512vbmi2")]
#[inline]
fn read<F: Prime>(from: &[F; LANES]) -> [__m512i; 4] {
    let at = from.as_ptr().cast::<__m512i>();
    // SAFETY: eight elements are 256 bytes, by the layout that `Prime` promises.
    #[expect(unsafe_code, reason = "vectors are loaded through pointers")]
    let pairs = unsafe {
        [
            _mm512_loadu_si512(at),
            _mm512_loadu_si512(at.add(1)),
            _mm512_loadu_si512(at.add(2)),
            _mm512_loadu_si512(at.add(3)),
        ]
    };
    let even = [_mm512_unpacklo_epi64(pairs[0], pairs[1]), _mm512_unpacklo_epi64(pairs[2], pairs[3])];
    let odd = [_mm512_unpackhi_epi64(pairs[0], pairs[1]), _mm512_unpackhi_epi64(pairs[2], pairs[3])];
    [
        _mm512_shuffle_i64x2::<0b10_00_10_00>(even[0], even[1]),
        _mm512_shuffle_i64x2::<0b10_00_10_00>(odd[0], odd[1]),
        _mm512_shuffle_i64x2::<0b11_01_11_01>(even[0], even[1]),
        _mm512_shuffle_i64x2::<0b11_01_11_01>(odd[0], odd[1]),
    ]
}

/// The inverse of [`read`].
#[target_feature(enable = "avx512f,avx512dq,avx512ifma,avx512vbmi2")]
#[inline]
fn write<F: Prime>(limbs: [__m512i; 4], to: &mut [F; LANES]) {
    let (first, second) = (_mm512_setr_epi64(0, 1, 8, 9, 2, 3, 10, 11), _mm512_setr_epi64(4, 5, 12, 13, 6, 7, 14, 15));
    let even =
        [_mm512_permutex2var_epi64(limbs[0], first, limbs[2]), _mm512_permutex2var_epi64(limbs[0], second, limbs[2])];
    let odd =
        [_mm512_permutex2var_epi64(limbs[1], first, limbs[3]), _mm512_permutex2var_epi64(limbs[1], second, limbs[3])];
    let at = to.as_mut_ptr().cast::<__m512i>();
    // SAFETY: eight elements are 256 bytes, by the layout that `Prime` promises, and what is written is below the prime.
    #[expect(unsafe_code, reason = "vectors are stored through pointers")]
    unsafe {
        _mm512_storeu_si512(at, _mm512_unpacklo_epi64(even[0], odd[0]));
        _mm512_storeu_si512(at.add(1), _mm512_unpackhi_epi64(even[0], odd[0]));
        _mm512_storeu_si512(at.add(2), _mm512_unpacklo_epi64(even[1], odd[1]));
        _mm512_storeu_si512(at.add(3), _mm512_unpackhi_epi64(even[1], odd[1]));
    }
}

/// Rows to columns.
#[target_feature(enable = "avx512f,avx512dq,avx512ifma,avx512vbmi2")]
#[inline]
fn transpose(rows: [__m512i; 8]) -> [__m512i; 8] {
    let even = blocks([
        _mm512_unpacklo_epi64(rows[0], rows[1]),
        _mm512_unpacklo_epi64(rows[2], rows[3]),
        _mm512_unpacklo_epi64(rows[4], rows[5]),
        _mm512_unpacklo_epi64(rows[6], rows[7]),
    ]);
    let odd = blocks([
        _mm512_unpackhi_epi64(rows[0], rows[1]),
        _mm512_unpackhi_epi64(rows[2], rows[3]),
        _mm512_unpackhi_epi64(rows[4], rows[5]),
        _mm512_unpackhi_epi64(rows[6], rows[7]),
    ]);
    [even[0], odd[0], even[1], odd[1], even[2], odd[2], even[3], odd[3]]
}

/// Rows to columns, for blocks of 128 bits.
#[target_feature(enable = "avx512f,avx512dq,avx512ifma,avx512vbmi2")]
#[inline]
fn blocks(rows: [__m512i; 4]) -> [__m512i; 4] {
    let even = [
        _mm512_shuffle_i64x2::<0b10_00_10_00>(rows[0], rows[1]),
        _mm512_shuffle_i64x2::<0b10_00_10_00>(rows[2], rows[3]),
    ];
    let odd = [
        _mm512_shuffle_i64x2::<0b11_01_11_01>(rows[0], rows[1]),
        _mm512_shuffle_i64x2::<0b11_01_11_01>(rows[2], rows[3]),
    ];
    [
        _mm512_shuffle_i64x2::<0b10_00_10_00>(even[0], even[1]),
        _mm512_shuffle_i64x2::<0b10_00_10_00>(odd[0], odd[1]),
        _mm512_shuffle_i64x2::<0b11_01_11_01>(even[0], even[1]),
        _mm512_shuffle_i64x2::<0b11_01_11_01>(odd[0], odd[1]),
    ]
}

impl<F: Prime> Eight<F> {
    /// Zeros.
    #[target_feature(enable = "avx512f,avx512dq,avx512ifma,avx512vbmi2")]
    #[inline]
    pub fn zero() -> Self {
        Self::of([_mm512_setzero_si512(); 5])
    }

    #[inline(always)]
    fn of(limbs: [__m512i; 5]) -> Self {
        Self { limbs, prime: PhantomData }
    }

    /// Eight elements of memory.
    #[target_feature(enable = "avx512f,avx512dq,avx512ifma,avx512vbmi2")]
    #[inline]
    pub fn load(from: &[F; LANES]) -> Self {
        Self::of(split_limbs(read(from)))
    }

    /// One element eight times.
    #[target_feature(enable = "avx512f,avx512dq,avx512ifma,avx512vbmi2")]
    #[inline]
    pub fn splat(value: F) -> Self {
        Self::load(&[value; LANES])
    }

    /// Writes the elements to memory, below `p`.
    #[target_feature(enable = "avx512f,avx512dq,avx512ifma,avx512vbmi2")]
    #[inline]
    pub fn store(self, to: &mut [F; LANES]) {
        write(join(below(self.limbs, Constants::<F>::P)), to);
    }

    /// The elements as a factor.
    #[target_feature(enable = "avx512f,avx512dq,avx512ifma,avx512vbmi2")]
    #[inline]
    pub fn factor(self) -> Factor<F> {
        let [a, b, c, d, e] = self.limbs;
        let low = |limb| _mm512_and_si512(_mm512_slli_epi64::<4>(limb), all(MASK));
        let with = |limb, below| _mm512_or_si512(low(limb), _mm512_srli_epi64::<48>(below));
        Factor { limbs: [low(a), with(b, a), with(c, b), with(d, c), with(e, d)], prime: PhantomData }
    }

    /// `self + other`
    #[cfg(test)]
    #[target_feature(enable = "avx512f,avx512dq,avx512ifma,avx512vbmi2")]
    #[inline]
    pub fn add(self, other: Self) -> Self {
        let mut sum = self.limbs;
        for (limb, other) in sum.iter_mut().zip(other.limbs) {
            *limb = _mm512_add_epi64(*limb, other);
        }
        Self::of(below(sum, Constants::<F>::TWICE_P))
    }

    /// `self − other`
    #[target_feature(enable = "avx512f,avx512dq,avx512ifma,avx512vbmi2")]
    #[inline]
    pub fn sub(self, other: Self) -> Self {
        let bound = constants(Constants::<F>::TWICE_P);
        let mut top = _mm512_setzero_si512();
        let mut difference = self.limbs;
        for (limb, other) in difference.iter_mut().zip(other.limbs) {
            *limb = _mm512_sub_epi64(*limb, other);
            top = _mm512_add_epi64(*limb, _mm512_srai_epi64::<BITS>(top));
        }
        let negative = _mm512_movepi64_mask(top);
        for (limb, bound) in difference.iter_mut().zip(bound) {
            *limb = _mm512_mask_blend_epi64(negative, *limb, _mm512_add_epi64(*limb, bound));
        }
        Self::of(carry(difference))
    }

    /// `self · factor`: at most `2p · 32p / 2^260 + p`, less than `1.8p`.
    #[target_feature(enable = "avx512f,avx512dq,avx512ifma,avx512vbmi2")]
    #[inline]
    pub fn mul(self, factor: &Factor<F>) -> Self {
        Self::of(multiply::<F>(self.limbs, factor.limbs))
    }
}

/// `a·b / 2^260`, at most that much plus `p`. Limbs below 2^52.
#[target_feature(enable = "avx512f,avx512dq,avx512ifma,avx512vbmi2")]
#[inline]
fn multiply<F: Prime>(a: [__m512i; 5], b: [__m512i; 5]) -> [__m512i; 5] {
    // Each limb is a sum of at most twenty numbers below 2^52, and carries.
    let mut limbs = [_mm512_setzero_si512(); 10];
    add_product(&mut limbs, a, b);
    carry(reduce::<F>(limbs))
}

/// Adds `a·b`, without carries: to each limb at most ten numbers below 2^52.
#[target_feature(enable = "avx512f,avx512dq,avx512ifma,avx512vbmi2")]
#[inline]
fn add_product(limbs: &mut [__m512i; 10], a: [__m512i; 5], b: [__m512i; 5]) {
    for i in 0..5 {
        for j in 0..5 {
            limbs[i + j] = _mm512_madd52lo_epu64(limbs[i + j], a[i], b[j]);
            limbs[i + j + 1] = _mm512_madd52hi_epu64(limbs[i + j + 1], a[i], b[j]);
        }
    }
}

/// Divides by 2^260 modulo `p`: Montgomery's reduction. Adds to each limb at most ten numbers below 2^52 and the carry of the one below; those of the result are not carried.
#[target_feature(enable = "avx512f,avx512dq,avx512ifma,avx512vbmi2")]
#[inline]
fn reduce<F: Prime>(mut limbs: [__m512i; 10]) -> [__m512i; 5] {
    let p = constants(Constants::<F>::P);
    let inverse = all(Constants::<F>::INVERSE);
    let zero = _mm512_setzero_si512();
    for i in 0..5 {
        let m = _mm512_madd52lo_epu64(zero, limbs[i], inverse);
        for j in 0..5 {
            limbs[i + j] = _mm512_madd52lo_epu64(limbs[i + j], m, p[j]);
            limbs[i + j + 1] = _mm512_madd52hi_epu64(limbs[i + j + 1], m, p[j]);
        }
        limbs[i + 1] = _mm512_add_epi64(limbs[i + 1], _mm512_srli_epi64::<BITS>(limbs[i]));
    }
    let [.., a, b, c, d, e] = limbs;
    [a, b, c, d, e]
}

impl<F: Prime> Factor<F> {
    /// Eight elements of memory.
    #[target_feature(enable = "avx512f,avx512dq,avx512ifma,avx512vbmi2")]
    #[inline]
    pub fn load(from: &[F; LANES]) -> Self {
        Self { limbs: factor_limbs(read(from)), prime: PhantomData }
    }

    /// One element eight times.
    #[target_feature(enable = "avx512f,avx512dq,avx512ifma,avx512vbmi2")]
    #[inline]
    pub fn splat(value: F) -> Self {
        Self::load(&[value; LANES])
    }
}

#[target_feature(enable = "avx512f,avx512dq,avx512ifma,avx512vbmi2")]
#[inline]
fn split_limbs([a, b, c, d]: [__m512i; 4]) -> [__m512i; 5] {
    let low = |limb| _mm512_and_si512(limb, all(MASK));
    [
        low(a),
        low(_mm512_shldi_epi64::<12>(b, a)),
        low(_mm512_shldi_epi64::<24>(c, b)),
        low(_mm512_shldi_epi64::<36>(d, c)),
        _mm512_srli_epi64::<16>(d),
    ]
}

/// Sixteen times as much.
#[target_feature(enable = "avx512f,avx512dq,avx512ifma,avx512vbmi2")]
#[inline]
fn factor_limbs([a, b, c, d]: [__m512i; 4]) -> [__m512i; 5] {
    let low = |limb| _mm512_and_si512(limb, all(MASK));
    [
        low(_mm512_slli_epi64::<4>(a)),
        low(_mm512_shldi_epi64::<16>(b, a)),
        low(_mm512_shldi_epi64::<28>(c, b)),
        low(_mm512_shldi_epi64::<40>(d, c)),
        _mm512_srli_epi64::<12>(d),
    ]
}

#[target_feature(enable = "avx512f,avx512dq,avx512ifma,avx512vbmi2")]
#[inline]
fn join([a, b, c, d, e]: [__m512i; 5]) -> [__m512i; 4] {
    [
        _mm512_or_si512(a, _mm512_slli_epi64::<52>(b)),
        _mm512_or_si512(_mm512_srli_epi64::<12>(b), _mm512_slli_epi64::<40>(c)),
        _mm512_or_si512(_mm512_srli_epi64::<24>(c), _mm512_slli_epi64::<28>(d)),
        _mm512_or_si512(_mm512_srli_epi64::<36>(d), _mm512_slli_epi64::<16>(e)),
    ]
}

#[cfg(test)]
mod tests;
