//! Elements of the last dimension by index. Free for constant indices; an index that depends on the inputs picks from constants, at two comparisons each.

use crate::model::tensor::{Tensor, elements};
use crate::quant::QuantError;
use crate::quant::builder::Builder;
use crate::quant::form::Form;

use crate::ops::{Call, Op, Value};

use super::rows::real_forms;

/// See the module's head.
pub(super) struct ArrayFeatureExtractor;

impl Op for ArrayFeatureExtractor {
    fn name(&self) -> &'static str {
        "ArrayFeatureExtractor"
    }

    fn domain(&self) -> &'static str {
        crate::model::onnx::ML_DOMAIN
    }

    fn accepts(&self) -> &'static str {
        "a tensor and constant indices, or one row of constants and indices that are integers"
    }

    fn lower(&self, builder: &mut Builder<'_>, call: &Call<'_>) -> Result<Vec<Value>, QuantError> {
        let x = call.input(0)?;
        let width = x.shape().last().copied().filter(|&w| w > 0).ok_or_else(|| call.refuse("the input is empty"))?;
        let lead: Vec<usize> = match x.shape() {
            [_] => vec![1],
            [lead @ .., _] => lead.to_vec(),
            [] => Vec::new(),
        };
        let picked = match call.input(1)? {
            Value::Int(indices) => pick(x, indices.data(), width),
            Value::Real(indices) => pick(x, &indices.data().iter().map(|&v| v as i64).collect::<Vec<_>>(), width),
            Value::Live(indices) => {
                let table = real_forms(call, 0)?;
                let constants: Option<Vec<f64>> = table.data().iter().map(Form::as_constant).collect();
                let constants = constants.filter(|c| c.len() == width);
                let constants = constants.ok_or_else(|| call.refuse("neither the tensor nor the indices are constant"))?;
                let mut picked = Vec::with_capacity(indices.len());
                for index in indices.data() {
                    picked.push(at(builder, index, &constants)?);
                }
                Some(Value::Live(Tensor::vector(picked)))
            }
        };
        let picked = picked.ok_or_else(|| call.refuse(format!("an index is outside [0, {width})")))?;
        let rows: usize = lead.iter().product();
        let count = picked.shape().iter().product::<usize>() / rows.max(1);
        let shape = [lead, vec![count]].concat();
        Ok(vec![picked.reshaped(&shape).ok_or_else(|| call.refuse("the sizes do not fit"))?])
    }
}

fn pick(x: &Value, indices: &[i64], width: usize) -> Option<Value> {
    let rows = x.shape().iter().product::<usize>() / width;
    elements(&[rows, indices.len()])?;
    let flat: Vec<usize> = (0..rows)
        .flat_map(|r| indices.iter().map(move |&i| usize::try_from(i).ok().filter(|&i| i < width).map(|i| r * width + i)))
        .collect::<Option<_>>()?;
    Some(match x {
        Value::Int(t) => Value::Int(Tensor::vector(flat.iter().filter_map(|&i| t.data().get(i).copied()).collect())),
        Value::Real(t) => Value::Real(Tensor::vector(flat.iter().filter_map(|&i| t.data().get(i).copied()).collect())),
        Value::Live(t) => Value::Live(Tensor::vector(flat.iter().filter_map(|&i| t.data().get(i).cloned()).collect())),
    })
}

/// `constants[index]`: a sum of steps where the index passes a half.
pub(super) fn at(builder: &mut Builder<'_>, index: &Form, constants: &[f64]) -> Result<Form, QuantError> {
    let first = constants.first().copied().unwrap_or(0.0);
    let rises = constants.windows(2).map(|w| w[1] - w[0]);
    if let Some(step) = rises.clone().next()
        && rises.clone().all(|r| r == step)
        && builder.interval(index).0 >= 0.0
        && builder.interval(index).1 <= constants.len() as f64 - 1.0
    {
        return Ok(index.scaled(step).shifted(first));
    }
    let passed: Vec<Form> = (1..constants.len()).map(|i| index.shifted(0.5 - i as f64)).collect();
    let bits = builder.sign(&passed)?;
    Ok(bits.iter().zip(rises).fold(Form::constant(first), |sum, (b, rise)| sum.plus(&b.scaled(rise))))
}
