//! Quantisation: a float graph becomes an integer program whose every range is proved.
//!
//! | file | what |
//! |---|---|
//! | [`compile`] | the entry point: ONNX bytes, specification and calibration in, program and scales out |
//! | [`program`] | the integer program that circuit and interpreter share |
//! | [`form`] | linear forms: what Gemm, Add and the like cost until they are needed (nothing) |
//! | [`builder`], `arith`, `clamp`, `layer`, `lookup`, `normalise`, `order`, `pieces`, [`pooled`], `rescale`, `round`, [`curve`], [`gate`], `output` | forms become steps: scales, saturation, flags, tables |
//! | [`forest`], `leaves`, `winner` | decision trees; the largest of several values |
//! | [`domain`], `synthetic` | what a bare ONNX file's inputs look like; samples in place of calibration |
//! | [`bounds`] | interval arithmetic: no input can leave a lane's range |
//! | [`interpreter`] | runs a program; the ground truth |
//! | [`report`] | how far the program is from the float model, and what it costs |
//! | [`probe`] | values between layers, for the report |
//! | [`heads`] | what the outputs are: scores of classes, a label, numbers |
//! | [`samples`] | inputs for the report when there is no calibration |
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
mod direct;
pub mod domain;
pub mod encoding;
mod error;
pub mod forest;
pub mod form;
pub mod gate;
pub mod heads;
pub mod interpreter;
pub mod layer;
mod leaves;
mod lookup;
mod normalise;
mod norms;
mod order;
mod output;
mod pieces;
pub mod pooled;
pub mod probe;
pub mod program;
pub mod report;
mod rescale;
mod round;
pub mod samples;
mod shares;
mod synthetic;
#[cfg(test)]
mod tests;
mod winner;

pub use compile::{Calibration, Compiled, Options, Origin, compile};
pub use error::QuantError;
pub use interpreter::Evaluation;
pub use report::Report;
