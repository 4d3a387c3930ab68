//! The graph that ops lower: nodes in topological order, constants, inputs with fixed shapes.

use std::collections::{BTreeMap, BTreeSet};

use tract_onnx::pb::tensor_proto::DataType;

use super::ModelError;
use super::tensor::Tensor;

/// A constant tensor.
#[derive(Clone, Debug, PartialEq)]
pub enum Constant {
    /// Real numbers, all finite.
    Real(Tensor<f64>),
    /// Integers (shapes, axes, booleans).
    Int(Tensor<i64>),
}

impl Constant {
    /// Sizes of the dimensions.
    pub fn shape(&self) -> &[usize] {
        match self {
            Self::Real(t) => t.shape(),
            Self::Int(t) => t.shape(),
        }
    }
}

/// A node's attribute.
#[derive(Clone, Debug, PartialEq)]
pub enum Attribute {
    /// A number.
    Float(f64),
    /// An integer.
    Int(i64),
    /// Text.
    Text(String),
    /// Texts.
    Texts(Vec<String>),
    /// Numbers.
    Floats(Vec<f64>),
    /// Integers.
    Ints(Vec<i64>),
    /// A constant.
    Tensor(Constant),
}

/// One operation.
#[derive(Clone, Debug, PartialEq)]
pub struct Node {
    /// The node's name, or `op_type#index` if it has none.
    pub name: String,
    /// The operation.
    pub op: String,
    /// Its domain: empty for ONNX itself, `ai.onnx.ml` for classical models.
    pub domain: String,
    /// Operator set version of the model.
    pub opset: i64,
    /// Names of the inputs; an omitted optional input is empty.
    pub inputs: Vec<String>,
    /// The range of an input's integer type, if it is a constant of 8 or 16 bits.
    pub input_ranges: Vec<Option<(i64, i64)>>,
    /// Whether all inputs that are given have integer types, as far as the graph says.
    pub whole: bool,
    /// Names of the outputs; an omitted optional output is empty.
    pub outputs: Vec<String>,
    /// Attributes by name.
    pub attributes: BTreeMap<String, Attribute>,
}

/// A graph input.
#[derive(Clone, Debug, PartialEq)]
pub struct Input {
    /// Its name.
    pub name: String,
    /// Its shape, all sizes positive.
    pub shape: Vec<usize>,
    /// The type of its elements: a number type. Integers and booleans are reals as well, which happen to be whole.
    pub kind: DataType,
}

impl Input {
    /// Number of elements.
    pub fn width(&self) -> usize {
        self.shape.iter().product()
    }
}

/// A model graph.
#[derive(Clone, Debug, PartialEq)]
pub struct Graph {
    /// Operator set version.
    pub opset: i64,
    /// Inputs that are not constants.
    pub inputs: Vec<Input>,
    /// Initialisers by name.
    pub constants: BTreeMap<String, Constant>,
    /// Nodes, each after all that it reads.
    pub nodes: Vec<Node>,
    /// Names of the outputs.
    pub outputs: Vec<String>,
    /// Those outputs that are declared as integers.
    pub whole: BTreeSet<String>,
}

impl Graph {
    /// Number of values of all inputs.
    pub fn input_width(&self) -> usize {
        self.inputs.iter().map(Input::width).sum()
    }

    /// Says of each node whether all that it reads are integers. Nodes are in topological order.
    fn mark_integers(&mut self) {
        let integers = self.inputs.iter().filter(|i| is_integer(i.kind)).map(|i| i.name.clone());
        let mut whole: BTreeSet<String> = integers.collect();
        whole
            .extend(self.constants.iter().filter(|(_, c)| matches!(c, Constant::Int(_))).map(|(name, _)| name.clone()));
        for node in &mut self.nodes {
            let mut given = node.inputs.iter().filter(|name| !name.is_empty()).peekable();
            node.whole = given.peek().is_some() && given.all(|name| whole.contains(name));
            if gives_integers(node, |name| whole.contains(name)) {
                let several = if node.op == "Split" { node.outputs.len() } else { 1 };
                whole.extend(node.outputs.iter().take(several).cloned());
            }
        }
    }

    /// Puts the nodes in topological order, keeping the file's order where it is one already.
    ///
    /// # Errors
    /// A value that is produced twice, or never, or by a cycle.
    pub(super) fn sorted(mut self) -> Result<Self, ModelError> {
        let mut known: BTreeSet<String> = self.constants.keys().cloned().collect();
        known.extend(self.inputs.iter().map(|i| i.name.clone()));
        let mut produced = known.clone();
        for name in self.nodes.iter().flat_map(|n| &n.outputs).filter(|n| !n.is_empty()) {
            if !produced.insert(name.clone()) {
                return Err(ModelError::Duplicate { name: name.clone() });
            }
        }
        self.nodes = in_order(std::mem::take(&mut self.nodes), &mut known)?;
        self.mark_integers();
        match self.outputs.iter().find(|o| !known.contains(*o)) {
            Some(name) => Err(ModelError::UnknownValue { node: "graph output".into(), name: name.clone() }),
            None => Ok(self),
        }
    }
}

/// Ops whose first output has the type of their first input.
const KEEPS_TYPE: &[&str] = &[
    "Abs",
    "Add",
    "BitShift",
    "BitwiseAnd",
    "BitwiseNot",
    "BitwiseOr",
    "BitwiseXor",
    "Clip",
    "Compress",
    "Concat",
    "CumSum",
    "Div",
    "Expand",
    "Flatten",
    "Gather",
    "GatherElements",
    "GatherND",
    "Identity",
    "MatMul",
    "Max",
    "Min",
    "Mod",
    "Mul",
    "Neg",
    "Pad",
    "Pow",
    "ReduceMax",
    "ReduceMin",
    "ReduceProd",
    "ReduceSum",
    "Relu",
    "Reshape",
    "ScatterElements",
    "ScatterND",
    "Sign",
    "Slice",
    "Split",
    "Squeeze",
    "Sub",
    "Sum",
    "Tile",
    "TopK",
    "Transpose",
    "Trilu",
    "Unsqueeze",
];
/// Ops whose first output is an integer or a boolean whatever they read.
const GIVES_INTEGERS: &[&str] = &[
    "And",
    "ArgMax",
    "ArgMin",
    "Equal",
    "Greater",
    "GreaterOrEqual",
    "Less",
    "LessOrEqual",
    "NonZero",
    "Not",
    "Or",
    "Shape",
    "Size",
    "Xor",
];

fn is_integer(kind: DataType) -> bool {
    let real = matches!(kind, DataType::Float | DataType::Double | DataType::Float16 | DataType::Bfloat16);
    !real && kind != DataType::Undefined
}

fn gives_integers(node: &Node, is_whole: impl Fn(&str) -> bool) -> bool {
    let given = |i: usize| node.inputs.get(i).is_some_and(|name| is_whole(name));
    match node.op.as_str() {
        _ if !node.domain.is_empty() => false,
        op if GIVES_INTEGERS.contains(&op) => true,
        op if KEEPS_TYPE.contains(&op) => given(0),
        "Where" | "CastLike" => given(1),
        "Cast" => match node.attributes.get("to") {
            Some(Attribute::Int(to)) => {
                i32::try_from(*to).ok().and_then(|t| DataType::try_from(t).ok()).is_some_and(is_integer)
            }
            _ => false,
        },
        "Constant" => {
            matches!(node.attributes.get("value"), Some(Attribute::Tensor(Constant::Int(_))))
                || ["value_int", "value_ints"].iter().any(|a| node.attributes.contains_key(*a))
        }
        _ => false,
    }
}

/// The nodes with each after all that it reads, the first of the file that can come next first. `known` are values that no node makes; those that
/// nodes make are added.
fn in_order(nodes: Vec<Node>, known: &mut BTreeSet<String>) -> Result<Vec<Node>, ModelError> {
    let mut readers: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
    let mut missing = vec![0usize; nodes.len()];
    for (index, node) in nodes.iter().enumerate() {
        let reads: BTreeSet<&str> = node.inputs.iter().map(String::as_str).filter(|i| !i.is_empty()).collect();
        for name in reads.into_iter().filter(|i| !known.contains(*i)) {
            missing[index] += 1;
            readers.entry(name).or_default().push(index);
        }
    }
    let mut ready: BTreeSet<usize> = (0..nodes.len()).filter(|i| missing[*i] == 0).collect();
    let mut order = Vec::with_capacity(nodes.len());
    while let Some(index) = ready.pop_first() {
        order.push(index);
        for name in nodes[index].outputs.iter().filter(|o| !o.is_empty()) {
            for reader in readers.remove(name.as_str()).unwrap_or_default() {
                missing[reader] -= 1;
                if missing[reader] == 0 {
                    ready.insert(reader);
                }
            }
        }
    }
    let made = order.iter().flat_map(|index| &nodes[*index].outputs).filter(|o| !o.is_empty());
    known.extend(made.cloned());
    if let Some(stuck) = (0..nodes.len()).find(|i| missing[*i] > 0).map(|i| &nodes[i]) {
        let name = stuck.inputs.iter().find(|i| !i.is_empty() && !known.contains(*i)).cloned();
        return Err(ModelError::UnknownValue { node: stuck.name.clone(), name: name.unwrap_or_default() });
    }
    let mut nodes: Vec<Option<Node>> = nodes.into_iter().map(Some).collect();
    Ok(order.into_iter().filter_map(|index| nodes[index].take()).collect())
}
