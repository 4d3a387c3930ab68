//! Softmax and LogSoftmax along one axis (up to opset 12: over all dimensions from the axis on). A row's maximum takes two lanes an element where the row may spread widely; then an
//! exponential from a table and a product an element, and one reciprocal or logarithm a row. Scores of one unit are compared as they are, however wide (see `quant/shares.rs`).

use crate::model::tensor::Tensor;
use crate::quant::QuantError;
use crate::quant::builder::Builder;
use crate::quant::curve::Function1;
use crate::quant::form::Form;

use crate::ops::activation::log::logarithm;
use crate::ops::{Call, Op, Value};

/// Rows that spread less than this need no maximum.
const NARROW: f64 = 2.0;
/// The sum of a row's exponentials is at least `exp(0)`, less what tables and rounding lose.
const LEAST_SUM: f64 = 0.98;

/// Softmax, or its logarithm.
pub(super) enum Softmax {
    /// The logarithm.
    Log,
    /// The distribution itself.
    Plain,
}

/// The rows along which an op of the Softmax family works, and for each row which elements of the tensor they are.
pub(super) fn rows(call: &Call<'_>, x: &Tensor<Form>) -> Result<Vec<Vec<usize>>, QuantError> {
    let rank = x.shape().len();
    let flat = call.node().opset < 13;
    let axis = call.int("axis", if flat { 1 } else { -1 })?;
    // Up to opset 12 the axis may be the rank: rows of one element.
    let axis = if flat && axis == rank as i64 { rank } else { call.axis(axis, rank)? };
    let (before, after) = x.shape().split_at(axis);
    let outer: usize = before.iter().product();
    let (width, inner) = match after.split_first() {
        Some(_) if flat => (after.iter().product(), 1),
        Some((width, rest)) => (*width, rest.iter().product()),
        None => (1, 1),
    };
    let row = |i: usize, j: usize| (0..width).map(|k| (i * width + k) * inner + j).collect();
    Ok((0..outer).flat_map(|i| (0..inner).map(move |j| (i, j))).map(|(i, j)| row(i, j)).collect())
}

/// Values in rows as long as others.
fn regrouped(like: &[Vec<Form>], values: Vec<Form>) -> Vec<Vec<Form>> {
    let mut values = values.into_iter();
    like.iter().map(|row| values.by_ref().take(row.len()).collect()).collect()
}

/// The largest form of each row.
fn largest(builder: &mut Builder<'_>, rows: Vec<Vec<Form>>) -> Result<Vec<Form>, QuantError> {
    let mut rows = rows;
    while rows.iter().any(|r| r.len() > 1) {
        let (mut left, mut right) = (Vec::new(), Vec::new());
        let (mut lo, mut hi) = (f64::INFINITY, f64::NEG_INFINITY);
        for row in &rows {
            for pair in row.chunks_exact(2) {
                let (a, b) = (builder.interval(&pair[0]), builder.interval(&pair[1]));
                (lo, hi) = (lo.min(a.0).min(b.0), hi.max(a.1).max(b.1));
                left.push(pair[0].clone());
                right.push(pair[1].clone());
            }
        }
        // The maximum of two is no larger than both can be, which its form does not say.
        let found = builder.maximum(&left, &right)?;
        let mut found = builder.clip(&found, lo, hi)?.into_iter();
        for row in &mut rows {
            let pairs = row.len() / 2;
            let odd = if row.len() % 2 == 1 { row.pop() } else { None };
            *row = found.by_ref().take(pairs).chain(odd).collect();
        }
    }
    Ok(rows.into_iter().flatten().collect())
}

/// For each row: its elements less their maximum (or a bound of it), their exponentials, and the sum of these, which is never below `least`.
struct Exponentials {
    shifted: Vec<Vec<Form>>,
    values: Vec<Vec<Form>>,
    sums: Vec<Form>,
    least: f64,
}

impl Exponentials {
    /// The sums, held at what they cannot be below.
    fn held_sums(&self, builder: &mut Builder<'_>) -> Result<Vec<Form>, QuantError> {
        if self.least > 0.0 { builder.clip(&self.sums, self.least, f64::INFINITY) } else { Ok(self.sums.clone()) }
    }
}

/// Below the largest of its row by this much, an element weighs nothing: `exp(-40) < 2^-57`.
const NOTHING: f64 = 40.0;

/// Which elements of a row may weigh anything, whatever the input: not those that a mask has put far below the others.
fn weighty(builder: &Builder<'_>, row: &[Form]) -> Vec<bool> {
    let ends: Vec<(f64, f64)> = row.iter().map(|f| builder.interval(f)).collect();
    let least = ends.iter().fold(f64::NEG_INFINITY, |m, e| m.max(e.0));
    ends.iter().map(|e| e.1 >= least - NOTHING).collect()
}

/// Nothing is above its maximum but by rounding.
fn exp() -> Function1 {
    Function1::new("exp up to 0", |x: f64| libm::exp(x.min(0.0)))
}

fn total(row: &[Form]) -> Form {
    row.iter().fold(Form::constant(0.0), |sum, f| sum.plus(f))
}

/// Below the largest of its row by this much, a table of exponentials is flat.
const FLAT: f64 = 12.0;

/// `held`: nothing but the exponentials is asked for, so that what lies far below may be held there.
fn exponentials(builder: &mut Builder<'_>, rows: Vec<Vec<Form>>, held: bool) -> Result<Exponentials, QuantError> {
    let ends = rows.iter().flatten().map(|f| builder.interval(f));
    let (lo, hi) = ends.fold((f64::INFINITY, f64::NEG_INFINITY), |r, i| (r.0.min(i.0), r.1.max(i.1)));
    let wide = hi - lo > NARROW;
    let exact = if wide && held { builder.below_largest(&rows, FLAT)? } else { None };
    if let Some(shifted) = exact {
        let values = regrouped(&shifted, builder.function(&shifted.concat(), &exp())?);
        let sums = values.iter().map(|row| total(row)).collect();
        return Ok(Exponentials { shifted, values, sums, least: LEAST_SUM });
    }
    let rows = if wide { regrouped(&rows, builder.compact(&rows.concat())?) } else { rows };
    let tops = if wide { largest(builder, rows.clone())? } else { vec![Form::constant(hi); rows.len()] };
    let mut shifted = Vec::with_capacity(rows.len());
    for (row, top) in rows.iter().zip(&tops) {
        let top = top.scaled(-1.0);
        shifted.push(row.iter().map(|f| f.plus(&top)).collect::<Vec<Form>>());
    }
    let values = regrouped(&shifted, builder.function(&shifted.concat(), &exp())?);
    let sums: Vec<Form> = values.iter().map(|row| total(row)).collect();
    Ok(Exponentials { shifted, values, sums, least: if wide { LEAST_SUM } else { 0.0 } })
}

impl Op for Softmax {
    fn name(&self) -> &'static str {
        match self {
            Self::Log => "LogSoftmax",
            Self::Plain => "Softmax",
        }
    }

    fn accepts(&self) -> &'static str {
        "one float tensor; axis an integer"
    }

    fn lower(&self, builder: &mut Builder<'_>, call: &Call<'_>) -> Result<Vec<Value>, QuantError> {
        let x = call.forms(0)?;
        let at = rows(call, &x)?;
        if x.is_empty() {
            return Ok(vec![Value::Live(x)]);
        }
        let mut data = vec![Form::constant(0.0); x.len()];
        let (mut kept, mut masked) = (Vec::with_capacity(at.len()), Vec::new());
        for row in at {
            let own: Vec<Form> = row.iter().map(|&i| x.data()[i].clone()).collect();
            let weighs = weighty(builder, &own);
            let (on, off): (Vec<(usize, bool)>, Vec<_>) = row.into_iter().zip(weighs).partition(|e| e.1);
            masked.push(off.into_iter().map(|e| e.0).collect::<Vec<usize>>());
            kept.push(on.into_iter().map(|e| e.0).collect::<Vec<usize>>());
        }
        let forms = |row: &Vec<usize>| row.iter().map(|&i| x.data()[i].clone()).collect::<Vec<Form>>();
        // A row of one element needs no table.
        let open: Vec<usize> = (0..kept.len()).filter(|&r| kept[r].len() > 1).collect();
        let held = matches!(self, Self::Plain);
        let found = exponentials(builder, open.iter().map(|&r| forms(&kept[r])).collect(), held)?;
        match self {
            Self::Plain => {
                for row in kept.iter().filter(|row| row.len() == 1) {
                    data[row[0]] = Form::constant(1.0);
                }
                let quotients = match builder.parts_of_sums(&found.values)? {
                    Some(shares) => shares.concat(),
                    None => {
                        let sums = found.held_sums(builder)?;
                        let bottoms =
                            found.values.iter().zip(&sums).flat_map(|(row, sum)| vec![sum.clone(); row.len()]);
                        builder.divide(&found.values.concat(), &bottoms.collect::<Vec<Form>>())?
                    }
                };
                for (&i, quotient) in open.iter().flat_map(|&r| &kept[r]).zip(quotients) {
                    data[i] = quotient;
                }
            }
            Self::Log => {
                let sums = found.held_sums(builder)?;
                let logs = logarithm(builder, &sums)?;
                for ((&r, row), log) in open.iter().zip(&found.shifted).zip(&logs) {
                    for (&i, f) in kept[r].iter().zip(row) {
                        data[i] = f.plus(&log.scaled(-1.0));
                    }
                }
                // What is far below, is far below the maximum as well.
                for (r, row) in masked.iter().enumerate() {
                    let Some(&top) = kept[r].first() else { continue };
                    for &i in row {
                        let less = data[top].plus(&x.data()[top].scaled(-1.0));
                        data[i] = x.data()[i].plus(&less);
                    }
                }
            }
        }
        crate::ops::elementwise::live(call, x.shape().to_vec(), data)
    }
}

#[cfg(test)]
mod tests {
    use crate::model::fixture::{OnnxBuilder, int};
    use crate::testing::conformance::{Case, op_conformance};

    fn model(op: &str, shape: &[i64], axis: i64, opset: i64) -> Vec<u8> {
        let mut m = OnnxBuilder::new(shape);
        m.model.opset_import[0].version = opset;
        m.node(op, &["x"], "y", vec![int("axis", axis)]).bytes(shape)
    }

    fn inputs() -> Vec<Vec<f64>> {
        vec![vec![1.0, -2.0, 3.5, -0.5, -4.0, 0.0], vec![9.0, -7.0, 3.5, 3.5, 3.5, 3.25], vec![0.0; 6]]
    }

    fn narrow() -> Vec<Vec<f64>> {
        vec![vec![0.25, -0.125, 0.0], vec![0.0, 0.25, 0.25]]
    }

    /// A causal mask, added; the first row is left with one element.
    fn masked(op: &str, below: f32) -> Case {
        let mut m = OnnxBuilder::new(&[3, 3]);
        m.weights("mask", &[3, 3], &[0.0, below, below, 0.0, 0.0, below, 0.0, 0.0, 0.0]);
        m.weights("seen", &[3, 3], &[1.0, 0.0, 0.0, 1.0, 1.0, 0.0, 1.0, 1.0, 1.0]);
        m.node("Add", &["x", "mask"], "s", vec![]).node(op, &["s"], "p", vec![int("axis", -1)]);
        let inputs: Vec<Vec<f64>> = vec![
            vec![1.0, -2.0, 3.5, -0.5, -4.0, 0.0, 9.0, -7.0, 3.5],
            vec![0.0, 9.0, 9.0, 1.0, 1.5, 9.0, 0.25, 0.0, -0.5],
        ];
        // Without the masked logarithms, which have no range.
        let log = op == "LogSoftmax";
        let row = |x: &[f64], r: usize| {
            let sum: f64 = x[..=r].iter().map(|v| v.exp()).sum();
            let weight = |c: usize| if log { x[c] - sum.ln() } else { x[c].exp() / sum };
            (0..3).map(|c| if c <= r { weight(c) } else { 0.0 }).collect::<Vec<f64>>()
        };
        let want = inputs.iter().map(|x| (0..3).flat_map(|r| row(&x[3 * r..3 * r + 3], r)).collect()).collect();
        Case::new(m.node("Mul", &["p", "seen"], "y", vec![]).bytes(&[3, 3]), inputs).expecting(want)
    }

    op_conformance! {
        masked_by_infinity: masked("Softmax", f32::NEG_INFINITY),
        masked_by_a_billion: masked("Softmax", -1e9),
        masked_logarithm: masked("LogSoftmax", -1e4),
        rows: Case::new(model("Softmax", &[2, 3], -1, 13), inputs()),
        columns: Case::new(model("Softmax", &[2, 3], 0, 13), inputs()),
        flattened: Case::new(model("Softmax", &[1, 2, 3], 1, 11), inputs()),
        small_inputs: Case::new(model("Softmax", &[1, 3], 1, 13), narrow()),
        logarithm: Case::new(model("LogSoftmax", &[2, 3], 1, 13), inputs()),
    }
}
