//! 1 at the first maximum of a row, else 0: every pair of a row is compared, exactly.

use crate::quant::QuantError;
use crate::quant::builder::Builder;
use crate::quant::form::Form;

use crate::ops::activation::softmax::rows;
use crate::ops::elementwise::live;
use crate::ops::{Call, Op, Value};

/// Longest row: every pair costs a lane.
const LONGEST: usize = 128;

/// See the module's head.
pub(super) struct Hardmax;

impl Op for Hardmax {
    fn name(&self) -> &'static str {
        "Hardmax"
    }

    fn accepts(&self) -> &'static str {
        "one float tensor of rows of at most 128 elements; axis an integer"
    }

    fn lower(&self, builder: &mut Builder<'_>, call: &Call<'_>) -> Result<Vec<Value>, QuantError> {
        let x = call.forms(0)?;
        let at = rows(call, &x)?;
        if let Some(row) = at.iter().find(|r| r.len() > LONGEST) {
            return Err(call.refuse(format!("a row has {} elements", row.len())));
        }
        let compact = builder.compact(x.data())?;
        let mut data = vec![Form::constant(0.0); x.len()];
        for row in at {
            let pairs: Vec<(usize, usize)> =
                (0..row.len()).flat_map(|i| (i + 1..row.len()).map(move |j| (i, j))).collect();
            let differences: Vec<Form> =
                pairs.iter().map(|&(i, j)| compact[row[i]].plus(&compact[row[j]].scaled(-1.0))).collect();
            // The earlier one wins a tie.
            let wins = builder.sign(&differences)?;
            let mut won = vec![Form::constant(2.0 - row.len() as f64); row.len()];
            for ((i, j), win) in pairs.into_iter().zip(wins) {
                won[i] = won[i].plus(&win);
                won[j] = won[j].plus(&win.scaled(-1.0).shifted(1.0));
            }
            // Whoever wins all comparisons has 1 here, all others 0 or less.
            for (i, result) in row.into_iter().zip(builder.relu(&won)?) {
                data[i] = result;
            }
        }
        live(call, x.shape().to_vec(), data)
    }
}

#[cfg(test)]
mod tests {
    use crate::model::fixture::{OnnxBuilder, int};
    use crate::testing::conformance::{Case, op_conformance};

    fn model() -> Vec<u8> {
        OnnxBuilder::new(&[2, 3]).node("Hardmax", &["x"], "y", vec![int("axis", 1)]).bytes(&[2, 3])
    }

    op_conformance! {
        first_maximum: Case::new(model(), vec![vec![1.0, 3.5, 3.5, -0.5, -4.0, -0.5], vec![-9.0, -7.0, 3.5, 3.5, 3.5, 3.75]])
            .expecting(vec![vec![0.0, 1.0, 0.0, 1.0, 0.0, 0.0], vec![0.0, 0.0, 1.0, 0.0, 0.0, 1.0]]),
    }
}
