//! Where: `a` where the condition holds, else `b`, broadcast. Free for constant conditions, else a product: `c · (a - b) + b`.

use crate::quant::QuantError;
use crate::quant::builder::Builder;
use crate::quant::form::Form;

use crate::ops::elementwise::{broadcast, live, minus, whole};
use crate::ops::{Call, Op, Value};

/// See the module's head.
pub(super) struct Where;

impl Op for Where {
    fn name(&self) -> &'static str {
        "Where"
    }

    fn accepts(&self) -> &'static str {
        "a tensor of booleans and two of numbers that broadcast"
    }

    fn lower(&self, builder: &mut Builder<'_>, call: &Call<'_>) -> Result<Vec<Value>, QuantError> {
        let (shape, mut parts) = broadcast(call, &[0, 1, 2])?;
        let (Some(b), Some(a), Some(condition)) = (parts.pop(), parts.pop(), parts.pop()) else {
            return Err(call.refuse("three inputs are needed"));
        };
        let open: Vec<usize> = (0..a.len()).filter(|&i| condition[i].as_constant().is_none() && a[i] != b[i]).collect();
        let pick = |from: &[Form]| open.iter().map(|&i| from[i].clone()).collect::<Vec<Form>>();
        let products = builder.multiply(&pick(&condition), &minus(&pick(&a), &pick(&b)))?;
        let mut results: Vec<Form> = condition
            .iter()
            .zip(a.iter().zip(&b))
            .map(|(c, (a, b))| if c.as_constant().is_some_and(|c| c != 0.0) { a.clone() } else { b.clone() })
            .collect();
        for (i, product) in open.into_iter().zip(products) {
            results[i] = product.plus(&b[i]);
        }
        let integers = [1, 2].iter().all(|&i| matches!(call.optional(i), Some(Value::Int(_))));
        if integers { whole(call, shape, results) } else { live(call, shape, results) }
    }
}

#[cfg(test)]
mod tests {
    use crate::model::fixture::OnnxBuilder;
    use crate::testing::conformance::{Case, op_conformance};

    fn model() -> Vec<u8> {
        let mut m = OnnxBuilder::new(&[1, 3]);
        m.weights("zero", &[], &[0.0]).weights("k", &[3], &[0.5, -1.0, 4.0]).weights("two", &[], &[2.0]);
        m.node("Greater", &["x", "zero"], "c", vec![]).node("Mul", &["x", "two"], "d", vec![]);
        m.node("Where", &["c", "d", "k"], "w", vec![]).node("Greater", &["k", "zero"], "fixed", vec![]);
        m.node("Where", &["fixed", "w", "x"], "y", vec![]).bytes(&[1, 3])
    }

    op_conformance! {
        live_and_constant_conditions: Case::new(model(), vec![vec![1.0, -1.0, 3.0], vec![-1.0, 1.0, 0.25], vec![2.0, 1.0, -5.5]]),
    }
}
