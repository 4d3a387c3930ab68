//! The running products of the copy constraints.
//!
//! For each chunk of copied columns `z(ωX) / z(X) = ∏ (v_j + δ^j β X + γ) / (v_j + β σ_j + γ)`, the next chunk going on where the last usable row of
//! the one before stands.

use halo2_proofs::halo2curves::bn256::Fr;
use halo2_proofs::halo2curves::ff::{Field, PrimeField};
use rand::RngCore;
use rayon::prelude::*;

use crate::fft::Domain;

/// Rows that one thread handles at a time.
const CHUNK: usize = 1 << 12;

/// A copied column: its values and where each of its cells goes.
#[derive(Clone, Copy, Debug)]
pub struct Copied<'a> {
    pub values: &'a [Fr],
    pub sigma: &'a [Fr],
}

/// The challenges of the argument.
#[derive(Clone, Copy, Debug)]
pub struct Challenges {
    pub beta: Fr,
    pub gamma: Fr,
}

/// Values of the running product of each chunk of `chunk` columns, the last `blinding` rows random.
pub fn products(
    domain: &Domain,
    columns: &[Copied<'_>],
    chunk: usize,
    challenges: Challenges,
    blinding: usize,
    rng: &mut impl RngCore,
) -> Vec<Vec<Fr>> {
    let mut start = Fr::one();
    let mut delta = Fr::one();
    let mut products = Vec::new();
    for columns in columns.chunks(chunk) {
        let mut ratios = ratios(domain, columns, delta, challenges);
        delta *= Fr::DELTA.pow_vartime([columns.len() as u64]);
        let mut z = start;
        for ratio in &mut ratios {
            let next = z * *ratio;
            *ratio = z;
            z = next;
        }
        let usable = ratios.len() - blinding;
        start = ratios[usable - 1];
        ratios[usable..].iter_mut().for_each(|value| *value = Fr::random(&mut *rng));
        products.push(ratios);
    }
    products
}

/// On each row, the product of the columns' ratios.
fn ratios(domain: &Domain, columns: &[Copied<'_>], delta: Fr, Challenges { beta, gamma }: Challenges) -> Vec<Fr> {
    let mut ratios = vec![Fr::one(); domain.len()];
    ratios.par_chunks_mut(CHUNK).enumerate().for_each(|(i, ratios)| {
        let rows = i * CHUNK..i * CHUNK + ratios.len();
        let mut numerators = vec![Fr::one(); ratios.len()];
        let mut shift = delta * beta * domain.power(rows.start as i64);
        for column in columns {
            let cells = column.values[rows.clone()].iter().zip(&column.sigma[rows.clone()]);
            let mut identity = shift;
            for ((value, sigma), (ratio, numerator)) in cells.zip(ratios.iter_mut().zip(&mut numerators)) {
                let value = value + gamma;
                *ratio *= value + beta * sigma;
                *numerator *= value + identity;
                identity *= domain.omega();
            }
            shift *= Fr::DELTA;
        }
        invert(ratios);
        ratios.iter_mut().zip(numerators).for_each(|(ratio, numerator)| *ratio *= numerator);
    });
    ratios
}

/// Inverts all elements that are not 0 with one inversion.
pub fn invert(values: &mut [Fr]) {
    let mut product = Fr::one();
    let before: Vec<Fr> = values
        .iter()
        .map(|value| {
            let before = product;
            if *value != Fr::zero() {
                product *= value;
            }
            before
        })
        .collect();
    let mut inverse = product.invert().unwrap_or(Fr::zero());
    for (value, before) in values.iter_mut().zip(before).rev() {
        if *value != Fr::zero() {
            let next = inverse * *value;
            *value = inverse * before;
            inverse = next;
        }
    }
}
