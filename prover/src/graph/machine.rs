//! Programs on blocks of rows.

use halo2_proofs::halo2curves::bn256::Fr;
use rayon::prelude::*;
use std::borrow::Cow;

use super::program::{Operand, Program, Sum};
use super::{BLOCK, Cell, vector};
use crate::lanes::Ifma;

/// Rows that one thread handles at a time.
const CHUNK: usize = 1 << 11;

/// Registers of a [`Program`] that runs.
#[derive(Debug)]
pub struct Machine<'a> {
    program: &'a Program,
    columns: &'a [&'a [Fr]],
    registers: Vec<Vec<Fr>>,
    vectors: Option<vector::Registers>,
}

/// What an operand is on a block.
#[derive(Clone, Copy)]
enum Value<'a> {
    Scalar(Fr),
    Rows(&'a [Fr]),
}

impl Program {
    /// The result on all rows of `columns`.
    pub fn run(&self, columns: &[&[Fr]]) -> Vec<Fr> {
        let mut values = vec![Fr::zero(); columns.first().map_or(0, |column| column.len())];
        values.par_chunks_mut(CHUNK).enumerate().for_each(|(i, values)| {
            let mut machine = Machine::new(self, columns, Ifma::detect());
            for (j, values) in values.chunks_mut(BLOCK).enumerate() {
                machine.run(i * CHUNK + j * BLOCK, values);
            }
        });
        values
    }
}

impl<'a> Machine<'a> {
    /// Registers for `program` over `columns`, all of one length that is no more than a multiple of it away.
    pub fn new(program: &'a Program, columns: &'a [&'a [Fr]], ifma: Option<Ifma>) -> Self {
        Self {
            program,
            columns,
            registers: Vec::new(),
            vectors: ifma.map(|ifma| vector::Registers::new(program, ifma)),
        }
    }

    /// The result on the rows from `start` on, as many as `out` has room for (at most [`BLOCK`]).
    pub fn run(&mut self, start: usize, out: &mut [Fr]) {
        let len = out.len().min(BLOCK);
        let out = &mut out[..len];
        let cells: Vec<_> = self.program.cells.iter().map(|cell| rows(self.columns, *cell, start, len)).collect();
        if let (Some(registers), (out, [])) = (&mut self.vectors, out.as_chunks_mut()) {
            return registers.run(self.program, &cells, out);
        }
        self.run_scalar(&cells, out);
    }

    fn run_scalar(&mut self, cells: &[Cow<'_, [Fr]>], out: &mut [Fr]) {
        self.registers.resize_with(self.program.registers, || vec![Fr::zero(); BLOCK]);
        for step in &self.program.steps {
            let mut to = std::mem::take(&mut self.registers[step.to]);
            write(&step.sum, |operand| self.value(operand, cells, out.len()), &mut to[..out.len()]);
            self.registers[step.to] = to;
        }
        match self.value(self.program.result, cells, out.len()) {
            Value::Scalar(value) => out.fill(value),
            Value::Rows(rows) => out.copy_from_slice(rows),
        }
    }

    fn value<'b>(&'b self, operand: Operand, cells: &'b [Cow<'_, [Fr]>], len: usize) -> Value<'b> {
        match operand {
            Operand::Scalar(scalar) => Value::Scalar(self.program.scalars[scalar]),
            Operand::Register(register) => Value::Rows(&self.registers[register][..len]),
            Operand::Cell(cell) => Value::Rows(&cells[cell]),
        }
    }
}

/// A cell on the rows from `start` on; a copy if they reach over an end of its column.
fn rows<'a>(columns: &[&'a [Fr]], Cell { column, rotation }: Cell, start: usize, len: usize) -> Cow<'a, [Fr]> {
    let column = columns[column];
    let first = (start as i64 + i64::from(rotation)).rem_euclid(column.len().max(1) as i64) as usize;
    match column.get(first..first + len) {
        Some(rows) => Cow::Borrowed(rows),
        None => Cow::Owned(column.iter().cycle().skip(first).take(len).copied().collect()),
    }
}

fn write<'a>(sum: &Sum<Operand>, value: impl Fn(Operand) -> Value<'a>, to: &mut [Fr]) {
    let mut first = true;
    let one = Value::Scalar(Fr::one());
    let products = sum.products.iter().map(|([a, b], negative)| (value(*a), Some(value(*b)), *negative));
    let values = sum.values.iter().map(|(a, negative)| (value(*a), None, *negative));
    for (a, b, negative) in products.chain(values) {
        match (std::mem::take(&mut first), negative, b) {
            (true, false, Some(b)) => combine(a, b, to, |to, a, b| *to = a * b),
            (true, true, Some(b)) => combine(a, b, to, |to, a, b| *to = -(a * b)),
            (false, false, Some(b)) => combine(a, b, to, |to, a, b| *to += a * b),
            (false, true, Some(b)) => combine(a, b, to, |to, a, b| *to -= a * b),
            (true, false, None) => combine(a, one, to, |to, a, _| *to = *a),
            (true, true, None) => combine(a, one, to, |to, a, _| *to = -a),
            (false, false, None) => combine(a, one, to, |to, a, _| *to += a),
            (false, true, None) => combine(a, one, to, |to, a, _| *to -= a),
        }
    }
}

#[inline(always)]
fn combine(a: Value<'_>, b: Value<'_>, to: &mut [Fr], f: impl Fn(&mut Fr, &Fr, &Fr)) {
    match (a, b) {
        (Value::Rows(a), Value::Rows(b)) => to.iter_mut().zip(a).zip(b).for_each(|((to, a), b)| f(to, a, b)),
        (Value::Rows(a), Value::Scalar(b)) => to.iter_mut().zip(a).for_each(|(to, a)| f(to, a, &b)),
        (Value::Scalar(a), Value::Rows(b)) => to.iter_mut().zip(b).for_each(|(to, b)| f(to, &a, b)),
        (Value::Scalar(a), Value::Scalar(b)) => to.iter_mut().for_each(|to| f(to, &a, &b)),
    }
}
