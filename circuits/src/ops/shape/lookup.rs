//! Selection by an index that depends on the inputs. A negative index counts from the end; one beyond either end takes the row there.
//!
//! Two ways, of which a constant table takes the cheaper one:
//! - comparisons: with `e_i = 1` iff `index >= i`, row `index` is `row_0 + Σ_i (row_i - row_{i-1}) e_i`, linear in one lane for each row;
//! - [`Builder::lookup`]: a table of the circuit for each column, and one read for each element of the result.

use std::ops::Range;

use crate::model::tensor::Tensor;
use crate::quant::QuantError;
use crate::quant::builder::Builder;
use crate::quant::form::Form;

use crate::ops::{Call, Value};

/// Indices that are not negative where they mean a row.
fn wrapped(builder: &mut Builder<'_>, index: &[Form], size: usize) -> Result<Vec<Form>, QuantError> {
    let shifted: Vec<Form> = index.iter().map(|i| i.shifted(0.5)).collect();
    let signs = builder.sign(&shifted)?;
    let from_end = |s: &Form| s.scaled(-1.0).shifted(1.0).scaled(size as f64);
    Ok(index.iter().zip(&signs).map(|(i, s)| i.plus(&from_end(s))).collect())
}

/// For each index, `index >= row` as 1 or 0, for each of the rows.
fn comparisons(builder: &mut Builder<'_>, index: &[Form], rows: Range<usize>) -> Result<Vec<Vec<Form>>, QuantError> {
    let differences = index.iter().flat_map(|i| rows.clone().map(|row| i.shifted(0.5 - row as f64)));
    let mut steps = builder.sign(&differences.collect::<Vec<_>>())?.into_iter();
    Ok(index.iter().map(|_| steps.by_ref().take(rows.len()).collect()).collect())
}

/// For each index, `size` forms of which the one at the index is 1 and the others 0.
pub(super) fn one_hot(builder: &mut Builder<'_>, index: &[Form], size: usize) -> Result<Vec<Vec<Form>>, QuantError> {
    let index = wrapped(builder, index, size)?;
    // An index outside leaves no row hot, so both ends are compared too.
    let steps = comparisons(builder, &index, 0..size + 1)?;
    let hot = |e: &[Form]| e.windows(2).map(|w| w[0].plus(&w[1].scaled(-1.0))).collect();
    Ok(steps.iter().map(|e| hot(e)).collect())
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
    let index = wrapped(builder, index.data(), size)?;
    let mut results = Vec::with_capacity(outer * index.len() * inner);
    let constants: Option<Vec<f64>> = data.data().iter().map(Form::as_constant).collect();
    if let Some(constants) = constants.filter(|_| tables_are_cheaper(index.len(), size, outer * inner)) {
        let column = |c: usize| (0..size).map(|row| constants[(c / inner * size + row) * inner + c % inner]).collect();
        let tables: Vec<Vec<f64>> = (0..outer * inner).map(column).collect();
        let rows = builder.lookup(&index, &tables)?;
        for block in 0..outer {
            results.extend(rows.iter().flat_map(|row| row[block * inner..(block + 1) * inner].iter().cloned()));
        }
        return Tensor::new(shape, results).map(Value::Live).ok_or_else(|| call.refuse("the sizes do not fit"));
    }
    let steps = comparisons(builder, &index, 1..size)?;
    for block in data.data().chunks(size * inner) {
        for steps in &steps {
            results.extend(select(builder, block, steps, inner)?);
        }
    }
    Tensor::new(shape, results).map(Value::Live).ok_or_else(|| call.refuse("the sizes do not fit"))
}

/// Whether tables of `columns × size` entries, read once for each result, take fewer rows than one lane for each index and entry of a column, and the
/// results' sums of `size` operands (three to a row, shared by six).
fn tables_are_cheaper(indices: usize, size: usize, columns: usize) -> bool {
    columns * (size + indices) < indices * (size + columns * size.div_ceil(18))
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
