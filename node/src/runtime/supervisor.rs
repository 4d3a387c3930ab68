//! The supervisor: starts services, restarts or ends on failure, and stops in two phases.

use std::{sync::Arc, time::Duration};

use tokio::{task::JoinSet, time::Instant};

use super::{Backoff, Failure, Service, Stop};

/// A service that ran this long is healthy again: its backoff starts over.
const HEALTHY: Duration = Duration::from_secs(60);

/// Why the process ends with an error.
#[derive(Debug, thiserror::Error)]
pub enum RuntimeError {
    /// A service failed for good.
    #[error("{service}: {source}")]
    Fatal {
        /// The service.
        service: &'static str,
        /// Its failure.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The operating system's signals cannot be listened to.
    #[error("cannot listen for signals: {0}")]
    Signals(#[source] std::io::Error),
}

/// Runs a set of services until they stop.
pub struct Supervisor {
    services: Vec<Arc<dyn Service>>,
    grace: Duration,
    backoff: Backoff,
}

impl Supervisor {
    /// A supervisor that gives services `grace` to finish what they have begun.
    pub const fn new(grace: Duration) -> Self {
        Self { services: Vec::new(), grace, backoff: Backoff::new(Duration::from_millis(500), Duration::from_secs(60)) }
    }

    /// Sets the delays between restarts.
    #[must_use]
    pub fn with_backoff(mut self, backoff: Backoff) -> Self {
        self.backoff = backoff;
        self
    }

    /// Adds a service.
    #[must_use]
    pub fn with(mut self, service: impl Service) -> Self {
        self.services.push(Arc::new(service));
        self
    }

    /// Runs until `stop` begins and every service has ended, or until a service fails for good.
    ///
    /// # Errors
    /// The first [`Failure::Fatal`], after the others were stopped.
    pub async fn run(self, stop: Stop) -> Result<(), RuntimeError> {
        let mut tasks = JoinSet::new();
        for service in self.services {
            tasks.spawn(supervise(service, stop.clone(), self.backoff.clone()));
        }
        let mut result = Ok(());
        let mut deadline = None;
        loop {
            let forced = async {
                match deadline {
                    Some(at) => tokio::select! {
                        () = tokio::time::sleep_until(at) => {}
                        () = stop.forced() => {}
                    },
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                ended = tasks.join_next() => match ended {
                    None => return result,
                    Some(Ok(Ok(()))) => {}
                    Some(Ok(Err(error))) => {
                        stop.drain();
                        if result.is_ok() {
                            result = Err(error);
                        }
                    }
                    Some(Err(join)) => tracing::error!(error = %join, "a service's task was lost"),
                },
                () = stop.draining(), if deadline.is_none() => {
                    tracing::info!(grace_s = self.grace.as_secs_f64(), "stopping: finishing what is begun");
                    deadline = Some(Instant::now() + self.grace);
                }
                () = forced => {
                    tracing::warn!(left = tasks.len(), "stopping now: the grace period is over");
                    stop.now();
                    tasks.abort_all();
                    while tasks.join_next().await.is_some() {}
                    return result;
                }
            }
        }
    }
}

async fn supervise(service: Arc<dyn Service>, stop: Stop, mut backoff: Backoff) -> Result<(), RuntimeError> {
    let name = service.name();
    loop {
        let begun = Instant::now();
        let run = {
            let (service, stop) = (Arc::clone(&service), stop.clone());
            tokio::spawn(async move { service.run(stop).await })
        };
        let guard = AbortOnDrop(run.abort_handle());
        let failure = match run.await {
            Ok(Ok(())) => return Ok(()),
            Ok(Err(failure)) => failure,
            Err(join) => Failure::restart(join),
        };
        drop(guard);
        if begun.elapsed() >= HEALTHY {
            backoff.reset();
        }
        match failure {
            Failure::Fatal(source) => return Err(RuntimeError::Fatal { service: name, source }),
            Failure::Restart(error) => {
                let delay = backoff.next_delay();
                metrics::counter!("dodona_service_restarts_total", "service" => name).increment(1);
                tracing::warn!(service = name, error = %error, delay_ms = delay.as_millis(), "service failed, starting it again");
                if !stop.sleep(delay).await {
                    return Ok(());
                }
            }
        }
    }
}

/// The inner task must not outlive the supervising one.
struct AbortOnDrop(tokio::task::AbortHandle);

impl Drop for AbortOnDrop {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// Connects SIGINT and SIGTERM to `stop`: the first begins the drain, the second ends it.
///
/// # Errors
/// [`RuntimeError::Signals`] if the handlers cannot be installed.
pub fn signals(stop: Stop) -> Result<(), RuntimeError> {
    use tokio::signal::unix::{SignalKind, signal};
    let mut interrupt = signal(SignalKind::interrupt()).map_err(RuntimeError::Signals)?;
    let mut terminate = signal(SignalKind::terminate()).map_err(RuntimeError::Signals)?;
    tokio::spawn(async move {
        tokio::select! { _ = interrupt.recv() => {} _ = terminate.recv() => {} }
        stop.drain();
        tokio::select! { _ = interrupt.recv() => {} _ = terminate.recv() => {} }
        stop.now();
    });
    Ok(())
}
