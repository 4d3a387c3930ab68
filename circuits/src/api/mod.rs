//! The facade: a compiled model on disk, its keys, its provers. The node and the tests use this and little else.
//!
//! | file | what |
//! |---|---|
//! | [`manifest`] | what a model's folder says of itself |
//! | [`model`] | compile, load, infer, verify a registered digest |
//! | [`input`] | input files of `dodona prove` |
//! | [`keys`] | where keys lie, making them |
//! | [`prover`] | direct and aggregated proofs |
//!
//! ```text
//! DIR/model.onnx        the ONNX file, byte for byte
//! DIR/parameters.json   specification, calibration, options, slots: with the salt, all that compilation depends on
//! DIR/salt.hex          only for private models; keep it secret
//! DIR/program.bin       the integer program, canonical bytes
//! DIR/manifest.json     hashes, sources, outputs, sizes
//! DIR/report.json       accuracy and size
//! DIR/keys/             direct.pk, aggregated.pk
//! ```

pub mod error;
pub mod input;
pub mod keys;
pub mod manifest;
pub mod model;
pub mod predict;
pub mod prover;
#[cfg(test)]
mod tests;

pub use crate::evm::Mode;
pub use error::ApiError;
pub use input::Input;
pub use keys::{KeyRing, Keys};
pub use manifest::Manifest;
pub use model::{CompileRequest, Model, Slot, SlotAnswer, SourceInput, commitment};
pub use prover::{AggregatedProof, AggregatedProver, DirectProof, DirectProver};
