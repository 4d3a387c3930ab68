//! Vectors against the fields' own arithmetic, at the edges of limbs and bounds.

use std::fmt::Debug;

use halo2_proofs::halo2curves::bn256::G1Affine;
use halo2_proofs::halo2curves::ff::{Field, PrimeField};
use halo2_proofs::halo2curves::serde::SerdeObject;
use rand::{SeedableRng, rngs::StdRng};

use super::loose::{Loose, apart, keep_transposed};
use super::points::Points;
use super::*;

/// Values at which a limb, a carry or a reduction changes, and random ones.
fn values<F: PrimeField>(rng: &mut StdRng) -> Vec<F> {
    let powers = (0..256).map(|bits| F::from(2).pow([bits]));
    let montgomery = F::from(2).pow([256]).invert().unwrap();
    let near = powers.flat_map(|power| [power, power - F::ONE, power + F::ONE]);
    // In memory, a number times 2^-256 is the number itself.
    let mut values: Vec<F> = near.flat_map(|value| [value, -value, value * montgomery, -value * montgomery]).collect();
    values.extend([F::ZERO, F::ONE, -F::ONE, F::TWO_INV, -F::TWO_INV]);
    values.extend((0..2000).map(|_| F::random(&mut *rng)));
    while !values.len().is_multiple_of(LANES) {
        values.push(F::ZERO);
    }
    values
}

fn eights<F: PrimeField>(values: &[F]) -> impl Iterator<Item = [F; LANES]> {
    values.chunks_exact(LANES).map(|chunk| std::array::from_fn(|i| chunk[i]))
}

#[target_feature(enable = "avx512f,avx512dq,avx512ifma,avx512vbmi2")]
fn stored<F: Prime + PrimeField>(value: Eight<F>) -> [F; LANES] {
    let mut to = [F::ZERO; LANES];
    value.store(&mut to);
    to
}

/// All operations on pairs, each against the field's own, once in range and once with operands between `p` and `2p`.
#[target_feature(enable = "avx512f,avx512dq,avx512ifma,avx512vbmi2")]
fn operations<F: Prime + PrimeField>() {
    let mut rng = StdRng::seed_from_u64(1);
    let left = values::<F>(&mut rng);
    for turn in [0, 1, 7, 100, 1001] {
        let mut right = left.clone();
        right.rotate_left(turn);
        for (a, b) in eights(&left).zip(eights(&right)) {
            let expect = |f: fn(F, F) -> F| -> [F; LANES] { std::array::from_fn(|i| f(a[i], b[i])) };
            let (x, y) = (Eight::load(&a), Eight::load(&b));
            assert_eq!(stored(x), a);
            assert_eq!(stored(x.add(y)), expect(|a, b| a + b));
            assert_eq!(stored(x.sub(y)), expect(|a, b| a - b));
            assert_eq!(stored(x.mul(&Factor::load(&b))), expect(|a, b| a * b));
            assert_eq!(stored(x.mul(&y.factor())), expect(|a, b| a * b));
            // Sums and differences of these reach the whole range below 2p.
            let (sum, difference) = (x.add(y), x.sub(y));
            assert_eq!(stored(sum.add(difference)), expect(|a, b| (a + b) + (a - b)));
            assert_eq!(stored(sum.sub(difference)), expect(|a, b| (a + b) - (a - b)));
            assert_eq!(stored(difference.sub(sum)), expect(|a, b| (a - b) - (a + b)));
            assert_eq!(stored(sum.mul(&difference.factor())), expect(|a, b| (a + b) * (a - b)));
            let product = sum.mul(&difference.factor());
            assert_eq!(stored(product.sub(sum)), expect(|a, b| (a + b) * (a - b) - (a + b)));
            assert_eq!(stored(product.mul(&product.factor())), expect(|a, b| ((a + b) * (a - b)).square()));
        }
    }
    assert_eq!(stored(Eight::splat(left[9])), [left[9]; LANES]);
    assert_eq!(stored(Eight::splat(left[9]).mul(&Factor::splat(left[7]))), [left[9] * left[7]; LANES]);
    assert_eq!(stored(Eight::<F>::zero()), [F::ZERO; LANES]);
}

/// The largest operands of all: every limb of a sum, a difference and a product stays in its range.
#[target_feature(enable = "avx512f,avx512dq,avx512ifma,avx512vbmi2")]
fn largest<F: Prime + PrimeField>() {
    let mut limbs = constants(Constants::<F>::TWICE_P);
    limbs[0] = _mm512_sub_epi64(limbs[0], all(1));
    let largest = Eight::<F>::of(carry(limbs));
    // 2p − 1 in memory is −1 there, that is −2^-256.
    let value = -F::from(2).pow([256]).invert().unwrap();
    assert_eq!(stored(largest.add(Eight::zero())), [value; LANES]);
    assert_eq!(stored(largest.add(largest)), [value + value; LANES]);
    assert_eq!(stored(largest.sub(largest)), [F::ZERO; LANES]);
    assert_eq!(stored(Eight::zero().sub(largest)), [-value; LANES]);
    assert_eq!(stored(largest.mul(&largest.factor())), [value * value; LANES]);
}

/// The levels of a transform on operands of all sizes up to the largest: results are right, and within their bound.
#[target_feature(enable = "avx512f,avx512dq,avx512ifma,avx512vbmi2")]
fn levels<F: Prime + PrimeField>() {
    let two = F::from(2);
    // As numbers: 5p + 2^214 − 1, multiples of p and their neighbours, powers of two.
    let mut numbers: Vec<[u64; 5]> = (0..=5).map(|m| times(split(F::P), m)).collect();
    numbers.extend((1..=5).map(|m| times(split(F::P), m)).map(|[a, b, c, d, e]| [a - 1, b, c, d, e]));
    numbers.push(add([MASK, MASK, MASK, MASK, 63], times(split(F::P), 5)));
    numbers.extend([[0, 0, 0, 0, 1 << 47], [MASK; 5].map(|limb| limb >> 6)]);
    let value = |limbs: [u64; 5]| {
        let number = limbs.into_iter().rev().fold(F::ZERO, |sum, limb| sum * two.pow([52]) + F::from(limb));
        number * two.pow([256]).invert().unwrap()
    };
    let factors = [F::ONE, -F::ONE, F::ZERO, -two.pow([256]).invert().unwrap(), F::TWO_INV, F::from(12345)];
    let all_eight = |value: F| [value; LANES];
    let store = |value: Loose<F>| {
        assert!(value.is_bounded());
        // As between the passes.
        let mut kept = [F::ZERO; LANES];
        value.keep(&mut kept);
        stored(Loose::kept(&kept).times(&Factor::splat(F::ONE)))
    };
    for (i, a) in numbers.iter().enumerate() {
        for (j, b) in numbers.iter().enumerate() {
            let (c, d) = (numbers[(i * 5 + j) % numbers.len()], numbers[(i + 3 * j) % numbers.len()]);
            let numbers = [*a, *b, c, d];
            let [w, low, high] = [i, j, i + j].map(|at| factors[at % factors.len()]);
            let loose = numbers.map(|limbs| Loose::of_limbs(limbs));
            let [x, y, z, u] = Loose::two_levels(loose, &Factor::splat(w), &Factor::splat(low), &Factor::splat(high));
            let [a, b, c, d] = numbers.map(value);
            let ([a, b], [c, d]) = ([a + b * w, a - b * w], [c + d * w, c - d * w]);
            let expected = [a + c * low, b + d * high, a - c * low, b - d * high];
            assert_eq!([store(x), store(y), store(z), store(u)], expected.map(all_eight));
            let [x, y] = Loose::one_level([loose[0], loose[1]], &Factor::splat(w));
            assert_eq!([store(x), store(y)], [a, b].map(all_eight));
        }
    }
}

/// Limbs taken apart, and turned from vectors to lanes.
#[target_feature(enable = "avx512f,avx512dq,avx512ifma,avx512vbmi2")]
fn layouts<F: Prime + PrimeField>() {
    let mut rng = StdRng::seed_from_u64(2);
    let matrix: [[F; LANES]; LANES] = std::array::from_fn(|_| std::array::from_fn(|_| F::random(&mut rng)));
    let mut kept = [[F::ZERO; LANES]; LANES];
    let [a, b, c, d, e, f, g, h] = &mut kept;
    keep_transposed(matrix.map(|row| Loose::load(&row)), [a, b, c, d, e, f, g, h]);
    for (i, kept) in kept.iter().enumerate() {
        let expected: [F; LANES] = std::array::from_fn(|j| matrix[j][i]);
        assert_eq!(stored(Loose::kept(kept).times(&Factor::splat(F::ONE))), expected);
    }
    let mut factors = matrix[3];
    apart(&mut factors);
    assert_eq!(stored(Eight::splat(F::ONE).mul(&Factor::kept(&factors))), matrix[3]);
}

fn add(a: [u64; 5], b: [u64; 5]) -> [u64; 5] {
    let mut carry = 0;
    std::array::from_fn(|i| {
        let sum = a[i] + b[i] + carry;
        carry = sum >> BITS;
        sum & MASK
    })
}

/// Points keep their lanes and their limbs; what is meant for values fresh from memory, against the field.
#[target_feature(enable = "avx512f,avx512dq,avx512ifma,avx512vbmi2")]
fn points() {
    let mut rng = StdRng::seed_from_u64(2);
    let all = values::<Fq>(&mut rng);
    let mut shifted = all.clone();
    shifted.rotate_left(1001);
    for (i, (a, b)) in eights(&all).zip(eights(&shifted)).enumerate() {
        let from: [G1Affine; LANES] = std::array::from_fn(|lane| G1Affine { x: a[lane], y: b[lane] });
        let point = Points::load(from.each_ref());
        let mut to = [G1Affine { x: Fq::ONE, y: Fq::ONE }; 2 * LANES];
        point.store(&mut to, std::array::from_fn(|lane| (15 - 2 * lane) as u32));
        for lane in 0..LANES {
            assert_eq!(to[15 - 2 * lane], from[lane]);
            assert_eq!(to[14 - 2 * lane], G1Affine { x: Fq::ONE, y: Fq::ONE });
        }
        let lanes = i as u8;
        let negated = |lane: usize| if lanes >> lane & 1 == 1 { -b[lane] } else { b[lane] };
        let (x, y) = (point.x.difference(point.y.negate(lanes)), point.x.negate(lanes).difference(point.y));
        Points { x, y }.store(&mut to, std::array::from_fn(|lane| lane as u32));
        for lane in 0..LANES {
            let x = if lanes >> lane & 1 == 1 { -a[lane] } else { a[lane] };
            assert_eq!(to[lane], G1Affine { x: a[lane] - negated(lane), y: x - b[lane] });
        }
        let (x, y) = (point.x.sub(point.x.sum(point.y)), point.y.sub(point.x.negate(lanes)));
        Points { x, y }.store(&mut to, std::array::from_fn(|lane| lane as u32));
        for lane in 0..LANES {
            let x = if lanes >> lane & 1 == 1 { -a[lane] } else { a[lane] };
            assert_eq!(to[lane], G1Affine { x: -b[lane], y: b[lane] - x });
        }
        let same = (0..LANES).fold(0, |same, lane| same | u8::from(a[lane] == b[lane]) << lane);
        assert_eq!(point.x.same(point.y), same);
        let mut other = from;
        other[i % LANES].x += Fq::from(2).pow([i as u64]);
        assert_eq!(point.x.same(Points::load(other.each_ref()).x), !(1 << (i % LANES)));
    }
}

/// Sums of products and values, each added or subtracted, as long as they may be.
#[target_feature(enable = "avx512f,avx512dq,avx512ifma,avx512vbmi2")]
fn sums<F: Prime + PrimeField>() {
    let mut rng = StdRng::seed_from_u64(2);
    let mut left = values::<F>(&mut rng);
    let mut right = left.clone();
    right.rotate_left(7);
    left.reverse();
    let pairs: Vec<_> = eights(&left).zip(eights(&right)).collect();
    for terms in [1, 2, 3, TERMS] {
        for split in 0..=terms {
            for pairs in pairs.chunks_exact(terms) {
                let (mut products, mut expected) = (Products::zero(), [F::ZERO; LANES]);
                for (i, (a, b)) in pairs[..split].iter().enumerate() {
                    let (sum, factor) = (Eight::load(a).add(Eight::load(b)), Factor::load(b));
                    products.add(&if i % 2 == 0 { sum } else { sum.negative() }, &factor);
                    let sign = if i % 2 == 0 { F::ONE } else { -F::ONE };
                    expected.iter_mut().zip(a.iter().zip(b)).for_each(|(e, (a, b))| *e += sign * (*a + b) * b);
                }
                let mut total = products.reduce();
                if split == 1 {
                    assert_eq!(stored(total.product()), expected);
                }
                for (i, (a, b)) in pairs[split..].iter().enumerate() {
                    let value = Eight::load(a).sub(Eight::load(b));
                    if i % 2 == 0 {
                        total.sub(&value)
                    } else {
                        total.add(&value)
                    }
                    let sign = if i % 2 == 0 { -F::ONE } else { F::ONE };
                    expected.iter_mut().zip(a.iter().zip(b)).for_each(|(e, (a, b))| *e += sign * (*a - b));
                }
                let sum = total.reduce();
                assert_eq!(stored(sum), expected);
                assert_eq!(stored(sum.mul(&sum.factor())), expected.map(|e| e.square()));
            }
        }
    }
}

/// The sums that come nearest to their bounds.
#[target_feature(enable = "avx512f,avx512dq,avx512ifma,avx512vbmi2")]
fn largest_sums<F: Prime + PrimeField>() {
    let mut limbs = constants(Constants::<F>::TWICE_P);
    limbs[0] = _mm512_sub_epi64(limbs[0], all(1));
    let largest = Eight::<F>::of(carry(limbs));
    let value = -F::from(2).pow([256]).invert().unwrap();
    let zero = Eight::<F>::zero();
    let terms = F::from(TERMS as u64);
    // Zero subtracted is `4p` added, and zero's negative `2p`.
    let (mut products, mut zeros, mut total) = (Products::zero(), Total::zero(), Total::zero());
    let mut negatives = Products::zero();
    for _ in 0..TERMS {
        products.add(&largest, &largest.factor());
        negatives.add(&zero.negative(), &largest.factor());
        zeros.sub(&zero);
        total.add(&largest);
    }
    assert_eq!(stored(products.reduce().reduce()), [value * value * terms; LANES]);
    assert_eq!(stored(negatives.reduce().reduce()), [F::ZERO; LANES]);
    assert_eq!(stored(zeros.reduce()), [F::ZERO; LANES]);
    assert_eq!(stored(total.reduce()), [value * terms; LANES]);
    let mut total = Total::zero();
    (0..TERMS).for_each(|_| total.sub(&largest));
    assert_eq!(stored(total.reduce()), [-value * terms; LANES]);
    assert_eq!(stored(Total::<F>::zero().reduce()), [F::ZERO; LANES]);
}

fn limbs_of<F: SerdeObject>(value: F) -> Vec<u64> {
    value.to_raw_bytes().chunks(8).map(|limb| u64::from_le_bytes(limb.try_into().unwrap())).collect()
}

fn layout<F: Prime + PrimeField + SerdeObject + Debug>() {
    let modulus: Vec<u64> = limbs_of(-F::from(2).pow([256]).invert().unwrap());
    assert_eq!([modulus[0] + 1, modulus[1], modulus[2], modulus[3]], F::P);
    let value = F::from(3).pow([1000]);
    // SAFETY: what `Prime` promises, and this test is about.
    #[expect(unsafe_code, reason = "the layout is what is tested")]
    let limbs: [u64; 4] = unsafe { std::mem::transmute_copy(&value) };
    assert_eq!(limbs.to_vec(), limbs_of(value));
    assert_eq!(Constants::<F>::INVERSE.wrapping_mul(F::P[0]).wrapping_add(1) & MASK, 0);
}

#[test]
fn limbs_are_those_of_halo2curves() {
    layout::<Fr>();
    layout::<Fq>();
}

#[test]
fn operations_are_the_fields() {
    if Ifma::detect().is_none() {
        return;
    }
    // SAFETY: the processor has the instructions.
    #[expect(unsafe_code, reason = "these are compiled for AVX-512")]
    unsafe {
        operations::<Fr>();
        operations::<Fq>();
        largest::<Fr>();
        largest::<Fq>();
        levels::<Fr>();
        layouts::<Fr>();
        points();
        sums::<Fr>();
        sums::<Fq>();
        largest_sums::<Fr>();
        largest_sums::<Fq>();
    }
}
