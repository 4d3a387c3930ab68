//! Commands that send transactions: deploy, register, request.

use std::{path::Path, time::Duration};

use alloy::{
    primitives::{Address, B256, U256, aliases::U96},
    sol_types::{SolCall, SolEvent},
};
use dodona_circuits::api::Model;
use serde_json::json;

use super::{
    CliError,
    args::{DeployArgs, DeploymentArgs, KeyArgs, RegisterCommand, RequestArgs, RpcArgs},
    circuit::{dev_digest, ring},
    print,
    progress::{Bars, waiting},
};
use crate::{
    bindings::IDodonaOracle::{self, RequestParams, Requested},
    chain::{Chain, RetryPolicy, RpcChain, check_chain, check_code, tx::Account, view},
    deploy::{self, DeployOptions, Deployment, FeedTerms, ModelFiles},
    feed::Schema,
    job::Mode,
    wallet::{ProcessSecrets, Wallet},
};

/// Tip of one-off transactions, wei per gas.
const TIP: u128 = 1_000_000_000;
/// Seconds from the proposal of a verifier version to its activation, where the INSECURE development string is not in use.
const PRODUCTION_DELAY: u64 = 2 * 86_400;
/// Longest wait for one transaction.
const PATIENCE: Duration = Duration::from_secs(300);

/// A client with the patience of a command.
pub(super) fn connect(url: &str) -> Result<RpcChain, CliError> {
    let policy = RetryPolicy { timeout: Duration::from_secs(30), retries: 4, first_delay: Duration::from_millis(250) };
    Ok(RpcChain::new(url, policy)?)
}

pub(super) async fn checked(args: &RpcArgs) -> Result<RpcChain, CliError> {
    let chain = connect(&args.rpc_url)?;
    if let Some(expected) = args.chain_id {
        check_chain(&chain, expected).await?;
    }
    Ok(chain)
}

fn wallet(args: &KeyArgs) -> Result<Wallet, CliError> {
    Ok(Wallet::load(&args.into(), &ProcessSecrets)?)
}

pub(super) fn account<'a>(chain: &'a RpcChain, wallet: &'a Wallet) -> Account<'a> {
    Account { chain, wallet, tip: TIP, patience: PATIENCE }
}

pub(super) async fn deploy(args: DeployArgs) -> Result<(), CliError> {
    let chain = checked(&args.rpc).await?;
    let wallet = wallet(&args.key)?;
    let account = account(&chain, &wallet);
    let dev = dev_digest()?;
    let srs_digest = args.srs_digest.unwrap_or(dev);
    let development = srs_digest == dev;
    let options = DeployOptions {
        srs_digest,
        dev_srs: development,
        guardian: args.guardian.unwrap_or(wallet.address()),
        delay: args.delay.unwrap_or(if development { 0 } else { PRODUCTION_DELAY }),
        direct_fee: args.direct_fee,
        aggregated_fee: args.aggregated_fee,
        callback_gas_price: args.callback_gas_price,
    };
    if development && !args.allow_dev_srs {
        let text = "expected --srs-digest of a ceremony's string, or --allow-dev-srs (INSECURE), got neither";
        return Err(CliError::Usage(text.to_owned()));
    }
    let out = args.contracts.contracts.join("out");
    let mut deployment = waiting("deploying", deploy::deploy(&account, &out, &options)).await?;
    if let Some(folder) = &args.aggregated {
        let script = args.contracts.contracts.join("compile.js");
        let work = deploy::deploy_aggregated(&account, &out, &script, folder, &mut deployment);
        waiting("deploying the aggregated verifier", work).await?;
    }
    deployment.save(&args.out)?;
    print(&deployment)
}

struct Target {
    chain: RpcChain,
    wallet: Wallet,
    deployment: Deployment,
}

async fn target(args: &DeploymentArgs) -> Result<Target, CliError> {
    let deployment = Deployment::load(&args.deployment)?;
    let chain = checked(&args.rpc).await?;
    check_chain(&chain, deployment.chain_id).await?;
    check_code(&chain, &contracts(&deployment)).await?;
    Ok(Target { chain, wallet: wallet(&args.key)?, deployment })
}

/// The contracts that every command needs.
pub(super) const fn contracts(d: &Deployment) -> [(&'static str, Address); 5] {
    [
        ("FeedRegistry", d.feed_registry),
        ("ModelRegistry", d.model_registry),
        ("VerifierRouter", d.verifier_router),
        ("OperatorStaking", d.operator_staking),
        ("DodonaOracle", d.oracle),
    ]
}

pub(super) async fn register(home: &Path, command: RegisterCommand) -> Result<(), CliError> {
    match command {
        RegisterCommand::Feed { schema, publishers, min_bond, salt, target: args } => {
            let t = target(&args).await?;
            let schema = Schema::load(&schema).map_err(CliError::other)?;
            let account = account(&t.chain, &t.wallet);
            let terms = FeedTerms { min_bond, salt };
            let work = deploy::register_feed(&account, t.deployment.feed_registry, &schema, &publishers, terms);
            let feed = waiting("registering the feed", work).await?;
            print(&json!({ "feed_id": feed, "schema_hash": schema.hash().map_err(CliError::other)? }))
        }
        RegisterCommand::Publisher { feed, publishers, overlap, target: args } => {
            let t = target(&args).await?;
            let account = account(&t.chain, &t.wallet);
            let registry = t.deployment.feed_registry;
            let work = deploy::rotate_publishers(&account, registry, feed, &publishers, overlap);
            let epoch = waiting("starting the publisher set", work).await?;
            print(&json!({ "feed_id": feed, "set_epoch": epoch }))
        }
        RegisterCommand::Activate { version, target: args } => {
            let t = target(&args).await?;
            let account = account(&t.chain, &t.wallet);
            let work = deploy::activate(&account, t.deployment.verifier_router, version);
            waiting("activating the version", work).await?;
            print(&json!({ "version": version, "active": true }))
        }
        RegisterCommand::Model { dir, verifiers, feeds, aggregated, srs, contracts, target: args } => {
            let t = target(&args).await?;
            let digest = if aggregated { Some(ring(home, srs)) } else { None };
            let files = tokio::task::spawn_blocking(move || model_files(&dir, digest.as_ref()))
                .await
                .map_err(CliError::other)??;
            let account = account(&t.chain, &t.wallet);
            let script = contracts.contracts.join("compile.js");
            let work = deploy::register_model(&account, &t.deployment, &script, &verifiers, &files, &feeds);
            let id = waiting("registering the model", work).await?;
            print(&json!({ "model_id": id }))
        }
    }
}

/// What is registered of a compiled model; with `ring`, also its key's digest.
pub(super) fn model_files(dir: &Path, ring: Option<&dodona_circuits::api::KeyRing>) -> Result<ModelFiles, CliError> {
    let model = Model::load(dir).map_err(CliError::other)?;
    let manifest = model.manifest();
    let aggregated = match (ring, &manifest.aggregated) {
        (None, _) => None,
        (Some(ring), Some(size)) => {
            let digest = ring.vk_digest(&model, &Bars::default()).map_err(CliError::other)?;
            Some((size.shape.clone(), U256::from_be_bytes(digest)))
        }
        (Some(_), None) => {
            let text = format!("{}: the model has no aggregated mode: its words do not fit the shape", dir.display());
            return Err(CliError::Usage(text));
        }
    };
    Ok(ModelFiles {
        onnx_hash: B256::from(manifest.onnx_hash),
        quant_hash: B256::from(manifest.quant_hash),
        lengths: manifest.sources.iter().map(|s| s.length).collect(),
        scales: manifest.outputs.iter().map(|o| o.scale).collect(),
        private: manifest.private,
        aggregated,
    })
}

pub(super) async fn request(args: RequestArgs) -> Result<(), CliError> {
    let t = target(&args.target).await?;
    let oracle = t.deployment.oracle;
    let now = crate::deadline::chain_now(&t.chain).await?;
    let mut params = RequestParams {
        modelId: args.model,
        mode: Mode::from(args.mode).code(),
        allowLater: false,
        callbackGasLimit: 0,
        verifierVersion: 0,
        deadline: now + args.ttl,
        maxDataAge: args.max_data_age,
        maxDeliveryAge: args.max_delivery_age,
        refundTo: Address::ZERO,
        feeToken: Address::ZERO,
        fee: U96::ZERO,
        penalty: U96::ZERO,
        publicWords: Vec::new(),
    };
    let fee = match args.fee {
        Some(fee) => fee,
        None => view(&t.chain, oracle, &IDodonaOracle::quoteCall { params: params.clone() }).await?,
    };
    params.fee = u128::try_from(fee)
        .ok()
        .and_then(|fee| U96::try_from(fee).ok())
        .ok_or_else(|| CliError::Usage(format!("--fee: expected less than 2^96 wei, got {fee}")))?;
    params.penalty = args.penalty;
    let deadline = params.deadline;
    let data = IDodonaOracle::requestCall { params }.abi_encode();
    let (tx, receipt) = account(&t.chain, &t.wallet).send(Some(oracle), data.into(), fee).await?;
    let block = receipt.block.number;
    let logs = t.chain.logs(oracle, &[Requested::SIGNATURE_HASH], block, block).await?;
    let id = logs
        .iter()
        .filter(|l| l.tx == tx)
        .find_map(|l| Requested::decode_log_data(&l.data).ok())
        .map(|e| e.id)
        .ok_or_else(|| CliError::Other(format!("transaction {tx} shows no Requested event")))?;
    if args.no_wait {
        return print(&json!({ "id": id, "fee": fee.to_string(), "deadline": deadline, "block": block }));
    }
    let answer = waiting("waiting for the answer", answer(&t.chain, oracle, id, deadline)).await?;
    print(&json!({
        "id": id,
        "fee": fee.to_string(),
        "observed_at": answer.observedAt,
        "fulfilled_at": answer.fulfilledAt,
        "in_domain": answer.inDomain,
        "unsaturated": answer.unsaturated,
        "outputs": answer.outputs,
    }))
}

async fn answer(chain: &RpcChain, oracle: Address, id: B256, deadline: u64) -> Result<IDodonaOracle::Answer, CliError> {
    loop {
        match view(chain, oracle, &IDodonaOracle::statusOfCall { id }).await? {
            IDodonaOracle::Status::Fulfilled => {
                return Ok(view(chain, oracle, &IDodonaOracle::answerOfCall { id }).await?);
            }
            IDodonaOracle::Status::Refunded => {
                return Err(CliError::Unanswered(format!("request {id} was refunded without an answer")));
            }
            _ => {}
        }
        let now = crate::deadline::chain_now(chain).await?;
        if now > deadline {
            let text = format!(
                "request {id}: expected an answer by {deadline}, got none (now {now}); refund({id}) returns the fee"
            );
            return Err(CliError::Unanswered(text));
        }
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
}
