//! Quantisation: a float graph becomes an integer program whose every range is proved.
//!
//! | file | what |
//! |---|---|
//! | [`compile`] | the entry point: ONNX bytes, specification and calibration in, program and scales out |
//! | [`program`] | the integer program that circuit and interpreter share |
//! | [`form`] | linear forms: what Gemm, Add and the like cost until they are needed (nothing) |
//! | [`builder`], `arith`, `layer`, `rescale`, `clamp`, `normalise`, [`curve`], `output` | forms become steps: scales, saturation, flags, tables |
//! | [`bounds`] | interval arithmetic: no input can leave a lane's range |
//! | [`interpreter`] | runs a program; the ground truth |
//! | [`report`] | how far the program is from the float model, and what it costs |
//! | [`encoding`] | canonical bytes and hash of a program |
//!
//! Maths: `docs/gadgets/quantisation.md`. Not here: circuits (see [`crate::inference`]).

mod arith;
#[cfg(test)]
mod arith_tests;
pub mod bounds;
pub mod builder;
mod clamp;
pub mod compile;
pub mod curve;
pub mod encoding;
mod error;
pub mod form;
pub mod interpreter;
mod layer;
mod lookup;
mod normalise;
mod output;
mod pieces;
pub mod program;
pub mod report;
mod rescale;
#[cfg(test)]
mod tests;

pub use compile::{Calibration, Compiled, Options, compile};
pub use error::QuantError;
pub use interpreter::Evaluation;
pub use report::Report;
