//! Selection by an index that depends on the inputs. A negative index counts from the end; one beyond either end takes the row there.
//!
//! Two ways, of which a constant table takes the cheaper one:
//! - comparisons: with `e_i = 1` iff `index >= i`, row `index` is `row_0 + Σ_i (row_i - row_{i-1}) e_i`: linear in one lane for each row that the index
//!   may be, or a matrix product where the rows depend on the inputs too;
//! - [`Builder::lookup`]: a table of the circuit for each column, and one read for each element of the result.

use std::ops::Range;

use crate::model::tensor::{Tensor, elements};
use crate::quant::QuantError;
use crate::quant::builder::Builder;
use crate::quant::form::Form;

use crate::ops::{Call, Value};

/// Most comparisons that one node may need.
const MAX_COMPARISONS: usize = 1 << 20;

/// Indices that depend on the inputs, or did before they were found to be constant; `None` for constant integers.
pub(super) fn live(indices: &Value) -> Option<Tensor<Form>> {
    if matches!(indices, Value::Int(_)) { None } else { indices.forms() }
}

/// Indices that are not negative where they mean a row.
pub(super) fn wrapped(builder: &mut Builder<'_>, index: &[Form], size: usize) -> Result<Vec<Form>, QuantError> {
    let shifted: Vec<Form> = index.iter().map(|i| i.shifted(0.5)).collect();
    let signs = builder.sign(&shifted)?;
    let from_end = |s: &Form| s.scaled(-1.0).shifted(1.0).scaled(size as f64);
    Ok(index.iter().zip(&signs).map(|(i, s)| i.plus(&from_end(s))).collect())
}

/// For each index, `index >= row` as 1 or 0, for each of the rows.
pub(super) fn comparisons(
    builder: &mut Builder<'_>,
    index: &[Form],
    rows: Range<usize>,
) -> Result<Vec<Vec<Form>>, QuantError> {
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
    elements(&shape).ok_or_else(|| call.refuse(format!("a result of shape {shape:?} is too large")))?;
    let index = wrapped(builder, index.data(), size)?;
    let mut results = Vec::with_capacity(outer * index.len() * inner);
    let constants: Option<Vec<f64>> = data.data().iter().map(Form::as_constant).collect();
    let open = open_rows(builder, &index, size);
    if let Some(constants) = constants.filter(|_| tables_are_cheaper(index.len(), open, size, outer * inner)) {
        let column = |c: usize| (0..size).map(|row| constants[(c / inner * size + row) * inner + c % inner]).collect();
        let tables: Vec<Vec<f64>> = (0..outer * inner).map(column).collect();
        let rows = builder.lookup(&index, &tables)?;
        for block in 0..outer {
            results.extend(rows.iter().flat_map(|row| row[block * inner..(block + 1) * inner].iter().cloned()));
        }
        return Tensor::new(shape, results).map(Value::Live).ok_or_else(|| call.refuse("the sizes do not fit"));
    }
    affordable(call, index.len(), size)?;
    let steps = comparisons(builder, &index, 1..size)?;
    let pairs: Vec<(usize, usize)> = (0..outer).map(|block| (0, block)).collect();
    let results = selected(builder, &steps, data.data(), inner, &pairs)?;
    Tensor::new(shape, results).map(Value::Live).ok_or_else(|| call.refuse("the sizes do not fit"))
}

/// Whether so many indices of so many rows are few enough to compare.
///
/// # Errors
/// They are not.
pub(super) fn affordable(call: &Call<'_>, indices: usize, size: usize) -> Result<(), QuantError> {
    if indices.saturating_mul(size) <= MAX_COMPARISONS {
        return Ok(());
    }
    Err(call.refuse(format!(
        "{indices} indices that depend on the inputs, each of {size} rows; at most 2^20 comparisons are accepted"
    )))
}

/// Rows of all indices together that an index may be or not, by its interval.
fn open_rows(builder: &Builder<'_>, index: &[Form], size: usize) -> usize {
    let open = |form: &Form| {
        let (lo, hi) = builder.interval(form);
        let last = size as f64 - 1.0;
        (hi.clamp(0.0, last) - lo.clamp(0.0, last)).ceil().max(0.0) as usize
    };
    index.iter().map(open).sum()
}

/// Whether tables of `columns × size` entries, read once for each result, take fewer rows than one lane for each `open` comparison, and the
/// results' sums of as many operands (three to a row, shared by six).
fn tables_are_cheaper(indices: usize, open: usize, size: usize, columns: usize) -> bool {
    let operands = open.checked_div(indices).unwrap_or(0);
    columns * (size + indices) < open + indices * columns * operands.div_ceil(18)
}

/// For each pair of a group of indices and a block of `data`, the rows of the block (of `inner` elements) that the comparisons of these indices choose. The groups are of
/// equal size; `steps` lists the comparisons of every index with the rows from the second on.
pub(super) fn selected(
    builder: &mut Builder<'_>,
    steps: &[Vec<Form>],
    data: &[Form],
    inner: usize,
    pairs: &[(usize, usize)],
) -> Result<Vec<Form>, QuantError> {
    let count = steps.first().map_or(0, Vec::len);
    let block = (count + 1) * inner;
    let group = pairs.iter().map(|p| p.0 + 1).max().map_or(0, |groups| steps.len() / groups);
    let steps_of = |at: usize| steps.iter().skip(at * group).take(group);
    let block_of = |at: usize| data.get(at * block..(at + 1) * block).unwrap_or_default();
    let first = |at: usize| block_of(at).get(..inner).unwrap_or_default();
    let rises = |at: usize| {
        let rows = block_of(at);
        rows.iter().zip(rows.get(inner..).unwrap_or_default()).map(|(low, high)| high.plus(&low.scaled(-1.0)))
    };
    let mut results = Vec::with_capacity(pairs.len() * group * inner);
    if count == 0 {
        results.extend(pairs.iter().flat_map(|p| steps_of(p.0).flat_map(|_| first(p.1).iter().cloned())));
        return Ok(results);
    }
    if data.iter().all(|f| f.as_constant().is_some()) {
        for &(at, block) in pairs {
            let rises: Vec<f64> = rises(block).map(|f| f.offset()).collect();
            let matrix: Vec<f64> = (0..inner).flat_map(|c| rises.iter().skip(c).step_by(inner).copied()).collect();
            for steps in steps_of(at) {
                let sums = builder.product(&matrix, steps)?;
                results.extend(first(block).iter().zip(&sums).map(|(first, sum)| first.plus(sum)));
            }
        }
        return Ok(results);
    }
    let left = steps.concat();
    let blocks = data.len() / block.max(1);
    let right: Vec<Form> = (0..blocks).flat_map(rises).collect();
    let products = builder.matmuls(&left, &right, count, (group * count, count * inner), pairs)?;
    let starts = pairs.iter().flat_map(|p| steps_of(p.0).flat_map(|_| first(p.1)));
    results.extend(starts.zip(&products).map(|(first, sum)| first.plus(sum)));
    Ok(results)
}
