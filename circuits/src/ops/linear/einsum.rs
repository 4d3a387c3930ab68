//! Sums of products by the notation of Einstein, for any number of operands: pairs become batched matrix products. Free where at most one factor is
//! live; see `product.rs`.

use std::collections::{BTreeMap, BTreeSet};

use crate::model::Attribute;
use crate::model::tensor::{Tensor, elements};
use crate::quant::QuantError;
use crate::quant::builder::Builder;
use crate::quant::form::Form;

use crate::ops::{Call, Op, Value};

/// See the module's head.
pub(super) struct Einsum;

/// A letter of the equation; the dimensions of an ellipsis have numbers from [`ELLIPSIS`] on, counted from the last one.
type Label = u32;
const ELLIPSIS: Label = 1 << 16;

#[derive(Clone)]
struct Operand {
    labels: Vec<Label>,
    value: Value,
}

impl Op for Einsum {
    fn name(&self) -> &'static str {
        "Einsum"
    }

    fn accepts(&self) -> &'static str {
        "float tensors and an equation of letters, commas, one `->` and ellipses"
    }

    fn lower(&self, builder: &mut Builder<'_>, call: &Call<'_>) -> Result<Vec<Value>, QuantError> {
        let equation = match call.node().attributes.get("equation") {
            Some(Attribute::Text(text)) => text.chars().filter(|c| !c.is_whitespace()).collect::<String>(),
            _ => return Err(call.refuse("the equation is missing")),
        };
        let (left, right) = match equation.split_once("->") {
            Some((left, right)) => (left, Some(right)),
            None => (equation.as_str(), None),
        };
        let parts: Vec<&str> = left.split(',').collect();
        if parts.len() != call.arity() {
            return Err(call.refuse(format!("`{equation}` has {} operands, the node {}", parts.len(), call.arity())));
        }
        let mut operands = Vec::with_capacity(parts.len());
        for (i, part) in parts.iter().enumerate() {
            let value = call.input(i)?;
            operands.push(Operand { labels: labels(call, part, Some(value.shape().len()))?, value: value.clone() });
        }
        let output = match right {
            Some(part) => {
                let dots = operands.iter().flat_map(|o| &o.labels).filter(|l| **l >= ELLIPSIS).max();
                let letters = part.chars().filter(char::is_ascii_alphabetic).count();
                let rank = letters + dots.map_or(0, |l| (l - ELLIPSIS + 1) as usize);
                labels(call, part, part.contains("...").then_some(rank))?
            }
            None => implied(&operands),
        };
        let result = contract(builder, call, operands, &output)?;
        Ok(vec![result])
    }
}

/// The labels of one operand of `rank` dimensions (`None`: as many as it has letters).
fn labels(call: &Call<'_>, part: &str, rank: Option<usize>) -> Result<Vec<Label>, QuantError> {
    let wrong = || call.refuse(format!("`{part}` does not fit an operand of {} dimensions", rank.unwrap_or(0)));
    let letters =
        |text: &str| text.chars().map(|c| c.is_ascii_alphabetic().then_some(u32::from(c))).collect::<Option<Vec<_>>>();
    let (before, after) = part.split_once("...").unwrap_or((part, ""));
    let (mut result, after) = (letters(before).ok_or_else(wrong)?, letters(after).ok_or_else(wrong)?);
    let rank = rank.unwrap_or(result.len() + after.len());
    let dots = rank.checked_sub(result.len() + after.len()).ok_or_else(wrong)?;
    if dots > 0 && !part.contains("...") || dots > 64 {
        return Err(wrong());
    }
    result.extend((0..dots as Label).rev().map(|i| ELLIPSIS + i));
    result.extend(after);
    Ok(result)
}

/// The output of an equation without `->`: the ellipsis, then all letters that occur once, in order.
fn implied(operands: &[Operand]) -> Vec<Label> {
    let mut counts: BTreeMap<Label, usize> = BTreeMap::new();
    for &label in operands.iter().flat_map(|o| &o.labels) {
        *counts.entry(label).or_insert(0) += 1;
    }
    let dots = counts.keys().rev().filter(|l| **l >= ELLIPSIS).copied();
    dots.chain(counts.iter().filter(|(l, n)| **l < ELLIPSIS && **n == 1).map(|(l, _)| *l)).collect()
}

fn contract(
    builder: &mut Builder<'_>,
    call: &Call<'_>,
    operands: Vec<Operand>,
    output: &[Label],
) -> Result<Value, QuantError> {
    let mut rest = operands.into_iter();
    let mut sum = rest.next().ok_or_else(|| call.refuse("there are no operands"))?;
    while let Some(next) = rest.next() {
        let mut keep: BTreeSet<Label> = output.iter().copied().collect();
        keep.extend(rest.as_slice().iter().flat_map(|o| &o.labels));
        sum = pair(builder, call, sum, next, &keep)?;
    }
    let sum = reduced(call, &sum, &output.iter().copied().collect())?;
    let order: Option<Vec<usize>> = output.iter().map(|l| sum.labels.iter().position(|s| s == l)).collect();
    let result = order.filter(|o| o.len() == sum.labels.len()).and_then(|o| sum.value.transposed(&o));
    result.ok_or_else(|| call.refuse("the output names a letter that no operand has, or one twice"))
}

/// The product of two operands, summed over the letters that both have and nobody needs afterwards.
fn pair(
    builder: &mut Builder<'_>,
    call: &Call<'_>,
    a: Operand,
    b: Operand,
    keep: &BTreeSet<Label>,
) -> Result<Operand, QuantError> {
    let needed = |other: &Operand| keep.iter().chain(&other.labels).copied().collect::<BTreeSet<Label>>();
    // A size of 1 broadcasts: it leaves the operand that has it.
    let (a, b) = (reduced(call, &a, &needed(&b))?, reduced(call, &b, &needed(&a))?);
    let (a, b) = (squeezed(call, &a, &b)?, squeezed(call, &b, &a)?);
    let (a, b) = (reduced(call, &a, &needed(&b))?, reduced(call, &b, &needed(&a))?);
    let shared = |l: &&Label| b.labels.contains(l);
    let batch: Vec<Label> = a.labels.iter().filter(shared).filter(|l| keep.contains(l)).copied().collect();
    let inner: Vec<Label> = a.labels.iter().filter(shared).filter(|l| !keep.contains(l)).copied().collect();
    let rows: Vec<Label> = a.labels.iter().filter(|l| !b.labels.contains(l)).copied().collect();
    let columns: Vec<Label> = b.labels.iter().filter(|l| !a.labels.contains(l)).copied().collect();
    let (left, sizes) = matrices(call, &a, [&batch, &rows, &inner])?;
    let (right, other) = matrices(call, &b, [&batch, &inner, &columns])?;
    let product = super::product::batched(builder, call, &left, &right, false)?;
    let shape = [sizes[0].as_slice(), &sizes[1], &other[2]].concat();
    let product = product.reshaped(shape).ok_or_else(|| call.refuse("sizes of one letter differ"))?;
    Ok(Operand { labels: [batch, rows, columns].concat(), value: Value::Live(product).folded(false) })
}

/// An operand as a batch of matrices, and the sizes of the letters of each of the three groups.
fn matrices(call: &Call<'_>, x: &Operand, groups: [&Vec<Label>; 3]) -> Result<(Value, [Vec<usize>; 3]), QuantError> {
    let wrong = || call.refuse("a letter is missing");
    let order: Option<Vec<usize>> =
        groups.iter().flat_map(|g| g.iter()).map(|l| x.labels.iter().position(|own| own == l)).collect();
    let turned = x.value.transposed(&order.ok_or_else(wrong)?).ok_or_else(wrong)?;
    let mut sizes = turned.shape().iter().copied();
    let sizes: [Vec<usize>; 3] = groups.map(|g| sizes.by_ref().take(g.len()).collect());
    let flat: Vec<usize> = sizes.iter().map(|s| s.iter().product()).collect();
    Ok((turned.reshaped(&flat).ok_or_else(wrong)?, sizes))
}

/// Without the dimensions of size 1 that the other operand has with a larger size.
fn squeezed(call: &Call<'_>, x: &Operand, other: &Operand) -> Result<Operand, QuantError> {
    let larger = |label: &Label| {
        let at = other.labels.iter().position(|l| l == label);
        at.is_some_and(|at| other.value.shape()[at] > 1)
    };
    let (mut labels, mut shape) = (Vec::new(), Vec::new());
    for (&label, &size) in x.labels.iter().zip(x.value.shape()) {
        if size != 1 || !larger(&label) {
            labels.push(label);
            shape.push(size);
        }
    }
    let value = x.value.reshaped(&shape).ok_or_else(|| call.refuse("sizes of one letter differ"))?;
    Ok(Operand { labels, value })
}

/// Repeated letters become diagonals; letters that nobody needs are summed.
fn reduced(call: &Call<'_>, x: &Operand, keep: &BTreeSet<Label>) -> Result<Operand, QuantError> {
    let mut labels: Vec<Label> = Vec::new();
    for label in &x.labels {
        if keep.contains(label) && !labels.contains(label) {
            labels.push(*label);
        }
    }
    if labels == x.labels {
        return Ok(x.clone());
    }
    let mut sizes: BTreeMap<Label, usize> = BTreeMap::new();
    for (&label, &size) in x.labels.iter().zip(x.value.shape()) {
        if *sizes.entry(label).or_insert(size) != size {
            return Err(call.refuse("a letter is repeated with different sizes"));
        }
    }
    let forms = x.value.forms().ok_or_else(|| call.refuse("an operand holds integers, expected floats"))?;
    let shape: Vec<usize> = labels.iter().map(|l| sizes[l]).collect();
    let count = elements(&shape).ok_or_else(|| call.refuse("an operand is too large"))?;
    let mut sums = vec![Form::default(); count];
    for (flat, form) in forms.data().iter().enumerate() {
        let (mut rest, mut at) = (flat, BTreeMap::new());
        let mut diagonal = true;
        for (&label, &size) in x.labels.iter().zip(forms.shape()).rev() {
            diagonal &= *at.entry(label).or_insert(rest % size) == rest % size;
            rest /= size;
        }
        if diagonal {
            let index = labels.iter().fold(0, |index, l| index * sizes[l] + at[l]);
            sums[index] = sums[index].plus(form);
        }
    }
    let value = Tensor::new(shape, sums).map(|t| Value::Live(t).folded(false));
    Ok(Operand { labels, value: value.ok_or_else(|| call.refuse("an operand has another size"))? })
}

#[cfg(test)]
mod tests {
    use crate::model::fixture::{OnnxBuilder, text};
    use crate::testing::conformance::{Case, op_conformance};

    fn inputs(count: usize) -> Vec<Vec<f64>> {
        vec![(0..count).map(|i| (i as f64 * 0.9).cos() * 2.0).collect(), (0..count).map(|i| i as f64 / 8.0).collect()]
    }

    fn one(equation: &str, x: &[i64], y: &[i64]) -> Case {
        let mut m = OnnxBuilder::new(x);
        let onnx = m.node("Einsum", &["x"], "y", vec![text("equation", equation)]).bytes(y);
        Case::new(onnx, inputs(x.iter().product::<i64>() as usize))
    }

    fn two(equation: &str, x: &[i64], w: &[i64], y: &[i64]) -> Case {
        let mut m = OnnxBuilder::new(x);
        m.random("w", w, 1.0);
        let onnx = m.node("Einsum", &["x", "w"], "y", vec![text("equation", equation)]).bytes(y);
        Case::new(onnx, inputs(x.iter().product::<i64>() as usize))
    }

    fn scores() -> Case {
        let mut m = OnnxBuilder::new(&[1, 2, 2, 3]);
        let onnx = m.node("Einsum", &["x", "x"], "y", vec![text("equation", "bqhd,bkhd->bhqk")]).bytes(&[1, 2, 2, 2]);
        Case::new(onnx, inputs(12))
    }

    /// tract has no repeated letters.
    fn diagonal() -> Case {
        let rows = inputs(9);
        let traces = rows.iter().map(|x| vec![x[0] + x[4] + x[8]]).collect();
        one("ii->", &[3, 3], &[]).expecting(traces)
    }

    op_conformance! {
        permutation: one("ijk->kij", &[2, 3, 2], &[2, 2, 3]),
        sum_of_a_letter: one("ij->j", &[2, 3], &[3]),
        repeated_letter: diagonal(),
        matrix_product_without_arrow: two("ij,jk", &[2, 3], &[3, 2], &[2, 2]),
        outer_product: two("i,j->ij", &[2], &[3], &[2, 3]),
        projection_of_heads: two("btd,dhk->bthk", &[1, 2, 3], &[3, 2, 2], &[1, 2, 2, 2]),
        attention_scores: scores(),
    }

    #[test]
    fn ellipses_broadcast() {
        let x = inputs(6);
        let mut m = OnnxBuilder::new(&[2, 1, 3]);
        m.weights("w", &[2, 3, 1], &[1.0, 2.0, 3.0, -1.0, 0.5, 0.25]);
        let onnx = m.node("Einsum", &["x", "w"], "y", vec![text("equation", "...ij,...jk->...ik")]).bytes(&[2, 1, 1]);
        let dot = |x: &[f64], w: [f64; 3]| x.iter().zip(w).map(|(x, w)| x * w).sum::<f64>();
        let expected = x.iter().map(|x| vec![dot(&x[..3], [1.0, 2.0, 3.0]), dot(&x[3..], [-1.0, 0.5, 0.25])]).collect();
        Case::new(onnx, x).expecting(expected).check();
    }
}
