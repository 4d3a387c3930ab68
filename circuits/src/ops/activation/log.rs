//! The natural logarithm, from tables. Below the least argument that the bounds, else calibration, make plausible the argument is held there, with a flag.

use crate::quant::QuantError;
use crate::quant::builder::Builder;
use crate::quant::curve::Function1;
use crate::quant::form::Form;

use crate::ops::elementwise::least;
use crate::ops::{Call, Op, Value};

/// See the module's head.
pub(super) struct Log;

/// `ln x` for each form.
pub(in crate::ops) fn logarithm(builder: &mut Builder<'_>, x: &[Form]) -> Result<Vec<Form>, QuantError> {
    let least = least(builder, x);
    builder.function(x, &Function1::new("log", libm::log).on(least, f64::INFINITY))
}

impl Op for Log {
    fn name(&self) -> &'static str {
        "Log"
    }

    fn accepts(&self) -> &'static str {
        "one float tensor, positive"
    }

    fn lower(&self, builder: &mut Builder<'_>, call: &Call<'_>) -> Result<Vec<Value>, QuantError> {
        crate::ops::unary(call, |x| {
            if x.iter().filter_map(Form::as_constant).any(|v| v <= 0.0) {
                return Err(call.refuse("the logarithm of a constant that is not positive"));
            }
            logarithm(builder, x)
        })
    }
}

#[cfg(test)]
mod tests {
    use crate::ops::elementwise::each;
    use crate::testing::conformance::op_conformance;

    op_conformance! {
        logarithms_of_three_decades: each(13, vec![("Log", vec![], f64::ln)],
            vec![vec![0.5, 10.0], vec![100.0, 3.0], vec![0.125, 1.0]]),
    }
}
