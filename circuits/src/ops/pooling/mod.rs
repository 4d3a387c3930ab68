//! One value for each window that slides over the spatial dimensions, or for each channel.

mod average_pool;
mod lp_pool;
mod max;
mod max_pool;

use crate::model::tensor::Tensor;
use crate::quant::QuantError;
use crate::quant::form::Form;

use super::window::{self, Axis};
use super::{Call, Op, Value};

/// The family's ops, sorted by name.
pub(super) static OPS: &[&dyn Op] = &[
    &average_pool::AveragePool,
    &average_pool::GlobalAveragePool,
    &lp_pool::GlobalLpPool,
    &max_pool::GlobalMaxPool,
    &lp_pool::LpPool,
    &max_pool::MaxPool,
];

/// The input and its windows.
fn windows(call: &Call<'_>) -> Result<(Tensor<Form>, Vec<Axis>), QuantError> {
    let x = call.forms(0)?;
    let rank = x.shape().len().saturating_sub(2);
    if rank == 0 || x.is_empty() {
        return Err(call.refuse("the input has no spatial dimension, or a size of 0"));
    }
    if call.int_list("kernel_shape")?.is_none() {
        return Err(call.refuse("kernel_shape is missing"));
    }
    let kernel = window::sizes(call, "kernel_shape", rank, 1, 1)?;
    let axes = window::windows(call, &x.shape()[2..], &kernel, call.int("ceil_mode", 0)? != 0)?;
    let planes = x.shape()[0] * x.shape()[1];
    let taps: Option<usize> = axes.iter().try_fold(planes, |n, a| n.checked_mul(a.output * a.kernel));
    if taps.is_none_or(|n| n > crate::model::tensor::MAX_ELEMENTS) {
        return Err(call.refuse("the windows have too many taps in all"));
    }
    Ok((x, axes))
}

/// `[N, C, o1, …]`
fn output(call: &Call<'_>, x: &Tensor<Form>, axes: &[Axis], data: Vec<Form>) -> Result<Vec<Value>, QuantError> {
    let mut shape = x.shape()[..2].to_vec();
    shape.extend(axes.iter().map(|a| a.output));
    Ok(vec![Value::Live(Tensor::new(shape, data).ok_or_else(|| call.refuse("the result has another size"))?)])
}

/// The input and the number of elements of a channel.
fn planes(call: &Call<'_>) -> Result<(Tensor<Form>, usize), QuantError> {
    let x = call.forms(0)?;
    if x.shape().len() < 2 || x.is_empty() {
        return Err(call.refuse("the input has no channels, or a size of 0"));
    }
    let area = x.shape()[2..].iter().product();
    Ok((x, area))
}

/// `[N, C, 1, …]`
fn pooled_shape(x: &Tensor<Form>) -> Vec<usize> {
    x.shape().iter().enumerate().map(|(i, &size)| if i < 2 { size } else { 1 }).collect()
}

/// The sum of forms.
pub(in crate::ops) fn sum(forms: &[&Form]) -> Form {
    match forms {
        [] => Form::default(),
        [one] => (*one).clone(),
        many => {
            let (left, right) = many.split_at(many.len() / 2);
            sum(left).plus(&sum(right))
        }
    }
}

#[cfg(test)]
mod tests {
    use tract_onnx::pb::AttributeProto;

    use crate::model::fixture::OnnxBuilder;

    /// A model of one node.
    pub fn pool(op: &str, x: &[i64], attributes: Vec<AttributeProto>, y: &[i64]) -> Vec<u8> {
        OnnxBuilder::new(x).node(op, &["x"], "y", attributes).bytes(y)
    }

    /// Two inputs of that many elements, signs mixed.
    pub fn inputs(shape: &[i64]) -> Vec<Vec<f64>> {
        let count: i64 = shape.iter().product();
        vec![
            (0..count).map(|i| (i as f64 * 1.9).sin() * 2.0).collect(),
            (0..count).map(|i| (i * 3 % 7) as f64 - 3.5).collect(),
        ]
    }
}
