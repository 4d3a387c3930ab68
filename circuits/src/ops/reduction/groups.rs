//! The elements that a reduction makes one of.

use crate::model::tensor::Tensor;
use crate::quant::QuantError;
use crate::quant::form::Form;

use crate::ops::Call;

/// A tensor cut along some of its dimensions.
pub(in crate::ops) struct Groups {
    /// One list for each element of the result, none of them empty.
    pub values: Vec<Vec<Form>>,
    /// The result's shape.
    pub shape: Vec<usize>,
}

impl Groups {
    /// Groups of the elements that differ only along `axes`, which the result keeps with size 1 or loses.
    pub fn new(call: &Call<'_>, x: &Tensor<Form>, axes: &[usize], keep: bool) -> Result<Self, QuantError> {
        let rank = x.shape().len();
        let order: Vec<usize> = (0..rank).filter(|a| !axes.contains(a)).chain(axes.iter().copied()).collect();
        let sorted = x.transposed(&order).ok_or_else(|| call.refuse("the axes repeat one"))?;
        let size: usize = axes.iter().map(|&a| x.shape()[a]).product();
        if size == 0 || x.is_empty() {
            return Err(call.refuse("there is nothing to reduce"));
        }
        let shape = (0..rank).filter(|a| keep || !axes.contains(a));
        let shape = shape.map(|a| if axes.contains(&a) { 1 } else { x.shape()[a] }).collect();
        Ok(Self { values: sorted.data().chunks(size).map(<[Form]>::to_vec).collect(), shape })
    }
}
