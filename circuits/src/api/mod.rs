//! The facade: a compiled model on disk, its keys, its provers. The node and the tests use this and little else.
//!
//! | file | what |
//! |---|---|
//! | [`manifest`] | what a model's folder says of itself |
//! | [`model`] | compile, load, infer, verify a registered digest |
//! | [`input`] | input files of `dodona prove` |
//! | [`answer`] | answers with names, in reals |
//! | [`predict`] | seconds, memory, bytes and gas, before there is a key |
//! | [`report`], `page`, `plot` | what compiling lost and what proving will cost: JSON, HTML, a few lines |
//! | [`drawing`] | the circuit as a picture |
//! | [`keys`] | where keys lie, making them |
//! | [`prover`] | direct and aggregated proofs |
//!
//! ```text
//! DIR/model.onnx        the ONNX file, byte for byte
//! DIR/parameters.json   specification, calibration, options, slots: with the salt, all that compilation depends on
//! DIR/salt.hex          only for private models; keep it secret
//! DIR/program.bin       the integer program, canonical bytes
//! DIR/manifest.json     hashes, sources, outputs, sizes
//! DIR/report.json       accuracy, size and predicted cost
//! DIR/report.html       the same for people
//! DIR/keys/             direct.pk, aggregated.pk
//! ```

pub mod answer;
pub mod drawing;
pub mod error;
pub mod input;
pub mod keys;
pub mod manifest;
pub mod model;
mod page;
mod plot;
pub mod predict;
pub mod prover;
pub mod report;
#[cfg(test)]
mod tests;

pub use crate::evm::Mode;
pub use answer::NamedAnswer;
pub use error::ApiError;
pub use input::Input;
pub use keys::{KeyRing, Keys};
pub use manifest::Manifest;
pub use model::{CompileRequest, Model, Slot, SlotAnswer, SourceInput, commitment};
pub use prover::{AggregatedProof, AggregatedProver, DirectProof, DirectProver};
pub use report::ModelReport;
