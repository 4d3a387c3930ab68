//! Shared by the family: what becomes of scores, and the label that they mean.

use crate::quant::QuantError;
use crate::quant::builder::Builder;
use crate::quant::curve::SIGMOID;
use crate::quant::form::Form;

use crate::ops::Call;

use super::attributes;

/// A transform of scores.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Post {
    /// The scores themselves.
    None,
    /// Each score by the logistic function.
    Logistic,
    /// Shares of exponentials.
    Softmax,
    /// As `Softmax`, with scores of exactly 0 kept at 0: only constants can be that.
    SoftmaxZero,
}

impl Post {
    /// The attribute `post_transform`.
    pub(super) fn of(call: &Call<'_>) -> Result<Self, QuantError> {
        match attributes::text(call, "post_transform", "NONE")? {
            "NONE" => Ok(Self::None),
            "LOGISTIC" => Ok(Self::Logistic),
            "SOFTMAX" => Ok(Self::Softmax),
            "SOFTMAX_ZERO" => Ok(Self::SoftmaxZero),
            other => Err(call.refuse(format!("post_transform {other}"))),
        }
    }

    /// The transformed scores of one row.
    pub(super) fn apply(self, builder: &mut Builder<'_>, scores: &[Form]) -> Result<Vec<Form>, QuantError> {
        match self {
            Self::None => Ok(scores.to_vec()),
            Self::Logistic => builder.curve(scores, &SIGMOID),
            Self::Softmax => builder.shares(scores),
            Self::SoftmaxZero => {
                let zero = |f: &Form| f.as_constant().is_some_and(|c| c.abs() <= 1e-7);
                let live: Vec<Form> = scores.iter().filter(|f| !zero(f)).cloned().collect();
                let mut shares = if live.is_empty() { Vec::new() } else { builder.shares(&live)? }.into_iter();
                let all = scores.iter().map(|f| if zero(f) { Some(f.clone()) } else { shares.next() });
                Ok(all.map(Option::unwrap_or_default).collect())
            }
        }
    }
}

/// A classifier's labels as integers: those of the file, or indices where it has none.
pub(super) fn labels(call: &Call<'_>, name: &str, count: usize) -> Result<Vec<i64>, QuantError> {
    match attributes::ints(call, name)? {
        [] => Ok((0..count as i64).collect()),
        given if given.len() == count => Ok(given.to_vec()),
        given => Err(call.refuse(format!("{} labels for {count} classes", given.len()))),
    }
}

/// The label of the largest score, the first one where several are.
pub(super) fn label(builder: &mut Builder<'_>, scores: &[Form], labels: &[i64]) -> Result<Form, QuantError> {
    let winners = builder.winners(scores)?;
    Ok(chosen(&winners, labels))
}

/// `Σ label_i · winner_i`, where exactly one winner is 1.
pub(super) fn chosen(winners: &[Form], labels: &[i64]) -> Form {
    let first = labels.first().map_or(0.0, |&l| l as f64);
    let parts = winners.iter().zip(labels).map(|(w, &l)| w.scaled(l as f64 - first));
    parts.fold(Form::constant(first), |sum, f| sum.plus(&f))
}

/// `labels[1]` where the bit is 1, else `labels[0]`.
pub(super) fn either(bit: &Form, labels: &[i64]) -> Form {
    let at = |i: usize| labels.get(i).map_or(i as f64, |&l| l as f64);
    bit.scaled(at(1) - at(0)).shifted(at(0))
}
