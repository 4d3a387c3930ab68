//! Transposed convolutions by constant weights: each output gathers the inputs whose windows reach it. Free; see `product.rs`.

use crate::ops::window::{self, AutoPad, Axis};
use crate::quant::QuantError;
use crate::quant::builder::Builder;

use crate::ops::{Call, Op, Value};

use super::conv;

/// See the module's head.
pub(super) struct ConvTranspose;

impl Op for ConvTranspose {
    fn name(&self) -> &'static str {
        "ConvTranspose"
    }

    fn accepts(&self) -> &'static str {
        "a float tensor [N, C, d1, …] with constant weights [C, M / group, k1, …] and an optional constant bias"
    }

    fn lower(&self, builder: &mut Builder<'_>, call: &Call<'_>) -> Result<Vec<Value>, QuantError> {
        let x = call.forms(0)?;
        let weights = conv::constant(call, 1)?;
        let ([_, channels, spatial @ ..], [rows, per_group, kernel @ ..]) = (x.shape(), weights.shape()) else {
            return Err(call.refuse("the input or the weights have fewer than 3 dimensions"));
        };
        let group = conv::groups(call, *channels)?;
        if spatial.is_empty() || rows != channels || spatial.len() != kernel.len() {
            return Err(call.refuse(format!("{channels} channels, but weights for {rows}")));
        }
        conv::declared_kernel(call, kernel)?;
        let axes = axes(call, spatial, kernel)?;
        let outputs = per_group * group;
        let taps = window::taps(&axes, gathered);
        let bias = conv::bias(call, outputs)?;
        // [C, M / group, taps] as [M, C / group, taps].
        let (inputs, area) = (channels / group, kernel.iter().product::<usize>());
        let mut turned = Vec::with_capacity(weights.len());
        for m in 0..outputs {
            for c in 0..inputs {
                let row = (m / per_group) * inputs + c;
                let at = (row * per_group + m % per_group) * area;
                turned.extend_from_slice(&weights.data()[at..at + area]);
            }
        }
        let data = conv::convolved(builder, call, &x, &turned, &bias, group, &taps)?;
        conv::output(call, x.shape()[0], outputs, &axes, data)
    }
}

/// The input that reaches output `o` through tap `t`: `i · stride + t · dilation − begin = o`.
fn gathered(axis: &Axis, o: usize, t: usize) -> Option<usize> {
    let distance = (o + axis.begin).checked_sub(t * axis.dilation)?;
    (distance.is_multiple_of(axis.stride) && distance / axis.stride < axis.input).then(|| distance / axis.stride)
}

fn axes(call: &Call<'_>, input: &[usize], kernel: &[usize]) -> Result<Vec<Axis>, QuantError> {
    let rank = input.len();
    let strides = window::sizes(call, "strides", rank, 1, 1)?;
    let dilations = window::sizes(call, "dilations", rank, 1, 1)?;
    let pads = window::sizes(call, "pads", 2 * rank, 0, 0)?;
    let extra = window::sizes(call, "output_padding", rank, 0, 0)?;
    let declared = window::sizes(call, "output_shape", rank, 1, 0)?;
    let auto = AutoPad::read(call)?;
    let mut axes = Vec::with_capacity(rank);
    for i in 0..rank {
        let (input, stride) = (input[i], strides[i]);
        if kernel[i] == 0 || input == 0 {
            return Err(call.refuse("a spatial size is 0"));
        }
        let mut axis = Axis { input, output: 0, kernel: kernel[i], stride, dilation: dilations[i], begin: 0, end: 0 };
        let full = stride * (input - 1) + extra[i] + axis.reach();
        let wanted = match auto {
            _ if declared[i] > 0 => Some(declared[i]),
            AutoPad::SameUpper | AutoPad::SameLower => Some(input * stride),
            AutoPad::Explicit | AutoPad::Valid => None,
        };
        match (wanted, auto) {
            (Some(wanted), _) => (axis.begin, axis.end) = auto.split(full.saturating_sub(wanted)),
            (None, AutoPad::Explicit) => (axis.begin, axis.end) = (pads[i], pads[rank + i]),
            (None, _) => {}
        }
        let output = wanted.or(full.checked_sub(axis.begin + axis.end)).filter(|&o| o > 0);
        axis.output = output.ok_or_else(|| call.refuse("the padding leaves no output"))?;
        axes.push(axis);
    }
    window::check_size(call, &axes)?;
    Ok(axes)
}

#[cfg(test)]
mod tests {
    use tract_onnx::pb::AttributeProto;

    use crate::model::fixture::{OnnxBuilder, int, ints, text};
    use crate::testing::conformance::{Case, op_conformance};

    fn inputs(count: i64) -> Vec<Vec<f64>> {
        vec![
            (0..count).map(|i| (i as f64 * 1.3).sin() * 2.0).collect(),
            (0..count).map(|i| (i % 5) as f64 - 2.0).collect(),
        ]
    }

    fn case(x: &[i64], w: &[i64], attributes: Vec<AttributeProto>, y: &[i64]) -> Case {
        let mut m = OnnxBuilder::new(x);
        m.random("w", w, 1.0).random("b", &y[1..2], 1.0);
        Case::new(m.node("ConvTranspose", &["x", "w", "b"], "y", attributes).bytes(y), inputs(x.iter().product()))
    }

    /// `y[o] = Σ x[i] w[t]` over `stride · i + dilation · t − begin = o`, for one channel.
    fn direct(
        w: [f32; 3],
        (stride, dilation, begin): (i64, i64, i64),
        attributes: Vec<AttributeProto>,
        size: i64,
    ) -> Case {
        let mut m = OnnxBuilder::new(&[1, 1, 3]);
        m.weights("w", &[1, 1, 3], &w);
        let onnx = m.node("ConvTranspose", &["x", "w"], "y", attributes).bytes(&[1, 1, size]);
        let scatter = |x: &Vec<f64>| {
            let mut y = vec![0.0; size as usize];
            for (i, x) in x.iter().enumerate() {
                for (t, w) in w.iter().enumerate() {
                    let o = i as i64 * stride + t as i64 * dilation - begin;
                    if (0..size).contains(&o) {
                        y[o as usize] += x * f64::from(*w);
                    }
                }
            }
            y
        };
        let expected = inputs(3).iter().map(scatter).collect();
        Case::new(onnx, inputs(3)).expecting(expected)
    }

    op_conformance! {
        plain: case(&[1, 2, 3], &[2, 2, 2], vec![], &[1, 2, 4]),
        strided_and_padded: case(&[1, 1, 2, 3], &[1, 2, 3, 3], vec![ints("strides", &[2, 2]), ints("pads", &[1, 1, 1, 1])], &[1, 2, 3, 5]),
        grouped: case(&[1, 4, 2], &[4, 1, 2], vec![int("group", 2)], &[1, 2, 3]),
        output_padding: direct([0.5, -1.0, 2.0], (2, 1, 1), vec![ints("strides", &[2]), ints("pads", &[1, 1]), ints("output_padding", &[1])], 6),
        dilated: direct([0.5, -1.0, 2.0], (1, 2, 0), vec![ints("dilations", &[2])], 7),
        output_shape: direct([0.5, -1.0, 2.0], (2, 1, 1), vec![ints("strides", &[2]), ints("output_shape", &[6])], 6),
        same_upper: direct([0.5, -1.0, 2.0], (2, 1, 0), vec![ints("strides", &[2]), text("auto_pad", "SAME_UPPER")], 6),
    }
}
