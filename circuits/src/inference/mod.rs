//! The universal inference circuit: from an integer program to a proof.
//!
//! | file | what |
//! |---|---|
//! | [`shape`] | what is the same for every model: number of words, identity of the gate set |
//! | [`statement`] | the instance words: packing, commitments, context |
//! | [`assembler`] | rows, copies and values, gadget by gadget |
//! | [`layout`] | a program's rows: sources, steps, outputs, tables, salt |
//! | [`circuit`] | the `Circuit` that halo2 sees |
//! | [`prover`] | keys, proofs, verification |
//!
//! ```text
//! row 0..            statement rows: instance words, constants
//! then, slot by slot sources (Poseidon, unpacking), steps of the program, output words
//! then               idle rows with the rest of the table, a salt
//! last usable row    a statement row, which closes the lookup argument
//! ```

pub mod assembler;
pub mod circuit;
pub mod error;
pub mod layout;
pub mod prover;
pub mod shape;
pub mod size;
pub mod statement;
#[cfg(test)]
mod tests;

pub use circuit::InferenceCircuit;
pub use error::Error;
pub use layout::{Layout, SlotInput, SourceInput, Task};
pub use shape::Shape;
