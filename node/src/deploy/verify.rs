//! Compares what stands on chain with what sources and files give: contracts with forge's artifacts, generated verifiers with ones that are
//! generated again, a registered model with its folder.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
};

use alloy::primitives::{Address, B256, U256, keccak256};
use serde::Serialize;

use super::{Compiled, DeployError, Deployment, ModelFiles, artifact::Runtime, forge_runtime};
use crate::{
    bindings::{IDodonaOracle, IFeedRegistry, IModelRegistry, IProofVerifier, IVerifierRouter},
    chain::{Chain, view},
    feed::FeedDomain,
};

/// One comparison.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Check {
    /// What was compared.
    pub what: String,
    /// What sources or files give.
    pub expected: String,
    /// What the chain says.
    pub got: String,
    /// Whether the two are equal.
    pub ok: bool,
}

impl Check {
    fn new(what: impl Into<String>, expected: &impl ToString, got: &impl ToString) -> Self {
        let (expected, got) = (expected.to_string(), got.to_string());
        Self { what: what.into(), ok: expected == got, expected, got }
    }
}

/// A contract's runtime code, immutables left out, against the artifact in `out`.
///
/// # Errors
/// An artifact that cannot be read; the chain does not answer.
async fn contract(
    chain: &dyn Chain,
    out: &Path,
    file: &str,
    name: &str,
    address: Address,
) -> Result<Check, DeployError> {
    let built = forge_runtime(out, file, name)?;
    let code = chain.code(address).await?;
    Ok(Check::new(
        format!("code of {name} at {address}"),
        &masked_hash(&built.code, &built),
        &masked_hash(&code, &built),
    ))
}

/// Hash of code with the places of immutables blanked; these are what a constructor writes.
fn masked_hash(code: &[u8], built: &Runtime) -> B256 {
    let mut code = code.to_vec();
    for place in built.immutables.values().flatten() {
        if let Some(bytes) = code.get_mut(place.clone()) {
            bytes.fill(0);
        }
    }
    keccak256(code)
}

/// The contracts of a deployment and the router's entries for it.
///
/// # Errors
/// Artifacts that cannot be read; the chain does not answer.
pub async fn verify_contracts(chain: &dyn Chain, out: &Path, d: &Deployment) -> Result<Vec<Check>, DeployError> {
    let mut checks = Vec::new();
    for (name, address) in [
        ("FeedRegistry", d.feed_registry),
        ("ModelRegistry", d.model_registry),
        ("VerifierRouter", d.verifier_router),
        ("OperatorStaking", d.operator_staking),
        ("DodonaOracle", d.oracle),
    ] {
        checks.push(contract(chain, out, name, name, address).await?);
    }
    // Other code would answer anything.
    if checks.iter().all(|check| check.ok) {
        checks.extend(bindings(chain, out, d).await?);
    }
    checks.push(contract(chain, out, "VerifierWrapper", "DirectVerifier", d.direct_verifier).await?);
    checks.extend(version(chain, d, "direct", d.direct_version, d.direct_verifier).await?);
    if let (Some(wrapper), Some(number)) = (d.aggregated_verifier, d.aggregated_version) {
        checks.push(contract(chain, out, "VerifierWrapper", "AggregatedVerifier", wrapper).await?);
        checks.extend(version(chain, d, "aggregated", number, wrapper).await?);
    }
    Ok(checks)
}

/// What the contracts are bound to: immutables are left out of the comparison of codes, so they are compared here.
async fn bindings(chain: &dyn Chain, out: &Path, d: &Deployment) -> Result<Vec<Check>, DeployError> {
    let desk = view(chain, d.oracle, &IDodonaOracle::deskCall {}).await?;
    let feeds = view(chain, d.model_registry, &IModelRegistry::feedsCall {}).await?;
    let domain = FeedDomain { chain_id: d.chain_id, registry: d.feed_registry }.separator();
    let separator = view(chain, d.feed_registry, &IFeedRegistry::domainSeparatorCall {}).await?;
    let srs = view(chain, d.verifier_router, &IVerifierRouter::srsDigestCall {}).await?;
    let oracle = |call: &str| format!("{call} of DodonaOracle");
    let mut checks = vec![
        Check::new("feed registry of ModelRegistry", &d.feed_registry, &feeds),
        Check::new("EIP-712 domain of FeedRegistry", &domain, &separator),
        Check::new("structured reference string of VerifierRouter", &d.srs_digest, &srs),
        Check::new(
            oracle("model registry"),
            &d.model_registry,
            &view(chain, d.oracle, &IDodonaOracle::modelRegistryCall {}).await?,
        ),
        Check::new(
            oracle("feed registry"),
            &d.feed_registry,
            &view(chain, d.oracle, &IDodonaOracle::feedRegistryCall {}).await?,
        ),
        Check::new(
            oracle("router"),
            &d.verifier_router,
            &view(chain, d.oracle, &IDodonaOracle::verifierRouterCall {}).await?,
        ),
        Check::new(
            oracle("stake"),
            &d.operator_staking,
            &view(chain, d.oracle, &IDodonaOracle::operatorStakingCall {}).await?,
        ),
        contract(chain, out, "Desk", "OracleDesk", desk).await?,
    ];
    let whole = immutables(&chain.code(d.oracle).await?, &forge_runtime(out, "DodonaOracle", "DodonaOracle")?);
    let part = immutables(&chain.code(desk).await?, &forge_runtime(out, "Desk", "OracleDesk")?);
    // The desk has no views of its own. Its variables are the oracle's, so they must hold what the oracle's hold.
    let expected: BTreeMap<_, _> = whole.iter().filter(|(id, _)| part.contains_key(*id)).collect();
    let shown: BTreeMap<_, _> = part.iter().collect();
    checks.push(Check::new("what OracleDesk is bound to", &format!("{expected:?}"), &format!("{shown:?}")));
    Ok(checks)
}

/// Values of a contract's immutables, by variable.
fn immutables(code: &[u8], built: &Runtime) -> BTreeMap<String, BTreeSet<B256>> {
    let value =
        |place: &std::ops::Range<usize>| code.get(place.clone()).filter(|v| v.len() <= 32).map(B256::left_padding_from);
    built.immutables.iter().map(|(id, places)| (id.clone(), places.iter().filter_map(value).collect())).collect()
}

/// What the router pins of a version.
async fn version(
    chain: &dyn Chain,
    d: &Deployment,
    mode: &str,
    number: u32,
    wrapper: Address,
) -> Result<Vec<Check>, DeployError> {
    let entry = view(chain, d.verifier_router, &IVerifierRouter::versionOfCall { version: number }).await?;
    let what = |what: &str| format!("{what} of version {number} ({mode})");
    let hash = keccak256(chain.code(wrapper).await?);
    Ok(vec![
        Check::new(what("verifier"), &wrapper, &entry.verifier),
        Check::new(what("code hash"), &hash, &entry.codeHash),
        Check::new(what("digest of the structured reference string"), &d.srs_digest, &entry.srsDigest),
    ])
}

/// The aggregated verifier behind the deployment's wrapper, against one generated again.
///
/// # Errors
/// The deployment has none; the chain does not answer.
pub async fn verify_aggregated(
    chain: &dyn Chain,
    d: &Deployment,
    generated: &Compiled,
) -> Result<Vec<Check>, DeployError> {
    let none = || DeployError::Value {
        what: "the deployment",
        expected: "an aggregated verifier".to_owned(),
        got: "none".to_owned(),
    };
    let wrapper = d.aggregated_verifier.ok_or_else(none)?;
    let number = d.aggregated_version.ok_or_else(none)?;
    let implementation = view(chain, wrapper, &IProofVerifier::implementationCall {}).await?;
    let entry = view(chain, d.verifier_router, &IVerifierRouter::versionOfCall { version: number }).await?;
    let expected = keccak256(&generated.runtime);
    let got = keccak256(chain.code(implementation).await?);
    Ok(vec![
        Check::new(format!("code of the generated aggregated verifier at {implementation}"), &expected, &got),
        Check::new("its hash in the router", &expected, &entry.implementationCodeHash),
    ])
}

/// A registered model against its folder; `direct` is its verifier, generated again.
///
/// # Errors
/// The model is not registered; the chain does not answer.
pub async fn verify_model(
    chain: &dyn Chain,
    d: &Deployment,
    id: B256,
    files: &ModelFiles,
    slots: usize,
    direct: Option<&Compiled>,
) -> Result<Vec<Check>, DeployError> {
    let registry = d.model_registry;
    let spec = view(chain, registry, &IModelRegistry::specOfCall { modelId: id }).await?;
    let lengths: Vec<usize> = spec.sources.iter().map(|s| s.length as usize).collect();
    let mut checks = vec![
        Check::new("hash of the ONNX file", &files.onnx_hash, &spec.onnxHash),
        Check::new("hash of the quantised program", &files.quant_hash, &spec.quantHash),
        Check::new("lengths of the sources", &format!("{:?}", files.lengths), &format!("{lengths:?}")),
        Check::new("outputs", &files.scales.len(), &spec.nOutputs),
        Check::new("privacy", &files.private, &spec.isPrivate),
    ];
    if let Some((shape, digest)) = &files.aggregated {
        let registered = slots.checked_sub(1).and_then(|i| spec.vkDigests.get(i)).copied().unwrap_or(U256::ZERO);
        checks.push(Check::new("digest of the key", digest, &registered));
        checks.push(Check::new("shape", &super::shape_number(shape), &spec.shape));
    }
    if let Some(direct) = direct {
        let expected = keccak256(&direct.runtime);
        checks.push(Check::new("code hash of the direct verifier", &expected, &spec.directVerifierCodeHash));
        let address = view(chain, registry, &IModelRegistry::directVerifierOfCall { modelId: id }).await?;
        let got = keccak256(chain.code(address).await?);
        checks.push(Check::new(format!("code of the direct verifier at {address}"), &expected, &got));
    }
    Ok(checks)
}
