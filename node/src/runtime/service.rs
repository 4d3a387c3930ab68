//! The service trait.

use std::error::Error;

use async_trait::async_trait;
use tokio_util::sync::CancellationToken;

/// Why a service ended before it was told to, and what the supervisor should do.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// The moment is bad (a peer is down, a file is locked): start the service again after a delay.
    #[error("{0}")]
    Restart(#[source] Box<dyn Error + Send + Sync>),
    /// Trying again cannot help (wrong chain, wrong configuration): end the process.
    #[error("{0}")]
    Fatal(#[source] Box<dyn Error + Send + Sync>),
}

impl Failure {
    /// A failure that a restart may cure.
    pub fn restart(error: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self::Restart(error.into())
    }

    /// A failure that no restart cures.
    pub fn fatal(error: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self::Fatal(error.into())
    }
}

/// The two phases of stopping.
#[derive(Clone, Debug, Default)]
pub struct Stop {
    drain: CancellationToken,
    now: CancellationToken,
}

impl Stop {
    /// Neither phase begun.
    pub fn new() -> Self {
        Self::default()
    }

    /// Begins the first phase: take no new work, finish what is begun.
    pub fn drain(&self) {
        self.drain.cancel();
    }

    /// Begins the second phase: drop everything.
    pub fn now(&self) {
        self.drain.cancel();
        self.now.cancel();
    }

    /// True from the first phase on.
    pub fn is_draining(&self) -> bool {
        self.drain.is_cancelled()
    }

    /// Resolves when the first phase begins.
    pub async fn draining(&self) {
        self.drain.cancelled().await;
    }

    /// Resolves when the second phase begins.
    pub async fn forced(&self) {
        self.now.cancelled().await;
    }

    /// Sleeps for `time`; returns false if the first phase began meanwhile.
    pub async fn sleep(&self, time: std::time::Duration) -> bool {
        tokio::select! {
            () = self.drain.cancelled() => false,
            () = tokio::time::sleep(time) => true,
        }
    }
}

/// A long-lived part of the process.
#[async_trait]
pub trait Service: Send + Sync + 'static {
    /// Name for logs and metrics.
    fn name(&self) -> &'static str;

    /// Runs until `stop` begins to drain. Must be restartable: everything that has to survive is in the store.
    ///
    /// # Errors
    /// [`Failure`], which says whether the supervisor restarts the service.
    async fn run(&self, stop: Stop) -> Result<(), Failure>;
}
