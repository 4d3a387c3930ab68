//! Shared by the support vector machines: kernels between a row and the support vectors.
//!
//! | kernel | | cost a support vector |
//! |---|---|---|
//! | LINEAR | `v · x` | free |
//! | POLY | `(γ v · x + c)^d` | `log2 d` products or more |
//! | RBF | `exp(−γ ‖v − x‖²)`, from `‖x‖²`, `v · x` and one table | a function |
//! | SIGMOID | `tanh(γ v · x + c)` | a function |

use crate::quant::QuantError;
use crate::quant::builder::Builder;
use crate::quant::curve::TANH;
use crate::quant::form::Form;

use crate::ops::Call;

use super::attributes::{reals, text};

/// Largest degree of a polynomial kernel.
const MAX_DEGREE: f64 = 16.0;

/// `k(v, x)` for each support vector `v`, row-major in `vectors`.
pub(super) fn kernels(
    builder: &mut Builder<'_>,
    call: &Call<'_>,
    row: &[Form],
    vectors: &[f64],
) -> Result<Vec<Form>, QuantError> {
    let width = row.len();
    if vectors.is_empty() || !vectors.len().is_multiple_of(width) {
        return Err(call.refuse(format!("{} values of support vectors for {width} features", vectors.len())));
    }
    let parameters = reals(call, "kernel_params")?;
    let at = |i: usize, default: f64| parameters.get(i).copied().unwrap_or(default);
    let (gamma, shift, degree) = (at(0, 1.0), at(1, 0.0), at(2, 3.0));
    let kind = text(call, "kernel_type", "LINEAR")?;
    let products = builder.product(vectors, row)?;
    let inner: Vec<Form> = products.iter().map(|f| f.scaled(gamma).shifted(shift)).collect();
    match kind {
        "LINEAR" => Ok(products),
        "SIGMOID" => builder.curve(&inner, &TANH),
        "POLY" => {
            if degree.fract() != 0.0 || !(1.0..=MAX_DEGREE).contains(&degree) {
                return Err(call.refuse(format!("a polynomial kernel of degree {degree}")));
            }
            power(builder, inner, degree as u32)
        }
        "RBF" => {
            // −γ (‖v‖² − 2 v · x + ‖x‖²)
            let squares = builder.multiply(row, row)?;
            let length = squares.iter().fold(Form::constant(0.0), |sum, f| sum.plus(f));
            let length = builder.compact(&[length])?.pop().unwrap_or_default();
            let distance = |(v, p): (&[f64], &Form)| {
                let own = v.iter().map(|c| c * c).sum::<f64>();
                p.scaled(2.0 * gamma).plus(&length.scaled(-gamma)).shifted(-gamma * own)
            };
            let exponents: Vec<Form> = vectors.chunks(width).zip(&products).map(distance).collect();
            builder.decays(&exponents)
        }
        other => Err(call.refuse(format!("kernel_type {other}"))),
    }
}

/// `x^degree` for each form.
fn power(builder: &mut Builder<'_>, x: Vec<Form>, degree: u32) -> Result<Vec<Form>, QuantError> {
    let x = builder.compact(&x)?;
    let mut result = x.clone();
    // The bits of the degree below its highest, from above.
    for bit in (0..degree.ilog2()).rev() {
        result = builder.multiply(&result, &result)?;
        if (degree >> bit) & 1 == 1 {
            result = builder.multiply(&result, &x)?;
        }
    }
    Ok(result)
}
