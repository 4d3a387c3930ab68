//! The command line alone, from an ONNX file to a proven answer: compile, keys, verifier, deploy, register, publish, run,
//! request.

use std::{
    path::Path,
    process::{Command, Stdio},
};

use alloy::primitives::B256;
use anyhow::{Context, Result, ensure};
use dodona::config::{DataConfig, ModelConfig, SrsChoice};
use dodona_circuits::api::{Model, Slot, SourceInput};
use dodona_tests::{
    anvil::{Anvil, AnvilOptions},
    paths,
    process::Workplace,
    stack::{PERIOD, accounts},
};
use serde_json::Value;

/// Runs the binary in `dir` with the key of `account`; its output as JSON.
fn dodona(dir: &Path, key: B256, arguments: &[&str]) -> Result<Value> {
    let output = Command::new(paths::binary("dodona")?)
        .current_dir(dir)
        .env("DODONA_HOME", dir.join("home"))
        .env("DODONA_KEY", key.to_string())
        .args(arguments)
        .stdin(Stdio::null())
        .output()?;
    let errors = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "dodona {}: {}: {errors}", arguments.join(" "), output.status);
    serde_json::from_slice(&output.stdout).with_context(|| format!("output of dodona {}", arguments.join(" ")))
}

fn text(path: &Path) -> String {
    path.to_string_lossy().into_owned()
}

#[tokio::test]
async fn the_command_line_goes_from_onnx_to_a_proven_answer() -> Result<()> {
    let anvil = Anvil::start(AnvilOptions { block_time: Some(1), ..AnvilOptions::default() }).await?;
    let work = tempfile::tempdir()?;
    let dir = work.path();
    let source = |name: &str| text(&paths::risk_model().join(name));
    let (onnx, spec, calibration) = (source("risk.onnx"), source("model.json"), source("calibration.json"));
    let owner = accounts::OWNER_KEY;
    let compile = ["model", "compile", &onnx, "--spec", &spec, "--calibration", &calibration, "--out", "model"];
    dodona(dir, owner, &compile)?;
    dodona(dir, owner, &["keys", "model"])?;
    dodona(dir, owner, &["verifier", "model", "--out", "verifiers"])?;

    let contracts = text(&paths::contracts());
    let rpc = ["--rpc-url", anvil.url()];
    let on_chain = |arguments: &[&str]| dodona(dir, owner, &[arguments, &rpc].concat());
    on_chain(&["deploy", "--allow-dev-srs", "--contracts", &contracts, "--out", "deployment.json"])?;
    let publisher = accounts::PUBLISHER.to_string();
    let feed = on_chain(&["register", "feed", &source("schema.json"), "--publishers", &publisher])?;
    let feed: B256 = serde_json::from_value(feed["feed_id"].clone())?;
    let feeds = feed.to_string();
    let model =
        ["register", "model", "model", "--verifiers", "verifiers", "--feeds", &feeds, "--contracts", &contracts];
    let model: B256 = serde_json::from_value(on_chain(&model)?["model_id"].clone())?;

    let served = ModelConfig { dir: dir.join("model"), model_id: model, direct: true, aggregated: false };
    let place = Workplace::with(anvil.url(), served, feed, |data| DataConfig {
        dir: data.join("data"),
        srs_dir: dir.join("home/srs"),
        keys_dir: dir.join("home/keys"),
        srs: SrsChoice::Dev,
    })?;
    std::fs::copy(dir.join("deployment.json"), &place.config.chain.deployment)?;
    let _publisher = place.publisher().await?;
    let _operator = place.operator().await?;

    let (id, url) = (model.to_string(), anvil.url().to_owned());
    let folder = dir.to_owned();
    let asked = tokio::task::spawn_blocking(move || {
        dodona(&folder, accounts::STRANGER_KEY, &["request", &id, "--rpc-url", &url, "--ttl", "300"])
    });
    let answer = asked.await??;
    let observed_at = answer["observed_at"].as_u64().context("observed_at")?;
    let observation = place.observation(Some(observed_at / PERIOD)).await?;
    let slot = Slot { sources: vec![SourceInput { values: observation.values, salt: observation.salt.0 }] };
    let expected = Model::load(&dir.join("model"))?.infer(&[slot])?;
    assert_eq!(serde_json::from_value::<Vec<i64>>(answer["outputs"].clone())?, expected[0].outputs);
    assert_eq!((&answer["in_domain"], &answer["unsaturated"]), (&Value::Bool(true), &Value::Bool(true)));
    Ok(())
}
