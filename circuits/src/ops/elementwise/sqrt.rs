//! Square roots (exact integer roots: about seven rows) and reciprocals (exact quotients).

use crate::quant::QuantError;
use crate::quant::builder::Builder;

use crate::ops::{Call, Op, Value};

/// Sqrt.
pub(super) struct Sqrt;

/// Reciprocal.
pub(super) struct Reciprocal;

impl Op for Sqrt {
    fn name(&self) -> &'static str {
        "Sqrt"
    }

    fn accepts(&self) -> &'static str {
        "one float tensor"
    }

    fn lower(&self, builder: &mut Builder<'_>, call: &Call<'_>) -> Result<Vec<Value>, QuantError> {
        crate::ops::unary(call, |x| builder.sqrt(x))
    }
}

impl Op for Reciprocal {
    fn name(&self) -> &'static str {
        "Reciprocal"
    }

    fn accepts(&self) -> &'static str {
        "one float tensor without constant zeros"
    }

    fn lower(&self, builder: &mut Builder<'_>, call: &Call<'_>) -> Result<Vec<Value>, QuantError> {
        crate::ops::unary(call, |x| {
            if x.iter().any(|f| f.as_constant() == Some(0.0)) {
                return Err(call.refuse("the reciprocal of a constant zero"));
            }
            builder.reciprocal(x)
        })
    }
}

#[cfg(test)]
mod tests {
    use crate::ops::elementwise::each;
    use crate::testing::conformance::op_conformance;

    op_conformance! {
        roots_and_reciprocals: each(13, vec![
            ("Sqrt", vec![], f64::sqrt),
            ("Reciprocal", vec![], |x| 1.0 / x),
        ], vec![vec![0.5, 1.5], vec![9.0, 0.75], vec![3.0, 4.0]]).within(5e-4),
    }
}
