//! Every model of `models/zoo`, from its ONNX file alone: compiled without specification or calibration, proved and verified in direct mode, and compared
//! with onnxruntime's answers. One test a model, named after its file; the list is the folder's.
#![allow(clippy::print_stdout, clippy::print_stderr, clippy::unwrap_used, clippy::panic, reason = "tests")]

use std::panic::catch_unwind;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use dodona_circuits::api::{CompileRequest, DirectProver, KeyRing, Mode, Model, Slot, SourceInput};
use dodona_circuits::keys::{Silent, SrsOrigin};
use dodona_circuits::quant::{Options, compile::default_scales};
use serde::Deserialize;

/// Largest error, as a share of an output tensor's largest reference magnitude over the samples.
const TOLERANCE: f64 = 0.01;

/// Models that are not right yet; run with `--ignored`.
const OPEN: &[&str] = &[];

#[derive(Deserialize)]
struct Sample {
    inputs: Vec<Vec<f64>>,
    outputs: Vec<Vec<f64>>,
    /// Elements of each output, and `real` or `integer`.
    tensors: Vec<(usize, String)>,
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn names() -> Vec<String> {
    let files = std::fs::read_dir(root().join("models/zoo")).unwrap().map(|entry| entry.unwrap().path());
    let onnx = files.filter(|f| f.extension().is_some_and(|e| e == "onnx"));
    let mut names: Vec<String> = onnx.map(|f| f.file_stem().unwrap().to_string_lossy().into_owned()).collect();
    names.sort();
    names
}

/// What `cargo test` and nextest ask of a test binary: `--list`, `--exact`, `--ignored`, names or parts of names.
fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let has = |flag: &str| args.iter().any(|a| a == flag);
    let wanted: Vec<&String> = args.iter().filter(|a| !a.starts_with("--") && *a != "terse").collect();
    let chosen = |name: &String| {
        let one = |w: &&String| if has("--exact") { *w == name } else { name.contains(w.as_str()) };
        // nextest runs an ignored test by its name, under `--ignored`.
        has("--ignored") == OPEN.contains(&name.as_str()) && (wanted.is_empty() || wanted.iter().any(one))
    };
    let names: Vec<String> = names().into_iter().filter(chosen).collect();
    if has("--list") {
        names.iter().for_each(|name| println!("{name}: test"));
        return ExitCode::SUCCESS;
    }
    let failed = names.iter().filter(|name| catch_unwind(|| check(name)).is_err()).count();
    println!("{} models, {failed} failed", names.len());
    if failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn check(name: &str) {
    let file = root().join(format!("models/zoo/{name}.onnx"));
    let onnx = std::fs::read(&file).unwrap();
    let sample: Sample = serde_json::from_slice(&std::fs::read(file.with_extension("json")).unwrap()).unwrap();
    let dir = tempfile::tempdir().unwrap();
    let request = CompileRequest {
        onnx: &onnx,
        spec: None,
        calibration: None,
        options: Options::default(),
        slots: 1,
        salt: None,
    };
    let (model, _) = Model::compile(request, dir.path()).unwrap();
    let scales = default_scales(&onnx).unwrap();
    let slots: Vec<Slot> = sample.inputs.iter().map(|row| slot(row, &scales)).collect();
    for (index, slot) in slots.iter().enumerate() {
        compare(name, &model, slot, &sample, index);
    }
    let cache = std::env::var_os("DODONA_CACHE").map_or_else(|| root().join("target/dodona-cache"), PathBuf::from);
    let ring = KeyRing::in_home(&cache, SrsOrigin::Dev);
    let prover = DirectProver::new(&model, ring.make(&model, Mode::Direct, &Silent).unwrap());
    let proof = prover.prove([0; 32], &slots[..1]).unwrap();
    prover.verify(&proof).unwrap();
    assert_eq!(proof.words, model.words(Mode::Direct, [0; 32], &slots[..1]).unwrap());
}

fn slot(row: &[f64], scales: &[u64]) -> Slot {
    let values = row.iter().zip(scales).map(|(v, &s)| (v * s as f64).round_ties_even() as i64).collect();
    Slot { sources: vec![SourceInput { values, salt: [0; 32] }] }
}

/// The model's answer to one sample is the reference's, and no flag is raised.
fn compare(name: &str, model: &Model, slot: &Slot, sample: &Sample, index: usize) {
    let answer = model.infer(std::slice::from_ref(slot)).unwrap().remove(0);
    assert!(answer.in_domain && answer.unsaturated, "{name}, sample {index}: flags");
    let units = answer.outputs.iter().zip(&model.manifest().outputs);
    let got: Vec<f64> = units.map(|(&v, o)| v as f64 / o.scale as f64).collect();
    let expected = &sample.outputs[index];
    assert_eq!(got.len(), expected.len(), "{name}: outputs");
    let mut at = 0;
    for (length, kind) in &sample.tensors {
        let all = sample.outputs.iter().flat_map(|row| &row[at..at + length]);
        let size = all.fold(1e-6f64, |m, v| m.max(v.abs()));
        for i in at..at + length {
            let error = (got[i] - expected[i]).abs();
            let close = if kind == "integer" { error == 0.0 } else { error <= TOLERANCE * size };
            assert!(close, "{name}, sample {index}, output {i}: expected {}, got {}", expected[i], got[i]);
        }
        at += length;
    }
}
