//! Why a node is refused.

use thiserror::Error;

/// Errors of lowering.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum OpError {
    /// An op that is not in the registry.
    #[error("op `{op}` (node `{node}`) is not supported; supported are {supported}")]
    Unknown {
        /// The op.
        op: String,
        /// Name of the node.
        node: String,
        /// The supported ops.
        supported: String,
    },
    /// An op that is supported, but not like this.
    #[error("op `{op}` (node `{node}`, inputs {shapes}): {reason}; accepted: {accepts}")]
    Refused {
        /// The op.
        op: String,
        /// Name of the node.
        node: String,
        /// Shapes of the inputs.
        shapes: Box<str>,
        /// What is wrong.
        reason: Box<str>,
        /// What would be accepted.
        accepts: &'static str,
    },
}
