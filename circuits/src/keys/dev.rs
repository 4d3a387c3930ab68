//! The insecure development string: `τ` comes from a public seed, the same for every `k`.
//!
//! Whoever knows `τ` can open a commitment to anything, and everybody can compute this one. Keys, verifiers and user
//! interfaces made from it say so; contracts set up for production refuse its digest.
//!
//! Both bases are computed from scalars (`τ^i` and `L_i(τ)`) with one table of fixed-base windows, which replaces the 254 doublings
//! and about 127 additions a point of the textbook way by one addition a window.

use halo2_proofs::{
    arithmetic::Field,
    halo2curves::{
        bn256::{Bn256, Fr, G1, G1Affine, G2Affine},
        ff::{BatchInvert, FromUniformBytes, PrimeField},
        group::{Curve, Group, prime::PrimeCurveAffine},
    },
    poly::kzg::commitment::ParamsKZG,
};
use rayon::prelude::*;
use sha2::{Digest, Sha512};
use std::sync::atomic::{AtomicU64, Ordering};

use super::{Progress, srs::assemble};

const SEED: &[u8] = b"dodona insecure dev srs v1: tau is public, never use in production";
const CHUNK: usize = 1 << 12;

/// The public secret.
fn tau() -> Fr {
    let bytes: [u8; 64] = Sha512::digest(SEED).into();
    Fr::from_uniform_bytes(&bytes)
}

/// `2^k` points of the development string; `1 ≤ k ≤ 28`, checked by the caller.
pub(super) fn generate(k: u32, progress: &dyn Progress) -> ParamsKZG<Bn256> {
    let tau = tau();
    let table = WindowTable::new(if k <= 12 { 8 } else { 13 });
    let total = 2u64 << k;
    let done = AtomicU64::new(0);
    let stage = "insecure dev srs";
    progress.step(stage, 0, total);
    let report = |points: usize| {
        let now = done.fetch_add(points as u64, Ordering::Relaxed) + points as u64;
        progress.step(stage, now, total);
    };
    let g = table.mul_all(&powers(tau, 1 << k), &report);
    let lagrange = table.mul_all(&lagrange_at(tau, k), &report);
    let g2 = G2Affine::generator();
    assemble(k, g, lagrange, g2, (g2 * tau).into())
}

/// `τ^0, …, τ^(n-1)`.
fn powers(tau: Fr, n: usize) -> Vec<Fr> {
    std::iter::successors(Some(Fr::ONE), |power| Some(power * tau)).take(n).collect()
}

/// `L_i(τ) = (τ^n − 1)/n · ω^i / (τ − ω^i)` for the `n = 2^k` points of the domain. `τ` is not in the domain.
fn lagrange_at(tau: Fr, k: u32) -> Vec<Fr> {
    let n = 1u64 << k;
    let omega = Fr::ROOT_OF_UNITY.pow_vartime([1u64 << (Fr::S - k)]);
    let roots = powers(omega, n as usize);
    let mut values: Vec<Fr> = roots.iter().map(|root| tau - root).collect();
    values.push(Fr::from(n));
    values.iter_mut().batch_invert();
    let n_inverse = values.pop().unwrap_or(Fr::ZERO);
    let factor = (tau.pow_vartime([n]) - Fr::ONE) * n_inverse;
    values.iter_mut().zip(&roots).for_each(|(value, root)| *value *= factor * root);
    values
}

/// `table[j][d] = d · 2^(bits·j) · G` for every window `j` and digit `d`.
struct WindowTable {
    bits: usize,
    windows: Vec<Vec<G1Affine>>,
}

impl WindowTable {
    fn new(bits: usize) -> Self {
        let count = (Fr::NUM_BITS as usize).div_ceil(bits);
        let bases: Vec<G1> =
            std::iter::successors(Some(G1::generator()), |base| Some((0..bits).fold(*base, |point, _| point.double())))
                .take(count)
                .collect();
        let windows = bases.par_iter().map(|base| Self::multiples(*base, 1 << bits)).collect();
        Self { bits, windows }
    }

    /// `0·B, 1·B, …, (n-1)·B`.
    fn multiples(base: G1, n: usize) -> Vec<G1Affine> {
        let points: Vec<G1> = std::iter::successors(Some(G1::identity()), |point| Some(point + base)).take(n).collect();
        normalise(&points)
    }

    /// `s · G` for every scalar; `report` hears how many points each finished chunk has.
    fn mul_all(&self, scalars: &[Fr], report: &(impl Fn(usize) + Sync)) -> Vec<G1Affine> {
        let mut points = vec![G1Affine::identity(); scalars.len()];
        points.par_chunks_mut(CHUNK).zip(scalars.par_chunks(CHUNK)).for_each(|(points, scalars)| {
            let projective: Vec<G1> = scalars.iter().map(|scalar| self.mul(scalar)).collect();
            G1::batch_normalize(&projective, points);
            report(scalars.len());
        });
        points
    }

    fn mul(&self, scalar: &Fr) -> G1 {
        let bytes = scalar.to_repr();
        let bytes: &[u8] = bytes.as_ref();
        self.windows.iter().enumerate().fold(G1::identity(), |sum, (j, window)| {
            match digit(bytes, j * self.bits, self.bits) {
                0 => sum,
                d => sum + window[d],
            }
        })
    }
}

/// The `bits ≤ 16` bits of a little-endian number that start at bit `from`.
fn digit(bytes: &[u8], from: usize, bits: usize) -> usize {
    let at = |i: usize| bytes.get(i).copied().map_or(0, usize::from);
    let first = from / 8;
    let word = at(first) | at(first + 1) << 8 | at(first + 2) << 16;
    (word >> (from % 8)) & ((1 << bits) - 1)
}

fn normalise(points: &[G1]) -> Vec<G1Affine> {
    let mut affine = vec![G1Affine::identity(); points.len()];
    G1::batch_normalize(points, &mut affine);
    affine
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::keys::Silent;
    use halo2_proofs::{
        arithmetic::g_to_lagrange,
        poly::EvaluationDomain,
        poly::commitment::{Blind, Params, ParamsProver},
    };

    #[test]
    fn windows_agree_with_plain_multiplication() {
        for bits in [8, 13] {
            let table = WindowTable::new(bits);
            for scalar in [Fr::ZERO, Fr::ONE, -Fr::ONE, tau(), Fr::from(1 << 13)] {
                assert_eq!(table.mul(&scalar), G1::generator() * scalar);
            }
        }
    }

    #[test]
    fn both_bases_commit_to_the_same_polynomial() {
        let k = 5;
        let params = generate(k, &Silent);
        let domain = EvaluationDomain::<Fr>::new(1, k);
        let values = domain.lagrange_from_vec((0..1u64 << k).map(|i| Fr::from(i * i + 7)).collect());
        let blind = Blind::default();
        let lagrange = params.commit_lagrange(&values, blind);
        assert_eq!(lagrange, params.commit(&domain.lagrange_to_coeff(values), blind));
        assert_eq!(params.get_g()[1], (G1Affine::generator() * tau()).to_affine());
    }

    #[test]
    fn a_smaller_string_is_a_prefix_of_a_larger_one() {
        let (small, large) = (generate(4, &Silent), generate(6, &Silent));
        assert_eq!(small.get_g(), &large.get_g()[..16]);
        assert_eq!(small.s_g2(), large.s_g2());
        let derived: Vec<G1Affine> = g_to_lagrange(small.get_g().iter().map(|p| p.to_curve()).collect(), 4);
        let mut larger = large.clone();
        larger.downsize(4);
        let bytes = |params: &ParamsKZG<Bn256>| {
            let mut out = vec![];
            params.write(&mut out).unwrap();
            out
        };
        assert_eq!(bytes(&larger), bytes(&small));
        assert_eq!(derived.len(), 16);
    }
}
