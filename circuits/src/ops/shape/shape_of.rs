//! The sizes of a tensor, as integer constants. Free.

use crate::model::tensor::Tensor;
use crate::quant::QuantError;
use crate::quant::builder::Builder;

use crate::ops::{Call, Op, Value};

/// See the module's head.
pub(super) struct Shape;

impl Op for Shape {
    fn name(&self) -> &'static str {
        "Shape"
    }

    fn accepts(&self) -> &'static str {
        "one tensor"
    }

    fn lower(&self, _builder: &mut Builder<'_>, call: &Call<'_>) -> Result<Vec<Value>, QuantError> {
        let sizes: Vec<i64> = call.input(0)?.shape().iter().map(|&s| s as i64).collect();
        let rank = sizes.len() as i64;
        let end = |v: i64| (if v < 0 { v.saturating_add(rank) } else { v }).clamp(0, rank) as usize;
        let (from, to) = (end(call.int("start", 0)?), end(call.int("end", rank)?));
        Ok(vec![Value::Int(Tensor::vector(sizes[from..to.max(from)].to_vec()))])
    }
}
