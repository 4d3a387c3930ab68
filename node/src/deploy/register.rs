//! Registrations: feeds, publisher sets, models.

use std::path::Path;

use alloy::{
    primitives::{Address, B256, U256, aliases::U96, keccak256},
    sol_types::SolCall,
};

use super::{
    DeployError, Deployment, VerifierMeta, compile_verifier,
    contracts::{check_srs, create_verifier, send},
};
use crate::{
    bindings::{IFeedRegistry, IModelRegistry},
    chain::{tx::Account, view},
    feed::Schema,
};

/// What is registered of a model, from its folder.
#[derive(Clone, Debug)]
pub struct ModelFiles {
    /// Hash of the ONNX file.
    pub onnx_hash: B256,
    /// Hash of the quantised program.
    pub quant_hash: B256,
    /// Lengths of the sources, in order.
    pub lengths: Vec<usize>,
    /// Integer units per 1.0 of each output.
    pub scales: Vec<u64>,
    /// The model is not published.
    pub private: bool,
    /// Shape and key digest for one slot, if the model has aggregated mode.
    pub aggregated: Option<(String, U256)>,
}

/// Number of a shape in the contracts: the first four bytes of the hash of its name.
pub fn shape_number(shape: &str) -> u32 {
    let hash = keccak256(shape);
    u32::from_be_bytes([hash[0], hash[1], hash[2], hash[3]])
}

/// What else makes a feed's id.
#[derive(Clone, Copy, Debug, Default)]
pub struct FeedTerms {
    /// wei that each publisher must have bonded.
    pub min_bond: U96,
    /// Tells feeds of one owner and schema apart.
    pub salt: B256,
}

/// Creates a feed; returns its id. A feed that exists already is not created again.
///
/// # Errors
/// [`DeployError`].
pub async fn register_feed(
    account: &Account<'_>,
    registry: Address,
    schema: &Schema,
    publishers: &[Address],
    terms: FeedTerms,
) -> Result<B256, DeployError> {
    let FeedTerms { min_bond, salt } = terms;
    let value = |what, e: String| DeployError::Value { what, expected: "a usable schema".to_owned(), got: e };
    let schema_hash = schema.hash().map_err(|e| value("schema", e.to_string()))?;
    let length = u32::try_from(schema.fields.len()).map_err(|e| value("schema", e.to_string()))?;
    let owner = account.wallet.address();
    let (period, bond) = (schema.period, min_bond);
    let id_call = IFeedRegistry::feedIdOfCall { owner, schemaHash: schema_hash, length, period, minBond: bond, salt };
    let id = view(account.chain, registry, &id_call).await?;
    if view(account.chain, registry, &IFeedRegistry::feedOfCall { feedId: id }).await.is_ok() {
        return Ok(id);
    }
    let call = IFeedRegistry::createFeedCall {
        schemaHash: schema_hash,
        length,
        period,
        minBond: bond,
        publishers: publishers.to_vec(),
        salt,
    };
    send(account, "FeedRegistry.createFeed", Some(registry), call.abi_encode()).await?;
    Ok(id)
}

/// Starts the next publisher set of a feed; returns its epoch.
///
/// # Errors
/// [`DeployError`].
pub async fn rotate_publishers(
    account: &Account<'_>,
    registry: Address,
    feed: B256,
    publishers: &[Address],
    overlap_s: u64,
) -> Result<u32, DeployError> {
    let call = IFeedRegistry::rotateCall { feedId: feed, publishers: publishers.to_vec(), overlap: overlap_s };
    send(account, "FeedRegistry.rotate", Some(registry), call.abi_encode()).await?;
    Ok(view(account.chain, registry, &IFeedRegistry::feedOfCall { feedId: feed }).await?.epoch)
}

/// Registers a model with its direct verifier (`direct.sol`, `direct.json` in `folder`, if it is there) and returns
/// its id. `feeds`: one for each source.
///
/// # Errors
/// [`DeployError`].
pub async fn register_model(
    account: &Account<'_>,
    deployment: &Deployment,
    script: &Path,
    folder: &Path,
    files: &ModelFiles,
    feeds: &[B256],
) -> Result<B256, DeployError> {
    let direct = if folder.join("direct.json").exists() {
        let meta = VerifierMeta::load(&folder.join("direct.json"))?;
        check_srs(&meta, deployment)?;
        let compiled = compile_verifier(script, &folder.join("direct.sol"), &meta.contract).await?;
        let (address, hash) = create_verifier(account, "the model's verifier", &compiled).await?;
        Some((address, hash, meta.proof_length))
    } else {
        None
    };
    let spec = spec(account.wallet.address(), files, feeds, direct.map(|(_, hash, length)| (hash, length)))?;
    let registry = deployment.model_registry;
    let id = view(account.chain, registry, &IModelRegistry::computeIdCall { spec: spec.clone() }).await?;
    if !view(account.chain, registry, &IModelRegistry::existsCall { modelId: id }).await? {
        let call = IModelRegistry::registerCall { spec };
        send(account, "ModelRegistry.register", Some(registry), call.abi_encode()).await?;
    }
    if let Some((verifier, ..)) = direct {
        let known = view(account.chain, registry, &IModelRegistry::directVerifierOfCall { modelId: id }).await?;
        if known == Address::ZERO {
            let call = IModelRegistry::setDirectVerifierCall { modelId: id, verifier };
            send(account, "ModelRegistry.setDirectVerifier", Some(registry), call.abi_encode()).await?;
        }
    }
    Ok(id)
}

fn spec(
    author: Address,
    files: &ModelFiles,
    feeds: &[B256],
    direct: Option<(B256, usize)>,
) -> Result<IModelRegistry::ModelSpec, DeployError> {
    if feeds.len() != files.lengths.len() {
        return Err(DeployError::Value {
            what: "feeds",
            expected: format!("one for each of {} sources", files.lengths.len()),
            got: feeds.len().to_string(),
        });
    }
    let narrow = |what, number: usize| {
        u32::try_from(number).map_err(|_| DeployError::Value {
            what,
            expected: "a number below 2^32".to_owned(),
            got: number.to_string(),
        })
    };
    let sources = files.lengths.iter().zip(feeds).map(|(&length, &feed)| {
        Ok(IModelRegistry::Source { kind: 0, feedId: feed, length: narrow("length of a source", length)? })
    });
    let (shape, digests) = match &files.aggregated {
        Some((shape, digest)) => (shape_number(shape), vec![*digest]),
        None => (0, Vec::new()),
    };
    Ok(IModelRegistry::ModelSpec {
        author,
        onnxHash: files.onnx_hash,
        quantHash: files.quant_hash,
        sources: sources.collect::<Result<_, DeployError>>()?,
        nOutputs: u16::try_from(files.scales.len()).unwrap_or(u16::MAX),
        outputDecimals: decimals(&files.scales)?,
        isPrivate: files.private,
        shape,
        vkDigests: digests,
        directVerifierCodeHash: direct.map_or(B256::ZERO, |(hash, _)| hash),
        directProofLength: narrow("length of a proof", direct.map_or(0, |(_, length)| length))?,
    })
}

/// `d` such that every scale is `10^d`.
pub(super) fn decimals(scales: &[u64]) -> Result<i8, DeployError> {
    let of = |scale: u64| (0..=18_i8).find(|d| 10_u64.checked_pow(u32::from(d.unsigned_abs())) == Some(scale));
    let first = scales.first().copied().unwrap_or(1);
    let same = scales.iter().all(|&s| s == first);
    of(first).filter(|_| same).ok_or_else(|| DeployError::Value {
        what: "scales of the outputs",
        expected: "one power of ten for all".to_owned(),
        got: format!("{scales:?}"),
    })
}
