//! Sum, Mean, Max and Min of several tensors, element by element, with broadcasting. Sum and Mean are free, the others cost a lane a pair.

use crate::model::tensor::{Tensor, broadcast_shape};
use crate::quant::QuantError;
use crate::quant::builder::Builder;
use crate::quant::form::Form;

use crate::ops::{Call, Op, Value};

use super::reduce::{smallest, weighted_sum};

/// Groups in (one form of each tensor), one form each out.
type Reduction = fn(&mut Builder<'_>, &[Vec<Form>]) -> Result<Vec<Form>, QuantError>;

/// One of the ops in the module's head.
pub(super) struct Variadic {
    name: &'static str,
    f: Reduction,
}

pub(super) const MAX: Variadic = Variadic { name: "Max", f: |b, groups| b.largest(groups) };
pub(super) const MEAN: Variadic =
    Variadic { name: "Mean", f: |b, groups| groups.iter().map(|g| weighted_sum(b, g, 1.0 / g.len() as f64)).collect() };
pub(super) const MIN: Variadic = Variadic { name: "Min", f: smallest };
pub(super) const SUM: Variadic =
    Variadic { name: "Sum", f: |b, groups| groups.iter().map(|g| weighted_sum(b, g, 1.0)).collect() };

impl Op for Variadic {
    fn name(&self) -> &'static str {
        self.name
    }

    fn accepts(&self) -> &'static str {
        "tensors that broadcast"
    }

    fn lower(&self, builder: &mut Builder<'_>, call: &Call<'_>) -> Result<Vec<Value>, QuantError> {
        let mismatch = || call.refuse("the shapes do not broadcast");
        let inputs = (0..call.arity()).map(|i| call.forms(i)).collect::<Result<Vec<_>, _>>()?;
        let Some(first) = inputs.first() else { return Err(call.refuse("there are no inputs")) };
        let shape = inputs.iter().try_fold(first.shape().to_vec(), |s, t| broadcast_shape(&s, t.shape()));
        let shape = shape.ok_or_else(mismatch)?;
        let inputs: Option<Vec<Tensor<Form>>> = inputs.iter().map(|t| t.broadcast(&shape)).collect();
        let inputs = inputs.ok_or_else(mismatch)?;
        let count = inputs.first().map_or(0, Tensor::len);
        let group = |i: usize| inputs.iter().map(|t| t.data()[i].clone()).collect();
        let groups: Vec<Vec<Form>> = (0..count).map(group).collect();
        let data = (self.f)(builder, &groups)?;
        Ok(vec![Value::Live(Tensor::new(shape, data).ok_or_else(mismatch)?)])
    }
}

#[cfg(test)]
mod tests {
    use crate::model::fixture::{OnnxBuilder, ints};
    use crate::testing::conformance::{Case, op_conformance};

    /// The op of `x[2, 3]`, its transpose's reshape and a constant row.
    fn case(op: &str) -> Case {
        let mut model = OnnxBuilder::new(&[2, 3]);
        model.weights("row", &[3], &[0.5, -0.25, 1.0]).ints("shape", &[2, 3]);
        model.node("Transpose", &["x"], "t", vec![ints("perm", &[1, 0])]).node("Reshape", &["t", "shape"], "r", vec![]);
        let onnx = model.node(op, &["x", "row", "r"], "y", vec![]).bytes(&[2, 3]);
        Case::new(onnx, vec![vec![1.0, 2.0, -3.0, 0.5, -0.5, 0.25], vec![0.0, -1.0, -2.0, -3.0, 4.0, 1.0]])
    }

    op_conformance! {
        sum: case("Sum"),
        mean: case("Mean"),
        max: case("Max"),
        min: case("Min"),
    }
}
