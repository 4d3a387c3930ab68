//! Bytecode: of the project's contracts from forge's artifacts, of generated verifiers through `compile.js`.

use std::{collections::BTreeMap, path::Path};

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

#[derive(Deserialize)]
struct ForgeArtifact {
    bytecode: ForgeCode,
}

#[derive(Deserialize)]
struct ForgeCode {
    object: String,
}

/// Creation code of `contract` from forge's output folder (`out/<file>.sol/<contract>.json`).
///
/// # Errors
/// [`DeployError::Io`], or [`DeployError::File`] if the code has holes for libraries or none at all.
pub fn forge_artifact(out: &Path, file: &str, contract: &str) -> Result<Bytes, DeployError> {
    let path = out.join(format!("{file}.sol")).join(format!("{contract}.json"));
    let text = std::fs::read_to_string(&path).map_err(|source| DeployError::Io { path: path.clone(), source })?;
    let bad =
        |got: String| DeployError::File { path: path.clone(), expected: "a forge artifact with linked bytecode", got };
    let artifact: ForgeArtifact = serde_json::from_str(&text).map_err(|e| bad(e.to_string()))?;
    let code = hex::decode(&artifact.bytecode.object).map_err(|e| bad(e.to_string()))?;
    if code.is_empty() {
        return Err(bad("no bytecode".to_owned()));
    }
    Ok(code.into())
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
