//! Functions that tend to 0 or a constant on the left and to `x` on the right: `slope · relu(x)` plus a bounded rest from a table. A lane and a function read
//! an element where one table serves all that the bounds allow (see `quant/direct.rs`), else two to three lanes.

use std::rc::Rc;

use crate::quant::QuantError;
use crate::quant::builder::Builder;
use crate::quant::curve::Function1;

use crate::ops::elementwise::text;
use crate::ops::{Call, Op, Value};

/// A function's parameters, read from the node: the slope of the Relu and the rest.
type Parts = fn(&Call<'_>) -> Result<(f64, Function1), QuantError>;

/// An op that is a Relu and a bounded rest.
pub(super) struct Rectified {
    name: &'static str,
    accepts: &'static str,
    parts: Parts,
}

const PLAIN: &str = "one float tensor";

pub(super) static CELU: Rectified =
    Rectified { name: "Celu", accepts: "one float tensor; alpha a float other than 0", parts: celu };
pub(super) static ELU: Rectified = Rectified { name: "Elu", accepts: "one float tensor; alpha a float", parts: elu };
pub(super) static GELU: Rectified =
    Rectified { name: "Gelu", accepts: "one float tensor; approximate `none` or `tanh`", parts: gelu };
pub(super) static HARD_SWISH: Rectified = Rectified { name: "HardSwish", accepts: PLAIN, parts: hard_swish };
pub(super) static MISH: Rectified = Rectified { name: "Mish", accepts: PLAIN, parts: mish };
pub(super) static SELU: Rectified =
    Rectified { name: "Selu", accepts: "one float tensor; alpha and gamma floats", parts: selu };
pub(super) static SOFTPLUS: Rectified = Rectified { name: "Softplus", accepts: PLAIN, parts: softplus };

pub(super) static SWISH: Rectified =
    Rectified { name: "Swish", accepts: "one float tensor; alpha a positive float", parts: swish };

fn left(name: String, scale: f64, rate: f64) -> Function1 {
    Function1::new(name, move |x| scale * libm::expm1(x.min(0.0) * rate))
}

fn celu(call: &Call<'_>) -> Result<(f64, Function1), QuantError> {
    let alpha = call.float("alpha", 1.0)?;
    if alpha <= 0.0 {
        return Err(call.refuse(format!("alpha is {alpha}, expected a positive number")));
    }
    Ok((1.0, left(format!("celu({alpha})"), alpha, 1.0 / alpha)))
}

fn elu(call: &Call<'_>) -> Result<(f64, Function1), QuantError> {
    let alpha = call.float("alpha", 1.0)?;
    Ok((1.0, left(format!("elu({alpha})"), alpha, 1.0)))
}

fn selu(call: &Call<'_>) -> Result<(f64, Function1), QuantError> {
    let alpha = call.float("alpha", 1.673_263_192_176_818_8)?;
    let gamma = call.float("gamma", 1.050_700_983_934_936_5)?;
    Ok((gamma, left(format!("elu({})", alpha * gamma), alpha * gamma, 1.0)))
}

fn softplus(_: &Call<'_>) -> Result<(f64, Function1), QuantError> {
    Ok((1.0, Function1::new("softplus less relu", |x| libm::log1p(libm::exp(-x.abs())))))
}

fn mish(_: &Call<'_>) -> Result<(f64, Function1), QuantError> {
    let f = |x: f64| {
        let softplus = x.max(0.0) + libm::log1p(libm::exp(-x.abs()));
        x * libm::tanh(softplus) - x.max(0.0)
    };
    Ok((1.0, Function1::new("mish less relu", f)))
}

fn hard_swish(_: &Call<'_>) -> Result<(f64, Function1), QuantError> {
    let f = |x: f64| x * (x / 6.0 + 0.5).clamp(0.0, 1.0) - x.max(0.0);
    Ok((1.0, Function1::new("hard swish less relu", f)))
}

fn swish(call: &Call<'_>) -> Result<(f64, Function1), QuantError> {
    let alpha = call.float("alpha", 1.0)?;
    if !(alpha > 0.0 && alpha.is_finite()) {
        return Err(call.refuse(format!("alpha is {alpha}, expected a positive number")));
    }
    let f = move |x: f64| -x.abs() / (1.0 + libm::exp(alpha * x.abs()));
    Ok((1.0, Function1::new(format!("swish({alpha}) less relu"), f)))
}

fn gelu(call: &Call<'_>) -> Result<(f64, Function1), QuantError> {
    match text(call, "approximate")?.unwrap_or("none") {
        "none" => {
            let f = |x: f64| -0.5 * x.abs() * libm::erfc(x.abs() * std::f64::consts::FRAC_1_SQRT_2);
            Ok((1.0, Function1::new("gelu less relu", f)))
        }
        "tanh" => {
            let f = |x: f64| {
                let u = (2.0 / std::f64::consts::PI).sqrt() * (x + 0.044715 * x * x * x);
                -0.5 * x.abs() * (1.0 - libm::tanh(u.abs()))
            };
            Ok((1.0, Function1::new("gelu by tanh less relu", f)))
        }
        other => Err(call.refuse(format!("approximate is `{other}`"))),
    }
}

impl Op for Rectified {
    fn name(&self) -> &'static str {
        self.name
    }

    fn accepts(&self) -> &'static str {
        self.accepts
    }

    fn lower(&self, builder: &mut Builder<'_>, call: &Call<'_>) -> Result<Vec<Value>, QuantError> {
        let (slope, rest) = (self.parts)(call)?;
        crate::ops::unary(call, |x| {
            let rest = Rc::new(rest);
            let own = Rc::clone(&rest);
            let whole = Function1::new(format!("{} and relu", rest.name()), move |x| own.at(x) + slope * x.max(0.0));
            if let Some(found) = builder.directly(x, &whole)? {
                return Ok(found);
            }
            let positive = builder.relu(x)?;
            let rest = builder.function(x, &rest)?;
            Ok(positive.iter().zip(&rest).map(|(p, r)| p.scaled(slope).plus(r)).collect())
        })
    }
}

#[cfg(test)]
mod tests {
    use tract_onnx::pb::{AttributeProto, attribute_proto::AttributeType};

    use crate::model::fixture::float;
    use crate::ops::elementwise::each;
    use crate::testing::conformance::op_conformance;

    fn sigma(x: f64) -> f64 {
        0.5 * (1.0 + libm::erf(x / 2f64.sqrt()))
    }

    fn tanh_attribute() -> AttributeProto {
        let (name, s) = ("approximate".into(), b"tanh".to_vec());
        AttributeProto { name, r#type: AttributeType::String as i32, s, ..Default::default() }
    }

    op_conformance! {
        exponential_units: each(13, vec![
            ("Elu", vec![float("alpha", 0.5)], |x| if x > 0.0 { x } else { 0.5 * (x.exp() - 1.0) }),
            ("Selu", vec![], |x| 1.0507009873554805 * if x > 0.0 { x } else { 1.6732632423543772 * (x.exp() - 1.0) }),
            ("Celu", vec![float("alpha", 2.0)], |x| x.max(0.0) + (2.0 * ((x / 2.0).exp() - 1.0)).min(0.0)),
            ("Softplus", vec![], |x| (1.0 + x.exp()).ln()),
        ], vec![vec![-3.5, 0.25], vec![0.0, 7.5], vec![-0.01, 1.5]]),
        gated_units: each(20, vec![
            ("Mish", vec![], |x| x * (1.0 + x.exp()).ln().tanh()),
            ("HardSwish", vec![], |x| x * (x / 6.0 + 0.5).clamp(0.0, 1.0)),
            ("Gelu", vec![], |x| x * sigma(x)),
            ("Gelu", vec![tanh_attribute()], |x| {
                0.5 * x * (1.0 + ((2.0 / std::f64::consts::PI).sqrt() * (x + 0.044715 * x.powi(3))).tanh())
            }),
        ], vec![vec![-3.5, 0.25], vec![0.0, 7.5], vec![-0.01, 1.5]]),
    }
}
