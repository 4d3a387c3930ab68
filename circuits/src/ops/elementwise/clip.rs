//! `min(max(x, min), max)`: bounds are attributes up to opset 10, inputs from 11 on. One or two lanes.

use crate::quant::QuantError;
use crate::quant::builder::Builder;
use crate::quant::form::Form;

use crate::ops::elementwise::{live, operand};
use crate::ops::{Call, Op, Value};

/// See the module's head.
pub(super) struct Clip;

/// A bound that is one constant.
fn constant(call: &Call<'_>, i: usize, default: f64) -> Option<f64> {
    match call.optional(i) {
        None => Some(default),
        Some(Value::Real(t)) if t.len() == 1 => t.data().first().copied(),
        Some(Value::Int(t)) if t.len() == 1 => t.data().first().map(|&v| v as f64),
        Some(_) => None,
    }
}

impl Op for Clip {
    fn name(&self) -> &'static str {
        "Clip"
    }

    fn accepts(&self) -> &'static str {
        "one tensor of numbers with scalar bounds"
    }

    fn lower(&self, builder: &mut Builder<'_>, call: &Call<'_>) -> Result<Vec<Value>, QuantError> {
        let (none, any) = (f64::NEG_INFINITY, f64::INFINITY);
        let (lo, hi) = if call.node().opset < 11 {
            (Some(call.float("min", none)?), Some(call.float("max", any)?))
        } else {
            (constant(call, 1, none), constant(call, 2, any))
        };
        if let (Some(lo), Some(hi)) = (lo, hi) {
            return crate::ops::elementwise::unary_whole(call, |x| builder.clip(x, lo, hi));
        }
        let x = operand(call, 0)?;
        let mut data = x.data().to_vec();
        for i in [1, 2] {
            if call.optional(i).is_none() {
                continue;
            }
            let bound = operand(call, i)?;
            let [bound] = bound.data() else { return Err(call.refuse(format!("bound {i} is no scalar"))) };
            let bounds: Vec<Form> = vec![bound.clone(); data.len()];
            data = if i == 1 { builder.maximum(&data, &bounds)? } else { builder.minimum(&data, &bounds)? };
        }
        live(call, x.shape().to_vec(), data)
    }
}

#[cfg(test)]
mod tests {
    use crate::model::fixture::OnnxBuilder;
    use crate::testing::conformance::{Case, op_conformance};

    fn model() -> Vec<u8> {
        let mut m = OnnxBuilder::new(&[1, 3]);
        m.weights("sum", &[3, 1], &[0.25, 0.25, 0.25]).ints("shape", &[1]).weights("lo", &[], &[-1.0]);
        m.node("MatMul", &["x", "sum"], "s", vec![]).node("Reshape", &["s", "shape"], "hi", vec![]);
        m.node("Clip", &["x", "lo", "hi"], "y", vec![]).bytes(&[1, 3])
    }

    op_conformance! {
        live_bound: Case::new(model(), vec![vec![1.0, -1.0, 3.0], vec![-1.5, 0.01, 0.25]]).expecting(vec![vec![0.75, -1.0, 0.75], vec![-1.0, -0.31, -0.31]]),
    }
}
