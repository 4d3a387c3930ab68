//! The running products of the copy constraints.
//!
//! For each chunk of copied columns `z(ωX) / z(X) = ∏ (v_j + δ^j β X + γ) / (v_j + β σ_j + γ)`, the next chunk going on where the last usable row of
//! the one before stands.

use halo2_proofs::halo2curves::bn256::Fr;
use halo2_proofs::halo2curves::ff::{Field, PrimeField};
use rand::RngCore;
use rayon::prelude::*;

use crate::fft::Domain;
use crate::graph::Graph;
use crate::rows::{Arithmetic, points};

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
    let mut identity = Vec::new();
    points(domain, Fr::one(), &mut identity);
    let mut start = Fr::one();
    let mut delta = Fr::one();
    let mut products = Vec::new();
    for columns in columns.chunks(chunk) {
        let mut ratios = ratios(&identity, columns, delta, challenges);
        delta *= Fr::DELTA.pow_vartime([columns.len() as u64]);
        Arithmetic::detect().running_products(start, &mut ratios);
        let usable = ratios.len() - blinding;
        start = ratios[usable - 1];
        ratios[usable..].iter_mut().for_each(|value| *value = Fr::random(&mut *rng));
        products.push(ratios);
    }
    products
}

/// On each row, the product of the columns' ratios.
fn ratios(points: &[Fr], columns: &[Copied<'_>], delta: Fr, Challenges { beta, gamma }: Challenges) -> Vec<Fr> {
    let mut graph = Graph::default();
    let [mut above, mut below] = [graph.scalar(Fr::one()); 2];
    let mut shift = delta * beta;
    let mut cells = vec![points];
    for column in columns {
        let [point, value, sigma] = [0, cells.len(), cells.len() + 1].map(|column| graph.cell(column, 0));
        cells.extend([column.values, column.sigma]);
        let mut factor = |other, scale| {
            let [scale, gamma] = [scale, gamma].map(|value| graph.scalar(value));
            let other = graph.mul(other, scale);
            let sum = graph.add(value, other);
            graph.add(sum, gamma)
        };
        let [left, right] = [factor(point, shift), factor(sigma, beta)];
        above = graph.mul(above, left);
        below = graph.mul(below, right);
        shift *= Fr::DELTA;
    }
    quotients(&graph.compile(above).run(&cells), graph.compile(below).run(&cells))
}

/// Each numerator divided by its denominator, or 0 where that is 0.
pub fn quotients(numerators: &[Fr], mut denominators: Vec<Fr>) -> Vec<Fr> {
    let arithmetic = Arithmetic::detect();
    denominators.par_chunks_mut(CHUNK).zip(numerators.par_chunks(CHUNK)).for_each(|(denominators, numerators)| {
        arithmetic.invert(denominators);
        arithmetic.multiply(denominators, numerators);
    });
    denominators
}
