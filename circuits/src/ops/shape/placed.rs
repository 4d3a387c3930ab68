//! Updates placed by indices that depend on the inputs. An index outside places nothing; of equal indices the last one counts.
//!
//! With `e_ti = 1` iff `index_t >= i`, `F_i = Σ_t e_ti · update_t` is what indices from `i` on bring, so `F_i - F_{i+1}` is what row `i` gets. Costs a lane for each index
//! and row, one for each row of the result, and two for each pair of indices where updates replace.

use crate::model::tensor::Tensor;
use crate::quant::QuantError;
use crate::quant::builder::Builder;
use crate::quant::form::Form;

use crate::ops::{Call, Value};

use super::lookup;

/// Blocks of rows, each with indices and updates of its own.
pub(super) struct Places {
    /// Flat positions of the rows' elements in the tensor, block by block.
    pub rows: Vec<usize>,
    /// Rows of a block.
    pub size: usize,
    /// Elements of a row.
    pub inner: usize,
    /// Row of each update, block by block.
    pub index: Vec<Form>,
    /// Flat positions of the updates' elements, block by block.
    pub updates: Vec<usize>,
    /// Number of blocks.
    pub blocks: usize,
}

/// `value` with the updates in their places, by the node's reduction.
pub(super) fn placed(
    builder: &mut Builder<'_>,
    call: &Call<'_>,
    value: &Value,
    updates: &Value,
    places: &Places,
) -> Result<Value, QuantError> {
    let forms = |v: &Value| v.forms().ok_or_else(|| call.refuse("integers beyond 2^53"));
    let (mut data, updates) = (forms(value)?.into_data(), forms(updates)?.into_data());
    let replace = match call.text("reduction", "none")? {
        "none" => true,
        "add" => false,
        other => return Err(call.refuse(format!("reduction `{other}` with indices that depend on the inputs"))),
    };
    let (size, inner) = (places.size, places.inner);
    let count = places.index.len() / places.blocks.max(1);
    if count == 0 || size == 0 || inner == 0 {
        return Ok(value.clone());
    }
    lookup::affordable(call, places.index.len(), size + if replace { count } else { 0 })?;
    let mut index = lookup::wrapped(builder, &places.index, size)?;
    if replace {
        for block in index.chunks_mut(count) {
            outdated(builder, block, size)?;
        }
    }
    let steps = lookup::comparisons(builder, &index, 0..size + 1)?;
    let brought: Vec<Form> = places.updates.iter().filter_map(|&i| updates.get(i).cloned()).collect();
    let sums = sums(builder, &steps, &brought, (count, size + 1, inner))?;
    let mut covered = Vec::new();
    let mut old = Vec::new();
    for (block, steps) in steps.chunks(count).enumerate().filter(|_| replace) {
        for row in 0..size {
            let hot = steps.iter().fold(Form::constant(1.0), |rest, e| match e.get(row..row + 2) {
                Some([low, high]) => rest.plus(&high.plus(&low.scaled(-1.0))),
                _ => rest,
            });
            let at = (block * size + row) * inner;
            let positions = places.rows.iter().skip(at).take(inner);
            old.extend(positions.filter_map(|&i| data.get(i).cloned()));
            covered.extend(vec![hot; inner]);
        }
    }
    let kept = if replace { builder.multiply(&covered, &old)? } else { Vec::new() };
    for (i, &position) in places.rows.iter().enumerate() {
        let (block, within) = (i / (size * inner), i % (size * inner));
        let at = block * (size + 1) * inner + within;
        let (Some(low), Some(high), Some(place)) = (sums.get(at), sums.get(at + inner), data.get_mut(position)) else {
            return Err(call.refuse("the sizes do not fit"));
        };
        let got = low.plus(&high.scaled(-1.0));
        *place = kept.get(i).unwrap_or(place).plus(&got);
    }
    Tensor::new(value.shape().to_vec(), data).map(Value::Live).ok_or_else(|| call.refuse("the sizes do not fit"))
}

/// Moves indices that a later one repeats beyond the last row.
fn outdated(builder: &mut Builder<'_>, index: &mut [Form], size: usize) -> Result<(), QuantError> {
    let pairs: Vec<(usize, usize)> =
        (0..index.len()).flat_map(|early| (early + 1..index.len()).map(move |late| (early, late))).collect();
    let of = |at: fn(&(usize, usize)) -> usize| pairs.iter().map(|p| index[at(p)].clone()).collect::<Vec<Form>>();
    let equal = builder.equal(&of(|p| p.0), &of(|p| p.1))?;
    for (&(early, _), equal) in pairs.iter().zip(&equal) {
        index[early] = index[early].plus(&equal.scaled(size as f64 + 1.0));
    }
    Ok(())
}

/// For each block and row: the updates that are placed at this row or behind it, added up.
fn sums(
    builder: &mut Builder<'_>,
    steps: &[Vec<Form>],
    updates: &[Form],
    (count, rows, inner): (usize, usize, usize),
) -> Result<Vec<Form>, QuantError> {
    let transposed = steps.chunks(count).flat_map(|block| {
        (0..rows).flat_map(move |row| block.iter().map(move |e| e.get(row).cloned().unwrap_or_default()))
    });
    let left: Vec<Form> = transposed.collect();
    if updates.iter().any(|f| f.as_constant().is_none()) {
        let pairs: Vec<(usize, usize)> = (0..steps.len() / count).map(|block| (block, block)).collect();
        return builder.matmuls(&left, updates, count, (rows * count, count * inner), &pairs);
    }
    let mut sums = Vec::with_capacity(left.len() / count * inner);
    for (left, updates) in left.chunks(rows * count).zip(updates.chunks(count * inner)) {
        let matrix: Vec<f64> =
            (0..inner).flat_map(|c| updates.iter().skip(c).step_by(inner).map(Form::offset)).collect();
        for row in left.chunks(count) {
            sums.extend(builder.product(&matrix, row)?);
        }
    }
    Ok(sums)
}
