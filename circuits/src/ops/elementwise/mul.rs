//! `a · b`, broadcast. Free where one factor is constant; else a product, about three rows an element.

use crate::quant::QuantError;
use crate::quant::builder::Builder;

use crate::ops::elementwise::zipped;
use crate::ops::{Call, Op, Value};

/// See the module's head.
pub(super) struct Mul;

impl Op for Mul {
    fn name(&self) -> &'static str {
        "Mul"
    }

    fn accepts(&self) -> &'static str {
        "two tensors of numbers that broadcast"
    }

    fn lower(&self, builder: &mut Builder<'_>, call: &Call<'_>) -> Result<Vec<Value>, QuantError> {
        zipped(call, |a, b| builder.multiply(a, b))
    }
}

#[cfg(test)]
mod tests {
    use crate::model::fixture::OnnxBuilder;
    use crate::testing::conformance::{Case, op_conformance};

    fn products() -> Vec<u8> {
        let mut m = OnnxBuilder::new(&[2, 2]);
        m.weights("swap", &[2, 2], &[0., 1., 1., 0.]).weights("row", &[1, 2], &[1.0, -0.5]);
        m.node("MatMul", &["x", "swap"], "z", vec![]).node("Mul", &["x", "z"], "p", vec![]);
        m.node("Mul", &["p", "row"], "q", vec![]).node("Mul", &["x", "x"], "s", vec![]);
        m.node("Add", &["q", "s"], "y", vec![]).bytes(&[2, 2])
    }

    fn swish() -> Vec<u8> {
        let mut m = OnnxBuilder::new(&[1, 3]);
        m.node("Sigmoid", &["x"], "s", vec![]).node("Mul", &["x", "s"], "y", vec![]).bytes(&[1, 3])
    }

    fn gelu() -> Vec<u8> {
        let mut m = OnnxBuilder::new(&[1, 3]);
        m.weights("root", &[], &[2f32.sqrt()]).weights("one", &[], &[1.0]).weights("half", &[], &[0.5]);
        m.node("Div", &["x", "root"], "d", vec![]).node("Erf", &["d"], "e", vec![]);
        m.node("Add", &["e", "one"], "p", vec![]).node("Mul", &["x", "half"], "h", vec![]);
        m.node("Mul", &["h", "p"], "y", vec![]).bytes(&[1, 3])
    }

    fn inputs() -> Vec<Vec<f64>> {
        vec![vec![1.0, -1.0, 3.0], vec![-1.5, 0.01, 0.25], vec![2.0, 1.0, -5.5]]
    }

    op_conformance! {
        products_and_squares: Case::new(products(), vec![vec![1.0, -1.0, 3.0, 2.0], vec![-1.5, 0.01, 0.25, -4.0]]),
        swish_as_exported: Case::new(swish(), inputs()),
        gelu_as_exported: Case::new(gelu(), inputs()),
    }
}
