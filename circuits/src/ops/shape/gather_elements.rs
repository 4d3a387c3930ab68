//! Elements by an index along one dimension each. Free for constant indices; others select by comparisons: see [`super::lookup`].

use crate::model::tensor::Tensor;
use crate::quant::QuantError;
use crate::quant::builder::Builder;
use crate::quant::form::Form;

use crate::ops::{Call, Op, Value};

use super::index::{each, flat, moved, wrapped};
use super::lookup;

/// See the module's head.
pub(super) struct GatherElements;

impl Op for GatherElements {
    fn name(&self) -> &'static str {
        "GatherElements"
    }

    fn accepts(&self) -> &'static str {
        "one tensor and integer indices of the same rank"
    }

    fn lower(&self, builder: &mut Builder<'_>, call: &Call<'_>) -> Result<Vec<Value>, QuantError> {
        let (value, indices) = (call.input(0)?, call.input(1)?);
        let rank = value.shape().len();
        let axis = call.axis(call.int("axis", 0)?, rank)?;
        if indices.shape().len() != rank {
            return Err(call.refuse("the indices have another rank"));
        }
        if let Some(index) = &lookup::live(indices) {
            return Ok(vec![live(builder, call, value, index, axis)?]);
        }
        let rows = call.ints(1)?.unwrap_or_default();
        let rows = rows.iter().map(|&i| wrapped(call, i, value.shape()[axis])).collect::<Result<Vec<_>, _>>()?;
        let mut rows = rows.into_iter();
        let source = |at: &[usize]| {
            let mut from = at.to_vec();
            from[axis] = rows.next().unwrap_or(usize::MAX);
            from
        };
        Ok(vec![moved(call, value, indices.shape(), source)?])
    }
}

/// The elements by indices that depend on the inputs: those along the axis share a column of `value`.
fn live(
    builder: &mut Builder<'_>,
    call: &Call<'_>,
    value: &Value,
    index: &Tensor<Form>,
    axis: usize,
) -> Result<Value, QuantError> {
    let data = value.forms().ok_or_else(|| call.refuse("integers beyond 2^53"))?;
    let columns = Columns::new(call, value.shape(), index.shape(), axis)?;
    lookup::affordable(call, index.len(), columns.size)?;
    let order = &columns.indices;
    let picked: Option<Vec<Form>> = order.iter().map(|&i| index.data().get(i).cloned()).collect();
    let picked = picked.ok_or_else(|| call.refuse("the indices do not fit"))?;
    let picked = lookup::wrapped(builder, &picked, columns.size)?;
    let steps = lookup::comparisons(builder, &picked, 1..columns.size)?;
    let from: Option<Vec<Form>> = columns.values.iter().map(|&i| data.data().get(i).cloned()).collect();
    let from = from.ok_or_else(|| call.refuse("the indices do not fit"))?;
    let pairs: Vec<(usize, usize)> = (0..columns.count).map(|c| (c, c)).collect();
    let results = lookup::selected(builder, &steps, &from, 1, &pairs)?;
    let mut placed = vec![Form::default(); index.len()];
    for (&i, result) in order.iter().zip(results) {
        if let Some(place) = placed.get_mut(i) {
            *place = result;
        }
    }
    Tensor::new(index.shape().to_vec(), placed).map(Value::Live).ok_or_else(|| call.refuse("the sizes do not fit"))
}

/// The columns along an axis that indices of another size pick from.
pub(super) struct Columns {
    /// Number of columns.
    pub count: usize,
    /// Elements of a column.
    pub size: usize,
    /// Flat positions of the columns' elements in the tensor, column by column.
    pub values: Vec<usize>,
    /// Flat positions of the columns' indices, column by column.
    pub indices: Vec<usize>,
}

impl Columns {
    pub(super) fn new(call: &Call<'_>, value: &[usize], indices: &[usize], axis: usize) -> Result<Self, QuantError> {
        let size = value[axis];
        let fits = indices.iter().zip(value).enumerate().all(|(d, (i, v))| d == axis || i <= v);
        if !fits || size == 0 || indices.contains(&0) {
            return Err(call.refuse("the indices are larger than the tensor, or one is empty"));
        }
        let mut others = indices.to_vec();
        others[axis] = 1;
        let along = |shape: &[usize], count: usize| {
            let column = |at: &[usize]| {
                let element = |i: usize| {
                    let mut at = at.to_vec();
                    at[axis] = i;
                    flat(&at, shape).unwrap_or(usize::MAX)
                };
                (0..count).map(element).collect::<Vec<usize>>()
            };
            each(&others, column).map(|columns| columns.concat())
        };
        let (values, positions) = (along(value, size), along(indices, indices[axis]));
        let (Some(values), Some(indices)) = (values, positions) else {
            return Err(call.refuse("the indices are too large"));
        };
        Ok(Self { count: others.iter().product(), size, values, indices })
    }
}
