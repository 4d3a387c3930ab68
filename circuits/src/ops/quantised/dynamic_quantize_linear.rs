//! Integers of 8 bits by the range of the values themselves: `scale = (max(x, 0) - min(x, 0)) / 255`, `zero = round(-min(x, 0) / scale)`. A maximum, a minimum and a quotient, then
//! a product and a rounding for each element.
//!
//! Where a quotient is close to a half, the integer may differ by 1 from that of `f32`.

use crate::model::tensor::Tensor;
use crate::quant::QuantError;
use crate::quant::builder::Builder;
use crate::quant::form::Form;

use crate::ops::{Call, Op, Value};

/// The integers are 0 to this.
const MOST: f64 = 255.0;

/// See the module's head.
pub(super) struct DynamicQuantizeLinear;

impl Op for DynamicQuantizeLinear {
    fn name(&self) -> &'static str {
        "DynamicQuantizeLinear"
    }

    fn accepts(&self) -> &'static str {
        "one float tensor with elements"
    }

    fn lower(&self, builder: &mut Builder<'_>, call: &Call<'_>) -> Result<Vec<Value>, QuantError> {
        let x = call.forms(0)?;
        if x.is_empty() {
            return Err(call.refuse("the tensor is empty"));
        }
        let values = builder.aligned(x.data(), x.len())?;
        let negated: Vec<Form> = values.iter().map(|f| f.scaled(-1.0)).collect();
        let ends = builder.largest(&[values.clone(), negated])?;
        // `max(x, 0)` and `-min(x, 0)`
        let ends = builder.relu(&ends)?;
        let [high, low] = ends.as_slice() else { return Err(call.refuse("no range was found")) };
        let range = high.plus(low);
        let inverse = builder.reciprocal(std::slice::from_ref(&range))?;
        let [inverse] = inverse.as_slice() else { return Err(call.refuse("no scale was found")) };
        let steps = inverse.scaled(MOST);
        let mut factors = values;
        factors.push(low.clone());
        let mut quotients = builder.multiply(&factors, &vec![steps; factors.len()])?;
        let zero = quotients.pop().unwrap_or_default();
        let zero = builder.rounded(&[zero], &[(0.0, MOST)])?.pop().unwrap_or_default();
        let shifted: Vec<Form> = quotients.iter().map(|q| q.plus(&zero)).collect();
        let whole = builder.rounded(&shifted, &vec![(0.0, MOST); shifted.len()])?;
        let whole = Tensor::new(x.shape().to_vec(), whole).ok_or_else(|| call.refuse("the sizes do not fit"))?;
        Ok(vec![
            Value::Live(whole),
            Value::Live(Tensor::scalar(range.scaled(1.0 / MOST))),
            Value::Live(Tensor::scalar(zero)),
        ])
    }
}
