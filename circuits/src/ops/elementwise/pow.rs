//! `x ^ y`, broadcast. Whole exponents by products, halves by roots, others from a table over `x >= 0`; a constant base, or a base that depends on the inputs and is positive, by exponential and
//! logarithm, held at `e^9` with a flag.

use std::collections::BTreeMap;

use crate::quant::QuantError;
use crate::quant::builder::Builder;
use crate::quant::curve::Function1;
use crate::quant::form::Form;

use crate::ops::activation::logarithm;
use crate::ops::elementwise::{least, zipped};
use crate::ops::{Call, Op, Value};

/// Largest whole exponent that is done by products.
const MOST_PRODUCTS: f64 = 16.0;

/// Exponents of `e` may lie so far beyond the largest seen.
const MARGIN: f64 = 3.0;
/// `e^9` is 8103.
const MOST_EXPONENT: f64 = 9.0;

/// Where exponents of `e` beyond this were seen, powers are squares of roots.
const STEEP: f64 = 4.5;

/// See the module's head.
pub(super) struct Pow;

/// `x^n` by squaring; `n` at least 1.
fn whole_power(builder: &mut Builder<'_>, x: &[Form], n: u32) -> Result<Vec<Form>, QuantError> {
    if n <= 1 {
        return Ok(x.to_vec());
    }
    let half = whole_power(builder, x, n / 2)?;
    let square = builder.multiply(&half, &half)?;
    if n.is_multiple_of(2) { Ok(square) } else { builder.multiply(&square, x) }
}

/// `x^p` for a constant `p`.
pub(in crate::ops) fn power(builder: &mut Builder<'_>, x: &[Form], p: f64) -> Result<Vec<Form>, QuantError> {
    let size = p.abs();
    if p == 0.0 {
        return Ok(vec![Form::constant(1.0); x.len()]);
    }
    let direct = if size.fract() == 0.0 && size <= MOST_PRODUCTS {
        Some(whole_power(builder, x, size as u32)?)
    } else if size == 0.5 {
        Some(builder.sqrt(x)?)
    } else if size == 1.5 {
        let root = builder.sqrt(x)?;
        Some(builder.multiply(&root, x)?)
    } else {
        None
    };
    match direct {
        Some(result) if p > 0.0 => Ok(result),
        Some(result) => builder.reciprocal(&result),
        None => {
            // A whole exponent keeps the sign or drops it; others have no value below 0.
            let from = if p > 0.0 && p.fract() == 0.0 {
                f64::NEG_INFINITY
            } else if p > 0.0 {
                0.0
            } else {
                least(builder, x)
            };
            let f = Function1::new(format!("power {p}"), move |x| libm::pow(x, p)).on(from, f64::INFINITY);
            builder.function(x, &f)
        }
    }
}

/// `base^y` for a constant, positive base.
fn exponential(builder: &mut Builder<'_>, base: f64, y: &[Form]) -> Result<Vec<Form>, QuantError> {
    let rate = libm::log(base);
    let scaled: Vec<Form> = y.iter().map(|f| f.scaled(rate)).collect();
    let steep = scaled.iter().filter_map(|f| builder.calibrated_range(f)).any(|range| range.1 > STEEP);
    if steep { by_roots(builder, &scaled) } else { builder.function(&scaled, &Function1::new("exp", libm::exp)) }
}

/// `e^y` as the square of `e^(y/2)`: the root's table covers half the range in bits, so small powers keep more of them.
fn by_roots(builder: &mut Builder<'_>, exponents: &[Form]) -> Result<Vec<Form>, QuantError> {
    let most = most_exponent(builder, exponents);
    let halves: Vec<Form> = exponents.iter().map(|f| f.scaled(0.5)).collect();
    let exp = Function1::new("exp", libm::exp).on(f64::NEG_INFINITY, most / 2.0);
    let roots = builder.function(&halves, &exp)?;
    builder.multiply(&roots, &roots)
}

/// Larger exponents of `e` are held there, with a flag: a bit more than was seen, but no more than answers have room for, since a power of a base near
/// 0 or below, which a sample may be, says nothing.
fn most_exponent(builder: &Builder<'_>, exponents: &[Form]) -> f64 {
    let top = exponents.iter().filter_map(|f| builder.calibrated_range(f)).map(|r| r.1).reduce(f64::max);
    top.map_or(MOST_EXPONENT, |top| (top + MARGIN).min(MOST_EXPONENT))
}

impl Op for Pow {
    fn name(&self) -> &'static str {
        "Pow"
    }

    fn accepts(&self) -> &'static str {
        "two tensors of numbers that broadcast; a constant base must be positive where the exponent depends on the inputs"
    }

    fn lower(&self, builder: &mut Builder<'_>, call: &Call<'_>) -> Result<Vec<Value>, QuantError> {
        zipped(call, |x, y| {
            let mut results = vec![Form::default(); x.len()];
            // Elements by constant exponent, by constant base, and those that have neither.
            let mut exponents: BTreeMap<u64, Vec<usize>> = BTreeMap::new();
            let mut bases: BTreeMap<u64, Vec<usize>> = BTreeMap::new();
            let mut free = Vec::new();
            for (i, (a, b)) in x.iter().zip(y).enumerate() {
                match (a.as_constant(), b.as_constant()) {
                    (Some(a), Some(b)) => {
                        let value = libm::pow(a, b);
                        if !value.is_finite() {
                            return Err(call.refuse(format!("{a} to the power {b} is no number")));
                        }
                        results[i] = Form::constant(value);
                    }
                    (None, Some(p)) => exponents.entry(p.to_bits()).or_default().push(i),
                    (Some(base), None) if base > 0.0 => bases.entry(base.to_bits()).or_default().push(i),
                    (Some(base), None) => return Err(call.refuse(format!("the constant base is {base}"))),
                    (None, None) => free.push(i),
                }
            }
            let pick = |from: &[Form], at: &[usize]| at.iter().map(|&i| from[i].clone()).collect::<Vec<Form>>();
            let mut done: Vec<(usize, Form)> = Vec::new();
            for (p, at) in exponents {
                done.extend(at.iter().copied().zip(power(builder, &pick(x, &at), f64::from_bits(p))?));
            }
            for (base, at) in bases {
                done.extend(at.iter().copied().zip(exponential(builder, f64::from_bits(base), &pick(y, &at))?));
            }
            if !free.is_empty() {
                let logs = logarithm(builder, &pick(x, &free))?;
                let exponents = builder.multiply(&logs, &pick(y, &free))?;
                let values = by_roots(builder, &exponents)?;
                done.extend(free.into_iter().zip(values));
            }
            for (i, form) in done {
                results[i] = form;
            }
            Ok(results)
        })
    }
}

#[cfg(test)]
mod tests {
    use crate::model::fixture::{OnnxBuilder, int};
    use crate::testing::conformance::{Case, op_conformance};

    fn by_exponents(exponents: &[f32]) -> Vec<u8> {
        let n = exponents.len() as i64;
        let mut m = OnnxBuilder::new(&[1, n]);
        m.weights("p", &[n], exponents).node("Pow", &["x", "p"], "y", vec![]).bytes(&[1, n])
    }

    fn by_base() -> Vec<u8> {
        let mut m = OnnxBuilder::new(&[1, 2]);
        m.weights("b", &[], &[2.0]).weights("k", &[1, 2], &[0.5, 0.25]).weights("one", &[], &[1.5]);
        m.node("Pow", &["b", "x"], "e", vec![]);
        m.node("Mul", &["x", "k"], "h", vec![]).node("Pow", &["e", "h"], "y", vec![]).bytes(&[1, 2])
    }

    fn free() -> Vec<u8> {
        let mut m = OnnxBuilder::new(&[1, 4]);
        m.ints("front", &[0, 1]).ints("back", &[2, 3]);
        m.node("Gather", &["x", "front"], "a", vec![int("axis", 1)]).node(
            "Gather",
            &["x", "back"],
            "b",
            vec![int("axis", 1)],
        );
        m.node("Pow", &["a", "b"], "y", vec![]).bytes(&[1, 2])
    }

    fn powers(rows: [[f64; 4]; 2]) -> Vec<Vec<f64>> {
        rows.iter().map(|[a, b, p, q]| vec![a.powf(*p), b.powf(*q)]).collect()
    }

    op_conformance! {
        of_two_inputs: Case::new(free(), vec![vec![1.5, 2.0, -1.25, 1.5], vec![0.5, 2.5, 0.75, -0.5]])
            .expecting(powers([[1.5, 2.0, -1.25, 1.5], [0.5, 2.5, 0.75, -0.5]])),
        whole_exponents: Case::new(by_exponents(&[2.0, 3.0, 4.0, 1.0, 0.0]), vec![vec![1.5, -2.0, 1.25, 3.0, 0.5], vec![-1.5, 2.0, -1.25, -3.0, -0.5]]),
        other_exponents: Case::new(by_exponents(&[0.5, -0.5, -1.0, -2.0, 1.5]), vec![vec![1.5, 2.0, 1.25, 3.0, 0.5], vec![0.5, 1.0, 2.25, 1.0, 2.5]]),
        odd_exponents: Case::new(by_exponents(&[0.3, 2.2, -0.7]), vec![vec![1.5, 2.0, 1.25], vec![0.5, 0.1, 2.25], vec![2.0, 1.0, 3.0]]),
        powers_of_a_base: Case::new(by_base(), vec![vec![1.5, -2.0], vec![0.25, 1.0]]),
    }
}
