//! `max(0, min(1, alpha · x + beta))`: a Clip.

use crate::quant::QuantError;
use crate::quant::builder::Builder;
use crate::quant::form::Form;

use crate::ops::{Call, Op, Value};

/// See the module's head.
pub(super) struct HardSigmoid;

impl Op for HardSigmoid {
    fn name(&self) -> &'static str {
        "HardSigmoid"
    }

    fn accepts(&self) -> &'static str {
        "one float tensor; alpha and beta floats"
    }

    fn lower(&self, builder: &mut Builder<'_>, call: &Call<'_>) -> Result<Vec<Value>, QuantError> {
        let (alpha, beta) = (call.float("alpha", 0.2)?, call.float("beta", 0.5)?);
        crate::ops::unary(call, |x| {
            let line: Vec<Form> = x.iter().map(|f| f.scaled(alpha).shifted(beta)).collect();
            builder.clip(&line, 0.0, 1.0)
        })
    }
}
