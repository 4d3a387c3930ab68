//! What is the same for every model that one aggregation key accepts.

use serde::{Deserialize, Serialize};

/// A shape of the inference circuit.
///
/// The gates, queries and columns are those of [`crate::gadgets`]; a shape adds the number of instance words. All models of a shape
/// share one aggregation key and one generated verifier.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Shape {
    /// Instance words of the inner proof.
    pub words: usize,
}

/// Version of the gate set and of the layout. It goes into every key file; a change of any gate, query or row order raises it.
pub const GATES_VERSION: u32 = 4;

impl Shape {
    /// The universal narrow shape: 16 words.
    pub const NARROW: Self = Self { words: 16 };

    /// The leanest shape for direct mode: exactly the words that are used.
    pub fn direct(words: usize) -> Self {
        Self { words }
    }

    /// Stable identity, `narrow-v4-w16`.
    pub fn id(&self) -> String {
        format!("narrow-v{GATES_VERSION}-w{}", self.words)
    }
}
