//! What each ONNX op means in linear forms. One file an op, one line in its family.
//!
//! An op gets its inputs as [`Value`]s through a [`Call`] and lowers onto a [`Builder`]. Affine ops cost nothing: they compose forms. Others ask
//! the builder to materialise (Relu, Clip, functions). Constants fold by themselves: a form without terms is a constant.
//!
//! Not here: how forms become steps (see [`crate::quant::builder`]).

mod activation;
mod call;
mod classical;
mod elementwise;
mod error;
mod linear;
mod normalise;
mod order;
mod pooling;
mod quantised;
mod recurrent;
mod reduction;
mod shape;
mod value;
mod window;

pub use call::Call;
pub use error::OpError;
pub use value::Value;

use elementwise::{binary, unary};
use shape::on_integers;

use crate::model::Node;
use crate::quant::QuantError;
use crate::quant::builder::Builder;

/// One ONNX op.
pub trait Op: Sync {
    /// The op's name in ONNX.
    fn name(&self) -> &'static str;

    /// The op's domain: empty for ONNX itself, `ai.onnx.ml` for classical models.
    fn domain(&self) -> &'static str {
        ""
    }

    /// What is accepted, for refusals: a phrase without a full stop.
    fn accepts(&self) -> &'static str;

    /// Lowers one node. Returns its outputs in order; trailing optional ones may be left out.
    ///
    /// # Errors
    /// [`OpError::Refused`] through [`Call::refuse`], or an error of the builder.
    fn lower(&self, builder: &mut Builder<'_>, call: &Call<'_>) -> Result<Vec<Value>, QuantError>;
}

/// Every family of ops: one folder each, one file and one line an op.
static FAMILIES: &[&[&dyn Op]] = &[
    activation::OPS,
    classical::OPS,
    elementwise::OPS,
    linear::OPS,
    normalise::OPS,
    order::OPS,
    pooling::OPS,
    quantised::OPS,
    recurrent::OPS,
    reduction::OPS,
    shape::OPS,
];

/// Every supported op.
pub fn registry() -> impl Iterator<Item = &'static dyn Op> {
    FAMILIES.iter().flat_map(|family| family.iter().copied())
}

/// Lowers a node; `value` finds the values computed so far.
///
/// # Errors
/// [`OpError::Unknown`] for an op outside [`registry`]; else those of the op.
pub fn lower<'v>(
    builder: &mut Builder<'_>,
    node: &Node,
    value: impl Fn(&str) -> Option<&'v Value>,
) -> Result<Vec<Value>, QuantError> {
    let op = registry()
        .find(|op| op.domain() == node.domain && op.name() == node.op)
        .ok_or_else(|| OpError::Unknown { op: node.op.clone(), node: node.name.clone(), supported: supported() })?;
    let inputs: Vec<Option<&Value>> = node.inputs.iter().map(|name| value(name)).collect();
    // Arithmetic on integers gives integers (division, and casts, say so themselves).
    let integers = all_integers(&inputs);
    let call = Call::new(node, op, inputs);
    let results = op.lower(builder, &call)?;
    if node.outputs.iter().skip(results.len()).any(|o| !o.is_empty()) {
        return Err(call.refuse(format!("{} outputs are used, this op gives {}", node.outputs.len(), results.len())));
    }
    Ok(results.into_iter().map(|value| value.folded(integers)).collect())
}

/// Whether all inputs are integer constants, and there is one.
fn all_integers(inputs: &[Option<&Value>]) -> bool {
    let mut given = inputs.iter().flatten().peekable();
    given.peek().is_some() && given.all(|v| matches!(v, Value::Int(_)))
}

/// Names of all supported ops, for refusals.
fn supported() -> String {
    let mut names: Vec<&str> = registry().map(|op| op.name()).collect();
    names.sort_unstable();
    names.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn families_are_sorted_and_no_op_is_registered_twice() {
        for family in FAMILIES {
            assert!(family.windows(2).all(|w| w[0].name() < w[1].name()));
        }
        let mut names: Vec<_> = registry().map(|op| (op.domain(), op.name())).collect();
        let count = names.len();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), count);
        assert!(registry().all(|op| !op.accepts().is_empty() && !op.accepts().ends_with('.')));
    }
}
