//! `coefficients · x + intercepts`. Free.

use crate::quant::QuantError;
use crate::quant::builder::Builder;

use crate::ops::{Call, Op, Value};

use super::linear::scores;
use super::post::Post;
use super::rows::{matrix, rows};

/// See the module's head.
pub(super) struct LinearRegressor;

impl Op for LinearRegressor {
    fn name(&self) -> &'static str {
        "LinearRegressor"
    }

    fn domain(&self) -> &'static str {
        crate::model::onnx::ML_DOMAIN
    }

    fn accepts(&self) -> &'static str {
        "rows of features and as many coefficients for each target; no PROBIT"
    }

    fn lower(&self, builder: &mut Builder<'_>, call: &Call<'_>) -> Result<Vec<Value>, QuantError> {
        let (rows, width) = rows(call, 0)?;
        let post = Post::of(call)?;
        let targets = usize::try_from(call.int("targets", 1)?).unwrap_or(0);
        let mut results = Vec::with_capacity(rows.len());
        for row in &rows {
            let scores = scores(builder, call, row, width, targets)?;
            results.push(post.apply(builder, &scores)?);
        }
        Ok(vec![matrix(call, results)?])
    }
}
