//! Convolutions of integers by constant weights. ConvInteger is free; QLinearConv costs its rounding. Padding is the zero point, so it adds nothing.

use crate::model::Attribute;
use crate::model::tensor::{Tensor, elements};
use crate::quant::QuantError;
use crate::quant::builder::Builder;
use crate::quant::form::Form;

use crate::ops::{Call, Op, Value};

use super::scales::{self, Along};

/// `(x - x_zero) * (w - w_zero)`
pub(super) struct ConvInteger;

impl Op for ConvInteger {
    fn name(&self) -> &'static str {
        "ConvInteger"
    }

    fn accepts(&self) -> &'static str {
        "an integer tensor [N, C, d1, …] with constant weights [M, C / group, k1, …] and constant zero points"
    }

    fn lower(&self, builder: &mut Builder<'_>, call: &Call<'_>) -> Result<Vec<Value>, QuantError> {
        let x = scales::centred(call, 0, 2, 1)?;
        let w = scales::centred_weights(call, 1, 3, 0)?;
        Ok(vec![Value::Live(convolved(builder, call, &x, &w)?)])
    }
}

/// `saturate(round(((x - x_zero) * (w - w_zero) + B) · x_scale · w_scale / y_scale) + y_zero)`
pub(super) struct QLinearConv;

impl Op for QLinearConv {
    fn name(&self) -> &'static str {
        "QLinearConv"
    }

    fn accepts(&self) -> &'static str {
        "an integer tensor [N, C, d1, …] with constant weights [M, C / group, k1, …], scales, zero points and bias"
    }

    fn lower(&self, builder: &mut Builder<'_>, call: &Call<'_>) -> Result<Vec<Value>, QuantError> {
        let x = scales::centred(call, 0, 2, 1)?;
        let w = scales::centred_weights(call, 3, 5, 0)?;
        let sums = convolved(builder, call, &x, &w)?;
        let shape = sums.shape().to_vec();
        let bias = Along::or(call, 8, &shape, 1, 0.0)?;
        let (of_x, of_w) = (Along::scale(call, 1, &shape, 1)?, Along::scale(call, 4, &shape, 1)?);
        let (of_y, zero) = (Along::scale(call, 6, &shape, 1)?, Along::read(call, 7, &shape, 1)?);
        let range = scales::range(call, 7)?.ok_or_else(|| call.refuse("y_zero_point is missing"))?;
        let mut flat = 0..;
        let scaled = sums.map(|f| {
            let i = flat.next().unwrap_or_default();
            f.shifted(bias.at(i)).scaled(of_x.at(i) * of_w.at(i) / of_y.at(i))
        });
        Ok(vec![Value::Live(scales::saturated(builder, call, &scaled, &zero, range)?)])
    }
}

/// One spatial dimension.
struct Axis {
    input: usize,
    kernel: usize,
    stride: usize,
    dilation: usize,
    before: usize,
    outputs: usize,
}

fn convolved(
    builder: &mut Builder<'_>,
    call: &Call<'_>,
    x: &Tensor<Form>,
    w: &Tensor<f64>,
) -> Result<Tensor<Form>, QuantError> {
    let ([batches, channels, spatial @ ..], [outputs, per_group, kernel @ ..]) = (x.shape(), w.shape()) else {
        return Err(call.refuse("the input or the weights have fewer than 3 dimensions"));
    };
    let group = usize::try_from(call.int("group", 1)?).unwrap_or(0);
    // 0 channels are a multiple of any number.
    let fits = (1..=*channels.max(&1)).contains(&group)
        && per_group.checked_mul(group) == Some(*channels)
        && outputs.is_multiple_of(group);
    if !fits || spatial.is_empty() || spatial.len() != kernel.len() {
        return Err(
            call.refuse(format!("{channels} channels and weights of {outputs} by {per_group} in {group} groups"))
        );
    }
    let axes = axes(call, spatial, kernel)?;
    let places: Vec<usize> = axes.iter().map(|a| a.outputs).collect();
    let shape = [&[*batches, *outputs], places.as_slice()].concat();
    let (area, taps): (usize, usize) = (spatial.iter().product(), kernel.iter().product());
    let windows = elements(&places).filter(|n| elements(&[*n, *batches, *channels, taps]).is_some());
    let (Some(windows), Some(total)) = (windows, elements(&shape)) else {
        return Err(call.refuse("the convolution reads too many values in all"));
    };
    let rows = outputs / group;
    let mut data = vec![Form::default(); total];
    for place in 0..batches * group * windows {
        let (window, g, batch) = (place % windows, place / windows % group, place / windows / group);
        let mut reads = Vec::with_capacity(per_group * taps);
        for channel in 0..*per_group {
            let plane = (batch * channels + g * per_group + channel) * area;
            let read = |tap| source(&axes, window, tap).and_then(|at| x.data().get(plane + at).cloned());
            reads.extend((0..taps).map(|tap| read(tap).unwrap_or_default()));
        }
        let length = per_group * taps;
        let own = w.data().get(g * rows * length..(g + 1) * rows * length).unwrap_or_default();
        for (m, form) in builder.product(own, &reads)?.into_iter().enumerate() {
            if let Some(slot) = data.get_mut((batch * outputs + g * rows + m) * windows + window) {
                *slot = form;
            }
        }
    }
    Tensor::new(shape, data).ok_or_else(|| call.refuse("the convolution has another size"))
}

/// Flat index of what a window reads through a tap; `None` in the padding.
fn source(axes: &[Axis], window: usize, tap: usize) -> Option<usize> {
    let (mut window, mut tap, mut stride, mut at) = (window, tap, 1, 0);
    for axis in axes.iter().rev() {
        let position = (window % axis.outputs) * axis.stride + (tap % axis.kernel) * axis.dilation;
        at += position.checked_sub(axis.before).filter(|&p| p < axis.input)? * stride;
        stride *= axis.input;
        window /= axis.outputs;
        tap /= axis.kernel;
    }
    Some(at)
}

fn axes(call: &Call<'_>, spatial: &[usize], kernel: &[usize]) -> Result<Vec<Axis>, QuantError> {
    let rank = spatial.len();
    let list = |name: &str, length: usize, default: usize| {
        let given = call.int_list(name)?.map(<[i64]>::to_vec).unwrap_or_else(|| vec![default as i64; length]);
        let sizes: Option<Vec<usize>> =
            given.iter().map(|&v| usize::try_from(v).ok().filter(|&v| v >= default && v < 1 << 24)).collect();
        let sizes = sizes.filter(|s| s.len() == length);
        sizes.ok_or_else(|| call.refuse(format!("{name} {given:?}, expected {length} numbers")))
    };
    let (strides, dilations) = (list("strides", rank, 1)?, list("dilations", rank, 1)?);
    let pads = list("pads", 2 * rank, 0)?;
    if call.int_list("kernel_shape")?.is_some() && list("kernel_shape", rank, 1)? != kernel {
        return Err(call.refuse(format!("kernel_shape differs from weights of {kernel:?}")));
    }
    let auto = match call.node().attributes.get("auto_pad") {
        None => "NOTSET",
        Some(Attribute::Text(text)) => text.as_str(),
        Some(other) => return Err(call.refuse(format!("auto_pad is {other:?}, expected a text"))),
    };
    let mut axes = Vec::with_capacity(rank);
    for (i, (&input, &kernel)) in spatial.iter().zip(kernel).enumerate() {
        let (stride, dilation) = (strides[i], dilations[i]);
        let span = kernel.saturating_sub(1).saturating_mul(dilation).saturating_add(1);
        let same = (input.div_ceil(stride).saturating_sub(1) * stride + span).saturating_sub(input);
        let (before, padding) = match auto {
            "NOTSET" => (pads[i], pads[i] + pads[rank + i]),
            "VALID" => (0, 0),
            "SAME_UPPER" => (same / 2, same),
            "SAME_LOWER" => (same.div_ceil(2), same),
            other => return Err(call.refuse(format!("auto_pad `{other}`"))),
        };
        let room = (input + padding).checked_sub(span).filter(|_| kernel > 0);
        let room = room.ok_or_else(|| call.refuse(format!("a kernel of {kernel} does not fit {input} values")))?;
        axes.push(Axis { input, kernel, stride, dilation, before, outputs: room / stride + 1 });
    }
    Ok(axes)
}
