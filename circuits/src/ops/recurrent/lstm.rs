//! `i, o, f = f(…)`, `c = f · c + i · g(…)`, `h = o · h(c)`: five table reads, two sums of products and four lanes for arguments, for each unit of each step.
//!
//! The memory `c` grows by at most 1 a step, so its unit is chosen once, for the whole sequence: then `f · c` and `i · g` share a row, and `c` is the argument of its
//! table as it is.

use crate::quant::QuantError;
use crate::quant::builder::Builder;
use crate::quant::form::Form;
use crate::quant::gate::{FINEST, Sum};

use crate::ops::{Call, Op, Value};

use super::activation::{self, Activation, Job};
use super::sequence::{self, Cell, Context, State, Weights};

/// Bits of a state: `|c| · 2^bits <= 2^20`.
const STATE_BITS: i32 = 20;
/// With calibration, a longer sequence saturates before it needs a coarser unit.
const HORIZON: usize = 32;

/// See the module's head.
pub(super) struct Lstm;

impl Op for Lstm {
    fn name(&self) -> &'static str {
        "LSTM"
    }

    fn accepts(&self) -> &'static str {
        "one sequence of full length with constant W, R, B and P"
    }

    fn lower(&self, builder: &mut Builder<'_>, call: &Call<'_>) -> Result<Vec<Value>, QuantError> {
        let start = match call.optional(6) {
            None => 0.0,
            Some(_) => call.forms(6)?.data().iter().fold(0.0, |m: f64, f| m.max(size(builder.interval(f)))),
        };
        sequence::lower(&Cells { coupled: call.int("input_forget", 0)? != 0, start }, builder, call)
    }
}

/// The cell, with what its attributes say.
struct Cells {
    /// The forget gate is `1 − i`.
    coupled: bool,
    /// Largest magnitude of the initial memory.
    start: f64,
}

fn size((lo, hi): (f64, f64)) -> f64 {
    lo.abs().max(hi.abs())
}

impl Cells {
    /// Bits under 1.0 of the memory.
    fn memory_bits(&self, builder: &Builder<'_>, context: &Context, g: &Activation) -> i32 {
        let steps = if builder.samples() > 0 { context.sizes.steps.min(HORIZON) } else { context.sizes.steps };
        let most = self.start + steps as f64 * g.range().map_or(1.0, size);
        (STATE_BITS - libm::ceil(libm::log2(most.max(1e-9))) as i32).clamp(8, FINEST)
    }
}

impl Cell for Cells {
    const GATES: usize = 4;
    const ACTIVATIONS: &'static [&'static str] = &["Sigmoid", "Tanh", "Tanh"];
    const MEMORY: bool = true;

    fn step(
        &self,
        builder: &mut Builder<'_>,
        context: &Context,
        weights: &Weights,
        x: &[Form],
        state: &State,
    ) -> Result<State, QuantError> {
        let hidden = context.sizes.hidden;
        let [f, g, last] = weights.activations.as_slice() else { return Ok(state.clone()) };
        let (bits, entries) = (self.memory_bits(builder, context, g), context.entries());
        let mut sums = sequence::linear(builder, weights, x, &state.h)?;
        let peephole = |sums: &mut [Form], gate: usize, c: &[Form]| {
            let Some(p) = &weights.peepholes else { return };
            for ((sum, p), c) in sums.iter_mut().zip(p.iter().skip(gate * hidden)).zip(c) {
                *sum = sum.plus(&c.scaled(*p));
            }
        };
        // ONNX orders the gates i, o, f, c.
        let mut new: Vec<Form> = sums.split_off(3 * hidden);
        let mut forget: Vec<Form> = sums.split_off(2 * hidden);
        let mut output: Vec<Form> = sums.split_off(hidden);
        peephole(&mut sums, 0, &state.c);
        peephole(&mut forget, 2, &state.c);
        let with_output = weights.peepholes.is_none();
        let job = |activation, bits| move |sum: Form| Job { activation, argument: sum.into(), bits };
        let mut jobs: Vec<Job<'_>> = sums.into_iter().map(job(f, FINEST as u32)).collect();
        if !self.coupled {
            jobs.extend(forget.into_iter().map(job(f, FINEST as u32)));
        }
        if with_output {
            jobs.extend(output.iter().cloned().map(job(f, FINEST as u32)));
        }
        jobs.extend(new.drain(..).map(job(g, bits as u32)));
        let mut gates = activation::run(builder, jobs, context.clip, entries)?;
        let new = gates.split_off(gates.len().saturating_sub(hidden));
        let opened = if with_output { gates.split_off(gates.len().saturating_sub(hidden)) } else { Vec::new() };
        let kept: Vec<Form> = if self.coupled {
            gates.iter().map(|i| i.scaled(-1.0).shifted(1.0)).collect()
        } else {
            gates.split_off(hidden)
        };
        let update = |(((i, f), c), g): (((&Form, &Form), &Form), &Form)| Sum {
            linear: Form::default(),
            products: vec![(f.clone(), c.clone()), (i.clone(), g.clone())],
        };
        let sums: Vec<Sum> = gates.iter().zip(&kept).zip(&state.c).zip(&new).map(update).collect();
        let c = builder.sums(&sums, bits, None)?;
        let c = builder.tightened(&c)?;
        let opened = if with_output {
            opened
        } else {
            peephole(&mut output, 1, &c);
            activation::run(builder, output.into_iter().map(job(f, FINEST as u32)).collect(), context.clip, entries)?
        };
        let jobs = c.iter().cloned().map(job(last, FINEST as u32)).collect();
        // The clip is for gates alone, as onnxruntime has it.
        let bounded = activation::run(builder, jobs, None, entries)?;
        let product = |(o, t): (Form, Form)| Sum { linear: Form::default(), products: vec![(o, t)] };
        let sums: Vec<Sum> = opened.into_iter().zip(bounded).map(product).collect();
        let h = builder.sums(&sums, FINEST, None)?;
        Ok(State { h, c })
    }
}
