//! Joins rows of features. Free.

use crate::quant::QuantError;
use crate::quant::builder::Builder;
use crate::quant::form::Form;

use crate::ops::{Call, Op, Value};

use super::attributes::ints;
use super::rows::{matrix, rows};

/// See the module's head.
pub(super) struct FeatureVectorizer;

impl Op for FeatureVectorizer {
    fn name(&self) -> &'static str {
        "FeatureVectorizer"
    }

    fn domain(&self) -> &'static str {
        crate::model::onnx::ML_DOMAIN
    }

    fn accepts(&self) -> &'static str {
        "inputs of as many rows each, at least as wide as `inputdimensions` says"
    }

    fn lower(&self, _builder: &mut Builder<'_>, call: &Call<'_>) -> Result<Vec<Value>, QuantError> {
        let widths = ints(call, "inputdimensions")?;
        let mut joined: Vec<Vec<Form>> = Vec::new();
        for i in 0..call.arity() {
            let (part, width) = rows(call, i)?;
            let wanted = widths.get(i).map_or(Ok(width), |&w| usize::try_from(w));
            let wanted = wanted.ok().filter(|&w| w <= width);
            let wanted = wanted.ok_or_else(|| call.refuse(format!("input {i} has {width} features, fewer than declared")))?;
            joined.resize(joined.len().max(part.len()), Vec::new());
            if part.len() != joined.len() {
                return Err(call.refuse("the inputs differ in rows"));
            }
            for (row, part) in joined.iter_mut().zip(part) {
                row.extend(part.into_iter().take(wanted));
            }
        }
        Ok(vec![matrix(call, joined)?])
    }
}
