//! Exponential delays with jitter.

use std::time::Duration;

use rand::Rng;

/// A sequence of delays: `first`, doubled each time up to `most`, each shortened at random by up to a quarter
/// so that many clients of one server do not return at once.
#[derive(Clone, Debug)]
pub struct Backoff {
    first: Duration,
    most: Duration,
    tries: u32,
}

impl Backoff {
    /// A sequence from `first` to `most`.
    pub const fn new(first: Duration, most: Duration) -> Self {
        Self { first, most, tries: 0 }
    }

    /// Number of delays handed out since the last reset.
    pub const fn tries(&self) -> u32 {
        self.tries
    }

    /// Starts the sequence over.
    pub const fn reset(&mut self) {
        self.tries = 0;
    }

    /// The delay after `tries` earlier ones, without jitter.
    pub fn nominal(&self, tries: u32) -> Duration {
        let factor = 1_u32.checked_shl(tries).unwrap_or(u32::MAX);
        self.first.checked_mul(factor).unwrap_or(self.most).min(self.most)
    }

    /// The next delay.
    pub fn next_delay(&mut self) -> Duration {
        let nominal = self.nominal(self.tries);
        self.tries = self.tries.saturating_add(1);
        nominal.mul_f64(rand::thread_rng().gen_range(0.75..=1.0))
    }
}
