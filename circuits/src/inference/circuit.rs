//! The `Circuit` that halo2 sees.

use dodona_prover::Witness;
use ff::{Field, PrimeField};
use halo2_proofs::circuit::{Layouter, Region, SimpleFloorPlanner, Value};
use halo2_proofs::halo2curves::bn256::Fr;
use halo2_proofs::halo2curves::ff;
use halo2_proofs::plonk::{self, Advice, Challenge, Circuit, ConstraintSystem};
use snark_verifier_sdk::CircuitExt;

use super::assembler::{Cell, Column, Values};
use super::layout::Layout;
use super::shape::Shape;
use crate::gadgets::logup::{LookupRow, RANGE_TAG, running_sums};
use crate::gadgets::matrix::{SumsRow, matrix_sums};
use crate::gadgets::{Columns, RowKind};
use crate::quant::program::LIMB_BITS;

/// A laid-out task with its witness.
#[derive(Clone, Debug)]
pub struct InferenceCircuit {
    layout: Layout,
    multiplicities: Vec<Fr>,
    #[cfg(test)]
    gift: Option<(usize, usize)>,
    #[cfg(test)]
    matrix_jump: Option<(usize, MatrixJump)>,
}

/// What is added to `u`, `v` and `s` of a matrix check on one row, for a number that the forger chooses.
#[cfg(test)]
pub(crate) type MatrixJump = fn(Fr) -> [Fr; 3];

impl InferenceCircuit {
    /// Counts the lookups of a layout. Values that are in no table are not counted: such a witness satisfies nothing.
    pub fn new(layout: Layout) -> Self {
        let multiplicities = multiplicities(&layout);
        Self {
            layout,
            multiplicities,
            #[cfg(test)]
            gift: None,
            #[cfg(test)]
            matrix_jump: None,
        }
    }

    /// The layout.
    pub fn layout(&self) -> &Layout {
        &self.layout
    }

    /// The instance words.
    pub fn words(&self) -> &[Fr] {
        &self.layout.words
    }

    /// Overwrites a multiplicity.
    #[cfg(test)]
    pub(crate) fn set_multiplicity(&mut self, row: usize, value: Fr) {
        self.multiplicities[row] = value;
    }

    /// Starts the first running sum with whatever makes both end at 0.
    #[cfg(test)]
    pub(crate) fn start_sums_with_a_gift(&mut self) {
        self.gift = Some((0, 0));
    }

    /// Lets a running sum jump on its way to a row by whatever makes both end at 0.
    #[cfg(test)]
    pub(crate) fn let_a_sum_jump(&mut self, column: usize, row: usize) {
        self.gift = Some((column, row));
    }

    /// Lets the sums of a matrix check jump on their way to a row by whatever makes the check end at 0. What is added must be linear in its argument.
    #[cfg(test)]
    pub(crate) fn let_matrix_sums_jump(&mut self, row: usize, by: MatrixJump) {
        self.matrix_jump = Some((row, by));
    }

    fn running_sums(&self, alpha: Fr, beta: Fr) -> [Vec<Fr>; 2] {
        let sums = running_sums(self.advancing(), |i| self.lookup_row(i), alpha, beta);
        #[cfg(test)]
        if let Some((column, row)) = self.gift {
            let rest: Fr = sums.iter().filter_map(|sum| sum.last()).sum();
            let mut sums = sums;
            sums[column].iter_mut().skip(row).for_each(|value| *value -= rest);
            return sums;
        }
        sums
    }

    /// Rows on which the lookup argument's sums advance.
    pub(crate) fn advancing(&self) -> usize {
        self.layout.rows.len() - 1
    }

    /// What the lookup argument sees of a row.
    pub(crate) fn lookup_row(&self, i: usize) -> LookupRow {
        let (row, values) = (&self.layout.rows[i], &self.layout.values[i]);
        LookupRow {
            a: values.a,
            f: row.f,
            tag: row.tag,
            requant: row.kind.is_lane(),
            function: row.kind == RowKind::Function,
            m: self.multiplicities[i],
        }
    }

    fn matrix_sums(&self, tau: Fr, nu: Fr) -> [Vec<Fr>; 3] {
        let sums = matrix_sums(self.sums_rows(0..=self.layout.rows.len() - 1), [Fr::ZERO; 3], tau, nu);
        #[cfg(test)]
        if let Some((row, by)) = self.matrix_jump {
            return self.jumped(sums, row, by, tau, nu);
        }
        sums
    }

    /// What matrix checks see.
    fn sums_rows(&self, range: std::ops::RangeInclusive<usize>) -> impl ExactSizeIterator<Item = SumsRow> {
        let rows = self.layout.rows[range.clone()].iter().zip(&self.layout.values[range]);
        rows.map(|(row, Values { a: [a0, a1, a2, _], z, .. })| SumsRow {
            kind: row.kind,
            x: [*a0, *a1, *a2, *z],
            f: row.f,
        })
    }

    #[cfg(test)]
    fn jumped(&self, mut sums: [Vec<Fr>; 3], row: usize, by: MatrixJump, tau: Fr, nu: Fr) -> [Vec<Fr>; 3] {
        let edge = RowKind::Matrix(crate::gadgets::MatrixRow::Edge);
        let len = self.layout.rows[row + 1..].iter().position(|row| row.kind == edge).map_or(0, |at| at + 1);
        let tail = |d: Fr| {
            let [u, v, s] = by(d);
            let start = [sums[0][row] + u, sums[1][row] + v, sums[2][row] + s];
            matrix_sums(self.sums_rows(row..=row + len), start, tau, nu)
        };
        let [at_0, at_1] = [Fr::ZERO, Fr::ONE].map(|d| tail(d)[2][len]);
        let tail = tail(at_0 * (at_0 - at_1).invert().unwrap_or(Fr::ZERO));
        for (sum, tail) in sums.iter_mut().zip(tail) {
            sum[row..row + len + 2].copy_from_slice(&tail);
        }
        sums
    }

    fn assign_fixed(&self, region: &mut Region<'_, Fr>, columns: &Columns) {
        let last = self.layout.rows.len() - 1;
        for (i, row) in self.layout.rows.iter().enumerate() {
            let selectors = row.kind.selectors();
            let mut assign = |column, value: Fr| {
                if value != Fr::ZERO {
                    region.assign_fixed(column, i, value);
                }
            };
            for (column, value) in columns.f.into_iter().zip(row.f) {
                assign(column, value);
            }
            assign(columns.w, row.w);
            assign(columns.active, Fr::from(if i < last { row.tag } else { 0 }));
            assign(columns.requant, Fr::from(selectors.requant));
            assign(columns.group, Fr::from(selectors.group));
            assign(columns.e, Fr::from(selectors.e));
            assign(columns.n, Fr::from(selectors.n));
            if let Some(wide) = columns.wide {
                assign(wide.r, Fr::from(selectors.r));
            }
        }
    }

    fn assign_first_phase(&self, region: &mut Region<'_, Fr>, columns: &Columns) {
        let mut cells = Vec::with_capacity(self.layout.values.len());
        for (i, values) in self.layout.values.iter().enumerate() {
            let mut assign = |column, value| region.assign_advice(column, i, Value::known(value)).cell();
            let [a0, a1, a2, _] = [0, 1, 2, 3].map(|j| assign(columns.a[j], values.a[j]));
            assign(columns.acc, values.acc);
            assign(columns.b, values.b);
            let z = assign(columns.z, values.z);
            assign(columns.m, self.multiplicities[i]);
            cells.push([a0, a1, a2, z]);
        }
        let at = |cell: &Cell| {
            cells[cell.row][match cell.column {
                Column::A0 => 0,
                Column::A1 => 1,
                Column::A2 => 2,
                Column::Z => 3,
            }]
        };
        for (a, b) in &self.layout.copies {
            region.constrain_equal(at(a), at(b));
        }
    }

    fn assign_second_phase(&self, region: &mut Region<'_, Fr>, columns: &Columns) {
        let challenges = region.get_challenge(columns.alpha).zip(region.get_challenge(columns.beta));
        let mut sums = None;
        challenges.map(|(alpha, beta)| sums = Some(self.running_sums(alpha, beta)));
        self.assign_matrix_sums(region, columns);
        for (i, column) in columns.phi.into_iter().enumerate() {
            for row in 0..self.layout.rows.len() {
                let value = sums.as_ref().map_or_else(Value::unknown, |sums| Value::known(sums[i][row]));
                region.assign_advice(column, row, value);
            }
        }
    }

    fn assign_matrix_sums(&self, region: &mut Region<'_, Fr>, columns: &Columns) {
        let Some(wide) = columns.wide else { return };
        let challenges = region.get_challenge(wide.tau).zip(region.get_challenge(wide.nu));
        let mut sums = None;
        challenges.map(|(tau, nu)| sums = Some(self.matrix_sums(tau, nu)));
        for (i, column) in wide.sums.into_iter().enumerate() {
            for row in 0..self.layout.rows.len() {
                let value = sums.as_ref().map_or_else(Value::unknown, |sums| Value::known(sums[i][row]));
                region.assign_advice(column, row, value);
            }
        }
    }
}

impl Circuit<Fr> for InferenceCircuit {
    type Config = Columns;
    type FloorPlanner = SimpleFloorPlanner;
    type Params = Shape;

    fn params(&self) -> Shape {
        self.layout.shape
    }

    fn without_witnesses(&self) -> Self {
        self.clone()
    }

    fn configure(meta: &mut ConstraintSystem<Fr>) -> Columns {
        Columns::configure(meta, false)
    }

    fn configure_with_params(meta: &mut ConstraintSystem<Fr>, shape: Shape) -> Columns {
        Columns::configure(meta, shape.wide)
    }

    fn synthesize(&self, columns: Columns, mut layouter: impl Layouter<Fr>) -> Result<(), plonk::Error> {
        layouter.assign_region(
            || "inference",
            |mut region| {
                self.assign_fixed(&mut region, &columns);
                self.assign_first_phase(&mut region, &columns);
                region.next_phase();
                self.assign_second_phase(&mut region, &columns);
                Ok(())
            },
        )
    }
}

/// What halo2's prover is told cell by cell, in whole columns.
impl Witness for &InferenceCircuit {
    fn columns(&mut self, phase: u8, challenges: &[Fr]) -> Vec<(usize, Vec<Fr>)> {
        let columns = Columns::configure(&mut ConstraintSystem::default(), self.layout.shape.wide);
        let challenge = |challenge: Challenge| challenges.get(challenge.index()).copied().unwrap_or(Fr::ZERO);
        if phase == 0 {
            let column = |value: fn(&Values) -> Fr| self.layout.values.iter().map(value).collect::<Vec<Fr>>();
            let a: [Vec<Fr>; 4] = [column(|v| v.a[0]), column(|v| v.a[1]), column(|v| v.a[2]), column(|v| v.a[3])];
            let rest = [
                (columns.acc, column(|v| v.acc)),
                (columns.b, column(|v| v.b)),
                (columns.z, column(|v| v.z)),
                (columns.m, self.multiplicities.clone()),
            ];
            return indexed(columns.a.into_iter().zip(a).chain(rest));
        }
        let sums = self.running_sums(challenge(columns.alpha), challenge(columns.beta));
        let matrix = columns.wide.map(|wide| (wide.sums, self.matrix_sums(challenge(wide.tau), challenge(wide.nu))));
        let matrix = matrix.into_iter().flat_map(|(columns, sums)| columns.into_iter().zip(sums));
        let rows = self.layout.rows.len();
        let usable = |(column, mut sums): (_, Vec<Fr>)| {
            sums.truncate(rows);
            (column, sums)
        };
        indexed(columns.phi.into_iter().zip(sums).chain(matrix).map(usable))
    }
}

fn indexed(columns: impl Iterator<Item = (plonk::Column<Advice>, Vec<Fr>)>) -> Vec<(usize, Vec<Fr>)> {
    columns.map(|(column, values)| (column.index(), values)).collect()
}

impl CircuitExt<Fr> for InferenceCircuit {
    fn num_instance(&self) -> Vec<usize> {
        vec![self.layout.words.len()]
    }

    fn instances(&self) -> Vec<Vec<Fr>> {
        vec![self.layout.words.clone()]
    }
}

/// A field element as a small integer, `None` if its magnitude is 2^62 or more.
fn small(value: Fr) -> Option<i64> {
    let magnitude = |v: Fr| {
        let bytes = v.to_repr();
        let (low, high) = bytes.as_ref().split_at(8);
        let low: [u8; 8] = low.try_into().ok()?;
        (high.iter().all(|b| *b == 0) && low[7] < 0x40).then(|| i64::from_le_bytes(low))
    };
    magnitude(value).or_else(|| magnitude(-value).map(|v| -v))
}

fn multiplicities(layout: &Layout) -> Vec<Fr> {
    let mut counts = vec![0_u64; layout.rows.len()];
    let mut count = |tag: u64, key: Option<i64>, rest: [Fr; 2]| {
        let entry = usize::try_from(tag - RANGE_TAG).ok().and_then(|i| layout.tables.get(i));
        let row =
            entry.zip(key).and_then(|((first, rows), key)| rows.get(usize::try_from(key.checked_sub(*first)?).ok()?));
        if let Some(row) = row {
            let f = layout.rows[*row].f;
            if [f[1], f[2]] == rest {
                counts[*row] += 1;
            }
        }
    };
    for (row, values) in layout.rows.iter().zip(&layout.values) {
        match row.kind {
            kind if kind.is_lane() => {
                for a in values.a {
                    count(RANGE_TAG, small(a).filter(|v| (0..1 << LIMB_BITS).contains(v)), [Fr::ZERO; 2]);
                }
            }
            RowKind::Function => {
                count(RANGE_TAG, small(values.a[0]), [Fr::ZERO; 2]);
                if let Some(tag) =
                    small(row.f[0]).and_then(|tag| u64::try_from(tag).ok()).filter(|tag| *tag > RANGE_TAG)
                {
                    count(tag, small(values.a[1]), [values.a[2], values.a[3]]);
                }
            }
            _ => {}
        }
    }
    counts.into_iter().map(Fr::from).collect()
}
