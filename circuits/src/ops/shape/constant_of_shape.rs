//! One constant, repeated to a shape. Free.

use crate::model::Attribute;
use crate::model::tensor::Tensor;
use crate::quant::QuantError;
use crate::quant::builder::Builder;

use crate::ops::{Call, Op, Value};

use super::index::moved;

/// See the module's head.
pub(super) struct ConstantOfShape;

impl Op for ConstantOfShape {
    fn name(&self) -> &'static str {
        "ConstantOfShape"
    }

    fn accepts(&self) -> &'static str {
        "a constant shape and a constant of one element"
    }

    fn lower(&self, _builder: &mut Builder<'_>, call: &Call<'_>) -> Result<Vec<Value>, QuantError> {
        let wanted = call.ints(0)?.ok_or_else(|| call.refuse("the shape is missing"))?;
        let sizes: Option<Vec<usize>> = wanted.iter().map(|&s| usize::try_from(s).ok()).collect();
        let value = match call.node().attributes.get("value") {
            None => Value::Real(Tensor::scalar(0.0)),
            Some(Attribute::Tensor(constant)) => Value::from(constant.clone()),
            Some(other) => return Err(call.refuse(format!("attribute `value` is {other:?}"))),
        };
        let scalar = value.reshaped(&[]).ok_or_else(|| call.refuse("the value has more than one element"))?;
        let shape = sizes.ok_or_else(|| call.refuse(format!("shape {wanted:?}")))?;
        Ok(vec![moved(call, &scalar, &shape, |_| Vec::new())?])
    }
}
