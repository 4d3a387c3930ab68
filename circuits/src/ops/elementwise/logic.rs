//! And, Or, Xor and Not of booleans (1 and 0), broadcast: one Relu lane, none for Not and with a constant.

use crate::quant::QuantError;
use crate::quant::builder::Builder;
use crate::quant::form::Form;

use crate::ops::elementwise::{operand, whole, zipped_whole};
use crate::ops::{Call, Op, Value};

/// One of the operations of two booleans.
pub(super) enum Logic {
    And,
    Or,
    Xor,
}

/// Not.
pub(super) struct Not;

/// `1 - x`
fn not(x: &Form) -> Form {
    x.scaled(-1.0).shifted(1.0)
}

/// `a ∧ b` for booleans: `relu(a + b - 1)`.
pub(in crate::ops) fn both(builder: &mut Builder<'_>, a: &[Form], b: &[Form]) -> Result<Vec<Form>, QuantError> {
    let mut sums = Vec::with_capacity(a.len());
    for (x, y) in a.iter().zip(b) {
        sums.push(match (x.as_constant(), y.as_constant()) {
            (Some(c), _) => y.scaled(c),
            (None, Some(c)) => x.scaled(c),
            (None, None) => x.plus(y).shifted(-1.0),
        });
    }
    builder.relu(&sums)
}

impl Op for Logic {
    fn name(&self) -> &'static str {
        match self {
            Self::And => "And",
            Self::Or => "Or",
            Self::Xor => "Xor",
        }
    }

    fn accepts(&self) -> &'static str {
        "two tensors of booleans that broadcast"
    }

    fn lower(&self, builder: &mut Builder<'_>, call: &Call<'_>) -> Result<Vec<Value>, QuantError> {
        zipped_whole(call, |a, b| {
            let joint = both(builder, a, b)?;
            let factor = match self {
                Self::And => return Ok(joint),
                Self::Or => -1.0,
                Self::Xor => -2.0,
            };
            Ok(a.iter().zip(b).zip(&joint).map(|((x, y), j)| x.plus(y).plus(&j.scaled(factor))).collect())
        })
    }
}

impl Op for Not {
    fn name(&self) -> &'static str {
        "Not"
    }

    fn accepts(&self) -> &'static str {
        "one tensor of booleans"
    }

    fn lower(&self, _builder: &mut Builder<'_>, call: &Call<'_>) -> Result<Vec<Value>, QuantError> {
        let x = operand(call, 0)?;
        whole(call, x.shape().to_vec(), x.data().iter().map(not).collect())
    }
}

#[cfg(test)]
mod tests {
    use crate::model::fixture::{OnnxBuilder, int};
    use crate::testing::conformance::{Case, op_conformance};

    fn model() -> Vec<u8> {
        let mut m = OnnxBuilder::new(&[1, 2]);
        m.weights("zero", &[], &[0.0]).weights("swap", &[2, 2], &[0., 1., 1., 0.]);
        m.node("MatMul", &["x", "swap"], "z", vec![]);
        m.node("Greater", &["x", "zero"], "a", vec![]).node("Greater", &["z", "zero"], "b", vec![]);
        let mut parts = vec!["n"];
        m.node("Not", &["a"], "n_b", vec![]).node("Cast", &["n_b"], "n", vec![int("to", 1)]);
        for op in ["And", "Or", "Xor"] {
            m.node(op, &["a", "b"], &format!("{op}_b"), vec![]);
            m.node("Cast", &[&format!("{op}_b")], op, vec![int("to", 1)]);
            parts.push(op);
        }
        m.node("Concat", &parts, "y", vec![int("axis", 1)]).bytes(&[1, 8])
    }

    op_conformance! {
        truth_tables: Case::new(model(), vec![vec![1.0, -1.0], vec![-1.0, 1.0], vec![2.0, 1.0], vec![-2.0, 0.0]]),
    }
}
