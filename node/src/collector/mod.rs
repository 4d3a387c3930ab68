//! The collector: fetches signed observations and refuses, before anything is proved, whatever the contracts
//! would refuse after.
//!
//! Per feed it looks for the newest observation time within the request's window for which enough distinct
//! publishers served an observation that passes every check.
//!
//! | file | what |
//! |---|---|
//! | `service.rs` | the stage: windows, quorum |
//! | `check.rs` | the checks of one observation |
//! | `peer.rs` | a publisher over HTTP |
//! | `types.rs` | what is stored |
//! | `error.rs` | why an observation is refused |

mod check;
mod error;
mod peer;
mod service;
#[cfg(test)]
mod tests;
mod types;

pub use check::{Window, check};
pub use error::Refusal;
pub use peer::{HttpPeer, Peer, PeerError};
pub use service::Collector;
pub use types::Collected;
