//! A tensor with elements replaced, by an index along one dimension each. Free, and so is reduction `add`; other reductions cost a lane an element.
//! Indices that depend on the inputs are compared with every row: see [`super::placed`].

use crate::model::tensor::Tensor;
use crate::quant::QuantError;
use crate::quant::builder::Builder;

use crate::ops::{Call, Op, Value};

use super::gather_elements::Columns;
use super::index::{each, flat, wrapped};
use super::lookup;
use super::placed::{Places, placed};

/// ScatterElements, and Scatter as it was called up to opset 10.
pub(super) struct Scatter(pub &'static str);

impl Op for Scatter {
    fn name(&self) -> &'static str {
        self.0
    }

    fn accepts(&self) -> &'static str {
        "integer indices of the tensor's rank; reduction none, add, mul, max or min, of which indices that depend on the inputs take none and add"
    }

    fn lower(&self, builder: &mut Builder<'_>, call: &Call<'_>) -> Result<Vec<Value>, QuantError> {
        let (value, indices, updates) = (call.input(0)?, call.input(1)?, call.input(2)?);
        let shape = value.shape();
        let axis = call.axis(call.int("axis", 0)?, shape.len())?;
        if indices.shape() != updates.shape() || indices.shape().len() != shape.len() {
            return Err(call.refuse("indices and updates differ in shape, or from the tensor in rank"));
        }
        if let Some(index) = &lookup::live(indices) {
            let columns = Columns::new(call, shape, index.shape(), axis)?;
            let places = Places {
                rows: columns.values,
                size: columns.size,
                inner: 1,
                index: columns.indices.iter().filter_map(|&i| index.data().get(i).cloned()).collect(),
                updates: columns.indices,
                blocks: columns.count,
            };
            return Ok(vec![placed(builder, call, value, updates, &places)?]);
        }
        let mut rows = call.ints(1)?.unwrap_or_default().iter();
        let targets = each(indices.shape(), |at| {
            let mut to = at.to_vec();
            to[axis] = wrapped(call, rows.next().copied().unwrap_or(i64::MAX), shape[axis])?;
            flat(&to, shape).ok_or_else(|| call.refuse("an index is out of range"))
        });
        let targets = targets.ok_or_else(|| call.refuse("the indices are too large"))?;
        let targets = targets.into_iter().collect::<Result<Vec<_>, _>>()?;
        Ok(vec![scattered(builder, call, value, updates, &targets)?])
    }
}

/// `value` with `updates` at flat `targets`, by the node's reduction.
pub(super) fn scattered(
    builder: &mut Builder<'_>,
    call: &Call<'_>,
    value: &Value,
    updates: &Value,
    targets: &[usize],
) -> Result<Value, QuantError> {
    let reduction = call.text("reduction", "none")?;
    let range = || call.refuse("an index is out of range");
    if reduction == "none" {
        let count: usize = value.shape().iter().product();
        let mut index: Vec<usize> = (0..count).collect();
        for (i, &target) in targets.iter().enumerate() {
            *index.get_mut(target).ok_or_else(range)? = count + i;
        }
        let all = Value::chained(&[value, updates]);
        return all.and_then(|all| all.picked(value.shape(), &index)).ok_or_else(range);
    }
    let forms = |v: &Value| v.forms().ok_or_else(|| call.refuse("integers beyond 2^53"));
    let (mut data, updates) = (forms(value)?.into_data(), forms(updates)?.into_data());
    for (update, &target) in updates.iter().zip(targets) {
        let old = data.get(target).ok_or_else(range)?.clone();
        let (a, b) = (std::slice::from_ref(&old), std::slice::from_ref(update));
        let new = match reduction {
            "add" => vec![old.plus(update)],
            "mul" => builder.multiply(a, b)?,
            "max" => builder.maximum(a, b)?,
            "min" => builder.minimum(a, b)?,
            other => return Err(call.refuse(format!("reduction `{other}`"))),
        };
        data[target] = new.into_iter().next().ok_or_else(range)?;
    }
    Tensor::new(value.shape().to_vec(), data).map(Value::Live).ok_or_else(range)
}
