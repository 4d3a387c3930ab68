//! `|x|`: two Relu lanes, so that it is never negative.

use crate::quant::QuantError;
use crate::quant::builder::Builder;
use crate::quant::form::Form;

use crate::ops::elementwise::unary_whole;
use crate::ops::{Call, Op, Value};

/// See the module's head.
pub(super) struct Abs;

/// `|x|` for each form: `relu(x) + relu(-x)`.
pub(in crate::ops) fn magnitude(builder: &mut Builder<'_>, x: &[Form]) -> Result<Vec<Form>, QuantError> {
    let negated = x.iter().map(|f| f.scaled(-1.0));
    let both: Vec<Form> = x.iter().cloned().zip(negated).flat_map(|(a, b)| [a, b]).collect();
    let parts = builder.relu(&both)?;
    Ok(parts.chunks_exact(2).map(|p| p[0].plus(&p[1])).collect())
}

impl Op for Abs {
    fn name(&self) -> &'static str {
        "Abs"
    }

    fn accepts(&self) -> &'static str {
        "one tensor of numbers"
    }

    fn lower(&self, builder: &mut Builder<'_>, call: &Call<'_>) -> Result<Vec<Value>, QuantError> {
        unary_whole(call, |x| magnitude(builder, x))
    }
}
