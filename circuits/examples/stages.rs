//! One stage of a proof in a process of its own, for `scripts/bench`: prints one JSON object.
//!
//! `stages compile MODEL.onnx MODEL_DIR [CALIBRATION.json]`,
//! `stages prove MODEL_DIR CACHE_DIR INPUT.json PROOF.json RUNS`,
//! `stages verify MODEL_DIR CACHE_DIR PROOF.json RUNS`, or
//! `stages STAGE MODEL_DIR CACHE_DIR [INPUT.json]`, with STAGE one of `keys`, `direct`, `inner-keys`, `inner`, `aggregation-keys`,
//! `aggregate`; MODEL_DIR is any folder that `dodona model compile` wrote. Seconds are wall seconds of the stage alone, key and SRS loading
//! excluded; memory is the process's peak, where the system tells it (Linux). `prove` and `verify` are medians of RUNS without a warm-up and tell
//! the loading apart (`load_s`); `direct` warms up first.
#![allow(clippy::print_stdout, reason = "a program")]

use std::path::PathBuf;
use std::time::Instant;

use dodona_circuits::api::CompileRequest;
use dodona_circuits::api::{
    AggregatedProver, DirectProof, DirectProver, Input, KeyRing, Mode, Model, Slot, SourceInput,
};
use dodona_circuits::keys::{Silent, SrsOrigin};
use dodona_circuits::quant::compile::default_scales;
use dodona_circuits::quant::{Calibration, Options};
use serde_json::{Value, json};

type Outcome<T> = Result<T, Box<dyn std::error::Error>>;

fn main() -> Outcome<()> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let [stage, dir, cache, input @ ..] = args.as_slice() else {
        return Err("usage: stages STAGE MODEL_DIR CACHE_DIR [INPUT.json]".into());
    };
    if stage == "compile" {
        println!("{}", compile(dir, cache, input.first())?);
        return Ok(());
    }
    let model = Model::load(&PathBuf::from(dir))?;
    let ring = KeyRing::in_home(&PathBuf::from(cache), SrsOrigin::Dev);
    let inputs = |path: &String| Outcome::Ok(Input::parse(&model, &std::fs::read(path)?)?.slots);
    let mut figures = match (stage.as_str(), input) {
        ("prove", [input, proof, runs]) => prove(&model, &ring, &inputs(input)?, proof, runs.parse()?)?,
        ("verify", [proof, runs]) => verify(&model, &ring, proof, runs.parse()?)?,
        (_, [path]) => run(stage, &model, &ring, &inputs(path)?)?,
        (_, []) => run(stage, &model, &ring, &vec![zero_slot(&model); model.manifest().slots])?,
        _ => return Err(format!("wrong arguments of `{stage}`").into()),
    };
    if let Some(peak) = peak_mib() {
        figures["peak_mib"] = json!(peak);
    }
    println!("{figures}");
    Ok(())
}

fn compile(onnx: &str, dir: &str, calibration: Option<&String>) -> Outcome<Value> {
    let onnx = std::fs::read(onnx)?;
    let calibration = match calibration {
        Some(path) => Some(Calibration::parse(&std::fs::read(path)?, &default_scales(&onnx)?)?),
        None => None,
    };
    let options = Options::default();
    let request = CompileRequest { onnx: &onnx, spec: None, calibration, options, slots: 1, salt: None };
    let (seconds, (model, _)) = timed(|| Model::compile(request, &PathBuf::from(dir)))?;
    let rows = dodona_circuits::quant::report::Size::of(model.program()).rows;
    Ok(json!({ "seconds": seconds, "direct": model.manifest().direct, "rows": rows }))
}

/// Proves `runs` times, and writes the last proof.
fn prove(model: &Model, ring: &KeyRing, slots: &[Slot], file: &str, runs: usize) -> Outcome<Value> {
    let (load, prover) = timed(|| DirectProver::load(model, ring, &Silent))?;
    let (seconds, proof) = repeated(runs, || prover.prove([0; 32], slots))?;
    std::fs::write(file, serde_json::to_vec(&proof)?)?;
    let (bytes, words) = (proof.proof.len(), proof.words.len());
    Ok(json!({ "seconds": middle(&seconds), "runs": seconds, "load_s": load, "proof_bytes": bytes, "words": words }))
}

/// Verifies a proof that [`prove`] wrote, `runs` times.
fn verify(model: &Model, ring: &KeyRing, file: &str, runs: usize) -> Outcome<Value> {
    let proof: DirectProof = serde_json::from_slice(&std::fs::read(file)?)?;
    let (load, prover) = timed(|| DirectProver::load(model, ring, &Silent))?;
    let (seconds, ()) = repeated(runs, || prover.verify(&proof))?;
    Ok(json!({ "seconds": middle(&seconds), "runs": seconds, "load_s": load }))
}

/// CPU seconds of all threads of this process so far; 0 where the system does not tell.
fn cpu_seconds() -> f64 {
    let threads = std::fs::read_dir("/proc/self/task").into_iter().flatten().flatten();
    let busy = |thread: std::fs::DirEntry| {
        let text = std::fs::read_to_string(thread.path().join("schedstat")).ok()?;
        text.split_whitespace().next()?.parse::<f64>().ok()
    };
    threads.filter_map(busy).sum::<f64>() / 1e9
}

/// Peak resident memory of this process.
fn peak_mib() -> Option<f64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kib: f64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kib / 1024.0)
}

fn run(stage: &str, model: &Model, ring: &KeyRing, slots: &[Slot]) -> Outcome<Value> {
    let context = [0; 32];
    Ok(match stage {
        "keys" | "inner-keys" => {
            let mode = if stage == "keys" { Mode::Direct } else { Mode::Aggregated };
            ring.srs(model.size(mode)?.k, &Silent)?;
            let busy = cpu_seconds();
            let (seconds, _) = timed(|| ring.make(model, mode, &Silent))?;
            json!({ "seconds": seconds, "cpu_s": cpu_seconds() - busy, "k": model.size(mode)?.k })
        }
        "direct" => {
            let prover = DirectProver::load(model, ring, &Silent)?;
            let (seconds, proof) = median(|| prover.prove(context, slots))?;
            let busy = cpu_seconds();
            prover.prove(context, slots)?;
            let busy = cpu_seconds() - busy;
            let (verify, ()) = median(|| prover.verify(&proof))?;
            json!({
                "seconds": seconds,
                "cpu_s": busy,
                "verify_s": verify,
                "proof_bytes": proof.proof.len(),
                "words": proof.words.len(),
            })
        }
        "inner" => {
            ring.ensure(model, Mode::Aggregated, &Silent)?;
            let keys = ring.load(model, Mode::Aggregated, &Silent)?;
            let prove = || {
                let circuit = model.circuit(Mode::Aggregated, context, slots)?;
                let words = circuit.words().to_vec();
                Ok(dodona_circuits::aggregate::prove_inner(&keys.srs, &keys.proving_key, &circuit, &words)?)
            };
            let (seconds, proof) = median(prove)?;
            json!({ "seconds": seconds, "proof_bytes": proof.proof.len() })
        }
        "aggregation-keys" => {
            let inner = ring.ensure(model, Mode::Aggregated, &Silent)?;
            ring.srs(dodona_circuits::api::keys::AGGREGATION_K, &Silent)?;
            let (seconds, (srs, _)) = timed(|| ring.ensure_aggregation(model, &inner, &Silent))?;
            json!({ "seconds": seconds, "k": srs.k(), "file": ring.aggregation_file(model.size(Mode::Aggregated)?.circuit_shape(), &srs) })
        }
        "aggregate" => {
            let prover = AggregatedProver::load(model, ring, &Silent)?;
            let inner = prover.prove_inner(context, slots)?;
            let (seconds, proof) = timed(|| prover.aggregate(&inner, &Silent))?;
            let (verify, ()) = timed(|| prover.verify(&proof))?;
            json!({ "seconds": seconds, "verify_s": verify, "proof_bytes": proof.submission().len() })
        }
        other => return Err(format!("unknown stage `{other}`").into()),
    })
}

fn timed<T>(f: impl FnOnce() -> Result<T, dodona_circuits::api::ApiError>) -> Outcome<(f64, T)> {
    let start = Instant::now();
    let value = f()?;
    Ok((start.elapsed().as_secs_f64(), value))
}

/// Median seconds of three runs, after one that warms caches.
fn median<T>(mut f: impl FnMut() -> Result<T, dodona_circuits::api::ApiError>) -> Outcome<(f64, T)> {
    f()?;
    let (seconds, value) = repeated(3, f)?;
    Ok((middle(&seconds), value))
}

/// Seconds of each of `runs` runs (one at least), and what the last gave.
fn repeated<T>(
    runs: usize,
    mut f: impl FnMut() -> Result<T, dodona_circuits::api::ApiError>,
) -> Outcome<(Vec<f64>, T)> {
    let (first, mut value) = timed(&mut f)?;
    let mut seconds = vec![first];
    for _ in 1..runs {
        let (again, next) = timed(&mut f)?;
        seconds.push(again);
        value = next;
    }
    Ok((seconds, value))
}

/// The median; of an even number the upper one of the middle two.
fn middle(seconds: &[f64]) -> f64 {
    let mut sorted = seconds.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted.get(sorted.len() / 2).copied().unwrap_or_default()
}

fn zero_slot(model: &Model) -> Slot {
    let source = |length| SourceInput { values: vec![0; length], salt: [0; 32] };
    Slot { sources: model.manifest().sources.iter().map(|s| source(s.length)).collect() }
}
