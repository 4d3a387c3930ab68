//! What exports of classical models (scikit-learn, XGBoost, LightGBM) carry beyond tensors of numbers, taken out before the file is read.
//!
//! - `ZipMap` makes dictionaries of a tensor of probabilities: the tensor itself becomes the output.
//! - Labels that are text become their indices: `0, 1, …` in the order of the file.
//! - An `Imputer`'s NaN is left out: inputs are never NaN.
//! - The first dimension of an input (the batch) that is left open becomes 1.
//!
//! Both the compiler and the float reference read the simplified model, so they agree on what an output is.

use std::collections::BTreeMap;

use tract_onnx::pb::{
    AttributeProto, GraphProto, ModelProto, TensorProto, ValueInfoProto, attribute_proto::AttributeType,
    tensor_proto::DataType, tensor_shape_proto::dimension::Value as Dim, type_proto::Value as Type,
};

use super::onnx::ML_DOMAIN;

/// Attributes that list the labels of a classifier as text, and those that list them as integers.
const LABELS: [(&str, &str, &str); 4] = [
    ("TreeEnsembleClassifier", "classlabels_strings", "classlabels_int64s"),
    ("LinearClassifier", "classlabels_strings", "classlabels_ints"),
    ("SVMClassifier", "classlabels_strings", "classlabels_ints"),
    ("ZipMap", "classlabels_strings", "classlabels_int64s"),
];

/// The same model without dictionaries, text labels and open batches.
pub fn simplified(mut model: ModelProto) -> ModelProto {
    if let Some(graph) = model.graph.as_mut() {
        drop_zip_maps(graph);
        number_labels(graph);
        drop_missing(graph);
        graph.initializer.iter_mut().for_each(number_texts);
        graph.input.iter_mut().for_each(fix_batch);
    }
    model
}

/// Removes every `ZipMap`; what read its output reads its input.
fn drop_zip_maps(graph: &mut GraphProto) {
    let mut renamed: BTreeMap<String, String> = BTreeMap::new();
    graph.node.retain(|node| {
        let (true, [from], [to]) = (is_ml(&node.domain, &node.op_type, "ZipMap"), &node.input[..], &node.output[..]) else {
            return true;
        };
        renamed.insert(to.clone(), from.clone());
        false
    });
    if renamed.is_empty() {
        return;
    }
    let rename = |name: &mut String| {
        if let Some(from) = renamed.get(name) {
            name.clone_from(from);
        }
    };
    graph.node.iter_mut().flat_map(|n| &mut n.input).for_each(rename);
    for output in &mut graph.output {
        if let Some(from) = renamed.get(&output.name) {
            // The declared type was a sequence or a map.
            *output = ValueInfoProto { name: from.clone(), ..ValueInfoProto::default() };
        }
    }
}

fn is_ml(domain: &str, op: &str, name: &str) -> bool {
    domain == ML_DOMAIN && op == name
}

fn number_labels(graph: &mut GraphProto) {
    for node in &mut graph.node {
        let Some((_, text, int)) = LABELS.iter().find(|l| is_ml(&node.domain, &node.op_type, l.0)) else { continue };
        let has_ints = node.attribute.iter().any(|a| a.name == *int && !a.ints.is_empty());
        let Some(at) = node.attribute.iter().position(|a| a.name == *text) else { continue };
        let labels = node.attribute.remove(at).strings.len();
        if labels > 0 && !has_ints {
            node.attribute.retain(|a| a.name != *int);
            node.attribute.push(AttributeProto {
                name: (*int).into(),
                r#type: AttributeType::Ints as i32,
                ints: (0..labels as i64).collect(),
                ..AttributeProto::default()
            });
        }
    }
}

/// Inputs are never NaN: an `Imputer` that replaces NaN replaces nothing.
fn drop_missing(graph: &mut GraphProto) {
    for node in graph.node.iter_mut().filter(|n| is_ml(&n.domain, &n.op_type, "Imputer")) {
        node.attribute.retain(|a| a.name != "replaced_value_float" || !a.f.is_nan());
    }
}

/// A tensor of text as the indices of its elements.
fn number_texts(tensor: &mut TensorProto) {
    if tensor.data_type == DataType::String as i32 {
        tensor.data_type = DataType::Int64 as i32;
        tensor.int64_data = (0..tensor.string_data.len() as i64).collect();
        tensor.string_data.clear();
    }
}

/// An open first dimension (without a size, with a name, or not positive) becomes 1.
fn fix_batch(input: &mut ValueInfoProto) {
    let Some(Type::TensorType(tensor)) = input.r#type.as_mut().and_then(|t| t.value.as_mut()) else { return };
    let Some(first) = tensor.shape.as_mut().and_then(|s| s.dim.first_mut()) else { return };
    if !matches!(first.value, Some(Dim::DimValue(size)) if size > 0) {
        tracing::info!(input = %input.name, "the first dimension is open: the batch is fixed to 1");
        first.value = Some(Dim::DimValue(1));
    }
}
