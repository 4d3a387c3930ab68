//! The hyperbolic tangent: a table.

use crate::quant::QuantError;
use crate::quant::builder::Builder;
use crate::quant::curve::TANH;

use crate::ops::{Call, Op, Value};

/// See the module's head.
pub(super) struct Tanh;

impl Op for Tanh {
    fn name(&self) -> &'static str {
        "Tanh"
    }

    fn accepts(&self) -> &'static str {
        "one float tensor"
    }

    fn lower(&self, builder: &mut Builder<'_>, call: &Call<'_>) -> Result<Vec<Value>, QuantError> {
        crate::ops::unary(call, |x| builder.curve(x, &TANH))
    }
}
