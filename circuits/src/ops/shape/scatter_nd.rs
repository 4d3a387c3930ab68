//! A tensor with slices replaced, by index tuples. Free, and so is reduction `add`; other reductions cost a lane an element.
//! Tuples that depend on the inputs are compared with every row: see [`super::placed`].

use crate::quant::QuantError;
use crate::quant::builder::Builder;

use crate::ops::{Call, Op, Value};

use super::index::{each, flat};
use super::lookup;
use super::placed::{Places, placed};
use super::scatter_elements::scattered;
use super::tuples::Tuples;

/// See the module's head.
pub(super) struct ScatterND;

impl Op for ScatterND {
    fn name(&self) -> &'static str {
        "ScatterND"
    }

    fn accepts(&self) -> &'static str {
        "integer index tuples; reduction none, add, mul, max or min, of which tuples that depend on the inputs take none and add"
    }

    fn lower(&self, builder: &mut Builder<'_>, call: &Call<'_>) -> Result<Vec<Value>, QuantError> {
        let (value, indices, updates) = (call.input(0)?, call.input(1)?, call.input(2)?);
        let tuples = Tuples::new(call, value.shape(), indices.shape(), 0)?;
        let (outer, shape) = (tuples.outer.len(), value.shape());
        if updates.shape() != [&tuples.outer[..], &shape[tuples.width..]].concat() {
            return Err(call.refuse("the updates have another shape"));
        }
        if let Some(index) = &lookup::live(indices) {
            let (size, inner) = (shape[..tuples.width].iter().product(), shape[tuples.width..].iter().product());
            let places = Places {
                rows: (0..size * inner).collect(),
                size,
                inner,
                index: tuples.flattened(builder, index.data(), &shape[..tuples.width])?,
                updates: (0..updates.shape().iter().product()).collect(),
                blocks: 1,
            };
            return Ok(vec![placed(builder, call, value, updates, &places)?]);
        }
        let rows = call.ints(1)?.unwrap_or_default();
        let targets = each(updates.shape(), |at| {
            let tuple = tuples.at(call, rows, &at[..outer], shape)?;
            flat(&[&tuple, &at[outer..]].concat(), shape).ok_or_else(|| call.refuse("an index is out of range"))
        });
        let targets = targets.ok_or_else(|| call.refuse("the updates are too large"))?;
        let targets = targets.into_iter().collect::<Result<Vec<_>, _>>()?;
        Ok(vec![scattered(builder, call, value, updates, &targets)?])
    }
}
