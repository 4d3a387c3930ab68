//! Sign (-1, 0 or 1: two comparisons) and Neg (free).

use crate::quant::QuantError;
use crate::quant::builder::Builder;

use crate::ops::elementwise::unary_whole;
use crate::ops::{Call, Op, Value};

/// Sign.
pub(super) struct Sign;

/// Neg.
pub(super) struct Neg;

impl Op for Sign {
    fn name(&self) -> &'static str {
        "Sign"
    }

    fn accepts(&self) -> &'static str {
        "one tensor of numbers"
    }

    fn lower(&self, builder: &mut Builder<'_>, call: &Call<'_>) -> Result<Vec<Value>, QuantError> {
        unary_whole(call, |x| {
            let (up, down) = (builder.sign(x)?, builder.positive(x)?);
            Ok(up.iter().zip(&down).map(|(u, d)| u.plus(d).shifted(-1.0)).collect())
        })
    }
}

impl Op for Neg {
    fn name(&self) -> &'static str {
        "Neg"
    }

    fn accepts(&self) -> &'static str {
        "one tensor of numbers"
    }

    fn lower(&self, _builder: &mut Builder<'_>, call: &Call<'_>) -> Result<Vec<Value>, QuantError> {
        unary_whole(call, |x| Ok(x.iter().map(|f| f.scaled(-1.0)).collect()))
    }
}
