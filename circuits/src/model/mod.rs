//! The model as its author ships it: an ONNX file, a specification, a feed schema.
//!
//! | file | what |
//! |---|---|
//! | [`onnx`] | protobuf to [`Graph`], with every refusal |
//! | `classical` | what exports of classical models carry beyond tensors, taken out |
//! | [`graph`] | the small graph that the ops lower |
//! | `fuse`, `shapes` | what exporters write out in small nodes, put back into one op |
//! | [`tensor`] | dense tensors |
//! | [`float`] | the float reference, run by tract |
//! | [`spec`], [`schema`] | what sources and outputs mean |
//!
//! Not here: quantisation (see [`crate::quant`]) and what each op means (see [`crate::ops`]).

mod classical;
mod error;
#[cfg(test)]
pub(crate) mod fixture;
pub mod float;
mod fuse;
pub mod graph;
#[cfg(test)]
mod hostile;
mod masks;
pub mod onnx;
pub mod schema;
mod shapes;
pub mod spec;
pub mod tensor;
#[cfg(test)]
mod tests;

pub use error::ModelError;
pub use float::FloatModel;
pub use graph::{Attribute, Constant, Graph, Input, Node};
pub use schema::Schema;
pub use spec::{ModelSpec, ResolvedSpec};
