//! ArgMax and ArgMin: the position of the largest or smallest value along one dimension. About 2.5 lanes a value.

use crate::model::tensor::Tensor;
use crate::quant::QuantError;
use crate::quant::builder::Builder;
use crate::quant::form::Form;

use crate::ops::reduction::Groups;
use crate::ops::{Call, Op, Value};

/// See the module's head.
pub(super) struct Arg {
    name: &'static str,
    /// -1 looks for the smallest.
    sign: f64,
}

impl Arg {
    pub(super) const MAX: Self = Self { name: "ArgMax", sign: 1.0 };
    pub(super) const MIN: Self = Self { name: "ArgMin", sign: -1.0 };
}

impl Op for Arg {
    fn name(&self) -> &'static str {
        self.name
    }

    fn accepts(&self) -> &'static str {
        "one tensor with values along the axis"
    }

    fn lower(&self, builder: &mut Builder<'_>, call: &Call<'_>) -> Result<Vec<Value>, QuantError> {
        let x = call.forms(0)?;
        let axis = call.axis(call.int("axis", 0)?, x.shape().len())?;
        let keep = call.int("keepdims", 1)? != 0;
        let last = call.int("select_last_index", 0)? != 0;
        let groups = Groups::new(call, &x, &[axis], keep)?;
        let signed: Vec<Vec<Form>> =
            groups.values.iter().map(|g| g.iter().map(|f| f.scaled(self.sign)).collect()).collect();
        let at = builder.arg_max(&signed, last)?;
        Ok(vec![positions(call, groups.shape, at)?])
    }
}

/// Positions as integer constants if none depends on the inputs.
pub(super) fn positions(call: &Call<'_>, shape: Vec<usize>, at: Vec<Form>) -> Result<Value, QuantError> {
    let fits = || call.refuse("the sizes do not fit");
    let constants: Option<Vec<i64>> = at.iter().map(|f| f.as_constant().map(|v| v as i64)).collect();
    match constants {
        Some(constants) => Tensor::new(shape, constants).map(Value::Int).ok_or_else(fits),
        None => Tensor::new(shape, at).map(Value::Live).ok_or_else(fits),
    }
}

#[cfg(test)]
mod tests {
    use crate::model::fixture::{OnnxBuilder, int};
    use crate::testing::conformance::{Case, op_conformance};

    fn model(op: &str, attributes: Vec<tract_onnx::pb::AttributeProto>, shape: &[i64]) -> Vec<u8> {
        let mut model = OnnxBuilder::new(&[2, 5]);
        model.node(op, &["x"], "y", attributes).bytes(shape)
    }

    fn inputs() -> Vec<Vec<f64>> {
        vec![
            vec![0.5, -1.25, 2.0, 2.0, 1.0, -0.5, -0.5, -3.0, -3.0, -0.5],
            vec![3.0, 0.25, -2.0, 0.125, 3.0, 0.0, 0.0, 0.0, 0.0, 0.0],
        ]
    }

    fn expecting(op: &str, last: i64, expected: [[f64; 2]; 2]) -> Case {
        let onnx = model(op, vec![int("axis", 1), int("select_last_index", last)], &[2, 1]);
        Case::new(onnx, inputs()).expecting(expected.iter().map(|e| e.to_vec()).collect())
    }

    op_conformance! {
        arg_max_over_the_first_axis: Case::new(model("ArgMax", vec![int("keepdims", 0)], &[5]), inputs()),
        arg_max_takes_the_first_of_equals: expecting("ArgMax", 0, [[2.0, 0.0], [0.0, 0.0]]),
        arg_max_takes_the_last_of_equals: expecting("ArgMax", 1, [[3.0, 4.0], [4.0, 4.0]]),
        arg_min_takes_the_first_of_equals: expecting("ArgMin", 0, [[1.0, 2.0], [2.0, 0.0]]),
        arg_min_takes_the_last_of_equals: expecting("ArgMin", 1, [[1.0, 3.0], [2.0, 4.0]]),
    }
}
