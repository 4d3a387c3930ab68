//! One bit a category, along a new last dimension: two comparisons each. With `zeros`, an unknown category gives zeros; without, it is the caller's mistake and gives
//! zeros too.

use crate::model::tensor::{Tensor, elements};
use crate::quant::QuantError;
use crate::quant::builder::Builder;
use crate::quant::form::Form;

use crate::ops::{Call, Op, Value};

use super::attributes::ints;
use super::rows::real_forms;

/// See the module's head.
pub(super) struct OneHotEncoder;

impl Op for OneHotEncoder {
    fn name(&self) -> &'static str {
        "OneHotEncoder"
    }

    fn domain(&self) -> &'static str {
        crate::model::onnx::ML_DOMAIN
    }

    fn accepts(&self) -> &'static str {
        "a tensor of numbers and integer categories"
    }

    fn lower(&self, builder: &mut Builder<'_>, call: &Call<'_>) -> Result<Vec<Value>, QuantError> {
        let categories = ints(call, "cats_int64s")?;
        if categories.is_empty() {
            return Err(call.refuse("there are no integer categories"));
        }
        let x = real_forms(call, 0)?;
        let shape = [x.shape(), &[categories.len()]].concat();
        elements(&shape).ok_or_else(|| call.refuse("the result is too large"))?;
        let wanted: Vec<Form> = categories.iter().map(|&c| Form::constant(c as f64)).collect();
        let mut bits = Vec::with_capacity(x.len() * wanted.len());
        for form in x.data() {
            match form.as_constant() {
                Some(c) => bits.extend(categories.iter().map(|&k| Form::constant(f64::from(k as f64 == c)))),
                None => bits.extend(builder.equal(&vec![form.clone(); wanted.len()], &wanted)?),
            }
        }
        let tensor = Tensor::new(shape, bits);
        Ok(vec![Value::Live(tensor.ok_or_else(|| call.refuse("the number of elements changed"))?)])
    }
}
