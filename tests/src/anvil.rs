//! The chain as a process: anvil on a free port of loopback, ended when dropped.

use std::{
    fs::File,
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail};
use tempfile::TempDir;

use crate::{chain::Chain, paths};

/// Seconds that anvil may take to listen; it takes a tenth of one on an idle machine.
const START_LIMIT: Duration = Duration::from_secs(60);

/// How anvil is started.
#[derive(Clone, Copy, Debug, Default)]
pub struct AnvilOptions {
    /// Time of the first block, Unix seconds; now if absent.
    pub timestamp: Option<u64>,
    /// Seconds between blocks; a block for every transaction if absent.
    pub block_time: Option<u64>,
}

/// A running anvil.
#[derive(Debug)]
pub struct Anvil {
    process: Child,
    url: String,
    _dir: TempDir,
}

impl Anvil {
    /// Starts anvil and waits until it listens.
    ///
    /// # Errors
    /// It is not installed, or does not start.
    pub async fn start(options: AnvilOptions) -> Result<Self> {
        let dir = tempfile::tempdir()?;
        let log = dir.path().join("anvil.log");
        let mut command = Command::new(paths::anvil()?);
        command.args(["--host", "127.0.0.1", "--port", "0", "--accounts", "10", "--chain-id", "31337"]);
        command.args(["--hardfork", "cancun", "--color", "never"]);
        if let Some(timestamp) = options.timestamp {
            command.args(["--timestamp", &timestamp.to_string()]);
        }
        if let Some(seconds) = options.block_time {
            command.args(["--block-time", &seconds.to_string(), "--mixed-mining"]);
        }
        command.stdin(Stdio::null()).stdout(File::create(&log)?).stderr(Stdio::null());
        let process = command.spawn().context("cannot start anvil")?;
        let mut anvil = Self { process, url: String::new(), _dir: dir };
        let begun = Instant::now();
        loop {
            let text = std::fs::read_to_string(&log).unwrap_or_default();
            if let Some(address) = text.lines().find_map(|line| line.strip_prefix("Listening on ")) {
                anvil.url = format!("http://{}", address.trim());
                return Ok(anvil);
            }
            if let Some(status) = anvil.process.try_wait()? {
                bail!("anvil ended before it listened: {status}, output: {text}");
            }
            if begun.elapsed() > START_LIMIT {
                bail!("anvil does not listen after {START_LIMIT:?}, output: {text}");
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// Its JSON-RPC endpoint.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// A client.
    pub fn chain(&self) -> Chain {
        Chain::new(&self.url)
    }
}

impl Drop for Anvil {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
