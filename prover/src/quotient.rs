//! The sum of all constraints, divided by the polynomial that vanishes on the rows.
//!
//! The quotient of a key of degree `d` has `d − 1` pieces of `n` coefficients. It is computed on as many cosets `s_j H`, where `X^n` is a constant `c_j`: what is
//! interpolated there is `∑ c_j^m h_m(X)`, and the pieces `h_m` follow by one small linear system for all coefficients.
//!
//! The Lagrange polynomials of single rows need no transform: on a coset all of them are rotations of `(s^n − 1) / (n (s X − 1))`.

use halo2_proofs::halo2curves::bn256::{Fr, G1Affine};
use halo2_proofs::halo2curves::ff::{Field, PrimeField};
use halo2_proofs::plonk::{Any, ConstraintSystem, ProvingKey};
use rayon::prelude::*;

use crate::error::Error;
use crate::fft::Domain;
use crate::graph::{Graph, Id, Offsets, Program};
use crate::lookup;
use crate::permutation::Challenges;
use crate::rows::{Arithmetic, points};

/// Rows that one thread handles at a time.
const CHUNK: usize = 1 << 11;

/// The coefficients of all polynomials that the constraints are about.
pub struct Polynomials<'a> {
    pub key: &'a ProvingKey<G1Affine>,
    pub advice: &'a [Vec<Fr>],
    pub instance: &'a [Vec<Fr>],
    pub products: &'a [Vec<Fr>],
    /// Of each lookup running product, ordered inputs and ordered table.
    pub lookups: &'a [Vec<Fr>],
}

/// Where each polynomial stands among the columns of the program.
struct Places {
    offsets: Offsets,
    sigma: usize,
    products: usize,
    lookups: usize,
    lagrange: usize,
    identity: usize,
}

impl Polynomials<'_> {
    fn list(&self) -> Vec<&[Fr]> {
        let fixed = self.key.fixed_polys().iter().map(|poly| poly.values());
        let sigma = self.key.permutation().polys().iter().map(|poly| poly.values());
        let (advice, instance) = (slices(self.advice), slices(self.instance));
        advice
            .chain(fixed)
            .chain(instance)
            .chain(sigma)
            .chain(slices(self.products))
            .chain(slices(self.lookups))
            .collect()
    }
}

impl Places {
    fn of(cs: &ConstraintSystem<Fr>) -> Self {
        let copied = cs.permutation().get_columns().len();
        let advice = 0;
        let fixed = advice + cs.num_advice_columns();
        let instance = fixed + cs.num_fixed_columns();
        let sigma = instance + cs.num_instance_columns();
        let products = sigma + copied;
        let lookups = products + copied.div_ceil(copied_together(cs));
        let lagrange = lookups + lookup::COLUMNS * cs.lookups().len();
        let offsets = Offsets { advice, fixed, instance };
        Places { offsets, sigma, products, lookups, lagrange, identity: lagrange + 1 }
    }
}

/// Copied columns of one running product.
pub fn copied_together(cs: &ConstraintSystem<Fr>) -> usize {
    cs.degree().saturating_sub(2).max(1)
}

/// Multiplications that the constraints take on each row of each coset.
///
/// # Errors
/// [`Error::Unsupported`] for virtual selectors in a gate.
pub fn multiplications(cs: &ConstraintSystem<Fr>) -> Result<usize, Error> {
    // Any numbers will do that are different and neither 0 nor 1.
    let any: Vec<Fr> = (2..6 + cs.num_challenges() as u64).map(Fr::from).collect();
    let given = Given { challenges: &any[4..], theta: any[3], permutation: Challenges { beta: any[0], gamma: any[1] } };
    Ok(constraints(cs, &Places::of(cs), &given, any[2])?.multiplications())
}

pub fn slices(polys: &[Vec<Fr>]) -> impl Iterator<Item = &[Fr]> {
    polys.iter().map(|poly| &poly[..])
}

/// The pieces of the quotient, `n` coefficients each.
///
/// # Errors
/// [`Error::Unsupported`] for virtual selectors or unknown challenges in a gate; [`Error::Challenge`] never, for the cosets are fixed.
pub fn quotient(
    domain: &Domain,
    polynomials: &Polynomials<'_>,
    given: &Given<'_>,
    y: Fr,
) -> Result<Vec<Vec<Fr>>, Error> {
    let cs = polynomials.key.get_vk().cs();
    let program = constraints(cs, &Places::of(cs), given, y)?;
    let pieces = cs.degree() - 1;
    let shifts = shifts(domain, pieces)?;
    let mut values = Vec::new();
    let mut on_coset = |shift: &Fr| on_coset(domain, polynomials, &program, *shift, &mut values);
    let sums: Vec<Vec<Fr>> = shifts.iter().map(&mut on_coset).collect();
    drop(values);
    let parts: Option<Vec<Vec<Fr>>> =
        sums.par_iter().zip(&shifts).map(|(sums, shift)| domain.interpolate_coset(sums, *shift)).collect();
    let parts = parts.ok_or(Error::Challenge)?;
    let constants: Vec<Fr> = shifts.iter().map(|shift| shift.pow_vartime([domain.len() as u64])).collect();
    let system = pieces_of_parts(&constants).ok_or(Error::Challenge)?;
    Ok(combine(&parts, &system))
}

/// As many shifts as there are pieces, whose cosets are disjoint and hold no row: a generator of the whole group times roots of unity of a larger domain.
fn shifts(domain: &Domain, pieces: usize) -> Result<Vec<Fr>, Error> {
    let k = domain.k() + pieces.next_power_of_two().trailing_zeros();
    let excess = Fr::S.checked_sub(k).ok_or(Error::Size { expected: Fr::S, got: k })?;
    let larger = (0..excess).fold(Fr::ROOT_OF_UNITY, |root, _| root.square());
    Ok((0..pieces).map(|j| Fr::MULTIPLICATIVE_GENERATOR * larger.pow_vartime([j as u64])).collect())
}

/// The sum of all constraints on the coset. `values` is memory for the values of all polynomials there, used again for the next coset.
fn on_coset(
    domain: &Domain,
    polynomials: &Polynomials<'_>,
    program: &Program,
    shift: Fr,
    values: &mut Vec<Vec<Fr>>,
) -> Vec<Fr> {
    let list = polynomials.list();
    values.resize_with(list.len() + 2, Vec::new);
    let (transformed, rest) = values.split_at_mut(list.len());
    let coset = domain.coset(shift);
    transformed.par_iter_mut().zip(&list).for_each(|(values, poly)| coset.evaluate_into(poly, values));
    drop(coset);
    if let [lagrange, identity] = rest {
        points(domain, shift, identity);
        first_row(domain, shift, identity, lagrange);
    }
    let columns: Vec<&[Fr]> = values.iter().map(|column| &column[..]).collect();
    program.run(&columns)
}

/// The polynomial that is 1 on the first row and 0 on the others, on the coset's points. That of row `r` is the same `r` rows further down.
fn first_row(domain: &Domain, shift: Fr, points: &[Fr], values: &mut Vec<Fr>) {
    let n = domain.len() as u64;
    let scale = (shift.pow_vartime([n]) - Fr::one()) * Fr::from(n).invert().unwrap_or(Fr::zero());
    values.resize(points.len(), Fr::zero());
    let arithmetic = Arithmetic::detect();
    values.par_chunks_mut(CHUNK).zip(points.par_chunks(CHUNK)).for_each(|(values, points)| {
        values.iter_mut().zip(points).for_each(|(value, point)| *value = point - Fr::one());
        arithmetic.invert(values);
        arithmetic.scale(values, scale);
    });
}

/// All constraints, weighted by powers of `y`, as halo2 orders them: those of the gates, then those of the copies; the first has the highest power.
fn constraints(cs: &ConstraintSystem<Fr>, places: &Places, given: &Given<'_>, y: Fr) -> Result<Program, Error> {
    let mut graph = Graph::default();
    let mut all = Vec::new();
    for polynomial in cs.gates().iter().flat_map(|gate| gate.polynomials()) {
        let id = graph.expression(polynomial, places.offsets, given.challenges);
        all.push(id.ok_or(Error::Unsupported { what: "virtual selectors or unknown challenges in a gate", count: 1 })?);
    }
    let rows = Rows::new(&mut graph, cs, places);
    all.extend(copies(&mut graph, cs, places, &rows, given.permutation));
    for index in 0..cs.lookups().len() {
        let constraints = looked_up(&mut graph, cs, index, places, &rows, given);
        all.extend(constraints.ok_or(Error::Unsupported { what: "virtual selectors in a lookup", count: 1 })?);
    }
    let root = weighted(&mut graph, &all, y);
    Ok(graph.compile(root))
}

/// `∑ y^(last − i) c_i`. Constraints that share a factor (the selector of their gate) are summed before they are multiplied by it.
fn weighted(graph: &mut Graph, constraints: &[Id], y: Fr) -> Id {
    let mut power = Fr::one();
    let mut groups: Vec<(Option<Id>, Id)> = Vec::new();
    let shared = |graph: &Graph, factor: Id| {
        constraints.iter().filter(|c| graph.factors(**c).is_some_and(|f| f.contains(&factor))).count() > 1
    };
    for constraint in constraints.iter().rev() {
        let [factor, rest] = match graph.factors(*constraint) {
            Some([a, b]) if shared(graph, a) => [Some(a), Some(b)],
            Some([a, b]) if shared(graph, b) => [Some(b), Some(a)],
            _ => [None, None],
        };
        let weight = graph.scalar(power);
        let term = graph.mul(weight, rest.unwrap_or(*constraint));
        match groups.iter_mut().find(|(known, _)| *known == factor) {
            Some((_, sum)) => *sum = graph.add(*sum, term),
            None => groups.push((factor, term)),
        }
        power *= y;
    }
    let mut total = graph.scalar(Fr::zero());
    for (factor, sum) in groups {
        let product = match factor {
            Some(factor) => graph.mul(factor, sum),
            None => sum,
        };
        total = graph.add(total, product);
    }
    total
}

/// The challenges of all phases and arguments but the last, `y`.
pub struct Given<'a> {
    pub challenges: &'a [Fr],
    pub theta: Fr,
    pub permutation: Challenges,
}

/// Polynomials that are 1 on some rows and 0 on the others.
struct Rows {
    first: Id,
    /// The row after the last usable one, where running products end.
    last: Id,
    /// All but the last and the random ones.
    active: Id,
}

impl Rows {
    fn new(graph: &mut Graph, cs: &ConstraintSystem<Fr>, places: &Places) -> Self {
        let last = end(cs);
        let mut active = graph.scalar(Fr::one());
        for rotation in 1..=last {
            let row = graph.cell(places.lagrange, rotation);
            active = graph.sub(active, row);
        }
        Self { first: graph.cell(places.lagrange, 0), last: graph.cell(places.lagrange, last), active }
    }
}

/// How many rows before the first the running products end, counted around the end.
fn end(cs: &ConstraintSystem<Fr>) -> i32 {
    cs.blinding_factors() as i32 + 1
}

/// A running product starts with 1.
fn starts_with_one(graph: &mut Graph, rows: &Rows, z: Id) -> Id {
    let one = graph.scalar(Fr::one());
    let rest = graph.sub(one, z);
    graph.mul(rest, rows.first)
}

/// A running product ends with 0 or 1.
fn ends_with_a_bit(graph: &mut Graph, rows: &Rows, z: Id) -> Id {
    let square = graph.mul(z, z);
    let rest = graph.sub(square, z);
    graph.mul(rest, rows.last)
}

/// The constraints of a lookup.
fn looked_up(
    graph: &mut Graph,
    cs: &ConstraintSystem<Fr>,
    index: usize,
    places: &Places,
    rows: &Rows,
    given: &Given<'_>,
) -> Option<[Id; 5]> {
    let first = places.lookups + lookup::COLUMNS * index;
    let lookup = &cs.lookups()[index];
    let (z, next) = (graph.cell(first, 0), graph.cell(first, 1));
    let (a, before, s) = (graph.cell(first + 1, 0), graph.cell(first + 1, -1), graph.cell(first + 2, 0));
    let mut compressed =
        |expressions| lookup::compressed(graph, expressions, places.offsets, given.challenges, given.theta);
    let (input, table) = (compressed(lookup.input_expressions())?, compressed(lookup.table_expressions())?);
    let [beta, gamma] = [given.permutation.beta, given.permutation.gamma].map(|value| graph.scalar(value));
    let mut product = |z, a, s| {
        let (a, s) = (graph.add(a, beta), graph.add(s, gamma));
        let product = graph.mul(z, a);
        graph.mul(product, s)
    };
    let (left, right) = (product(next, a, s), product(z, input, table));
    let advance = graph.sub(left, right);
    let (differs, changes) = (graph.sub(a, s), graph.sub(a, before));
    let lonely = graph.mul(differs, changes);
    Some([
        starts_with_one(graph, rows, z),
        ends_with_a_bit(graph, rows, z),
        graph.mul(rows.active, advance),
        graph.mul(rows.first, differs),
        graph.mul(rows.active, lonely),
    ])
}

/// The constraints of the running products.
fn copies(
    graph: &mut Graph,
    cs: &ConstraintSystem<Fr>,
    places: &Places,
    rows: &Rows,
    challenges: Challenges,
) -> Vec<Id> {
    let columns = cs.permutation().get_columns();
    let chunk = copied_together(cs);
    let chunks = columns.len().div_ceil(chunk);
    let z = |graph: &mut Graph, i: usize, rotation| graph.cell(places.products + i, rotation);
    let mut all = Vec::new();
    if chunks == 0 {
        return all;
    }
    let start = z(graph, 0, 0);
    all.push(starts_with_one(graph, rows, start));
    let last = z(graph, chunks - 1, 0);
    all.push(ends_with_a_bit(graph, rows, last));
    for i in 1..chunks {
        let (here, before) = (z(graph, i, 0), z(graph, i - 1, -end(cs)));
        let difference = graph.sub(here, before);
        all.push(graph.mul(difference, rows.first));
    }
    let beta = graph.scalar(challenges.beta);
    let gamma = graph.scalar(challenges.gamma);
    let identity = graph.cell(places.identity, 0);
    let mut delta = challenges.beta;
    for (i, columns) in columns.chunks(chunk).enumerate() {
        let (mut left, mut right) = (z(graph, i, 1), z(graph, i, 0));
        for (j, column) in columns.iter().enumerate() {
            let value = match column.column_type() {
                Any::Advice(_) => graph.cell(places.offsets.advice + column.index(), 0),
                Any::Fixed => graph.cell(places.offsets.fixed + column.index(), 0),
                Any::Instance => graph.cell(places.offsets.instance + column.index(), 0),
            };
            let value = graph.add(value, gamma);
            let sigma = graph.cell(places.sigma + i * chunk + j, 0);
            let sigma = graph.mul(beta, sigma);
            let factor = graph.add(value, sigma);
            left = graph.mul(left, factor);
            let shift = graph.scalar(delta);
            let shift = graph.mul(shift, identity);
            let factor = graph.add(value, shift);
            right = graph.mul(right, factor);
            delta *= Fr::DELTA;
        }
        let difference = graph.sub(left, right);
        all.push(graph.mul(rows.active, difference));
    }
    all
}

/// The matrix that takes what was interpolated on the cosets to the quotient's pieces: the inverse of `(c_j^m)`, with row `j` divided by `c_j − 1`, by which all constraints are multiples
/// there. `None` if two constants are equal or one is 1.
fn pieces_of_parts(constants: &[Fr]) -> Option<Vec<Vec<Fr>>> {
    let d = constants.len();
    let inverse = |value: Fr| Option::<Fr>::from(value.invert());
    // Column j of the inverse holds the coefficients of the polynomial that is 1 at c_j and 0 at the others.
    let mut system = vec![vec![Fr::zero(); d]; d];
    for (j, at) in constants.iter().enumerate() {
        let mut poly = vec![inverse(*at - Fr::one())?];
        for other in constants.iter().enumerate().filter(|(i, _)| *i != j).map(|(_, c)| *c) {
            let scale = inverse(*at - other)?;
            let mut next = vec![Fr::zero(); poly.len() + 1];
            for (i, coefficient) in poly.iter().enumerate() {
                let coefficient = coefficient * scale;
                next[i] -= coefficient * other;
                next[i + 1] += coefficient;
            }
            poly = next;
        }
        for (row, coefficient) in system.iter_mut().zip(poly) {
            row[j] = coefficient;
        }
    }
    Some(system)
}

/// For each row of the system, the sum of the parts weighted by it.
fn combine(parts: &[Vec<Fr>], system: &[Vec<Fr>]) -> Vec<Vec<Fr>> {
    system.iter().map(|weights| weighted_sum(parts.iter().map(|part| &part[..]).zip(weights.iter().copied()))).collect()
}

/// `∑ w_i p_i` of polynomials of one length.
pub fn weighted_sum<'a>(terms: impl Iterator<Item = (&'a [Fr], Fr)>) -> Vec<Fr> {
    let terms: Vec<_> = terms.collect();
    let len = terms.iter().map(|(poly, _)| poly.len()).max().unwrap_or(0);
    let mut sum = vec![Fr::zero(); len];
    sum.par_chunks_mut(CHUNK).enumerate().for_each(|(i, sum)| {
        let part = |(poly, weight): &(&'a [Fr], Fr)| (poly.get(i * CHUNK..).unwrap_or_default(), *weight);
        Arithmetic::detect().add_weighted(sum, &terms.iter().map(part).collect::<Vec<_>>());
    });
    sum
}
