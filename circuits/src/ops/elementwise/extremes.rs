//! Min and Max of any number of tensors, broadcast: one Relu lane for each but the first.

use crate::quant::QuantError;
use crate::quant::builder::Builder;
use crate::quant::form::Form;

use crate::ops::elementwise::{broadcast, live, whole};
use crate::ops::{Call, Op, Value};

/// Min or Max.
pub(super) enum Extreme {
    Max,
    Min,
}

impl Op for Extreme {
    fn name(&self) -> &'static str {
        match self {
            Self::Max => "Max",
            Self::Min => "Min",
        }
    }

    fn accepts(&self) -> &'static str {
        "one or more tensors of numbers that broadcast"
    }

    fn lower(&self, builder: &mut Builder<'_>, call: &Call<'_>) -> Result<Vec<Value>, QuantError> {
        let inputs: Vec<usize> = (0..call.arity()).collect();
        let (shape, parts) = broadcast(call, &inputs)?;
        let mut parts = parts.into_iter();
        let mut extreme = parts.next().ok_or_else(|| call.refuse("there are no inputs"))?;
        for part in parts {
            // Several rounds: forms would grow, and their intervals with them.
            if call.arity() > 2 {
                extreme = builder.compact(&extreme)?;
            }
            extreme = match self {
                Self::Max => builder.maximum(&extreme, &part)?,
                Self::Min => builder.minimum(&extreme, &part)?,
            };
        }
        finish(call, shape, extreme)
    }
}

/// Integers where all inputs are.
pub(super) fn finish(call: &Call<'_>, shape: Vec<usize>, data: Vec<Form>) -> Result<Vec<Value>, QuantError> {
    let integers = (0..call.arity()).all(|i| matches!(call.optional(i), Some(Value::Int(_))));
    if integers { whole(call, shape, data) } else { live(call, shape, data) }
}

#[cfg(test)]
mod tests {
    use crate::model::fixture::{OnnxBuilder, int};
    use crate::testing::conformance::{Case, op_conformance};

    fn model() -> Vec<u8> {
        let mut m = OnnxBuilder::new(&[1, 3]);
        m.weights("k", &[], &[0.5]).weights("turn", &[3, 3], &[0., 1., 0., 0., 0., 1., 1., 0., 0.]);
        m.node("MatMul", &["x", "turn"], "z", vec![]).node("MatMul", &["z", "turn"], "w", vec![]);
        let ops = ["Max", "Min", "Sum", "Mean"];
        for op in ops {
            m.node(op, &["x", "z", "w", "k"], op, vec![]);
        }
        m.node("Concat", &ops, "y", vec![int("axis", 1)]).bytes(&[1, 12])
    }

    op_conformance! {
        of_four: Case::new(model(), vec![vec![1.0, -1.0, 3.0], vec![-1.0, 1.0, 0.25], vec![2.0, 1.0, -5.5]]),
    }
}
