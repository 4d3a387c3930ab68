//! The oracle's logs into what the store understands.

use alloy::{
    primitives::{Address, B256},
    sol_types::SolEvent,
};

use super::WatchError;
use crate::{
    bindings::IDodonaOracle::{Fulfilled, Refunded, Requested},
    chain::ChainLog,
    engine::Served,
    job::{Fulfilment, Mode, Request},
    store::Sighting,
};

/// First topics of the events that are read.
pub(super) const TOPICS: [B256; 3] = [Requested::SIGNATURE_HASH, Fulfilled::SIGNATURE_HASH, Refunded::SIGNATURE_HASH];

/// What a log says, or `None` if it is a request that this node does not serve.
pub(super) fn sighting(log: &ChainLog, served: &Served, payee: Address) -> Result<Option<Sighting>, WatchError> {
    let bad = |e: alloy::sol_types::Error| WatchError::BadLog {
        block: log.block.number,
        index: log.index,
        reason: e.to_string(),
    };
    let topic = log.data.topics().first().copied().unwrap_or_default();
    if topic == Requested::SIGNATURE_HASH {
        let event = Requested::decode_log_data(&log.data).map_err(bad)?;
        return Ok(request(&event, served).map(|r| Sighting::Requested(Box::new(r), log.block)));
    }
    if topic == Fulfilled::SIGNATURE_HASH {
        let event = Fulfilled::decode_log_data(&log.data).map_err(bad)?;
        let own = event.payee == payee;
        let fulfilment = Fulfilment { block: log.block, tx: log.tx, payee: event.payee, own };
        return Ok(Some(Sighting::Fulfilled(event.id, fulfilment)));
    }
    if topic == Refunded::SIGNATURE_HASH {
        let event = Refunded::decode_log_data(&log.data).map_err(bad)?;
        return Ok(Some(Sighting::Refunded(event.id, log.block)));
    }
    Ok(None)
}

fn request(event: &Requested, served: &Served) -> Option<Request> {
    let mode = Mode::from_code(event.params.mode)?;
    let model = served.get(&event.modelId)?;
    if !model.modes.contains(&mode) {
        tracing::info!(id = %event.id, mode = mode.name(), "not served: mode not configured");
        return None;
    }
    Some(Request {
        id: event.id,
        model_id: event.modelId,
        requester: event.requester,
        mode,
        fee: event.fee,
        created_at: event.createdAt,
        deadline: event.params.deadline,
        max_data_age: event.params.maxDataAge,
        max_delivery_age: event.params.maxDeliveryAge,
        allow_later: event.params.allowLater,
        callback_gas_limit: event.params.callbackGasLimit,
        verifier_version: event.verifierVersion,
        public_words: event.params.publicWords.clone(),
    })
}
