//! `z = f(…)`, `r = f(…)`, `n = g(…)`, `h = (1 − z) · n + z · h`: three gates and two sums of products for each unit of each step.
//!
//! The new state lies between `n` and the old one, which intervals cannot see: it is held in that range, or its bounds would grow from step to step.

use crate::quant::QuantError;
use crate::quant::builder::Builder;
use crate::quant::form::Form;
use crate::quant::gate::{FINEST, Sum};

use crate::ops::{Call, Op, Value};

use super::activation::{self, Activation, Job};
use super::sequence::{self, Cell, Context, State, Weights};

/// Bits under 1.0 of `R · h + b` before the reset gate: its product with the gate then fits an argument's unit.
const INNER_BITS: i32 = 16;

/// See the module's head.
pub(super) struct Gru;

impl Op for Gru {
    fn name(&self) -> &'static str {
        "GRU"
    }

    fn accepts(&self) -> &'static str {
        "one sequence of full length with constant W, R and B"
    }

    fn lower(&self, builder: &mut Builder<'_>, call: &Call<'_>) -> Result<Vec<Value>, QuantError> {
        let cell = Cells { reset_after: call.int("linear_before_reset", 0)? != 0 };
        sequence::lower(&cell, builder, call)
    }
}

/// The cell, with what its attributes say.
struct Cells {
    /// The reset gate acts on `R · h + b`, not on `h`.
    reset_after: bool,
}

impl Cell for Cells {
    const GATES: usize = 3;
    const ACTIVATIONS: &'static [&'static str] = &["Sigmoid", "Tanh"];
    const MEMORY: bool = false;

    fn step(
        &self,
        builder: &mut Builder<'_>,
        context: &Context,
        weights: &Weights,
        x: &[Form],
        state: &State,
    ) -> Result<State, QuantError> {
        let (hidden, width) = (context.sizes.hidden, context.sizes.width);
        let [f, g] = weights.activations.as_slice() else { return Ok(state.clone()) };
        let bits = FINEST as u32;
        // Update and reset gates.
        let rows = 2 * hidden;
        let (matrix, last) = weights.matrix.split_at(rows * (width + hidden));
        let joint = [x, &state.h].concat();
        let sums = builder.product(matrix, &joint)?;
        let biases = weights.input_bias.iter().zip(&weights.state_bias).map(|(a, b)| a + b);
        let jobs = sums.iter().zip(biases).map(|(s, b)| Job { activation: f, argument: s.shifted(b).into(), bits });
        let gates = activation::run(builder, jobs.collect(), context.clip, context.entries())?;
        let (z, r) = gates.split_at(hidden);
        // The candidate.
        let of_input: Vec<f64> = last.chunks(width + hidden).flat_map(|row| &row[..width]).copied().collect();
        let of_state: Vec<f64> = last.chunks(width + hidden).flat_map(|row| &row[width..]).copied().collect();
        let (input_bias, state_bias) = (&weights.input_bias[rows..], &weights.state_bias[rows..]);
        let arguments: Vec<Sum> = if self.reset_after {
            let inner = builder.product(&of_state, &state.h)?;
            let inner: Vec<Sum> = inner.iter().zip(state_bias).map(|(s, b)| s.shifted(*b).into()).collect();
            let inner = builder.sums(&inner, INNER_BITS, None)?;
            let outer = builder.product(&of_input, x)?;
            let join = |(((s, b), r), q): (((&Form, &f64), &Form), Form)| Sum {
                linear: s.shifted(*b),
                products: vec![(r.clone(), q)],
            };
            outer.iter().zip(input_bias).zip(r).zip(inner).map(join).collect()
        } else {
            let product = |(r, h): (&Form, &Form)| Sum { products: vec![(r.clone(), h.clone())], ..Sum::default() };
            let kept: Vec<Sum> = r.iter().zip(&state.h).map(product).collect();
            let kept = builder.sums(&kept, FINEST, None)?;
            let sums = builder.product(last, &[x, &kept].concat())?;
            let biases = input_bias.iter().zip(state_bias);
            sums.iter().zip(biases).map(|(s, (a, b))| s.shifted(a + b).into()).collect()
        };
        let jobs = arguments.into_iter().map(|argument| Job { activation: g, argument, bits });
        let n = activation::run(builder, jobs.collect(), context.clip, context.entries())?;
        let mix = |((z, n), h): ((&Form, &Form), &Form)| Sum {
            linear: Form::default(),
            products: vec![(z.scaled(-1.0).shifted(1.0), n.clone()), (z.clone(), h.clone())],
        };
        let sums: Vec<Sum> = z.iter().zip(&n).zip(&state.h).map(mix).collect();
        let h = builder.sums(&sums, FINEST, convex(builder, f, g, &state.h))?;
        Ok(State { h, c: Vec::new() })
    }
}

/// The range of `(1 − z) · n + z · h` where `z` is a share.
fn convex(builder: &Builder<'_>, f: &Activation, g: &Activation, h: &[Form]) -> Option<(f64, f64)> {
    let (share, n) = (f.range()?, g.range()?);
    let widen = |(lo, hi): (f64, f64), form: &Form| {
        let (a, b) = builder.interval(form);
        (lo.min(a), hi.max(b))
    };
    (share == (0.0, 1.0)).then(|| h.iter().fold(n, widen))
}
