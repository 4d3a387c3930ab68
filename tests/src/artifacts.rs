//! Compiled contracts: what `forge build` wrote, and generated verifiers, compiled with the optimizer off.

use std::{path::Path, process::Command};

use alloy::primitives::Bytes;
use anyhow::{Context, Result, bail};
use dodona_circuits::evm::VerifierSource;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::paths;

/// Creation code of a contract, `File.sol:Contract` or `Contract` of the file of that name.
///
/// # Errors
/// `forge build` has not been run, or there is no such contract.
pub fn creation_code(name: &str) -> Result<Vec<u8>> {
    let (file, contract) =
        name.split_once(':').map_or_else(|| (format!("{name}.sol"), name), |(f, c)| (f.to_owned(), c));
    let path = paths::contracts().join("out").join(file).join(format!("{contract}.json"));
    let text = std::fs::read_to_string(&path)
        .with_context(|| format!("{}: run `forge build` in contracts/ (scripts/test does)", path.display()))?;
    let artifact: Value = serde_json::from_str(&text).with_context(|| path.display().to_string())?;
    let code: Bytes = serde_json::from_value(artifact["bytecode"]["object"].clone())
        .with_context(|| format!("{}: bytecode", path.display()))?;
    if code.is_empty() {
        bail!("{}: expected a contract with code, got none", path.display());
    }
    Ok(code.to_vec())
}

/// A generated verifier, compiled.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Verifier {
    /// Creation code.
    pub creation: Bytes,
    /// Runtime code.
    pub runtime: Bytes,
    /// Bytes of the proof that it takes after its words.
    pub proof_length: usize,
    /// Digest of the setup that it was generated for.
    pub srs_digest: [u8; 32],
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Compiled {
    bytecode: Bytes,
    deployed_bytecode: Bytes,
}

/// Compiles a generated verifier with `contracts/compile.js`.
///
/// # Errors
/// Node.js is missing, or the source does not compile.
pub fn compile(source: &VerifierSource, dir: &Path) -> Result<Verifier> {
    let file = dir.join(format!("{}.sol", source.contract));
    std::fs::write(&file, &source.source).with_context(|| file.display().to_string())?;
    let output = Command::new("node")
        .arg(paths::contracts().join("compile.js"))
        .arg(&file)
        .arg("--no-optimizer")
        .output()
        .context("cannot run node")?;
    if !output.status.success() {
        bail!("compile.js: {}: {}", output.status, String::from_utf8_lossy(&output.stderr));
    }
    let mut contracts: std::collections::BTreeMap<String, Compiled> =
        serde_json::from_slice(&output.stdout).context("output of compile.js")?;
    let found = contracts.remove(source.contract);
    let compiled = found.with_context(|| format!("compile.js made no contract {}", source.contract))?;
    Ok(Verifier {
        creation: compiled.bytecode,
        runtime: compiled.deployed_bytecode,
        proof_length: source.proof_length,
        srs_digest: source.srs_digest.0,
    })
}
