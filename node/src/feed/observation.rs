//! What a publisher serves: a signed header and what its commitment hides.

use alloy::primitives::{Address, B256, Bytes, U256};
use serde::{Deserialize, Serialize};

use crate::bindings::IFeedRegistry::ObservationHeader;

/// Poseidon commitments to observations. The circuits' implementation is the only one outside tests.
pub trait Commitments: Send + Sync {
    /// `Poseidon(tag, schemaField, length, salt, pack(values))`, below the field's order.
    ///
    /// # Errors
    /// A value or the salt is out of range; the text says which.
    fn commitment(&self, schema_hash: B256, values: &[i64], salt: B256) -> Result<U256, String>;
}

/// A header in JSON; numbers that do not fit 53 bits are hex strings.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct WireHeader {
    /// The feed.
    pub feed_id: B256,
    /// Publisher set, from 1.
    pub set_epoch: u32,
    /// Number of the observation.
    pub seq: u64,
    /// Commitment to the values.
    pub commitment: B256,
    /// Unix seconds, `seq × period`.
    pub observed_at: u64,
    /// Unix seconds until which the publisher stands by it.
    pub valid_until: u64,
}

impl From<&WireHeader> for ObservationHeader {
    fn from(h: &WireHeader) -> Self {
        Self {
            feedId: h.feed_id,
            setEpoch: h.set_epoch,
            seq: h.seq,
            commitment: U256::from_be_bytes(h.commitment.0),
            observedAt: h.observed_at,
            validUntil: h.valid_until,
        }
    }
}

/// What the observation is of, for people; not part of what is signed.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Labels {
    /// Historical date of the replayed observation.
    pub date: Option<String>,
    /// Asset.
    pub asset: Option<String>,
}

/// An observation with its opening. Secret until the publisher releases it, and then only for operators.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Observation {
    /// What was signed.
    pub header: WireHeader,
    /// 65 bytes `r ‖ s ‖ v`.
    pub signature: Bytes,
    /// The signer.
    pub publisher: Address,
    /// Values in schema units.
    pub values: Vec<i64>,
    /// Salt of the commitment, big-endian, below the field's order.
    pub salt: B256,
    /// For people.
    #[serde(default)]
    pub labels: Labels,
}
