//! Feeds: schema, signed header, and the observation that a publisher serves.
//!
//! | file | what |
//! |---|---|
//! | `schema.rs` | the schema, its hash, real values into schema units |
//! | `header.rs` | the EIP-712 header: digest, signature, signer |
//! | `observation.rs` | header, signature, values and salt, as served over HTTP |

mod header;
mod observation;
mod schema;
#[cfg(test)]
pub(crate) mod tests;

pub use header::{FeedDomain, HeaderError};
pub use observation::{Commitments, Labels, Observation, WireHeader};
pub use schema::{Field, Schema, SchemaError};
