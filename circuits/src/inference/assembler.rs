//! Rows, copies and values of the inference circuit, gadget by gadget.
//!
//! The assembler appends rows. Every row is recorded twice: what the verifying key commits to (kind, weights, copies) and what
//! the witness holds. Keygen and proving run the same code, so the two cannot drift apart. Whether a row depends on the
//! *values* is the one thing that must never be: callers pass structure and values separately.

use ff::Field;
use halo2_proofs::halo2curves::bn256::Fr;
use halo2_proofs::halo2curves::ff;

use super::statement::{pow2, signed};
use crate::gadgets::logup::NO_ENTRY;
use crate::gadgets::poseidon::{self, ROUNDS, State};
use crate::gadgets::{MatrixRow, RowKind};
use crate::quant::program::{LANE_BITS, LIMB_BITS, OPERANDS, Requant};

/// The columns that can be copied.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Column {
    /// `a0`
    A0,
    /// `a1`
    A1,
    /// `a2`
    A2,
    /// `z`
    Z,
}

/// The columns of operands, by index.
const OPERAND_COLUMNS: [Column; OPERANDS] = [Column::A0, Column::A1, Column::A2, Column::Z];

/// A cell that can be copied.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Cell {
    /// Its column.
    pub column: Column,
    /// Its row.
    pub row: usize,
}

/// The part of a row that the verifying key commits to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// What the row does.
    pub kind: RowKind,
    /// The fixed cells.
    pub f: [Fr; OPERANDS],
    /// Weight of a dot row's products; a switch on lanes.
    pub w: Fr,
    /// Tag of the table entry; [`NO_ENTRY`] where there is none.
    pub tag: u64,
}

/// The witness of a row, multiplicity and running sums excepted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Values {
    /// `a0..a3`
    pub a: [Fr; 4],
    /// The accumulator before the row.
    pub acc: Fr,
    /// Sign bit or square.
    pub b: Fr,
    /// Result, argument or square.
    pub z: Fr,
}

/// No weights.
const UNWEIGHTED: [Fr; OPERANDS] = [Fr::ZERO; OPERANDS];

/// A fixed value in the first column, 0 in the others.
fn first(f0: Fr) -> [Fr; OPERANDS] {
    [f0, Fr::ZERO, Fr::ZERO, Fr::ZERO]
}

impl Values {
    /// The cell of an operand: `a0, a1, a2, z`.
    fn operand(&mut self, index: usize) -> &mut Fr {
        if index < OPERANDS - 1 { &mut self.a[index] } else { &mut self.z }
    }
}

/// Where an operand's value comes from.
#[derive(Clone, Copy, Debug)]
pub enum Operand {
    /// Copied from a cell.
    Copy(Cell),
    /// A new cell that only other constraints bind.
    Free(Fr),
}

/// A table function's cells on one row.
#[derive(Clone, Copy, Debug)]
pub struct FunctionRow {
    /// Tag of the table.
    pub tag: u64,
    /// `argument = hi · 2^10 + lo`
    pub hi: i64,
    /// Low part.
    pub lo: i64,
    /// The entry's base.
    pub base: i64,
    /// The entry's slope.
    pub slope: i64,
}

/// What rows are there for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Part {
    /// Instance words and constants.
    Statement,
    /// A source's words taken apart.
    Source(usize),
    /// A source's commitment.
    Commitment(usize),
    /// A step of the program.
    Step(usize),
    /// The answer's words put together.
    Outputs,
    /// Nothing but table entries, padding and the salt.
    Idle,
}

/// Appends rows.
#[derive(Debug, Default)]
pub struct Assembler {
    /// Rows so far.
    pub rows: Vec<Row>,
    /// Witness of the same rows.
    pub values: Vec<Values>,
    /// Pairs of equal cells.
    pub copies: Vec<(Cell, Cell)>,
    /// First row of each part. Nothing that is proved depends on it.
    pub parts: Vec<(usize, Part)>,
    /// The accumulator that the next row must hold.
    acc: Fr,
    /// The accumulator must be 0 on the next row, and only a starting row enforces that.
    open: bool,
}

impl Assembler {
    /// Value of a cell.
    pub fn get(&self, cell: Cell) -> Fr {
        let values = &self.values[cell.row];
        match cell.column {
            Column::A0 => values.a[0],
            Column::A1 => values.a[1],
            Column::A2 => values.a[2],
            Column::Z => values.z,
        }
    }

    /// Says what the next rows are there for.
    pub fn part(&mut self, part: Part) {
        let row = self.rows.len();
        match self.parts.last_mut() {
            Some(last) if last.0 == row => last.1 = part,
            Some(last) if last.1 == part => {}
            _ => self.parts.push((row, part)),
        }
    }

    fn push(&mut self, kind: RowKind, f: [Fr; OPERANDS], values: Values) -> usize {
        let starts = matches!(kind, RowKind::Dot { start: true } | RowKind::Function);
        let in_sum = kind == RowKind::Dot { start: false } || kind.is_lane();
        if self.open && !starts && !in_sum {
            self.terminate();
        }
        let acc = if starts || in_sum { self.acc } else { Fr::ZERO };
        self.rows.push(Row { kind, f, w: Fr::from(kind.switch()), tag: NO_ENTRY });
        self.values.push(Values { acc, ..values });
        self.rows.len() - 1
    }

    /// LIN-3: closes the last sum with an empty starting row, which enforces that nothing is left in the accumulator.
    pub fn terminate(&mut self) {
        if self.open {
            self.open = false;
            self.rows.push(Row { kind: RowKind::Dot { start: true }, f: UNWEIGHTED, w: Fr::ZERO, tag: NO_ENTRY });
            self.values.push(Values { acc: self.acc, ..Values::default() });
        }
    }

    /// A statement row: instance word and constant. Returns the two cells.
    pub fn statement(&mut self, word: Fr, constant: Fr) -> (Cell, Cell) {
        let values = Values { a: [word, constant, Fr::ZERO, Fr::ZERO], ..Values::default() };
        let row = self.push(RowKind::Statement, first(constant), values);
        (Cell { column: Column::A0, row }, Cell { column: Column::A1, row })
    }

    /// An idle row with a free fixed value.
    pub fn idle(&mut self, f0: Fr) -> usize {
        self.push(RowKind::Idle, first(f0), Values::default())
    }

    /// Makes two cells equal.
    pub fn copy(&mut self, a: Cell, b: Cell) {
        self.copies.push((a, b));
    }

    /// A dot product `Σ operand · weight` (at least one row); the sum is left in the accumulator for lanes, or must be 0.
    /// Returns the operands' cells.
    pub fn dot(&mut self, terms: &[(Operand, Fr)]) -> Vec<Cell> {
        self.dot_rows(terms, true)
    }

    fn dot_rows(&mut self, terms: &[(Operand, Fr)], start: bool) -> Vec<Cell> {
        let mut cells = Vec::with_capacity(terms.len());
        let chunks: Vec<&[(Operand, Fr)]> = if terms.is_empty() { vec![&[]] } else { terms.chunks(OPERANDS).collect() };
        for (i, chunk) in chunks.into_iter().enumerate() {
            let mut values = Values::default();
            let mut f = UNWEIGHTED;
            let mut sum = Fr::ZERO;
            for (slot, (operand, weight)) in chunk.iter().enumerate() {
                let value = match operand {
                    Operand::Copy(cell) => self.get(*cell),
                    Operand::Free(value) => *value,
                };
                *values.operand(slot) = value;
                f[slot] = *weight;
                sum += value * weight;
            }
            let row = self.push(RowKind::Dot { start: start && i == 0 }, f, values);
            for (column, (operand, _)) in OPERAND_COLUMNS.into_iter().zip(chunk) {
                let cell = Cell { column, row };
                if let Operand::Copy(source) = operand {
                    self.copy(*source, cell);
                }
                cells.push(cell);
            }
            self.acc += sum;
            self.open = true;
        }
        cells
    }

    /// A sum of products `Σ weight · x · y` besides `Σ operand · weight`; the sum is left in the accumulator as by [`Self::dot`].
    ///
    /// Two neighbours of one weight share a row. A product alone on its row also takes the terms of its own factors and one other term, with a
    /// copy of `zero` in the second product's place.
    pub fn dot_products(&mut self, products: &[(Cell, Cell, Fr)], terms: &[(Cell, Fr)], zero: Cell) {
        let mut waiting: Vec<(Cell, Fr)> = terms.to_vec();
        let mut start = true;
        let mut i = 0;
        while let Some(&(x, y, w)) = products.get(i) {
            let mut f = UNWEIGHTED;
            let cells = match products.get(i + 1) {
                Some(&(u, v, weight)) if weight == w => {
                    i += 2;
                    [x, y, u, v]
                }
                _ => {
                    i += 1;
                    for (slot, own) in [x, y].into_iter().enumerate() {
                        if let Some(at) = waiting.iter().position(|t| t.0 == own) {
                            f[slot] = waiting.swap_remove(at).1;
                        }
                    }
                    let other = waiting.pop();
                    f[2] = other.map_or(Fr::ZERO, |t| t.1);
                    [x, y, other.map_or(zero, |t| t.0), zero]
                }
            };
            let [a0, a1, a2, z] = cells.map(|cell| self.get(cell));
            let values = Values { a: [a0, a1, a2, Fr::ZERO], z, ..Values::default() };
            let row = self.push(RowKind::Dot { start }, f, values);
            self.rows[row].w = w;
            for (column, source) in OPERAND_COLUMNS.into_iter().zip(cells) {
                self.copy(source, Cell { column, row });
            }
            self.acc += a0 * f[0] + a1 * f[1] + a2 * f[2] + w * (a0 * a1 + a2 * z);
            self.open = true;
            start = false;
        }
        if start || !waiting.is_empty() {
            let waiting: Vec<(Operand, Fr)> = waiting.into_iter().map(|(cell, f)| (Operand::Copy(cell), f)).collect();
            self.dot_rows(&waiting, start);
        }
    }

    /// Takes one lane with the value `y` off the accumulator. Returns the cell of the result.
    pub fn lane(&mut self, requant: Requant, y: i64) -> Cell {
        self.lane_row(RowKind::Requant(requant), y, requant.apply(y))
    }

    /// Takes one lane with the value `y` off the accumulator, which the gate refuses if it is negative.
    pub fn assert_lane(&mut self, y: i64) {
        self.lane_row(RowKind::Assert, y, 1);
    }

    fn lane_row(&mut self, kind: RowKind, y: i64, z: i64) -> Cell {
        let negative = y < 0;
        let sum = if negative { -(y + 1) } else { y } as u64;
        let limb = |i: u32| Fr::from((sum >> (LIMB_BITS * i)) & ((1 << LIMB_BITS) - 1));
        let a = [limb(0), limb(1), limb(2), Fr::from(sum >> (LIMB_BITS * 3))];
        let values = Values { a, b: Fr::from(u64::from(!negative)), z: signed(i128::from(z)), acc: Fr::ZERO };
        let row = self.push(kind, UNWEIGHTED, values);
        self.acc = (self.acc - signed(i128::from(y))) * *INVERSE_LANE;
        Cell { column: Column::Z, row }
    }

    /// Starts or ends a matrix check.
    pub fn matrix_edge(&mut self) {
        self.push(RowKind::Matrix(MatrixRow::Edge), UNWEIGHTED, Values::default());
    }

    /// MAT-7: one summand of a matrix check, `(Σ_t τ^(T-1-t) x_t) (Σ_g ν^(G-1-g) P_g)`. All summands of a check have the same `T` and `G`.
    pub fn matrix_summand(&mut self, vectors: &[Cell], outputs: &[Fr], zero: Cell) {
        let rows = vectors.len().max(outputs.len()).div_ceil(OPERANDS);
        let (before_x, before_p) = (rows * OPERANDS - vectors.len(), rows * OPERANDS - outputs.len());
        for row in 0..rows {
            let slots: [usize; OPERANDS] = std::array::from_fn(|i| row * OPERANDS + i);
            let cells = slots.map(|i| i.checked_sub(before_x).map_or(zero, |i| vectors[i]));
            let f = slots.map(|i| i.checked_sub(before_p).map_or(Fr::ZERO, |i| outputs[i]));
            self.matrix_row(MatrixRow::Vectors, cells, f);
        }
        self.push(RowKind::Matrix(MatrixRow::Multiply), UNWEIGHTED, Values::default());
    }

    /// MAT-8: one summand whose outputs are cells too: `Σ_g ν^(G-1-g) Σ_j weight_j y_(g,j)`, `weights` being those of a group.
    pub fn matrix_summand_live(&mut self, vectors: &[Cell], outputs: &[Cell], weights: &[Fr], zero: Cell) {
        let before = vectors.len().next_multiple_of(OPERANDS) - vectors.len();
        let padded: Vec<Cell> = std::iter::repeat_n(zero, before).chain(vectors.iter().copied()).collect();
        for cells in padded.as_chunks::<OPERANDS>().0 {
            self.matrix_row(MatrixRow::Vectors, *cells, UNWEIGHTED);
        }
        for group in outputs.chunks(weights.len()) {
            for (part, (cells, own)) in group.chunks(OPERANDS).zip(weights.chunks(OPERANDS)).enumerate() {
                let cell = |i: usize| cells.get(i).copied().unwrap_or(zero);
                let f = |i: usize| if i < cells.len() { own[i] } else { Fr::ZERO };
                let kind = MatrixRow::Outputs { next: part == 0 };
                self.matrix_row(kind, std::array::from_fn(cell), std::array::from_fn(f));
            }
        }
        self.push(RowKind::Matrix(MatrixRow::Multiply), UNWEIGHTED, Values::default());
    }

    fn matrix_row(&mut self, kind: MatrixRow, cells: [Cell; OPERANDS], f: [Fr; OPERANDS]) {
        let [a0, a1, a2, z] = cells.map(|cell| self.get(cell));
        let values = Values { a: [a0, a1, a2, Fr::ZERO], z, ..Values::default() };
        let row = self.push(RowKind::Matrix(kind), f, values);
        for (column, source) in OPERAND_COLUMNS.into_iter().zip(cells) {
            self.copy(source, Cell { column, row });
        }
    }

    /// FUN-4: a table function of a cell; `base · 2^10 + slope · lo` is left in the accumulator.
    pub fn function(&mut self, argument: Cell, at: FunctionRow) {
        let [hi, lo, base, slope] = [at.hi, at.lo, at.base, at.slope].map(|v| signed(i128::from(v)));
        let values = Values { a: [lo, hi, base, slope], z: self.get(argument), ..Values::default() };
        let row = self.push(RowKind::Function, first(Fr::from(at.tag)), values);
        self.copy(argument, Cell { column: Column::Z, row });
        self.acc += base * pow2(LIMB_BITS) + slope * lo;
        self.open = true;
    }

    /// The Poseidon sponge over the operands (POS-7, POS-8). `start` holds `(tag, 0, 0)` plus the first round's constants, `zero` the constant 0.
    /// Returns the digest's cell and the operands' cells.
    pub fn sponge(&mut self, start: [Cell; 3], zero: Cell, message: &[Operand]) -> (Cell, Vec<Cell>) {
        let mut state = start;
        let mut cells = Vec::with_capacity(message.len());
        let blocks = message.len().div_ceil(poseidon::RATE).max(1);
        for block in 0..blocks {
            let mut absorbed = [state[0]; 3];
            for lane in 0..poseidon::RATE {
                let index = block * poseidon::RATE + lane;
                let operand = message.get(index).copied().unwrap_or(Operand::Copy(zero));
                let value = match operand {
                    Operand::Copy(cell) => self.get(cell),
                    Operand::Free(value) => value,
                };
                let sum = self.get(state[lane + 1]) + value;
                let row = self.dot(&[
                    (Operand::Copy(state[lane + 1]), Fr::ONE),
                    (operand, Fr::ONE),
                    (Operand::Free(sum), -Fr::ONE),
                ]);
                if index < message.len() {
                    cells.push(row[1]);
                }
                absorbed[lane + 1] = row[2];
            }
            state = self.permutation(absorbed, block + 1 < blocks);
        }
        (state[1], cells)
    }

    /// One permutation, a round a row, then a row that holds its output. If `more` follow, the output holds their first constants.
    fn permutation(&mut self, input: [Cell; 3], more: bool) -> [Cell; 3] {
        self.terminate();
        let mut state: State = input.map(|cell| self.get(cell));
        let first = self.rows.len();
        for round in 0..ROUNDS {
            let partial = poseidon::is_partial(round);
            let constants = match poseidon::CONSTANTS.rounds.get(round + 1) {
                Some(constants) => *constants,
                None if more => poseidon::CONSTANTS.rounds[0],
                None => [Fr::ZERO; 3],
            };
            let square = |i: usize| if partial && i > 0 { Fr::ONE } else { state[i].square() };
            let values =
                Values { a: [state[0], state[1], state[2], square(0)], b: square(1), z: square(2), acc: Fr::ZERO };
            let [c0, c1, c2] = constants;
            self.push(RowKind::Poseidon { partial }, [c0, c1, c2, Fr::ZERO], values);
            state = poseidon::add(&poseidon::round(&state, partial), &constants);
        }
        let values = Values { a: [state[0], state[1], state[2], Fr::ZERO], ..Values::default() };
        let output = self.push(RowKind::Idle, UNWEIGHTED, values);
        let cells = |row: usize| [Column::A0, Column::A1, Column::A2].map(|column| Cell { column, row });
        for (source, target) in input.into_iter().zip(cells(first)) {
            self.copy(source, target);
        }
        cells(output)
    }
}

static INVERSE_LANE: std::sync::LazyLock<Fr> =
    std::sync::LazyLock::new(|| pow2(LANE_BITS).invert().unwrap_or(Fr::ZERO));
