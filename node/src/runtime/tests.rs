//! Supervisor, backoff and stages.
