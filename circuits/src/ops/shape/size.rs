//! The number of elements of a tensor, as an integer constant. Free.

use crate::model::tensor::Tensor;
use crate::quant::QuantError;
use crate::quant::builder::Builder;

use crate::ops::{Call, Op, Value};

/// See the module's head.
pub(super) struct Size;

impl Op for Size {
    fn name(&self) -> &'static str {
        "Size"
    }

    fn accepts(&self) -> &'static str {
        "one tensor"
    }

    fn lower(&self, _builder: &mut Builder<'_>, call: &Call<'_>) -> Result<Vec<Value>, QuantError> {
        let count: usize = call.input(0)?.shape().iter().product();
        Ok(vec![Value::Int(Tensor::scalar(count as i64))])
    }
}
