//! Classical models (domain `ai.onnx.ml`): trees, linear models, support vector machines, and what prepares their features.

mod attributes;
mod post;
mod rows;
mod tree;
mod tree_ensemble_classifier;
mod tree_ensemble_regressor;

use super::Op;

/// The family's ops, sorted by name.
pub(super) static OPS: &[&dyn Op] = &[
    &tree_ensemble_classifier::TreeEnsembleClassifier,
    &tree_ensemble_regressor::TreeEnsembleRegressor,
];
