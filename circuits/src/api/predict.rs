//! What keys and proofs will cost, told before there is a key: seconds, memory, bytes, gas.
//!
//! Bytes are exact: they follow from the constraint system's counts and `k`. Seconds and memory are functions of the same counts with the
//! constants below, fitted to measurements on one machine; a short calibration measurement scales the seconds to the machine at hand. Gas follows from
//! the EVM's price list and two constants. Fit the constants again with `cargo run -p dodona-circuits --example fit` (`docs/ops/report.md`).

use std::sync::OnceLock;
use std::time::Instant;

use dodona_prover::{Domain, multiexp};
use halo2_proofs::arithmetic::best_multiexp;
use halo2_proofs::halo2curves::bn256::{Fr, G1, G1Affine};
use halo2_proofs::halo2curves::ff::Field;
use halo2_proofs::halo2curves::group::{Curve, Group};
use halo2_proofs::plonk::{Circuit, ConstraintSystem};
use halo2_proofs::poly::EvaluationDomain;
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use crate::evm::{ACCUMULATOR_LIMBS, Mode};
use crate::inference::{InferenceCircuit, Shape};

/// Constants of the seconds and of the memory.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Fit {
    /// Seconds of whatever does not grow.
    pub fixed: f64,
    /// Seconds of a unit of commitments: see [`Counts::proof_work`].
    pub commit: f64,
    /// Seconds of a unit of transforms and quotient.
    pub field: f64,
}

/// Seconds of a direct proof.
pub const PROOF: Fit = Fit { fixed: 0.036, commit: 7.6e-8, field: 3.6e-9 };
/// Seconds of a key.
pub const KEYS: Fit = Fit { fixed: 0.030, commit: 1.65e-7, field: 1.28e-8 };
/// MiB of a process before it has a circuit.
pub const MEMORY_FIXED: f64 = 17.6;
/// Bytes of peak memory for each byte of [`Counts::polynomials`].
pub const MEMORY_SHARE: f64 = 1.6;
/// Seconds of the probe where the constants were fitted: CPU seconds of one thread. More threads make probe and proofs faster alike.
pub const REFERENCE_PROBE: f64 = 0.0151;
/// The same for keys, which halo2's own arithmetic makes: a processor may be faster at one and not at the other.
pub const REFERENCE_KEY_PROBE: f64 = 0.0827;

/// Seconds of an aggregated proof beside the inner one; the outer circuit is the same for all models of a shape. Measured: 19 s on two cores.
pub const AGGREGATE_SECONDS: f64 = 38.0;
/// Seconds of the aggregation key, once for all models. Measured: 33 s on two cores.
pub const AGGREGATE_KEY_SECONDS: f64 = 66.0;
/// Peak MiB of an aggregated proof.
pub const AGGREGATE_MIB: f64 = 3500.0;
/// Gas of an aggregated proof's verification, calldata and base cost included: of the narrow shape and of the wide one. Measured.
pub const AGGREGATE_GAS: [u64; 2] = [439_931, 465_866];
/// Bytes of an aggregated proof, limbs included: of the narrow shape and of the wide one.
pub const AGGREGATE_PROOF: [usize; 2] = [3040, 3296];

/// Base cost of a transaction.
const GAS_BASE: u64 = 21_000;
/// A byte of calldata; nearly all are not 0.
const GAS_BYTE: u64 = 16;
/// The pairing of two pairs (EIP-1108).
const GAS_PAIRING: u64 = 45_000 + 2 * 34_000;
/// A scalar multiplication, an addition, and moving the operands (EIP-1108).
const GAS_TERM: u64 = 6_000 + 150 + 130;
/// Field arithmetic, transcript and memory for an evaluation.
const GAS_EVALUATION: u64 = 770;
/// The same for a word of the instance: its Lagrange value.
const GAS_WORD: u64 = 400;

/// What a constraint system is made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counts {
    /// Base-2 logarithm of the rows.
    pub k: u32,
    /// Instance words.
    pub words: usize,
    /// Of the wide shape, which has an outer circuit of its own.
    pub wide: bool,
    /// Advice columns.
    pub advice: usize,
    /// Those among them whose values are as large as the field: sums of second phases, and the accumulator of packed lanes.
    pub dense: usize,
    /// Fixed columns.
    pub fixed: usize,
    /// Columns of the copy constraints.
    pub permutation: usize,
    /// Running products of the copy constraints.
    pub products: usize,
    /// Highest degree.
    pub degree: usize,
    /// Queries of advice and fixed columns.
    pub queries: usize,
    /// Multiplications that all constraints take on a row of a coset.
    pub operations: usize,
}

/// Sizes, seconds, memory and gas of one mode.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Cost {
    /// `direct` or `aggregated`.
    pub mode: String,
    /// Base-2 logarithm of the model's circuit's rows.
    pub k: u32,
    /// Instance words.
    pub words: usize,
    /// Committed polynomials of a proof, the quotient's included.
    pub commitments: usize,
    /// Evaluations in a proof.
    pub evaluations: usize,
    /// Predicted seconds of making the model's key.
    pub key_seconds: f64,
    /// Predicted seconds of a proof.
    pub proof_seconds: f64,
    /// Predicted peak memory, MiB.
    pub peak_mib: f64,
    /// Bytes of the model's proving key, a header of a few hundred bytes excepted. Exact.
    pub key_bytes: u64,
    /// Bytes of a proof as submitted. Exact.
    pub proof_bytes: usize,
    /// Predicted gas of verification, calldata and base cost included.
    pub gas: u64,
}

/// How fast this machine is.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Machine {
    /// For proofs, seconds of the probe over [`REFERENCE_PROBE`]: 1 for the machine of the constants, 2 for one half as fast.
    pub slowness: f64,
    /// The same for keys, by [`REFERENCE_KEY_PROBE`].
    pub key_slowness: f64,
}

impl Machine {
    /// The machine of the constants.
    pub const REFERENCE: Self = Self { slowness: 1.0, key_slowness: 1.0 };

    /// Measures this machine once in a process: see [`Probe`].
    pub fn measured() -> Self {
        static MACHINE: OnceLock<Machine> = OnceLock::new();
        *MACHINE.get_or_init(|| {
            let begun = Instant::now();
            let (probe, clock) = (Probe::new(), || begun.elapsed().as_secs_f64());
            let total = |(commit, field): (f64, f64)| commit + field;
            Self {
                slowness: total(probe.proofs(&clock)) / REFERENCE_PROBE,
                key_slowness: total(probe.keys(&clock)) / REFERENCE_KEY_PROBE,
            }
        })
    }
}

/// What a commitment to small values takes, as a share of one to large values.
const SMALL: f64 = 0.15;

/// Size of the probe.
const K: u32 = 12;
/// Transforms in the probe.
const TRANSFORMS: usize = 32;

/// Work of the probe, in the units of [`Counts::proof_work`].
pub fn probe_work() -> (f64, f64) {
    let n = f64::from(1 << K);
    (additions(n), TRANSFORMS as f64 * n * f64::from(K))
}

/// A sample of the work: one multi-exponentiation of 2^12 points, and 32 transforms of 2^12 elements side by side.
#[derive(Debug)]
pub struct Probe {
    scalars: Vec<Fr>,
    bases: Vec<G1Affine>,
}

impl Default for Probe {
    fn default() -> Self {
        Self::new()
    }
}

impl Probe {
    /// Points and elements that are as good as random.
    pub fn new() -> Self {
        let mut points = Vec::with_capacity(1 << K);
        let (mut point, mut scalar) = (G1::generator(), Fr::from(3));
        let mut scalars = Vec::with_capacity(1 << K);
        for _ in 0..1 << K {
            points.push(point);
            scalars.push(scalar);
            point = point.double() + G1::generator();
            scalar = scalar.square() + Fr::ONE;
        }
        let mut bases = vec![G1Affine::default(); points.len()];
        G1::batch_normalize(&points, &mut bases);
        Self { scalars, bases }
    }

    /// Seconds of commitments and of transforms as proofs make them. The fastest of several runs, so that a busy moment does not count.
    ///
    /// `clock` tells seconds.
    pub fn proofs(&self, clock: &dyn Fn() -> f64) -> (f64, f64) {
        let domain = Domain::new(K);
        let transform = || {
            std::hint::black_box(domain.as_ref().map(|domain| domain.interpolate(&self.scalars)));
        };
        fastest(clock, &|| multiexp(&self.scalars, &self.bases), &transform)
    }

    /// The same as keys take it.
    pub fn keys(&self, clock: &dyn Fn() -> f64) -> (f64, f64) {
        let domain = EvaluationDomain::<Fr>::new(2, K);
        let transform = || {
            let values = domain.lagrange_from_vec(self.scalars.clone());
            std::hint::black_box(domain.lagrange_to_coeff(values));
        };
        fastest(clock, &|| best_multiexp(&self.scalars, &self.bases), &transform)
    }
}

fn fastest(clock: &dyn Fn() -> f64, commit: &dyn Fn() -> G1, transform: &(dyn Fn() + Sync)) -> (f64, f64) {
    let run = || {
        let begun = clock();
        std::hint::black_box(commit());
        let between = clock();
        (0..TRANSFORMS).into_par_iter().for_each(|_| transform());
        (between - begun, clock() - between)
    };
    let least = |a: (f64, f64), b: (f64, f64)| (a.0.min(b.0), a.1.min(b.1));
    (0..7).map(|_| run()).fold((f64::INFINITY, f64::INFINITY), least)
}

impl Counts {
    /// Counts a constraint system, not of the wide shape.
    fn of(system: &ConstraintSystem<Fr>, k: u32, words: usize) -> Self {
        let permutation = system.permutation().get_columns().len();
        let degree = system.degree();
        let sums = system.advice_column_phase().iter().filter(|phase| **phase > 0).count();
        Self {
            k,
            words,
            wide: false,
            advice: system.num_advice_columns(),
            dense: sums + 1,
            fixed: system.num_fixed_columns() + system.num_selectors(),
            permutation,
            products: permutation.div_ceil(degree.saturating_sub(2).max(1)),
            degree,
            queries: system.advice_queries().len() + system.fixed_queries().len(),
            // A system that the prover does not know is none of ours, and this is a prediction.
            operations: dodona_prover::multiplications(system).unwrap_or(0),
        }
    }

    /// Counts of the inference circuit.
    pub fn of_inference(k: u32, shape: Shape) -> Self {
        let mut system = ConstraintSystem::default();
        InferenceCircuit::configure_with_params(&mut system, shape);
        Self { wide: shape.wide, ..Self::of(&system, k, shape.words) }
    }

    /// Rows.
    fn rows(&self) -> f64 {
        libm::exp2(f64::from(self.k))
    }

    /// Points of a proof: advice, running products, the blinding polynomial, the quotient, two openings.
    pub fn commitments(&self) -> usize {
        self.advice + self.products + 1 + (self.degree - 1) + 2
    }

    /// Scalars of a proof: queries, sigmas, products (the last one is not read at the last row), the blinding polynomial.
    pub fn evaluations(&self) -> usize {
        self.queries + self.permutation + (3 * self.products).saturating_sub(1) + 1
    }

    /// Work of a proof: additions of points, then steps of transforms, quotient and openings.
    ///
    /// `n · 254 / (ln n + 2)` additions of points for each commitment to large values, [`SMALL`] of that for those of small ones; `n k` for each column's transform
    /// and `x n k` for its extension, `2 x n` for each multiplication of the constraints, `2 n` for each evaluation.
    pub fn proof_work(&self) -> (f64, f64) {
        let columns = self.advice + self.products + 1;
        let extended = columns + self.fixed + self.permutation;
        let (n, x, k) = (self.rows(), self.degree.saturating_sub(1).max(1) as f64, f64::from(self.k));
        let transforms = n * k * (columns as f64 + x * (extended as f64 + 1.0));
        let field = transforms + 2.0 * x * n * self.operations as f64 + 2.0 * n * self.evaluations() as f64;
        let small = self.advice.saturating_sub(self.dense);
        let commitments = (self.commitments() - small) as f64 + SMALL * small as f64;
        (commitments * additions(n), field)
    }

    /// Work of a key, in the same units: a commitment and a transform for each fixed column and sigma.
    pub fn key_work(&self) -> (f64, f64) {
        let columns = (self.fixed + self.permutation) as f64;
        let n = self.rows();
        (columns * additions(n), n * f64::from(self.k) * (columns + 3.0))
    }

    /// Polynomials of `n` coefficients in memory at the peak: key, string, witness, the values of all on a coset, sums of the quotient.
    pub fn polynomials(&self) -> f64 {
        let columns = self.advice + self.products + 1;
        let key = 2 * (self.fixed + self.permutation) + 3;
        // A point takes two coefficients' room; the string is there in both bases, and in one of them twice.
        (key + 6 + 2 * columns + self.fixed + self.permutation + 2 + self.degree) as f64
    }

    /// Bytes of the proving key's payload.
    pub fn key_bytes(&self) -> u64 {
        let n = 1_u64 << self.k;
        let columns = (self.fixed + self.permutation) as u64;
        // Verifying key: version, k, flag, count, a point a column. Then three polynomials, four lists of polynomials, each with its length.
        10 + 64 * columns + (3 + 2 * columns) * (4 + 32 * n) + 16
    }

    /// Bytes of a direct proof: 64 a point, 32 a scalar.
    pub fn proof_bytes(&self) -> usize {
        64 * self.commitments() + 32 * self.evaluations()
    }

    /// Gas of verifying a direct proof, calldata and base cost included.
    ///
    /// `21000 + 16 · bytes + 113000 + 6280 · points + 770 · evaluations + 400 · words`; the points are all commitments of key and proof and the generator.
    pub fn gas(&self) -> u64 {
        let bytes = 32 * self.words + self.proof_bytes();
        let points = self.commitments() + self.fixed + self.permutation + 1;
        GAS_BASE
            + GAS_BYTE * bytes as u64
            + GAS_PAIRING
            + GAS_TERM * points as u64
            + GAS_EVALUATION * self.evaluations() as u64
            + GAS_WORD * self.words as u64
    }

    /// Everything about one mode.
    pub fn cost(&self, mode: Mode, machine: Machine) -> Cost {
        let inner = seconds(PROOF, self.proof_work()) * machine.slowness;
        let memory = MEMORY_FIXED + MEMORY_SHARE * self.polynomials() * self.rows() * 32.0 / f64::from(1 << 20);
        let cost = Cost {
            mode: "direct".into(),
            k: self.k,
            words: self.words,
            commitments: self.commitments(),
            evaluations: self.evaluations(),
            key_seconds: seconds(KEYS, self.key_work()) * machine.key_slowness,
            proof_seconds: inner,
            peak_mib: memory,
            key_bytes: self.key_bytes(),
            proof_bytes: self.proof_bytes(),
            gas: self.gas(),
        };
        match mode {
            Mode::Direct => cost,
            Mode::Aggregated => Cost {
                mode: "aggregated".into(),
                proof_seconds: inner + AGGREGATE_SECONDS * machine.slowness,
                peak_mib: AGGREGATE_MIB.max(memory),
                proof_bytes: AGGREGATE_PROOF[usize::from(self.wide)],
                gas: AGGREGATE_GAS[usize::from(self.wide)],
                ..cost
            },
        }
    }
}

/// Seconds on the machine of the constants.
pub fn seconds(fit: Fit, (commit, field): (f64, f64)) -> f64 {
    fit.fixed + fit.commit * commit + fit.field * field
}

/// Additions of points in a multi-exponentiation of `n` (Pippenger's windows of `ln n + 2` bits).
fn additions(n: f64) -> f64 {
    n * 254.0 / (libm::log(n) + 2.0)
}

/// Words of an aggregated proof's calldata before the proof: limbs, digest, inner words.
pub fn aggregated_words(inner: usize) -> usize {
    ACCUMULATOR_LIMBS + 1 + inner
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_are_those_of_the_proofs() {
        // `inference::prover::tests` pins both lengths.
        let counts = Counts::of_inference(11, Shape::direct(16, false));
        assert_eq!((counts.commitments(), counts.evaluations()), (19, 36));
        assert_eq!(counts.proof_bytes(), 2368);
        assert_eq!(32 * (counts.commitments() + counts.evaluations()), 1760);
    }

    #[test]
    fn gas_of_the_risk_model_is_near_the_measured() {
        let counts = Counts::of_inference(11, Shape::direct(3, false));
        let measured = 422_295.0;
        assert!((counts.gas() as f64 / measured - 1.0).abs() < 0.05, "{}", counts.gas());
    }

    #[test]
    fn more_rows_columns_and_words_cost_more() {
        let cost = |counts: Counts| counts.cost(Mode::Direct, Machine::REFERENCE);
        let base = Counts::of_inference(12, Shape::direct(3, false));
        let small = cost(base);
        for larger in [
            Counts { k: 13, ..base },
            Counts { advice: base.advice + 5, ..base },
            Counts { fixed: base.fixed + 5, ..base },
        ] {
            let large = cost(larger);
            assert!(large.proof_seconds > small.proof_seconds && large.peak_mib > small.peak_mib, "{larger:?}");
            assert!(large.key_bytes >= small.key_bytes && large.gas >= small.gas, "{larger:?}");
        }
        assert!(cost(Counts { words: 16, ..base }).gas > small.gas);
        let twice = cost(Counts { k: 17, ..base }).proof_seconds / cost(Counts { k: 16, ..base }).proof_seconds;
        assert!((1.8..2.2).contains(&twice), "{twice}");
        let slow = base.cost(Mode::Direct, Machine { slowness: 2.0, key_slowness: 3.0 });
        assert!((slow.proof_seconds / small.proof_seconds - 2.0).abs() < 1e-9);
        assert!((slow.key_seconds / small.key_seconds - 3.0).abs() < 1e-9);
        assert_eq!((slow.peak_mib, slow.gas), (small.peak_mib, small.gas));
    }

    #[test]
    fn an_aggregated_proof_costs_the_same_gas_whatever_the_model_of_a_shape() {
        let gas = |k, shape| Counts::of_inference(k, shape).cost(Mode::Aggregated, Machine::REFERENCE).gas;
        assert_eq!(gas(11, Shape::NARROW), gas(18, Shape::NARROW));
        assert_eq!(gas(11, Shape::WIDE), gas(18, Shape::WIDE));
        assert!(gas(11, Shape::NARROW) < gas(11, Shape::WIDE));
    }

    #[test]
    fn the_machine_is_measured_once() {
        let machine = Machine::measured();
        assert!([machine.slowness, machine.key_slowness].iter().all(|s| *s > 0.0 && s.is_finite()));
        assert_eq!(machine, Machine::measured());
    }
}
