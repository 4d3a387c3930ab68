//! What can go wrong with proofs and verifiers for the EVM.

/// Why a proof, its calldata or a verifier was refused.
#[derive(Debug, thiserror::Error)]
pub enum EvmError {
    /// A word is not a reduced field element: a verifier would reduce it silently.
    #[error("word {index} is not below the field's order: got 0x{got}")]
    WordRange {
        /// Index of the word.
        index: usize,
        /// Its bytes, big-endian hexadecimal.
        got: String,
    },
    /// An accumulator limb does not fit its width.
    #[error("accumulator limb {index} does not fit 88 bits: got 0x{got}")]
    LimbRange {
        /// Index of the limb.
        index: usize,
        /// Its bytes, big-endian hexadecimal.
        got: String,
    },
    /// A proof has another length than its key makes.
    #[error("proof length: expected {expected} bytes, got {got}")]
    ProofLength {
        /// The key's proof length.
        expected: usize,
        /// The given one.
        got: usize,
    },
    /// The number of instance words is not the circuit's.
    #[error("instance words: expected {expected}, got {got}")]
    WordCount {
        /// What the circuit has.
        expected: usize,
        /// What was given.
        got: usize,
    },
    /// Key and SRS differ in size.
    #[error("SRS size: the key needs k = {expected}, got k = {got}")]
    SrsSize {
        /// The key's `k`.
        expected: u32,
        /// The SRS's `k`.
        got: u32,
    },
    /// The prover failed; with a satisfied witness it does not.
    #[error("proving failed: {0}")]
    Prove(String),
    /// The proof is malformed or false.
    #[error("proof refused: {0}")]
    Rejected(String),
    /// The generator made a source that this crate does not know how to finish.
    #[error("generated source: expected exactly one {expected:?}, got {got}")]
    Source {
        /// The text that is looked for.
        expected: &'static str,
        /// How often it is there.
        got: usize,
    },
}
