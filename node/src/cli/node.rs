//! The long-lived commands: run, publish.

use std::{
    collections::BTreeMap,
    path::Path,
    sync::{Arc, atomic::AtomicU64},
    time::Duration,
};

use alloy::primitives::Address;
use dodona_circuits::{
    api::KeyRing,
    keys::{SrsOrigin, SrsStore},
};
use metrics_exporter_prometheus::PrometheusHandle;

use super::{CliError, chain::contracts, progress::Bars};
use crate::{
    api::StatusServer,
    chain::{Chain, RetryPolicy, RpcChain, check_chain, check_code},
    collector::{Collector, HttpPeer, Peer},
    config::{ChainConfig, Config, ModelConfig, OperatorConfig, PublisherConfig, SrsChoice},
    deadline::Clock,
    deploy::Deployment,
    engine::{CircuitEngine, Poseidon, Served, ServedModel},
    feed::FeedDomain,
    inference::Inference,
    job::Mode,
    prover::Prover,
    publisher::{Book, Feed, PublisherServer, Signer},
    runtime::{Backoff, StageService, Stop, Supervisor, Wake, signals},
    store::Store,
    submitter::Submitter,
    telemetry,
    wallet::{ProcessSecrets, Wallet},
    watcher::{WatchConfig, Watcher},
};

/// Stages look for work this often even when nothing wakes them.
const STAGE_PAUSE: Duration = Duration::from_secs(1);

/// The chain and the deployment, checked.
pub(super) struct Ground {
    pub(super) chain: Arc<dyn Chain>,
    pub(super) deployment: Deployment,
}

/// Connects, and checks chain id and addresses. While the endpoint is down, waits and tries again: an operator
/// may be started before its chain.
async fn ground(config: &ChainConfig, stop: &Stop) -> Result<Option<Ground>, CliError> {
    let deployment = Deployment::load(&config.deployment)?;
    if deployment.chain_id != config.chain_id {
        let (expected, got) = (config.chain_id, deployment.chain_id);
        let file = config.deployment.display();
        return Err(CliError::Usage(format!("{file}: expected chain id {expected} as in chain.chain_id, got {got}")));
    }
    let policy = RetryPolicy {
        timeout: Duration::from_millis(config.request_timeout_ms),
        retries: config.retries,
        first_delay: Duration::from_millis(200),
    };
    let chain = RpcChain::new(&config.rpc_url, policy)?;
    let mut backoff = Backoff::new(Duration::from_secs(1), Duration::from_secs(30));
    loop {
        let checked = async {
            check_chain(&chain, config.chain_id).await?;
            check_code(&chain, &contracts(&deployment)).await
        };
        match checked.await {
            Ok(()) => return Ok(Some(Ground { chain: Arc::new(chain), deployment })),
            Err(error) if error.is_transient() => {
                let delay = backoff.next_delay();
                tracing::warn!(%error, delay_ms = delay.as_millis(), "waiting for the chain");
                if !stop.sleep(delay).await {
                    return Ok(None);
                }
            }
            Err(error) => return Err(error.into()),
        }
    }
}

pub(super) async fn run(path: &Path) -> Result<(), CliError> {
    let config = Config::load(path)?;
    let operator = config.operator()?.clone();
    telemetry::logs(&config.log).map_err(CliError::other)?;
    let metrics = telemetry::recorder().map_err(CliError::other)?;
    let stop = Stop::new();
    signals(stop.clone())?;
    let wallet = Wallet::load(&operator.key, &ProcessSecrets)?;
    let Some(ground) = ground(&config.chain, &stop).await? else { return Ok(()) };
    let supervisor = supervise_operator(&config, &operator, wallet, &ground, metrics).await?;
    Ok(supervisor.run(stop).await?)
}

pub(super) async fn publish(path: &Path) -> Result<(), CliError> {
    let config = Config::load(path)?;
    let publisher = config.publisher()?.clone();
    telemetry::logs(&config.log).map_err(CliError::other)?;
    let stop = Stop::new();
    signals(stop.clone())?;
    let wallet = Wallet::load(&publisher.key, &ProcessSecrets)?;
    let Some(ground) = ground(&config.chain, &stop).await? else { return Ok(()) };
    let supervisor = supervise_publisher(&config, &publisher, wallet, &ground).await?;
    Ok(supervisor.run(stop).await?)
}

/// The publisher's services.
pub(super) async fn supervise_publisher(
    config: &Config,
    publisher: &PublisherConfig,
    wallet: Wallet,
    ground: &Ground,
) -> Result<Supervisor, CliError> {
    let registry = ground.deployment.feed_registry;
    let mut feeds = Vec::with_capacity(publisher.feeds.len());
    for feed in &publisher.feeds {
        feeds.push(Feed::load(&*ground.chain, registry, wallet.address(), feed).await.map_err(CliError::other)?);
    }
    let book = Book::open(&config.data.dir.join("publisher")).map_err(CliError::other)?;
    tracing::info!(publisher = %wallet.address(), feeds = feeds.len(), "publishing");
    let signer = Signer {
        wallet,
        domain: FeedDomain { chain_id: config.chain.chain_id, registry },
        book: book.clone(),
        commitments: Arc::new(Poseidon),
        feeds,
    };
    Ok(Supervisor::new(Duration::from_secs(publisher.grace_s))
        .with(Arc::new(signer))
        .with(PublisherServer { listen: publisher.listen, book }))
}

/// The operator's services.
pub(super) async fn supervise_operator(
    config: &Config,
    operator: &OperatorConfig,
    wallet: Wallet,
    ground: &Ground,
    metrics: PrometheusHandle,
) -> Result<Supervisor, CliError> {
    let Ground { chain, deployment } = ground;
    let chain_id = config.chain.chain_id;
    let payee = operator.payee.unwrap_or_else(|| wallet.address());
    let store = Store::open(&config.data.dir.join("operator")).map_err(CliError::other)?;
    store.bind(chain_id, deployment.oracle).map_err(CliError::other)?;
    let served = serve(config, operator, ground).await?;
    tracing::info!(operator = %wallet.address(), %payee, models = served.len(), "operating");

    let (wake, seen_at) = (Wake::new(), Arc::new(AtomicU64::new(0)));
    let clock = Clock::new(store.clone(), operator.prover.clone());
    let watch = WatchConfig {
        chain_id,
        oracle: deployment.oracle,
        payee,
        start_block: deployment.start_block,
        confirmations: config.chain.confirmations,
        max_range: config.chain.max_range,
        poll: Duration::from_millis(config.chain.poll_ms),
    };
    let collector = Collector {
        chain: Arc::clone(chain),
        store: store.clone(),
        served: Arc::clone(&served),
        domain: FeedDomain { chain_id, registry: deployment.feed_registry },
        commitments: Arc::new(Poseidon),
        peers: peers(operator)?,
        clock: clock.clone(),
    };
    let inference = Inference { store: store.clone(), served: Arc::clone(&served) };
    let prover = prover(&store, &served, clock, ground, chain_id, payee);
    let submitter = Submitter {
        chain: Arc::clone(chain),
        store: store.clone(),
        wallet,
        chain_id,
        oracle: deployment.oracle,
        confirmations: config.chain.confirmations,
        config: operator.submitter.clone(),
        wake: wake.clone(),
    };
    let status = StatusServer { listen: operator.listen, store: store.clone(), seen_at: Arc::clone(&seen_at), metrics };
    let pause = STAGE_PAUSE.min(Duration::from_millis(config.chain.poll_ms));
    Ok(Supervisor::new(Duration::from_secs(operator.grace_s))
        .with(status)
        .with(Watcher::new(Arc::clone(chain), store.clone(), served, watch, wake.clone(), seen_at))
        .with(StageService::new(collector, store.clone(), wake.clone(), pause))
        .with(StageService::new(inference, store.clone(), wake.clone(), pause))
        .with(StageService::new(prover, store.clone(), wake.clone(), pause))
        .with(StageService::new(submitter, store, wake, pause)))
}

fn prover(store: &Store, served: &Served, clock: Clock, ground: &Ground, chain_id: u64, payee: Address) -> Prover {
    Prover {
        chain: Arc::clone(&ground.chain),
        store: store.clone(),
        served: Arc::clone(served),
        clock,
        chain_id,
        oracle: ground.deployment.oracle,
        payee,
    }
}

fn peers(operator: &OperatorConfig) -> Result<Vec<Arc<dyn Peer>>, CliError> {
    let peer = |p: &crate::config::PeerConfig| {
        let peer = HttpPeer::new(&p.url, Duration::from_millis(p.timeout_ms)).map_err(CliError::other)?;
        Ok(Arc::new(peer) as Arc<dyn Peer>)
    };
    operator.publishers.iter().map(peer).collect()
}

/// Loads every configured model, with its keys and its spec on chain.
async fn serve(config: &Config, operator: &OperatorConfig, ground: &Ground) -> Result<Served, CliError> {
    let origin = match config.data.srs {
        SrsChoice::Dev => SrsOrigin::Dev,
        SrsChoice::Ceremony => SrsOrigin::Ceremony,
    };
    let mut served = BTreeMap::new();
    for model in &operator.models {
        let ring = KeyRing { store: SrsStore::new(&config.data.srs_dir), origin, shared: config.data.keys_dir.clone() };
        let modes = modes(model);
        let (dir, wanted) = (model.dir.clone(), modes.clone());
        let load = move || CircuitEngine::load(&dir, &wanted, &ring, &Bars::default());
        let engine = tokio::task::spawn_blocking(load).await.map_err(CliError::other)?;
        let engine = Arc::new(engine.map_err(CliError::other)?);
        let d = &ground.deployment;
        let loaded =
            ServedModel::load(&*ground.chain, d.model_registry, d.feed_registry, model.model_id, modes, engine).await;
        served.insert(model.model_id, loaded.map_err(CliError::other)?);
    }
    Ok(Arc::new(served))
}

fn modes(model: &ModelConfig) -> Vec<Mode> {
    let direct = model.direct.then_some(Mode::Direct);
    direct.into_iter().chain(model.aggregated.then_some(Mode::Aggregated)).collect()
}
