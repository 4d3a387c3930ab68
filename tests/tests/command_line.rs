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

#[test]
fn a_bare_file_gives_a_report_a_drawing_and_a_proof_with_named_answers() -> Result<()> {
    let work = tempfile::tempdir()?;
    let (dir, key) = (work.path(), accounts::OWNER_KEY);
    let onnx = text(&paths::risk_model().join("risk.onnx"));
    dodona(dir, key, &["model", "compile", &onnx, "--out", "model"])?;
    let report: Value = serde_json::from_slice(&std::fs::read(dir.join("model/report.json"))?)?;
    assert_eq!((&report["sample_origin"], &report["model"]["inputs"]), (&"domain".into(), &"committed".into()));
    let cost = &report["costs"][0];
    let page = std::fs::read_to_string(dir.join("model/report.html"))?;
    assert!(page.contains("<svg") && page.ends_with("</html>\n") && !page.contains("http"), "{page}");
    dodona(dir, key, &["model", "layout", "model", "-o", "layout.svg"])?;
    let drawing = std::fs::read_to_string(dir.join("layout.svg"))?;
    assert!(drawing.contains("relu1 (Relu): rows"), "{drawing}");

    dodona(dir, key, &["keys", "model"])?;
    let key_bytes = std::fs::metadata(dir.join("model/keys/direct.pk"))?.len();
    let told = cost["key_bytes"].as_u64().context("key_bytes")?;
    assert!((told..told + 2048).contains(&key_bytes), "{key_bytes} where the report says {told}");
    let row: Vec<f64> = (0..16).map(|i| f64::from(i) / 100.0).collect();
    std::fs::write(dir.join("input.json"), serde_json::json!({ "input_data": [row] }).to_string())?;
    let told = dodona(dir, key, &["prove", "model", "--input", "input.json", "--out", "proof.json"])?;
    let proof: Value = serde_json::from_slice(&std::fs::read(dir.join("proof.json"))?)?;
    assert_eq!(proof["answers"], told["results"]);
    assert_eq!(Some(proof["proof"].as_array().context("proof")?.len() as u64), cost["proof_bytes"].as_u64());
    let verdict = dodona(dir, key, &["verify", "model", "proof.json", "--json"])?;
    assert_eq!((&verdict["verified"], &verdict["results"]), (&Value::Bool(true), &told["results"]));
    let output = &verdict["results"][0]["outputs"][0];
    assert_eq!(output["name"], "output_0");
    let (value, units) = (output["value"].as_f64().context("value")?, output["units"].as_f64().context("units")?);
    assert!((value * output["scale"].as_f64().context("scale")? - units).abs() < 1e-6, "{output}");

    // A file from before there were answers verifies; one that tells other answers than it proves does not.
    let mut other = proof.clone();
    other.as_object_mut().context("object")?.remove("answers");
    std::fs::write(dir.join("old.json"), other.to_string())?;
    dodona(dir, key, &["verify", "model", "old.json"])?;
    other["answers"] = proof["answers"].clone();
    other["answers"][0]["outputs"][0]["value"] = serde_json::json!(1e9);
    std::fs::write(dir.join("lie.json"), other.to_string())?;
    let error = dodona(dir, key, &["verify", "model", "lie.json"]).unwrap_err().to_string();
    assert!(error.contains("the answers in the file are not those"), "{error}");
    Ok(())
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

    let id = model.to_string();
    let audit = |file| {
        on_chain(&[
            "verify-deployment",
            "--deployment",
            file,
            "--contracts",
            &contracts,
            "--model",
            "model",
            "--model-id",
            &id,
        ])
    };
    let audited = audit("deployment.json")?;
    let checks = audited["checks"].as_array().context("checks")?;
    assert!(checks.len() >= 24 && checks.iter().all(|check| check["ok"] == Value::Bool(true)), "{audited}");
    // Other code in the oracle's place is named, with both hashes.
    let mut other: Value = serde_json::from_slice(&std::fs::read(dir.join("deployment.json"))?)?;
    other["oracle"] = other["operator_staking"].clone();
    std::fs::write(dir.join("other.json"), other.to_string())?;
    let error = audit("other.json").unwrap_err().to_string();
    assert!(error.contains("code of DodonaOracle at") && error.contains("expected 0x"), "{error}");
    assert!(!error.contains("code of ModelRegistry"), "{error}");

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
