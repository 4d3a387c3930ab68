//! Why a model file or a specification is refused.

use thiserror::Error;

/// Errors of import and specification. Each says what was found and what would be accepted.
#[derive(Clone, Debug, PartialEq, Error)]
pub enum ModelError {
    /// The bytes are not an ONNX model.
    #[error("not an ONNX model: {reason}")]
    NotOnnx {
        /// What is wrong.
        reason: String,
    },
    /// The file is too large.
    #[error("{what}: {got} exceeds the limit of {limit}")]
    TooLarge {
        /// What was counted.
        what: &'static str,
        /// Largest number accepted.
        limit: usize,
        /// The number found.
        got: usize,
    },
    /// An operator set that is not supported.
    #[error("opset {got} is not supported, accepted are {min} to {max}")]
    Opset {
        /// The version found (0: none declared).
        got: i64,
        /// Oldest version accepted.
        min: i64,
        /// Newest version accepted.
        max: i64,
    },
    /// An operator of another domain than ONNX's own.
    #[error("op `{op}` (node `{node}`) is of domain `{domain}`, accepted is the default ONNX domain")]
    Domain {
        /// Name of the node.
        node: String,
        /// The op.
        op: String,
        /// Its domain.
        domain: String,
    },
    /// A shape that is not fixed.
    #[error(
        "input `{input}`: dimension {axis} is {got}, accepted is a fixed positive size (only the first, the batch, may be open: it becomes 1)"
    )]
    DynamicShape {
        /// The graph's input.
        input: String,
        /// Index of the dimension.
        axis: usize,
        /// What stands there.
        got: String,
    },
    /// A tensor or input of a type that is not supported.
    #[error("`{name}` has type {got}, accepted: {accepted}")]
    Type {
        /// Name of the tensor.
        name: String,
        /// Its type.
        got: String,
        /// What would be accepted.
        accepted: &'static str,
    },
    /// A weight that is not a finite number.
    #[error("`{name}` has {value} at element {index}, accepted are finite numbers")]
    NotFinite {
        /// Name of the tensor.
        name: String,
        /// Index of the element.
        index: usize,
        /// `NaN`, `inf` or `-inf`.
        value: String,
    },
    /// A tensor whose data do not fill its shape.
    #[error("`{name}` of shape {shape:?} needs {expected} values, got {got}")]
    TensorData {
        /// Name of the tensor.
        name: String,
        /// Its shape.
        shape: Vec<i64>,
        /// Values that the shape needs.
        expected: usize,
        /// Values found.
        got: usize,
    },
    /// Weights outside the file.
    #[error("`{name}` keeps its data in another file; save the model with all weights inside")]
    ExternalData {
        /// Name of the tensor.
        name: String,
    },
    /// A construct that is not supported.
    #[error("`{name}`: {what} not supported")]
    Unsupported {
        /// Name of the node, tensor or graph.
        name: String,
        /// What it is.
        what: &'static str,
    },
    /// A node reads a value that nothing produces before it.
    #[error("node `{node}` reads `{name}`, which nothing produces (or the graph has a cycle)")]
    UnknownValue {
        /// Name of the node.
        node: String,
        /// Name of the value.
        name: String,
    },
    /// Two nodes produce the same value.
    #[error("`{name}` is produced twice")]
    Duplicate {
        /// Name of the value.
        name: String,
    },
    /// An output that is not a float tensor.
    #[error("output `{name}` is not a float tensor")]
    OutputType {
        /// Name of the output.
        name: String,
    },
    /// The sources do not fill the model's inputs.
    #[error("the model takes {expected} input values, the sources give {got}")]
    SourceWidth {
        /// Values of the model's inputs.
        expected: usize,
        /// Values of all sources.
        got: usize,
    },
    /// A specification or schema that cannot be used.
    #[error("{what}: {reason}")]
    Spec {
        /// Which file or field.
        what: String,
        /// What is wrong, with what would be accepted.
        reason: String,
    },
    /// The float reference does not run.
    #[error("float reference: {reason}")]
    Float {
        /// What tract says.
        reason: String,
    },
}
