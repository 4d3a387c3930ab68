//! The publisher: each period it signs one observation over a salted commitment, keeps it, and serves it.
//!
//! The header, its values and its salt are stored before anything is released, and what is stored for a
//! sequence number is never replaced. So the publisher cannot sign two headers for one number, also when it
//! was killed between two steps.
//!
//! | file | what |
//! |---|---|
//! | `book.rs` | what was committed to, in SQLite |
//! | `source.rs` | the observations to publish |
//! | `service.rs` | the signing loop |
//! | `server.rs` | HTTP |
//! | `error.rs` | what can go wrong |

mod book;
mod error;
mod server;
mod service;
mod source;
#[cfg(test)]
mod tests;

pub use book::Book;
pub use error::PublishError;
pub use server::PublisherServer;
pub use service::{Feed, Signer};
pub use source::{Observed, load_observations};
