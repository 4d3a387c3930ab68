//! Programs on blocks of rows, eight rows at a time.

use halo2_proofs::halo2curves::bn256::Fr;
use std::arch::x86_64::{_MM_HINT_T1, _mm_prefetch};
use std::borrow::Cow;

use super::BLOCK;
use super::program::{Operand, Program, Sum, TERMS};
use crate::lanes::{self, Eight, Factor, Ifma, LANES, Products, Total};

const _: () = assert!(TERMS <= lanes::TERMS && BLOCK.is_multiple_of(LANES));

/// The registers and scalars of a program. To have them is to have had an [`Ifma`].
#[derive(Debug)]
pub struct Registers {
    scalars: Vec<(Eight<Fr>, Factor<Fr>)>,
    registers: Vec<[Eight<Fr>; BLOCK / LANES]>,
}

/// What operands are.
struct Values<'a> {
    registers: &'a Registers,
    cells: &'a [&'a [[Fr; LANES]]],
}

impl Registers {
    /// Those of `program`.
    pub fn new(program: &Program, _: Ifma) -> Self {
        // SAFETY: the `Ifma` says that the processor has the instructions.
        #[expect(unsafe_code, reason = "the function is compiled for AVX-512")]
        unsafe {
            Self::prepare(program)
        }
    }

    /// The program's result on eights of rows. `cells` hold as many rows.
    pub fn run(&mut self, program: &Program, cells: &[Cow<'_, [Fr]>], out: &mut [[Fr; LANES]]) {
        let cells: Vec<&[[Fr; LANES]]> = cells.iter().map(|rows| rows.as_chunks().0).collect();
        // SAFETY: the processor has the instructions, as whoever made these registers showed.
        #[expect(unsafe_code, reason = "the function is compiled for AVX-512")]
        unsafe {
            self.run_steps(program, &cells, out);
        }
    }

    #[target_feature(enable = "avx512f,avx512dq,avx512ifma,avx512vbmi2")]
    fn prepare(program: &Program) -> Self {
        let scalars = program.scalars.iter().map(|value| (Eight::splat(*value), Factor::splat(*value))).collect();
        Self { scalars, registers: vec![[Eight::zero(); BLOCK / LANES]; program.registers] }
    }

    #[target_feature(enable = "avx512f,avx512dq,avx512ifma,avx512vbmi2")]
    fn run_steps(&mut self, program: &Program, cells: &[&[[Fr; LANES]]], out: &mut [[Fr; LANES]]) {
        for step in &program.steps {
            for i in 0..out.len() {
                let sum = Values { registers: self, cells }.sum(&step.sum, i);
                self.registers[step.to][i] = sum;
            }
        }
        let values = Values { registers: self, cells };
        out.iter_mut().enumerate().for_each(|(i, out)| values.eight(program.result, i).store(out));
    }
}

impl Values<'_> {
    /// A sum on the `i`-th eight rows of the block.
    #[target_feature(enable = "avx512f,avx512dq,avx512ifma,avx512vbmi2")]
    #[inline]
    fn sum(&self, sum: &Sum<Operand>, i: usize) -> Eight<Fr> {
        let mut total = Total::zero();
        if !sum.products.is_empty() {
            let mut products = Products::zero();
            for ([a, b], negative) in &sum.products {
                let a = self.eight(*a, i);
                products.add(&if *negative { a.negative() } else { a }, &self.factor(*b, i));
            }
            total = products.reduce();
            if sum.products.len() == 1 && sum.values.is_empty() {
                return total.product();
            }
        }
        for (value, negative) in &sum.values {
            let value = self.eight(*value, i);
            if *negative { total.sub(&value) } else { total.add(&value) }
        }
        total.reduce()
    }

    #[target_feature(enable = "avx512f,avx512dq,avx512ifma,avx512vbmi2")]
    #[inline]
    fn eight(&self, operand: Operand, i: usize) -> Eight<Fr> {
        match operand {
            Operand::Register(register) => self.registers.registers[register][i],
            Operand::Cell(cell) => Eight::load(ahead(&self.cells[cell][i])),
            Operand::Scalar(scalar) => self.registers.scalars[scalar].0,
        }
    }

    #[target_feature(enable = "avx512f,avx512dq,avx512ifma,avx512vbmi2")]
    #[inline]
    fn factor(&self, operand: Operand, i: usize) -> Factor<Fr> {
        match operand {
            Operand::Register(register) => self.registers.registers[register][i].factor(),
            Operand::Cell(cell) => Factor::load(ahead(&self.cells[cell][i])),
            Operand::Scalar(scalar) => self.registers.scalars[scalar].1,
        }
    }
}

/// Asks for the same rows of the next block, which are needed after the other steps.
#[inline(always)]
fn ahead(rows: &[Fr; LANES]) -> &[Fr; LANES] {
    let next = rows.as_ptr().wrapping_add(BLOCK).cast::<i8>();
    for line in 0..size_of_val(rows) / 64 {
        // SAFETY: a prefetch reads nothing and does not fault, whatever the address.
        #[expect(unsafe_code, reason = "prefetches take pointers")]
        unsafe {
            _mm_prefetch::<_MM_HINT_T1>(next.wrapping_add(64 * line));
        }
    }
    rows
}
