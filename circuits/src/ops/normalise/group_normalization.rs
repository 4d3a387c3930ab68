//! Groups of channels (InstanceNormalization: single ones) centred and brought to unit variance over all positions, then scaled and shifted. About 4 rows an
//! element; see `quant/normalise.rs`.

use crate::model::tensor::Tensor;
use crate::quant::QuantError;
use crate::quant::builder::Builder;

use crate::ops::linear::constant;
use crate::ops::{Call, Op, Value};

use super::rows::{self, Norm};

/// See the module's head.
pub(super) struct GroupNormalization;

/// See the module's head.
pub(super) struct InstanceNormalization;

impl Op for GroupNormalization {
    fn name(&self) -> &'static str {
        "GroupNormalization"
    }

    fn accepts(&self) -> &'static str {
        "a float tensor [N, C, …], num_groups that divides C, and constant scale and bias"
    }

    fn lower(&self, builder: &mut Builder<'_>, call: &Call<'_>) -> Result<Vec<Value>, QuantError> {
        let groups = usize::try_from(call.int("num_groups", 0)?).ok().filter(|&g| g > 0);
        let groups = groups.ok_or_else(|| call.refuse("num_groups is missing or not positive"))?;
        let count = call.input(0)?.shape().get(1).copied().unwrap_or(0);
        if count == 0 || !count.is_multiple_of(groups) {
            return Err(call.refuse(format!("num_groups {groups} does not divide {count} channels")));
        }
        // One value a group up to opset 20, one a channel from 21 on.
        let spread = |i: usize| -> Result<Tensor<f64>, QuantError> {
            let given = constant(call, i)?;
            let repeat = if call.node().opset < 21 && given.len() == groups { count / groups } else { 1 };
            let values = given.data().iter().flat_map(|&v| std::iter::repeat_n(v, repeat)).collect();
            Ok(Tensor::vector(values))
        };
        grouped(builder, call, groups, &spread(1)?, &spread(2)?)
    }
}

impl Op for InstanceNormalization {
    fn name(&self) -> &'static str {
        "InstanceNormalization"
    }

    fn accepts(&self) -> &'static str {
        "a float tensor [N, C, d1, …] and constant scale and bias"
    }

    fn lower(&self, builder: &mut Builder<'_>, call: &Call<'_>) -> Result<Vec<Value>, QuantError> {
        let groups = call.input(0)?.shape().get(1).copied().unwrap_or(0);
        grouped(builder, call, groups, constant(call, 1)?, constant(call, 2)?)
    }
}

fn grouped(
    builder: &mut Builder<'_>,
    call: &Call<'_>,
    groups: usize,
    scale: &Tensor<f64>,
    bias: &Tensor<f64>,
) -> Result<Vec<Value>, QuantError> {
    let x = call.forms(0)?;
    let [batches, channels, ..] = x.shape() else { return Err(call.refuse("the input has no channels")) };
    if x.is_empty() || groups == 0 {
        return Err(call.refuse("a size is 0"));
    }
    let mut shape = vec![1; x.shape().len() - 1];
    shape[0] = *channels;
    let wrong = || call.refuse(format!("scale or bias for {channels} channels"));
    let shaped = |t: &Tensor<f64>| t.clone().reshaped(shape.clone()).ok_or_else(wrong);
    let (scale, bias) = (shaped(scale)?, shaped(bias)?);
    let norm = Norm { centred: true, mean: true, epsilon: super::epsilon(call)? };
    let cut = rows::consecutive(x.len(), x.len() / (batches * groups));
    let normal = rows::normalise_rows(builder, x.data(), &cut, norm)?;
    Ok(vec![Value::Live(rows::affine(call, x.shape(), normal, &scale, Some(&bias))?)])
}

#[cfg(test)]
mod tests {
    use crate::model::fixture::{OnnxBuilder, int};
    use crate::testing::conformance::{Case, op_conformance};

    fn inputs() -> Vec<Vec<f64>> {
        vec![
            (0..16).map(|i| (i as f64 * 1.7).sin() * 2.0 + 0.5).collect(),
            (0..16).map(|i| f64::from(i * 5 % 7)).collect(),
        ]
    }

    /// Over `[2, 4, 2]`, in groups of that many elements; `scale` and `bias` of each channel.
    fn want(group: usize, scale: [f64; 4], bias: [f64; 4]) -> Vec<Vec<f64>> {
        let normal = |x: &[f64]| {
            let n = x.len() as f64;
            let mean = x.iter().sum::<f64>() / n;
            let variance = x.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / n;
            x.iter().map(|v| (v - mean) / (variance + 1e-5).sqrt()).collect::<Vec<_>>()
        };
        let affine = |(i, v): (usize, f64)| v * scale[i / 2 % 4] + bias[i / 2 % 4];
        inputs().iter().map(|x| x.chunks(group).flat_map(normal).enumerate().map(affine).collect()).collect()
    }

    fn instance() -> Case {
        let mut m = OnnxBuilder::new(&[2, 4, 2]);
        m.weights("s", &[4], &[1.0, 0.5, -1.0, 2.0]).weights("b", &[4], &[0.0, 1.0, 2.0, 3.0]);
        let onnx = m.node("InstanceNormalization", &["x", "s", "b"], "y", vec![]).bytes(&[2, 4, 2]);
        Case::new(onnx, inputs()).expecting(want(2, [1.0, 0.5, -1.0, 2.0], [0.0, 1.0, 2.0, 3.0]))
    }

    fn group(opset: i64) -> Case {
        let mut m = OnnxBuilder::new(&[2, 4, 2]);
        m.model.opset_import[0].version = opset;
        let wide = opset >= 21;
        m.weights("s", &[if wide { 4 } else { 2 }], if wide { &[1.0, 0.5, -1.0, 2.0] } else { &[1.0, -1.0] });
        m.weights("b", &[if wide { 4 } else { 2 }], if wide { &[0.0, 1.0, 2.0, 3.0] } else { &[0.0, 2.0] });
        let onnx = m.node("GroupNormalization", &["x", "s", "b"], "y", vec![int("num_groups", 2)]).bytes(&[2, 4, 2]);
        let case = Case::new(onnx, inputs());
        if wide {
            case.expecting(want(4, [1.0, 0.5, -1.0, 2.0], [0.0, 1.0, 2.0, 3.0]))
        } else {
            case.expecting(want(4, [1.0, 1.0, -1.0, -1.0], [0.0, 0.0, 2.0, 2.0]))
        }
    }

    op_conformance! { single_channels: instance(), opset_18: group(18), opset_21: group(21) }
}
