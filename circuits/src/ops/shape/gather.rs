//! Rows of a tensor along one dimension, by index. Free for constant indices.
//! Indices that depend on the inputs select by comparisons: see [`super::lookup`].

use crate::quant::QuantError;
use crate::quant::builder::Builder;

use crate::ops::{Call, Op, Value};

use super::index::{flat, moved, wrapped};
use super::lookup;

/// See the module's head.
pub(super) struct Gather;

impl Op for Gather {
    fn name(&self) -> &'static str {
        "Gather"
    }

    fn accepts(&self) -> &'static str {
        "one tensor and integer indices; indices that depend on the inputs want a constant table"
    }

    fn lower(&self, builder: &mut Builder<'_>, call: &Call<'_>) -> Result<Vec<Value>, QuantError> {
        let (value, indices) = (call.input(0)?, call.input(1)?);
        let axis = call.axis(call.int("axis", 0)?, value.shape().len())?;
        let (size, depth) = (value.shape()[axis], indices.shape().len());
        let mut shape = value.shape()[..axis].to_vec();
        shape.extend_from_slice(indices.shape());
        shape.extend_from_slice(&value.shape()[axis + 1..]);
        if let Some(index) = &lookup::live(indices) {
            return Ok(vec![lookup::gather(builder, call, value, index, axis, shape)?]);
        }
        let rows = call.ints(1)?.unwrap_or_default();
        let rows = rows.iter().map(|&i| wrapped(call, i, size)).collect::<Result<Vec<_>, _>>()?;
        let source = |at: &[usize]| {
            let row = flat(&at[axis..axis + depth], indices.shape()).and_then(|i| rows.get(i).copied());
            [&at[..axis], &[row.unwrap_or(usize::MAX)], &at[axis + depth..]].concat()
        };
        Ok(vec![moved(call, value, &shape, source)?])
    }
}
