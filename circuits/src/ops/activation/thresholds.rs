//! Functions made of lines and steps: ThresholdedRelu (`x` above alpha, else 0) and Shrink (`x` moved towards 0 by bias outside `±lambd`, else 0). A Relu lane
//! and a comparison a side.

use crate::quant::QuantError;
use crate::quant::builder::Builder;
use crate::quant::form::Form;

use crate::ops::{Call, Op, Value};

/// ThresholdedRelu.
pub(super) struct ThresholdedRelu;

/// Shrink.
pub(super) struct Shrink;

/// `x - end + step` above `end`, else 0.
fn above(builder: &mut Builder<'_>, x: &[Form], end: f64, step: f64) -> Result<Vec<Form>, QuantError> {
    let over: Vec<Form> = x.iter().map(|f| f.shifted(-end)).collect();
    let line = builder.relu(&over)?;
    if step == 0.0 {
        return Ok(line);
    }
    let jump = builder.positive(&over)?;
    Ok(line.iter().zip(&jump).map(|(l, j)| l.plus(&j.scaled(step))).collect())
}

impl Op for ThresholdedRelu {
    fn name(&self) -> &'static str {
        "ThresholdedRelu"
    }

    fn accepts(&self) -> &'static str {
        "one float tensor; alpha a float"
    }

    fn lower(&self, builder: &mut Builder<'_>, call: &Call<'_>) -> Result<Vec<Value>, QuantError> {
        let alpha = call.float("alpha", 1.0)?;
        crate::ops::unary(call, |x| above(builder, x, alpha, alpha))
    }
}

impl Op for Shrink {
    fn name(&self) -> &'static str {
        "Shrink"
    }

    fn accepts(&self) -> &'static str {
        "one float tensor; bias and lambd floats, lambd not negative"
    }

    fn lower(&self, builder: &mut Builder<'_>, call: &Call<'_>) -> Result<Vec<Value>, QuantError> {
        let (bias, end) = (call.float("bias", 0.0)?, call.float("lambd", 0.5)?);
        if end < 0.0 {
            return Err(call.refuse(format!("lambd is {end}")));
        }
        crate::ops::unary(call, |x| {
            let negated: Vec<Form> = x.iter().map(|f| f.scaled(-1.0)).collect();
            let (up, down) = (above(builder, x, end, end - bias)?, above(builder, &negated, end, end - bias)?);
            Ok(up.iter().zip(&down).map(|(u, d)| u.plus(&d.scaled(-1.0))).collect())
        })
    }
}

#[cfg(test)]
mod tests {
    use crate::model::fixture::float;
    use crate::ops::elementwise::each;
    use crate::testing::conformance::op_conformance;

    op_conformance! {
        lines_and_steps: each(13, vec![
            ("ThresholdedRelu", vec![float("alpha", 1.25)], |x| if x > 1.25 { x } else { 0.0 }),
            ("Shrink", vec![], |x| if x.abs() > 0.5 { x } else { 0.0 }),
            ("Shrink", vec![float("lambd", 1.0), float("bias", 0.75)], |x| if x.abs() > 1.0 { x - 0.75 * x.signum() } else { 0.0 }),
            ("HardSigmoid", vec![], |x| (0.2f32 as f64 * x + 0.5).clamp(0.0, 1.0)),
            ("Softsign", vec![], |x| x / (1.0 + x.abs())),
        ], vec![vec![-3.5, 0.25], vec![0.0, 7.5], vec![-0.75, 1.25], vec![1.0, 1.5]]),
    }
}
