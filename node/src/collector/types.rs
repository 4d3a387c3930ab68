//! What the collector stores.

use serde::{Deserialize, Serialize};

use crate::feed::Observation;

/// The checked observations of one request, in the order of the model's sources.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Collected {
    /// One for each source.
    pub sources: Vec<Observation>,
}
