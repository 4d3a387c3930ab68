//! `a / b`, broadcast. Free where `b` is constant; else an exact quotient, about eight rows an element. A divisor that may be 0 is held away from it, with a flag. Integers divide towards
//! zero: where the dividend depends on the inputs, by constants only, with a floor and a lane for each of its signs.

use crate::quant::QuantError;
use crate::quant::builder::Builder;
use crate::quant::form::Form;

use crate::ops::elementwise::{minus, zipped, zipped_whole};
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
        if let Some(quotients) = crate::ops::on_integers(call, i64::checked_div)? {
            return Ok(quotients);
        }
        if call.node().whole {
            return truncated(builder, call);
        }
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

/// Quotients of integers.
fn truncated(builder: &mut Builder<'_>, call: &Call<'_>) -> Result<Vec<Value>, QuantError> {
    zipped_whole(call, |a, b| {
        let divisors: Option<Vec<f64>> = b.iter().map(|f| f.as_constant().filter(|&d| d != 0.0)).collect();
        let divisors =
            divisors.ok_or_else(|| call.refuse("a divisor of integers is 0 or depends on the model's inputs"))?;
        let negated: Vec<Form> = a.iter().map(|f| f.scaled(-1.0)).collect();
        let (up, down) = (builder.relu(a)?, builder.relu(&negated)?);
        // Between integers the middle of the gap absorbs all rounding.
        let share = |part: &[Form]| -> Vec<Form> {
            part.iter().zip(&divisors).map(|(f, d)| f.shifted(0.5).scaled(1.0 / d.abs())).collect()
        };
        let (up, down) = (builder.floor(&share(&up))?, builder.floor(&share(&down))?);
        Ok(minus(&up, &down).iter().zip(&divisors).map(|(f, d)| f.scaled(d.signum())).collect())
    })
}

#[cfg(test)]
mod tests {
    use crate::model::fixture::{OnnxBuilder, int};
    use crate::testing::conformance::{Case, op_conformance};

    fn model() -> Vec<u8> {
        let mut m = OnnxBuilder::new(&[1, 2]);
        m.weights("swap", &[2, 2], &[0., 1., 1., 0.]).weights("k", &[], &[4.0]);
        m.node("MatMul", &["x", "swap"], "z", vec![]).node("Div", &["x", "z"], "q", vec![]);
        m.node("Div", &["k", "x"], "r", vec![]).node("Div", &["r", "k"], "s", vec![]);
        m.node("Add", &["q", "s"], "y", vec![]).bytes(&[1, 2])
    }

    fn whole() -> Vec<u8> {
        let mut m = OnnxBuilder::new(&[1, 4]);
        m.ints("d", &[3, -7, 10, 1]).node("Cast", &["x"], "i", vec![int("to", 7)]);
        m.node("Div", &["i", "d"], "q", vec![]).node("Cast", &["q"], "y", vec![int("to", 1)]).bytes(&[1, 4])
    }

    op_conformance! {
        integers_towards_zero: Case::new(whole(), vec![vec![7.0, -7.0, -9.0, 5.0], vec![-9.0, 20.0, 3000.0, -6.0], vec![299_997.0, -15.0, -30.0, 0.0]])
            .expecting(vec![vec![2.0, 1.0, 0.0, 5.0], vec![-3.0, -2.0, 300.0, -6.0], vec![99_999.0, 2.0, -3.0, 0.0]]),
        quotients_and_reciprocals: Case::new(model(), vec![vec![1.0, -1.5], vec![-1.5, -0.75], vec![2.0, 1.0], vec![0.5, 3.0]]),
    }
}
