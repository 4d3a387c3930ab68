//! `a / b`, broadcast, where `b` is constant. Free. Integer constants divide towards zero.

use crate::quant::QuantError;
use crate::quant::builder::Builder;

use crate::ops::{Call, Op, Value};

/// See the module's head.
pub(super) struct Div;

impl Op for Div {
    fn name(&self) -> &'static str {
        "Div"
    }

    fn accepts(&self) -> &'static str {
        "a float tensor divided by a constant without zeros that broadcasts"
    }

    fn lower(&self, _builder: &mut Builder<'_>, call: &Call<'_>) -> Result<Vec<Value>, QuantError> {
        if let Some(quotients) = crate::ops::on_integers(call, i64::checked_div)? {
            return Ok(quotients);
        }
        crate::ops::binary(call, |a, b| match b.as_constant() {
            Some(0.0) => Err(call.refuse("division by zero")),
            Some(divisor) => Ok(a.scaled(1.0 / divisor)),
            None => Err(call.refuse("the divisor depends on the model's inputs")),
        })
    }
}
