//! Slices by index tuples. Free for constant tuples; others select by comparisons: see [`super::lookup`].

use crate::model::tensor::{Tensor, elements};
use crate::quant::QuantError;
use crate::quant::builder::Builder;
use crate::quant::form::Form;

use crate::ops::{Call, Op, Value};

use super::index::moved;
use super::lookup;
use super::tuples::Tuples;

/// See the module's head.
pub(super) struct GatherND;

impl Op for GatherND {
    fn name(&self) -> &'static str {
        "GatherND"
    }

    fn accepts(&self) -> &'static str {
        "one tensor and integer index tuples"
    }

    fn lower(&self, builder: &mut Builder<'_>, call: &Call<'_>) -> Result<Vec<Value>, QuantError> {
        let (value, indices) = (call.input(0)?, call.input(1)?);
        let tuples = Tuples::new(call, value.shape(), indices.shape(), call.int("batch_dims", 0)?)?;
        if let Some(index) = &lookup::live(indices) {
            return Ok(vec![live(builder, call, value, index, &tuples)?]);
        }
        let rows = call.ints(1)?.unwrap_or_default();
        let mut bad = None;
        let (outer, batch) = (tuples.outer.len(), tuples.batch);
        let shape = [&tuples.outer[..], &value.shape()[batch + tuples.width..]].concat();
        let source = |at: &[usize]| {
            let tuple = tuples.at(call, rows, &at[..outer], value.shape()).unwrap_or_else(|e| {
                bad = Some(e);
                Vec::new()
            });
            [&at[..batch], &tuple, &at[outer..]].concat()
        };
        let result = moved(call, value, &shape, source);
        match bad {
            Some(error) => Err(error),
            None => Ok(vec![result?]),
        }
    }
}

/// The slices by tuples that depend on the inputs. Leading constants choose a block; the rest is one index into its rows.
fn live(
    builder: &mut Builder<'_>,
    call: &Call<'_>,
    value: &Value,
    index: &Tensor<Form>,
    tuples: &Tuples,
) -> Result<Value, QuantError> {
    let data = value.forms().ok_or_else(|| call.refuse("integers beyond 2^53"))?;
    let (shape, batch, width) = (value.shape(), tuples.batch, tuples.width);
    if data.is_empty() || index.is_empty() {
        return Err(call.refuse("a tensor is empty"));
    }
    let result = [&tuples.outer[..], &shape[batch + width..]].concat();
    elements(&result).ok_or_else(|| call.refuse(format!("a result of shape {result:?} is too large")))?;
    let fixed = |tuple: &[Form]| tuple.iter().take(width - 1).take_while(|f| f.as_constant().is_some()).count();
    let fixed = index.data().chunks(width).map(fixed).min().unwrap_or(0);
    let count: usize = tuples.outer.iter().product();
    let per_batch = count / tuples.outer.iter().take(batch).product::<usize>().max(1);
    let (axes, rows) = (&shape[..batch + fixed], &shape[batch + fixed..batch + width]);
    let (size, inner): (usize, usize) = (rows.iter().product(), shape[batch + width..].iter().product());
    lookup::affordable(call, count, size)?;
    let mut pairs = Vec::with_capacity(count);
    for (t, tuple) in index.data().chunks(width).enumerate() {
        let leading = tuple.iter().take(fixed).zip(&axes[batch..]);
        let leading = leading.map(|(f, &size)| super::index::wrapped(call, f.offset() as i64, size));
        let mut block = t / per_batch;
        for (row, size) in leading.zip(&axes[batch..]) {
            block = block * size + row?;
        }
        pairs.push((t, block));
    }
    let flattened = tuples.flattened(builder, index.data(), rows)?;
    let steps = lookup::comparisons(builder, &flattened, 1..size)?;
    let results = lookup::selected(builder, &steps, data.data(), inner, &pairs)?;
    Tensor::new(result, results).map(Value::Live).ok_or_else(|| call.refuse("the sizes do not fit"))
}
