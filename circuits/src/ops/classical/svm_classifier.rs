//! Support vector machines for classes: every pair of classes votes (as in libsvm), or one linear score a class. Scores are the pairs' decisions, or
//! probabilities by Platt's logistic functions for two classes.
//!
//! Cost: the kernels', see `svm.rs`; one lane a pair for its vote, and a lane a pair of classes for the label.

use crate::model::tensor::Tensor;
use crate::quant::QuantError;
use crate::quant::builder::Builder;
use crate::quant::curve::SIGMOID;
use crate::quant::form::Form;

use crate::ops::{Call, Op, Value};

use super::attributes::{ints, reals};
use super::linear::scores;
use super::post::{self, Post};
use super::rows::{matrix, rows};
use super::svm::kernels;

/// See the module's head.
pub(super) struct SvmClassifier;

impl Op for SvmClassifier {
    fn name(&self) -> &'static str {
        "SVMClassifier"
    }

    fn domain(&self) -> &'static str {
        crate::model::onnx::ML_DOMAIN
    }

    fn accepts(&self) -> &'static str {
        "rows of features; LINEAR, POLY (degree 1 to 16), RBF or SIGMOID kernels; probabilities for two classes only; no PROBIT"
    }

    fn lower(&self, builder: &mut Builder<'_>, call: &Call<'_>) -> Result<Vec<Value>, QuantError> {
        let (rows, width) = rows(call, 0)?;
        let post = Post::of(call)?;
        let given = ints(call, "classlabels_ints")?;
        let per_class = ints(call, "vectors_per_class")?;
        let (mut labels, mut all) = (Vec::with_capacity(rows.len()), Vec::with_capacity(rows.len()));
        for row in &rows {
            let (label, scores) = if per_class.is_empty() {
                let count = reals(call, "coefficients")?.len() / width;
                let names = post::labels(call, "classlabels_ints", count)?;
                let rho = reals(call, "rho")?.first().copied().unwrap_or(0.0);
                let sums: Vec<Form> = scores(builder, call, row, width, count)?.iter().map(|s| s.shifted(rho)).collect();
                (post::label(builder, &sums, &names)?, post.apply(builder, &sums)?)
            } else {
                let decisions = decisions(builder, call, row, per_class)?;
                judged(builder, call, &decisions, per_class.len(), given, post)?
            };
            labels.push(label);
            all.push(scores);
        }
        Ok(vec![Value::Live(Tensor::vector(labels)), matrix(call, all)?])
    }
}

/// The decision of each pair `i < j` of classes, positive for `i`.
fn decisions(
    builder: &mut Builder<'_>,
    call: &Call<'_>,
    row: &[Form],
    per_class: &[i64],
) -> Result<Vec<Form>, QuantError> {
    let kernels = kernels(builder, call, row, reals(call, "support_vectors")?)?;
    let (coefficients, rho) = (reals(call, "coefficients")?, reals(call, "rho")?);
    let (n, classes) = (kernels.len(), per_class.len());
    let counts: Option<Vec<usize>> = per_class.iter().map(|&c| usize::try_from(c).ok()).collect();
    let counts = counts.filter(|c| c.iter().sum::<usize>() == n && classes > 1);
    let counts = counts.ok_or_else(|| call.refuse(format!("`vectors_per_class` does not share out {n} vectors")))?;
    let pairs = classes * (classes - 1) / 2;
    if coefficients.len() != n * (classes - 1) || rho.len() < pairs {
        let got = coefficients.len();
        return Err(call.refuse(format!("{got} coefficients and {} rho for {n} vectors of {classes} classes", rho.len())));
    }
    let starts: Vec<usize> = counts.iter().scan(0, |sum, &c| Some(std::mem::replace(sum, *sum + c))).collect();
    let mut matrix = vec![0.0; pairs * n];
    let mut pair = 0;
    for i in 0..classes {
        for j in i + 1..classes {
            let line = &mut matrix[pair * n..(pair + 1) * n];
            for (class, row) in [(i, j - 1), (j, i)] {
                for at in starts[class]..starts[class] + counts[class] {
                    line[at] += coefficients[row * n + at];
                }
            }
            pair += 1;
        }
    }
    let sums = builder.product(&matrix, &kernels)?;
    let sums: Vec<Form> = sums.iter().zip(rho).map(|(s, r)| s.shifted(*r)).collect();
    builder.compact(&sums)
}

/// Label and scores of a row, from the decisions of the pairs.
fn judged(
    builder: &mut Builder<'_>,
    call: &Call<'_>,
    decisions: &[Form],
    classes: usize,
    given: &[i64],
    post: Post,
) -> Result<(Form, Vec<Form>), QuantError> {
    let (a, b) = (reals(call, "prob_a")?, reals(call, "prob_b")?);
    let labels = post::labels(call, "classlabels_ints", classes)?;
    if !a.is_empty() {
        let ([a], [b], [decision], true) = (a, b, decisions, classes == 2) else {
            return Err(call.refuse(format!("probabilities of {classes} classes; leave them out, the label needs none")));
        };
        let first = builder.curve(&[decision.scaled(-a).shifted(-b)], &SIGMOID)?;
        let pair: Vec<Form> = first.iter().flat_map(|p| [p.clone(), p.scaled(-1.0).shifted(1.0)]).collect();
        return Ok((post::label(builder, &pair, &labels)?, pair));
    }
    let wins = builder.positive(decisions)?;
    let mut votes = vec![Form::constant(0.0); classes];
    let pairs = (0..classes).flat_map(|i| (i + 1..classes).map(move |j| (i, j)));
    for ((i, j), win) in pairs.zip(&wins) {
        votes[i] = votes[i].plus(win);
        votes[j] = votes[j].plus(&win.scaled(-1.0).shifted(1.0));
    }
    let label = match wins.as_slice() {
        [win] if given.len() <= 2 => post::either(&win.scaled(-1.0).shifted(1.0), &labels),
        _ => post::label(builder, &votes, &labels)?,
    };
    let scores = match decisions {
        // Two classes: the decision for the first one stands last.
        [one] => vec![one.scaled(-1.0), one.clone()],
        many => many.to_vec(),
    };
    Ok((label, post.apply(builder, &scores)?))
}
