//! Joins tensors along one dimension. Free.

use crate::model::tensor::{Tensor, elements};
use crate::quant::QuantError;
use crate::quant::builder::Builder;

use crate::ops::{Call, Op, Value};

/// See the module's head.
pub(super) struct Concat;

impl Op for Concat {
    fn name(&self) -> &'static str {
        "Concat"
    }

    fn accepts(&self) -> &'static str {
        "tensors of one kind whose other dimensions agree"
    }

    fn lower(&self, _builder: &mut Builder<'_>, call: &Call<'_>) -> Result<Vec<Value>, QuantError> {
        let parts = (0..call.arity()).map(|i| call.input(i)).collect::<Result<Vec<_>, _>>()?;
        let Some(first) = parts.first() else { return Err(call.refuse("there are no inputs")) };
        let axis = call.axis(call.int("axis", 0)?, first.shape().len())?;
        let agrees = |shape: &[usize]| {
            shape.len() == first.shape().len()
                && shape.iter().zip(first.shape()).enumerate().all(|(i, (a, b))| i == axis || a == b)
        };
        if !parts.iter().all(|p| agrees(p.shape())) {
            return Err(call.refuse(format!("the shapes differ outside axis {axis}")));
        }
        let ints: Option<Vec<&Tensor<i64>>> =
            parts.iter().map(|p| if let Value::Int(t) = p { Some(t) } else { None }).collect();
        let joined = match ints {
            Some(ints) => join(&ints, axis).map(Value::Int),
            None => {
                let forms = (0..parts.len()).map(|i| call.forms(i)).collect::<Result<Vec<_>, _>>()?;
                join(&forms.iter().collect::<Vec<_>>(), axis).map(Value::Live)
            }
        };
        Ok(vec![joined.ok_or_else(|| call.refuse("the sizes do not fit"))?])
    }
}

fn join<T: Clone>(parts: &[&Tensor<T>], axis: usize) -> Option<Tensor<T>> {
    let mut shape = parts.first()?.shape().to_vec();
    shape[axis] = parts.iter().map(|p| p.shape()[axis]).sum();
    elements(&shape)?;
    let outer: usize = shape[..axis].iter().product();
    let mut data = Vec::new();
    for row in 0..outer {
        for part in parts {
            let width: usize = part.shape()[axis..].iter().product();
            data.extend_from_slice(&part.data()[row * width..(row + 1) * width]);
        }
    }
    Tensor::new(shape, data)
}
