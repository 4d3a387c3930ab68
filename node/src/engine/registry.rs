//! The models that this node serves, with what the chain says of them.

use std::{collections::BTreeMap, sync::Arc};

use alloy::primitives::{Address, B256, U256};

use super::Engine;
use crate::{
    bindings::{IFeedRegistry, IModelRegistry},
    chain::{Chain, ChainError, view},
    job::Mode,
};

/// One input tensor of a model.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SourceSpec {
    /// Its feed.
    pub feed_id: B256,
    /// Hash of the feed's schema.
    pub schema_hash: B256,
    /// Values in an observation.
    pub length: usize,
    /// Seconds between observations.
    pub period: u64,
}

/// One model that this node serves.
pub struct ServedModel {
    /// Identifier in the registry.
    pub id: B256,
    /// Modes that this node answers.
    pub modes: Vec<Mode>,
    /// Input tensors, in order.
    pub sources: Vec<SourceSpec>,
    /// Number of outputs.
    pub outputs: usize,
    /// Digest of the inner key for one slot; 0 if the model has no aggregated mode.
    pub vk_digest: U256,
    /// The circuits.
    pub engine: Arc<dyn Engine>,
}

/// The models of this node by id.
pub type Served = Arc<BTreeMap<B256, ServedModel>>;

/// Why a model cannot be served.
#[derive(Debug, thiserror::Error)]
pub enum ModelError {
    /// The chain does not answer or does not know the model.
    #[error("model {id}: {source}")]
    Chain {
        /// The model.
        id: B256,
        /// Why.
        source: ChainError,
    },
    /// The model needs something that this node cannot do.
    #[error("model {id}: expected {expected}, got {got}")]
    Unsupported {
        /// The model.
        id: B256,
        /// What this node can serve.
        expected: &'static str,
        /// What the spec says.
        got: String,
    },
}

impl ServedModel {
    /// Reads the model's spec and feeds from the chain.
    ///
    /// # Errors
    /// [`ModelError`].
    pub async fn load(
        chain: &dyn Chain,
        models: Address,
        feeds: Address,
        id: B256,
        modes: Vec<Mode>,
        engine: Arc<dyn Engine>,
    ) -> Result<Self, ModelError> {
        let failed = |source| ModelError::Chain { id, source };
        let spec = view(chain, models, &IModelRegistry::specOfCall { modelId: id }).await.map_err(failed)?;
        let mut sources = Vec::with_capacity(spec.sources.len());
        for source in &spec.sources {
            if source.kind != 0 {
                return Err(ModelError::Unsupported {
                    id,
                    expected: "committed sources only",
                    got: format!("a source of kind {}", source.kind),
                });
            }
            let call = IFeedRegistry::feedOfCall { feedId: source.feedId };
            let feed = view(chain, feeds, &call).await.map_err(failed)?;
            sources.push(SourceSpec {
                feed_id: source.feedId,
                schema_hash: feed.schemaHash,
                length: usize::try_from(feed.length).unwrap_or(usize::MAX),
                period: feed.period,
            });
        }
        if modes.contains(&Mode::Direct) && spec.directVerifierCodeHash.is_zero() {
            return Err(ModelError::Unsupported {
                id,
                expected: "a model with direct mode, as configured",
                got: "a spec without a direct verifier".to_owned(),
            });
        }
        let vk_digest = spec.vkDigests.first().copied().unwrap_or_default();
        if modes.contains(&Mode::Aggregated) && vk_digest.is_zero() {
            return Err(ModelError::Unsupported {
                id,
                expected: "a model with aggregated mode for one slot, as configured",
                got: "a spec without its key digest".to_owned(),
            });
        }
        Ok(Self { id, modes, sources, outputs: usize::from(spec.nOutputs), vk_digest, engine })
    }
}
