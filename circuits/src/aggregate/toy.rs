//! The smallest two-phase circuit with an instance column: what aggregation and verifier generation are tested on.
//!
//! `acc[i+1] = acc[i] + x[i] · (w[i]·c + s[i])` with a second-phase challenge `c`; the first rows of `x` are the instance words.

use dodona_prover::Witness;
use halo2_proofs::{
    arithmetic::Field,
    circuit::{Layouter, SimpleFloorPlanner, Value},
    halo2curves::bn256::{Fr, G1Affine},
    plonk::{
        Advice, Challenge, Circuit, Column, ConstraintSystem, Error, FirstPhase, Fixed, Instance, ProvingKey,
        SecondPhase, keygen_pk2,
    },
    poly::Rotation,
};
use std::{path::PathBuf, sync::OnceLock};

use super::{InnerProof, prove_inner};
use crate::keys::{Silent, Srs, SrsStore};

/// Instance words.
pub(crate) const WORDS: usize = 3;
const ROWS: usize = 8;

/// A toy of one model (its weights) and input.
#[derive(Clone, Debug)]
pub(crate) struct Toy {
    /// Weights come from it; an even model leaves the column `s` all zero, so its commitment is the identity.
    pub model: u64,
    /// The words.
    pub words: [Fr; WORDS],
}

#[derive(Clone, Debug)]
pub(crate) struct ToyConfig {
    x: Column<Advice>,
    acc: Column<Advice>,
    w: Column<Fixed>,
    s: Column<Fixed>,
    q: Column<Fixed>,
    instance: Column<Instance>,
    challenge: Challenge,
}

impl Toy {
    pub(crate) fn new(model: u64) -> Self {
        Self { model, words: [5, 6, 7].map(|word| Fr::from(word + model)) }
    }

    fn weights(&self, row: usize) -> (Fr, Fr) {
        let s = if self.model.is_multiple_of(2) { Fr::ZERO } else { Fr::from(self.model + row as u64) };
        (Fr::from(self.model * 31 + row as u64 + 1), s)
    }

    /// Its proving key for `2^k` rows.
    pub(crate) fn key(&self, srs: &Srs) -> ProvingKey<G1Affine> {
        keygen_pk2(srs.params(), self, false).unwrap()
    }

    /// Its proof for aggregation.
    pub(crate) fn proof(&self, k: u32) -> InnerProof {
        let srs = srs(k);
        prove_inner(&srs, &self.key(&srs), self, &self.words).unwrap()
    }
}

impl Circuit<Fr> for Toy {
    type Config = ToyConfig;
    type FloorPlanner = SimpleFloorPlanner;
    type Params = ();

    fn params(&self) {}

    fn without_witnesses(&self) -> Self {
        self.clone()
    }

    fn configure(meta: &mut ConstraintSystem<Fr>) -> ToyConfig {
        let [w, s, q] = [(); 3].map(|()| meta.fixed_column());
        let (x, instance) = (meta.advice_column(), meta.instance_column());
        let challenge = meta.challenge_usable_after(FirstPhase);
        let acc = meta.advice_column_in(SecondPhase);
        meta.enable_equality(x);
        meta.enable_equality(instance);
        meta.create_gate("acc' = acc + x (w c + s)", |meta| {
            let [w, s, q] = [w, s, q].map(|column| meta.query_fixed(column, Rotation::cur()));
            let x = meta.query_advice(x, Rotation::cur());
            let step = meta.query_advice(acc, Rotation::next()) - meta.query_advice(acc, Rotation::cur());
            let c = meta.query_challenge(challenge);
            [q * (step - x * (w * c + s))]
        });
        ToyConfig { x, acc, w, s, q, instance, challenge }
    }

    fn configure_with_params(meta: &mut ConstraintSystem<Fr>, (): ()) -> ToyConfig {
        Self::configure(meta)
    }

    fn synthesize(&self, config: ToyConfig, mut layouter: impl Layouter<Fr>) -> Result<(), Error> {
        let mut cells = vec![];
        layouter.assign_region(
            || "toy",
            |mut region| {
                let value = |row: usize| self.words[row % WORDS];
                for row in 0..ROWS {
                    let cell = region.assign_advice(config.x, row, Value::known(value(row))).cell();
                    let (w, s) = self.weights(row);
                    region.assign_fixed(config.w, row, w);
                    region.assign_fixed(config.s, row, s);
                    region.assign_fixed(config.q, row, Fr::ONE);
                    if row < WORDS {
                        cells.push(cell);
                    }
                }
                region.next_phase();
                let challenge = region.get_challenge(config.challenge);
                let mut acc = Value::known(Fr::ZERO);
                for row in 0..=ROWS {
                    region.assign_advice(config.acc, row, acc);
                    let (w, s) = self.weights(row);
                    acc = acc.zip(challenge).map(|(acc, c)| acc + value(row) * (w * c + s));
                }
                Ok(())
            },
        )?;
        for (row, cell) in cells.into_iter().enumerate() {
            layouter.constrain_instance(cell, config.instance, row);
        }
        Ok(())
    }
}

impl Witness for &Toy {
    fn columns(&mut self, phase: u8, challenges: &[Fr]) -> Vec<(usize, Vec<Fr>)> {
        let config = Toy::configure(&mut ConstraintSystem::default());
        let x: Vec<Fr> = (0..ROWS).map(|row| self.words[row % WORDS]).collect();
        if phase == 0 {
            return vec![(config.x.index(), x)];
        }
        let c = challenges[config.challenge.index()];
        let step = |acc: &mut Fr, row: usize| {
            let (w, s) = self.weights(row);
            let before = *acc;
            *acc += self.words[row % WORDS] * (w * c + s);
            Some(before)
        };
        vec![(config.acc.index(), (0..=ROWS).scan(Fr::ZERO, step).collect())]
    }
}

/// The development SRS, from the folder named by `DODONA_CACHE`, or from the build's folder.
pub(crate) fn srs(k: u32) -> Srs {
    static STORE: OnceLock<SrsStore> = OnceLock::new();
    let store = STORE.get_or_init(|| {
        let fallback = || PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../target/dodona-cache");
        let cache = std::env::var_os("DODONA_CACHE").map_or_else(fallback, PathBuf::from);
        SrsStore::new(cache.join("srs"))
    });
    store.dev(k, &Silent).unwrap()
}
