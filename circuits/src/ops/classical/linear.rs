//! Shared by the linear models: `coefficients · x + intercepts`.

use crate::quant::QuantError;
use crate::quant::builder::Builder;
use crate::quant::form::Form;

use crate::ops::Call;

use super::attributes::reals;

/// One row's scores, one for each of `count` rows of coefficients.
pub(super) fn scores(
    builder: &mut Builder<'_>,
    call: &Call<'_>,
    row: &[Form],
    width: usize,
    count: usize,
) -> Result<Vec<Form>, QuantError> {
    let (coefficients, intercepts) = (reals(call, "coefficients")?, reals(call, "intercepts")?);
    if count == 0 || Some(coefficients.len()) != count.checked_mul(width) {
        let got = coefficients.len();
        return Err(call.refuse(format!("{got} coefficients, expected {width} for each of {count}")));
    }
    if !intercepts.is_empty() && intercepts.len() != count {
        return Err(call.refuse(format!("{} intercepts for {count}", intercepts.len())));
    }
    let products = builder.product(coefficients, row)?;
    let shifted = products.iter().enumerate().map(|(i, f)| f.shifted(intercepts.get(i).copied().unwrap_or(0.0)));
    Ok(shifted.collect())
}
