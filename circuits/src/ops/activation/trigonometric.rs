//! Sin, Cos and Tan. Over more than two periods the argument is first brought into one by a floor, a lane more; Tan is Sin over Cos, a quotient, where it may have a pole.

use std::f64::consts::TAU;

use crate::quant::QuantError;
use crate::quant::builder::Builder;
use crate::quant::curve::Function1;
use crate::quant::form::Form;

use crate::ops::{Call, Op, Value};

/// Largest argument that is not reduced.
const FAR: f64 = 8.0;
/// Half a period, and a little more.
const PERIOD: f64 = 3.5;
/// Tan is tabulated up to here.
const TAN_END: f64 = 1.25;

/// Sin, Cos or Tan.
pub(super) enum Trigonometric {
    Cos,
    Sin,
    Tan,
}

impl Trigonometric {
    fn of(f: fn(f64) -> f64, name: &str, builder: &mut Builder<'_>, x: &[Form]) -> Result<Vec<Form>, QuantError> {
        builder.function(x, &Function1::new(name, f))
    }
}

/// Arguments within half a period of 0 where they may be far from it.
fn reduced(builder: &mut Builder<'_>, x: &[Form]) -> Result<Vec<Form>, QuantError> {
    let far = |builder: &Builder<'_>, f: &Form| {
        let (lo, hi) = builder.interval(f);
        f.as_constant().is_none() && (lo < -FAR || hi > FAR)
    };
    if !x.iter().any(|f| far(builder, f)) {
        return Ok(x.to_vec());
    }
    // One wire an element: both the turns and the rest read it.
    let x = builder.compact(x)?;
    let turns: Vec<Form> = x.iter().map(|f| f.scaled(1.0 / TAU).shifted(0.5)).collect();
    let turns = builder.floor(&turns)?;
    Ok(x.iter().zip(&turns).map(|(f, t)| f.plus(&t.scaled(-TAU))).collect())
}

impl Op for Trigonometric {
    fn name(&self) -> &'static str {
        match self {
            Self::Cos => "Cos",
            Self::Sin => "Sin",
            Self::Tan => "Tan",
        }
    }

    fn accepts(&self) -> &'static str {
        "one float tensor"
    }

    fn lower(&self, builder: &mut Builder<'_>, call: &Call<'_>) -> Result<Vec<Value>, QuantError> {
        crate::ops::unary(call, |x| {
            if x.iter().all(|f| f.as_constant().is_some()) {
                let f = match self {
                    Self::Cos => libm::cos,
                    Self::Sin => libm::sin,
                    Self::Tan => libm::tan,
                };
                return Self::of(f, self.name(), builder, x);
            }
            let inside = x.iter().all(|f| {
                let (lo, hi) = builder.interval(f);
                lo >= -TAN_END && hi <= TAN_END
            });
            if matches!(self, Self::Tan) && inside {
                return Self::of(libm::tan, "tan", builder, x);
            }
            let whole = x;
            let x = reduced(builder, whole)?;
            let near = x.as_slice() == whole;
            let draw = |builder: &mut Builder<'_>, name: &str, f: fn(f64) -> f64| {
                if near {
                    return Self::of(f, name, builder, &x);
                }
                // The rest is within half a period, but for rounding; the interval of `x - 2π k` does not say so.
                let period = move |v: f64| f(v.clamp(-PERIOD, PERIOD));
                builder.function(&x, &Function1::new(format!("{name} over a period"), period))
            };
            match self {
                Self::Cos => draw(builder, "cos", libm::cos),
                Self::Sin => draw(builder, "sin", libm::sin),
                Self::Tan => {
                    let (sin, cos) = (draw(builder, "sin", libm::sin)?, draw(builder, "cos", libm::cos)?);
                    builder.divide(&sin, &cos)
                }
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use crate::ops::elementwise::each;
    use crate::testing::conformance::op_conformance;

    op_conformance! {
        near_waves: each(13, vec![("Sin", vec![], f64::sin), ("Cos", vec![], f64::cos)],
            vec![vec![-3.5, 0.25], vec![0.0, 3.5], vec![-0.01, 1.5]]),
        far_waves: each(13, vec![("Sin", vec![], f64::sin), ("Cos", vec![], f64::cos)],
            vec![vec![-31.5, 20.25], vec![0.0, 47.5], vec![-0.01, 1.5]]),
        tangents: each(13, vec![("Tan", vec![], f64::tan)], vec![vec![-0.5, 0.25], vec![0.0, 0.5]]),
        tangents_with_poles: each(13, vec![("Tan", vec![], f64::tan)], vec![vec![-0.5, 2.25], vec![3.0, 1.25]]),
    }
}
