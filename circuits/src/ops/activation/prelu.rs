//! `x` where positive, else `slope · x`: `slope · x + (1 - slope) · relu(x)`. One lane; a product more where the slope depends on the inputs.

use crate::quant::QuantError;
use crate::quant::builder::Builder;
use crate::quant::form::Form;

use crate::ops::elementwise::{minus, zipped};
use crate::ops::{Call, Op, Value};

/// See the module's head.
pub(super) struct PRelu;

impl Op for PRelu {
    fn name(&self) -> &'static str {
        "PRelu"
    }

    fn accepts(&self) -> &'static str {
        "a float tensor and a slope that broadcasts to it"
    }

    fn lower(&self, builder: &mut Builder<'_>, call: &Call<'_>) -> Result<Vec<Value>, QuantError> {
        zipped(call, |x, slope| {
            // x = p - n, and the result is p - slope n.
            let positive = builder.relu(x)?;
            let negated: Vec<Form> = x.iter().map(|f| f.scaled(-1.0)).collect();
            if slope.iter().all(|s| s.as_constant().is_some()) {
                let parts = x.iter().zip(&positive).zip(slope);
                return Ok(parts
                    .map(|((x, p), s)| {
                        let slope = s.as_constant().unwrap_or(0.0);
                        x.scaled(slope).plus(&p.scaled(1.0 - slope))
                    })
                    .collect());
            }
            let negative = builder.relu(&negated)?;
            let lost = builder.multiply(&negative, slope)?;
            Ok(minus(&positive, &lost))
        })
    }
}

#[cfg(test)]
mod tests {
    use crate::model::fixture::OnnxBuilder;
    use crate::testing::conformance::{Case, op_conformance};

    fn model() -> Vec<u8> {
        let mut m = OnnxBuilder::new(&[1, 3, 2]);
        m.weights("slope", &[3, 1], &[0.25, -1.5, 2.0]);
        m.node("PRelu", &["x", "slope"], "y", vec![]).bytes(&[1, 3, 2])
    }

    op_conformance! {
        a_slope_for_each_channel: Case::new(model(), vec![vec![1.0, -2.0, 3.5, -0.5, -4.0, 0.0], vec![-1.0, 2.0, -3.5, 0.5, 4.0, -1.25]]),
    }
}
