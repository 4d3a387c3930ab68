//! Selection by an index that depends on the inputs: one comparison for each row.
//!
//! With `e_i = 1` iff `index >= i`, row `index` of a table is `row_0 + Σ_i (row_i - row_{i-1}) e_i`: linear in the comparisons. An index beyond the
//! table's end takes the last row; a negative one counts from the end.

use crate::model::tensor::Tensor;
use crate::quant::QuantError;
use crate::quant::builder::Builder;
use crate::quant::form::Form;

use crate::ops::{Call, Value};

/// `e_1 … e_{size - 1}` for each index.
fn thresholds(builder: &mut Builder<'_>, index: &[Form], size: usize) -> Result<Vec<Vec<Form>>, QuantError> {
    let negative: Vec<Form> = index.iter().map(|i| i.shifted(0.5)).collect();
    let signs = builder.sign(&negative)?;
    let mut differences = Vec::with_capacity(index.len() * size.saturating_sub(1));
    for (i, sign) in index.iter().zip(&signs) {
        let wrapped = i.plus(&sign.scaled(-1.0).shifted(1.0).scaled(size as f64));
        differences.extend((1..size).map(|row| wrapped.shifted(0.5 - row as f64)));
    }
    let steps = builder.sign(&differences)?;
    if size < 2 {
        return Ok(vec![Vec::new(); index.len()]);
    }
    Ok(steps.chunks(size - 1).map(<[Form]>::to_vec).collect())
}

/// For each index, `size` forms of which the one at the index is 1 and the others 0.
pub(super) fn one_hot(builder: &mut Builder<'_>, index: &[Form], size: usize) -> Result<Vec<Vec<Form>>, QuantError> {
    // An index outside leaves no row hot, so both ends are compared too.
    let shifted: Vec<Form> = index.iter().map(|i| i.shifted(0.5)).collect();
    let signs = builder.sign(&shifted)?;
    let mut differences = Vec::with_capacity(index.len() * (size + 1));
    for (i, sign) in index.iter().zip(&signs) {
        let wrapped = i.plus(&sign.scaled(-1.0).shifted(1.0).scaled(size as f64));
        differences.extend((0..=size).map(|row| wrapped.shifted(0.5 - row as f64)));
    }
    let steps = builder.sign(&differences)?;
    let hot = |e: &[Form]| e.windows(2).map(|w| w[0].plus(&w[1].scaled(-1.0))).collect();
    Ok(steps.chunks(size + 1).map(hot).collect())
}

/// Gather along `axis` by an index that depends on the inputs; `shape` is the result's.
pub(super) fn gather(
    builder: &mut Builder<'_>,
    call: &Call<'_>,
    value: &Value,
    index: &Tensor<Form>,
    axis: usize,
    shape: Vec<usize>,
) -> Result<Value, QuantError> {
    let data = value.forms().ok_or_else(|| call.refuse("integers beyond 2^53"))?;
    let size = value.shape()[axis];
    let inner: usize = value.shape()[axis + 1..].iter().product();
    let outer: usize = value.shape()[..axis].iter().product();
    if size == 0 || index.is_empty() || inner == 0 || outer == 0 {
        return Err(call.refuse("a tensor is empty"));
    }
    let steps = thresholds(builder, index.data(), size)?;
    let mut results = Vec::with_capacity(outer * index.len() * inner);
    for block in data.data().chunks(size * inner) {
        for steps in &steps {
            results.extend(select(builder, block, steps, inner)?);
        }
    }
    Tensor::new(shape, results).map(Value::Live).ok_or_else(|| call.refuse("the sizes do not fit"))
}

/// The row of `block` (rows of `inner` elements) that the comparisons choose.
fn select(builder: &mut Builder<'_>, block: &[Form], steps: &[Form], inner: usize) -> Result<Vec<Form>, QuantError> {
    let row = |i: usize| &block[i * inner..(i + 1) * inner];
    let mut sums = row(0).to_vec();
    let difference = |column: usize, i: usize| row(i + 1)[column].plus(&row(i)[column].scaled(-1.0));
    if let Some(constants) = block.iter().map(Form::as_constant).collect::<Option<Vec<f64>>>() {
        let at = |row: usize, column: usize| constants[row * inner + column];
        let matrix = (0..inner).flat_map(|c| (0..steps.len()).map(move |i| at(i + 1, c) - at(i, c)));
        let matrix: Vec<f64> = matrix.collect();
        if steps.is_empty() {
            return Ok(sums);
        }
        let products = builder.product(&matrix, steps)?;
        return Ok(sums.iter().zip(&products).map(|(first, p)| first.plus(p)).collect());
    }
    for (i, step) in steps.iter().enumerate() {
        let differences: Vec<Form> = (0..inner).map(|column| difference(column, i)).collect();
        let chosen = builder.multiply(&differences, &vec![step.clone(); inner])?;
        for (sum, part) in sums.iter_mut().zip(&chosen) {
            *sum = sum.plus(part);
        }
    }
    Ok(sums)
}
