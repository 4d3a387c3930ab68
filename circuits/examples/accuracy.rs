//! The integer program against float answers on held-out samples, for `scripts/bench`: prints one JSON object. No key, no proof.
//!
//! `accuracy MODEL_DIR SAMPLES.json [--classes]`; SAMPLES.json holds `{"inputs": [[…], …], "outputs": [[…], …], "labels": [… or null]}`, a row a sample,
//! MODEL_DIR is any folder that `dodona model compile` wrote. The float answers are the file's: whoever wrote it ran another implementation.
//! Errors are told over all samples, and over those whose answer carries no flag (outside the domain, saturated), which a contract would take.
//! With labels or `--classes`, outputs are scores of classes (one output: the probability of yes) and classes are compared.
#![allow(clippy::print_stdout, reason = "a program")]

use std::path::PathBuf;

use dodona_circuits::api::{Input, Model};
use rayon::prelude::*;
use serde::Deserialize;
use serde_json::{Value, json};

type Outcome<T> = Result<T, Box<dyn std::error::Error>>;

#[derive(Deserialize)]
struct Samples {
    inputs: Vec<Vec<f64>>,
    outputs: Vec<Vec<f64>>,
    labels: Option<Vec<usize>>,
}

/// One sample's answer in reals, and its flags.
struct Answer {
    reals: Vec<f64>,
    in_domain: bool,
    unsaturated: bool,
}

fn main() -> Outcome<()> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let (dir, file, classes) = match args.as_slice() {
        [dir, file] => (dir, file, false),
        [dir, file, flag] if flag == "--classes" => (dir, file, true),
        _ => return Err("usage: accuracy MODEL_DIR SAMPLES.json [--classes]".into()),
    };
    let model = Model::load(&PathBuf::from(dir))?;
    let samples: Samples = serde_json::from_slice(&std::fs::read(file)?)?;
    let slots = Input::encode(&model, &samples.inputs)?;
    let scales: Vec<f64> = model.manifest().outputs.iter().map(|o| o.scale as f64).collect();
    let answer = |slot| {
        let found = model.infer(std::slice::from_ref(slot)).map_err(|e| e.to_string())?.remove(0);
        let reals = found.outputs.iter().zip(&scales).map(|(&units, scale)| units as f64 / scale).collect();
        Ok(Answer { reals, in_domain: found.in_domain, unsaturated: found.unsaturated })
    };
    let ours = slots.par_iter().map(answer).collect::<Result<Vec<Answer>, String>>()?;
    if ours.is_empty() || ours.len() != samples.outputs.len() {
        return Err(format!("{} samples, {} float answers", ours.len(), samples.outputs.len()).into());
    }
    if let Some(row) = samples.outputs.iter().position(|row| row.len() != scales.len()) {
        let got = samples.outputs.get(row).map_or(0, Vec::len);
        return Err(format!("sample {row}: the model has {} outputs, the float answer {got}", scales.len()).into());
    }
    println!("{}", compare(&ours, &samples, classes));
    Ok(())
}

fn compare(ours: &[Answer], samples: &Samples, classes: bool) -> Value {
    let pairs = || ours.iter().map(|a| &a.reals).zip(&samples.outputs);
    let apart = |(a, b): (&Vec<f64>, &Vec<f64>)| a.iter().zip(b).map(|(x, y)| (x - y).abs()).collect::<Vec<f64>>();
    let errors: Vec<f64> = pairs().flat_map(apart).collect();
    let taken = || ours.iter().zip(&samples.outputs).filter(|(a, _)| a.in_domain && a.unsaturated);
    let unflagged = taken().flat_map(|(a, b)| apart((&a.reals, b))).fold(0.0, f64::max);
    let floats = || samples.outputs.iter().flatten().copied();
    let (lo, hi) = (floats().fold(f64::INFINITY, f64::min), floats().fold(f64::NEG_INFINITY, f64::max));
    let worst = errors.iter().copied().fold(0.0, f64::max);
    let mut figures = json!({
        "samples": ours.len(),
        "max_abs_err": worst,
        "mean_abs_err": errors.iter().sum::<f64>() / errors.len().max(1) as f64,
        "max_abs_err_unflagged": unflagged,
        "flagged": ours.len() - taken().count(),
        "output_min": lo,
        "output_max": hi,
        "output_range": hi - lo,
        "relative_err": worst / (hi - lo),
        "outside_domain": ours.iter().filter(|a| !a.in_domain).count(),
        "saturated": ours.iter().filter(|a| !a.unsaturated).count(),
    });
    if classes || samples.labels.is_some() {
        let differ = pairs().filter(|(a, b)| !agree(a, b)).count();
        figures["class_disagreements"] = json!(differ);
    }
    if let Some(labels) = &samples.labels {
        let right = |rows: &mut dyn Iterator<Item = &Vec<f64>>| {
            rows.zip(labels).filter(|(row, label)| class(row) == **label).count() as f64 / labels.len().max(1) as f64
        };
        figures["accuracy"] = json!(right(&mut ours.iter().map(|a| &a.reals)));
        figures["float_accuracy"] = json!(right(&mut samples.outputs.iter()));
    }
    figures
}

/// The first of the largest scores; of a single output, whether it is above one half.
fn class(scores: &[f64]) -> usize {
    if let [yes] = scores {
        return usize::from(*yes > 0.5);
    }
    let best = scores.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    scores.iter().position(|score| *score == best).unwrap_or_default()
}

/// Whether some class has the largest score of both; a tie agrees with either.
fn agree(ours: &[f64], theirs: &[f64]) -> bool {
    if ours.len() == 1 {
        return class(ours) == class(theirs);
    }
    let best = |scores: &[f64]| scores.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let (a, b) = (best(ours), best(theirs));
    ours.iter().zip(theirs).any(|(x, y)| *x == a && *y == b)
}
