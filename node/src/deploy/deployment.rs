//! `deployment.json`: what was deployed where, written by `dodona deploy` and read by everything else.

use std::path::Path;

use alloy::primitives::{Address, B256};
use serde::{Deserialize, Serialize};

use super::DeployError;

/// A deployment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Deployment {
    /// Chain id.
    pub chain_id: u64,
    /// Block before the first deployment: where watchers start.
    pub start_block: u64,
    /// Account that deployed and owns the contracts.
    pub owner: Address,
    /// `FeedRegistry`.
    pub feed_registry: Address,
    /// `ModelRegistry`.
    pub model_registry: Address,
    /// `VerifierRouter`.
    pub verifier_router: Address,
    /// `OperatorStaking`.
    pub operator_staking: Address,
    /// `DodonaOracle`.
    pub oracle: Address,
    /// Wrapper of direct mode, and its version in the router.
    pub direct_verifier: Address,
    /// Its version.
    pub direct_version: u32,
    /// Wrapper of aggregated mode, if deployed.
    pub aggregated_verifier: Option<Address>,
    /// Its version.
    pub aggregated_version: Option<u32>,
    /// Digest of the structured reference string.
    pub srs_digest: B256,
    /// True if that is the INSECURE development one.
    pub dev_srs: bool,
}

/// What `dodona verifier` writes beside a generated verifier.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct VerifierMeta {
    /// `direct` or `aggregated`.
    pub mode: String,
    /// Contract in the source.
    pub contract: String,
    /// Words before the proof in the calldata.
    pub words: usize,
    /// Bytes of the proof after the words.
    pub proof_length: usize,
    /// Shape of the inner circuit.
    pub shape: String,
    /// Digest of the structured reference string.
    pub srs_digest: B256,
    /// True if that is the INSECURE development one.
    pub dev_srs: bool,
}

impl Deployment {
    /// Reads a deployment.
    ///
    /// # Errors
    /// [`DeployError`].
    pub fn load(path: &Path) -> Result<Self, DeployError> {
        read_json(path, "a deployment as `dodona deploy` writes it")
    }

    /// Writes it, replacing the file in one step.
    ///
    /// # Errors
    /// [`DeployError::Io`].
    pub fn save(&self, path: &Path) -> Result<(), DeployError> {
        write_json(path, self)
    }
}

impl VerifierMeta {
    /// Reads the description of a verifier.
    ///
    /// # Errors
    /// [`DeployError`].
    pub fn load(path: &Path) -> Result<Self, DeployError> {
        read_json(path, "a verifier's description as `dodona verifier` writes it")
    }

    /// Writes it.
    ///
    /// # Errors
    /// [`DeployError::Io`].
    pub fn save(&self, path: &Path) -> Result<(), DeployError> {
        write_json(path, self)
    }
}

fn read_json<T: serde::de::DeserializeOwned>(path: &Path, expected: &'static str) -> Result<T, DeployError> {
    let text = std::fs::read_to_string(path).map_err(|source| DeployError::Io { path: path.to_path_buf(), source })?;
    serde_json::from_str(&text).map_err(|e| DeployError::File {
        path: path.to_path_buf(),
        expected,
        got: e.to_string(),
    })
}

fn write_json<T: Serialize>(path: &Path, value: &T) -> Result<(), DeployError> {
    let io = |source| DeployError::Io { path: path.to_path_buf(), source };
    let mut text = serde_json::to_string_pretty(value).map_err(|e| io(e.into()))?;
    text.push('\n');
    let parent = path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
    std::fs::create_dir_all(parent).map_err(io)?;
    let file = tempfile::NamedTempFile::new_in(parent).map_err(io)?;
    std::fs::write(file.path(), text).map_err(io)?;
    file.persist(path).map_err(|e| io(e.error))?;
    Ok(())
}
