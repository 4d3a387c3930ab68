//! `a - b`, broadcast. Free.

use crate::quant::QuantError;
use crate::quant::builder::Builder;

use crate::ops::{Call, Op, Value};

/// See the module's head.
pub(super) struct Sub;

impl Op for Sub {
    fn name(&self) -> &'static str {
        "Sub"
    }

    fn accepts(&self) -> &'static str {
        "two float tensors that broadcast"
    }

    fn lower(&self, _builder: &mut Builder<'_>, call: &Call<'_>) -> Result<Vec<Value>, QuantError> {
        crate::ops::binary(call, |a, b| Ok(a.plus(&b.scaled(-1.0))))
    }
}
