//! Programs against the expressions that they come from, with and without vectors.

use halo2_proofs::halo2curves::ff::Field;
use rand::{Rng, SeedableRng, rngs::StdRng};

use super::program::TERMS;
use super::*;
use crate::lanes::Ifma;

/// The same with and without vectors.
fn run(graph: &Graph, root: Id, columns: &[&[Fr]]) -> Vec<Fr> {
    let program = graph.compile(root);
    let [scalars, vectors] = [None, Ifma::detect()].map(|vectors| {
        let mut machine = Machine::new(&program, columns, vectors);
        let mut out = vec![Fr::zero(); columns[0].len()];
        out.chunks_mut(BLOCK).enumerate().for_each(|(i, out)| machine.run(i * BLOCK, out));
        out
    });
    assert_eq!(scalars, vectors);
    scalars
}

fn column(seed: u64, len: usize) -> Vec<Fr> {
    (0..len as u64).map(|i| Fr::from((i + seed) * 0x9e37_79b9_7f4a_7c15 % 1_000_003)).collect()
}

#[test]
fn programs_compute_what_the_expression_says_around_both_ends() {
    for len in [1, 2, 8, 64, 65, 256, 300] {
        let (a, b) = (column(1, len), column(2, len));
        let mut graph = Graph::default();
        let [x, y, z] = [graph.cell(0, 0), graph.cell(1, -2), graph.cell(0, 3)];
        let product = graph.mul(x, y);
        let two = graph.scalar(Fr::from(2));
        let scaled = graph.mul(two, z);
        let difference = graph.sub(product, scaled);
        let again = graph.mul(y, x);
        let sum = graph.add(again, difference);
        let root = graph.mul(sum, difference);
        let at = |column: &[Fr], i: usize, rotation: i64| column[(i as i64 + rotation).rem_euclid(len as i64) as usize];
        let expected: Vec<Fr> = (0..len)
            .map(|i| {
                let product = at(&a, i, 0) * at(&b, i, -2);
                let difference = product - Fr::from(2) * at(&a, i, 3);
                (product + difference) * difference
            })
            .collect();
        assert_eq!(run(&graph, root, &[&a, &b]), expected, "{len} rows");
    }
}

#[test]
fn equal_expressions_are_one_node_and_constants_fold() {
    let mut graph = Graph::default();
    let (a, b) = (graph.cell(0, 0), graph.cell(1, 0));
    assert_eq!(graph.mul(a, b), graph.mul(b, a));
    assert_eq!(graph.add(a, b), graph.add(b, a));
    assert_ne!(graph.sub(a, b), graph.sub(b, a));
    let [zero, one, three] = [0, 1, 3].map(|v| graph.scalar(Fr::from(v)));
    assert_eq!(graph.mul(one, a), a);
    assert_eq!(graph.mul(a, zero), zero);
    assert_eq!(graph.add(zero, a), a);
    assert_eq!(graph.sub(a, zero), a);
    let [product, four] = [graph.mul(three, three), graph.add(three, one)];
    assert_eq!([product, four], [9, 4].map(|v| graph.scalar(Fr::from(v))));
    let two = graph.sub(three, one);
    assert_eq!(two, graph.scalar(Fr::from(2)));
}

#[test]
fn results_that_need_no_step_are_results_too() {
    let a = column(3, 70);
    let mut graph = Graph::default();
    let (cell, five) = (graph.cell(0, 1), graph.scalar(Fr::from(5)));
    let expected: Vec<Fr> = a[1..].iter().chain(&a[..1]).copied().collect();
    assert_eq!(run(&graph, cell, &[&a]), expected);
    assert_eq!(run(&graph, five, &[&a]), vec![Fr::from(5); 70]);
}

#[test]
fn registers_are_used_again() {
    let mut graph = Graph::default();
    let a = graph.cell(0, 0);
    let chain = (0..100).fold(a, |sum, _| graph.mul(sum, a));
    let program = graph.compile(chain);
    assert_eq!((program.steps.len(), program.registers), (100, 2));
}

/// Columns that begin with the edges of the field, each in another order.
fn edges(rng: &mut StdRng, len: usize) -> [Vec<Fr>; 3] {
    let edges = [Fr::zero(), Fr::one(), -Fr::one(), Fr::from(2), -Fr::from(2)];
    [1, 5, 25].map(|turn| {
        (0..len).map(|i| edges.get(i / turn % 7).copied().unwrap_or_else(|| Fr::random(&mut *rng))).collect()
    })
}

#[test]
fn every_operand_may_be_a_scalar_a_cell_or_a_register() {
    let mut rng = StdRng::seed_from_u64(1);
    for len in [1, 7, 8, 9, 63, 64, 65, 128, 136, 256] {
        let columns = edges(&mut rng, len);
        let at = |column: usize, i: usize, rotation: i64| {
            columns[column][(i as i64 + rotation).rem_euclid(len as i64) as usize]
        };
        for scalar in [Fr::from(2), -Fr::one(), Fr::random(&mut rng)] {
            let mut graph = Graph::default();
            let [x, y, z] = [graph.cell(0, 0), graph.cell(1, -3), graph.cell(2, 5)];
            let (product, number) = (graph.mul(y, z), graph.scalar(scalar));
            let mut total = graph.scalar(Fr::zero());
            let mut expected = vec![Fr::zero(); len];
            for a in [x, y, product, number] {
                for b in [x, z, product, number] {
                    let value = |id: Id, i: usize| match id {
                        id if id == x => at(0, i, 0),
                        id if id == y => at(1, i, -3),
                        id if id == z => at(2, i, 5),
                        id if id == product => at(1, i, -3) * at(2, i, 5),
                        _ => scalar,
                    };
                    let [sum, difference, times] = [graph.add(a, b), graph.sub(a, b), graph.mul(a, b)];
                    let root = graph.mul(sum, difference);
                    let root = graph.sub(times, root);
                    let here: Vec<Fr> =
                        (0..len).map(|i| (value(a, i), value(b, i))).map(|(a, b)| a * b - (a + b) * (a - b)).collect();
                    let columns = columns.each_ref().map(|column| &column[..]);
                    assert_eq!(
                        run(&graph, sum, &columns),
                        (0..len).map(|i| value(a, i) + value(b, i)).collect::<Vec<_>>()
                    );
                    assert_eq!(
                        run(&graph, difference, &columns),
                        (0..len).map(|i| value(a, i) - value(b, i)).collect::<Vec<_>>()
                    );
                    assert_eq!(
                        run(&graph, times, &columns),
                        (0..len).map(|i| value(a, i) * value(b, i)).collect::<Vec<_>>()
                    );
                    assert_eq!(run(&graph, root, &columns), here);
                    total = graph.sub(root, total);
                    expected.iter_mut().zip(here).for_each(|(total, here)| *total = here - *total);
                }
            }
            assert_eq!(run(&graph, total, &columns.each_ref().map(|column| &column[..])), expected);
        }
    }
}

#[test]
fn sums_are_cut_where_they_are_too_long() {
    let mut rng = StdRng::seed_from_u64(2);
    for terms in [1, 2, TERMS - 1, TERMS, TERMS + 1, 3 * TERMS + 2] {
        let columns = edges(&mut rng, 64);
        let columns = columns.each_ref().map(|column| &column[..]);
        for kinds in [[0; 2], [1; 2], [2; 2], [3; 2], [0, 3], [1, 2]] {
            let mut graph = Graph::default();
            let mut sum = graph.scalar(Fr::zero());
            let mut expected = vec![Fr::zero(); 64];
            for i in 0..terms {
                let (a, b) = (graph.cell(i % 3, i as i32), graph.cell((i + 1) % 3, 0));
                let (product, kind) = (graph.mul(a, b), kinds[i % 2]);
                sum = match kind {
                    0 => graph.add(sum, product),
                    1 => graph.sub(sum, product),
                    2 => graph.add(sum, a),
                    _ => graph.sub(sum, a),
                };
                for (row, expected) in expected.iter_mut().enumerate() {
                    let (a, b) = (columns[i % 3][(row + i) % 64], columns[(i + 1) % 3][row]);
                    *expected = [*expected + a * b, *expected - a * b, *expected + a, *expected - a][kind];
                }
            }
            assert_eq!(run(&graph, sum, &columns), expected);
            let steps = graph.compile(sum).steps;
            assert!(steps.iter().all(|step| step.sum.products.len() + step.sum.values.len() <= TERMS));
            assert!(steps.len() <= 1 + terms / (TERMS - 1));
        }
    }
}

/// Random programs, each against a walk over its nodes.
#[test]
fn programs_compute_what_their_nodes_say() {
    let mut rng = StdRng::seed_from_u64(3);
    for _ in 0..100 {
        let columns = edges(&mut rng, 64);
        let mut graph = Graph::default();
        let mut ids: Vec<Id> = (0..3).map(|column| graph.cell(column, column as i32 - 1)).collect();
        ids.push(graph.scalar(Fr::from(7)));
        for _ in 0..60 {
            let [a, b] = [(); 2].map(|()| ids[rng.gen_range(0..ids.len())]);
            ids.push([Graph::add, Graph::sub, Graph::mul][rng.gen_range(0..3)](&mut graph, a, b));
        }
        let root = ids.iter().skip(4).copied().reduce(|sum, id| graph.sub(sum, id)).unwrap();
        let values = graph.nodes.iter().fold(Vec::<Vec<Fr>>::new(), |mut values, node| {
            let of = |f: &dyn Fn(usize) -> Fr| (0..64).map(f).collect();
            values.push(match *node {
                Node::Scalar(value) => vec![value; 64],
                Node::Cell(Cell { column, rotation }) => {
                    of(&|i| columns[column][(i as i32 + rotation).rem_euclid(64) as usize])
                }
                Node::Add(a, b) => of(&|i| values[a.0][i] + values[b.0][i]),
                Node::Sub(a, b) => of(&|i| values[a.0][i] - values[b.0][i]),
                Node::Mul(a, b) => of(&|i| values[a.0][i] * values[b.0][i]),
            });
            values
        });
        assert_eq!(run(&graph, root, &columns.each_ref().map(|column| &column[..])), values[root.0]);
    }
}
