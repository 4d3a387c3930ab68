//! Compiles every model of a zoo folder from its ONNX file alone, runs the interpreter on its samples, and prints how far its answers are from the
//! reference: `zoo [DIR] [NAME …]`. No proofs: those are in `tests/zoo.rs`.
#![allow(clippy::print_stdout, reason = "a program")]

use std::path::{Path, PathBuf};

use dodona_circuits::quant::{Options, compile, compile::default_scales, report};
use serde::Deserialize;

#[derive(Deserialize)]
struct Sample {
    inputs: Vec<Vec<f64>>,
    outputs: Vec<Vec<f64>>,
    tensors: Vec<(usize, String)>,
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut args = std::env::args().skip(1);
    let dir = args.next().map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../models/zoo"), PathBuf::from);
    let names: Vec<String> = args.collect();
    let mut files: Vec<PathBuf> = std::fs::read_dir(&dir)?.map(|e| Ok(e?.path())).collect::<std::io::Result<_>>()?;
    files.retain(|f| f.extension().is_some_and(|e| e == "onnx"));
    files.sort();
    let (mut passed, mut failed) = (0, 0);
    for file in files {
        let name = file.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        if !names.is_empty() && !names.contains(&name) {
            continue;
        }
        match check(&file) {
            Ok((error, text)) if error <= 0.01 => {
                passed += 1;
                println!("ok    {name:28} {error:9.2e}  {text}");
            }
            Ok((error, text)) => {
                failed += 1;
                println!("WRONG {name:28} {error:9.2e}  {text}");
            }
            Err(error) => {
                failed += 1;
                println!("FAIL  {name:28} {}", error.to_string().chars().take(300).collect::<String>());
            }
        }
    }
    println!("{passed} ok, {failed} not");
    Ok(())
}

/// Largest error as a share of each output tensor's largest reference magnitude (infinite for another integer), and a summary.
fn check(file: &Path) -> Result<(f64, String), Box<dyn std::error::Error>> {
    let onnx = std::fs::read(file)?;
    let sample: Sample = serde_json::from_slice(&std::fs::read(file.with_extension("json"))?)?;
    let compiled = compile(&onnx, None, None, &Options::default())?;
    let scales = default_scales(&onnx)?;
    let (mut worst, mut flags) = (0.0f64, String::new());
    for (inputs, expected) in sample.inputs.iter().zip(&sample.outputs) {
        let raw: Vec<i64> = inputs.iter().zip(&scales).map(|(v, &s)| (v * s as f64).round_ties_even() as i64).collect();
        let run = compiled.program.evaluate(&raw)?;
        let got = compiled.reals(&run.outputs);
        if got.len() != expected.len() {
            return Err(format!("{} outputs, expected {}", got.len(), expected.len()).into());
        }
        let mut at = 0;
        for (length, kind) in &sample.tensors {
            let (got, want) = (&got[at..at + length], &expected[at..at + length]);
            let all = sample.outputs.iter().flat_map(|o| &o[at..at + length]);
            let size = all.fold(1e-6f64, |m, v| m.max(v.abs()));
            for (g, w) in got.iter().zip(want) {
                let error = if kind == "integer" && g != w { f64::INFINITY } else { (g - w).abs() / size };
                worst = worst.max(error);
            }
            at += length;
        }
        flags.push(if run.in_domain { '.' } else { 'D' });
        flags.push(if run.unsaturated { '.' } else { 'S' });
    }
    let size = report::Size::of(&compiled.program);
    let scale = compiled.spec.outputs.first().map_or(0.0, |o| (o.scale as f64).log2());
    Ok((worst, format!("{flags} rows {} scale 2^{scale}", size.rows)))
}
