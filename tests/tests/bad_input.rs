//! Bad input to the real binary: an exit code that is not 0, one clear line with expected and got, no panic, nothing lost.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Output},
};

use alloy::primitives::Address;
use anyhow::{Context, Result};
use dodona_circuits::api::Mode;
use dodona_tests::{
    anvil::{Anvil, AnvilOptions},
    kit::Kit,
    market, paths,
    scene::Live,
    stack::accounts,
};
use serde_json::{Value, json};
use tempfile::TempDir;

/// A home with the small SRS, and a copy of the compiled model with its keys.
struct Home {
    dir: TempDir,
}

impl Home {
    fn new(kit: &Kit) -> Result<Self> {
        let home = Self { dir: tempfile::tempdir()? };
        copy(&kit.cache.join("srs"), &home.path("srs"), |name| name.starts_with("dev-1"))?;
        copy(kit.model.dir(), &home.path("model"), |_| true)?;
        copy(&kit.model.dir().join("keys"), &home.path("model/keys"), |_| true)?;
        Ok(home)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    fn command(&self, arguments: &[&str]) -> Result<Command> {
        let mut command = Command::new(paths::binary("dodona")?);
        command.current_dir(self.dir.path()).env("DODONA_HOME", self.dir.path()).args(arguments);
        command.env("DODONA_KEY", accounts::OPERATOR_KEY.to_string());
        Ok(command)
    }

    fn run(&self, arguments: &[&str]) -> Result<Output> {
        self.command(arguments)?.output().context("running dodona")
    }

    /// An input file for `dodona prove`.
    fn input(&self) -> Result<()> {
        let values = market::days()?.swap_remove(0).values;
        let zero = format!("0x{}", "00".repeat(32));
        let input = json!({"context": zero, "slots": [{"sources": [{"values": values, "salt": zero}]}]});
        Ok(fs::write(self.path("input.json"), serde_json::to_vec(&input)?)?)
    }
}

fn copy(from: &Path, to: &Path, wanted: impl Fn(&str) -> bool) -> Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from).with_context(|| from.display().to_string())? {
        let path = entry?.path();
        let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        if path.is_file() && wanted(&name) {
            fs::copy(&path, to.join(name))?;
        }
    }
    Ok(())
}

/// Checks that a command failed with one line that has all of `parts`.
#[track_caller]
fn complains(output: &Output, parts: &[&str]) {
    let errors = String::from_utf8_lossy(&output.stderr);
    let code = output.status.code();
    assert!(
        code.is_some_and(|code| (1..=9).contains(&code)),
        "expected an exit code from 1 to 9, got {code:?}: {errors}"
    );
    assert!(!errors.contains("panicked"), "{errors}");
    let lines: Vec<_> = errors.lines().filter(|line| line.starts_with("dodona: ")).collect();
    assert_eq!(lines.len(), 1, "expected one line with the error: {errors}");
    for part in parts {
        assert!(lines[0].contains(part), "expected {part:?} in {}", lines[0]);
    }
}

#[track_caller]
fn succeeds(output: &Output) {
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

fn truncate(path: &Path) -> Result<()> {
    let bytes = fs::read(path)?;
    Ok(fs::write(path, &bytes[..bytes.len() / 2])?)
}

fn flip(path: &Path) -> Result<()> {
    let mut bytes = fs::read(path)?;
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    Ok(fs::write(path, bytes)?)
}

#[test]
fn a_file_that_is_no_onnx_is_refused() -> Result<()> {
    let home = Home::new(&Kit::load()?)?;
    fs::write(home.path("model.txt"), "this is not a model")?;
    complains(&home.run(&["model", "compile", "model.txt", "--out", "out"])?, &["ONNX"]);
    assert!(!home.path("out/manifest.json").exists(), "nothing may be written");
    complains(&home.run(&["model", "compile", "absent.onnx", "--out", "out"])?, &["absent.onnx"]);
    Ok(())
}

#[test]
fn a_key_file_that_does_not_belong_is_refused() -> Result<()> {
    let home = Home::new(&Kit::load()?)?;
    home.input()?;
    let prove = |dir: &str| home.run(&["prove", dir, "--input", "input.json", "--out", "proof.json"]);
    let key = home.path("model/keys/direct.pk");
    let good = fs::read(&key)?;
    succeeds(&prove("model")?);

    // Of another model: the same network, compiled as private.
    let [onnx, spec, calibration] = ["risk.onnx", "model.json", "calibration.json"]
        .map(|name| paths::risk_model().join(name).to_string_lossy().into_owned());
    let salt = format!("0x{}", "01".repeat(32));
    let compile = ["model", "compile", &onnx, "--spec", &spec, "--calibration", &calibration, "--salt", &salt];
    succeeds(&home.run(&[compile.as_slice(), &["--out", "private"]].concat())?);
    fs::create_dir_all(home.path("private/keys"))?;
    fs::write(home.path("private/keys/direct.pk"), &good)?;
    complains(&prove("private")?, &["direct.pk", "model"]);

    // Of the other mode; truncated; with a bit flipped; absent.
    fs::copy(home.path("model/keys/aggregated.pk"), &key)?;
    complains(&prove("model")?, &["direct.pk"]);
    fs::write(&key, &good)?;
    truncate(&key)?;
    complains(&prove("model")?, &["direct.pk"]);
    fs::write(&key, &good)?;
    flip(&key)?;
    complains(&prove("model")?, &["direct.pk"]);
    fs::remove_file(&key)?;
    complains(&prove("model")?, &["direct.pk", "dodona keys"]);
    fs::write(&key, &good)?;
    succeeds(&prove("model")?);
    Ok(())
}

#[test]
fn a_damaged_srs_is_refused_and_not_replaced() -> Result<()> {
    let kit = Kit::load()?;
    let home = Home::new(&kit)?;
    home.input()?;
    let prove = || home.run(&["prove", "model", "--input", "input.json", "--out", "proof.json"]);
    let name = format!("dev-{}.srs", kit.model.size(Mode::Direct)?.k);
    let file = home.path("srs").join(&name);
    let good = fs::read(&file)?;
    for damage in [truncate, flip] {
        damage(&file)?;
        let damaged = fs::read(&file)?;
        complains(&prove()?, &[&name]);
        assert_eq!(fs::read(&file)?, damaged, "a damaged file is not overwritten");
        fs::write(&file, &good)?;
    }
    succeeds(&prove()?);
    Ok(())
}

#[test]
fn a_damaged_proof_is_refused() -> Result<()> {
    let home = Home::new(&Kit::load()?)?;
    home.input()?;
    succeeds(&home.run(&["prove", "model", "--input", "input.json", "--out", "proof.json"])?);
    let verify = || home.run(&["verify", "model", "proof.json"]);
    succeeds(&verify()?);
    let good = fs::read(home.path("proof.json"))?;
    let change = |change: &dyn Fn(&mut Vec<Value>)| -> Result<()> {
        let mut file: Value = serde_json::from_slice(&good)?;
        change(file["proof"].as_array_mut().context("the proof is a list of bytes")?);
        Ok(fs::write(home.path("proof.json"), serde_json::to_vec(&file)?)?)
    };
    let length = serde_json::from_slice::<Value>(&good)?["proof"].as_array().context("a list of bytes")?.len();
    change(&|bytes| drop(bytes.pop()))?;
    complains(&verify()?, &[&format!("expected {length}"), &format!("got {}", length - 1)]);
    change(&|bytes| bytes[40] = json!(bytes[40].as_u64().unwrap() ^ 1))?;
    complains(&verify()?, &["refused"]);
    fs::write(home.path("proof.json"), &good)?;
    truncate(&home.path("proof.json"))?;
    complains(&verify()?, &["proof.json"]);
    Ok(())
}

#[tokio::test]
async fn a_wrong_chain_or_address_ends_the_command() -> Result<()> {
    let live = Live::new().await?;
    let home = Home::new(&live.scene.kit)?;
    let model = live.scene.stack.model.to_string();
    let url = live.scene.anvil.url().to_owned();
    let deployment = live.place.config.chain.deployment.to_string_lossy().into_owned();
    let request = |url: &str, deployment: &str, more: &[&str]| {
        let base = ["request", &model, "--rpc-url", url, "--deployment", deployment, "--no-wait"];
        home.run(&[base.as_slice(), more].concat())
    };
    succeeds(&request(&url, &deployment, &[])?);

    // Nothing listens there.
    complains(&request("http://127.0.0.1:1", &deployment, &[])?, &["127.0.0.1:1"]);
    // Another chain than the one asked for, and than the deployment's.
    complains(&request(&url, &deployment, &["--chain-id", "1"])?, &["expected chain id 1", "31337"]);

    // An address without code.
    let mut wrong = live.place.deployment(&live.scene.stack);
    wrong.oracle = Address::repeat_byte(0x77);
    let file = home.path("wrong.json");
    wrong.save(&file)?;
    let shown = file.to_string_lossy().into_owned();
    complains(&request(&url, &shown, &[])?, &["0x7777777777777777777777777777777777777777"]);
    Ok(())
}

#[tokio::test]
async fn daemons_end_on_a_wrong_chain_address_or_configuration() -> Result<()> {
    let mut live = Live::new().await?;
    let run = |live: &Live| -> Result<Output> {
        let file = live.place.config_file();
        live.place.command()?.arg("run").arg("--config").arg(file).output().context("running dodona")
    };
    let mut wrong = live.place.deployment(&live.scene.stack);
    wrong.oracle = Address::repeat_byte(0x77);
    wrong.save(&live.place.config.chain.deployment)?;
    complains(&run(&live)?, &["0x7777777777777777777777777777777777777777"]);

    // The same deployment file, on an endpoint of another chain.
    let other = Anvil::start(AnvilOptions::default()).await?;
    live.place.deployment(&live.scene.stack).save(&live.place.config.chain.deployment)?;
    live.place.config.chain.chain_id = 1;
    live.place.write()?;
    complains(&run(&live)?, &["expected chain id 1", "31337"]);
    live.place.config.chain.chain_id = 31_337;
    live.place.config.chain.rpc_url = other.url().to_owned();
    live.place.write()?;
    complains(&run(&live)?, &[&live.scene.stack.feeds.to_checksum(None)]);

    fs::write(live.place.config_file(), "[chain]\nrpc_url = 5\n")?;
    complains(&run(&live)?, &["dodona.toml"]);
    Ok(())
}
