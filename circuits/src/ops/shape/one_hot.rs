//! A vector for each index: one value at the index, another elsewhere. Free for constant indices.
//! Indices that depend on the inputs cost `depth` comparisons each.

use crate::model::tensor::{MAX_ELEMENTS, Tensor, elements};
use crate::quant::QuantError;
use crate::quant::builder::Builder;
use crate::quant::form::Form;

use crate::ops::{Call, Op, Value};

use super::lookup;

/// See the module's head.
pub(super) struct OneHot;

impl Op for OneHot {
    fn name(&self) -> &'static str {
        "OneHot"
    }

    fn accepts(&self) -> &'static str {
        "integer indices, a constant depth and two constant values"
    }

    fn lower(&self, builder: &mut Builder<'_>, call: &Call<'_>) -> Result<Vec<Value>, QuantError> {
        let indices = call.input(0)?;
        let depth = call.scalar(1)?.filter(|d| (1.0..=MAX_ELEMENTS as f64).contains(d));
        let depth = depth.ok_or_else(|| call.refuse("the depth is no positive constant"))? as usize;
        let values = call.input(2)?;
        if values.shape() != [2] {
            return Err(call.refuse("the values are not two"));
        }
        let rank = indices.shape().len();
        let axis = call.axis(call.int("axis", -1)?, rank + 1)?;
        let mut shape = indices.shape().to_vec();
        shape.insert(axis, depth);
        elements(&shape).ok_or_else(|| call.refuse(format!("a result of shape {shape:?} is too large")))?;
        let order: Vec<usize> = (0..axis).chain([rank]).chain(axis..rank).collect();
        let ends = [indices.shape(), &[depth]].concat();
        let result = match indices {
            Value::Live(t) => {
                let values = call.forms(2)?;
                let (off, on) = match values.data() {
                    [off, on] => (off.as_constant(), on.as_constant()),
                    _ => (None, None),
                };
                let (Some(off), Some(on)) = (off, on) else { return Err(call.refuse("the values are no constants")) };
                let hot = lookup::one_hot(builder, t.data(), depth)?;
                let data = hot.into_iter().flatten().map(|h| h.scaled(on - off).shifted(off)).collect();
                Tensor::new(ends, data).map(Value::Live)
            }
            _ => {
                let hot: Vec<f64> = call.forms(0)?.data().iter().filter_map(Form::as_constant).collect();
                let hot = hot.iter().map(|&i| if i < 0.0 { i + depth as f64 } else { i });
                let index: Vec<usize> = hot.flat_map(|i| (0..depth).map(move |d| usize::from(i == d as f64))).collect();
                values.picked(&ends, &index)
            }
        };
        let transposed = result.and_then(|r| r.transposed(&order));
        Ok(vec![transposed.ok_or_else(|| call.refuse("the sizes do not fit"))?])
    }
}
