//! How far a model's circuit is from the float model: `folder_accuracy FOLDER [SAMPLES.json]`. FOLDER holds `NAME.onnx`, `model.json`, its schemas and
//! `calibration.json`, as the folders in `models/` do. SAMPLES holds raw `samples` in reals and the reference's `outputs`; without it the
//! calibration samples are run against the float model. No proofs.
#![allow(clippy::print_stdout, reason = "a program")]

use std::path::Path;

use dodona_circuits::model::FloatModel;
use dodona_circuits::model::spec::ModelSpec;
use dodona_circuits::quant::{Calibration, Options, compile, report};
use serde::Deserialize;

#[derive(Deserialize)]
struct Samples {
    samples: Vec<Vec<f64>>,
    outputs: Vec<Vec<f64>>,
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let folder = Path::new(args.first().ok_or("usage: folder_accuracy FOLDER [SAMPLES.json]")?);
    let name = folder.file_name().ok_or("expected a folder with a name")?.to_string_lossy();
    let onnx = std::fs::read(folder.join(format!("{name}.onnx")))?;
    let spec = ModelSpec::load(&folder.join("model.json"))?;
    let scales = spec.resolve().scales();
    let calibration = Calibration::parse(&std::fs::read(folder.join("calibration.json"))?, &scales)?;
    let compiled = compile(&onnx, Some(&spec), Some(&calibration), &Options::default())?;
    let size = report::Size::of(&compiled.program);
    println!("{size:?}");

    let (samples, outputs): (Vec<Vec<i64>>, Vec<Vec<f64>>) = match args.get(1) {
        Some(path) => {
            let held: Samples = serde_json::from_slice(&std::fs::read(path)?)?;
            let units = |row: &Vec<f64>| row.iter().zip(&scales).map(|(v, &s)| (v * s as f64).round() as i64).collect();
            (held.samples.iter().map(units).collect(), held.outputs)
        }
        None => {
            let float = FloatModel::from_onnx(&onnx)?;
            let run = |raw: &Vec<i64>| {
                let reals = compiled.spec.clamped_reals(raw);
                Ok(float.run_flat(&reals)?.into_iter().map(f64::from).collect())
            };
            let outputs: Result<_, Box<dyn std::error::Error>> = calibration.samples.iter().map(run).collect();
            (calibration.samples.clone(), outputs?)
        }
    };
    let (mut errors, mut flagged) = (Vec::new(), 0);
    for (raw, expected) in samples.iter().zip(&outputs) {
        let run = compiled.program.evaluate(raw)?;
        flagged += usize::from(!(run.in_domain && run.unsaturated));
        let got = compiled.reals(&run.outputs);
        errors.push(got.iter().zip(expected).map(|(g, e)| (g - e).abs()).fold(0.0f64, f64::max));
    }
    let mean = errors.iter().sum::<f64>() / errors.len().max(1) as f64;
    errors.sort_by(f64::total_cmp);
    let largest = errors.last().copied().unwrap_or(0.0);
    println!("{} samples: largest error {largest:.3}, mean of largest {mean:.3}, flagged {flagged}", errors.len());
    Ok(())
}
