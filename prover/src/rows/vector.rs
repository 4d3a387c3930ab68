//! The loops on vectors. What is left after the last whole vector is done alone.

use halo2_proofs::halo2curves::bn256::Fr;
use halo2_proofs::halo2curves::ff::Field;

use super::{Block, SEGMENT};
use crate::lanes::{Eight, Factor, LANES, Products, TERMS};

/// Vectors whose steps do not wait for each other.
const CHAINS: usize = 4;

type Chains = [[Fr; LANES]; CHAINS];

#[target_feature(enable = "avx512f,avx512dq,avx512ifma,avx512vbmi2")]
pub fn add_weighted(sum: &mut [Fr], terms: &[(&[Fr], Fr)]) {
    // The sum so far is a term too.
    for terms in terms.chunks(TERMS - 1) {
        let len = terms.iter().map(|(poly, _)| poly.len()).min().unwrap_or(0).min(sum.len());
        let len = len - len % LANES;
        let mut weights = [Factor::splat(Fr::zero()); TERMS];
        for (weight, (_, value)) in weights.iter_mut().zip(terms) {
            *weight = Factor::splat(*value);
        }
        for (i, sum) in sum[..len].as_chunks_mut().0.iter_mut().enumerate() {
            let mut products = Products::zero();
            for ((poly, _), weight) in terms.iter().zip(&weights) {
                products.add(&Eight::load(&poly.as_chunks().0[i]), weight);
            }
            let mut total = products.reduce();
            total.add(&Eight::load(sum));
            total.reduce().store(sum);
        }
        for (poly, weight) in terms {
            let rest = poly.get(len..).unwrap_or_default();
            sum[len..].iter_mut().zip(rest).for_each(|(sum, value)| *sum += value * weight);
        }
    }
}

#[target_feature(enable = "avx512f,avx512dq,avx512ifma,avx512vbmi2")]
pub fn scale(values: &mut [Fr], factor: Fr) {
    let (eights, rest) = values.as_chunks_mut();
    let all = Factor::splat(factor);
    for eight in eights {
        Eight::load(eight).mul(&all).store(eight);
    }
    rest.iter_mut().for_each(|value| *value *= factor);
}

#[target_feature(enable = "avx512f,avx512dq,avx512ifma,avx512vbmi2")]
pub fn multiply(values: &mut [Fr], others: &[Fr]) {
    let len = values.len().min(others.len());
    let ((eights, rest), (others, other_rest)) = (values[..len].as_chunks_mut(), others[..len].as_chunks());
    for (eight, other) in eights.iter_mut().zip(others) {
        Eight::load(eight).mul(&Factor::load(other)).store(eight);
    }
    rest.iter_mut().zip(other_rest).for_each(|(value, other)| *value *= other);
}

#[target_feature(enable = "avx512f,avx512dq,avx512ifma,avx512vbmi2")]
pub fn geometric(start: Fr, ratio: Fr, to: &mut [Fr]) {
    let mut first: Chains = [[start; LANES]; CHAINS];
    super::geometric(start, ratio, first.as_flattened_mut());
    let mut chains = first.map(|eight| Eight::load(&eight));
    let step = Factor::splat(ratio.pow_vartime([(CHAINS * LANES) as u64]));
    let (blocks, rest) = to.as_chunks_mut::<{ CHAINS * LANES }>();
    for block in blocks {
        for (to, chain) in block.as_chunks_mut().0.iter_mut().zip(&mut chains) {
            chain.store(to);
            *chain = chain.mul(&step);
        }
    }
    let mut last: Chains = [[Fr::zero(); LANES]; CHAINS];
    last.iter_mut().zip(chains).for_each(|(to, chain)| chain.store(to));
    rest.iter_mut().zip(last.as_flattened()).for_each(|(to, value)| *to = *value);
}

/// Each lane is a polynomial in `x^8`. Of [`TERMS`]` − 1` vectors and the sum of those above, products with powers are summed and reduced once.
#[target_feature(enable = "avx512f,avx512dq,avx512ifma,avx512vbmi2")]
pub fn value(coefficients: &[Fr], x: Fr) -> Fr {
    const BLOCK: usize = (TERMS - 1) * LANES;
    let (blocks, rest) = coefficients.as_chunks::<BLOCK>();
    let above = super::horner(rest, x);
    if blocks.is_empty() {
        return above;
    }
    let step = x.pow_vartime([LANES as u64]);
    let mut powers = [Fr::one(); TERMS];
    super::geometric(Fr::one(), step, &mut powers);
    let powers = powers.map(|power| Factor::splat(power));
    let mut sum = Eight::zero();
    for block in blocks.iter().rev() {
        let mut products = Products::zero();
        for (eight, power) in block.as_chunks().0.iter().zip(&powers).rev() {
            products.add(&Eight::load(eight), power);
        }
        products.add(&sum, &powers[TERMS - 1]);
        sum = products.reduce().reduce();
    }
    let mut lanes = [Fr::zero(); LANES];
    sum.store(&mut lanes);
    let sum = super::horner(&lanes, x);
    if rest.is_empty() {
        return sum;
    }
    sum + above * x.pow_vartime([(blocks.len() * BLOCK) as u64])
}

/// Each lane of each chain has a running product, and all of these are inverted together.
#[target_feature(enable = "avx512f,avx512dq,avx512ifma,avx512vbmi2")]
pub fn invert_units(values: &mut [Fr]) {
    let (blocks, rest) = values.as_chunks_mut::<{ CHAINS * LANES }>();
    super::invert_units(rest);
    let mut products = [Eight::splat(Fr::one()); CHAINS];
    let mut before = Vec::with_capacity(blocks.len());
    for block in &*blocks {
        before.push(products);
        for (product, eight) in products.iter_mut().zip(block.as_chunks().0) {
            *product = product.mul(&Factor::load(eight));
        }
    }
    let mut ends: Chains = [[Fr::zero(); LANES]; CHAINS];
    ends.iter_mut().zip(products).for_each(|(to, product)| product.store(to));
    super::invert_units(ends.as_flattened_mut());
    let mut inverses = ends.map(|eight| Eight::load(&eight));
    for (block, before) in blocks.iter_mut().zip(before).rev() {
        for ((eight, inverse), before) in block.as_chunks_mut().0.iter_mut().zip(&mut inverses).zip(before) {
            let next = inverse.mul(&Factor::load(eight));
            inverse.mul(&before.factor()).store(eight);
            *inverse = next;
        }
    }
}

#[target_feature(enable = "avx512f,avx512dq,avx512ifma,avx512vbmi2")]
pub fn product(values: &[Fr]) -> Fr {
    let (blocks, rest) = values.as_chunks::<{ CHAINS * LANES }>();
    let mut products = [Eight::splat(Fr::one()); CHAINS];
    for block in blocks {
        for (product, eight) in products.iter_mut().zip(block.as_chunks().0) {
            *product = product.mul(&Factor::load(eight));
        }
    }
    let mut product = products[0];
    for other in &products[1..] {
        product = product.mul(&other.factor());
    }
    let mut lanes = [Fr::zero(); LANES];
    product.store(&mut lanes);
    lanes.iter().chain(rest).product()
}

/// The `i`-th rows of all segments.
#[inline(always)]
fn across(block: &Block, i: usize) -> [Fr; LANES] {
    std::array::from_fn(|lane| block[lane * SEGMENT + i])
}

#[inline(always)]
fn replace_across(block: &mut Block, i: usize, values: [Fr; LANES]) {
    for (lane, value) in values.into_iter().enumerate() {
        block[lane * SEGMENT + i] = value;
    }
}

#[target_feature(enable = "avx512f,avx512dq,avx512ifma,avx512vbmi2")]
pub fn run_segments(block: &mut Block, starts: &[Fr; LANES]) {
    let mut product = Eight::load(starts);
    for i in 0..SEGMENT {
        let mut values = across(block, i);
        let next = product.mul(&Factor::load(&values));
        product.store(&mut values);
        replace_across(block, i, values);
        product = next;
    }
}

#[target_feature(enable = "avx512f,avx512dq,avx512ifma,avx512vbmi2")]
pub fn divide_segments(block: &mut Block, carries: &[Fr; LANES], point: Fr) {
    let point = Factor::splat(point);
    let mut carry = Eight::load(carries);
    for i in (0..SEGMENT).rev() {
        let mut values = across(block, i);
        let mut product = Products::zero();
        product.add(&carry, &point);
        let mut next = product.reduce();
        next.add(&Eight::load(&values));
        carry.store(&mut values);
        replace_across(block, i, values);
        carry = next.reduce();
    }
}
