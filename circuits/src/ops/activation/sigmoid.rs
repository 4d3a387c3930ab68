//! `1 / (1 + exp(-x))`: a table.

use crate::quant::QuantError;
use crate::quant::builder::Builder;
use crate::quant::curve::SIGMOID;

use crate::ops::{Call, Op, Value};

/// See the module's head.
pub(super) struct Sigmoid;

impl Op for Sigmoid {
    fn name(&self) -> &'static str {
        "Sigmoid"
    }

    fn accepts(&self) -> &'static str {
        "one float tensor"
    }

    fn lower(&self, builder: &mut Builder<'_>, call: &Call<'_>) -> Result<Vec<Value>, QuantError> {
        crate::ops::unary(call, |x| builder.curve(x, &SIGMOID))
    }
}
