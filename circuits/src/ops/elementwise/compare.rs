//! Comparisons, broadcast: 1 or 0. One lane each, two for Equal. Differences under `2^-40` of their range count as none.

use crate::quant::QuantError;
use crate::quant::builder::Builder;

use crate::ops::elementwise::{minus, zipped_whole};
use crate::ops::{Call, Op, Value};

/// One of the comparisons.
pub(super) enum Compare {
    Equal,
    Greater,
    GreaterOrEqual,
    Less,
    LessOrEqual,
}

impl Op for Compare {
    fn name(&self) -> &'static str {
        match self {
            Self::Equal => "Equal",
            Self::Greater => "Greater",
            Self::GreaterOrEqual => "GreaterOrEqual",
            Self::Less => "Less",
            Self::LessOrEqual => "LessOrEqual",
        }
    }

    fn accepts(&self) -> &'static str {
        "two tensors of numbers that broadcast"
    }

    fn lower(&self, builder: &mut Builder<'_>, call: &Call<'_>) -> Result<Vec<Value>, QuantError> {
        zipped_whole(call, |a, b| match self {
            Self::Equal => builder.equal(a, b),
            Self::Greater => builder.positive(&minus(a, b)),
            Self::GreaterOrEqual => builder.sign(&minus(a, b)),
            Self::Less => builder.positive(&minus(b, a)),
            Self::LessOrEqual => builder.sign(&minus(b, a)),
        })
    }
}

#[cfg(test)]
mod tests {
    use crate::model::fixture::{OnnxBuilder, int};
    use crate::testing::conformance::{Case, op_conformance};

    fn model(live: bool) -> Vec<u8> {
        let mut m = OnnxBuilder::new(&[1, 4]);
        m.weights("k", &[1], &[0.5]).weights(
            "flip",
            &[4, 4],
            &[0., 1., 0., 0., 1., 0., 0., 0., 0., 0., 1., 0., 0., 0., 0., 1.],
        );
        m.node("MatMul", &["x", "flip"], "other", vec![]);
        let mut parts = Vec::new();
        for op in ["Equal", "Greater", "GreaterOrEqual", "Less", "LessOrEqual"] {
            m.node(op, &["x", if live { "other" } else { "k" }], &format!("{op}_b"), vec![]);
            m.node("Cast", &[&format!("{op}_b")], op, vec![int("to", 1)]);
            parts.push(op);
        }
        m.node("Concat", &parts, "y", vec![int("axis", 1)]).bytes(&[1, 20])
    }

    op_conformance! {
        with_a_constant: Case::new(model(false), vec![vec![0.5, -2.0, 3.5, 0.501], vec![0.4999, 2.0, -3.5, 0.5]]),
        both_live: Case::new(model(true), vec![vec![0.5, -2.0, 3.5, 0.501], vec![2.0, 2.0, -3.5, 0.5], vec![-2.0, 2.0, 0.0, 1.0]]),
    }
}
