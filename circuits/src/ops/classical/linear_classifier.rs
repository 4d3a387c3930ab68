//! Linear scores, their transform and the label of the largest. The scores are free; the label takes a lane a pair of classes.

use crate::model::tensor::Tensor;
use crate::quant::QuantError;
use crate::quant::builder::Builder;
use crate::quant::curve::SIGMOID;

use crate::ops::{Call, Op, Value};

use super::attributes::{ints, reals};
use super::linear::scores;
use super::post::{self, Post};
use super::rows::{matrix, rows};

/// See the module's head.
pub(super) struct LinearClassifier;

impl Op for LinearClassifier {
    fn name(&self) -> &'static str {
        "LinearClassifier"
    }

    fn domain(&self) -> &'static str {
        crate::model::onnx::ML_DOMAIN
    }

    fn accepts(&self) -> &'static str {
        "rows of features and as many coefficients for each class; integer labels (texts become indices); no PROBIT"
    }

    fn lower(&self, builder: &mut Builder<'_>, call: &Call<'_>) -> Result<Vec<Value>, QuantError> {
        let (rows, width) = rows(call, 0)?;
        let post = Post::of(call)?;
        let count = reals(call, "coefficients")?.len() / width;
        let given = ints(call, "classlabels_ints")?;
        // Two labels for one row of coefficients: the score is the second one's.
        let binary = count == 1 && given.len() == 2;
        let labels = post::labels(call, "classlabels_ints", if binary { 2 } else { count })?;
        let (mut chosen, mut all) = (Vec::with_capacity(rows.len()), Vec::with_capacity(rows.len()));
        for row in &rows {
            let scores = scores(builder, call, row, width, count)?;
            let (label, scores) = if binary {
                let bit = builder.positive(&scores)?;
                let label = bit.first().map(|b| post::either(b, &labels)).unwrap_or_default();
                let negated = scores.iter().map(|s| s.scaled(-1.0));
                let pair: Vec<_> = negated.chain(scores.iter().cloned()).collect();
                let pair = match post {
                    Post::Logistic => {
                        let second = builder.curve(&scores, &SIGMOID)?;
                        second.iter().map(|s| s.scaled(-1.0).shifted(1.0)).chain(second.iter().cloned()).collect()
                    }
                    _ => post.apply(builder, &pair)?,
                };
                (label, pair)
            } else {
                (post::label(builder, &scores, &labels)?, post.apply(builder, &scores)?)
            };
            chosen.push(label);
            all.push(scores);
        }
        Ok(vec![Value::Live(Tensor::vector(chosen)), matrix(call, all)?])
    }
}
