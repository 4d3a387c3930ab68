//! `min(max(x, min), max)` with constant bounds: attributes up to opset 10, inputs from 11 on.

use crate::quant::QuantError;
use crate::quant::builder::Builder;

use crate::ops::{Call, Op, Value};

/// See the module's head.
pub(super) struct Clip;

impl Op for Clip {
    fn name(&self) -> &'static str {
        "Clip"
    }

    fn accepts(&self) -> &'static str {
        "one float tensor with constant scalar bounds"
    }

    fn lower(&self, builder: &mut Builder<'_>, call: &Call<'_>) -> Result<Vec<Value>, QuantError> {
        let (lo, hi) = if call.node().opset < 11 {
            (call.float("min", f64::NEG_INFINITY)?, call.float("max", f64::INFINITY)?)
        } else {
            (call.scalar(1)?.unwrap_or(f64::NEG_INFINITY), call.scalar(2)?.unwrap_or(f64::INFINITY))
        };
        crate::ops::unary(call, |x| builder.clip(x, lo, hi))
    }
}
