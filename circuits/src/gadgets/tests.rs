//! The gate set as a whole: which gates act on which rows, their degrees, the polynomials that a proof commits to.

use ff::Field;
use halo2_proofs::halo2curves::bn256::Fr;
use halo2_proofs::halo2curves::ff;
use halo2_proofs::plonk::{ConstraintSystem, Expression};
use halo2_proofs::poly::Rotation;

use super::logup::{LookupRow, running_sums};
use super::{Columns, DEGREE, MatrixRow, RowKind, Selectors};
use crate::quant::program::{OPERANDS, Requant};

const KINDS: [RowKind; 13] = [
    RowKind::Idle,
    RowKind::Statement,
    RowKind::Dot { start: true },
    RowKind::Dot { start: false },
    RowKind::Function,
    RowKind::Requant(Requant::Identity),
    RowKind::Requant(Requant::Relu),
    RowKind::Requant(Requant::Shift),
    RowKind::Requant(Requant::ReluShift),
    RowKind::Requant(Requant::Sign),
    RowKind::Assert,
    RowKind::Poseidon { partial: false },
    RowKind::Poseidon { partial: true },
];

const STATEMENT: [&str; 3] = ["a0 = word", "a1 = f0", "φ0 + φ1 = 0"];
const SUM: &str = "acc' = acc + step";
const START: &str = "start: acc = 0";
const REQUANT: [&str; 3] = ["b is a bit", "acc = 2^42 acc' + y", "z = shifted y"];
const ASSERTED: &str = "asserted y >= 0";
const MATRIX: [&str; 3] = ["u", "v", "s"];
const EDGE: [&str; 3] = ["edge: u = 0", "edge: v = 0", "edge: s = 0"];
const FUNCTION: &str = "z = a0 + 2^10 a1";
const POSEIDON: [&str; 6] =
    ["s0 = u0²", "s1 = u1² or 1", "s2 = u2² or 1", "u0' = M0 boxed + f0", "u1' = M1 boxed + f1", "u2' = M2 boxed + f2"];

/// The constraints that should act on a row, the running sums' advance (on every active row) excepted.
fn expected(kind: RowKind) -> Vec<&'static str> {
    match kind {
        RowKind::Idle => vec![],
        RowKind::Statement => STATEMENT.to_vec(),
        RowKind::Dot { start: false } => vec![SUM],
        RowKind::Dot { start: true } => vec![SUM, START],
        RowKind::Function => vec![SUM, START, FUNCTION],
        RowKind::Requant(_) => REQUANT.to_vec(),
        RowKind::Assert => [&REQUANT[..], &[ASSERTED]].concat(),
        RowKind::Poseidon { .. } => POSEIDON.to_vec(),
        RowKind::Matrix(MatrixRow::Edge) => [&MATRIX[..], &EDGE].concat(),
        RowKind::Matrix(_) => MATRIX.to_vec(),
    }
}

/// One row's cells, the next row's included; everything but the selectors is arbitrary.
struct Point {
    columns: Columns,
    selectors: Selectors,
    active: u64,
    alpha: Fr,
    beta: Fr,
    /// By column: current and next value.
    advice: Vec<[Fr; 2]>,
    f: [Fr; OPERANDS],
    w: Fr,
    word: Fr,
}

impl Point {
    fn new(columns: &Columns, kind: RowKind, active: u64, seed: u64) -> Self {
        let noise = |i: u64| Fr::from(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15).wrapping_add(i)).square() + Fr::from(i);
        Self {
            columns: columns.clone(),
            selectors: kind.selectors(),
            active,
            alpha: noise(1),
            beta: noise(2),
            advice: (0..13).map(|i| [noise(10 + i), noise(40 + i)]).collect(),
            f: [noise(5), noise(6), noise(7), noise(4)],
            // An idle row may hold anything: the salt's does.
            w: if matches!(kind, RowKind::Dot { .. } | RowKind::Idle) { noise(9) } else { Fr::from(kind.switch()) },
            word: noise(8),
        }
    }

    fn fixed(&self, column: usize) -> Fr {
        let c = &self.columns;
        let s = self.selectors;
        let small = [(c.active, self.active), (c.requant, s.requant), (c.group, s.group), (c.e, s.e), (c.n, s.n)];
        if c.wide.is_some_and(|wide| wide.r.index() == column) {
            return Fr::from(s.r);
        }
        let named =
            c.f.into_iter()
                .zip(self.f)
                .chain([(c.w, self.w)])
                .chain(small.map(|(column, value)| (column, Fr::from(value))));
        named.into_iter().find(|(found, _)| found.index() == column).unwrap().1
    }

    fn value(&self, poly: &Expression<Fr>) -> Fr {
        poly.evaluate(
            &|constant| constant,
            &|_| unreachable!("no selectors of halo2's own"),
            &|query| {
                assert_eq!(query.rotation(), Rotation::cur());
                self.fixed(query.column_index())
            },
            &|query| self.advice[query.column_index()][query.rotation().0 as usize],
            &|_| self.word,
            &|challenge| {
                let wide = self.columns.wide.map(|w| [w.tau, w.nu]).into_iter().flatten().zip([3, 5]);
                let known = [(self.columns.alpha, self.alpha), (self.columns.beta, self.beta)];
                let all = known.into_iter().chain(wide.map(|(c, v)| (c, self.alpha + Fr::from(v))));
                all.into_iter().find(|(c, _)| c.index() == challenge.index()).unwrap().1
            },
            &|a| -a,
            &|a, b| a + b,
            &|a, b| a * b,
            &|a, by| a * by,
        )
    }
}

fn constraints(cs: &ConstraintSystem<Fr>) -> Vec<(&str, &Expression<Fr>)> {
    let named = |gate| {
        let gate: &halo2_proofs::plonk::Gate<Fr> = gate;
        gate.polynomials().iter().enumerate().map(move |(i, poly)| (gate.constraint_name(i), poly))
    };
    cs.gates().iter().flat_map(named).collect()
}

fn configured() -> (ConstraintSystem<Fr>, Columns) {
    shape(false)
}

fn shape(wide: bool) -> (ConstraintSystem<Fr>, Columns) {
    let mut cs = ConstraintSystem::default();
    let columns = Columns::configure(&mut cs, wide);
    (cs, columns)
}

#[test]
fn wide_shape_adds_matrix_gates_and_leaves_the_others_as_they_are() {
    let (narrow, wide) = (configured().0, shape(true).0);
    let text = |cs: &ConstraintSystem<Fr>| -> Vec<(String, usize)> {
        constraints(cs).into_iter().map(|(name, poly)| (name.to_owned(), poly.degree())).collect()
    };
    let added: Vec<(String, usize)> = text(&wide)[constraints(&narrow).len()..].to_vec();
    assert_eq!(text(&wide)[..constraints(&narrow).len()], text(&narrow));
    let expected = [("u", 4), ("v", 5), ("s", 5), (EDGE[0], 5), (EDGE[1], 5), (EDGE[2], 5)];
    assert_eq!(added, expected.map(|(name, degree)| (name.to_owned(), degree)));
    assert_eq!((wide.num_advice_columns(), wide.num_fixed_columns(), wide.num_instance_columns()), (13, 11, 1));
    assert_eq!((wide.permutation().get_columns().len(), wide.degree()), (4, DEGREE));
}

#[test]
fn no_row_kind_of_the_wide_shape_switches_on_another_ones_gate() {
    let (cs, columns) = shape(true);
    let rows = [MatrixRow::Edge, MatrixRow::Vectors, MatrixRow::Multiply]
        .into_iter()
        .chain([true, false].map(|next| MatrixRow::Outputs { next }));
    for kind in KINDS.into_iter().chain(rows.map(RowKind::Matrix)) {
        for seed in 1..4 {
            let point = Point::new(&columns, kind, 1, seed);
            let acting = constraints(&cs).into_iter().filter(|(_, poly)| point.value(poly) != Fr::ZERO);
            let acting: Vec<&str> = acting.map(|(name, _)| name).filter(|n| !["φ0", "φ1"].contains(n)).collect();
            let mut expected = expected(kind);
            let order = |name: &&str| constraints(&cs).iter().position(|(found, _)| found == name);
            expected.sort_by_key(order);
            assert_eq!(acting, expected, "{kind:?}");
        }
    }
}

#[test]
fn no_row_kind_switches_on_another_ones_gate() {
    let (cs, columns) = configured();
    for kind in KINDS {
        for seed in 1..4 {
            let point = Point::new(&columns, kind, 1, seed);
            let acting = constraints(&cs).into_iter().filter(|(_, poly)| point.value(poly) != Fr::ZERO);
            let acting: Vec<&str> = acting.map(|(name, _)| name).filter(|n| !["φ0", "φ1"].contains(n)).collect();
            let mut expected = expected(kind);
            let order = |name: &&str| constraints(&cs).iter().position(|(found, _)| found == name);
            expected.sort_by_key(order);
            assert_eq!(acting, expected, "{kind:?}");
        }
    }
}

#[test]
fn nothing_acts_on_rows_without_selectors_such_as_blinding_rows() {
    let (cs, columns) = configured();
    let point = Point::new(&columns, RowKind::Idle, 0, 9);
    for (name, poly) in constraints(&cs) {
        assert_eq!(point.value(poly), Fr::ZERO, "{name}");
    }
}

#[test]
fn last_usable_row_reads_no_blinding_row() {
    // That row is a statement row which is not active: whatever stands on the row after it (a blinding row) is of no account.
    let (cs, columns) = configured();
    let mut point = Point::new(&columns, RowKind::Statement, 0, 9);
    let before: Vec<Fr> = constraints(&cs).into_iter().map(|(_, poly)| point.value(poly)).collect();
    point.advice.iter_mut().for_each(|cell| cell[1] += Fr::ONE);
    let after: Vec<Fr> = constraints(&cs).into_iter().map(|(_, poly)| point.value(poly)).collect();
    assert_eq!(before, after);
}

#[test]
fn running_sums_advance_by_what_each_row_kind_looks_up() {
    let (cs, columns) = configured();
    for kind in KINDS {
        let mut point = Point::new(&columns, kind, 3, 5);
        let cell = |column: halo2_proofs::plonk::Column<_>| point.advice[column.index()][0];
        let row = LookupRow {
            a: columns.a.map(cell),
            f: point.f,
            tag: point.active,
            requant: kind.is_lane(),
            function: kind == RowKind::Function,
            m: cell(columns.m),
        };
        let sums = running_sums(1, |_| row, point.alpha, point.beta);
        for (column, sum) in columns.phi.into_iter().zip(sums) {
            let cell = &mut point.advice[column.index()];
            cell[1] = cell[0] + sum[1];
        }
        for (name, poly) in constraints(&cs).into_iter().filter(|(name, _)| ["φ0", "φ1"].contains(name)) {
            assert_eq!(point.value(poly), Fr::ZERO, "{name} on {kind:?}");
        }
    }
}

#[test]
fn degrees_are_those_of_the_pages() {
    let (cs, _) = configured();
    let degrees: Vec<(&str, usize)> = constraints(&cs).into_iter().map(|(name, poly)| (name, poly.degree())).collect();
    let expected = [
        ("a0 = word", 4),
        ("a1 = f0", 4),
        (SUM, 5),
        (START, 4),
        ("b is a bit", 3),
        ("acc = 2^42 acc' + y", 3),
        ("z = shifted y", 5),
        (ASSERTED, 4),
        (FUNCTION, 3),
        ("s0 = u0²", 4),
        ("s1 = u1² or 1", 5),
        ("s2 = u2² or 1", 5),
        ("u0' = M0 boxed + f0", 5),
        ("u1' = M1 boxed + f1", 5),
        ("u2' = M2 boxed + f2", 5),
        ("φ0", 5),
        ("φ1", 5),
        ("φ0 + φ1 = 0", 4),
    ];
    assert_eq!(degrees, expected);
    assert_eq!(cs.degree(), DEGREE);
}

#[test]
fn committed_polynomials_are_those_of_the_index() {
    let (cs, _) = configured();
    assert_eq!((cs.num_advice_columns(), cs.num_fixed_columns(), cs.num_instance_columns()), (10, 10, 1));
    let copied = cs.permutation().get_columns().len();
    assert_eq!(copied, 4);
    // Halo2 splits the permutation into products of `degree - 2` columns and the quotient into `degree - 1` pieces.
    assert_eq!((copied.div_ceil(DEGREE - 2), DEGREE - 1), (2, 4));
    assert!(cs.lookups().is_empty(), "every lookup is an ordinary gate");
}
