//! The checks of one observation, cheapest first; the registry on chain has the last word on the signer.

use alloy::primitives::{Address, U256};

use super::Refusal;
use crate::{
    bindings::IFeedRegistry::{ObservationHeader, verifyCall},
    chain::{Chain, ChainError, view},
    engine::SourceSpec,
    feed::{Commitments, FeedDomain, Observation},
    job::Request,
};

/// Times of observation that a request accepts (as `DodonaOracle` does).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Window {
    /// Earliest `observedAt`, inclusive.
    pub earliest: u64,
    /// Latest `observedAt`, inclusive.
    pub latest: u64,
    /// Least `validUntil`: the time of the request.
    pub created_at: u64,
}

impl Window {
    /// The window of `request` for a feed of `period` seconds, if the answer is delivered at `delivery`.
    pub fn new(request: &Request, period: u64, delivery: u64) -> Self {
        let by_request = request.created_at.saturating_sub(request.max_data_age);
        let by_delivery = match request.max_delivery_age {
            0 => 0,
            age => delivery.saturating_sub(age),
        };
        let later = if request.allow_later { period } else { 0 };
        Self {
            earliest: by_request.max(by_delivery),
            latest: request.created_at.saturating_add(later),
            created_at: request.created_at,
        }
    }

    /// Sequence numbers in the window, newest first, at most `most`.
    pub fn seqs(&self, period: u64, most: usize) -> Vec<u64> {
        let period = period.max(1);
        let (first, last) = (self.earliest.div_ceil(period), self.latest / period);
        (first..=last).rev().take(most).collect()
    }
}

/// Checks an observation served for `seq`; returns its publisher.
///
/// # Errors
/// [`Refusal`] with the first reason.
pub async fn check(
    chain: &dyn Chain,
    domain: &FeedDomain,
    commitments: &dyn Commitments,
    source: &SourceSpec,
    window: Window,
    seq: u64,
    observation: &Observation,
) -> Result<Address, Refusal> {
    let header = ObservationHeader::from(&observation.header);
    check_header(&header, source, window, seq)?;
    if observation.values.len() != source.length {
        return Err(Refusal::Length { expected: source.length, got: observation.values.len() });
    }
    let expected =
        commitments.commitment(source.schema_hash, &observation.values, observation.salt).map_err(Refusal::Values)?;
    if expected != header.commitment {
        return Err(Refusal::Commitment { expected, got: header.commitment });
    }
    let signer = domain.signer(&header, &observation.signature)?;
    if signer != observation.publisher {
        return Err(Refusal::Signer { expected: observation.publisher, got: signer });
    }
    let call = verifyCall { header, signature: observation.signature.clone() };
    match view(chain, domain.registry, &call).await {
        Ok(publisher) => Ok(publisher),
        Err(ChainError::Reverted { reason, .. }) => Err(Refusal::Registry(reason)),
        Err(error) => Err(Refusal::Chain(error)),
    }
}

fn check_header(header: &ObservationHeader, source: &SourceSpec, window: Window, seq: u64) -> Result<(), Refusal> {
    if header.feedId != source.feed_id {
        return Err(Refusal::Feed { expected: source.feed_id, got: header.feedId });
    }
    if header.seq != seq {
        return Err(Refusal::Seq { expected: seq, got: header.seq });
    }
    let expected = U256::from(seq).saturating_mul(U256::from(source.period));
    if U256::from(header.observedAt) != expected {
        return Err(Refusal::ObservedAt { expected: expected.saturating_to(), got: header.observedAt });
    }
    if header.observedAt < window.earliest || header.observedAt > window.latest {
        let Window { earliest, latest, .. } = window;
        return Err(Refusal::Window { earliest, latest, got: header.observedAt });
    }
    if header.validUntil < window.created_at {
        return Err(Refusal::NoLongerValid { expected: window.created_at, got: header.validUntil });
    }
    Ok(())
}
