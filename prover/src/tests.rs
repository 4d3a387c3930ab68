//! Proofs of a small circuit, checked by halo2's verifier.

use halo2_proofs::circuit::{Layouter, SimpleFloorPlanner, Value};
use halo2_proofs::halo2curves::bn256::{Bn256, Fr, G1Affine};
use halo2_proofs::halo2curves::ff::Field;
use halo2_proofs::plonk::{
    Advice, Challenge, Circuit, Column, ConstraintSystem, Error as Halo2Error, Expression, FirstPhase, Fixed, Instance,
    ProvingKey, SecondPhase, Selector, TableColumn, keygen_pk2, verify_proof,
};
use halo2_proofs::poly::Rotation;
use halo2_proofs::poly::commitment::ParamsProver;
use halo2_proofs::poly::kzg::commitment::{KZGCommitmentScheme, ParamsKZG};
use halo2_proofs::poly::kzg::multiopen::VerifierSHPLONK;
use halo2_proofs::poly::kzg::strategy::SingleStrategy;
use halo2_proofs::transcript::{Blake2bRead, Blake2bWrite, Challenge255, TranscriptReadBuffer, TranscriptWriterBuffer};
use rand::SeedableRng;
use rand::rngs::StdRng;

use crate::{Bases, Error, Synthesised, Witness, lagrange, prove};

/// `wide` copied columns, powers of them and a second phase whose sums start anew every few rows; the first row of the first column is the instance's.
#[derive(Clone, Debug)]
struct Toy {
    wide: usize,
    rows: usize,
    word: Fr,
    lie: Option<(usize, usize)>,
}

#[derive(Clone, Debug)]
struct Config {
    a: Vec<Column<Advice>>,
    power: Column<Advice>,
    sum: Column<Advice>,
    q: Column<Fixed>,
    s: Column<Fixed>,
    instance: Column<Instance>,
    challenge: Challenge,
}

impl Toy {
    fn new(wide: usize, rows: usize) -> Self {
        Self { wide, rows, word: Fr::from(77), lie: None }
    }

    fn a(&self, column: usize, row: usize) -> Fr {
        let lie = if self.lie == Some((column, row)) { Fr::ONE } else { Fr::ZERO };
        // All columns are copies of the first.
        lie + if row == 0 { self.word } else { Fr::from(row as u64 * 3).square() - Fr::from(9) }
    }

    fn q(row: usize) -> Fr {
        Fr::from(row as u64 % 3)
    }

    fn sums(&self, challenge: Fr) -> Vec<Fr> {
        let step = |sum: &mut Fr, row: usize| {
            let before = *sum;
            *sum = Self::q(row) * (before + challenge * self.a(0, row));
            Some(before)
        };
        (0..=self.rows).scan(Fr::ZERO, step).collect()
    }

    fn key(&self, params: &ParamsKZG<Bn256>) -> ProvingKey<G1Affine> {
        keygen_pk2(params, self, false).unwrap()
    }

    fn prove(&self, params: &ParamsKZG<Bn256>, words: &[Fr]) -> Result<Vec<u8>, Error> {
        let lagrange = lagrange(params).unwrap();
        let mut transcript = Blake2bWrite::<_, _, Challenge255<_>>::init(vec![]);
        let mut rng = StdRng::seed_from_u64(1);
        prove(Bases::new(params, &lagrange), &self.key(params), self, &[words], &mut rng, &mut transcript)?;
        Ok(transcript.finalize())
    }

    fn verify(&self, params: &ParamsKZG<Bn256>, words: &[Fr], proof: &[u8]) -> bool {
        verify(params, &self.key(params), words, proof)
    }
}

fn verify(params: &ParamsKZG<Bn256>, key: &ProvingKey<G1Affine>, words: &[Fr], proof: &[u8]) -> bool {
    let verifier = params.verifier_params();
    let mut transcript = Blake2bRead::<_, _, Challenge255<_>>::init(proof);
    let strategy = SingleStrategy::new(verifier);
    let result = verify_proof::<KZGCommitmentScheme<Bn256>, VerifierSHPLONK<_>, _, _, _>(
        verifier,
        key.get_vk(),
        strategy,
        &[&[words]],
        &mut transcript,
    );
    result.is_ok()
}

impl Circuit<Fr> for Toy {
    type Config = Config;
    type FloorPlanner = SimpleFloorPlanner;
    type Params = usize;

    fn params(&self) -> usize {
        self.wide
    }

    fn without_witnesses(&self) -> Self {
        self.clone()
    }

    fn configure(meta: &mut ConstraintSystem<Fr>) -> Config {
        Self::configure_with_params(meta, 1)
    }

    fn configure_with_params(meta: &mut ConstraintSystem<Fr>, wide: usize) -> Config {
        let a: Vec<_> = (0..wide).map(|_| meta.advice_column()).collect();
        let (power, q, s, instance) =
            (meta.advice_column(), meta.fixed_column(), meta.fixed_column(), meta.instance_column());
        let challenge = meta.challenge_usable_after(FirstPhase);
        let sum = meta.advice_column_in(SecondPhase);
        a.iter().for_each(|a| meta.enable_equality(*a));
        meta.enable_equality(instance);
        let (first, second) = (a[0], a[wide - 1]);
        meta.create_gate("powers and sums", |meta| {
            let [q, s] = [q, s].map(|column| meta.query_fixed(column, Rotation::cur()));
            let [x, y] = [first, second].map(|column| meta.query_advice(column, Rotation::cur()));
            let before = meta.query_advice(power, Rotation::prev());
            let power = meta.query_advice(power, Rotation::cur());
            let [here, next] = [Rotation::cur(), Rotation::next()].map(|at| meta.query_advice(sum, at));
            let c = meta.query_challenge(challenge);
            vec![
                s.clone() * (power - x.clone() * x.clone() * y - q.clone() + before.clone() - before),
                s * (next - q * (here + c * x)),
            ]
        });
        Config { a, power, sum, q, s, instance, challenge }
    }

    fn synthesize(&self, config: Config, mut layouter: impl Layouter<Fr>) -> Result<(), Halo2Error> {
        let mut first = None;
        layouter.assign_region(
            || "toy",
            |mut region| {
                for row in 0..self.rows {
                    region.assign_fixed(config.q, row, Self::q(row));
                    region.assign_fixed(config.s, row, Fr::ONE);
                    let cells: Vec<_> = (0..self.wide)
                        .map(|i| region.assign_advice(config.a[i], row, Value::known(self.a(i, row))).cell())
                        .collect();
                    cells.windows(2).for_each(|pair| region.constrain_equal(pair[0], pair[1]));
                    first.get_or_insert(cells[0]);
                }
                Ok(())
            },
        )?;
        first.into_iter().for_each(|cell| layouter.constrain_instance(cell, config.instance, 0));
        Ok(())
    }
}

impl Witness for &Toy {
    fn columns(&mut self, phase: u8, challenges: &[Fr]) -> Vec<(usize, Vec<Fr>)> {
        let config = Toy::configure_with_params(&mut ConstraintSystem::default(), self.wide);
        if phase == 1 {
            return vec![(config.sum.index(), self.sums(challenges[config.challenge.index()]))];
        }
        let a = |column: usize| (0..self.rows).map(|row| self.a(column, row)).collect::<Vec<Fr>>();
        let (first, second) = (a(0), a(self.wide - 1));
        let power = (0..self.rows).map(|row| first[row].square() * second[row] + Toy::q(row)).collect();
        // In another order than halo2's: it is the column that counts.
        let a = config.a.iter().enumerate().map(|(i, column)| (column.index(), a(i)));
        std::iter::once((config.power.index(), power)).chain(a).collect()
    }
}

fn params(k: u32) -> ParamsKZG<Bn256> {
    ParamsKZG::setup(k, StdRng::seed_from_u64(7))
}

#[test]
fn proofs_are_taken_by_halo2s_verifier() {
    for (k, wide, rows) in [(5, 1, 10), (6, 2, 50), (5, 3, 20), (7, 7, 100), (11, 4, 2000)] {
        let (params, toy) = (params(k), Toy::new(wide, rows));
        let words = [toy.word];
        let proof = toy.prove(&params, &words).unwrap();
        assert!(toy.verify(&params, &words, &proof), "k {k}, {wide} columns, {rows} rows");
        assert!(!toy.verify(&params, &[toy.word + Fr::ONE], &proof));
    }
}

#[test]
fn false_witnesses_give_proofs_that_are_refused() {
    let (params, toy) = (params(6), Toy::new(3, 40));
    for lie in [(0, 0), (1, 20), (2, 39)] {
        let liar = Toy { lie: Some(lie), ..toy.clone() };
        let proof = liar.prove(&params, &[toy.word]).unwrap();
        assert!(!toy.verify(&params, &[toy.word], &proof), "{lie:?}");
    }
}

#[test]
fn every_part_of_a_proof_is_bound() {
    let (params, toy) = (params(5), Toy::new(2, 12));
    let words = [toy.word];
    let proof = toy.prove(&params, &words).unwrap();
    for at in (0..proof.len()).step_by(32) {
        let mut other = proof.clone();
        other[at] ^= 1;
        assert!(!toy.verify(&params, &words, &other), "byte {at}");
    }
}

#[test]
fn arguments_that_do_not_fit_the_key_are_refused() {
    let (params, toy) = (params(5), Toy::new(2, 12));
    assert!(matches!(toy.prove(&params, &[Fr::ONE; 40]), Err(Error::Rows { what: "instance", got: 40, .. })));
    let long = Toy::new(2, 31);
    let key = toy.key(&params);
    let points = lagrange(&params).unwrap();
    let attempt = |bases, witness: &Toy, instances: &[&[Fr]]| {
        let mut transcript = Blake2bWrite::<Vec<u8>, G1Affine, Challenge255<_>>::init(vec![]);
        prove(bases, &key, witness, instances, &mut StdRng::seed_from_u64(1), &mut transcript)
    };
    let bases = Bases::new(&params, &points);
    assert!(matches!(attempt(bases, &long, &[&[]]), Err(Error::Rows { what: "advice", got: 31, .. })));
    assert!(matches!(attempt(bases, &toy, &[]), Err(Error::Instances { expected: 1, got: 0 })));
    let other = Toy::new(3, 12);
    assert!(matches!(attempt(bases, &other, &[&[]]), Err(Error::Columns { phase: 0, .. })));
    let (small, few) = (self::params(4), lagrange(&self::params(4)).unwrap());
    let error = attempt(Bases::new(&small, &few), &toy, &[&[]]).unwrap_err();
    assert!(matches!(error, Error::Size { expected: 5, got: 4 }), "{error}");
}

#[test]
fn bases_in_lagrange_form_are_halo2s() {
    use halo2_proofs::poly::commitment::{Blind, Params};
    use halo2_proofs::poly::{LagrangeCoeff, Polynomial};
    let params = params(6);
    let values: Vec<Fr> = (0..64).map(|i| Fr::from(i * i + 5)).collect();
    let expected = params.commit_lagrange(&Polynomial::<Fr, LagrangeCoeff>::new(values.clone()), Blind::default());
    let points = lagrange(&params).unwrap();
    assert_eq!(Bases::new(&params, &points).commit_values(&values), expected);
}

/// Pairs `(v, v²)` that are looked up in a table, and `9 − v`, with a selector; the first is the instance's.
#[derive(Clone, Debug)]
struct Squares {
    values: Vec<(u64, u64)>,
}

#[derive(Clone, Debug)]
struct SquaresConfig {
    pair: [Column<Advice>; 2],
    q: Selector,
    table: [TableColumn; 2],
    instance: Column<Instance>,
}

impl Squares {
    fn new(rows: u64) -> Self {
        // Many repetitions, as in life.
        Self { values: (0..rows).map(|i| i * i % 7).map(|v| (v, v * v)).collect() }
    }

    fn prove(&self, params: &ParamsKZG<Bn256>, words: &[Fr]) -> Result<(ProvingKey<G1Affine>, Vec<u8>), Error> {
        let key = keygen_pk2(params, self, false).unwrap();
        let lagrange = lagrange(params).unwrap();
        let mut transcript = Blake2bWrite::<_, _, Challenge255<_>>::init(vec![]);
        let witness = Synthesised::of(&key, self, &[words])?;
        let mut rng = StdRng::seed_from_u64(3);
        prove(Bases::new(params, &lagrange), &key, witness, &[words], &mut rng, &mut transcript)?;
        Ok((key, transcript.finalize()))
    }
}

impl Circuit<Fr> for Squares {
    type Config = SquaresConfig;
    type FloorPlanner = SimpleFloorPlanner;
    type Params = ();

    fn params(&self) {}

    fn without_witnesses(&self) -> Self {
        self.clone()
    }

    fn configure(meta: &mut ConstraintSystem<Fr>) -> SquaresConfig {
        let pair = [(); 2].map(|()| meta.advice_column());
        let table = [(); 2].map(|()| meta.lookup_table_column());
        let (q, instance) = (meta.complex_selector(), meta.instance_column());
        meta.enable_equality(pair[0]);
        meta.enable_equality(instance);
        meta.lookup("squares", |meta| {
            let q = meta.query_selector(q);
            let cells = pair.map(|column| meta.query_advice(column, Rotation::cur()));
            cells.into_iter().zip(table).map(|(cell, table)| (q.clone() * cell, table)).collect()
        });
        meta.lookup("small", |meta| {
            let q = meta.query_selector(q);
            let v = meta.query_advice(pair[0], Rotation::cur());
            vec![(q * (Expression::Constant(Fr::from(9)) - v), table[0])]
        });
        SquaresConfig { pair, q, table, instance }
    }

    fn configure_with_params(meta: &mut ConstraintSystem<Fr>, (): ()) -> SquaresConfig {
        Self::configure(meta)
    }

    fn synthesize(&self, config: SquaresConfig, mut layouter: impl Layouter<Fr>) -> Result<(), Halo2Error> {
        layouter.assign_table(
            || "squares",
            |mut table| {
                for v in 0..10_u64 {
                    table.assign_cell(|| "v", config.table[0], v as usize, || Value::known(Fr::from(v)))?;
                    table.assign_cell(|| "v²", config.table[1], v as usize, || Value::known(Fr::from(v * v)))?;
                }
                Ok(())
            },
        )?;
        let first = layouter.assign_region(
            || "values",
            |mut region| {
                let mut first = None;
                for (row, (v, square)) in self.values.iter().enumerate() {
                    config.q.enable(&mut region, row)?;
                    let cell = region.assign_advice(config.pair[0], row, Value::known(Fr::from(*v))).cell();
                    region.assign_advice(config.pair[1], row, Value::known(Fr::from(*square)));
                    first.get_or_insert(cell);
                }
                Ok(first)
            },
        )?;
        first.into_iter().for_each(|cell| layouter.constrain_instance(cell, config.instance, 0));
        Ok(())
    }
}

#[test]
fn lookups_of_halo2_are_proved_too() {
    for (k, rows) in [(5, 3), (6, 50), (9, 400)] {
        let (params, circuit) = (params(k), Squares::new(rows));
        let words = [Fr::from(circuit.values[0].0)];
        let (key, proof) = circuit.prove(&params, &words).unwrap();
        assert!(verify(&params, &key, &words, &proof), "k {k}, {rows} rows");
        assert!(!verify(&params, &key, &[Fr::from(99)], &proof));
        for at in (0..proof.len()).step_by(64) {
            let mut other = proof.clone();
            other[at] ^= 1;
            assert!(!verify(&params, &key, &words, &other), "byte {at}");
        }
    }
}

#[test]
fn a_value_outside_its_table_is_refused_by_name() {
    let params = params(5);
    let mut circuit = Squares::new(12);
    circuit.values[5] = (3, 10);
    let error = circuit.prove(&params, &[Fr::ZERO]).unwrap_err();
    assert!(matches!(error, Error::Lookup { index: 0 }), "{error}");
}

#[test]
fn circuits_that_do_not_fit_are_not_synthesised() {
    let params = params(5);
    let key = keygen_pk2(&params, &Squares::new(12), false).unwrap();
    let error = Synthesised::of(&key, &Squares::new(40), &[&[]]).unwrap_err();
    assert!(error.to_string().contains("row"), "{error}");
    let toy = Toy::new(2, 12);
    let error = Synthesised::of(&toy.key(&params), &toy, &[&[]]).unwrap_err();
    assert!(matches!(error, Error::Unsupported { count: 2, .. }), "{error}");
}
