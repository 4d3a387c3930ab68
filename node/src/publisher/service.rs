//! The signing loop.

use std::{sync::Arc, time::Duration};

use alloy::primitives::{Address, B256, U256};
use async_trait::async_trait;
use rand::{Rng, rngs::OsRng};

use super::{Book, Observed, PublishError, load_observations};
use crate::{
    bindings::{IFeedRegistry, IFeedRegistry::ObservationHeader},
    chain::{Chain, view},
    config::FeedConfig,
    feed::{Commitments, FeedDomain, Observation, Schema, WireHeader},
    runtime::{Failure, Service, Stop, unix_now},
    wallet::Wallet,
};

/// Order of BN254's scalar field.
const FIELD: U256 = alloy::primitives::uint!(0x30644e72e131a029b85045b68181585d2833e84879b9709143e1f593f0000001_U256);

/// A feed that this publisher signs for, checked against the registry.
pub struct Feed {
    /// Identifier.
    pub id: B256,
    /// Publisher set that the key belongs to.
    pub set_epoch: u32,
    /// Hash of the schema.
    pub schema_hash: B256,
    /// Seconds between observations.
    pub period: u64,
    /// Seconds for which an observation may be used.
    pub valid_for: u64,
    /// What to publish, in order; starts over at the end.
    pub rows: Vec<Observed>,
}

impl Feed {
    /// Reads schema and observations and compares them, and the key, with the registry.
    ///
    /// # Errors
    /// [`PublishError`].
    pub async fn load(
        chain: &dyn Chain,
        registry: Address,
        publisher: Address,
        config: &FeedConfig,
    ) -> Result<Self, PublishError> {
        let schema = Schema::load(&config.schema)?;
        let rows = load_observations(&config.observations, &schema, config.asset.as_deref())?;
        let id = config.feed_id;
        let feed = view(chain, registry, &IFeedRegistry::feedOfCall { feedId: id }).await?;
        let schema_hash = schema.hash()?;
        let same = |field, expected: String, got: String| {
            if expected == got { Ok(()) } else { Err(PublishError::Mismatch { feed: id, field, expected, got }) }
        };
        same("schema hash", feed.schemaHash.to_string(), schema_hash.to_string())?;
        same("period", feed.period.to_string(), schema.period.to_string())?;
        same("length", feed.length.to_string(), schema.fields.len().to_string())?;
        let call = IFeedRegistry::isPublisherCall { feedId: id, epoch: feed.epoch, publisher };
        if !view(chain, registry, &call).await? {
            let expected = format!("set {}", feed.epoch);
            return Err(PublishError::Mismatch { feed: id, field: "publisher", expected, got: publisher.to_string() });
        }
        let valid_for = config.valid_for_s;
        Ok(Self { id, set_epoch: feed.epoch, schema_hash, period: schema.period, valid_for, rows })
    }
}

/// Signs and stores observations.
pub struct Signer {
    /// The key.
    pub wallet: Wallet,
    /// Domain of the feed registry.
    pub domain: FeedDomain,
    /// What was committed to.
    pub book: Book,
    /// Poseidon.
    pub commitments: Arc<dyn Commitments>,
    /// The feeds.
    pub feeds: Vec<Feed>,
}

impl Signer {
    /// The observation of `feed` for the period that contains `now` (Unix seconds): the stored one, or a new one.
    ///
    /// # Errors
    /// [`PublishError`].
    pub fn publish(&self, feed: &Feed, now: u64) -> Result<Observation, PublishError> {
        let seq = now / feed.period.max(1);
        self.book.commit(feed.id, feed.set_epoch, seq, |row| self.observe(feed, seq, row))
    }

    fn observe(&self, feed: &Feed, seq: u64, row: usize) -> Result<Observation, PublishError> {
        let observed = feed
            .rows
            .get(row % feed.rows.len().max(1))
            .ok_or_else(|| PublishError::Row("there are no observations".to_owned()))?;
        let salt = salt();
        let commitment =
            self.commitments.commitment(feed.schema_hash, &observed.values, salt).map_err(PublishError::Commitment)?;
        let observed_at = seq.saturating_mul(feed.period);
        let header = WireHeader {
            feed_id: feed.id,
            set_epoch: feed.set_epoch,
            seq,
            commitment: B256::from(commitment),
            observed_at,
            valid_until: observed_at.saturating_add(feed.valid_for),
        };
        let signature = self.domain.sign(&ObservationHeader::from(&header), &self.wallet)?;
        Ok(Observation {
            header,
            signature,
            publisher: self.wallet.address(),
            values: observed.values.clone(),
            salt,
            labels: observed.labels.clone(),
        })
    }
}

/// A salt uniform in `[0, r)`: rejection of 254-bit numbers, which fails about once in four.
fn salt() -> B256 {
    loop {
        let mut bytes: [u8; 32] = OsRng.r#gen();
        bytes[0] &= 0x3f;
        if U256::from_be_bytes(bytes) < FIELD {
            return B256::from(bytes);
        }
    }
}

#[async_trait]
impl Service for Arc<Signer> {
    fn name(&self) -> &'static str {
        "publisher"
    }

    async fn run(&self, stop: Stop) -> Result<(), Failure> {
        loop {
            let signer = Self::clone(self);
            let signed = tokio::task::spawn_blocking(move || {
                let now = unix_now();
                signer.feeds.iter().map(|feed| signer.publish(feed, now)).collect::<Result<Vec<_>, _>>()
            });
            let signed = signed.await.map_err(Failure::restart)??;
            for observation in signed {
                let header = &observation.header;
                metrics::gauge!("dodona_published_seq", "feed" => header.feed_id.to_string()).set(precise(header.seq));
                tracing::debug!(feed = %header.feed_id, seq = header.seq, date = ?observation.labels.date, "published");
            }
            let now = unix_now();
            let next = self.feeds.iter().map(|f| f.period.max(1) - now % f.period.max(1)).min().unwrap_or(60);
            if !stop.sleep(Duration::from_secs(next)).await {
                return Ok(());
            }
        }
    }
}

#[expect(clippy::cast_precision_loss, reason = "sequence numbers are far below 2^53")]
const fn precise(number: u64) -> f64 {
    number as f64
}
