//! The runtime of the long-lived commands: services, their supervisor, and the way they stop.
//!
//! A [`Service`] runs until it is told to stop or fails. What its failure means is in the type: the
//! supervisor restarts a [`Failure::Restart`] with backoff and ends the process on a [`Failure::Fatal`].
//!
//! Stopping has two phases. In the first, services take no new work and finish what they have begun. When
//! the grace period is over, or at a second signal, they are dropped where they are: the store makes that safe.
//!
//! | file | what |
//! |---|---|
//! | `service.rs` | the trait and the failure type |
//! | `supervisor.rs` | restart, fatal, shutdown |
//! | `backoff.rs` | exponential delays with jitter |
//! | `stage.rs` | the loop that all job stages share |

mod backoff;
mod service;
mod stage;
mod supervisor;
#[cfg(test)]
mod tests;

pub use backoff::Backoff;
pub use service::{Failure, Service, Stop};
pub use stage::{Outcome, Stage, StageService, Wake};
pub use supervisor::{RuntimeError, Supervisor, signals};

use std::time::{SystemTime, UNIX_EPOCH};

/// Unix time in seconds by this machine's clock.
pub fn unix_now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |d| d.as_secs())
}
