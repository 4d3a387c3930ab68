//! Reductions along dimensions.
//!
//! | op | cost of `n` values |
//! |---|---|
//! | ReduceSum, ReduceMean | free |
//! | ReduceMax, ReduceMin | `n - 1` lanes and a few that keep ranges tight |
//! | ReduceProd, ReduceSumSquare | about `n` products |
//! | ReduceL1 | `n` lanes |
//! | ReduceL2 | as ReduceSumSquare, and a root |
//! | ReduceLogSum | a logarithm |
//! | ReduceLogSumExp | as ReduceMax, `n` exponentials and a logarithm |

use crate::model::tensor::Tensor;
use crate::quant::QuantError;
use crate::quant::builder::Builder;
use crate::quant::curve::Function1;
use crate::quant::form::Form;

use crate::ops::{Call, Op, Value};

use super::Groups;

/// Groups in, one form each out.
type Reduction = fn(&mut Builder<'_>, &[Vec<Form>]) -> Result<Vec<Form>, QuantError>;

/// One of the ops in the module's head.
pub(super) struct Reduce {
    name: &'static str,
    f: Reduction,
}

pub(super) const L1: Reduce = Reduce { name: "ReduceL1", f: |b, groups| each(groups, |g| absolute_sum(b, g)) };
pub(super) const L2: Reduce = Reduce {
    name: "ReduceL2",
    f: |b, groups| {
        let squares = each(groups, |g| square_sum(b, g))?;
        b.sqrt(&squares)
    },
};
pub(super) const LOG_SUM: Reduce = Reduce { name: "ReduceLogSum", f: log_sum };
pub(super) const LOG_SUM_EXP: Reduce = Reduce { name: "ReduceLogSumExp", f: log_sum_exp };
pub(super) const MAX: Reduce = Reduce { name: "ReduceMax", f: |b, groups| b.largest(groups) };
pub(super) const MEAN: Reduce =
    Reduce { name: "ReduceMean", f: |b, groups| each(groups, |g| weighted_sum(b, g, 1.0 / g.len() as f64)) };
pub(super) const MIN: Reduce = Reduce { name: "ReduceMin", f: smallest };
pub(super) const PROD: Reduce = Reduce { name: "ReduceProd", f: |b, groups| each(groups, |g| product(b, g)) };
pub(super) const SUM: Reduce = Reduce { name: "ReduceSum", f: |b, groups| each(groups, |g| weighted_sum(b, g, 1.0)) };
pub(super) const SUM_SQUARE: Reduce =
    Reduce { name: "ReduceSumSquare", f: |b, groups| each(groups, |g| square_sum(b, g)) };

impl Op for Reduce {
    fn name(&self) -> &'static str {
        self.name
    }

    fn accepts(&self) -> &'static str {
        "one tensor that is not empty and constant axes"
    }

    fn lower(&self, builder: &mut Builder<'_>, call: &Call<'_>) -> Result<Vec<Value>, QuantError> {
        let x = call.forms(0)?;
        let rank = x.shape().len();
        let axes = match call.axes(rank)?.filter(|axes| !axes.is_empty()) {
            Some(axes) => axes,
            None if call.int("noop_with_empty_axes", 0)? != 0 => Vec::new(),
            None => (0..rank).collect(),
        };
        let groups = Groups::new(call, &x, &axes, call.int("keepdims", 1)? != 0)?;
        let reduced = (self.f)(builder, &groups.values)?;
        let result = Tensor::new(groups.shape, reduced);
        Ok(vec![Value::Live(result.ok_or_else(|| call.refuse("the sizes do not fit"))?)])
    }
}

fn each(groups: &[Vec<Form>], f: impl FnMut(&Vec<Form>) -> Result<Form, QuantError>) -> Result<Vec<Form>, QuantError> {
    groups.iter().map(f).collect()
}

/// `weight · Σ x_i`
pub(super) fn weighted_sum(builder: &mut Builder<'_>, x: &[Form], weight: f64) -> Result<Form, QuantError> {
    let sums = builder.product(&vec![weight; x.len()], x)?;
    Ok(sums.into_iter().next().unwrap_or_default())
}

/// The smallest form of each group.
pub(super) fn smallest(builder: &mut Builder<'_>, groups: &[Vec<Form>]) -> Result<Vec<Form>, QuantError> {
    let negated: Vec<Vec<Form>> = groups.iter().map(|g| g.iter().map(|f| f.scaled(-1.0)).collect()).collect();
    Ok(builder.largest(&negated)?.iter().map(|f| f.scaled(-1.0)).collect())
}

/// Sums below a millionth of what they can be are taken for that, with a flag.
fn log_sum(builder: &mut Builder<'_>, groups: &[Vec<Form>]) -> Result<Vec<Form>, QuantError> {
    let sums = each(groups, |g| weighted_sum(builder, g, 1.0))?;
    let ends = sums.iter().map(|s| builder.interval(s));
    let (lo, hi) = ends.fold((f64::INFINITY, 0.0f64), |a, b| (a.0.min(b.0), a.1.max(b.1)));
    builder.function(&sums, &Function1::new("log", libm::log).on(lo.max(hi * 1e-6).max(1e-9), f64::INFINITY))
}

/// `m + log Σ exp(x_i - m)` with the largest `x_i` as `m`: the sum is at least 1.
fn log_sum_exp(builder: &mut Builder<'_>, groups: &[Vec<Form>]) -> Result<Vec<Form>, QuantError> {
    let largest = builder.largest(groups)?;
    let below = groups.iter().zip(&largest).flat_map(|(g, m)| g.iter().map(|x| x.plus(&m.scaled(-1.0))));
    let exp = Function1::new("exp up to 0", |x: f64| libm::exp(x.min(0.0)));
    let mut powers = builder.function(&below.collect::<Vec<_>>(), &exp)?.into_iter();
    let sums = each(groups, |g| weighted_sum(builder, &powers.by_ref().take(g.len()).collect::<Vec<_>>(), 1.0))?;
    let logs = builder.function(&sums, &Function1::new("log", libm::log).on(0.99, f64::INFINITY))?;
    Ok(largest.iter().zip(&logs).map(|(m, l)| m.plus(l)).collect())
}

fn absolute_sum(builder: &mut Builder<'_>, x: &[Form]) -> Result<Form, QuantError> {
    let absolute = builder.absolute(x)?;
    weighted_sum(builder, &absolute, 1.0)
}

fn square_sum(builder: &mut Builder<'_>, x: &[Form]) -> Result<Form, QuantError> {
    let squares = builder.multiply(x, x)?;
    weighted_sum(builder, &squares, 1.0)
}

fn product(builder: &mut Builder<'_>, x: &[Form]) -> Result<Form, QuantError> {
    let mut open = x.to_vec();
    while open.len() > 1 {
        let (pairs, odd) = open.as_chunks::<2>();
        let (a, b): (Vec<Form>, Vec<Form>) = pairs.iter().cloned().map(|[a, b]| (a, b)).unzip();
        let mut products = builder.multiply(&a, &b)?;
        products.extend_from_slice(odd);
        open = products;
    }
    Ok(open.into_iter().next().unwrap_or_else(|| Form::constant(1.0)))
}

#[cfg(test)]
mod tests {
    use crate::model::fixture::{OnnxBuilder, int, ints};
    use crate::testing::conformance::{Case, op_conformance};

    /// The op over `x[2, 3, 2]` along its last two dimensions.
    fn case(op: &str, expected: impl Fn(&[f64]) -> f64) -> Case {
        let mut model = OnnxBuilder::new(&[2, 3, 2]);
        let attributes = if op == "ReduceSum" { vec![] } else { vec![ints("axes", &[1, -1])] };
        let inputs = if op == "ReduceSum" { vec!["x", "axes"] } else { vec!["x"] };
        let onnx = model.ints("axes", &[1, -1]).node(op, &inputs, "y", attributes).bytes(&[2, 1, 1]);
        let inputs: Vec<Vec<f64>> = vec![
            vec![0.5, -1.25, 2.0, 1.5, 0.75, 1.0, -0.5, -2.5, 1.0, 0.25, -0.125, 3.0],
            vec![1.0, 1.0, 1.0, 1.0, 1.0, 1.0, -1.0, -2.0, -3.0, -1.5, -0.5, -2.5],
        ];
        let expected = inputs.iter().map(|x| x.chunks(6).map(&expected).collect()).collect();
        Case::new(onnx, inputs).expecting(expected)
    }

    fn everything() -> Case {
        let mut model = OnnxBuilder::new(&[2, 3]);
        let onnx = model.node("ReduceMean", &["x"], "y", vec![int("keepdims", 0)]).bytes(&[]);
        Case::new(onnx, vec![vec![1.0, 2.0, 3.0, -4.0, 5.0, 6.0]])
    }

    fn positive() -> Case {
        let mut model = OnnxBuilder::new(&[2, 3]);
        let onnx = model.node("ReduceLogSum", &["x"], "y", vec![ints("axes", &[1])]).bytes(&[2, 1]);
        let expected = vec![vec![6f64.ln(), 1.5f64.ln()], vec![3f64.ln(), 24f64.ln()]];
        Case::new(onnx, vec![vec![1.0, 2.0, 3.0, 0.5, 0.25, 0.75], vec![1.0, 1.0, 1.0, 8.0, 7.0, 9.0]])
            .expecting(expected)
    }

    op_conformance! {
        reduces_all_dimensions: everything(),
        sum: case("ReduceSum", |x| x.iter().sum()),
        mean: case("ReduceMean", |x| x.iter().sum::<f64>() / 6.0),
        max: case("ReduceMax", |x| x.iter().copied().fold(f64::MIN, f64::max)),
        min: case("ReduceMin", |x| x.iter().copied().fold(f64::MAX, f64::min)),
        product: case("ReduceProd", |x| x.iter().product()),
        l1: case("ReduceL1", |x| x.iter().map(|v| v.abs()).sum()),
        l2: case("ReduceL2", |x| x.iter().map(|v| v * v).sum::<f64>().sqrt()),
        log_sum_exp: case("ReduceLogSumExp", |x| x.iter().map(|v| v.exp()).sum::<f64>().ln()),
        log_sum: positive(),
        sum_square: case("ReduceSumSquare", |x| x.iter().map(|v| v * v).sum()),
    }
}
