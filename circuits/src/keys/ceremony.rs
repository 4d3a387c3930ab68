//! Reads a ceremony's file and checks it completely: nothing of it is trusted.
//!
//! The file is what Halo2's `ParamsKZG::write` makes: `k` (u32, little-endian), `2^k` powers `τ^i·G`, `2^k` Lagrange points `L_i(τ)·G`,
//! the generator of G2 and `τ·G₂`; points are uncompressed, coordinates in Montgomery form, little-endian.
//!
//! Checks: every point is a point of its group of order `r` and not the identity; the first points are the generators;
//! for uniform `r_i`, `e(Σ r_i·τ^(i+1)G, G₂) = e(Σ r_i·τ^i G, τG₂)`, so the points are powers of one secret, that of `τG₂`; and
//! `Σ r_i·L_i(τ)G` equals the commitment, over the powers, to the polynomial with the values `r_i`. A false file passes with
//! probability below 2^-250.

use halo2_proofs::{
    arithmetic::{Field, best_multiexp},
    halo2curves::{
        CurveAffine,
        bn256::{Bn256, Fr, G1Affine, G2, G2Affine},
        group::{Curve, Group, prime::PrimeCurveAffine},
        pairing::Engine,
        serde::SerdeObject,
    },
    poly::EvaluationDomain,
};
use rand::rngs::OsRng;
use rayon::prelude::*;
use std::{
    fs::File,
    io::{BufReader, Read},
    path::Path,
};

use super::{
    FileError, Progress, Srs, SrsError, SrsOrigin,
    srs::{assemble, check_k},
    store::{G1_BYTES, G2_BYTES},
};

const STAGE: &str = "ceremony import";
const STEPS: u64 = 5;

/// A ceremony's string, checked.
pub(super) fn read(path: &Path, expected_k: Option<u32>, progress: &dyn Progress) -> Result<Srs, SrsError> {
    let io_error = |source| SrsError::File(FileError::io(path, source));
    let file = File::open(path).map_err(io_error)?;
    let length = file.metadata().map_err(io_error)?.len();
    let mut reader = BufReader::with_capacity(1 << 20, file);
    let k = read_k(path, &mut reader, length, expected_k)?;
    let n = 1usize << k;

    progress.step(STAGE, 0, STEPS);
    let powers = read_g1(path, &mut reader, n, "powers")?;
    progress.step(STAGE, 1, STEPS);
    let lagrange = read_g1(path, &mut reader, n, "lagrange")?;
    let g2 = read_g2(path, &mut reader, 0)?;
    let tau_g2 = read_g2(path, &mut reader, 1)?;
    progress.step(STAGE, 2, STEPS);

    if powers.first() != Some(&G1Affine::generator()) {
        return Err(SrsError::Generator { part: "G1" });
    }
    if g2 != G2Affine::generator() {
        return Err(SrsError::Generator { part: "G2" });
    }
    let weights: Vec<Fr> = (0..n).map(|_| Fr::random(OsRng)).collect();
    check_powers(&powers, &tau_g2, &weights)?;
    progress.step(STAGE, 3, STEPS);
    check_lagrange(k, &powers, &lagrange, weights)?;
    progress.step(STAGE, 4, STEPS);
    let srs = Srs::new(assemble(k, powers, lagrange, g2, tau_g2), SrsOrigin::Ceremony);
    progress.step(STAGE, STEPS, STEPS);
    Ok(srs)
}

fn read_k(path: &Path, reader: &mut impl Read, length: u64, expected_k: Option<u32>) -> Result<u32, SrsError> {
    if length < 4 {
        return Err(SrsError::CeremonyLength { k: 0, expected: 4, got: length });
    }
    let mut bytes = [0; 4];
    reader.read_exact(&mut bytes).map_err(|e| FileError::io(path, e))?;
    let k = u32::from_le_bytes(bytes);
    check_k(k)?;
    let expected = 4 + 2 * (1u64 << k) * G1_BYTES as u64 + 2 * G2_BYTES as u64;
    if length != expected {
        return Err(SrsError::CeremonyLength { k, expected, got: length });
    }
    match expected_k {
        Some(expected) if expected != k => Err(SrsError::CeremonyK { expected, got: k }),
        _ => Ok(k),
    }
}

fn read_g1(path: &Path, reader: &mut impl Read, n: usize, part: &'static str) -> Result<Vec<G1Affine>, SrsError> {
    let mut bytes = vec![0; n * G1_BYTES];
    reader.read_exact(&mut bytes).map_err(|e| FileError::io(path, e))?;
    bytes
        .par_chunks_exact(G1_BYTES)
        .enumerate()
        .map(|(index, bytes)| {
            // The group of G1 has prime order: a point of the curve is in it.
            G1Affine::from_raw_bytes(bytes)
                .filter(|point| bool::from(point.is_on_curve() & !point.is_identity()))
                .ok_or(SrsError::Point { part, index })
        })
        .collect()
}

fn read_g2(path: &Path, reader: &mut impl Read, index: usize) -> Result<G2Affine, SrsError> {
    let mut bytes = [0; G2_BYTES];
    reader.read_exact(&mut bytes).map_err(|e| FileError::io(path, e))?;
    G2Affine::from_raw_bytes(&bytes)
        .filter(|point| bool::from(point.is_on_curve() & !point.is_identity()))
        .filter(in_subgroup)
        .ok_or(SrsError::Point { part: "g2", index })
}

/// `r·P = 0`, computed as `(r-1)·P + P`.
fn in_subgroup(point: &G2Affine) -> bool {
    let product: G2 = point * -Fr::ONE;
    bool::from((product + point).is_identity())
}

fn check_powers(powers: &[G1Affine], tau_g2: &G2Affine, weights: &[Fr]) -> Result<(), SrsError> {
    let last = powers.len() - 1;
    let low = best_multiexp(&weights[..last], &powers[..last]).to_affine();
    let high = best_multiexp(&weights[..last], &powers[1..]).to_affine();
    let consistent = Bn256::pairing(&high, &G2Affine::generator()) == Bn256::pairing(&low, tau_g2);
    consistent.then_some(()).ok_or(SrsError::Pairing)
}

fn check_lagrange(k: u32, powers: &[G1Affine], lagrange: &[G1Affine], weights: Vec<Fr>) -> Result<(), SrsError> {
    let domain = EvaluationDomain::<Fr>::new(1, k);
    let from_values = best_multiexp(&weights, lagrange);
    let coefficients = domain.lagrange_to_coeff(domain.lagrange_from_vec(weights));
    let from_coefficients = best_multiexp(&coefficients, powers);
    (from_values == from_coefficients).then_some(()).ok_or(SrsError::Lagrange)
}
