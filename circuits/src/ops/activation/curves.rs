//! Functions without parameters, straight from a table: one or two lanes and a function read an element, up to five times that where the function bends
//! strongly over many decades.

use crate::quant::QuantError;
use crate::quant::builder::Builder;
use crate::quant::curve::{Function1, SIGMOID, TANH};

use crate::ops::{Call, Op, Value};

/// An op that is a function.
pub(super) struct Tabulated {
    name: &'static str,
    table: &'static str,
    f: fn(f64) -> f64,
    domain: (f64, f64),
}

const ALL: (f64, f64) = (f64::NEG_INFINITY, f64::INFINITY);
/// The inverse hyperbolic tangent ends where single precision does.
const ATANH_END: f64 = 1.0 - 1.0 / (1 << 24) as f64;

const fn tabulated(name: &'static str, table: &'static str, f: fn(f64) -> f64, domain: (f64, f64)) -> Tabulated {
    Tabulated { name, table, f, domain }
}

pub(super) static ACOS: Tabulated = tabulated("Acos", "acos", libm::acos, (-1.0, 1.0));
pub(super) static ACOSH: Tabulated = tabulated("Acosh", "acosh", libm::acosh, (1.0, f64::INFINITY));
pub(super) static ASIN: Tabulated = tabulated("Asin", "asin", libm::asin, (-1.0, 1.0));
pub(super) static ASINH: Tabulated = tabulated("Asinh", "asinh", libm::asinh, ALL);
pub(super) static ATAN: Tabulated = tabulated("Atan", "atan", libm::atan, ALL);
pub(super) static ATANH: Tabulated = tabulated("Atanh", "atanh", libm::atanh, (-ATANH_END, ATANH_END));
pub(super) static COSH: Tabulated = tabulated("Cosh", "cosh", libm::cosh, ALL);
pub(super) static ERF: Tabulated = tabulated("Erf", "erf", libm::erf, ALL);
pub(super) static EXP: Tabulated = tabulated("Exp", "exp", libm::exp, ALL);
pub(super) static SIGMOID_OP: Tabulated = tabulated("Sigmoid", SIGMOID.name, SIGMOID.f, ALL);
pub(super) static SINH: Tabulated = tabulated("Sinh", "sinh", libm::sinh, ALL);
pub(super) static TANH_OP: Tabulated = tabulated("Tanh", TANH.name, TANH.f, ALL);

impl Op for Tabulated {
    fn name(&self) -> &'static str {
        self.name
    }

    fn accepts(&self) -> &'static str {
        "one float tensor"
    }

    fn lower(&self, builder: &mut Builder<'_>, call: &Call<'_>) -> Result<Vec<Value>, QuantError> {
        let f = Function1::new(self.table, self.f).on(self.domain.0, self.domain.1);
        crate::ops::unary(call, |x| builder.function(x, &f))
    }
}

#[cfg(test)]
mod tests {
    use crate::ops::elementwise::each;
    use crate::testing::conformance::op_conformance;

    op_conformance! {
        bounded_functions: each(13, vec![
            ("Sigmoid", vec![], |x| 1.0 / (1.0 + (-x).exp())),
            ("Tanh", vec![], f64::tanh),
            ("Atan", vec![], f64::atan),
            ("Erf", vec![], libm::erf),
        ], vec![vec![-3.5, 0.25], vec![0.0, 7.5], vec![-0.01, 1.5], vec![100.0, -50.0]]),
        growing_functions: each(13, vec![
            ("Exp", vec![], f64::exp),
            ("Sinh", vec![], f64::sinh),
            ("Cosh", vec![], f64::cosh),
            ("Asinh", vec![], f64::asinh),
        ], vec![vec![-2.5, 0.25], vec![0.0, 2.5], vec![-0.01, 1.5]]),
        inverse_functions: each(13, vec![
            ("Asin", vec![], f64::asin),
            ("Acos", vec![], f64::acos),
            ("Atanh", vec![], f64::atanh),
        ], vec![vec![-0.96, 0.25], vec![0.0, 0.97], vec![-0.01, 0.5]]),
        inverse_cosine: each(13, vec![("Acosh", vec![], f64::acosh)], vec![vec![1.0, 4.0], vec![1.5, 100.0], vec![3.0, 1.125]]),
    }
}
