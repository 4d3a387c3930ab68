//! Classical models (domain `ai.onnx.ml`): trees, linear models, support vector machines, and what prepares their features.

mod array_feature_extractor;
mod attributes;
mod binarizer;
mod feature_vectorizer;
mod imputer;
mod label_encoder;
mod linear;
mod linear_classifier;
mod linear_regressor;
mod normalizer;
mod one_hot_encoder;
mod post;
mod rows;
mod scaler;
mod svm;
mod svm_classifier;
mod svm_regressor;
#[cfg(test)]
mod tests;
mod tree;
mod tree_ensemble;
mod tree_ensemble_classifier;
mod tree_ensemble_regressor;

use super::Op;

/// The family's ops, sorted by name.
pub(super) static OPS: &[&dyn Op] = &[
    &array_feature_extractor::ArrayFeatureExtractor,
    &binarizer::Binarizer,
    &feature_vectorizer::FeatureVectorizer,
    &imputer::Imputer,
    &label_encoder::LabelEncoder,
    &linear_classifier::LinearClassifier,
    &linear_regressor::LinearRegressor,
    &normalizer::Normalizer,
    &one_hot_encoder::OneHotEncoder,
    &svm_classifier::SvmClassifier,
    &svm_regressor::SvmRegressor,
    &scaler::Scaler,
    &tree_ensemble::TreeEnsemble,
    &tree_ensemble_classifier::TreeEnsembleClassifier,
    &tree_ensemble_regressor::TreeEnsembleRegressor,
];
