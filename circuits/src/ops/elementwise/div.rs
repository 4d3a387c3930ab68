//! `a / b`, broadcast. Free where `b` is constant; else an exact quotient, about eight rows an element. A divisor that may be 0 is held away from it, with a flag.

use crate::quant::QuantError;
use crate::quant::builder::Builder;
use crate::quant::form::Form;

use crate::ops::elementwise::zipped;
use crate::ops::{Call, Op, Value};

/// See the module's head.
pub(super) struct Div;

impl Op for Div {
    fn name(&self) -> &'static str {
        "Div"
    }

    fn accepts(&self) -> &'static str {
        "two tensors of numbers that broadcast, without constant zeros in the divisor"
    }

    fn lower(&self, builder: &mut Builder<'_>, call: &Call<'_>) -> Result<Vec<Value>, QuantError> {
        zipped(call, |a, b| {
            if b.iter().any(|d| d.as_constant() == Some(0.0)) {
                return Err(call.refuse("division by zero"));
            }
            let live: Vec<usize> = (0..b.len()).filter(|&i| b[i].as_constant().is_none()).collect();
            let pick = |from: &[Form]| live.iter().map(|&i| from[i].clone()).collect::<Vec<Form>>();
            let quotients = if live.is_empty() { Vec::new() } else { builder.divide(&pick(a), &pick(b))? };
            let constant = |(x, d): (&Form, &Form)| x.scaled(1.0 / d.as_constant().unwrap_or(1.0));
            let mut results: Vec<Form> = a.iter().zip(b).map(constant).collect();
            for (i, quotient) in live.into_iter().zip(quotients) {
                results[i] = quotient;
            }
            Ok(results)
        })
    }
}

#[cfg(test)]
mod tests {
    use crate::model::fixture::OnnxBuilder;
    use crate::testing::conformance::{Case, op_conformance};

    fn model() -> Vec<u8> {
        let mut m = OnnxBuilder::new(&[1, 2]);
        m.weights("swap", &[2, 2], &[0., 1., 1., 0.]).weights("k", &[], &[4.0]);
        m.node("MatMul", &["x", "swap"], "z", vec![]).node("Div", &["x", "z"], "q", vec![]);
        m.node("Div", &["k", "x"], "r", vec![]).node("Div", &["r", "k"], "s", vec![]);
        m.node("Add", &["q", "s"], "y", vec![]).bytes(&[1, 2])
    }

    op_conformance! {
        quotients_and_reciprocals: Case::new(model(), vec![vec![1.0, -1.5], vec![-1.5, -0.75], vec![2.0, 1.0], vec![0.5, 3.0]]),
    }
}
