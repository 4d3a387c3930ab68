//! `x` where positive, else `alpha · x`: `alpha · x + (1 - alpha) · relu(x)`.

use crate::quant::QuantError;
use crate::quant::builder::Builder;

use crate::ops::{Call, Op, Value};

/// See the module's head.
pub(super) struct LeakyRelu;

impl Op for LeakyRelu {
    fn name(&self) -> &'static str {
        "LeakyRelu"
    }

    fn accepts(&self) -> &'static str {
        "one float tensor; alpha a float (default 0.01)"
    }

    fn lower(&self, builder: &mut Builder<'_>, call: &Call<'_>) -> Result<Vec<Value>, QuantError> {
        let alpha = call.float("alpha", 0.01)?;
        crate::ops::unary(call, |x| {
            let x = builder.compact(x)?;
            let positive = builder.relu(&x)?;
            Ok(x.iter().zip(&positive).map(|(x, p)| x.scaled(alpha).plus(&p.scaled(1.0 - alpha))).collect())
        })
    }
}
