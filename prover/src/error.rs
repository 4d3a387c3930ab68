//! Why no proof was made.

use std::io;

/// Why no proof was made.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The reference string is of another size than the key.
    #[error("the reference string has 2^{got} points, the key needs 2^{expected}")]
    Size {
        /// The key's `k`.
        expected: u32,
        /// The string's.
        got: u32,
    },
    /// The key has something that this prover does not know.
    #[error("the key has {count} {what}; this prover knows none")]
    Unsupported {
        /// What it is, plural.
        what: &'static str,
        /// How many.
        count: usize,
    },
    /// An input is not in the table that it is looked up in.
    #[error("lookup {index}: an input is not in the table")]
    Lookup {
        /// Which of the key's lookups.
        index: usize,
    },
    /// The circuit does not fill its cells.
    #[error("the circuit cannot be synthesised: {0}")]
    Synthesis(String),
    /// Another number of instance columns than the key's.
    #[error("instance columns: expected {expected}, got {got}")]
    Instances {
        /// The key's.
        expected: usize,
        /// The statement's.
        got: usize,
    },
    /// Too many values for a column.
    #[error("{what} column {column}: at most {most} rows, got {got}")]
    Rows {
        /// Kind of column.
        what: &'static str,
        /// Its index.
        column: usize,
        /// Rows that are no blinding rows.
        most: usize,
        /// Values given.
        got: usize,
    },
    /// The witness gave other columns than those of the phase.
    #[error("phase {phase}: expected columns {expected:?}, got {got:?}")]
    Columns {
        /// The phase.
        phase: u8,
        /// Indices of the key's columns of the phase.
        expected: Vec<usize>,
        /// Indices of the witness's.
        got: Vec<usize>,
    },
    /// A challenge hit a zero, which happens with a probability below 2^-200.
    #[error("a challenge is a root of unity or zero; prove again")]
    Challenge,
    /// The transcript or the reference string refused.
    #[error(transparent)]
    Io(#[from] io::Error),
}
