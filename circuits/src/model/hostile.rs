//! Files that were made to do harm: no panic, and no more memory than the limits allow.

use std::time::Instant;

use proptest::prelude::*;
use prost::Message;
use tract_onnx::pb::{GraphProto, ModelProto, type_proto::Value as Type};

use super::fixture::{OnnxBuilder, float, int, ints, mlp, text};
use super::onnx::{MAX_INPUTS, MAX_NODES};
use super::{Graph, ModelError};
use crate::ops::OpError;
use crate::quant::{Options, QuantError, compile};

fn refused(onnx: &[u8]) -> QuantError {
    compile(onnx, None, None, &Options::default()).unwrap_err()
}

/// Elementwise, shape and matrix ops with constants of each kind.
fn mixed() -> Vec<u8> {
    let mut m = OnnxBuilder::new(&[2, 3]);
    m.weights("mean", &[3], &[0.5, -1.0, 2.0]).random("w", &[3, 4], 1.0).ints("shape", &[0, -1]).ints("axes", &[0]);
    m.weights("lo", &[], &[-1.5]).weights("hi", &[], &[2.5]);
    m.node("Sub", &["x", "mean"], "c", vec![]).node("MatMul", &["c", "w"], "p", vec![]);
    m.node("Clip", &["p", "lo", "hi"], "q", vec![]).node("LeakyRelu", &["q"], "d", vec![float("alpha", 0.2)]);
    m.node("Transpose", &["d"], "t", vec![ints("perm", &[1, 0])]).node("Unsqueeze", &["t", "axes"], "u", vec![]);
    m.node("Squeeze", &["u", "axes"], "v", vec![]).node("Reshape", &["v", "shape"], "r", vec![]);
    m.node("Concat", &["r", "r"], "k", vec![int("axis", 1)]).node("Flatten", &["k"], "o", vec![int("axis", 0)]);
    m.bytes(&[1, 16])
}

fn models() -> Vec<Vec<u8>> {
    let activations = ["Relu", "Sigmoid", "Tanh", "LeakyRelu", "Identity"];
    activations.iter().map(|op| mlp(op, vec![])).chain([mixed()]).collect()
}

const EDGES: [i64; 15] =
    [0, -1, 1, 2, 33, 1 << 12, 1 << 20, 1 << 24, (1 << 24) + 1, 1 << 31, 1 << 32, 1 << 40, 1 << 62, i64::MAX, i64::MIN];

/// Sizes and integers that break arithmetic somewhere.
fn huge() -> impl Strategy<Value = i64> {
    prop_oneof![prop::sample::select(&EDGES[..]), any::<i64>()]
}

/// Damage that keeps the file a protobuf.
#[derive(Clone, Debug)]
enum Damage {
    InputDims(Vec<i64>),
    WeightDims(usize, Vec<i64>),
    EmptyWeight(usize, Vec<i64>),
    Ints(usize, Vec<i64>),
    Attribute(usize, Vec<i64>),
    Rewire(usize, usize, usize),
    Rename(usize, usize),
    Copies(usize, usize),
}

fn damage() -> impl Strategy<Value = Damage> {
    let dims = || prop::collection::vec(huge(), 0..5);
    let at = 0usize..12;
    prop_oneof![
        dims().prop_map(Damage::InputDims),
        (at.clone(), dims()).prop_map(|(i, d)| Damage::WeightDims(i, d)),
        (at.clone(), dims()).prop_map(|(i, d)| Damage::EmptyWeight(i, d)),
        (at.clone(), prop::collection::vec(huge(), 0..40)).prop_map(|(i, d)| Damage::Ints(i, d)),
        (at.clone(), dims()).prop_map(|(i, d)| Damage::Attribute(i, d)),
        (at.clone(), 0usize..3, at.clone()).prop_map(|(i, j, k)| Damage::Rewire(i, j, k)),
        (at.clone(), at.clone()).prop_map(|(i, j)| Damage::Rename(i, j)),
        (at, 1usize..300).prop_map(|(i, n)| Damage::Copies(i, n)),
    ]
}

fn pick<T>(list: &mut [T], at: usize) -> Option<&mut T> {
    let count = list.len().max(1);
    list.get_mut(at % count)
}

fn apply(graph: &mut GraphProto, damage: Damage) {
    match damage {
        Damage::InputDims(dims) => {
            let Some(Type::TensorType(t)) = &mut graph.input[0].r#type.as_mut().unwrap().value else { return };
            let dim = |d: i64| tract_onnx::pb::tensor_shape_proto::Dimension {
                value: Some(tract_onnx::pb::tensor_shape_proto::dimension::Value::DimValue(d)),
                ..Default::default()
            };
            t.shape.as_mut().unwrap().dim = dims.into_iter().map(dim).collect();
        }
        Damage::WeightDims(i, dims) => {
            pick(&mut graph.initializer, i).into_iter().for_each(|t| t.dims.clone_from(&dims))
        }
        Damage::EmptyWeight(i, dims) => pick(&mut graph.initializer, i).into_iter().for_each(|t| {
            t.dims.clone_from(&dims);
            (t.raw_data, t.int64_data) = (vec![], vec![]);
        }),
        Damage::Ints(i, values) => pick(&mut graph.initializer, i).into_iter().for_each(|t| {
            t.data_type = 7;
            t.dims = vec![values.len() as i64];
            (t.raw_data, t.int64_data) = (vec![], values.clone());
        }),
        Damage::Attribute(i, values) => pick(&mut graph.node, i).into_iter().for_each(|node| {
            let name = ["axis", "perm", "axes", "transA", "to", "allowzero"][values.len() % 6];
            let value = if values.len() % 2 == 0 {
                int(name, values.first().copied().unwrap_or(0))
            } else {
                ints(name, &values)
            };
            node.attribute = vec![value];
        }),
        Damage::Rewire(i, j, k) => {
            let name = pick(&mut graph.node, k).map(|n| n.output[0].clone()).unwrap_or_default();
            pick(&mut graph.node, i).and_then(|n| pick(&mut n.input, j)).into_iter().for_each(|x| x.clone_from(&name));
        }
        Damage::Rename(i, j) => {
            let op = pick(&mut graph.node, j).map(|n| n.op_type.clone()).unwrap_or_default();
            pick(&mut graph.node, i).into_iter().for_each(|n| n.op_type.clone_from(&op));
        }
        Damage::Copies(i, n) => {
            let count = graph.node.len();
            let mut node = graph.node[i % count].clone();
            for copy in 0..n {
                node.input[0] = node.output[0].clone();
                node.output[0] = format!("copy{copy}");
                graph.node.push(node.clone());
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn damaged_bytes_never_panic(
        model in 0usize..6,
        flips in prop::collection::vec((any::<prop::sample::Index>(), 1u8..), 0..6),
        repeat in prop::option::of((any::<prop::sample::Index>(), any::<prop::sample::Index>(), 1usize..50)),
        cut in prop::option::of(any::<prop::sample::Index>()),
    ) {
        let mut bytes = models()[model].clone();
        for (at, flip) in flips {
            *at.get_mut(&mut bytes) ^= flip;
        }
        if let Some((from, to, times)) = repeat {
            let (from, to) = (from.index(bytes.len()), to.index(bytes.len()));
            let part = bytes[from.min(to)..from.max(to)].repeat(times);
            bytes.splice(from..from, part);
        }
        if let Some(cut) = cut {
            bytes.truncate(cut.index(bytes.len()));
        }
        let _ = compile(&bytes, None, None, &Options::default());
    }

    #[test]
    fn damaged_graphs_never_panic(model in 0usize..6, damage in prop::collection::vec(damage(), 1..4)) {
        let mut model = ModelProto::decode(models()[model].as_slice()).unwrap();
        damage.into_iter().for_each(|damage| apply(model.graph.as_mut().unwrap(), damage));
        let bytes = model.encode_to_vec();
        // A graph of many inputs is sound and slow: what becomes of it is no question of form.
        if Graph::from_onnx(&bytes).is_ok_and(|graph| graph.input_width() <= 4096) {
            let _ = compile(&bytes, None, None, &Options::default());
        }
    }
}

#[test]
fn inputs_of_too_many_values_are_refused() {
    let onnx = OnnxBuilder::new(&[1 << 10, (1 << 10) + 1]).node("Relu", &["x"], "y", vec![]).bytes(&[1]);
    let got = MAX_INPUTS + (1 << 10);
    let expected = ModelError::TooLarge { what: "values of all inputs", limit: MAX_INPUTS, got };
    assert_eq!(Graph::from_onnx(&onnx), Err(expected));
}

#[test]
fn products_that_would_compose_too_many_terms_are_refused() {
    // Weights of 2^24 elements by broadcasting two vectors: a file of a few kilobytes that asks for 2^34 terms.
    let mut m = OnnxBuilder::new(&[1 << 10, 1 << 6]);
    m.random("row", &[1, 1 << 14], 1.0).random("column", &[1 << 6, 1], 1.0);
    m.node("Add", &["row", "column"], "w", vec![]).node("MatMul", &["x", "w"], "y", vec![]);
    let error = refused(&m.bytes(&[1 << 10, 1 << 14]));
    assert!(matches!(error, QuantError::Model(ModelError::TooLarge { what: "terms of linear forms", .. })), "{error}");
}

#[test]
fn tensors_of_too_many_dimensions_are_refused() {
    let mut m = OnnxBuilder::new(&[2, 3]);
    let axes: Vec<i64> = (0..1 << 20).collect();
    let error = refused(&m.ints("axes", &axes).node("Unsqueeze", &["x", "axes"], "y", vec![]).bytes(&[1]));
    assert!(matches!(error, QuantError::Op(OpError::Refused { .. })), "{error}");
    let mut m = OnnxBuilder::new(&[2, 3]);
    let error = refused(&m.ints("shape", &[1; 40]).node("Reshape", &["x", "shape"], "y", vec![]).bytes(&[1]));
    assert!(matches!(error, QuantError::Op(OpError::Refused { .. })), "{error}");
}

#[test]
fn empty_tensors_with_huge_sizes_are_refused() {
    for dims in [[0, 1 << 40, 1 << 40], [1 << 40, 0, 1 << 40], [1 << 40, 1 << 40, 0]] {
        let mut m = OnnxBuilder::new(&[2]);
        let onnx = m
            .weights("w", &dims, &[])
            .node("Transpose", &["w"], "t", vec![])
            .node("Relu", &["x"], "y", vec![])
            .bytes(&[2]);
        assert!(matches!(Graph::from_onnx(&onnx), Err(ModelError::TooLarge { .. })), "{dims:?}");
    }
}

#[test]
fn a_long_graph_in_the_worst_order_is_sorted_at_once() {
    let mut m = OnnxBuilder::new(&[1]);
    m.node("Identity", &["x"], "n0", vec![]);
    for i in 1..20_000 {
        m.node("Identity", &[&format!("n{}", i - 1)], &format!("n{i}"), vec![]);
    }
    m.graph().node.reverse();
    m.node("Identity", &["n19999"], "y", vec![]);
    let onnx = m.bytes(&[1]);
    let start = Instant::now();
    let graph = Graph::from_onnx(&onnx).unwrap();
    assert_eq!((graph.nodes.len(), graph.nodes[1].outputs[0].as_str()), (20_001, "n1"));
    assert!(start.elapsed().as_secs() < 20, "{:?}", start.elapsed());
    let mut many = m.model.clone();
    many.graph.as_mut().unwrap().node = vec![Default::default(); MAX_NODES + 1];
    let got = MAX_NODES + 1;
    let expected = ModelError::TooLarge { what: "number of nodes", limit: MAX_NODES, got };
    assert_eq!(Graph::from_onnx(&many.encode_to_vec()), Err(expected));
}

/// What one node of constants and the input `x` is refused for.
fn refusal(m: &mut OnnxBuilder, op: &str, inputs: &[&str], attributes: Vec<tract_onnx::pb::AttributeProto>) -> String {
    let error = refused(&m.node(op, inputs, "y", attributes).bytes(&[1]));
    assert!(matches!(error, QuantError::Op(OpError::Refused { .. })), "{error}");
    error.to_string()
}

#[test]
fn an_output_type_that_is_none_is_refused() {
    let mut m = OnnxBuilder::new(&[2]);
    let error = refusal(
        m.opset(21).weights("s", &[], &[0.5]),
        "QuantizeLinear",
        &["x", "s"],
        vec![int("output_dtype", i64::MIN)],
    );
    assert!(error.contains("output_dtype"), "{error}");
}

#[test]
fn pads_that_wrap_are_refused() {
    for pads in [[i64::MIN, i64::MAX], [i64::MAX, i64::MIN]] {
        let mut m = OnnxBuilder::new(&[2]);
        let error = refusal(m.ints("pads", &pads), "Pad", &["x", "pads"], vec![text("mode", "edge")]);
        assert!(error.contains("of size 2"), "{error}");
    }
}

#[test]
fn tensors_that_live_indices_make_too_large_are_refused() {
    let indices = |rows: &[i64], shape: &[i64]| {
        let mut m = OnnxBuilder::new(&[1]);
        m.ints("rows", rows).ints("shape", shape).node("ConstantOfShape", &["shape"], "data", vec![]);
        m.node("Expand", &["x", "rows"], "i", vec![]);
        m
    };
    let mut m = indices(&[1 << 13], &[1 << 12, 2]);
    let error = refusal(&mut m, "Gather", &["data", "i"], vec![int("axis", 1)]);
    assert!(error.contains("too large"), "{error}");
    let mut m = indices(&[1 << 13, 1], &[2, 1 << 12]);
    let error = refusal(&mut m, "GatherND", &["data", "i"], vec![]);
    assert!(error.contains("too large"), "{error}");
}

#[test]
fn more_groups_than_channels_are_refused() {
    // Any number of groups divides no channels at all.
    let group = || vec![int("group", i64::MAX)];
    for (op, weights) in [("Conv", [1, 3, 1]), ("ConvTranspose", [0, 3, 1])] {
        let mut m = OnnxBuilder::new(&[2]);
        let data = vec![0.5; weights.iter().product::<i64>() as usize];
        m.weights("k", &[1, 0, 3], &[]).weights("w", &weights, &data);
        let error = refusal(&mut m, op, &["k", "w"], group());
        assert!(error.contains("group"), "{error}");
    }
    let mut m = OnnxBuilder::new(&[2]);
    m.int_tensor("k", &[1, 0, 3], &[]).int_tensor("w", &[0, 0, 1], &[]);
    let error = refusal(&mut m, "ConvInteger", &["k", "w"], group());
    assert!(error.contains("group"), "{error}");
}
