//! One stage of a proof in a process of its own, for `scripts/bench`: prints one JSON object.
//!
//! `stages compile MODEL.onnx MODEL_DIR [CALIBRATION.json]`, or
//! `stages STAGE MODEL_DIR CACHE_DIR [INPUT.json]`, with STAGE one of `keys`, `direct`, `inner-keys`, `inner`, `aggregation-keys`,
//! `aggregate`. Seconds are wall seconds of the stage alone, key and SRS loading excluded; memory is measured by the caller.
#![allow(clippy::print_stdout, reason = "a program")]

use std::path::PathBuf;
use std::time::Instant;

use dodona_circuits::api::{AggregatedProver, DirectProver, Input, KeyRing, Mode, Model, Slot, SourceInput};
use dodona_circuits::api::CompileRequest;
use dodona_circuits::keys::{Silent, SrsOrigin};
use dodona_circuits::model::Graph;
use dodona_circuits::quant::compile::DEFAULT_SCALE;
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
    let slots = match input.first() {
        Some(path) => Input::parse(&model, &std::fs::read(path)?)?.slots,
        None => vec![zero_slot(&model); model.manifest().slots],
    };
    println!("{}", run(stage, &model, &ring, &slots)?);
    Ok(())
}

fn compile(onnx: &str, dir: &str, calibration: Option<&String>) -> Outcome<Value> {
    let onnx = std::fs::read(onnx)?;
    let graph = Graph::from_onnx(&onnx)?;
    let scales = vec![DEFAULT_SCALE; graph.input_width()];
    let calibration = match calibration {
        Some(path) => Some(Calibration::parse(&std::fs::read(path)?, &scales)?),
        None => None,
    };
    let options = Options::default();
    let request = CompileRequest { onnx: &onnx, spec: None, calibration, options, slots: 1, salt: None };
    let (seconds, (model, report)) = timed(|| Model::compile(request, &PathBuf::from(dir)))?;
    let manifest = model.manifest();
    let error = report.map(|r| r.outputs.iter().map(|o| o.max_error / (o.max - o.min).max(1e-9)).fold(0.0, f64::max));
    Ok(json!({
        "seconds": seconds,
        "direct": manifest.direct,
        "rows": dodona_circuits::quant::report::Size::of(model.program()).rows,
        "error": error,
    }))
}

fn run(stage: &str, model: &Model, ring: &KeyRing, slots: &[Slot]) -> Outcome<Value> {
    let context = [0; 32];
    Ok(match stage {
        "keys" | "inner-keys" => {
            let mode = if stage == "keys" { Mode::Direct } else { Mode::Aggregated };
            ring.srs(model.size(mode)?.k, &Silent)?;
            let (seconds, _) = timed(|| ring.make(model, mode, &Silent))?;
            json!({ "seconds": seconds, "k": model.size(mode)?.k })
        }
        "direct" => {
            let prover = DirectProver::load(model, ring, &Silent)?;
            let (seconds, proof) = median(|| prover.prove(context, slots))?;
            let (verify, ()) = median(|| prover.verify(&proof))?;
            json!({ "seconds": seconds, "verify_s": verify, "proof_bytes": proof.proof.len(), "words": proof.words.len() })
        }
        "inner" => {
            ring.ensure(model, Mode::Aggregated, &Silent)?;
            let keys = ring.load(model, Mode::Aggregated, &Silent)?;
            let prove = || {
                let circuit = model.circuit(Mode::Aggregated, context, slots)?;
                let words = circuit.words().to_vec();
                Ok(dodona_circuits::aggregate::prove_inner(&keys.srs, &keys.proving_key, circuit, &words)?)
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
    let mut runs = Vec::new();
    for _ in 0..3 {
        runs.push(timed(&mut f)?);
    }
    runs.sort_by(|a, b| a.0.total_cmp(&b.0));
    Ok(runs.swap_remove(1))
}

fn zero_slot(model: &Model) -> Slot {
    let source = |length| SourceInput { values: vec![0; length], salt: [0; 32] };
    Slot { sources: model.manifest().sources.iter().map(|s| source(s.length)).collect() }
}
