//! Mod by constants: the remainder has the divisor's sign, or with `fmod` the dividend's. A floor and a lane; with `fmod` of what may be negative two more.

use crate::quant::QuantError;
use crate::quant::builder::Builder;
use crate::quant::form::Form;

use crate::ops::elementwise::{is_whole, minus, operand, whole, zipped};
use crate::ops::{Call, Op, Value};

/// See the module's head.
pub(super) struct Mod;

/// `x - d · floor(x / d)` for `d != 0`.
fn remainder(builder: &mut Builder<'_>, x: &[Form], d: &[f64]) -> Result<Vec<Form>, QuantError> {
    let quotients: Vec<Form> = x
        .iter()
        .zip(d)
        .map(|(f, d)| {
            // Between integers the middle of the gap absorbs all rounding.
            let middle = if is_whole(f) && d.fract() == 0.0 { 0.5 * d.signum() } else { 0.0 };
            f.shifted(middle).scaled(1.0 / d)
        })
        .collect();
    let quotients = builder.floor(&quotients)?;
    Ok(x.iter().zip(d).zip(&quotients).map(|((f, d), q)| f.plus(&q.scaled(-d))).collect())
}

impl Op for Mod {
    fn name(&self) -> &'static str {
        "Mod"
    }

    fn accepts(&self) -> &'static str {
        "numbers and constant divisors other than 0 that broadcast"
    }

    fn lower(&self, builder: &mut Builder<'_>, call: &Call<'_>) -> Result<Vec<Value>, QuantError> {
        let towards_zero = call.int("fmod", 0)? != 0;
        let result = zipped(call, |x, d| {
            let divisors: Option<Vec<f64>> = d.iter().map(|f| f.as_constant().filter(|&d| d != 0.0)).collect();
            let divisors = divisors.ok_or_else(|| call.refuse("a divisor is 0 or depends on the model's inputs"))?;
            if !towards_zero {
                return remainder(builder, x, &divisors);
            }
            let sizes: Vec<f64> = divisors.iter().map(|d| d.abs()).collect();
            if x.iter().all(|f| builder.interval(f).0 >= 0.0) {
                return remainder(builder, x, &sizes);
            }
            // The dividend's magnitude, part by part: of both parts one is 0, and so is its remainder.
            let positive = builder.relu(x)?;
            let negated: Vec<Form> = x.iter().map(|f| f.scaled(-1.0)).collect();
            let negative = builder.relu(&negated)?;
            let (up, down) = (remainder(builder, &positive, &sizes)?, remainder(builder, &negative, &sizes)?);
            Ok(minus(&up, &down))
        })?;
        match result.as_slice() {
            [Value::Live(t)] if [0, 1].iter().all(|&i| matches!(call.optional(i), Some(Value::Int(_)))) => {
                whole(call, operand(call, 0)?.shape().to_vec(), t.data().to_vec())
            }
            _ => Ok(result),
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::model::fixture::{OnnxBuilder, int};
    use crate::testing::conformance::{Case, op_conformance};

    fn model() -> Vec<u8> {
        let mut m = OnnxBuilder::new(&[1, 3]);
        m.weights("d", &[3], &[3.0, -2.5, 0.75]);
        m.node("Mod", &["x", "d"], "y", vec![int("fmod", 1)]).bytes(&[1, 3])
    }

    fn whole() -> Vec<u8> {
        let mut m = OnnxBuilder::new(&[1, 3]);
        m.ints("d", &[3, -7, 10]);
        m.node("Floor", &["x"], "i", vec![]).node("Mod", &["i", "d"], "y", vec![]).bytes(&[1, 3])
    }

    fn floored() -> Vec<Vec<f64>> {
        let of = |x: &[f64; 3]| x.iter().zip([3.0, -7.0, 10.0]).map(|(x, d)| x - d * (x / d).floor()).collect();
        [[7.0, -7.0, -3.0], [-9.0, 20.0, 30000.0], [299_997.0, -15.0, -30.0]].iter().map(of).collect()
    }

    op_conformance! {
        with_the_sign_of_the_dividend: Case::new(model(), vec![vec![7.0, -7.0, -3.1], vec![-4.5, 6.2, 3.3], vec![1.0, 2.0, 0.5]]).expecting(
            vec![vec![1.0, -2.0, -0.1], vec![-1.5, 1.2, 0.3], vec![1.0, 2.0, 0.5]]),
        of_integers: Case::new(whole(), vec![vec![7.0, -7.0, -3.0], vec![-9.0, 20.0, 30000.0], vec![299_997.0, -15.0, -30.0]])
            .expecting(floored()),
    }
}
