//! The deployment: registries, router, oracle, wrappers, in the order in which they name each other.

use std::path::Path;

use alloy::{
    primitives::{Address, B256, U256, aliases::U96, keccak256},
    sol_types::{SolCall, SolEvent, SolValue},
};

use super::{Compiled, DeployError, Deployment, VerifierMeta, compile_verifier, forge_artifact, shape_number};
use crate::{
    bindings::{IDodonaOracle, IVerifierRouter},
    chain::{ChainError, Receipt, tx::Account},
};

/// Gas that a generated verifier is given: about three times what one uses, so that a cheaper chain rule has room.
const VERIFIER_GAS: u64 = 1_500_000;
/// Accumulator limbs and key digest before the inner words.
const AGGREGATED_HEAD: usize = 13;

/// What a deployment is told.
#[derive(Clone, Debug)]
pub struct DeployOptions {
    /// Digest of the structured reference string in use.
    pub srs_digest: B256,
    /// It is the INSECURE development one. Never in production.
    pub dev_srs: bool,
    /// May freeze verifier versions.
    pub guardian: Address,
    /// Seconds from the proposal of a verifier version to its activation; at least two days unless `dev_srs`.
    pub delay: u64,
    /// Fee of a direct answer, wei.
    pub direct_fee: U96,
    /// Fee of an aggregated answer, wei.
    pub aggregated_fee: U96,
    /// wei for each unit of callback gas.
    pub callback_gas_price: u64,
}

/// Deploys everything but the aggregated verifier.
///
/// # Errors
/// [`DeployError`].
pub async fn deploy(account: &Account<'_>, out: &Path, options: &DeployOptions) -> Result<Deployment, DeployError> {
    let owner = account.wallet.address();
    let start_block = account.chain.head().await?;
    let chain_id = account.chain.chain_id().await?;
    let plain = |file: &str, args: Vec<u8>| forge_artifact(out, file, file).map(|code| [code.to_vec(), args].concat());
    let feed_registry = create(account, "FeedRegistry", plain("FeedRegistry", Vec::new())?).await?;
    let args = (feed_registry,).abi_encode_params();
    let model_registry = create(account, "ModelRegistry", plain("ModelRegistry", args)?).await?;
    let args = (owner, options.guardian, options.srs_digest, options.delay).abi_encode_params();
    let verifier_router = create(account, "VerifierRouter", plain("VerifierRouter", args)?).await?;
    let operator_staking = create(account, "OperatorStaking", plain("OperatorStaking", Vec::new())?).await?;
    let prices = IDodonaOracle::Prices {
        direct: options.direct_fee,
        aggregated: options.aggregated_fee,
        callbackGasPrice: options.callback_gas_price,
        listed: true,
    };
    let args = (owner, model_registry, feed_registry, verifier_router, operator_staking, prices).abi_encode_params();
    let oracle = create(account, "DodonaOracle", plain("DodonaOracle", args)?).await?;

    let code = forge_artifact(out, "VerifierWrapper", "DirectVerifier")?;
    let args = (U256::from(VERIFIER_GAS),).abi_encode_params();
    let direct_verifier = create(account, "DirectVerifier", [code.to_vec(), args].concat()).await?;
    let direct_version = add_version(account, verifier_router, direct_verifier, B256::ZERO, options.srs_digest).await?;
    Ok(Deployment {
        chain_id,
        start_block,
        owner,
        feed_registry,
        model_registry,
        verifier_router,
        operator_staking,
        oracle,
        direct_verifier,
        direct_version,
        aggregated_verifier: None,
        aggregated_version: None,
        srs_digest: options.srs_digest,
        dev_srs: options.dev_srs,
    })
}

/// Deploys the aggregated verifier in `folder` (`aggregated.sol`, `aggregated.json`) and adds it to the router.
///
/// # Errors
/// [`DeployError`]; a verifier of another structured reference string.
pub async fn deploy_aggregated(
    account: &Account<'_>,
    out: &Path,
    script: &Path,
    folder: &Path,
    deployment: &mut Deployment,
) -> Result<(), DeployError> {
    let meta = VerifierMeta::load(&folder.join("aggregated.json"))?;
    check_srs(&meta, deployment)?;
    let compiled = compile_verifier(script, &folder.join("aggregated.sol"), &meta.contract).await?;
    let (generated, code_hash) = create_verifier(account, "the generated verifier", &compiled).await?;
    let words = meta.words.checked_sub(AGGREGATED_HEAD).ok_or_else(|| DeployError::Value {
        what: "words of the aggregated verifier",
        expected: format!("at least {AGGREGATED_HEAD}"),
        got: meta.words.to_string(),
    })?;
    let args = (
        generated,
        U256::from(shape_number(&meta.shape)),
        U256::from(words),
        U256::from(meta.proof_length),
        U256::from(VERIFIER_GAS),
    )
        .abi_encode_params();
    let code = forge_artifact(out, "VerifierWrapper", "AggregatedVerifier")?;
    let wrapper = create(account, "AggregatedVerifier", [code.to_vec(), args].concat()).await?;
    let version = add_version(account, deployment.verifier_router, wrapper, code_hash, meta.srs_digest).await?;
    deployment.aggregated_verifier = Some(wrapper);
    deployment.aggregated_version = Some(version);
    Ok(())
}

/// Refuses a verifier made with another structured reference string than the deployment's.
pub(super) fn check_srs(meta: &VerifierMeta, deployment: &Deployment) -> Result<(), DeployError> {
    if meta.srs_digest == deployment.srs_digest {
        return Ok(());
    }
    Err(DeployError::Value {
        what: "structured reference string of the verifier",
        expected: deployment.srs_digest.to_string(),
        got: meta.srs_digest.to_string(),
    })
}

/// Creates a generated verifier; returns its address and the hash of its code on chain.
pub(super) async fn create_verifier(
    account: &Account<'_>,
    what: &str,
    compiled: &Compiled,
) -> Result<(Address, B256), DeployError> {
    let address = create(account, what, compiled.bytecode.to_vec()).await?;
    Ok((address, keccak256(account.chain.code(address).await?)))
}

/// Sends a transaction and names it in errors.
pub(super) async fn send(
    account: &Account<'_>,
    what: &str,
    to: Option<Address>,
    data: Vec<u8>,
) -> Result<Receipt, DeployError> {
    let sent = account.send(to, data.into(), U256::ZERO).await;
    let (hash, receipt) = sent.map_err(|source| DeployError::Send { what: what.to_owned(), source })?;
    tracing::debug!(what, tx = %hash, gas = receipt.gas_used, "sent");
    Ok(receipt)
}

async fn create(account: &Account<'_>, what: &str, code: Vec<u8>) -> Result<Address, DeployError> {
    let receipt = send(account, what, None, code).await?;
    receipt.created.ok_or_else(|| DeployError::Value {
        what: "receipt of a contract creation",
        expected: "an address".to_owned(),
        got: "none".to_owned(),
    })
}

/// Makes a proposed version active once its delay is over.
///
/// # Errors
/// [`DeployError`].
pub async fn activate(account: &Account<'_>, router: Address, version: u32) -> Result<(), DeployError> {
    let call = IVerifierRouter::activateCall { version };
    send(account, "VerifierRouter.activate", Some(router), call.abi_encode()).await.map(drop)
}

/// Proposes a version; with a router without delay it is active at once.
async fn add_version(
    account: &Account<'_>,
    router: Address,
    wrapper: Address,
    implementation: B256,
    srs: B256,
) -> Result<u32, DeployError> {
    let code_hash = keccak256(account.chain.code(wrapper).await?);
    let call = IVerifierRouter::addVersionCall {
        verifier: wrapper,
        codeHash: code_hash,
        implementationCodeHash: implementation,
        srsDigest: srs,
    };
    let receipt = send(account, "VerifierRouter.addVersion", Some(router), call.abi_encode()).await?;
    let block = receipt.block.number;
    let logs = account.chain.logs(router, &[IVerifierRouter::VersionProposed::SIGNATURE_HASH], block, block).await?;
    let versions = logs.iter().filter_map(|l| IVerifierRouter::VersionProposed::decode_log_data(&l.data).ok());
    let found = versions.filter(|v| v.verifier == wrapper).map(|v| v.version).next_back();
    found.ok_or_else(|| {
        let what = "VersionProposed".to_owned();
        DeployError::Chain(ChainError::Decode {
            what,
            reason: "expected the event in the receipt's block, got none".to_owned(),
        })
    })
}
