//! `a · b`, broadcast, where at most one factor depends on the inputs. Free.

use crate::quant::QuantError;
use crate::quant::builder::Builder;

use crate::ops::{Call, Op, Value};

/// See the module's head.
pub(super) struct Mul;

impl Op for Mul {
    fn name(&self) -> &'static str {
        "Mul"
    }

    fn accepts(&self) -> &'static str {
        "two float tensors that broadcast, at least one of them constant"
    }

    fn lower(&self, _builder: &mut Builder<'_>, call: &Call<'_>) -> Result<Vec<Value>, QuantError> {
        crate::ops::binary(call, |a, b| match (a.as_constant(), b.as_constant()) {
            (_, Some(factor)) => Ok(a.scaled(factor)),
            (Some(factor), None) => Ok(b.scaled(factor)),
            (None, None) => Err(call.refuse("both factors depend on the model's inputs")),
        })
    }
}
