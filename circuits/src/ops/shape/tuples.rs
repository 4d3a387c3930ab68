//! The index tuples of GatherND and ScatterND: the last dimension of the indices.

use crate::quant::QuantError;
use crate::quant::builder::Builder;
use crate::quant::form::Form;

use crate::ops::Call;

use super::index::{flat, wrapped};
use super::lookup;

/// How the indices address a tensor.
pub(super) struct Tuples {
    /// The indices' shape without its last dimension.
    pub outer: Vec<usize>,
    /// Leading dimensions shared by tensor and indices.
    pub batch: usize,
    /// Length of a tuple.
    pub width: usize,
}

impl Tuples {
    pub(super) fn new(call: &Call<'_>, data: &[usize], indices: &[usize], batch: i64) -> Result<Self, QuantError> {
        let Some((&width, outer)) = indices.split_last() else { return Err(call.refuse("the indices are a scalar")) };
        let batch = usize::try_from(batch).unwrap_or(usize::MAX);
        if batch > outer.len() || data.len() < batch || data.len() - batch < width || data[..batch] != outer[..batch] {
            return Err(call.refuse(format!("tuples of {width} after {batch} batch dimensions do not fit")));
        }
        Ok(Self { outer: outer.to_vec(), batch, width })
    }

    /// Tuples that depend on the inputs as one index each into the rows that they address; negative ones count from the end of their axis.
    pub(super) fn flattened(
        &self,
        builder: &mut Builder<'_>,
        tuples: &[Form],
        axes: &[usize],
    ) -> Result<Vec<Form>, QuantError> {
        let skipped = self.width.saturating_sub(axes.len());
        let mut flattened = vec![Form::default(); tuples.len() / self.width.max(1)];
        for (axis, &size) in axes.iter().enumerate() {
            let column: Vec<Form> = tuples.iter().skip(skipped + axis).step_by(self.width.max(1)).cloned().collect();
            for (sum, row) in flattened.iter_mut().zip(lookup::wrapped(builder, &column, size)?) {
                *sum = sum.scaled(size as f64).plus(&row);
            }
        }
        Ok(flattened)
    }

    /// The tuple at these outer coordinates.
    pub(super) fn at(
        &self,
        call: &Call<'_>,
        rows: &[i64],
        at: &[usize],
        data: &[usize],
    ) -> Result<Vec<usize>, QuantError> {
        let start = flat(at, &self.outer).map_or(usize::MAX, |i| i * self.width);
        let tuple =
            rows.get(start..start.saturating_add(self.width)).ok_or_else(|| call.refuse("the indices do not fit"))?;
        tuple.iter().zip(&data[self.batch..]).map(|(&i, &size)| wrapped(call, i, size)).collect()
    }
}
