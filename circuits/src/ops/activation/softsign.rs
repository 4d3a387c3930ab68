//! `x / (1 + |x|)`: a quotient, exact over any range.

use crate::quant::QuantError;
use crate::quant::builder::Builder;
use crate::quant::form::Form;

use crate::ops::elementwise::magnitude;
use crate::ops::{Call, Op, Value};

/// See the module's head.
pub(super) struct Softsign;

impl Op for Softsign {
    fn name(&self) -> &'static str {
        "Softsign"
    }

    fn accepts(&self) -> &'static str {
        "one float tensor"
    }

    fn lower(&self, builder: &mut Builder<'_>, call: &Call<'_>) -> Result<Vec<Value>, QuantError> {
        crate::ops::unary(call, |x| {
            let bottom: Vec<Form> = magnitude(builder, x)?.iter().map(|f| f.shifted(1.0)).collect();
            builder.divide(x, &bottom)
        })
    }
}
