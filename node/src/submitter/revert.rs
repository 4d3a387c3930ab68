//! What a refusal of the contract means for the job.

use alloy::sol_types::SolInterface;

use crate::{
    bindings::{IDodonaOracle::IDodonaOracleErrors as Oracle, IFeedRegistry::IFeedRegistryErrors as Feed},
    job::{Event, State},
    runtime::Outcome,
};

/// Seconds to wait for the watcher to see what the contract has seen already.
const WAIT_FOR_WATCHER: u64 = 5;

/// Seconds to wait while an operator who accepted the request may still deliver.
const WAIT_FOR_WINDOW: u64 = 15;

/// The job's fate after the simulation of `fulfil` reverted with `data`, in words `reason`.
pub(super) fn verdict(data: &[u8], reason: &str) -> Outcome {
    let text = format!("the contract refuses the answer: {reason}");
    let Ok(error) = Oracle::abi_decode(data) else {
        return if Feed::abi_decode(data).is_ok() { collect_again(text) } else { Outcome::Done(Event::Failed(text)) };
    };
    match error {
        // The last one: a reorg may have taken the registration away for a while.
        Oracle::RequestNotOpen(_) | Oracle::RequestUnknown(_) | Oracle::DirectVerifierNotSet(_) => {
            Outcome::RetryIn(WAIT_FOR_WATCHER, text)
        }
        // Another operator's window: it may miss it.
        Oracle::AcceptedOtherwise(_) => Outcome::RetryIn(WAIT_FOR_WINDOW, text),
        Oracle::DeadlinePassed(_) | Oracle::ProofExpired(_) => Outcome::Done(Event::Expired(text)),
        Oracle::ObservationOutOfWindow(_)
        | Oracle::ObservationNoLongerValid(_)
        | Oracle::DeliveredTooLate(_)
        | Oracle::PublisherNotDistinct(_)
        | Oracle::MixedObservations(_) => collect_again(text),
        _ => Outcome::Done(Event::Failed(text)),
    }
}

/// The observations are what is wrong (too old by now, a publisher revoked, a set rotated): other ones may do.
const fn collect_again(reason: String) -> Outcome {
    Outcome::Done(Event::RolledBack { to: State::Requested, reason })
}
