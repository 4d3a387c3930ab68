//! Running sums along one dimension. Free.

use crate::model::tensor::Tensor;
use crate::quant::QuantError;
use crate::quant::builder::Builder;
use crate::quant::form::Form;

use crate::ops::{Call, Op, Value};

/// See the module's head.
pub(super) struct CumSum;

impl Op for CumSum {
    fn name(&self) -> &'static str {
        "CumSum"
    }

    fn accepts(&self) -> &'static str {
        "one tensor and a constant axis"
    }

    fn lower(&self, _builder: &mut Builder<'_>, call: &Call<'_>) -> Result<Vec<Value>, QuantError> {
        let x = call.forms(0)?;
        let shape = x.shape();
        let axis = call.int_scalar(1)?.ok_or_else(|| call.refuse("the axis is missing"))?;
        let axis = call.axis(axis, shape.len())?;
        let (exclusive, reverse) = (call.int("exclusive", 0)? != 0, call.int("reverse", 0)? != 0);
        let (size, inner): (usize, usize) = (shape[axis], shape[axis + 1..].iter().product());
        let mut data = x.data().to_vec();
        for lane in 0..x.len() / size.max(1) {
            let first = lane / inner * inner * size + lane % inner;
            let mut sum = Form::default();
            for i in 0..size {
                let at = first + inner * if reverse { size - 1 - i } else { i };
                let next = sum.plus(&data[at]);
                data[at] = if exclusive { sum } else { next.clone() };
                sum = next;
            }
        }
        let result = Tensor::new(shape.to_vec(), data);
        Ok(vec![Value::Live(result.ok_or_else(|| call.refuse("the sizes do not fit"))?)])
    }
}
