//! Maps one list of keys to one of values. Constants are looked up; a live integer takes two comparisons a key.
//!
//! Texts are known by their indices: `values_strings` gives the position in the list. Keys that are texts cannot be told apart from other lists' positions, and are refused.

use crate::model::tensor::Tensor;
use crate::quant::QuantError;
use crate::quant::builder::Builder;
use crate::quant::form::Form;
use crate::model::{Attribute, Constant};

use crate::ops::{Call, Op, Value};

use super::attributes::{ints, reals};
use super::rows::real_forms;

/// See the module's head.
pub(super) struct LabelEncoder;

impl Op for LabelEncoder {
    fn name(&self) -> &'static str {
        "LabelEncoder"
    }

    fn domain(&self) -> &'static str {
        crate::model::onnx::ML_DOMAIN
    }

    fn accepts(&self) -> &'static str {
        "one tensor of numbers, keys that are integers or floats, values of any kind (texts become their indices)"
    }

    fn lower(&self, builder: &mut Builder<'_>, call: &Call<'_>) -> Result<Vec<Value>, QuantError> {
        let has = |name: &str| call.node().attributes.contains_key(name);
        if ["keys_strings", "classes_strings"].iter().any(|n| has(n)) {
            return Err(call.refuse("the keys are texts"));
        }
        let keys = list(call, "keys")?;
        let (values, default) = values(call)?;
        if keys.is_empty() || keys.len() != values.len() {
            return Err(call.refuse(format!("{} keys for {} values", keys.len(), values.len())));
        }
        let x = real_forms(call, 0)?;
        let mut results = Vec::with_capacity(x.len());
        for form in x.data() {
            results.push(match form.as_constant() {
                Some(c) => {
                    let found = keys.iter().position(|k| *k == c).and_then(|i| values.get(i));
                    Form::constant(found.copied().unwrap_or(default))
                }
                None => {
                    let constants: Vec<Form> = keys.iter().map(|&k| Form::constant(k)).collect();
                    let hits = builder.equal(&vec![form.clone(); keys.len()], &constants)?;
                    let parts = hits.iter().zip(&values).map(|(h, v)| h.scaled(v - default));
                    parts.fold(Form::constant(default), |sum, f| sum.plus(&f))
                }
            });
        }
        let tensor = Tensor::new(x.shape().to_vec(), results);
        Ok(vec![Value::Live(tensor.ok_or_else(|| call.refuse("the number of elements changed"))?)])
    }
}

/// A list of numbers in any of its attributes.
fn list(call: &Call<'_>, prefix: &str) -> Result<Vec<f64>, QuantError> {
    match call.node().attributes.get(&format!("{prefix}_tensor")) {
        Some(Attribute::Tensor(Constant::Int(t))) => return Ok(t.data().iter().map(|&v| v as f64).collect()),
        Some(Attribute::Tensor(Constant::Real(t))) => return Ok(t.data().to_vec()),
        Some(Attribute::Texts(_)) if prefix == "keys" => return Err(call.refuse("the keys are texts")),
        Some(Attribute::Texts(texts)) => return Ok((0..texts.len()).map(|i| i as f64).collect()),
        _ => {}
    }
    let integers = ints(call, &format!("{prefix}_int64s"))?;
    if !integers.is_empty() {
        return Ok(integers.iter().map(|&v| v as f64).collect());
    }
    Ok(reals(call, &format!("{prefix}_floats"))?.to_vec())
}

/// The values, and what all other keys give.
fn values(call: &Call<'_>) -> Result<(Vec<f64>, f64), QuantError> {
    if let Some(Attribute::Texts(texts)) = call.node().attributes.get("values_strings") {
        return Ok(((0..texts.len()).map(|i| i as f64).collect(), -1.0));
    }
    let default = match call.node().attributes.get("default_tensor") {
        Some(Attribute::Tensor(Constant::Int(t))) => t.data().first().map(|&v| v as f64),
        Some(Attribute::Tensor(Constant::Real(t))) => t.data().first().copied(),
        _ => None,
    };
    let default = match (default, ints(call, "values_int64s")?) {
        (Some(default), _) => default,
        (None, []) => call.float("default_float", 0.0)?,
        (None, _) => call.int("default_int64", -1)? as f64,
    };
    Ok((list(call, "values")?, default))
}
