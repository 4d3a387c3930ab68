//! Tree ensembles as `ai.onnx.ml` 5 writes them: nodes and leaves apart, children by index. Set membership is refused; cost as for `TreeEnsembleRegressor`.

use crate::quant::QuantError;
use crate::quant::builder::Builder;
use crate::quant::forest::Compare;

use crate::ops::{Call, Op, Value};

use super::attributes::{ints, reals};
use super::post::Post;
use super::rows::{matrix, rows};
use super::tree::{Aggregate, Ensemble, Flat};

/// See the module's head.
pub(super) struct TreeEnsemble;

impl Op for TreeEnsemble {
    fn name(&self) -> &'static str {
        "TreeEnsemble"
    }

    fn domain(&self) -> &'static str {
        crate::model::onnx::ML_DOMAIN
    }

    fn accepts(&self) -> &'static str {
        "rows of features; trees of comparisons with constants; AVERAGE, SUM, MIN or MAX; no PROBIT, no set membership"
    }

    fn lower(&self, builder: &mut Builder<'_>, call: &Call<'_>) -> Result<Vec<Value>, QuantError> {
        let (rows, width) = rows(call, 0)?;
        let targets = usize::try_from(call.int("n_targets", 1)?).unwrap_or(0);
        if targets == 0 || targets > 1 << 16 {
            return Err(call.refuse(format!("{targets} targets")));
        }
        let ensemble = ensemble(call, targets)?;
        ensemble.check_features(call, width)?;
        let aggregate = match call.int("aggregate_function", 1)? {
            0 => Aggregate::Average,
            1 => Aggregate::Sum,
            2 => Aggregate::Min,
            3 => Aggregate::Max,
            other => return Err(call.refuse(format!("aggregate_function {other}"))),
        };
        let post = match call.int("post_transform", 0)? {
            0 => Post::None,
            1 => Post::Softmax,
            2 => Post::Logistic,
            3 => Post::SoftmaxZero,
            other => return Err(call.refuse(format!("post_transform {other}"))),
        };
        let mut results = Vec::with_capacity(rows.len());
        for row in &rows {
            let scores = ensemble.lower(builder, row, targets, aggregate, &[])?;
            results.push(post.apply(builder, &scores)?);
        }
        Ok(vec![matrix(call, results)?])
    }
}

/// Nodes first, then a leaf for each place where one is used: a tree of one leaf names it twice.
fn ensemble(call: &Call<'_>, targets: usize) -> Result<Ensemble, QuantError> {
    let (features, splits, modes) = (ints(call, "nodes_featureids")?, reals(call, "nodes_splits")?, ints(call, "nodes_modes")?);
    let (yes, no) = (ints(call, "nodes_truenodeids")?, ints(call, "nodes_falsenodeids")?);
    let (yes_leaf, no_leaf) = (ints(call, "nodes_trueleafs")?, ints(call, "nodes_falseleafs")?);
    let n = features.len();
    if n == 0 || [splits.len(), modes.len(), yes.len(), no.len(), yes_leaf.len(), no_leaf.len()].iter().any(|&l| l != n) {
        return Err(call.refuse("the lists `nodes_…` are empty or of different lengths"));
    }
    let (ids, weights) = (ints(call, "leaf_targetids")?, reals(call, "leaf_weights")?);
    let mut leaves = Vec::new();
    let mut child = |index: i64, is_leaf: i64| {
        let found = usize::try_from(index).ok();
        if is_leaf == 0 {
            return found.filter(|&i| i < n).ok_or_else(|| call.refuse(format!("there is no node {index}")));
        }
        let leaf = found.and_then(|i| Some((usize::try_from(*ids.get(i)?).ok()?, *weights.get(i)?)));
        let leaf = leaf.filter(|l| l.0 < targets).ok_or_else(|| call.refuse(format!("there is no leaf {index}")))?;
        leaves.push(Flat::Leaf(vec![leaf]));
        Ok(n + leaves.len() - 1)
    };
    let mut nodes = Vec::with_capacity(n);
    for i in 0..n {
        let compare = match modes[i] {
            0 => Compare::Leq,
            1 => Compare::Lt,
            2 => Compare::Geq,
            3 => Compare::Gt,
            4 => Compare::Eq,
            5 => Compare::Neq,
            other => return Err(call.refuse(format!("node mode {other}"))),
        };
        let feature = usize::try_from(features[i]).map_err(|_| call.refuse(format!("feature {}", features[i])))?;
        let (yes, no) = (child(yes[i], yes_leaf[i])?, child(no[i], no_leaf[i])?);
        nodes.push(Flat::Test { feature, compare, threshold: splits[i], yes, no });
    }
    nodes.extend(leaves);
    let roots: Option<Vec<usize>> =
        ints(call, "tree_roots")?.iter().map(|&r| usize::try_from(r).ok().filter(|&r| r < n)).collect();
    let roots = roots.filter(|r| !r.is_empty()).ok_or_else(|| call.refuse("`tree_roots` names no node"))?;
    // Splits that are floats came from a float model.
    let single = splits.iter().all(|&s| f64::from(s as f32) == s);
    Ensemble::grown(call, nodes, &roots, single)
}
