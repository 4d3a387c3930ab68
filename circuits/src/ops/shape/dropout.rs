//! The same value, and a mask of ones: dropout does nothing in inference. Free.

use crate::model::tensor::Tensor;
use crate::quant::QuantError;
use crate::quant::builder::Builder;

use crate::ops::{Call, Op, Value};

/// See the module's head.
pub(super) struct Dropout;

impl Op for Dropout {
    fn name(&self) -> &'static str {
        "Dropout"
    }

    fn accepts(&self) -> &'static str {
        "inference mode (training_mode false)"
    }

    fn lower(&self, _builder: &mut Builder<'_>, call: &Call<'_>) -> Result<Vec<Value>, QuantError> {
        let training = match call.optional(2) {
            None => false,
            Some(_) => call.ints(2)?.is_some_and(|v| v.iter().any(|&v| v != 0)),
        };
        if training {
            return Err(call.refuse("training_mode is true"));
        }
        let value = call.input(0)?;
        let count: usize = value.shape().iter().product();
        let mask = Tensor::new(value.shape().to_vec(), vec![1; count]).map(Value::Int);
        Ok(vec![value.clone(), mask.ok_or_else(|| call.refuse("the sizes do not fit"))?])
    }
}
