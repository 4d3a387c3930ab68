//! `(x − offset) · scale`, feature by feature. Free.

use crate::quant::QuantError;
use crate::quant::builder::Builder;
use crate::quant::form::Form;

use crate::ops::{Call, Op, Value};

use super::attributes::{each, reals};
use super::rows::{matrix, rows};

/// See the module's head.
pub(super) struct Scaler;

impl Op for Scaler {
    fn name(&self) -> &'static str {
        "Scaler"
    }

    fn domain(&self) -> &'static str {
        crate::model::onnx::ML_DOMAIN
    }

    fn accepts(&self) -> &'static str {
        "rows of features; one offset and one scale for all, or one for each feature"
    }

    fn lower(&self, _builder: &mut Builder<'_>, call: &Call<'_>) -> Result<Vec<Value>, QuantError> {
        let (rows, width) = rows(call, 0)?;
        let (offset, scale) = (reals(call, "offset")?, reals(call, "scale")?);
        if [offset, scale].iter().any(|l| l.len() > 1 && l.len() != width) {
            return Err(call.refuse(format!(
                "{} offsets and {} scales for {width} features",
                offset.len(),
                scale.len()
            )));
        }
        let scaled = rows.into_iter().map(|row| {
            let one = |(i, f): (usize, &Form)| f.shifted(-each(offset, i, 0.0)).scaled(each(scale, i, 1.0));
            row.iter().enumerate().map(one).collect()
        });
        Ok(vec![matrix(call, scaled.collect())?])
    }
}
