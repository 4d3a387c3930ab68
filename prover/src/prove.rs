//! The proof, step by step.

use halo2_proofs::halo2curves::bn256::{Fr, G1, G1Affine};
use halo2_proofs::halo2curves::ff::Field;
use halo2_proofs::halo2curves::group::Curve;
use halo2_proofs::plonk::{Any, ConstraintSystem, ProvingKey};
use halo2_proofs::poly::Rotation;
use halo2_proofs::transcript::{EncodedChallenge, TranscriptWrite};
use rand::{CryptoRng, RngCore, SeedableRng, rngs::StdRng};
use rayon::prelude::*;

use crate::bases::Bases;
use crate::error::Error;
use crate::fft::Domain;
use crate::graph::Offsets;
use crate::lookup::{self, Lookup, reorder};
use crate::opening::{Query, horner, open};
use crate::permutation::{Challenges, Copied, products};
use crate::quotient::{Given, Polynomials, copied_together, quotient, slices, weighted_sum};
use crate::witness::Witness;

/// Writes a proof that `witness` satisfies `key`'s constraints with the instance columns `instances`. It is not verified here, and a false witness gives a false proof.
///
/// `rng` seeds the blinding of the columns and the random polynomial.
///
/// # Errors
/// [`Error::Size`], [`Error::Unsupported`], [`Error::Instances`], [`Error::Rows`] or [`Error::Columns`] for arguments that do not fit the key; [`Error::Lookup`] for a value that is not in its table; the transcript's errors.
pub fn prove<E, T>(
    bases: Bases<'_>,
    key: &ProvingKey<G1Affine>,
    witness: impl Witness,
    instances: &[&[Fr]],
    rng: &mut (impl RngCore + CryptoRng),
    transcript: &mut T,
) -> Result<(), Error>
where
    E: EncodedChallenge<G1Affine>,
    T: TranscriptWrite<G1Affine, E>,
{
    let mut rng = StdRng::from_rng(rng).map_err(|e| std::io::Error::other(e.to_string()))?;
    let prover = Prover::new(bases, key)?;
    key.get_vk().hash_into(transcript)?;
    let instance = prover.instance(instances)?;
    for value in instances.iter().flat_map(|values| values.iter()) {
        transcript.common_scalar(*value)?;
    }
    let (advice, challenges) = prover.advice(witness, &mut rng, transcript)?;

    let theta = *transcript.squeeze_challenge_scalar::<()>();
    let looked_up = prover.lookups(&advice, &instance, &challenges, theta, &mut rng)?;
    for lookup in &looked_up {
        prover.write_values([&lookup.ordered_input, &lookup.ordered_table], transcript)?;
    }
    let beta = *transcript.squeeze_challenge_scalar::<()>();
    let gamma = *transcript.squeeze_challenge_scalar::<()>();
    let permutation = Challenges { beta, gamma };
    let mut products = prover.products(&advice, &instance, permutation, &mut rng);
    prover.write_values(&products, transcript)?;
    let mut lookups = Vec::new();
    for lookup in looked_up {
        let product = lookup.product(permutation, prover.cs().blinding_factors(), &mut rng);
        prover.write_values([&product], transcript)?;
        lookups.extend([product, lookup.ordered_input, lookup.ordered_table]);
    }
    let random = random_polynomial(prover.domain.len(), &mut rng);
    transcript.write_point(bases.commit(&random).to_affine())?;

    let y = *transcript.squeeze_challenge_scalar::<()>();
    let [mut advice, mut instance] = [advice, instance];
    for columns in [&mut advice, &mut instance, &mut products, &mut lookups] {
        columns.par_iter_mut().for_each(|column| *column = prover.domain.interpolate(column));
    }
    let polynomials = Polynomials { key, advice: &advice, instance: &instance, products: &products, lookups: &lookups };
    let given = Given { challenges: &challenges, theta, permutation };
    let pieces = quotient(&prover.domain, &polynomials, &given, y)?;
    write_points(&pieces.iter().map(|piece| bases.commit(piece)).collect::<Vec<_>>(), transcript)?;

    let x = *transcript.squeeze_challenge_scalar::<()>();
    let xn = x.pow_vartime([prover.domain.len() as u64]);
    let powers = std::iter::successors(Some(Fr::one()), |power| Some(power * xn));
    let h = weighted_sum(pieces.iter().map(|piece| &piece[..]).zip(powers));
    drop(pieces);
    let openings = prover.openings(&polynomials, &h, &random, x);
    for opening in openings.written {
        transcript.write_scalar(opening.value)?;
    }
    open(bases, &openings.queries, transcript)
}

struct Prover<'a> {
    bases: Bases<'a>,
    key: &'a ProvingKey<G1Affine>,
    domain: Domain,
    /// Rows that are not random.
    usable: usize,
}

impl<'a> Prover<'a> {
    fn new(bases: Bases<'a>, key: &'a ProvingKey<G1Affine>) -> Result<Self, Error> {
        let cs = key.get_vk().cs();
        let k = key.get_vk().get_domain().k();
        if bases.len() != 1 << k {
            return Err(Error::Size { expected: k, got: bases.len().checked_ilog2().unwrap_or(0) });
        }
        let domain = Domain::new(k).ok_or(Error::Size { expected: k, got: k })?;
        let usable = domain.len() - cs.blinding_factors() - 1;
        Ok(Self { bases, key, domain, usable })
    }

    fn cs(&self) -> &ConstraintSystem<Fr> {
        self.key.get_vk().cs()
    }

    /// Whole columns of instance values.
    fn instance(&self, instances: &[&[Fr]]) -> Result<Vec<Vec<Fr>>, Error> {
        let expected = self.cs().num_instance_columns();
        if instances.len() != expected {
            return Err(Error::Instances { expected, got: instances.len() });
        }
        let columns = instances.iter().enumerate();
        columns.map(|(i, values)| self.filled("instance", i, values.to_vec())).collect()
    }

    fn filled(&self, what: &'static str, column: usize, mut values: Vec<Fr>) -> Result<Vec<Fr>, Error> {
        let (most, got) = (self.usable, values.len());
        if got > most {
            return Err(Error::Rows { what, column, most, got });
        }
        values.resize(self.domain.len(), Fr::zero());
        Ok(values)
    }

    /// Values of all advice columns, committed to phase by phase, and all challenges.
    fn advice<E: EncodedChallenge<G1Affine>, T: TranscriptWrite<G1Affine, E>>(
        &self,
        mut witness: impl Witness,
        rng: &mut StdRng,
        transcript: &mut T,
    ) -> Result<(Vec<Vec<Fr>>, Vec<Fr>), Error> {
        let of_columns = self.cs().advice_column_phase();
        let of_challenges = self.cs().challenge_phase();
        let mut advice = vec![Vec::new(); of_columns.len()];
        let mut challenges = vec![Fr::zero(); of_challenges.len()];
        let last = of_columns.iter().chain(&of_challenges).copied().max().unwrap_or(0);
        for phase in 0..=last {
            let mut columns = witness.columns(phase, &challenges);
            columns.sort_by_key(|(column, _)| *column);
            let expected: Vec<usize> = (0..of_columns.len()).filter(|i| of_columns[*i] == phase).collect();
            let got: Vec<usize> = columns.iter().map(|(column, _)| *column).collect();
            if expected != got {
                return Err(Error::Columns { phase, expected, got });
            }
            let mut values = Vec::with_capacity(columns.len());
            for (column, cells) in columns {
                let mut cells = self.filled("advice", column, cells)?;
                cells[self.usable..].iter_mut().for_each(|cell| *cell = Fr::random(&mut *rng));
                values.push(cells);
            }
            self.write_values(&values, transcript)?;
            got.into_iter().zip(values).for_each(|(column, values)| advice[column] = values);
            for i in (0..of_challenges.len()).filter(|i| of_challenges[*i] == phase) {
                challenges[i] = *transcript.squeeze_challenge_scalar::<()>();
            }
        }
        Ok((advice, challenges))
    }

    /// Commits to columns of values and writes the commitments.
    fn write_values<'b, E: EncodedChallenge<G1Affine>, T: TranscriptWrite<G1Affine, E>>(
        &self,
        columns: impl IntoIterator<Item = &'b Vec<Fr>>,
        transcript: &mut T,
    ) -> Result<(), Error> {
        write_points(
            &columns.into_iter().map(|column| self.bases.commit_values(column)).collect::<Vec<_>>(),
            transcript,
        )
    }

    fn products(
        &self,
        advice: &[Vec<Fr>],
        instance: &[Vec<Fr>],
        challenges: Challenges,
        rng: &mut StdRng,
    ) -> Vec<Vec<Fr>> {
        let columns = self.cs().permutation().get_columns();
        let copied: Vec<Copied<'_>> = columns
            .iter()
            .zip(self.key.permutation().permutations())
            .map(|(column, sigma)| {
                let values = match column.column_type() {
                    Any::Advice(_) => &advice[column.index()],
                    Any::Fixed => self.key.fixed_values()[column.index()].values(),
                    Any::Instance => &instance[column.index()],
                };
                Copied { values, sigma: sigma.values() }
            })
            .collect();
        let chunk = copied_together(self.cs());
        products(&self.domain, &copied, chunk, challenges, self.cs().blinding_factors(), rng)
    }

    fn lookups(
        &self,
        advice: &[Vec<Fr>],
        instance: &[Vec<Fr>],
        challenges: &[Fr],
        theta: Fr,
        rng: &mut StdRng,
    ) -> Result<Vec<Lookup>, Error> {
        let fixed = self.key.fixed_values().iter().map(|column| column.values());
        let columns: Vec<&[Fr]> = slices(advice).chain(fixed).chain(slices(instance)).collect();
        let fixed = advice.len();
        let at = Offsets { advice: 0, fixed, instance: fixed + self.key.fixed_values().len() };
        reorder(self.cs(), &columns, at, challenges, theta, self.usable, rng)
    }

    /// What is written and what is opened, each in halo2's order.
    fn openings<'b>(&self, polynomials: &Polynomials<'b>, h: &'b [Fr], random: &'b [Fr], x: Fr) -> Openings<'b>
    where
        'a: 'b,
    {
        let cs = self.cs();
        let key = polynomials.key;
        let last = -(cs.blinding_factors() as i32) - 1;
        let advice = |(column, at): &(_, Rotation)| At::new(Kind::Advice, column_index(column), at.0);
        let fixed = |(column, at): &(_, Rotation)| At::new(Kind::Fixed, column_index(column), at.0);
        let advice: Vec<At> = cs.advice_queries().iter().map(advice).collect();
        let fixed: Vec<At> = cs.fixed_queries().iter().map(fixed).collect();
        let sigma: Vec<At> = (0..key.permutation().polys().len()).map(|i| At::new(Kind::Sigma, i, 0)).collect();
        let z = |i, rotation| At::new(Kind::Product, i, rotation);
        let sets = polynomials.products.len();
        let product = |i: usize| [z(i, 0), z(i, 1)];
        let [h_at, random_at] = [At::new(Kind::Quotient, 0, 0), At::new(Kind::Random, 0, 0)];

        let mut written = [&advice[..], &fixed, &[random_at], &sigma].concat();
        for i in 0..sets {
            written.extend(product(i));
            written.extend((i + 1 < sets).then_some(z(i, last)));
        }
        let lookups: Vec<[At; 5]> = (0..polynomials.lookups.len() / lookup::COLUMNS)
            .map(|i| {
                let at = |column, rotation| At::new(Kind::Lookup, lookup::COLUMNS * i + column, rotation);
                [at(0, 0), at(0, 1), at(1, 0), at(1, -1), at(2, 0)]
            })
            .collect();
        written.extend(lookups.iter().flatten());
        let mut opened = advice;
        opened.extend((0..sets).flat_map(product));
        opened.extend((0..sets.saturating_sub(1)).rev().map(|i| z(i, last)));
        opened.extend(lookups.iter().flat_map(|[z, next, a, before, s]| [z, a, s, before, next]));
        opened.extend([&fixed[..], &sigma, &[h_at, random_at]].concat());

        let evaluate = |at: &At| {
            let coefficients = match at.kind {
                Kind::Advice => &polynomials.advice[at.index],
                Kind::Fixed => key.fixed_polys()[at.index].values(),
                Kind::Sigma => key.permutation().polys()[at.index].values(),
                Kind::Product => &polynomials.products[at.index],
                Kind::Lookup => &polynomials.lookups[at.index],
                Kind::Quotient => h,
                Kind::Random => random,
            };
            let point = x * self.domain.power(i64::from(at.rotation));
            let polynomial = at.index * Kind::COUNT + at.kind as usize;
            Query { polynomial, coefficients, point, value: horner(coefficients, point) }
        };
        let queries: Vec<Query<'b>> = opened.par_iter().map(evaluate).collect();
        let of = |at: &At| opened.iter().position(|other| other == at).map(|i| queries[i]);
        let written = written.iter().filter_map(of).collect();
        Openings { written, queries }
    }
}

fn column_index<C: halo2_proofs::plonk::ColumnType>(column: &halo2_proofs::plonk::Column<C>) -> usize {
    column.index()
}

struct Openings<'a> {
    written: Vec<Query<'a>>,
    queries: Vec<Query<'a>>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Advice,
    Fixed,
    Sigma,
    Product,
    Lookup,
    Quotient,
    Random,
}

impl Kind {
    const COUNT: usize = 7;
}

/// A polynomial and where it is opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct At {
    kind: Kind,
    index: usize,
    rotation: i32,
}

impl At {
    fn new(kind: Kind, index: usize, rotation: i32) -> Self {
        Self { kind, index, rotation }
    }
}

fn write_points<E: EncodedChallenge<G1Affine>, T: TranscriptWrite<G1Affine, E>>(
    points: &[G1],
    transcript: &mut T,
) -> Result<(), Error> {
    let mut affine = vec![G1Affine::default(); points.len()];
    G1::batch_normalize(points, &mut affine);
    for point in affine {
        transcript.write_point(point)?;
    }
    Ok(())
}

/// Uniform coefficients: what hides the quotient's value.
fn random_polynomial(len: usize, rng: &mut StdRng) -> Vec<Fr> {
    const CHUNK: usize = 1 << 12;
    let seeds: Vec<[u8; 32]> = (0..len.div_ceil(CHUNK)).map(|_| rand::Rng::r#gen(rng)).collect();
    let mut coefficients = vec![Fr::zero(); len];
    coefficients.par_chunks_mut(CHUNK).zip(seeds).for_each(|(chunk, seed)| {
        let mut rng = StdRng::from_seed(seed);
        chunk.iter_mut().for_each(|coefficient| *coefficient = Fr::random(&mut rng));
    });
    coefficients
}
