//! What can happen to a job, and the one function that changes it.

use alloy::primitives::B256;

use super::{BlockId, Fulfilment, Job, Request, State};

/// Something that happened to a job: a stage finished, or the chain moved.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// The collector stored checked observations.
    Collected(B256),
    /// The inference stage stored an answer.
    Inferred(B256),
    /// The prover stored a verified proof; the job's mode says of which kind.
    Proved(B256),
    /// The submitter stored a signed transaction.
    Submitted,
    /// The answer was seen on the canonical chain.
    Fulfilled(Fulfilment),
    /// The block of the answer left the canonical chain.
    Unfulfilled,
    /// The deadline passed without an answer, or the requester was refunded.
    Expired(String),
    /// The block of the request left the canonical chain.
    RequestGone,
    /// The request was seen (again) in this block. The request may differ in its creation time.
    RequestSeen(Box<Request>, BlockId),
    /// A stage gave up for good.
    Failed(String),
    /// An artefact turned out to be unusable: work again from an earlier state.
    RolledBack {
        /// State to return to; earlier than the present one.
        to: State,
        /// Why.
        reason: String,
    },
    /// A stage could not finish now; try again at `not_before` (Unix seconds).
    Deferred {
        /// When to try again.
        not_before: u64,
        /// Why.
        reason: String,
    },
}

impl Event {
    /// Name of the event, for the log of transitions.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Collected(_) => "collected",
            Self::Inferred(_) => "inferred",
            Self::Proved(_) => "proved",
            Self::Submitted => "submitted",
            Self::Fulfilled(_) => "fulfilled",
            Self::Unfulfilled => "unfulfilled",
            Self::Expired(_) => "expired",
            Self::RequestGone => "request_gone",
            Self::RequestSeen(..) => "request_seen",
            Self::Failed(_) => "failed",
            Self::RolledBack { .. } => "rolled_back",
            Self::Deferred { .. } => "deferred",
        }
    }
}

/// An event that the job's state does not allow.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("job {id} cannot take the event {event} in state {got}: expected {expected}")]
pub struct TransitionError {
    /// The job.
    pub id: B256,
    /// The event's name.
    pub event: &'static str,
    /// States in which the event is allowed, in words.
    pub expected: &'static str,
    /// State of the job.
    pub got: State,
}

impl Job {
    /// The job after `event`.
    ///
    /// # Errors
    /// [`TransitionError`] if the state does not allow the event; the job itself is unchanged.
    pub fn apply(&self, event: Event) -> Result<Self, TransitionError> {
        let mut next = self.clone();
        next.version += 1;
        next.step(event)?;
        if next.state != self.state {
            next.attempts = 0;
            next.not_before = 0;
        }
        Ok(next)
    }

    fn step(&mut self, event: Event) -> Result<(), TransitionError> {
        let name = event.name();
        match event {
            Event::Collected(blob) => {
                self.require(self.state == State::Requested, name, "requested")?;
                self.observations = Some(blob);
                self.state = State::Collected;
            }
            Event::Inferred(blob) => {
                self.require(self.state == State::Collected, name, "collected")?;
                self.answer = Some(blob);
                self.state = State::Inferred;
            }
            Event::Proved(blob) => {
                self.require(self.state == State::Inferred, name, "inferred")?;
                self.proof = Some(blob);
                self.state = self.request.mode.proved();
            }
            Event::Submitted => {
                let ok = matches!(self.state, State::Proved | State::Aggregated | State::Submitted);
                self.require(ok, name, "proved, aggregated or submitted")?;
                self.state = State::Submitted;
            }
            Event::Fulfilled(fulfilment) => {
                self.require(self.state != State::Reorged, name, "any but reorged")?;
                self.fulfilment = Some(fulfilment);
                self.reason = None;
                self.state = State::Final;
            }
            Event::Unfulfilled => {
                self.require(self.state == State::Final, name, "final")?;
                self.reason = Some("the block of the answer left the canonical chain".to_owned());
                self.fulfilment = None;
                self.state = self.resumable();
            }
            Event::Expired(reason) => {
                self.require(self.state.is_open(), name, "an open state")?;
                self.reason = Some(reason);
                self.state = State::Expired;
            }
            Event::RequestGone => {
                self.require(self.state != State::Reorged, name, "any but reorged")?;
                self.reason = Some("the block of the request left the canonical chain".to_owned());
                self.fulfilment = None;
                self.truncate(State::Requested);
                self.state = State::Reorged;
            }
            Event::RequestSeen(request, block) => {
                self.require(self.state == State::Reorged, name, "reorged")?;
                self.request = *request;
                self.seen = block;
                self.reason = None;
                self.state = State::Requested;
            }
            Event::Failed(reason) => {
                self.require(self.state.is_open(), name, "an open state")?;
                self.reason = Some(reason);
                self.state = State::Failed;
            }
            Event::RolledBack { to, reason } => {
                let ok = self.state.is_open() && to < self.state && self.reaches(to);
                self.require(ok, name, "an open state later than the target")?;
                self.reason = Some(reason);
                self.truncate(to);
                self.state = to;
            }
            Event::Deferred { not_before, reason } => {
                self.require(self.state.is_open(), name, "an open state")?;
                self.reason = Some(reason);
                self.not_before = not_before;
                self.attempts = self.attempts.saturating_add(1);
            }
        }
        Ok(())
    }

    /// True if a job of this mode passes through `state`.
    fn reaches(&self, state: State) -> bool {
        state <= State::Inferred || state == self.request.mode.proved()
    }

    fn require(&self, ok: bool, event: &'static str, expected: &'static str) -> Result<(), TransitionError> {
        if ok { Ok(()) } else { Err(TransitionError { id: self.id(), event, expected, got: self.state }) }
    }
}
