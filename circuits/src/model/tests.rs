//! What is refused, by exact variant.

use proptest::prelude::*;
use prost::Message;
use tract_onnx::pb::{
    AttributeProto, GraphProto, ModelProto, StringStringEntryProto, TensorProto, attribute_proto::AttributeType,
    tensor_proto::DataLocation, tensor_shape_proto::dimension::Value as Dim, type_proto::Value as Type,
};

use super::fixture::{OnnxBuilder, int, mlp};
use super::tensor::Tensor;
use super::{Constant, Graph, ModelError, ModelSpec};
use crate::ops::OpError;
use crate::quant::{Options, QuantError, compile};

/// The MLP after `change`, imported.
fn changed(change: impl FnOnce(&mut ModelProto)) -> Result<Graph, ModelError> {
    let mut model = ModelProto::decode(mlp("Relu", vec![]).as_slice()).unwrap();
    change(&mut model);
    Graph::from_onnx(&model.encode_to_vec())
}

fn graph(model: &mut ModelProto) -> &mut GraphProto {
    model.graph.as_mut().unwrap()
}

fn set_dim(model: &mut ModelProto, value: Option<Dim>) {
    set_axis(model, 0, value);
}

fn set_axis(model: &mut ModelProto, axis: usize, value: Option<Dim>) {
    let Some(Type::TensorType(t)) = &mut graph(model).input[0].r#type.as_mut().unwrap().value else { unreachable!() };
    t.shape.as_mut().unwrap().dim[axis].value = value;
}

#[test]
fn the_unchanged_model_is_accepted() {
    let graph = changed(|_| {}).unwrap();
    assert_eq!((graph.input_width(), graph.nodes.len(), graph.opset), (4, 3, 13));
}

#[test]
fn bytes_that_are_no_onnx_are_refused() {
    for bytes in [&b"not a model at all"[..], b"", b"{\"json\": 1}", &[0xff; 64]] {
        let error = Graph::from_onnx(bytes).unwrap_err();
        assert!(matches!(error, ModelError::NotOnnx { .. }), "{error}");
    }
    let error = changed(|m| m.graph = None).unwrap_err();
    assert_eq!(error, ModelError::NotOnnx { reason: "no graph inside".into() });
}

#[test]
fn an_open_batch_is_fixed_to_one() {
    for value in [Some(Dim::DimParam("batch".into())), Some(Dim::DimValue(0)), Some(Dim::DimValue(-1)), None] {
        assert_eq!(changed(|m| set_dim(m, value)).unwrap().inputs[0].shape, vec![1, 4]);
    }
}

#[test]
fn other_dynamic_dimensions_are_refused_with_the_axis() {
    let cases = [
        (Some(Dim::DimParam("batch".into())), "`batch`"),
        (Some(Dim::DimValue(0)), "0"),
        (Some(Dim::DimValue(-1)), "-1"),
        (None, "unknown"),
    ];
    for (value, got) in cases {
        let error = changed(|m| set_axis(m, 1, value)).unwrap_err();
        assert_eq!(error, ModelError::DynamicShape { input: "x".into(), axis: 1, got: got.into() });
    }
}

#[test]
fn weights_are_numbers_and_infinities_become_the_largest_one() {
    let with = |v: f32| changed(|m| graph(m).initializer[0].raw_data[4..8].copy_from_slice(&v.to_le_bytes()));
    let expected = ModelError::NotFinite { name: "w1".into(), index: 1, value: "NaN".into() };
    assert_eq!(with(f32::NAN), Err(expected));
    for (given, kept) in [(f32::INFINITY, f32::MAX), (f32::NEG_INFINITY, f32::MIN)] {
        let graph = with(given).unwrap();
        assert!(matches!(&graph.constants["w1"], Constant::Real(t) if t.data()[1] == f64::from(kept)));
    }
}

#[test]
fn tensors_must_hold_their_data() {
    let error = changed(|m| graph(m).initializer[0].raw_data.truncate(16)).unwrap_err();
    assert_eq!(error, ModelError::TensorData { name: "w1".into(), shape: vec![8, 4], expected: 32, got: 4 });
    let error = changed(|m| graph(m).initializer[0].data_location = Some(DataLocation::External as i32)).unwrap_err();
    assert_eq!(error, ModelError::ExternalData { name: "w1".into() });
    let entry = StringStringEntryProto { key: "location".into(), value: "w.bin".into() };
    let error = changed(|m| graph(m).initializer[0].external_data = vec![entry]).unwrap_err();
    assert_eq!(error, ModelError::ExternalData { name: "w1".into() });
    let error = changed(|m| graph(m).initializer[0].data_type = 14).unwrap_err();
    assert!(matches!(&error, ModelError::Type { got, .. } if got == "COMPLEX64"), "{error}");
    let unused = TensorProto { name: "text".into(), dims: vec![1], data_type: 8, string_data: vec![b"a".to_vec()], ..Default::default() };
    assert!(changed(|m| graph(m).initializer.push(unused)).is_ok());
    let error = changed(|m| graph(m).initializer[0].dims = vec![1 << 40, 1 << 40]).unwrap_err();
    assert!(matches!(error, ModelError::TooLarge { .. }), "{error}");
}

#[test]
fn opsets_domains_and_subgraphs_are_refused() {
    for version in [0, 6, 22] {
        let error = changed(|m| m.opset_import[0].version = version).unwrap_err();
        assert_eq!(error, ModelError::Opset { got: version, min: 7, max: 21 });
    }
    let error = changed(|m| graph(m).node[1].domain = "com.microsoft".into()).unwrap_err();
    let (node, op, domain) = ("Relu_a".into(), "Relu".into(), "com.microsoft".into());
    assert_eq!(error, ModelError::Domain { node, op, domain });
    let body = AttributeProto { name: "body".into(), r#type: AttributeType::Graph as i32, ..Default::default() };
    let error = changed(|m| graph(m).node[1].attribute.push(body)).unwrap_err();
    assert_eq!(error, ModelError::Unsupported { name: "Relu_a.body".into(), what: "subgraphs (If, Loop, Scan) are" });
}

#[test]
fn graphs_must_be_complete_and_acyclic() {
    let error = changed(|m| graph(m).node[0].input[0] = "a".into()).unwrap_err();
    assert_eq!(error, ModelError::UnknownValue { node: "Gemm_h".into(), name: "a".into() });
    let error = changed(|m| graph(m).node[2].output[0] = "h".into()).unwrap_err();
    assert_eq!(error, ModelError::Duplicate { name: "h".into() });
    let error = changed(|m| graph(m).output[0].name = "z".into()).unwrap_err();
    assert_eq!(error, ModelError::UnknownValue { node: "graph output".into(), name: "z".into() });
}

#[test]
fn nodes_out_of_order_are_sorted() {
    let graph = changed(|m| graph(m).node.reverse()).unwrap();
    let ops: Vec<&str> = graph.nodes.iter().map(|n| n.op.as_str()).collect();
    assert_eq!(ops, ["Gemm", "Relu", "Gemm"]);
}

fn refused(onnx: &[u8]) -> QuantError {
    compile(onnx, None, None, &Options::default()).unwrap_err()
}

#[test]
fn an_unknown_op_is_named_with_its_node() {
    let error = refused(&mlp("Unheard", vec![]));
    let expected = "op `Unheard` (node `Unheard_a`) is not supported; supported are A";
    assert!(error.to_string().starts_with(expected), "{error}");
    assert!(matches!(error, QuantError::Op(OpError::Unknown { .. })));
}

#[test]
fn bad_arguments_of_ops_are_refused() {
    let case = |op: &str, extra: &[&str], attributes| {
        let mut m = OnnxBuilder::new(&[2, 3]);
        m.weights("k", &[2], &[1.0, 0.0]).weights("z", &[], &[0.0]).ints("s", &[4, -1]).ints("huge", &[i64::MAX, 9]);
        let inputs = [&["x"], extra].concat();
        refused(&m.node(op, &inputs, "y", attributes).bytes(&[2, 3]))
    };
    let cases = [
        case("Add", &["k"], vec![]),
        case("Div", &["z"], vec![]),
        case("Add", &[], vec![]),
        case("Reshape", &["s"], vec![]),
        case("Reshape", &["huge"], vec![]),
        case("Clip", &["k"], vec![]),
        case("Squeeze", &[], vec![crate::model::fixture::ints("axes", &[1])]),
        case("Flatten", &[], vec![int("axis", 5)]),
        case("Transpose", &[], vec![crate::model::fixture::ints("perm", &[0, 0])]),
        case("Concat", &["k"], vec![int("axis", 0)]),
        case("Cast", &[], vec![int("to", 8)]),
    ];
    for error in cases {
        assert!(matches!(error, QuantError::Op(OpError::Refused { .. })), "{error}");
    }
}

#[test]
fn sources_and_outputs_must_fit_the_graph() {
    let schema = r#"{"name":"m","version":1,"period":60,"fields":[{"name":"p","unit":"usd","scale":100}]}"#;
    let spec = |inputs: usize, outputs: usize| {
        let input = r#"{"schema":"s","kind":"public","domain":[[0,1]]}"#;
        let output = r#"{"name":"o","scale":1}"#;
        let (inputs, outputs) = (vec![input; inputs].join(","), vec![output; outputs].join(","));
        let json = format!(r#"{{"name":"t","inputs":[{inputs}],"outputs":[{outputs}]}}"#);
        ModelSpec::parse(json.as_bytes(), |_| Ok(schema.as_bytes().to_vec())).unwrap()
    };
    let run = |spec: &ModelSpec| compile(&mlp("Relu", vec![]), Some(spec), None, &Options::default());
    assert_eq!(run(&spec(4, 3)).unwrap().program.sources, vec![1; 4]);
    let error = run(&spec(3, 3)).unwrap_err();
    assert_eq!(error, QuantError::Model(ModelError::SourceWidth { expected: 4, got: 3 }));
    assert_eq!(run(&spec(4, 2)).unwrap_err(), QuantError::OutputWidth { expected: 2, got: 3 });
}

proptest! {
    #[test]
    fn damaged_files_never_panic(at in 0usize..10_000, flip in 1u8.., cut in 0usize..10_000) {
        let mut bytes = mlp("Clip", vec![]);
        let length = bytes.len();
        bytes[at % length] ^= flip;
        let _ = compile(&bytes, None, None, &Options::default());
        bytes.truncate(cut % length);
        let _ = compile(&bytes, None, None, &Options::default());
    }
}

#[test]
fn initialisers_of_every_number_type_are_read() {
    let read = |data_type: i32, raw: &[u8], ints: &[i32]| {
        let tensor = TensorProto {
            name: "t".into(),
            dims: vec![2],
            data_type,
            raw_data: raw.to_vec(),
            int32_data: ints.to_vec(),
            ..Default::default()
        };
        changed(|m| graph(m).initializer.push(tensor)).unwrap().constants["t"].clone()
    };
    let int = |a, b| Constant::Int(Tensor::vector(vec![a, b]));
    let real = |a, b| Constant::Real(Tensor::vector(vec![a, b]));
    assert_eq!((read(2, &[1, 255], &[]), read(3, &[1, 255], &[])), (int(1, 255), int(1, -1)));
    assert_eq!((read(4, &[1, 0, 255, 255], &[]), read(5, &[1, 0, 255, 255], &[])), (int(1, 65535), int(1, -1)));
    assert_eq!((read(3, &[], &[7, -7]), read(9, &[], &[0, 1])), (int(7, -7), int(0, 1)));
    assert_eq!(read(12, &[1, 0, 0, 0, 255, 255, 255, 255], &[]), int(1, i64::from(u32::MAX)));
    assert_eq!(read(10, &[0x00, 0x3e, 0x00, 0xc0], &[]), real(1.5, -2.0));
    assert_eq!(
        (read(10, &[], &[0x3e00, 0xc000]), read(16, &[], &[0x3fc0, 0xc000])),
        (real(1.5, -2.0), real(1.5, -2.0))
    );
    // The smallest half above 0.
    assert_eq!(read(10, &[1, 0, 0, 0x80], &[]), real(2f64.powi(-24), 0.0));
}

#[test]
fn inputs_of_every_number_type_are_read() {
    for (code, accepted) in
        [(1, true), (6, true), (7, true), (8, false), (9, true), (10, true), (11, true), (14, false)]
    {
        let set = |m: &mut ModelProto| {
            let Some(Type::TensorType(t)) = &mut graph(m).input[0].r#type.as_mut().unwrap().value else {
                unreachable!()
            };
            t.elem_type = code;
        };
        assert_eq!(changed(set).is_ok(), accepted, "{code}");
    }
}
