//! The watcher: reads the oracle's events in order, block by block, and follows reorgs.
//!
//! It scans up to `head − confirmations`. Every scanned range is one transaction in the store: the hashes of
//! its blocks and what was seen in them. Before each step it compares the last stored hash with the chain;
//! if they differ it walks back to the last common block and undoes everything above.
//!
//! | file | what |
//! |---|---|
//! | `service.rs` | the loop: reorg check, ranges |
//! | `decode.rs` | logs into sightings |
//! | `error.rs` | what can go wrong |

mod decode;
mod error;
mod service;
#[cfg(test)]
mod tests;

pub use error::WatchError;
pub use service::{WatchConfig, Watcher};
