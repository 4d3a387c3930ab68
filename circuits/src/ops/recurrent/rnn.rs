//! `h = f(W · x + R · h + b)`: a lane and a table read for each unit of each step.

use crate::quant::QuantError;
use crate::quant::builder::Builder;
use crate::quant::form::Form;
use crate::quant::gate::FINEST;

use crate::ops::{Call, Op, Value};

use super::activation::{self, Job};
use super::sequence::{self, Cell, Context, State, Weights};

/// See the module's head.
pub(super) struct Rnn;

impl Op for Rnn {
    fn name(&self) -> &'static str {
        "RNN"
    }

    fn accepts(&self) -> &'static str {
        "one sequence of full length with constant W, R and B"
    }

    fn lower(&self, builder: &mut Builder<'_>, call: &Call<'_>) -> Result<Vec<Value>, QuantError> {
        sequence::lower(self, builder, call)
    }
}

impl Cell for Rnn {
    const GATES: usize = 1;
    const ACTIVATIONS: &'static [&'static str] = &["Tanh"];
    const MEMORY: bool = false;

    fn step(
        &self,
        builder: &mut Builder<'_>,
        context: &Context,
        weights: &Weights,
        x: &[Form],
        state: &State,
    ) -> Result<State, QuantError> {
        let sums = sequence::linear(builder, weights, x, &state.h)?;
        let [f] = weights.activations.as_slice() else { return Ok(state.clone()) };
        let job = |sum: Form| Job { activation: f, argument: sum.into(), bits: FINEST as u32 };
        let h = activation::run(builder, sums.into_iter().map(job).collect(), context.clip, context.entries())?;
        Ok(State { h, c: Vec::new() })
    }
}
