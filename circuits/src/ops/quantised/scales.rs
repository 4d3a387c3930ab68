//! Scales and zero points, of a tensor or along an axis; integers as forms; saturation.

use crate::model::tensor::Tensor;
use crate::quant::QuantError;
use crate::quant::builder::Builder;
use crate::quant::form::Form;

use crate::ops::{Call, Value};

/// A number for each index along one axis, or one for all.
pub(super) struct Along {
    values: Vec<f64>,
    /// Elements between neighbours along the axis.
    inner: usize,
}

impl Along {
    /// One number for all.
    pub fn all(value: f64) -> Self {
        Self { values: vec![value], inner: 1 }
    }

    /// Constant input `i` for a tensor of this shape.
    pub fn read(call: &Call<'_>, i: usize, shape: &[usize], axis: usize) -> Result<Self, QuantError> {
        let constant = constants(call, i)?;
        let values = constant.data().to_vec();
        if values.len() == 1 {
            return Ok(Self { values, inner: 1 });
        }
        let rest = shape.get(axis..).unwrap_or_default();
        if constant.shape().len() != 1 || rest.first() != Some(&values.len()) {
            let got = constant.shape();
            return Err(
                call.refuse(format!("input {i} has shape {got:?}, expected one value or one along axis {axis}"))
            );
        }
        Ok(Self { values, inner: rest.iter().skip(1).product() })
    }

    /// As [`Self::read`], with a default where it is not given.
    pub fn or(call: &Call<'_>, i: usize, shape: &[usize], axis: usize, default: f64) -> Result<Self, QuantError> {
        if call.optional(i).is_some() { Self::read(call, i, shape, axis) } else { Ok(Self::all(default)) }
    }

    /// As [`Self::read`], for scales: all positive.
    pub fn scale(call: &Call<'_>, i: usize, shape: &[usize], axis: usize) -> Result<Self, QuantError> {
        let scale = Self::read(call, i, shape, axis)?;
        match scale.values.iter().find(|v| **v <= 0.0 || v.is_nan()) {
            Some(bad) => Err(call.refuse(format!("scale {bad}, expected a positive number"))),
            None => Ok(scale),
        }
    }

    /// The number for the element at a flat index.
    pub fn at(&self, flat: usize) -> f64 {
        let index = flat / self.inner.max(1) % self.values.len().max(1);
        self.values.get(index).copied().unwrap_or_default()
    }
}

/// Constant input `i`, integers or reals.
pub(super) fn constants(call: &Call<'_>, i: usize) -> Result<Tensor<f64>, QuantError> {
    match call.input(i)? {
        Value::Real(t) => Ok(t.clone()),
        Value::Int(t) => Ok(t.map(|&v| v as f64)),
        Value::Live(_) => Err(call.refuse(format!("input {i} depends on the model's inputs"))),
    }
}

/// Input `i`, constant or not, as forms.
pub(super) fn forms(call: &Call<'_>, i: usize) -> Result<Tensor<Form>, QuantError> {
    match call.input(i)? {
        Value::Live(t) => Ok(t.clone()),
        _ => Ok(constants(call, i)?.map(|&v| Form::constant(v))),
    }
}

/// Input `i` minus its zero point, if input `zero` is given.
pub(super) fn centred(call: &Call<'_>, i: usize, zero: usize, axis: usize) -> Result<Tensor<Form>, QuantError> {
    let x = forms(call, i)?;
    if let Some(Value::Live(zero)) = call.optional(zero) {
        // As DynamicQuantizeLinear gives it.
        let [zero] = zero.data() else { return Err(call.refuse("a zero point that depends on the inputs is not one")) };
        return Ok(x.map(|f| f.plus(&zero.scaled(-1.0))));
    }
    let zero = Along::or(call, zero, x.shape(), axis, 0.0)?;
    let mut flat = 0..;
    Ok(x.map(|f| f.shifted(-zero.at(flat.next().unwrap_or_default()))))
}

/// As [`centred`], for a constant.
pub(super) fn centred_weights(call: &Call<'_>, i: usize, zero: usize, axis: usize) -> Result<Tensor<f64>, QuantError> {
    let w = constants(call, i)?;
    let zero = Along::or(call, zero, w.shape(), axis, 0.0)?;
    let mut flat = 0..;
    Ok(w.map(|v| v - zero.at(flat.next().unwrap_or_default())))
}

/// The range of the integers of a zero point's type, input `i`; `None` if it is not given.
pub(super) fn range(call: &Call<'_>, i: usize) -> Result<Option<(f64, f64)>, QuantError> {
    if call.optional(i).is_none() {
        return Ok(None);
    }
    match call.node().input_ranges.get(i).copied().flatten() {
        Some((lo, hi)) => Ok(Some((lo as f64, hi as f64))),
        None => {
            Err(call
                .refuse(format!("the integer type of input {i} is not known; make it an initialiser of 8 or 16 bits")))
        }
    }
}

/// `saturate(round(x) + zero)` for each element.
pub(super) fn saturated(
    builder: &mut Builder<'_>,
    call: &Call<'_>,
    x: &Tensor<Form>,
    zero: &Along,
    (lo, hi): (f64, f64),
) -> Result<Tensor<Form>, QuantError> {
    let zeros: Vec<f64> = (0..x.len()).map(|i| zero.at(i)).collect();
    let ranges: Vec<(f64, f64)> = zeros.iter().map(|z| (lo - z, hi - z)).collect();
    let rounded = builder.rounded(x.data(), &ranges)?;
    let data = rounded.iter().zip(zeros).map(|(f, z)| f.shifted(z)).collect();
    Tensor::new(x.shape().to_vec(), data).ok_or_else(|| call.refuse("the number of elements changed"))
}
