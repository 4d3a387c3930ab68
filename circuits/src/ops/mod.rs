//! What each ONNX op means in linear forms. One file an op, one line in [`REGISTRY`].
//!
//! An op gets its inputs as [`Value`]s through a [`Call`] and lowers onto a [`Builder`]. Affine ops cost nothing: they compose forms. Others ask
//! the builder to materialise (Relu, Clip, functions). Constants fold by themselves: a form without terms is a constant.
//!
//! Not here: how forms become steps (see [`crate::quant::builder`]).

mod add;
mod call;
mod cast;
mod clip;
mod concat;
mod constant;
mod div;
mod dropout;
mod elementwise;
mod error;
mod flatten;
mod gemm;
mod identity;
mod leaky_relu;
mod matmul;
mod mul;
mod product;
mod relu;
mod reshape;
mod sigmoid;
mod squeeze;
mod sub;
mod tanh;
mod transpose;
mod unsqueeze;
mod value;

pub use call::Call;
pub use error::OpError;
pub use value::Value;

use crate::model::Node;
use crate::quant::QuantError;
use crate::quant::builder::Builder;

/// One ONNX op.
pub trait Op: Sync {
    /// The op's name in ONNX.
    fn name(&self) -> &'static str;

    /// What is accepted, for refusals: a phrase without a full stop.
    fn accepts(&self) -> &'static str;

    /// Lowers one node. Returns its outputs in order; trailing optional ones may be left out.
    ///
    /// # Errors
    /// [`OpError::Refused`] through [`Call::refuse`], or an error of the builder.
    fn lower(&self, builder: &mut Builder<'_>, call: &Call<'_>) -> Result<Vec<Value>, QuantError>;
}

/// Every supported op, sorted by name.
pub static REGISTRY: &[&dyn Op] = &[
    &add::Add,
    &cast::Cast,
    &clip::Clip,
    &concat::Concat,
    &constant::Constant,
    &div::Div,
    &dropout::Dropout,
    &flatten::Flatten,
    &gemm::Gemm,
    &identity::Identity,
    &leaky_relu::LeakyRelu,
    &matmul::MatMul,
    &mul::Mul,
    &relu::Relu,
    &reshape::Reshape,
    &sigmoid::Sigmoid,
    &squeeze::Squeeze,
    &sub::Sub,
    &tanh::Tanh,
    &transpose::Transpose,
    &unsqueeze::Unsqueeze,
];

/// Lowers a node; `value` finds the values computed so far.
///
/// # Errors
/// [`OpError::Unknown`] for an op outside [`REGISTRY`]; else those of the op.
pub fn lower<'v>(
    builder: &mut Builder<'_>,
    node: &Node,
    value: impl Fn(&str) -> Option<&'v Value>,
) -> Result<Vec<Value>, QuantError> {
    let op = REGISTRY.iter().find(|op| op.name() == node.op).ok_or_else(|| OpError::Unknown {
        op: node.op.clone(),
        node: node.name.clone(),
        supported: REGISTRY.iter().map(|op| op.name()).collect::<Vec<_>>().join(", "),
    })?;
    let inputs = node.inputs.iter().map(|name| value(name)).collect();
    let call = Call::new(node, *op, inputs);
    let results = op.lower(builder, &call)?;
    if node.outputs.iter().skip(results.len()).any(|o| !o.is_empty()) {
        return Err(call.refuse(format!("{} outputs are used, this op gives {}", node.outputs.len(), results.len())));
    }
    Ok(results.into_iter().map(Value::folded).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn registry_is_sorted_and_unique() {
        assert!(REGISTRY.windows(2).all(|w| w[0].name() < w[1].name()));
        assert!(REGISTRY.iter().all(|op| !op.accepts().is_empty() && !op.accepts().ends_with('.')));
    }
}
