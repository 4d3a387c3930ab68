//! Halo2's lookup argument.
//!
//! Inputs and table, each compressed to one column by powers of θ, are reordered to `A'` and `S'` so that equal inputs are neighbours and the first of them stands beside its table entry. A running product
//! `z(ωX) / z(X) = (A + β)(S + γ) / ((A' + β)(S' + γ))` shows that both are reorderings ([the halo2 book](https://zcash.github.io/halo2/design/proving-system/lookup.html)).

use halo2_proofs::halo2curves::bn256::Fr;
use halo2_proofs::halo2curves::ff::Field;
use halo2_proofs::plonk::{ConstraintSystem, Expression};
use rand::RngCore;
use std::collections::HashMap;

use crate::error::Error;
use crate::graph::{Graph, Id, Offsets};
use crate::permutation::{Challenges, quotients};
use crate::rows::Arithmetic;

/// The columns that a proof commits to for one lookup.
pub const COLUMNS: usize = 3;

/// One lookup's columns of values.
#[derive(Debug)]
pub struct Lookup {
    input: Vec<Fr>,
    table: Vec<Fr>,
    /// The inputs, equal ones together.
    pub ordered_input: Vec<Fr>,
    /// The table, each entry that is looked up beside the first of its inputs.
    pub ordered_table: Vec<Fr>,
}

/// `∑ θ^(m−1−i) e_i`
pub fn compressed(
    graph: &mut Graph,
    expressions: &[Expression<Fr>],
    at: Offsets,
    challenges: &[Fr],
    theta: Fr,
) -> Option<Id> {
    let theta = graph.scalar(theta);
    let mut sum = graph.scalar(Fr::zero());
    for expression in expressions {
        let value = graph.expression(expression, at, challenges)?;
        let scaled = graph.mul(sum, theta);
        sum = graph.add(scaled, value);
    }
    Some(sum)
}

/// Reorders each lookup of `cs`. `columns` are the values of advice, fixed and instance columns at `at`; the rows from `usable` on are random.
///
/// # Errors
/// [`Error::Lookup`] for an input that is not in its table.
pub fn reorder(
    cs: &ConstraintSystem<Fr>,
    columns: &[&[Fr]],
    at: Offsets,
    challenges: &[Fr],
    theta: Fr,
    usable: usize,
    rng: &mut impl RngCore,
) -> Result<Vec<Lookup>, Error> {
    let lookups = cs.lookups().iter().enumerate();
    lookups
        .map(|(index, lookup)| {
            let values = |expressions: &[Expression<Fr>]| {
                let mut graph = Graph::default();
                let root = compressed(&mut graph, expressions, at, challenges, theta);
                let unknown =
                    Error::Unsupported { what: "virtual selectors or unknown challenges in a lookup", count: 1 };
                Ok::<_, Error>(graph.compile(root.ok_or(unknown)?).run(columns))
            };
            let (input, table) = (values(lookup.input_expressions())?, values(lookup.table_expressions())?);
            let (mut ordered_input, mut ordered_table) =
                pairs(&input[..usable], &table[..usable]).ok_or(Error::Lookup { index })?;
            for column in [&mut ordered_input, &mut ordered_table] {
                column.resize_with(input.len(), || Fr::random(&mut *rng));
            }
            Ok(Lookup { input, table, ordered_input, ordered_table })
        })
        .collect()
}

/// Both columns reordered; `None` if an input is not in the table.
fn pairs(input: &[Fr], table: &[Fr]) -> Option<(Vec<Fr>, Vec<Fr>)> {
    let mut places: HashMap<Fr, usize> = HashMap::new();
    // Each input with how often it comes, and whether its table entry was met.
    let mut counts: Vec<(Fr, usize, bool)> = Vec::new();
    for value in input {
        let place = *places.entry(*value).or_insert_with(|| {
            counts.push((*value, 0, false));
            counts.len() - 1
        });
        counts[place].1 += 1;
    }
    let mut rest = Vec::with_capacity(table.len());
    for value in table {
        match places.get(value).map(|place| &mut counts[*place].2) {
            Some(met) if !*met => *met = true,
            _ => rest.push(*value),
        }
    }
    let mut ordered = (Vec::with_capacity(input.len()), Vec::with_capacity(input.len()));
    for (value, count, met) in counts {
        if !met {
            return None;
        }
        ordered.0.resize(ordered.0.len() + count, value);
        ordered.1.push(value);
        ordered.1.extend(rest.drain(rest.len() + 1 - count..));
    }
    Some(ordered)
}

impl Lookup {
    /// Values of the running product, the last `blinding` rows random.
    pub fn product(&self, challenges: Challenges, blinding: usize, rng: &mut impl RngCore) -> Vec<Fr> {
        let mut graph = Graph::default();
        let [beta, gamma] = [challenges.beta, challenges.gamma].map(|value| graph.scalar(value));
        let (a, s) = (graph.cell(0, 0), graph.cell(1, 0));
        let (a, s) = (graph.add(a, beta), graph.add(s, gamma));
        let product = graph.mul(a, s);
        let product = graph.compile(product);
        let given = product.run(&[&self.input, &self.table]);
        let mut ratios = quotients(&given, product.run(&[&self.ordered_input, &self.ordered_table]));
        Arithmetic::detect().running_products(Fr::one(), &mut ratios);
        let usable = ratios.len() - blinding;
        ratios[usable..].iter_mut().for_each(|value| *value = Fr::random(&mut *rng));
        ratios
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn column(values: &[u64]) -> Vec<Fr> {
        values.iter().map(|value| Fr::from(*value)).collect()
    }

    #[test]
    fn equal_inputs_are_neighbours_and_the_first_stands_beside_its_entry() {
        let (input, table) = (column(&[3, 1, 3, 3, 0, 1, 9, 0]), column(&[0, 1, 2, 3, 4, 9, 9, 3]));
        let (a, s) = pairs(&input, &table).unwrap();
        for i in 0..a.len() {
            assert!(a[i] == s[i] || (i > 0 && a[i] == a[i - 1]), "row {i}");
        }
        for (mut ours, mut given) in [(a, input), (s, table)] {
            ours.sort();
            given.sort();
            assert_eq!(ours, given);
        }
    }

    #[test]
    fn an_input_outside_the_table_is_noticed() {
        assert!(pairs(&column(&[1, 2, 5]), &column(&[1, 2, 3])).is_none());
        assert!(pairs(&column(&[1, 1, 1]), &column(&[1, 2, 3])).is_some());
    }
}
