//! The real `dodona` binary: publisher and operator as processes, with a configuration in a folder of their own.

use std::{
    fs::{self, File},
    net::{Ipv4Addr, SocketAddr, TcpListener},
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Stdio},
    time::{Duration, Instant},
};

use alloy::primitives::B256;
use anyhow::{Context, Result, bail};
use dodona::{
    config::{
        ChainConfig, Config, DataConfig, FeedConfig, LogConfig, ModelConfig, OperatorConfig, PeerConfig, ProverConfig,
        PublisherConfig, SrsChoice, SubmitterConfig,
    },
    deploy::Deployment,
    feed::Observation,
    job::State,
    prover::ProvedAnswer,
    store::Store,
    wallet::KeyConfig,
};
use tempfile::TempDir;

use crate::{
    answer::CHAIN_ID,
    kit::Kit,
    paths,
    stack::{Stack, accounts},
};

const PUBLISHER_VARIABLE: &str = "DODONA_TEST_PUBLISHER_KEY";
const OPERATOR_VARIABLE: &str = "DODONA_TEST_OPERATOR_KEY";

/// What the operator's log says while [`Workplace::hold_before`] holds a job.
pub const HELD: &str = "held by the scenario";

/// A folder with a configuration, a deployment file and the daemons' data.
#[derive(Debug)]
pub struct Workplace {
    dir: TempDir,
    /// The configuration, as last written.
    pub config: Config,
}

/// A running daemon, killed when dropped.
#[derive(Debug)]
pub struct Process {
    name: &'static str,
    child: Child,
    log: PathBuf,
}

fn free_address() -> Result<SocketAddr> {
    Ok(TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?)
}

fn env_key(variable: &str) -> KeyConfig {
    KeyConfig { env: Some(variable.to_owned()), ..KeyConfig::default() }
}

impl Workplace {
    /// Writes the files that publisher and operator need. The operator serves direct requests, and aggregated ones if the
    /// stack has them; [`accounts::PAYEE`] is paid.
    ///
    /// # Errors
    /// Files that cannot be written.
    pub fn new(stack: &Stack, kit: &Kit, url: &str) -> Result<Self> {
        let data = |dir: &Path| DataConfig {
            dir: dir.join("data"),
            srs_dir: kit.cache.join("srs"),
            keys_dir: kit.ring.shared.clone(),
            srs: SrsChoice::Dev,
        };
        let model = ModelConfig {
            dir: kit.model.dir().to_owned(),
            model_id: stack.model,
            direct: true,
            aggregated: stack.aggregated_version != 0,
        };
        let place = Self::with(url, model, stack.feed, data)?;
        place.deployment(stack).save(&place.config.chain.deployment)?;
        Ok(place)
    }

    /// Writes the configuration for one model and one feed; the deployment file is still to be written.
    ///
    /// # Errors
    /// Files that cannot be written.
    pub fn with(url: &str, model: ModelConfig, feed: B256, data: impl FnOnce(&Path) -> DataConfig) -> Result<Self> {
        let dir = tempfile::tempdir()?;
        let (publisher_at, operator_at) = (free_address()?, free_address()?);
        let feed = FeedConfig {
            feed_id: feed,
            schema: paths::risk_model().join("schema.json"),
            observations: paths::risk_model().join("observations.json"),
            asset: None,
            valid_for_s: 3_600,
        };
        let chain = ChainConfig {
            rpc_url: url.to_owned(),
            chain_id: CHAIN_ID,
            deployment: dir.path().join("deployment.json"),
            confirmations: 1,
            poll_ms: 100,
            max_range: 2_000,
            request_timeout_ms: 5_000,
            retries: 2,
        };
        let config = Config {
            chain,
            data: data(dir.path()),
            log: LogConfig { filter: "info".to_owned(), json: false },
            operator: Some(OperatorConfig {
                key: env_key(OPERATOR_VARIABLE),
                payee: Some(accounts::PAYEE),
                listen: operator_at,
                models: vec![model],
                publishers: vec![PeerConfig { url: format!("http://{publisher_at}"), timeout_ms: 2_000 }],
                prover: ProverConfig::default(),
                submitter: SubmitterConfig::default(),
                grace_s: 2,
            }),
            publisher: Some(PublisherConfig {
                key: env_key(PUBLISHER_VARIABLE),
                listen: publisher_at,
                feeds: vec![feed],
                grace_s: 2,
            }),
        };
        let place = Self { dir, config };
        place.write()?;
        Ok(place)
    }

    /// The deployment file's content.
    pub fn deployment(&self, stack: &Stack) -> Deployment {
        let aggregated = stack.aggregated_version != 0;
        Deployment {
            chain_id: CHAIN_ID,
            start_block: stack.start_block,
            owner: accounts::OWNER,
            feed_registry: stack.feeds,
            model_registry: stack.models,
            verifier_router: stack.router,
            operator_staking: stack.staking,
            oracle: stack.oracle,
            direct_verifier: stack.direct_wrapper,
            direct_version: stack.direct_version,
            aggregated_verifier: aggregated.then_some(stack.aggregated_wrapper),
            aggregated_version: aggregated.then_some(stack.aggregated_version),
            srs_digest: stack.srs_digest,
            dev_srs: true,
        }
    }

    /// The folder.
    pub fn dir(&self) -> &Path {
        self.dir.path()
    }

    /// The configuration file.
    pub fn config_file(&self) -> PathBuf {
        self.dir.path().join("dodona.toml")
    }

    /// Writes the configuration again, after a change.
    ///
    /// # Errors
    /// It cannot be written.
    pub fn write(&self) -> Result<()> {
        fs::write(self.config_file(), toml::to_string(&self.config)?).context("writing dodona.toml")
    }

    /// The command that runs the binary, with the keys in its environment.
    ///
    /// # Errors
    /// The binary has not been built.
    pub fn command(&self) -> Result<Command> {
        let mut command = Command::new(paths::binary("dodona")?);
        command
            .current_dir(self.dir.path())
            .env(PUBLISHER_VARIABLE, accounts::PUBLISHER_KEY.to_string())
            .env(OPERATOR_VARIABLE, accounts::OPERATOR_KEY.to_string())
            .env("DODONA_HOME", self.dir.path().join("home"))
            .stdin(Stdio::null());
        Ok(command)
    }

    fn start(&self, name: &'static str, subcommand: &str) -> Result<Process> {
        let log = self.dir.path().join(format!("{name}.log"));
        let out = File::options().create(true).append(true).open(&log)?;
        let mut command = self.command()?;
        command.arg(subcommand).arg("--config").arg(self.config_file()).stdout(out.try_clone()?).stderr(out);
        Ok(Process { name, child: command.spawn().with_context(|| format!("starting the {name}"))?, log })
    }

    /// Starts `dodona publish` and waits until it serves an observation.
    ///
    /// # Errors
    /// It ends, or serves nothing within half a minute.
    pub async fn publisher(&self) -> Result<Process> {
        let mut process = self.start("publisher", "publish")?;
        let config = self.config.publisher()?;
        let feed = config.feeds.first().context("no feed")?.feed_id;
        let url = format!("http://{}/v1/feeds/{feed}/latest", config.listen);
        process.ready(&url).await?;
        Ok(process)
    }

    /// Starts `dodona run` and waits until it is healthy.
    ///
    /// # Errors
    /// It ends, or is not healthy within two minutes.
    pub async fn operator(&self) -> Result<Process> {
        let mut process = self.start("operator", "run")?;
        process.ready(&format!("http://{}/healthz", self.config.operator()?.listen)).await?;
        Ok(process)
    }

    /// What the publisher serves: the newest observation, or that of a number.
    ///
    /// # Errors
    /// It does not serve it.
    pub async fn observation(&self, seq: Option<u64>) -> Result<Observation> {
        let config = self.config.publisher()?;
        let feed = config.feeds.first().context("no feed")?.feed_id;
        let which = seq.map_or_else(|| "latest".to_owned(), |seq| format!("at/{seq}"));
        let url = format!("http://{}/v1/feeds/{feed}/{which}", config.listen);
        Ok(reqwest::get(&url).await?.error_for_status()?.json().await?)
    }

    /// The stored proof of a job.
    ///
    /// # Errors
    /// There is none.
    pub fn proof(&self, id: B256) -> Result<ProvedAnswer> {
        let store = self.store()?;
        let blob = store.job(id)?.proof.with_context(|| format!("job {id} has no proof"))?;
        Ok(serde_json::from_slice(&store.blobs().get(blob)?)?)
    }

    /// The operator's store, which the process keeps using.
    ///
    /// # Errors
    /// There is none yet.
    pub fn store(&self) -> Result<Store> {
        Ok(Store::open(&self.config.data.dir.join("operator"))?)
    }

    /// The operator's database file.
    ///
    /// # Errors
    /// There is none yet.
    pub fn database(&self) -> Result<PathBuf> {
        let dir = self.config.data.dir.join("operator");
        let entries = fs::read_dir(&dir).with_context(|| dir.display().to_string())?;
        let files = entries.filter_map(|entry| entry.ok().map(|e| e.path()));
        let mut found = files.filter(|path| path.extension().is_some_and(|e| e == "sqlite"));
        found.next().with_context(|| format!("no database in {}", dir.display()))
    }

    /// Keeps the operator from recording that a job reached `state`, until [`Self::release`]: the job stays in the state before it.
    ///
    /// # Errors
    /// The store cannot be changed.
    pub fn hold_before(&self, state: State) -> Result<()> {
        let trigger = format!(
            "CREATE TRIGGER hold BEFORE INSERT ON transitions \
             WHEN NEW.to_state = '{state}' AND NEW.from_state <> NEW.to_state BEGIN \
             SELECT RAISE(ABORT, '{HELD}'); END"
        );
        Ok(self.connection()?.execute_batch(&trigger)?)
    }

    /// Undoes [`Self::hold_before`].
    ///
    /// # Errors
    /// The store cannot be changed.
    pub fn release(&self) -> Result<()> {
        Ok(self.connection()?.execute_batch("DROP TRIGGER hold")?)
    }

    fn connection(&self) -> Result<rusqlite::Connection> {
        let connection = rusqlite::Connection::open(self.database()?)?;
        connection.busy_timeout(Duration::from_secs(10))?;
        Ok(connection)
    }

    /// State of a job; `None` while the operator does not know it.
    ///
    /// # Errors
    /// The store cannot be opened.
    pub fn state(&self, id: B256) -> Result<Option<State>> {
        Ok(self.store()?.job(id).ok().map(|job| job.state))
    }

    /// Waits until a job is in a state.
    ///
    /// # Errors
    /// It is not, within `limit`; the text shows the operator's log.
    pub async fn reaches(&self, id: B256, state: State, limit: Duration) -> Result<()> {
        let store = self.store()?;
        let seen = until(limit, async || Ok(store.job(id).ok().filter(|job| job.state == state).map(drop))).await?;
        if seen.is_some() {
            return Ok(());
        }
        let job = store.job(id);
        let log = fs::read_to_string(self.dir.path().join("operator.log")).unwrap_or_default();
        bail!("expected job {id} to be {state} within {limit:?}, got {job:?}; the operator's log:\n{log}");
    }
}

impl Process {
    async fn ready(&mut self, url: &str) -> Result<()> {
        let begun = Instant::now();
        loop {
            if let Some(status) = self.child.try_wait()? {
                bail!("the {} ended with {status}: {}", self.name, self.output());
            }
            if reqwest::get(url).await.is_ok_and(|reply| reply.status().is_success()) {
                return Ok(());
            }
            if begun.elapsed() > Duration::from_secs(120) {
                bail!("the {} is not ready after {:?}: {}", self.name, begun.elapsed(), self.output());
            }
            tokio::time::sleep(Duration::from_millis(30)).await;
        }
    }

    /// What it has written.
    pub fn output(&self) -> String {
        fs::read_to_string(&self.log).unwrap_or_default()
    }

    /// Its process id.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Most memory that it ever held, MiB (Linux; 0 elsewhere).
    pub fn peak_rss_mib(&self) -> u64 {
        let status = fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap_or_default();
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        let kib = line.and_then(|rest| rest.split_whitespace().next()?.parse::<u64>().ok());
        kib.unwrap_or(0) / 1024
    }

    /// Kills it: SIGKILL, nothing can be saved.
    ///
    /// # Errors
    /// It cannot be killed.
    pub fn kill(mut self) -> Result<()> {
        self.child.kill()?;
        self.child.wait()?;
        Ok(())
    }

    /// Asks it to stop (SIGTERM) and waits.
    ///
    /// # Errors
    /// It does not end within half a minute.
    pub async fn stop(mut self) -> Result<ExitStatus> {
        let pid = self.child.id().to_string();
        if !Command::new("kill").args(["-TERM", &pid]).status()?.success() {
            bail!("cannot signal the {}", self.name);
        }
        let ended = until(Duration::from_secs(30), async || Ok(self.child.try_wait()?)).await?;
        ended.with_context(|| format!("the {} does not stop: {}", self.name, self.output()))
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Asks again and again, at most for `limit`; `None` if it never came.
///
/// # Errors
/// The first error of `ask`.
pub async fn until<T>(limit: Duration, mut ask: impl AsyncFnMut() -> Result<Option<T>>) -> Result<Option<T>> {
    let begun = Instant::now();
    loop {
        if let Some(value) = ask().await? {
            return Ok(Some(value));
        }
        if begun.elapsed() > limit {
            return Ok(None);
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}
