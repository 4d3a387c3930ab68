//! What stands for the vectors on processors that have none.

/// Elements of a vector.
pub const LANES: usize = 8;

/// There is none.
#[derive(Clone, Copy, Debug)]
pub enum Ifma {}

impl Ifma {
    /// Always `None`.
    pub fn detect() -> Option<Self> {
        None
    }
}
