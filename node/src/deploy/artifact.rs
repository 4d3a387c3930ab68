//! Bytecode: of the project's contracts from forge's artifacts, of generated verifiers through `compile.js`.

use std::{
    collections::BTreeMap,
    ops::Range,
    path::{Path, PathBuf},
};

use alloy::primitives::{Bytes, hex};
use serde::Deserialize;

use super::DeployError;

/// A compiled contract.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Compiled {
    /// Creation code, without constructor arguments.
    pub bytecode: Bytes,
    /// Runtime code; empty if the artifact does not say.
    #[serde(default, rename = "deployedBytecode")]
    pub runtime: Bytes,
}

/// Runtime code as an artifact has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Runtime {
    /// The code, zeros in the places of immutables.
    pub code: Bytes,
    /// Places that the constructor writes, by variable.
    pub immutables: BTreeMap<String, Vec<Range<usize>>>,
}

#[derive(Deserialize)]
struct ForgeArtifact {
    bytecode: ForgeCode,
    #[serde(rename = "deployedBytecode")]
    deployed: ForgeCode,
}

#[derive(Deserialize)]
struct ForgeCode {
    object: String,
    #[serde(default, rename = "immutableReferences")]
    immutables: BTreeMap<String, Vec<Place>>,
}

#[derive(Deserialize)]
struct Place {
    start: usize,
    length: usize,
}

/// Creation code of `contract` from forge's output folder (`out/<file>.sol/<contract>.json`).
///
/// # Errors
/// [`DeployError::Io`], or [`DeployError::File`] if the code has holes for libraries or none at all.
pub fn forge_artifact(out: &Path, file: &str, contract: &str) -> Result<Bytes, DeployError> {
    let path = artifact_path(out, file, contract);
    code(&path, &read(&path)?.bytecode)
}

/// Runtime code of `contract` from forge's output folder.
///
/// # Errors
/// As [`forge_artifact`].
pub fn forge_runtime(out: &Path, file: &str, contract: &str) -> Result<Runtime, DeployError> {
    let path = artifact_path(out, file, contract);
    let deployed = read(&path)?.deployed;
    let range = |place: &Place| place.start..place.start.saturating_add(place.length);
    let immutables =
        deployed.immutables.iter().map(|(id, places)| (id.clone(), places.iter().map(range).collect())).collect();
    Ok(Runtime { code: code(&path, &deployed)?, immutables })
}

fn artifact_path(out: &Path, file: &str, contract: &str) -> PathBuf {
    out.join(format!("{file}.sol")).join(format!("{contract}.json"))
}

fn bad(path: &Path, got: String) -> DeployError {
    DeployError::File { path: path.to_path_buf(), expected: "a forge artifact with linked bytecode", got }
}

fn read(path: &Path) -> Result<ForgeArtifact, DeployError> {
    let text = std::fs::read_to_string(path).map_err(|source| DeployError::Io { path: path.to_path_buf(), source })?;
    serde_json::from_str(&text).map_err(|e| bad(path, e.to_string()))
}

fn code(path: &Path, code: &ForgeCode) -> Result<Bytes, DeployError> {
    let bytes = hex::decode(&code.object).map_err(|e| bad(path, e.to_string()))?;
    if bytes.is_empty() {
        return Err(bad(path, "no bytecode".to_owned()));
    }
    Ok(bytes.into())
}

/// Compiles a generated verifier with `node <script> <source> --no-optimizer`.
///
/// # Errors
/// [`DeployError::Compiler`] with the compiler's words.
pub async fn compile_verifier(script: &Path, source: &Path, contract: &str) -> Result<Compiled, DeployError> {
    let failed = |reason: String| DeployError::Compiler { path: source.to_path_buf(), reason };
    let output = tokio::process::Command::new("node")
        .arg(script)
        .arg(source)
        .arg("--no-optimizer")
        .output()
        .await
        .map_err(|e| failed(format!("cannot start node: {e}")))?;
    if !output.status.success() {
        let words = String::from_utf8_lossy(&output.stderr);
        return Err(failed(words.trim().chars().take(600).collect()));
    }
    let mut all: BTreeMap<String, Compiled> =
        serde_json::from_slice(&output.stdout).map_err(|e| failed(format!("unreadable output: {e}")))?;
    let names: Vec<String> = all.keys().cloned().collect();
    all.remove(contract).ok_or_else(|| failed(format!("expected a contract {contract}, got {}", names.join(", "))))
}
