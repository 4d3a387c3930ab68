//! The states of a job, in pipeline order.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

/// State of a job. The first seven are the pipeline, in order; the last three are ends that an event on
/// the chain can still undo.
///
/// A direct job goes `Inferred -> Proved -> Submitted`, an aggregated one
/// `Inferred -> Aggregated -> Submitted`: the inner proof of an aggregated answer is a private witness of
/// the outer one and is never written down, so there is no checkpoint between the two.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum State {
    /// The request is on the chain with the configured confirmations.
    Requested,
    /// Observations are fetched, checked and stored.
    Collected,
    /// The interpreter's answer is stored.
    Inferred,
    /// A direct proof is stored and was verified by this node.
    Proved,
    /// An aggregated proof is stored and was verified by this node.
    Aggregated,
    /// A signed transaction is stored; it may or may not have reached the network.
    Submitted,
    /// The answer is on the canonical chain with the configured confirmations.
    Final,
    /// The deadline passed, or the requester was refunded.
    Expired,
    /// The block of the request is no longer on the canonical chain.
    Reorged,
    /// This node gave up; the reason is with the job.
    Failed,
}

impl State {
    /// Every state, in order.
    pub const ALL: [Self; 10] = [
        Self::Requested,
        Self::Collected,
        Self::Inferred,
        Self::Proved,
        Self::Aggregated,
        Self::Submitted,
        Self::Final,
        Self::Expired,
        Self::Reorged,
        Self::Failed,
    ];

    /// True for the states in which a stage still has work to do.
    pub const fn is_open(self) -> bool {
        matches!(
            self,
            Self::Requested | Self::Collected | Self::Inferred | Self::Proved | Self::Aggregated | Self::Submitted
        )
    }

    /// Name as stored and served: lower case.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Requested => "requested",
            Self::Collected => "collected",
            Self::Inferred => "inferred",
            Self::Proved => "proved",
            Self::Aggregated => "aggregated",
            Self::Submitted => "submitted",
            Self::Final => "final",
            Self::Expired => "expired",
            Self::Reorged => "reorged",
            Self::Failed => "failed",
        }
    }
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A state name that does not exist.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("unknown job state: expected one of requested..failed, got {0:?}")]
pub struct UnknownState(pub String);

impl FromStr for State {
    type Err = UnknownState;

    fn from_str(text: &str) -> Result<Self, UnknownState> {
        Self::ALL.into_iter().find(|s| s.name() == text).ok_or_else(|| UnknownState(text.to_owned()))
    }
}
