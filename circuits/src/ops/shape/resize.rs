//! Resize and Upsample by constant factors: nearest moves values, linear and cubic are constant sparse linear maps. Free either way.

use crate::model::tensor::{Tensor, elements};
use crate::quant::QuantError;
use crate::quant::builder::Builder;
use crate::quant::form::Form;

use crate::ops::{Call, Op, Value};

use super::index::moved;

/// Resize, from opset 10 on.
pub(super) struct Resize;

/// Upsample, up to opset 9: a Resize with asymmetric coordinates.
pub(super) struct Upsample;

const ACCEPTS: &str =
    "constant scales or sizes; mode nearest, linear or cubic, without antialiasing and regions of interest";

impl Op for Resize {
    fn name(&self) -> &'static str {
        "Resize"
    }

    fn accepts(&self) -> &'static str {
        ACCEPTS
    }

    fn lower(&self, _builder: &mut Builder<'_>, call: &Call<'_>) -> Result<Vec<Value>, QuantError> {
        resized(call)
    }
}

impl Op for Upsample {
    fn name(&self) -> &'static str {
        "Upsample"
    }

    fn accepts(&self) -> &'static str {
        ACCEPTS
    }

    fn lower(&self, _builder: &mut Builder<'_>, call: &Call<'_>) -> Result<Vec<Value>, QuantError> {
        resized(call)
    }
}

/// One dimension's change.
#[derive(Clone, Copy)]
struct Axis {
    input: usize,
    output: usize,
    scale: f64,
}

fn resized(call: &Call<'_>) -> Result<Vec<Value>, QuantError> {
    if call.int("antialias", 0)? != 0 {
        return Err(call.refuse("antialias is set"));
    }
    let value = call.input(0)?;
    let axes = axes(call, value.shape())?;
    let shape: Vec<usize> = axes.iter().map(|a| a.output).collect();
    elements(&shape).ok_or_else(|| call.refuse(format!("a result of shape {shape:?} is too large")))?;
    let maps = axes.iter().map(|&axis| weights(call, axis)).collect::<Result<Vec<_>, _>>()?;
    let single = |w: &Vec<(usize, f64)>| matches!(w.as_slice(), [(_, 1.0)]);
    if maps.iter().flatten().all(single) {
        let source = |at: &[usize]| at.iter().zip(&maps).map(|(&i, map)| map[i].first().map_or(0, |w| w.0)).collect();
        return Ok(vec![moved(call, value, &shape, source)?]);
    }
    let mut tensor = call.forms(0)?;
    for (axis, map) in maps.iter().enumerate() {
        tensor = along(&tensor, axis, map).ok_or_else(|| call.refuse("the sizes do not fit"))?;
    }
    Ok(vec![Value::Live(tensor)])
}

/// Applies one dimension's weights.
fn along(x: &Tensor<Form>, axis: usize, map: &[Vec<(usize, f64)>]) -> Option<Tensor<Form>> {
    let mut shape = x.shape().to_vec();
    let inner: usize = shape[axis + 1..].iter().product();
    let size = std::mem::replace(&mut shape[axis], map.len());
    let outer: usize = shape[..axis].iter().product();
    elements(&shape)?;
    let mut data = Vec::new();
    for block in 0..outer {
        for weights in map {
            for column in 0..inner {
                let part = |&(i, w): &(usize, f64)| x.data()[(block * size + i) * inner + column].scaled(w);
                data.push(weights.iter().map(part).reduce(|a, b| a.plus(&b)).unwrap_or_default());
            }
        }
    }
    Tensor::new(shape, data)
}

/// Sizes and scales of all dimensions.
fn axes(call: &Call<'_>, shape: &[usize]) -> Result<Vec<Axis>, QuantError> {
    let all = |which: Option<&[i64]>| match which {
        Some(axes) => axes.iter().map(|&a| call.axis(a, shape.len())).collect::<Result<Vec<_>, _>>(),
        None => Ok((0..shape.len()).collect()),
    };
    let which = all(call.int_list("axes")?)?;
    let mut result: Vec<Axis> = shape.iter().map(|&s| Axis { input: s, output: s, scale: 1.0 }).collect();
    let given = call.ints(3)?.filter(|s| !s.is_empty());
    if let Some(sizes) = given {
        if call.text("keep_aspect_ratio_policy", "stretch")? != "stretch" {
            return Err(call.refuse("the policy on aspect ratios is not stretch"));
        }
        for (&axis, &size) in same_length(call, &which, sizes)? {
            let output = usize::try_from(size).ok().filter(|&s| s > 0);
            let output = output.ok_or_else(|| call.refuse(format!("size {size}")))?;
            result[axis] = Axis { input: shape[axis], output, scale: output as f64 / shape[axis].max(1) as f64 };
        }
        return Ok(result);
    }
    let scales = scales(call)?;
    for (&axis, &scale) in same_length(call, &which, &scales)? {
        // In f32, as ONNX keeps scales: 0.3 of size 10 is 3.
        let output = f64::from((shape[axis] as f32 * scale as f32).floor());
        if !(scale > 0.0 && (1.0..1e9).contains(&output)) {
            return Err(call.refuse(format!("scale {scale} of size {}", shape[axis])));
        }
        result[axis] = Axis { input: shape[axis], output: output as usize, scale };
    }
    Ok(result)
}

/// An attribute of Upsample up to opset 8; the second input of Upsample 9 and Resize 10, the third of Resize from 11 on.
fn scales(call: &Call<'_>) -> Result<Vec<f64>, QuantError> {
    if let Some(crate::model::Attribute::Floats(scales)) = call.node().attributes.get("scales") {
        return Ok(scales.clone());
    }
    let at = if call.node().op == "Upsample" || call.node().opset < 11 { 1 } else { 2 };
    match call.optional(at) {
        Some(Value::Real(t)) => Ok(t.data().to_vec()),
        _ => Err(call.refuse("the scales are no float constants")),
    }
}

fn same_length<'a, T>(
    call: &Call<'_>,
    axes: &'a [usize],
    values: &'a [T],
) -> Result<std::iter::Zip<std::slice::Iter<'a, usize>, std::slice::Iter<'a, T>>, QuantError> {
    if axes.len() != values.len() {
        return Err(call.refuse(format!("{} scales or sizes for {} dimensions", values.len(), axes.len())));
    }
    Ok(axes.iter().zip(values))
}

/// For each position of the result, which inputs with which weights.
fn weights(call: &Call<'_>, axis: Axis) -> Result<Vec<Vec<(usize, f64)>>, QuantError> {
    if axis.input == axis.output && axis.scale == 1.0 {
        return Ok((0..axis.input).map(|i| vec![(i, 1.0)]).collect());
    }
    if axis.input == 0 {
        return Err(call.refuse("a dimension is empty"));
    }
    let mode = call.text("mode", "nearest")?;
    let positions = (0..axis.output).map(|i| position(call, axis, i as f64)).collect::<Result<Vec<f64>, _>>()?;
    let at = |i: f64| i.clamp(0.0, axis.input as f64 - 1.0) as usize;
    match mode {
        "nearest" => {
            let round = nearest(call)?;
            Ok(positions.into_iter().map(|x| vec![(at(round(x)), 1.0)]).collect())
        }
        "linear" | "bilinear" => {
            let pair = |x: f64| {
                let (low, part) = (x.floor(), x - x.floor());
                merged(&[(at(low), 1.0 - part), (at(low + 1.0), part)])
            };
            Ok(positions.into_iter().map(pair).collect())
        }
        "cubic" => {
            let a = call.float("cubic_coeff_a", -0.75)?;
            let exclude = call.int("exclude_outside", 0)? != 0;
            Ok(positions.into_iter().map(|x| merged(&cubic(x, a, exclude, axis.input))).collect())
        }
        other => Err(call.refuse(format!("mode `{other}`"))),
    }
}

/// Weights on the same input added up, zeros dropped.
fn merged(weights: &[(usize, f64)]) -> Vec<(usize, f64)> {
    let mut sums = std::collections::BTreeMap::new();
    for &(i, w) in weights {
        *sums.entry(i).or_insert(0.0) += w;
    }
    sums.into_iter().filter(|s| s.1 != 0.0).collect()
}

fn cubic(x: f64, a: f64, exclude: bool, size: usize) -> Vec<(usize, f64)> {
    let kernel = |d: f64| {
        let d = d.abs();
        if d <= 1.0 {
            ((a + 2.0) * d - (a + 3.0)) * d * d + 1.0
        } else if d < 2.0 {
            (((d - 5.0) * d + 8.0) * d - 4.0) * a
        } else {
            0.0
        }
    };
    let last = size as f64 - 1.0;
    let taps = (-1..=2).map(|t| x.floor() + f64::from(t)).filter(|&i| !exclude || (0.0..=last).contains(&i));
    let taps: Vec<(usize, f64)> = taps.map(|i| (i.clamp(0.0, last) as usize, kernel(x - i))).collect();
    let total: f64 = if exclude { taps.iter().map(|t| t.1).sum() } else { 1.0 };
    taps.into_iter().map(|(i, w)| (i, w / total)).collect()
}

/// Where a position of the result lies in the input.
fn position(call: &Call<'_>, axis: Axis, i: f64) -> Result<f64, QuantError> {
    let default = if call.node().op == "Upsample" || call.node().opset < 11 { "asymmetric" } else { "half_pixel" };
    let (input, output, scale) = (axis.input as f64, axis.output as f64, axis.scale);
    Ok(match call.text("coordinate_transformation_mode", default)? {
        "asymmetric" => i / scale,
        "half_pixel" => (i + 0.5) / scale - 0.5,
        "half_pixel_symmetric" => input / 2.0 * (1.0 - output / (scale * input)) + (i + 0.5) / scale - 0.5,
        "pytorch_half_pixel" => {
            if axis.output > 1 {
                (i + 0.5) / scale - 0.5
            } else {
                0.0
            }
        }
        "tf_half_pixel_for_nn" => (i + 0.5) / scale,
        "align_corners" => {
            if axis.output > 1 {
                i * (input - 1.0) / (output - 1.0)
            } else {
                0.0
            }
        }
        other => return Err(call.refuse(format!("coordinates `{other}`"))),
    })
}

fn nearest(call: &Call<'_>) -> Result<fn(f64) -> f64, QuantError> {
    let default = if call.node().op == "Upsample" || call.node().opset < 11 { "floor" } else { "round_prefer_floor" };
    match call.text("nearest_mode", default)? {
        "round_prefer_floor" => Ok(|x| (x - 0.5).ceil()),
        "round_prefer_ceil" => Ok(|x| (x + 0.5).floor()),
        "floor" => Ok(f64::floor),
        "ceil" => Ok(f64::ceil),
        other => Err(call.refuse(format!("nearest_mode `{other}`"))),
    }
}
