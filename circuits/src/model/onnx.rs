//! ONNX protobuf to [`Graph`], refusing whatever the compiler cannot honour.

use std::collections::BTreeMap;

use prost::Message;
use tract_onnx::pb::{
    AttributeProto, GraphProto, ModelProto, NodeProto, TensorProto, ValueInfoProto,
    attribute_proto::AttributeType,
    tensor_proto::{DataLocation, DataType},
    tensor_shape_proto::dimension::Value as Dim,
    type_proto::Value as Type,
};
use tract_onnx::prelude::f16;

use super::classical::simplified;
use super::tensor::{MAX_ELEMENTS, Tensor, elements};
use super::{Attribute, Constant, Graph, Input, ModelError, Node};

/// Largest file, in bytes.
pub const MAX_BYTES: usize = 128 << 20;
/// Most nodes.
pub const MAX_NODES: usize = 100_000;
/// Most values of all inputs together: each takes several rows.
pub const MAX_INPUTS: usize = 1 << 20;
/// Operator sets accepted.
pub const OPSETS: std::ops::RangeInclusive<i64> = 7..=21;

/// The domain of classical models: trees, linear models, support vector machines.
pub const ML_DOMAIN: &str = "ai.onnx.ml";

const TENSOR_TYPES: &str = "bool, float types of 16 to 64 bits, integers up to 64 bits";
const INPUT_TYPES: &str = "float, double, float16, bool, integers up to 64 bits";

impl Graph {
    /// Reads an ONNX file.
    ///
    /// # Errors
    /// Everything in [`ModelError`] that concerns the file.
    pub fn from_onnx(bytes: &[u8]) -> Result<Self, ModelError> {
        limit("file size in bytes", bytes.len(), MAX_BYTES)?;
        let not_onnx = |reason: String| ModelError::NotOnnx { reason };
        let model = ModelProto::decode(bytes).map_err(|e| not_onnx(e.to_string()))?;
        if model.ir_version <= 0 {
            return Err(not_onnx("no IR version; expected a serialised ModelProto".into()));
        }
        let model = simplified(model);
        let graph = model.graph.as_ref().ok_or_else(|| not_onnx("no graph inside".into()))?;
        let opset = opset(&model);
        if !OPSETS.contains(&opset) {
            return Err(ModelError::Opset { got: opset, min: *OPSETS.start(), max: *OPSETS.end() });
        }
        if !model.functions.is_empty() {
            return Err(ModelError::Unsupported { name: graph.name.clone(), what: "model-local functions are" });
        }
        read_graph(graph, opset)?.sorted()
    }
}

/// The version of ONNX's own operators; the newest accepted where a file has classical ones only.
fn opset(model: &ModelProto) -> i64 {
    let nodes = model.graph.iter().flat_map(|g| &g.node);
    if !model.graph.iter().all(|g| g.node.is_empty()) && nodes.into_iter().all(|n| n.domain == ML_DOMAIN) {
        return *OPSETS.end();
    }
    model.opset_import.iter().find(|o| is_onnx_domain(&o.domain)).map_or(0, |o| o.version)
}

fn is_onnx_domain(domain: &str) -> bool {
    domain.is_empty() || domain == "ai.onnx"
}

fn limit(what: &'static str, got: usize, limit: usize) -> Result<(), ModelError> {
    if got > limit { Err(ModelError::TooLarge { what, limit, got }) } else { Ok(()) }
}

fn read_graph(graph: &GraphProto, opset: i64) -> Result<Graph, ModelError> {
    limit("number of nodes", graph.node.len(), MAX_NODES)?;
    if let Some(sparse) = graph.sparse_initializer.first() {
        let name = sparse.values.as_ref().map(|v| v.name.clone()).unwrap_or_default();
        return Err(ModelError::Unsupported { name, what: "sparse initialisers are" });
    }
    let mut constants = BTreeMap::new();
    for tensor in graph.initializer.iter().filter(|t| is_used(graph, t)) {
        if constants.insert(tensor.name.clone(), constant(tensor, &tensor.name)?).is_some() {
            return Err(ModelError::Duplicate { name: tensor.name.clone() });
        }
    }
    let live = graph.input.iter().filter(|i| !constants.contains_key(&i.name));
    let inputs = live.map(input).collect::<Result<Vec<_>, _>>()?;
    let width = inputs.iter().filter_map(|i| elements(&i.shape)).fold(0, usize::saturating_add);
    limit("values of all inputs", width, MAX_INPUTS)?;
    let ranges = ranges(graph);
    let nodes = graph.node.iter().enumerate().map(|(i, n)| node(n, i, opset, &ranges)).collect::<Result<_, _>>()?;
    if inputs.is_empty() || graph.output.is_empty() {
        return Err(ModelError::NotOnnx { reason: "the graph has no input or no output".into() });
    }
    let outputs = graph.output.iter().map(|o| o.name.clone()).collect();
    let whole = graph.output.iter().filter(|o| holds_integers(o)).map(|o| o.name.clone()).collect();
    Ok(Graph { opset, inputs, constants, nodes, outputs, whole })
}

/// Whether a tensor matters: one of another type than numbers does only if a node reads it.
fn is_used(graph: &GraphProto, tensor: &TensorProto) -> bool {
    let kind = DataType::try_from(tensor.data_type).unwrap_or(DataType::Undefined);
    is_number(kind) || graph.node.iter().any(|n| n.input.contains(&tensor.name))
}

fn input(info: &ValueInfoProto) -> Result<Input, ModelError> {
    let name = info.name.clone();
    let tensor = match info.r#type.as_ref().and_then(|t| t.value.as_ref()) {
        Some(Type::TensorType(t)) => t,
        None => return Err(ModelError::Type { name, got: "no tensor type".into(), accepted: "a tensor of numbers" }),
    };
    let kind = DataType::try_from(tensor.elem_type).unwrap_or(DataType::Undefined);
    if !is_number(kind) || kind == DataType::Bfloat16 {
        return Err(ModelError::Type { name, got: kind.as_str_name().into(), accepted: INPUT_TYPES });
    }
    let dynamic = |axis, got| ModelError::DynamicShape { input: info.name.clone(), axis, got };
    let dims = tensor.shape.as_ref().ok_or_else(|| dynamic(0, "unknown (no shape)".into()))?;
    let mut shape = Vec::with_capacity(dims.dim.len());
    for (axis, dim) in dims.dim.iter().enumerate() {
        match &dim.value {
            Some(Dim::DimValue(v)) if *v > 0 => shape.push(*v as usize),
            Some(Dim::DimValue(v)) => return Err(dynamic(axis, v.to_string())),
            Some(Dim::DimParam(p)) => return Err(dynamic(axis, format!("`{p}`"))),
            None => return Err(dynamic(axis, "unknown".into())),
        }
    }
    limit("elements of an input", elements(&shape).unwrap_or(usize::MAX), MAX_ELEMENTS)?;
    Ok(Input { name, shape, kind })
}

/// Whether a graph output is declared as integers (labels, indices, booleans).
fn holds_integers(info: &ValueInfoProto) -> bool {
    let kind = match info.r#type.as_ref().and_then(|t| t.value.as_ref()) {
        Some(Type::TensorType(t)) => DataType::try_from(t.elem_type).ok(),
        _ => None,
    };
    kind.is_some_and(|k| is_narrow(k) || matches!(k, DataType::Int64 | DataType::Uint64))
}

/// Types that [`constant`] reads.
fn is_number(kind: DataType) -> bool {
    use DataType::{Bfloat16, Double, Float, Float16, Int64, Uint64};
    is_narrow(kind) || matches!(kind, Float | Double | Float16 | Bfloat16 | Int64 | Uint64)
}

/// The range of each integer constant of 8 or 16 bits: initialisers, and the values of Constant nodes.
fn ranges(graph: &GraphProto) -> BTreeMap<&str, (i64, i64)> {
    let constants = graph.node.iter().filter(|n| n.op_type == "Constant");
    let values =
        constants.filter_map(|n| Some((n.output.first()?.as_str(), n.attribute.first()?.t.as_ref()?.data_type)));
    let given = graph.initializer.iter().map(|t| (t.name.as_str(), t.data_type)).chain(values);
    let range = |kind| match DataType::try_from(kind).unwrap_or(DataType::Undefined) {
        DataType::Uint8 => Some((0, 255)),
        DataType::Int8 => Some((-128, 127)),
        DataType::Uint16 => Some((0, 65535)),
        DataType::Int16 => Some((-32768, 32767)),
        _ => None,
    };
    given.filter_map(|(name, kind)| range(kind).map(|range| (name, range))).collect()
}

fn node(node: &NodeProto, index: usize, opset: i64, ranges: &BTreeMap<&str, (i64, i64)>) -> Result<Node, ModelError> {
    let op = node.op_type.clone();
    let name = if node.name.is_empty() { format!("{op}#{index}") } else { node.name.clone() };
    let domain = match node.domain.as_str() {
        "" | "ai.onnx" => String::new(),
        ML_DOMAIN => ML_DOMAIN.into(),
        other => return Err(ModelError::Domain { node: name, op, domain: other.into() }),
    };
    let mut attributes = BTreeMap::new();
    for a in &node.attribute {
        attributes.insert(a.name.clone(), attribute(a, &name)?);
    }
    let input_ranges = node.input.iter().map(|name| ranges.get(name.as_str()).copied()).collect();
    let (inputs, outputs) = (node.input.clone(), node.output.clone());
    Ok(Node { name, op, domain, opset, inputs, input_ranges, whole: false, outputs, attributes })
}

fn attribute(a: &AttributeProto, node: &str) -> Result<Attribute, ModelError> {
    let whole = || format!("{node}.{}", a.name);
    let real = |value: f32| finite(&whole(), 0, f64::from(value));
    let unsupported = |what| ModelError::Unsupported { name: whole(), what };
    match AttributeType::try_from(a.r#type).unwrap_or(AttributeType::Undefined) {
        // No input is NaN: an Imputer that replaces those replaces nothing.
        AttributeType::Float if a.name == "replaced_value_float" && a.f.is_nan() => Ok(Attribute::Float(f64::NAN)),
        AttributeType::Float => Ok(Attribute::Float(real(a.f)?)),
        AttributeType::Int => Ok(Attribute::Int(a.i)),
        AttributeType::String => match String::from_utf8(a.s.clone()) {
            Ok(text) => Ok(Attribute::Text(text)),
            Err(_) => Err(unsupported("text that is not UTF-8 is")),
        },
        AttributeType::Strings => texts(&a.strings).ok_or_else(|| unsupported("text that is not UTF-8 is")),
        AttributeType::Tensor => match &a.t {
            Some(t) if t.data_type == DataType::String as i32 => {
                texts(&t.string_data).ok_or_else(|| unsupported("text that is not UTF-8 is"))
            }
            Some(t) => Ok(Attribute::Tensor(constant(t, &whole())?)),
            None => Err(unsupported("an empty tensor attribute is")),
        },
        AttributeType::Floats => Ok(Attribute::Floats(a.floats.iter().map(|&f| real(f)).collect::<Result<_, _>>()?)),
        AttributeType::Ints => Ok(Attribute::Ints(a.ints.clone())),
        AttributeType::Graph | AttributeType::Graphs => Err(unsupported("subgraphs (If, Loop, Scan) are")),
        AttributeType::SparseTensor | AttributeType::SparseTensors => Err(unsupported("sparse tensors are")),
        _ => Err(unsupported("this kind of attribute is")),
    }
}

fn texts(strings: &[Vec<u8>]) -> Option<Attribute> {
    let texts: Option<Vec<String>> = strings.iter().map(|s| String::from_utf8(s.clone()).ok()).collect();
    texts.map(Attribute::Texts)
}

/// Numbers as they are; infinities (masks, open ends) as the largest `f32`; no NaN.
fn finite(name: &str, index: usize, value: f64) -> Result<f64, ModelError> {
    if value.is_nan() {
        return Err(ModelError::NotFinite { name: name.into(), index, value: value.to_string() });
    }
    Ok(value.clamp(f64::from(f32::MIN), f64::from(f32::MAX)))
}

fn constant(t: &TensorProto, name: &str) -> Result<Constant, ModelError> {
    if t.data_location == Some(DataLocation::External as i32) || !t.external_data.is_empty() {
        return Err(ModelError::ExternalData { name: name.into() });
    }
    let kind = DataType::try_from(t.data_type).unwrap_or(DataType::Undefined);
    let shape: Option<Vec<usize>> = t.dims.iter().map(|&d| usize::try_from(d).ok()).collect();
    let expected = shape.as_deref().and_then(elements).unwrap_or(usize::MAX);
    limit("elements of a tensor", expected, MAX_ELEMENTS)?;
    let wrong = |got| ModelError::TensorData { name: name.into(), shape: t.dims.clone(), expected, got };
    let shape = shape.unwrap_or_default();
    let real = |values: Vec<f64>| -> Result<Constant, ModelError> {
        let got = values.len();
        let values = values.into_iter().enumerate().map(|(i, v)| finite(name, i, v)).collect::<Result<_, _>>()?;
        Tensor::new(shape.clone(), values).map(Constant::Real).ok_or_else(|| wrong(got))
    };
    let int = |values: Vec<i64>| {
        let got = values.len();
        Tensor::new(shape.clone(), values).map(Constant::Int).ok_or_else(|| wrong(got))
    };
    let raw = &t.raw_data;
    if kind == DataType::Int64 || kind == DataType::Uint64 || is_narrow(kind) {
        return int(integers(t, kind).ok_or_else(|| wrong(raw.len()))?);
    }
    match kind {
        DataType::Float if raw.is_empty() => real(t.float_data.iter().map(|&f| f64::from(f)).collect()),
        DataType::Float => real(chunks(raw, |b| f64::from(f32::from_le_bytes(b))).ok_or_else(|| wrong(raw.len() / 4))?),
        DataType::Double if raw.is_empty() => real(t.double_data.clone()),
        DataType::Double => real(chunks(raw, f64::from_le_bytes).ok_or_else(|| wrong(raw.len() / 8))?),
        DataType::Float16 | DataType::Bfloat16 => {
            let bits = if raw.is_empty() {
                Some(t.int32_data.iter().map(|&v| v as u16).collect())
            } else {
                chunks(raw, u16::from_le_bytes)
            };
            let bits = bits.ok_or_else(|| wrong(raw.len() / 2))?;
            let value = if kind == DataType::Float16 { half } else { brain };
            real(bits.into_iter().map(value).collect())
        }
        other => Err(ModelError::Type { name: name.into(), got: other.as_str_name().into(), accepted: TENSOR_TYPES }),
    }
}

/// Booleans, and integers of at most 32 bits.
fn is_narrow(kind: DataType) -> bool {
    use DataType::{Bool, Int8, Int16, Int32, Uint8, Uint16, Uint32};
    matches!(kind, Bool | Int8 | Int16 | Int32 | Uint8 | Uint16 | Uint32)
}

/// The elements of an integer tensor; `None` when bytes are left over or a value is beyond `i64`.
fn integers(t: &TensorProto, kind: DataType) -> Option<Vec<i64>> {
    let raw = &t.raw_data;
    match kind {
        DataType::Int64 if raw.is_empty() => Some(t.int64_data.clone()),
        DataType::Uint32 | DataType::Uint64 if raw.is_empty() => {
            t.uint64_data.iter().map(|&v| i64::try_from(v).ok()).collect()
        }
        _ if raw.is_empty() => Some(t.int32_data.iter().map(|&v| i64::from(v)).collect()),
        DataType::Int64 => chunks(raw, i64::from_le_bytes),
        DataType::Uint64 => chunks(raw, |b| i64::try_from(u64::from_le_bytes(b)).ok())?.into_iter().collect(),
        DataType::Int32 => chunks(raw, |b| i64::from(i32::from_le_bytes(b))),
        DataType::Uint32 => chunks(raw, |b| i64::from(u32::from_le_bytes(b))),
        DataType::Int16 => chunks(raw, |b| i64::from(i16::from_le_bytes(b))),
        DataType::Uint16 => chunks(raw, |b| i64::from(u16::from_le_bytes(b))),
        DataType::Int8 => chunks(raw, |b| i64::from(i8::from_le_bytes(b))),
        _ => chunks(raw, |b| i64::from(u8::from_le_bytes(b))),
    }
}

/// Half precision, from its bits.
fn half(bits: u16) -> f64 {
    f16::from_bits(bits).to_f64()
}

/// Brain floating point, from its bits: the upper half of an `f32`.
fn brain(bits: u16) -> f64 {
    f64::from(f32::from_bits(u32::from(bits) << 16))
}

/// Little-endian values; `None` when the bytes are no whole number of them.
fn chunks<const N: usize, T>(raw: &[u8], read: impl Fn([u8; N]) -> T) -> Option<Vec<T>> {
    let (parts, rest) = raw.as_chunks::<N>();
    rest.is_empty().then(|| parts.iter().map(|&p| read(p)).collect())
}
