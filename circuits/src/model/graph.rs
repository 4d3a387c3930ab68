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
        let mut waiting = std::mem::take(&mut self.nodes);
        while !waiting.is_empty() {
            let mut later = Vec::new();
            let before = self.nodes.len();
            for node in waiting {
                if node.inputs.iter().all(|i| i.is_empty() || known.contains(i)) {
                    known.extend(node.outputs.iter().filter(|o| !o.is_empty()).cloned());
                    self.nodes.push(node);
                } else {
                    later.push(node);
                }
            }
            if let Some(stuck) = later.first().filter(|_| self.nodes.len() == before) {
                let name = stuck.inputs.iter().find(|i| !i.is_empty() && !known.contains(*i)).cloned();
                return Err(ModelError::UnknownValue { node: stuck.name.clone(), name: name.unwrap_or_default() });
            }
            waiting = later;
        }
        match self.outputs.iter().find(|o| !known.contains(*o)) {
            Some(name) => Err(ModelError::UnknownValue { node: "graph output".into(), name: name.clone() }),
            None => Ok(self),
        }
    }
}
