//! Decision trees that vote for classes: labels and scores. Cost as for `TreeEnsembleRegressor`, plus one table read a tree and class, and the comparisons of scores.
//!
//! Two classes with weights for one only are one score: positive weights are a probability (`1 − s, s`; a label from 0.5 on), others a margin (`−s, s`; from 0 on).

use crate::model::tensor::Tensor;
use crate::quant::QuantError;
use crate::quant::builder::Builder;
use crate::quant::form::Form;

use crate::ops::{Call, Op, Value};

use super::attributes;
use super::post::{self, Post};
use super::rows::{matrix, rows};
use super::tree::{Aggregate, Ensemble, single_or_double};

/// See the module's head.
pub(super) struct TreeEnsembleClassifier;

impl Op for TreeEnsembleClassifier {
    fn name(&self) -> &'static str {
        "TreeEnsembleClassifier"
    }

    fn domain(&self) -> &'static str {
        crate::model::onnx::ML_DOMAIN
    }

    fn accepts(&self) -> &'static str {
        "rows of features; trees of comparisons with constants; integer labels (texts become indices); no PROBIT"
    }

    fn lower(&self, builder: &mut Builder<'_>, call: &Call<'_>) -> Result<Vec<Value>, QuantError> {
        let (rows, width) = rows(call, 0)?;
        let classes = attributes::ints(call, "classlabels_int64s")?;
        if classes.is_empty() {
            return Err(call.refuse("there are no class labels"));
        }
        let ensemble = Ensemble::of(call, "class", classes.len())?;
        ensemble.check_features(call, width)?;
        let (base, _) = single_or_double(call, "base_values")?;
        let post = Post::of(call)?;
        let (mut labels, mut scores) = (Vec::with_capacity(rows.len()), Vec::with_capacity(rows.len()));
        for row in &rows {
            let (label, score) = match classes {
                [one] => {
                    let sum = ensemble.lower(builder, row, 1, Aggregate::Sum, base)?;
                    (Form::constant(*one as f64), post.apply(builder, &sum)?)
                }
                [_, _] if ensemble.targets.len() <= 1 => binary(builder, &ensemble, row, classes, base, post)?,
                _ => {
                    let sums = ensemble.lower(builder, row, classes.len(), Aggregate::Sum, base)?;
                    // Scores feed several lanes: not with one term a tree.
                    let sums = if sums.len() > 2 { builder.compact(&sums)? } else { sums };
                    (post::label(builder, &sums, classes)?, post.apply(builder, &sums)?)
                }
            };
            labels.push(label);
            scores.push(score);
        }
        Ok(vec![Value::Live(Tensor::vector(labels)), matrix(call, scores)?])
    }
}

/// Label and scores of two classes of which one has weights.
fn binary(
    builder: &mut Builder<'_>,
    ensemble: &Ensemble,
    row: &[Form],
    classes: &[i64],
    base: &[f64],
    post: Post,
) -> Result<(Form, Vec<Form>), QuantError> {
    let target = ensemble.targets.first().copied().unwrap_or(0);
    let base = base.get(target.min(base.len().saturating_sub(1))).copied().unwrap_or(0.0);
    let sums = ensemble.lower(builder, row, 2, Aggregate::Sum, &[])?;
    let score = sums.get(target).cloned().unwrap_or_default().shifted(base);
    let threshold = if ensemble.positive { 0.5 } else { 0.0 };
    let bits = builder.positive(&[score.shifted(-threshold)])?;
    let label = post::either(bits.first().unwrap_or(&Form::default()), classes);
    let pair = |s: &Form, sum: f64| vec![s.scaled(-1.0).shifted(sum), s.clone()];
    let scores = match post {
        _ if ensemble.positive => pair(&score, 1.0),
        Post::Logistic => {
            let share = builder.curve(&[score], &crate::quant::curve::SIGMOID)?;
            share.first().map_or_else(Vec::new, |s| pair(s, 1.0))
        }
        _ => post.apply(builder, &pair(&score, 0.0))?,
    };
    Ok((label, scores))
}
