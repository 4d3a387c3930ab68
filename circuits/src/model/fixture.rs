//! Small ONNX models for tests, built as protobuf.

use prost::Message;
use rand::{Rng, SeedableRng, rngs::StdRng};
use tract_onnx::pb::{
    AttributeProto, GraphProto, ModelProto, NodeProto, OperatorSetIdProto, TensorProto, TensorShapeProto, TypeProto,
    ValueInfoProto, attribute_proto::AttributeType, tensor_proto::DataType, tensor_shape_proto, type_proto,
};

/// An ONNX model under construction; the last node's first output is the graph's.
pub(crate) struct OnnxBuilder {
    pub model: ModelProto,
    rng: StdRng,
}

impl OnnxBuilder {
    /// A model with one float input `x` of this shape.
    pub fn new(shape: &[i64]) -> Self {
        let graph = GraphProto { name: "test".into(), input: vec![tensor_info("x", shape)], ..Default::default() };
        let model = ModelProto {
            ir_version: 8,
            opset_import: vec![OperatorSetIdProto { domain: String::new(), version: 13 }],
            graph: Some(graph),
            ..Default::default()
        };
        Self { model, rng: StdRng::seed_from_u64(7) }
    }

    pub fn graph(&mut self) -> &mut GraphProto {
        self.model.graph.as_mut().unwrap()
    }

    /// A float initialiser.
    pub fn weights(&mut self, name: &str, dims: &[i64], data: &[f32]) -> &mut Self {
        let tensor = TensorProto {
            name: name.into(),
            dims: dims.to_vec(),
            data_type: DataType::Float as i32,
            raw_data: data.iter().flat_map(|f| f.to_le_bytes()).collect(),
            ..Default::default()
        };
        self.graph().initializer.push(tensor);
        self
    }

    /// A float initialiser of reproducible values in `±limit`.
    pub fn random(&mut self, name: &str, dims: &[i64], limit: f32) -> &mut Self {
        let count = dims.iter().product::<i64>();
        let data: Vec<f32> = (0..count).map(|_| self.rng.gen_range(-limit..limit)).collect();
        self.weights(name, dims, &data)
    }

    /// An integer initialiser.
    pub fn ints(&mut self, name: &str, data: &[i64]) -> &mut Self {
        let tensor = TensorProto {
            name: name.into(),
            dims: vec![data.len() as i64],
            data_type: DataType::Int64 as i32,
            int64_data: data.to_vec(),
            ..Default::default()
        };
        self.graph().initializer.push(tensor);
        self
    }

    /// An integer initialiser of any shape.
    pub fn int_tensor(&mut self, name: &str, dims: &[i64], data: &[i64]) -> &mut Self {
        self.ints(name, data);
        if let Some(tensor) = self.graph().initializer.last_mut() {
            tensor.dims = dims.to_vec();
        }
        self
    }

    /// The type of the input `x`, in place of float.
    pub fn typed(&mut self, kind: DataType) -> &mut Self {
        if let Some(type_proto::Value::TensorType(t)) =
            self.graph().input[0].r#type.as_mut().and_then(|t| t.value.as_mut())
        {
            t.elem_type = kind as i32;
        }
        self
    }

    /// Another operator set than 13.
    pub fn opset(&mut self, version: i64) -> &mut Self {
        self.model.opset_import[0].version = version;
        self
    }

    /// A further output of the last node.
    pub fn also(&mut self, output: &str) -> &mut Self {
        self.graph().node.last_mut().unwrap().output.push(output.into());
        self
    }

    pub fn node(&mut self, op: &str, inputs: &[&str], output: &str, attributes: Vec<AttributeProto>) -> &mut Self {
        let node = NodeProto {
            op_type: op.into(),
            name: format!("{op}_{output}"),
            input: inputs.iter().map(|s| s.to_string()).collect(),
            output: vec![output.into()],
            attribute: attributes,
            ..Default::default()
        };
        self.graph().node.push(node);
        self
    }

    /// The serialised model; the graph's output is that of the last node, of this shape.
    pub fn bytes(&mut self, shape: &[i64]) -> Vec<u8> {
        let name = self.graph().node.last().unwrap().output[0].clone();
        self.graph().output = vec![tensor_info(&name, shape)];
        self.model.encode_to_vec()
    }
}

fn tensor_info(name: &str, shape: &[i64]) -> ValueInfoProto {
    let dim = |&d: &i64| tensor_shape_proto::Dimension {
        value: Some(tensor_shape_proto::dimension::Value::DimValue(d)),
        ..Default::default()
    };
    let shape = TensorShapeProto { dim: shape.iter().map(dim).collect() };
    let tensor = type_proto::Tensor { elem_type: DataType::Float as i32, shape: Some(shape) };
    let kind = TypeProto { value: Some(type_proto::Value::TensorType(tensor)), ..Default::default() };
    ValueInfoProto { name: name.into(), r#type: Some(kind), ..Default::default() }
}

pub(crate) fn float(name: &str, f: f32) -> AttributeProto {
    AttributeProto { name: name.into(), r#type: AttributeType::Float as i32, f, ..Default::default() }
}

pub(crate) fn text(name: &str, s: &str) -> AttributeProto {
    AttributeProto { name: name.into(), r#type: AttributeType::String as i32, s: s.into(), ..Default::default() }
}

pub(crate) fn int(name: &str, i: i64) -> AttributeProto {
    AttributeProto { name: name.into(), r#type: AttributeType::Int as i32, i, ..Default::default() }
}

pub(crate) fn ints(name: &str, ints: &[i64]) -> AttributeProto {
    AttributeProto { name: name.into(), r#type: AttributeType::Ints as i32, ints: ints.to_vec(), ..Default::default() }
}

/// `x[1, 4] → Gemm 8 → activation → Gemm 3`, weights reproducible.
pub(crate) fn mlp(activation: &str, attributes: Vec<AttributeProto>) -> Vec<u8> {
    let mut model = OnnxBuilder::new(&[1, 4]);
    model.random("w1", &[8, 4], 0.8).random("b1", &[8], 0.5).random("w2", &[3, 8], 0.6).random("b2", &[3], 0.5);
    model.node("Gemm", &["x", "w1", "b1"], "h", vec![int("transB", 1)]);
    model.node(activation, &["h"], "a", attributes);
    model.node("Gemm", &["a", "w2", "b2"], "y", vec![int("transB", 1)]).bytes(&[1, 3])
}
