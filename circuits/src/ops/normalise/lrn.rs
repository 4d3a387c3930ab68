//! Each value divided by `(bias + alpha / size · Σ x²)^beta` over neighbouring channels. Powers of quarters are roots of roots. About 30 rows an element.

use crate::model::tensor::Tensor;
use crate::quant::QuantError;
use crate::quant::builder::Builder;
use crate::quant::form::Form;

use crate::ops::{Call, Op, Value};

/// See the module's head.
pub(super) struct Lrn;

impl Op for Lrn {
    fn name(&self) -> &'static str {
        "LRN"
    }

    fn accepts(&self) -> &'static str {
        "a float tensor [N, C, …], a positive bias, alpha that is not negative and beta of 0.25, 0.5, 0.75 or 1"
    }

    fn lower(&self, builder: &mut Builder<'_>, call: &Call<'_>) -> Result<Vec<Value>, QuantError> {
        let x = call.forms(0)?;
        let [_, channels, ..] = *x.shape() else { return Err(call.refuse("the input has no channels")) };
        let (alpha, beta) = (call.float("alpha", 1e-4)?, call.float("beta", 0.75)?);
        let (bias, size) = (call.float("bias", 1.0)?, call.int("size", 0)?);
        let quarters = [0.25, 0.5, 0.75, 1.0].iter().position(|b| (b - beta).abs() < 1e-6);
        let size = usize::try_from(size).ok().filter(|&s| s > 0 && s <= 1 << 16);
        let (Some(quarters), Some(size), true) = (quarters, size, bias > 0.0 && alpha >= 0.0) else {
            return Err(call.refuse(format!("size {size:?}, alpha {alpha}, beta {beta}, bias {bias}")));
        };
        let values = builder.compact(x.data())?;
        let squares = builder.multiply(&values, &values)?;
        let area = x.shape()[2..].iter().product::<usize>();
        let mut sums = Vec::with_capacity(x.len());
        for flat in 0..x.len() {
            let (channel, first) = (flat / area % channels, flat - flat / area % channels * area);
            let reach = channel.saturating_sub((size - 1) / 2)..=(channel + size / 2).min(channels - 1);
            let window: Vec<&Form> = reach.map(|c| &squares[first + c * area]).collect();
            sums.push(crate::ops::pooling::sum(&window).scaled(alpha / size as f64).shifted(bias));
        }
        let power = match quarters {
            3 => sums,
            _ => {
                let half = builder.sqrt(&sums)?;
                match quarters {
                    1 => half,
                    0 => builder.sqrt(&half)?,
                    _ => {
                        let quarter = builder.sqrt(&half)?;
                        builder.multiply(&half, &quarter)?
                    }
                }
            }
        };
        let data = builder.divide(&values, &power)?;
        let result = Tensor::new(x.shape().to_vec(), data);
        Ok(vec![Value::Live(result.ok_or_else(|| call.refuse("the result has another size"))?)])
    }
}

#[cfg(test)]
mod tests {
    use crate::model::fixture::{OnnxBuilder, float, int};
    use crate::testing::conformance::{Case, op_conformance};

    fn case(beta: f32) -> Case {
        let mut m = OnnxBuilder::new(&[1, 4, 1, 2]);
        let attributes = vec![int("size", 3), float("alpha", 0.3), float("beta", beta), float("bias", 1.5)];
        let inputs =
            vec![vec![1.0, -2.0, 0.5, 3.0, -1.5, 2.5, 0.0, 1.0], vec![2.0, 1.0, -3.0, 0.5, 1.5, -2.5, 1.0, 0.25]];
        Case::new(m.node("LRN", &["x"], "y", attributes).bytes(&[1, 4, 1, 2]), inputs)
    }

    op_conformance! { quarter: case(0.25), half: case(0.5), three_quarters: case(0.75), whole: case(1.0) }
}
