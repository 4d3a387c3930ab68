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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::keys::Silent;
    use halo2_proofs::{
        halo2curves::bn256::{Fq, Fq2},
        poly::commitment::Params,
    };
    use std::fs;

    const K: u32 = 4;
    const N: usize = 1 << K;

    fn bytes() -> Vec<u8> {
        let mut bytes = vec![];
        Srs::dev(K, &Silent).unwrap().params().write(&mut bytes).unwrap();
        bytes
    }

    fn import(bytes: &[u8]) -> Result<Srs, SrsError> {
        let file = tempfile::NamedTempFile::new().unwrap();
        fs::write(file.path(), bytes).unwrap();
        read(file.path(), Some(K), &Silent)
    }

    /// Offset of a power (`part = 0`) or a Lagrange point (`part = 1`).
    fn at(part: usize, index: usize) -> usize {
        4 + (part * N + index) * G1_BYTES
    }

    fn put(bytes: &mut [u8], offset: usize, value: &[u8]) {
        bytes[offset..offset + value.len()].copy_from_slice(value);
    }

    fn point(scalar: u64) -> Vec<u8> {
        G1Affine::from(G1Affine::generator() * Fr::from(scalar)).to_raw_bytes()
    }

    #[test]
    fn a_sound_file_is_accepted() {
        assert_eq!(import(&bytes()).unwrap().digest(), Srs::dev(K, &Silent).unwrap().digest());
    }

    #[test]
    fn length_and_size_are_checked_before_anything_is_read() {
        let good = bytes();
        let want = good.len() as u64;
        for bad in [&good[..good.len() - 1], &good[..200], &[good.as_slice(), &[0]].concat()] {
            let error = import(bad).unwrap_err();
            let got = bad.len() as u64;
            assert!(
                matches!(error, SrsError::CeremonyLength { k: K, expected, got: g } if expected == want && g == got),
                "{error}"
            );
        }
        assert!(matches!(import(&good[..3]), Err(SrsError::CeremonyLength { .. })));
        let mut bad = good.clone();
        bad[0] = 200;
        assert!(matches!(import(&bad), Err(SrsError::Size { got: 200, .. })));
        let file = tempfile::NamedTempFile::new().unwrap();
        fs::write(file.path(), good).unwrap();
        let error = read(file.path(), Some(9), &Silent).unwrap_err();
        assert!(matches!(error, SrsError::CeremonyK { expected: 9, got: K }), "{error}");
    }

    #[test]
    fn a_flipped_bit_in_any_point_is_found() {
        let good = bytes();
        for (part, name) in [(0, "powers"), (1, "lagrange")] {
            for index in 0..N {
                let mut bad = good.clone();
                bad[at(part, index) + 5] ^= 1;
                let error = import(&bad).unwrap_err();
                assert!(matches!(error, SrsError::Point { part, index: i } if part == name && i == index), "{error}");
            }
        }
    }

    #[test]
    fn a_wrong_power_fails_the_pairing() {
        for index in 1..N {
            let mut bad = bytes();
            put(&mut bad, at(0, index), &point(77));
            assert!(matches!(import(&bad), Err(SrsError::Pairing)), "power {index}");
        }
    }

    #[test]
    fn a_wrong_lagrange_point_fails_the_consistency_check() {
        for index in 0..N {
            let mut bad = bytes();
            put(&mut bad, at(1, index), &point(77));
            assert!(matches!(import(&bad), Err(SrsError::Lagrange)), "point {index}");
        }
    }

    #[test]
    fn another_tau_in_g2_fails_the_pairing() {
        let mut bad = bytes();
        let other = G2Affine::from(G2Affine::generator() * Fr::from(5));
        put(&mut bad, at(2, 0) + G2_BYTES, &other.to_raw_bytes());
        assert!(matches!(import(&bad), Err(SrsError::Pairing)));
    }

    #[test]
    fn generators_and_identities_are_checked() {
        let mut bad = bytes();
        put(&mut bad, at(0, 0), &point(2));
        assert!(matches!(import(&bad), Err(SrsError::Generator { part: "G1" })));
        let mut bad = bytes();
        let other = G2Affine::from(G2Affine::generator() * Fr::from(2));
        put(&mut bad, at(2, 0), &other.to_raw_bytes());
        assert!(matches!(import(&bad), Err(SrsError::Generator { part: "G2" })));
        let mut bad = bytes();
        put(&mut bad, at(0, 3), &[0; G1_BYTES]);
        assert!(matches!(import(&bad), Err(SrsError::Point { part: "powers", index: 3 })));
        let mut bad = bytes();
        put(&mut bad, at(2, 0) + G2_BYTES, &[0; G2_BYTES]);
        assert!(matches!(import(&bad), Err(SrsError::Point { part: "g2", index: 1 })));
    }

    #[test]
    fn a_point_of_the_twist_outside_the_subgroup_is_refused() {
        // The twist has a large cofactor: almost no point with a small x is in the subgroup.
        let outside = (1u64..)
            .find_map(|x| {
                let x = Fq2::new(Fq::from(x), Fq::from(0));
                let y: Option<Fq2> = (x.square() * x + G2Affine::b()).sqrt().into();
                y.map(|y| G2Affine { x, y })
            })
            .unwrap();
        assert!(bool::from(outside.is_on_curve()) && !in_subgroup(&outside));
        let mut bad = bytes();
        put(&mut bad, at(2, 0) + G2_BYTES, &outside.to_raw_bytes());
        assert!(matches!(import(&bad), Err(SrsError::Point { part: "g2", index: 1 })));
    }
}
