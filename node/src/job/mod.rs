//! The job: one request for an answer, and where this node stands with it.
//!
//! A job is a value. [`Job::apply`] is the only way to change it, it is pure, and it refuses every change
//! that the table in [`state`] does not allow. The store wraps it in a transaction.
//!
//! | file | what |
//! |---|---|
//! | `state.rs` | the states and their order |
//! | `event.rs` | what can happen to a job, and the transition function |
//! | `request.rs` | the request as the chain has it |

mod event;
mod request;
mod state;
#[cfg(test)]
mod tests;

pub use event::{Event, TransitionError};
pub use request::{Mode, Request};
pub use state::{State, UnknownState};

use alloy::primitives::{Address, B256};
use serde::{Deserialize, Serialize};

/// A block by number and hash.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BlockId {
    /// Block number.
    pub number: u64,
    /// Block hash.
    pub hash: B256,
}

/// Where and by whom a request was answered on the canonical chain.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fulfilment {
    /// Block of the event.
    pub block: BlockId,
    /// Transaction that carried the answer.
    pub tx: B256,
    /// Account that the contract credited.
    pub payee: Address,
    /// True if that is this node's payee: only then the node was paid.
    pub own: bool,
}

/// One request and this node's progress on it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Job {
    /// The request, as its event and the contract state it.
    pub request: Request,
    /// Block whose log carries the request.
    pub seen: BlockId,
    /// State of the pipeline.
    pub state: State,
    /// Number of changes so far; stages use it to notice that a job changed under them.
    pub version: u64,
    /// Hash of the blob with the checked observations.
    pub observations: Option<B256>,
    /// Hash of the blob with the interpreter's answer.
    pub answer: Option<B256>,
    /// Hash of the blob with the proof (direct or aggregated).
    pub proof: Option<B256>,
    /// The answer on the canonical chain; set if and only if the state is `Final`.
    pub fulfilment: Option<Fulfilment>,
    /// Why the job is `Failed`, `Expired` or `Reorged`, or why it was rolled back last.
    pub reason: Option<String>,
    /// Attempts at the present state that ended in a retry.
    pub attempts: u32,
    /// Unix time in seconds before which no stage should take the job again; 0 = now.
    pub not_before: u64,
}

impl Job {
    /// A job for a request seen in `seen`, at the start of the pipeline.
    pub fn new(request: Request, seen: BlockId) -> Self {
        Self {
            request,
            seen,
            state: State::Requested,
            version: 0,
            observations: None,
            answer: None,
            proof: None,
            fulfilment: None,
            reason: None,
            attempts: 0,
            not_before: 0,
        }
    }

    /// Identifier of the request, and so of the job.
    pub const fn id(&self) -> B256 {
        self.request.id
    }

    /// The state of the pipeline that the artefacts at hand support: what a job returns to when an event
    /// beyond the pipeline (an answer on chain, say) turns out not to be on the canonical chain.
    pub fn resumable(&self) -> State {
        match (self.observations, self.answer, self.proof) {
            (Some(_), Some(_), Some(_)) => self.request.mode.proved(),
            (Some(_), Some(_), None) => State::Inferred,
            (Some(_), None, _) => State::Collected,
            (None, _, _) => State::Requested,
        }
    }

    /// Drops every artefact that belongs to a state later than `state`.
    fn truncate(&mut self, state: State) {
        if state < State::Collected {
            self.observations = None;
        }
        if state < State::Inferred {
            self.answer = None;
        }
        if state < State::Proved {
            self.proof = None;
        }
    }
}
