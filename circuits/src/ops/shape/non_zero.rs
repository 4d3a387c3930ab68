//! The coordinates of the elements of a constant that are not 0. Free.

use crate::model::tensor::Tensor;
use crate::quant::QuantError;
use crate::quant::builder::Builder;

use crate::ops::{Call, Op, Value};

use super::index::each;

/// See the module's head.
pub(super) struct NonZero;

impl Op for NonZero {
    fn name(&self) -> &'static str {
        "NonZero"
    }

    fn accepts(&self) -> &'static str {
        "a constant tensor"
    }

    fn lower(&self, _builder: &mut Builder<'_>, call: &Call<'_>) -> Result<Vec<Value>, QuantError> {
        let value = call.input(0)?;
        let set: Vec<bool> = match value {
            Value::Int(t) => t.data().iter().map(|&v| v != 0).collect(),
            Value::Real(t) => t.data().iter().map(|&v| v != 0.0).collect(),
            Value::Live(_) => return Err(call.refuse("the result's shape would depend on the model's inputs")),
        };
        let coordinates = each(value.shape(), <[usize]>::to_vec).unwrap_or_default();
        let found: Vec<Vec<usize>> =
            coordinates.into_iter().zip(set).filter(|(_, set)| *set).map(|(at, _)| at).collect();
        let rank = value.shape().len();
        let data = (0..rank).flat_map(|axis| found.iter().map(move |at| at[axis] as i64)).collect();
        let result = Tensor::new(vec![rank, found.len()], data);
        Ok(vec![Value::Int(result.ok_or_else(|| call.refuse("the sizes do not fit"))?)])
    }
}
