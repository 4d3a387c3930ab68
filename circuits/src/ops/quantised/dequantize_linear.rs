//! `(x - zero) · scale`. Free.

use crate::quant::QuantError;
use crate::quant::builder::Builder;

use crate::ops::{Call, Op, Value};

use super::quantize_linear::axis;
use super::scales::{self, Along};

/// See the module's head.
pub(super) struct DequantizeLinear;

impl Op for DequantizeLinear {
    fn name(&self) -> &'static str {
        "DequantizeLinear"
    }

    fn accepts(&self) -> &'static str {
        "an integer tensor with constant scale and zero point, of the tensor or along an axis"
    }

    fn lower(&self, _builder: &mut Builder<'_>, call: &Call<'_>) -> Result<Vec<Value>, QuantError> {
        let axis = axis(call, call.input(0)?.shape().len())?;
        let x = scales::centred(call, 0, 2, axis)?;
        let scale = Along::scale(call, 1, x.shape(), axis)?;
        let mut flat = 0..;
        Ok(vec![Value::Live(x.map(|f| f.scaled(scale.at(flat.next().unwrap_or_default()))))])
    }
}
