//! IsNaN and IsInf: false, for no value of a program is either. Free.

use crate::model::tensor::Tensor;
use crate::quant::QuantError;
use crate::quant::builder::Builder;

use crate::ops::{Call, Op, Value};

/// IsNaN or IsInf.
pub(super) enum NotFinite {
    Infinite,
    NotANumber,
}

impl Op for NotFinite {
    fn name(&self) -> &'static str {
        match self {
            Self::Infinite => "IsInf",
            Self::NotANumber => "IsNaN",
        }
    }

    fn accepts(&self) -> &'static str {
        "one tensor"
    }

    fn lower(&self, _builder: &mut Builder<'_>, call: &Call<'_>) -> Result<Vec<Value>, QuantError> {
        let shape = call.input(0)?.shape().to_vec();
        let count = shape.iter().product();
        let zeros = Tensor::new(shape, vec![0; count]);
        Ok(vec![Value::Int(zeros.ok_or_else(|| call.refuse("the tensor is too large"))?)])
    }
}
