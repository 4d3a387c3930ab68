//! `dodona devnet`: anvil, the contracts, a publisher and an operator in one process, for local development.
//!
//! The accounts are anvil's public development accounts: everybody has their keys. Nothing here is for production.

use std::{
    net::{Ipv4Addr, SocketAddr, TcpListener},
    path::{Path, PathBuf},
    process::Stdio,
    sync::Arc,
    time::Duration,
};

use alloy::primitives::{B256, aliases::U96};
use dodona_circuits::api::{KeyRing, Mode as CircuitMode, Model};
use serde_json::json;
use tokio::process::{Child, Command};

use super::{
    CliError,
    args::{DevnetArgs, SrsArgs},
    chain::{account, connect, model_files},
    circuit::{dev_digest, ring, write_verifier},
    node::{Ground, supervise_operator, supervise_publisher},
    print,
    progress::{Bars, waiting},
};
use crate::{
    chain::{Chain, RpcChain},
    config::{
        ChainConfig, Config, DataConfig, FeedConfig, LogConfig, ModelConfig, OperatorConfig, PeerConfig, ProverConfig,
        PublisherConfig, SrsChoice, SubmitterConfig,
    },
    deploy::{self, DeployOptions, Deployment, FeedTerms},
    feed::Schema,
    job::Mode,
    runtime::{RuntimeError, Stop, Supervisor, signals},
    telemetry,
    wallet::{KeyConfig, Wallet},
};

/// Anvil's chain id.
const CHAIN_ID: u64 = 31_337;
/// Anvil's accounts 0, 1 and 2: deployer, publisher, operator.
const KEYS: [&str; 3] = [
    "ac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80",
    "59c6995e998f97a5a0044966f0945389dc9e86dae88c7a8412f4603b6b78690d",
    "5de4111afa1a4b94908f83103eb1f1706367c2e68ca870fc3fb9a804cdab365a",
];

pub(super) async fn devnet(home: &Path, args: DevnetArgs) -> Result<(), CliError> {
    let log = LogConfig::default();
    telemetry::logs(&log).map_err(CliError::other)?;
    let metrics = telemetry::recorder().map_err(CliError::other)?;
    let stop = Stop::new();
    signals(stop.clone())?;

    let port = if args.port == 0 { free_port()? } else { args.port };
    let url = format!("http://127.0.0.1:{port}");
    let mut anvil = start_anvil(&args.contracts.contracts, port)?;
    let chain = ready(&url, &mut anvil).await?;
    let verifiers = args.work.join("verifiers");
    let ring = ring(home, SrsArgs { ceremony: false });
    prepare(&ring, &args, &verifiers).await?;
    let [deployer, publisher, operator] = wallets()?;
    let (deployment, feed, model) = set_up(&chain, &deployer, &publisher, &ring, &args, &verifiers).await?;
    deployment.save(&args.work.join("deployment.json"))?;

    let ports = [free_port()?, free_port()?];
    let config = config(home, &args, &url, feed, model, ports);
    let ground = Ground { chain: Arc::new(chain), deployment };
    let missing = || CliError::other("the development configuration is incomplete");
    let (p, o) = (config.publisher.as_ref().ok_or_else(missing)?, config.operator.as_ref().ok_or_else(missing)?);
    let publishing = supervise_publisher(&config, p, publisher, &ground).await?;
    let operating = supervise_operator(&config, o, operator, &ground, metrics).await?;
    print(&json!({
        "rpc_url": url,
        "deployment": args.work.join("deployment.json"),
        "oracle": ground.deployment.oracle,
        "feed_id": feed,
        "model_id": model,
        "publisher": format!("http://{}", p.listen),
        "status": format!("http://{}/v1/jobs", o.listen),
    }))?;
    let run = |supervisor: Supervisor| {
        let stop = stop.clone();
        async move {
            let result = supervisor.run(stop.clone()).await;
            stop.drain();
            result
        }
    };
    let (a, b): (Result<(), RuntimeError>, Result<(), RuntimeError>) = tokio::join!(run(publishing), run(operating));
    drop(anvil);
    Ok(a.and(b)?)
}

fn free_port() -> Result<u16, CliError> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).map_err(CliError::other)?;
    Ok(listener.local_addr().map_err(CliError::other)?.port())
}

/// Starts anvil, the project's or that of the path; it ends with the returned handle.
fn start_anvil(contracts: &Path, port: u16) -> Result<Child, CliError> {
    let bundled = contracts.join("node_modules/.bin/anvil");
    let binary = if bundled.exists() { bundled } else { PathBuf::from("anvil") };
    Command::new(&binary)
        .args(["--host", "127.0.0.1", "--port", &port.to_string(), "--silent", "--block-time", "1"])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .kill_on_drop(true)
        .spawn()
        .map_err(|e| {
            let shown = binary.display();
            CliError::Other(format!(
                "cannot start {shown}: {e}; run `npm ci` in {} or install Foundry",
                contracts.display()
            ))
        })
}

async fn ready(url: &str, anvil: &mut Child) -> Result<RpcChain, CliError> {
    let chain = connect(url)?;
    for _ in 0..60 {
        if let Some(status) = anvil.try_wait().map_err(CliError::other)? {
            return Err(CliError::Other(format!("anvil ended with {status}; is its port taken?")));
        }
        if chain.chain_id().await.is_ok_and(|id| id == CHAIN_ID) {
            return Ok(chain);
        }
        tokio::time::sleep(Duration::from_millis(250)).await;
    }
    Err(CliError::Other(format!("expected chain {CHAIN_ID} at {url} within 15 s, got no answer")))
}

/// Makes keys and verifiers.
async fn prepare(ring: &KeyRing, args: &DevnetArgs, verifiers: &Path) -> Result<(), CliError> {
    let (ring, dir, out, aggregated) = (ring.clone(), args.dir.clone(), verifiers.to_path_buf(), args.aggregated);
    let work = move || {
        let (model, bars) = (Model::load(&dir).map_err(CliError::other)?, Bars::default());
        ring.ensure(&model, CircuitMode::Direct, &bars).map_err(CliError::other)?;
        let source = ring.direct_verifier(&model, &bars).map_err(CliError::other)?;
        write_verifier(&out, Mode::Direct, &source)?;
        if aggregated {
            ring.ensure(&model, CircuitMode::Aggregated, &bars).map_err(CliError::other)?;
            let source = ring.aggregated_verifier(&model, &bars).map_err(CliError::other)?;
            write_verifier(&out, Mode::Aggregated, &source)?;
        }
        Ok(())
    };
    tokio::task::spawn_blocking(work).await.map_err(CliError::other)?
}

fn wallets() -> Result<[Wallet; 3], CliError> {
    let load = |key: &str| Wallet::from_hex(key).ok_or_else(|| CliError::other("a development key is malformed"));
    Ok([load(KEYS[0])?, load(KEYS[1])?, load(KEYS[2])?])
}

/// Deploys and registers; returns deployment, feed and model.
async fn set_up(
    chain: &RpcChain,
    deployer: &Wallet,
    publisher: &Wallet,
    ring: &KeyRing,
    args: &DevnetArgs,
    verifiers: &Path,
) -> Result<(Deployment, B256, B256), CliError> {
    let account = account(chain, deployer);
    let contracts = &args.contracts.contracts;
    let (out, script) = (contracts.join("out"), contracts.join("compile.js"));
    let dev = dev_digest()?;
    let options = DeployOptions {
        srs_digest: dev,
        dev_srs: true,
        guardian: deployer.address(),
        delay: 0,
        direct_fee: U96::from(1_000_000_000_000_000_u64),
        aggregated_fee: U96::from(2_000_000_000_000_000_u64),
        callback_gas_price: 1_000_000_000,
    };
    let mut deployment = waiting("deploying", deploy::deploy(&account, &out, &options)).await?;
    if args.aggregated {
        let work = deploy::deploy_aggregated(&account, &out, &script, verifiers, &mut deployment);
        waiting("deploying the aggregated verifier", work).await?;
    }
    let schema = Schema::load(&args.schema).map_err(CliError::other)?;
    let publishers = [publisher.address()];
    let registry = deployment.feed_registry;
    let feed = deploy::register_feed(&account, registry, &schema, &publishers, FeedTerms::default()).await?;
    let (dir, keys) = (args.dir.clone(), args.aggregated.then(|| ring.clone()));
    let files =
        tokio::task::spawn_blocking(move || model_files(&dir, keys.as_ref())).await.map_err(CliError::other)??;
    let feeds = vec![feed; files.lengths.len()];
    let work = deploy::register_model(&account, &deployment, &script, verifiers, &files, &feeds);
    let model = waiting("registering the model", work).await?;
    Ok((deployment, feed, model))
}

fn config(home: &Path, args: &DevnetArgs, url: &str, feed: B256, model: B256, ports: [u16; 2]) -> Config {
    let local = |port: u16| SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    let data: PathBuf = args.work.join(format!("data-{model}"));
    let operator = OperatorConfig {
        key: KeyConfig::default(),
        payee: None,
        listen: local(ports[1]),
        models: vec![ModelConfig { dir: args.dir.clone(), model_id: model, direct: true, aggregated: args.aggregated }],
        publishers: vec![PeerConfig { url: format!("http://{}", local(ports[0])), timeout_ms: 5_000 }],
        prover: ProverConfig::default(),
        submitter: SubmitterConfig::default(),
        grace_s: 5,
    };
    let publisher = PublisherConfig {
        key: KeyConfig::default(),
        listen: local(ports[0]),
        feeds: vec![FeedConfig {
            feed_id: feed,
            schema: args.schema.clone(),
            observations: args.observations.clone(),
            asset: None,
            valid_for_s: 3_600,
        }],
        grace_s: 5,
    };
    Config {
        chain: ChainConfig {
            rpc_url: url.to_owned(),
            chain_id: CHAIN_ID,
            deployment: args.work.join("deployment.json"),
            confirmations: 1,
            poll_ms: 500,
            max_range: 2_000,
            request_timeout_ms: 10_000,
            retries: 3,
        },
        data: DataConfig { dir: data, srs_dir: home.join("srs"), keys_dir: home.join("keys"), srs: SrsChoice::Dev },
        log: LogConfig::default(),
        operator: Some(operator),
        publisher: Some(publisher),
    }
}
