//! The configuration: one TOML file, every key documented in `dodona.example.toml`.
//!
//! Unknown keys are refused. Relative paths are relative to the file. Nothing here reads the environment
//! or the home directory; the command line decides where the file is.

#[cfg(test)]
mod tests;

use std::{
    net::SocketAddr,
    path::{Path, PathBuf},
};

use alloy::primitives::{Address, B256};
use serde::{Deserialize, Serialize};

use crate::wallet::KeyConfig;

/// The whole file.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// The chain and the contracts.
    pub chain: ChainConfig,
    /// Where the node keeps its data.
    pub data: DataConfig,
    /// Logs.
    #[serde(default)]
    pub log: LogConfig,
    /// The operator: everything `dodona run` needs beyond the chain.
    pub operator: Option<OperatorConfig>,
    /// The publisher: everything `dodona publish` needs beyond the chain.
    pub publisher: Option<PublisherConfig>,
}

/// The chain and the contracts.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ChainConfig {
    /// JSON-RPC endpoint, http or https.
    pub rpc_url: String,
    /// Chain id that the endpoint must report.
    pub chain_id: u64,
    /// Deployment file as `dodona deploy` writes it: the contracts' addresses and the first block to look at.
    pub deployment: PathBuf,
    /// Blocks that must follow a block before what it says is acted on.
    #[serde(default = "defaults::confirmations")]
    pub confirmations: u64,
    /// Milliseconds between two looks at the chain.
    #[serde(default = "defaults::poll_ms")]
    pub poll_ms: u64,
    /// Most blocks asked for in one `eth_getLogs`; halved while the endpoint refuses.
    #[serde(default = "defaults::max_range")]
    pub max_range: u64,
    /// Milliseconds to wait for one answer of the endpoint.
    #[serde(default = "defaults::request_timeout_ms")]
    pub request_timeout_ms: u64,
    /// Times that a request is repeated, with growing delays, when the endpoint is down, slow or rate-limits.
    #[serde(default = "defaults::retries")]
    pub retries: u32,
}

/// Where the node keeps its data.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DataConfig {
    /// Folder of the stores (`operator/`, `publisher/`).
    pub dir: PathBuf,
    /// Folder of structured reference strings.
    pub srs_dir: PathBuf,
    /// Folder of keys that all models share (aggregation).
    pub keys_dir: PathBuf,
    /// Which structured reference string to use.
    #[serde(default)]
    pub srs: SrsChoice,
}

/// Which structured reference string to use.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SrsChoice {
    /// Imported from a ceremony's file.
    Ceremony,
    /// INSECURE, for development: anybody can forge proofs.
    #[default]
    Dev,
}

/// Logs.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LogConfig {
    /// Filter in the syntax of `tracing-subscriber`'s `EnvFilter`.
    pub filter: String,
    /// One JSON object a line instead of text.
    pub json: bool,
}

impl Default for LogConfig {
    fn default() -> Self {
        Self { filter: "info".to_owned(), json: false }
    }
}

/// The operator.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OperatorConfig {
    /// Key of the account that pays gas.
    pub key: KeyConfig,
    /// Account that the contract credits; the key's own account if absent.
    pub payee: Option<Address>,
    /// Status API (`/v1/jobs`, `/healthz`, `/metrics`); keep it on loopback.
    #[serde(default = "defaults::status_listen")]
    pub listen: SocketAddr,
    /// Models to serve.
    pub models: Vec<ModelConfig>,
    /// Publishers to ask for observations.
    pub publishers: Vec<PeerConfig>,
    /// The prover.
    #[serde(default)]
    pub prover: ProverConfig,
    /// The submitter.
    #[serde(default)]
    pub submitter: SubmitterConfig,
    /// Seconds that a stopping node gives its stages to finish what they have begun.
    #[serde(default = "defaults::grace_s")]
    pub grace_s: u64,
}

/// A model to serve.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ModelConfig {
    /// Folder as `dodona model compile` and `dodona keys` write it.
    pub dir: PathBuf,
    /// Identifier in the model registry.
    pub model_id: B256,
    /// Answer requests for a direct proof.
    pub direct: bool,
    /// Answer requests for an aggregated proof.
    pub aggregated: bool,
}

/// A publisher to ask.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PeerConfig {
    /// Base URL, without `/v1`.
    pub url: String,
    /// Milliseconds to wait for one answer.
    #[serde(default = "defaults::peer_timeout_ms")]
    pub timeout_ms: u64,
}

/// The prover.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ProverConfig {
    /// Seconds to allow for a direct proof before the first one was timed.
    pub direct_estimate_s: u64,
    /// Seconds to allow for an aggregated proof before the first one was timed.
    pub aggregated_estimate_s: u64,
    /// Seconds that must be left between the expected end of a proof and the deadline, for the transaction.
    pub margin_s: u64,
}

impl Default for ProverConfig {
    fn default() -> Self {
        Self { direct_estimate_s: 10, aggregated_estimate_s: 180, margin_s: 15 }
    }
}

/// The submitter.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SubmitterConfig {
    /// Most wei per gas that a transaction may offer, tip included.
    pub max_fee_per_gas_wei: u128,
    /// Tip in wei per gas of the first attempt.
    pub priority_fee_wei: u128,
    /// Seconds after which a transaction that is not mined is sent again with a higher fee.
    pub bump_after_s: u64,
    /// Percent that each bump adds to both fees; networks refuse less than 10.
    pub bump_percent: u32,
    /// Percent added to the estimated gas.
    pub gas_margin_percent: u32,
}

impl Default for SubmitterConfig {
    fn default() -> Self {
        Self {
            max_fee_per_gas_wei: 200_000_000_000,
            priority_fee_wei: 1_000_000_000,
            bump_after_s: 60,
            bump_percent: 25,
            gas_margin_percent: 20,
        }
    }
}

/// The publisher.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PublisherConfig {
    /// Key that signs observations.
    pub key: KeyConfig,
    /// Address to serve on.
    #[serde(default = "defaults::publisher_listen")]
    pub listen: SocketAddr,
    /// Feeds to publish.
    pub feeds: Vec<FeedConfig>,
    /// Seconds that a stopping publisher gives open connections.
    #[serde(default = "defaults::grace_s")]
    pub grace_s: u64,
}

/// A feed to publish.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FeedConfig {
    /// Identifier in the feed registry.
    pub feed_id: B256,
    /// The feed's schema; its hash must be the registered one.
    pub schema: PathBuf,
    /// Observations to publish, one a period, in order.
    pub observations: PathBuf,
    /// Publish only the observations of this asset; all if absent.
    pub asset: Option<String>,
    /// Seconds after `observedAt` for which an observation may be used.
    #[serde(default = "defaults::valid_for_s")]
    pub valid_for_s: u64,
}

mod defaults {
    use std::net::{Ipv4Addr, SocketAddr};

    pub(super) const fn confirmations() -> u64 {
        2
    }
    pub(super) const fn poll_ms() -> u64 {
        2_000
    }
    pub(super) const fn max_range() -> u64 {
        2_000
    }
    pub(super) const fn request_timeout_ms() -> u64 {
        10_000
    }
    pub(super) const fn retries() -> u32 {
        5
    }
    pub(super) const fn grace_s() -> u64 {
        20
    }
    pub(super) const fn peer_timeout_ms() -> u64 {
        5_000
    }
    pub(super) const fn valid_for_s() -> u64 {
        3_600
    }
    pub(super) fn status_listen() -> SocketAddr {
        (Ipv4Addr::LOCALHOST, 9_464).into()
    }
    pub(super) fn publisher_listen() -> SocketAddr {
        (Ipv4Addr::LOCALHOST, 8_650).into()
    }
}

/// Why a configuration cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file cannot be read.
    #[error("cannot read the configuration {}: {source}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The file is not the TOML that is expected.
    #[error("{}: {message}", path.display())]
    Parse {
        /// The file.
        path: PathBuf,
        /// Line, key and reason.
        message: String,
    },
    /// A value is out of its range.
    #[error("{key}: expected {expected}, got {got}")]
    Value {
        /// The key.
        key: &'static str,
        /// What is allowed.
        expected: &'static str,
        /// What was found.
        got: String,
    },
    /// A section that this command needs is absent.
    #[error("the configuration has no section [{0}], which this command needs")]
    Missing(&'static str),
}

impl Config {
    /// Reads, checks and completes the file at `path`.
    ///
    /// # Errors
    /// [`ConfigError`].
    pub fn load(path: &Path) -> Result<Self, ConfigError> {
        let text =
            std::fs::read_to_string(path).map_err(|source| ConfigError::Read { path: path.to_path_buf(), source })?;
        let mut config: Self = toml::from_str(&text).map_err(|e| ConfigError::Parse {
            path: path.to_path_buf(),
            message: e.to_string().trim_end().to_owned(),
        })?;
        config.resolve(path.parent().unwrap_or(Path::new(".")));
        config.check()?;
        Ok(config)
    }

    /// The operator's section.
    ///
    /// # Errors
    /// [`ConfigError::Missing`].
    pub fn operator(&self) -> Result<&OperatorConfig, ConfigError> {
        self.operator.as_ref().ok_or(ConfigError::Missing("operator"))
    }

    /// The publisher's section.
    ///
    /// # Errors
    /// [`ConfigError::Missing`].
    pub fn publisher(&self) -> Result<&PublisherConfig, ConfigError> {
        self.publisher.as_ref().ok_or(ConfigError::Missing("publisher"))
    }

    /// Makes relative paths relative to `base`.
    fn resolve(&mut self, base: &Path) {
        let fix = |path: &mut PathBuf| *path = base.join(&*path);
        fix(&mut self.chain.deployment);
        fix(&mut self.data.dir);
        fix(&mut self.data.srs_dir);
        fix(&mut self.data.keys_dir);
        if let Some(operator) = &mut self.operator {
            operator.key.resolve(base);
            operator.models.iter_mut().for_each(|m| fix(&mut m.dir));
        }
        if let Some(publisher) = &mut self.publisher {
            publisher.key.resolve(base);
            for feed in &mut publisher.feeds {
                fix(&mut feed.schema);
                fix(&mut feed.observations);
            }
        }
    }

    /// Checks the values that types do not.
    ///
    /// # Errors
    /// [`ConfigError::Value`] with the first one out of range.
    pub fn check(&self) -> Result<(), ConfigError> {
        url("chain.rpc_url", &self.chain.rpc_url)?;
        in_range("chain.poll_ms", self.chain.poll_ms, 10, "10 to 600000", 600_000)?;
        in_range("chain.max_range", self.chain.max_range, 1, "1 to 100000", 100_000)?;
        in_range("chain.request_timeout_ms", self.chain.request_timeout_ms, 100, "100 to 600000", 600_000)?;
        in_range("chain.confirmations", self.chain.confirmations, 0, "0 to 512", 512)?;
        if let Some(operator) = &self.operator {
            let bump = u64::from(operator.submitter.bump_percent);
            in_range("operator.submitter.bump_percent", bump, 10, "10 to 1000", 1_000)?;
            in_range("operator.submitter.bump_after_s", operator.submitter.bump_after_s, 1, "1 to 86400", 86_400)?;
            for model in &operator.models {
                if !model.direct && !model.aggregated {
                    return Err(ConfigError::Value {
                        key: "operator.models",
                        expected: "direct or aggregated (or both) to be true",
                        got: format!("both false for {}", model.dir.display()),
                    });
                }
            }
            for peer in &operator.publishers {
                url("operator.publishers.url", &peer.url)?;
            }
        }
        Ok(())
    }
}

fn url(key: &'static str, text: &str) -> Result<(), ConfigError> {
    let ok = reqwest::Url::parse(text).is_ok_and(|u| matches!(u.scheme(), "http" | "https") && u.has_host());
    if ok {
        Ok(())
    } else {
        Err(ConfigError::Value { key, expected: "an http or https URL", got: format!("{text:?}") })
    }
}

fn in_range(key: &'static str, got: u64, low: u64, expected: &'static str, high: u64) -> Result<(), ConfigError> {
    if (low..=high).contains(&got) { Ok(()) } else { Err(ConfigError::Value { key, expected, got: got.to_string() }) }
}
