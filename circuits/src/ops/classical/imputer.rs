//! Replaces a value that stands for "missing". Inputs are never NaN, so a replaced NaN leaves all as it is; a replaced number takes two comparisons and a product each.

use crate::quant::QuantError;
use crate::quant::builder::Builder;
use crate::quant::form::Form;

use crate::ops::{Call, Op, Value};

use super::attributes::{each, ints, reals};
use super::rows::{matrix, rows};

/// See the module's head.
pub(super) struct Imputer;

impl Op for Imputer {
    fn name(&self) -> &'static str {
        "Imputer"
    }

    fn domain(&self) -> &'static str {
        crate::model::onnx::ML_DOMAIN
    }

    fn accepts(&self) -> &'static str {
        "rows of numbers; one imputed value for all features or one for each"
    }

    fn lower(&self, builder: &mut Builder<'_>, call: &Call<'_>) -> Result<Vec<Value>, QuantError> {
        let (mut rows, width) = rows(call, 0)?;
        let integers: Vec<f64> = ints(call, "imputed_value_int64s")?.iter().map(|&v| v as f64).collect();
        let floats = reals(call, "imputed_value_floats")?;
        let attributes = &call.node().attributes;
        let (imputed, replaced) = if integers.is_empty() {
            // A replaced NaN is left out when the file is read.
            (floats, attributes.contains_key("replaced_value_float").then(|| call.float("replaced_value_float", 0.0)))
        } else {
            (integers.as_slice(), Some(call.int("replaced_value_int64", 0).map(|v| v as f64)))
        };
        if imputed.is_empty() || (imputed.len() > 1 && imputed.len() != width) {
            return Err(call.refuse(format!("{} imputed values for {width} features", imputed.len())));
        }
        if let Some(replaced) = replaced.transpose()? {
            for row in &mut rows {
                let value = vec![Form::constant(replaced); row.len()];
                let hits = builder.equal(row, &value)?;
                // At a hit, the feature is the replaced value itself.
                let jumps = hits.iter().enumerate().map(|(i, h)| h.scaled(each(imputed, i, 0.0) - replaced));
                let jumps: Vec<Form> = jumps.collect();
                for (form, jump) in row.iter_mut().zip(jumps) {
                    *form = form.plus(&jump);
                }
            }
        }
        Ok(vec![matrix(call, rows)?])
    }
}
