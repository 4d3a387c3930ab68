//! Sums (or means, smallest, largest) of decision trees. Comparisons are one lane each, shared by all trees; a tree of up to three levels takes about eight rows more
//! for one target; see `quant/forest.rs`.

use crate::quant::QuantError;
use crate::quant::builder::Builder;

use crate::ops::{Call, Op, Value};

use super::attributes;
use super::post::Post;
use super::rows::{matrix, rows};
use super::tree::{Aggregate, Ensemble, single_or_double};

/// See the module's head.
pub(super) struct TreeEnsembleRegressor;

impl Op for TreeEnsembleRegressor {
    fn name(&self) -> &'static str {
        "TreeEnsembleRegressor"
    }

    fn domain(&self) -> &'static str {
        crate::model::onnx::ML_DOMAIN
    }

    fn accepts(&self) -> &'static str {
        "rows of features; trees of comparisons with constants; SUM, AVERAGE, MIN or MAX; no PROBIT"
    }

    fn lower(&self, builder: &mut Builder<'_>, call: &Call<'_>) -> Result<Vec<Value>, QuantError> {
        let (rows, width) = rows(call, 0)?;
        let targets = usize::try_from(call.int("n_targets", 1)?).unwrap_or(0);
        if targets == 0 || targets > 1 << 16 {
            return Err(call.refuse(format!("{targets} targets")));
        }
        let ensemble = Ensemble::of(call, "target", targets)?;
        let aggregate = match attributes::text(call, "aggregate_function", "SUM")? {
            "SUM" => Aggregate::Sum,
            "AVERAGE" => Aggregate::Average,
            "MIN" => Aggregate::Min,
            "MAX" => Aggregate::Max,
            other => return Err(call.refuse(format!("aggregate_function {other}"))),
        };
        ensemble.check_features(call, width)?;
        let (base, _) = single_or_double(call, "base_values")?;
        let post = Post::of(call)?;
        let mut results = Vec::with_capacity(rows.len());
        for row in &rows {
            let scores = ensemble.lower(builder, row, targets, aggregate, base)?;
            results.push(post.apply(builder, &scores)?);
        }
        Ok(vec![matrix(call, results)?])
    }
}
