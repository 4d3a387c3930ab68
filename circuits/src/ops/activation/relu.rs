//! `max(x, 0)`: fused with the rescaling of its argument.

use crate::quant::QuantError;
use crate::quant::builder::Builder;

use crate::ops::{Call, Op, Value};

/// See the module's head.
pub(super) struct Relu;

impl Op for Relu {
    fn name(&self) -> &'static str {
        "Relu"
    }

    fn accepts(&self) -> &'static str {
        "one float tensor"
    }

    fn lower(&self, builder: &mut Builder<'_>, call: &Call<'_>) -> Result<Vec<Value>, QuantError> {
        crate::ops::unary(call, |x| builder.relu(x))
    }
}
