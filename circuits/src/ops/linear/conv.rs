//! Convolutions of any number of spatial dimensions, with groups, strides, padding and dilations, by constant weights. Free: each output is a form over the
//! inputs that its window covers; see `product.rs`.

use crate::model::tensor::{Tensor, elements};
use crate::ops::window::{self, Axis};
use crate::quant::QuantError;
use crate::quant::builder::Builder;
use crate::quant::form::Form;

use crate::ops::{Call, Op, Value};

/// See the module's head.
pub(super) struct Conv;

impl Op for Conv {
    fn name(&self) -> &'static str {
        "Conv"
    }

    fn accepts(&self) -> &'static str {
        "a float tensor [N, C, d1, …] with constant weights [M, C / group, k1, …] and an optional constant bias"
    }

    fn lower(&self, builder: &mut Builder<'_>, call: &Call<'_>) -> Result<Vec<Value>, QuantError> {
        let x = call.forms(0)?;
        let weights = constant(call, 1)?;
        let ([_, channels, spatial @ ..], [outputs, per_group, kernel @ ..]) = (x.shape(), weights.shape()) else {
            return Err(call.refuse("the input or the weights have fewer than 3 dimensions"));
        };
        let group = groups(call, *channels)?;
        if spatial.is_empty() || *per_group * group != *channels || !outputs.is_multiple_of(group) {
            return Err(
                call.refuse(format!("{channels} channels and weights of {outputs} by {per_group} in {group} groups"))
            );
        }
        declared_kernel(call, kernel)?;
        let axes = window::windows(call, spatial, kernel, false)?;
        let taps = window::taps(&axes, Axis::source);
        let bias = bias(call, *outputs)?;
        let pooled =
            if group == 1 { super::pooled::convolved(builder, &x, weights.data(), &bias, &axes)? } else { None };
        let data = match pooled {
            Some(data) => data,
            None => convolved(builder, call, &x, weights.data(), &bias, group, &taps)?,
        };
        output(call, x.shape()[0], *outputs, &axes, data)
    }
}

/// Input `i`, constant.
pub(in crate::ops) fn constant<'a>(call: &Call<'a>, i: usize) -> Result<&'a Tensor<f64>, QuantError> {
    match call.input(i)? {
        Value::Real(t) => Ok(t),
        Value::Live(_) => Err(call.refuse(format!(
            "input {i} depends on the model's inputs; make it an initialiser, or write the product as MatMul"
        ))),
        Value::Int(_) => Err(call.refuse(format!("input {i} holds integers, expected floats"))),
    }
}

/// The attribute `group`.
pub(super) fn groups(call: &Call<'_>, channels: usize) -> Result<usize, QuantError> {
    let group = usize::try_from(call.int("group", 1)?).ok();
    // 0 channels are a multiple of any number.
    let group = group.filter(|&g| g > 0 && g <= channels.max(1) && channels.is_multiple_of(g));
    group.ok_or_else(|| call.refuse(format!("group does not divide {channels} channels")))
}

/// Refuses a `kernel_shape` that is not that of the weights.
pub(super) fn declared_kernel(call: &Call<'_>, kernel: &[usize]) -> Result<(), QuantError> {
    let declared = window::sizes(call, "kernel_shape", kernel.len(), 1, 1)?;
    if call.int_list("kernel_shape")?.is_some() && declared != kernel {
        return Err(call.refuse(format!("kernel_shape {declared:?}, but weights of {kernel:?}")));
    }
    Ok(())
}

/// Input 2: one constant for each output channel, 0 without it.
pub(super) fn bias(call: &Call<'_>, outputs: usize) -> Result<Vec<f64>, QuantError> {
    if call.optional(2).is_none() {
        return Ok(vec![0.0; outputs]);
    }
    let bias = constant(call, 2)?;
    if bias.len() != outputs {
        return Err(call.refuse(format!("a bias of {} values for {outputs} channels", bias.len())));
    }
    Ok(bias.data().to_vec())
}

/// `weights` (output channels × channels of a group × taps) on all windows of all batches. Returns `[N, M, windows]`.
pub(super) fn convolved(
    builder: &mut Builder<'_>,
    call: &Call<'_>,
    x: &Tensor<Form>,
    weights: &[f64],
    bias: &[f64],
    group: usize,
    taps: &[Vec<Option<usize>>],
) -> Result<Vec<Form>, QuantError> {
    let (batches, channels) = (x.shape()[0], x.shape()[1]);
    let area: usize = x.shape()[2..].iter().product();
    let (inputs, outputs) = (channels / group, bias.len() / group);
    let width = inputs * taps.first().map_or(0, Vec::len);
    if elements(&[batches, channels, taps.len(), taps.first().map_or(0, Vec::len)]).is_none()
        || elements(&[batches, bias.len(), taps.len()]).is_none()
    {
        return Err(call.refuse("the convolution reads too many values in all"));
    }
    let x = super::product::prepared(builder, x, batches * taps.len())?;
    let mut data = vec![Form::default(); batches * bias.len() * taps.len()];
    for g in 0..group {
        let mut vectors = Vec::with_capacity(batches * taps.len());
        for batch in 0..batches {
            let first = batch * channels + g * inputs;
            let planes: Vec<&[Form]> = (first..first + inputs).map(|c| &x.data()[c * area..(c + 1) * area]).collect();
            vectors.extend(taps.iter().map(|window| {
                let read = |plane: &&[Form]| window.iter().map(|i| i.map(|i| plane[i].clone())).collect::<Vec<_>>();
                planes.iter().flat_map(read).collect::<Vec<Option<Form>>>()
            }));
        }
        let rows = g * outputs..(g + 1) * outputs;
        let own = &weights[rows.start * width..rows.end * width];
        let results = super::product::apply(builder, own, &bias[rows.clone()], &vectors, true)?;
        for (at, result) in results.into_iter().enumerate() {
            let (batch, window) = (at / taps.len(), at % taps.len());
            for (m, form) in rows.clone().zip(result) {
                data[(batch * bias.len() + m) * taps.len() + window] = form;
            }
        }
    }
    Ok(data)
}

/// `[N, M, o1, …]`
pub(super) fn output(
    call: &Call<'_>,
    batches: usize,
    outputs: usize,
    axes: &[Axis],
    data: Vec<Form>,
) -> Result<Vec<Value>, QuantError> {
    let mut shape = vec![batches, outputs];
    shape.extend(axes.iter().map(|a| a.output));
    Ok(vec![Value::Live(Tensor::new(shape, data).ok_or_else(|| call.refuse("the result has another size"))?)])
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
        m.random("w", w, 1.0).random("b", &w[..1], 1.0);
        Case::new(m.node("Conv", &["x", "w", "b"], "y", attributes).bytes(y), inputs(x.iter().product()))
    }

    /// Two convolutions: the second one reads forms of many terms.
    fn chained() -> Case {
        let mut m = OnnxBuilder::new(&[1, 1, 4, 4]);
        m.random("v", &[2, 1, 2, 2], 1.0).random("w", &[1, 2, 2, 2], 1.0);
        m.node("Conv", &["x", "v"], "h", vec![]).node("Relu", &["h"], "r", vec![]);
        m.node("Add", &["h", "r"], "s", vec![]);
        Case::new(m.node("Conv", &["s", "w"], "y", vec![]).bytes(&[1, 1, 2, 2]), inputs(16))
    }

    op_conformance! {
        one_dimension: case(&[1, 2, 5], &[2, 2, 3], vec![ints("pads", &[1, 0]), ints("strides", &[2])], &[1, 2, 2]),
        two_dimensions: case(&[1, 2, 3, 4], &[2, 2, 2, 3], vec![ints("pads", &[1, 0, 0, 1])], &[1, 2, 3, 3]),
        dilated: case(&[1, 1, 5, 5], &[1, 1, 2, 2], vec![ints("dilations", &[2, 3]), ints("kernel_shape", &[2, 2])], &[1, 1, 3, 2]),
        three_dimensions: case(&[1, 1, 2, 3, 2], &[2, 1, 2, 2, 2], vec![], &[1, 2, 1, 2, 1]),
        grouped: case(&[2, 4, 3], &[2, 2, 2], vec![int("group", 2)], &[2, 2, 2]),
        depthwise: case(&[1, 3, 2, 2], &[3, 1, 2, 2], vec![int("group", 3)], &[1, 3, 1, 1]),
        same_upper: case(&[1, 1, 5], &[1, 1, 2], vec![text("auto_pad", "SAME_UPPER"), ints("strides", &[2])], &[1, 1, 3]),
        same_lower: case(&[1, 1, 4], &[1, 1, 2], vec![text("auto_pad", "SAME_LOWER")], &[1, 1, 4]),
        valid: case(&[1, 1, 4], &[1, 1, 2], vec![text("auto_pad", "VALID")], &[1, 1, 3]),
        forms_of_many_terms: chained(),
    }

    #[test]
    fn live_weights_are_refused_with_advice() {
        let mut m = OnnxBuilder::new(&[1, 1, 3]);
        let onnx = m.node("Conv", &["x", "x"], "y", vec![]).bytes(&[1, 1, 1]);
        let error = crate::quant::compile(&onnx, None, None, &Default::default()).unwrap_err().to_string();
        assert!(error.contains("make it an initialiser"), "{error}");
    }

    #[test]
    fn a_window_larger_than_its_input_is_refused() {
        let mut m = OnnxBuilder::new(&[1, 1, 3]);
        m.random("w", &[1, 1, 4], 1.0);
        let onnx = m.node("Conv", &["x", "w"], "y", vec![]).bytes(&[1, 1, 1]);
        let error = crate::quant::compile(&onnx, None, None, &Default::default()).unwrap_err().to_string();
        assert!(error.contains("a window of 4 does not fit"), "{error}");
    }
}
