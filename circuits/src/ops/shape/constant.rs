//! A constant in an attribute. Free.

use crate::model::Attribute;
use crate::model::tensor::Tensor;
use crate::quant::QuantError;
use crate::quant::builder::Builder;

use crate::ops::{Call, Op, Value};

/// See the module's head.
pub(super) struct Constant;

impl Op for Constant {
    fn name(&self) -> &'static str {
        "Constant"
    }

    fn accepts(&self) -> &'static str {
        "one of the attributes value, value_float, value_floats, value_int, value_ints"
    }

    fn lower(&self, _builder: &mut Builder<'_>, call: &Call<'_>) -> Result<Vec<Value>, QuantError> {
        let mut attributes = call.node().attributes.iter();
        let value = match (attributes.next(), attributes.next()) {
            (Some((_, Attribute::Tensor(constant))), None) => Value::from(constant.clone()),
            (Some((_, Attribute::Float(v))), None) => Value::Real(Tensor::scalar(*v)),
            (Some((_, Attribute::Int(v))), None) => Value::Int(Tensor::scalar(*v)),
            (Some((_, Attribute::Floats(v))), None) => Value::Real(Tensor::vector(v.clone())),
            (Some((_, Attribute::Ints(v))), None) => Value::Int(Tensor::vector(v.clone())),
            _ => return Err(call.refuse("another set of attributes")),
        };
        Ok(vec![value])
    }
}
