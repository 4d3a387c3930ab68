//! `dodona verify-deployment`: nothing is believed that can be made again.

use std::path::{Path, PathBuf};

use dodona_circuits::{
    api::{KeyRing, Model},
    evm::VerifierSource,
};
use serde_json::json;

use super::{
    CliError,
    args::VerifyDeploymentArgs,
    chain::{checked, contracts, model_files},
    circuit::{ring, write_verifier},
    print,
    progress::{Bars, waiting},
};
use crate::{
    chain::{RpcChain, check_chain, check_code},
    deploy::{self, Check, Compiled, Deployment, ModelFiles},
    job::Mode,
};

pub(super) async fn verify_deployment(home: &Path, args: VerifyDeploymentArgs) -> Result<(), CliError> {
    let deployment = Deployment::load(&args.deployment)?;
    let chain = checked(&args.rpc).await?;
    check_chain(&chain, deployment.chain_id).await?;
    check_code(&chain, &contracts(&deployment)).await?;
    let out = args.contracts.contracts.join("out");
    let mut checks = waiting("comparing contracts", deploy::verify_contracts(&chain, &out, &deployment)).await?;
    if args.model.is_some() {
        checks.extend(model(home, &args, &chain, &deployment).await?);
    }
    let wrong: Vec<String> = checks
        .iter()
        .filter(|check| !check.ok)
        .map(|check| format!("{}: expected {}, got {}", check.what, check.expected, check.got))
        .collect();
    if !wrong.is_empty() {
        return Err(CliError::Refused(wrong.join("; ")));
    }
    print(&json!({ "verified": true, "checks": checks }))
}

/// What is made again of a model.
struct Rebuilt {
    files: ModelFiles,
    slots: usize,
    direct: VerifierSource,
    aggregated: Option<VerifierSource>,
}

fn rebuild(dir: &Path, keys: &KeyRing, aggregated: bool) -> Result<Rebuilt, CliError> {
    let model = Model::load(dir).map_err(CliError::other)?;
    let bars = Bars::default();
    let files = model_files(dir, aggregated.then_some(keys))?;
    let direct = keys.direct_verifier(&model, &bars).map_err(CliError::other)?;
    let shape = |keys: &KeyRing| keys.aggregated_verifier(&model, &bars).map_err(CliError::other);
    let aggregated = aggregated.then(|| shape(keys)).transpose()?;
    Ok(Rebuilt { files, slots: model.manifest().slots, direct, aggregated })
}

async fn model(
    home: &Path,
    args: &VerifyDeploymentArgs,
    chain: &RpcChain,
    deployment: &Deployment,
) -> Result<Vec<Check>, CliError> {
    let (Some(dir), Some(id)) = (args.model.clone(), args.model_id) else {
        return Err(CliError::Usage("expected --model-id with --model, got none".to_owned()));
    };
    let (keys, with_aggregated) = (ring(home, args.srs), args.aggregated);
    let work = tokio::task::spawn_blocking(move || rebuild(&dir, &keys, with_aggregated));
    let rebuilt = work.await.map_err(CliError::other)??;
    let folder = tempfile::tempdir().map_err(CliError::other)?;
    let script = args.contracts.contracts.join("compile.js");
    let direct = compiled(folder.path(), &script, Mode::Direct, &rebuilt.direct).await?;
    let Rebuilt { files, slots, .. } = &rebuilt;
    let mut checks = deploy::verify_model(chain, deployment, id, files, *slots, Some(&direct)).await?;
    if let Some(source) = &rebuilt.aggregated {
        let generated = compiled(folder.path(), &script, Mode::Aggregated, source).await?;
        checks.extend(deploy::verify_aggregated(chain, deployment, &generated).await?);
    }
    Ok(checks)
}

async fn compiled(folder: &Path, script: &Path, mode: Mode, source: &VerifierSource) -> Result<Compiled, CliError> {
    let meta = write_verifier(folder, mode, source)?;
    let file: PathBuf = folder.join(format!("{}.sol", mode.name()));
    let script = std::path::absolute(script).map_err(CliError::other)?;
    Ok(deploy::compile_verifier(&script, &file, &meta.contract).await?)
}
