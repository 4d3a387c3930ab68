//! What is the same for every model that one aggregation key accepts.

use serde::{Deserialize, Serialize};

/// A shape of the inference circuit.
///
/// The gates, queries and columns are those of [`crate::gadgets`]; a shape adds the number of instance words. All models of a shape
/// share one aggregation key and one generated verifier.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Shape {
    /// Instance words of the inner proof.
    pub words: usize,
    /// Has the columns of [`crate::gadgets::matrix`].
    #[serde(default)]
    pub wide: bool,
}

/// Version of the gate set and of the layout. It goes into every key file; a change of any gate, query or row order raises it.
pub const GATES_VERSION: u32 = 5;

impl Shape {
    /// The universal narrow shape: 16 words.
    pub const NARROW: Self = Self { words: 16, wide: false };
    /// The universal wide shape, for large models: 16 words.
    pub const WIDE: Self = Self { words: 16, wide: true };

    /// The leanest shape for direct mode: exactly the words that are used.
    pub fn direct(words: usize, wide: bool) -> Self {
        Self { words, wide }
    }

    /// The universal shape with or without matrix checks.
    pub fn universal(wide: bool) -> Self {
        if wide { Self::WIDE } else { Self::NARROW }
    }

    /// Stable identity, `narrow-v4-w16`.
    pub fn id(&self) -> String {
        let name = if self.wide { "wide" } else { "narrow" };
        format!("{name}-v{GATES_VERSION}-w{}", self.words)
    }
}
