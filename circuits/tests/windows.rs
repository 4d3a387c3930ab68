//! The models on raw windows against onnxruntime's answers, as integer programs; proofs are in the end-to-end scenarios.
#![allow(clippy::unwrap_used, reason = "tests")]

use std::path::{Path, PathBuf};

use dodona_circuits::model::spec::ModelSpec;
use dodona_circuits::quant::{Calibration, Compiled, Options, compile};
use serde_json::Value;

/// Largest error in basis points, half of one for rounding to whole ones included.
const TOLERANCE: f64 = 2.0;

fn folder(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../models").join(name)
}

fn json(path: &Path) -> Value {
    serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap()
}

fn numbers(list: &Value) -> Vec<f64> {
    list.as_array().unwrap().iter().map(|v| v.as_f64().unwrap()).collect()
}

fn compiled(name: &str) -> (Compiled, Vec<u64>) {
    let folder = folder(name);
    let spec = ModelSpec::load(&folder.join("model.json")).unwrap();
    let scales = spec.resolve().scales();
    let calibration = Calibration::parse(&std::fs::read(folder.join("calibration.json")).unwrap(), &scales).unwrap();
    let onnx = std::fs::read(folder.join(format!("{name}.onnx"))).unwrap();
    (compile(&onnx, Some(&spec), Some(&calibration), &Options::default()).unwrap(), scales)
}

/// The windows of one observations file, in units.
fn windows(name: &str, file: &str, scales: &[u64]) -> Vec<Vec<i64>> {
    let rows = json(&folder(name).join(file))["observations"].as_array().unwrap().clone();
    let units = |row: &Value| {
        let values = numbers(&row["values"]);
        values.iter().zip(scales).map(|(v, &s)| (v * s as f64).round_ties_even() as i64).collect()
    };
    rows.iter().map(units).collect()
}

fn reference(name: &str) -> Vec<Vec<f64>> {
    json(&folder(name).join("reference.json"))["outputs"].as_array().unwrap().iter().map(numbers).collect()
}

fn within(compiled: &Compiled, raw: &[i64], expected: &[f64]) {
    let run = compiled.program.evaluate(raw).unwrap();
    assert!(run.in_domain && run.unsaturated, "flags: {} {}", run.in_domain, run.unsaturated);
    for (got, expected) in run.outputs.iter().zip(expected) {
        let error = (*got as f64 - expected).abs();
        assert!(error <= TOLERANCE, "expected {expected} within {TOLERANCE}, got {got}");
    }
}

#[test]
fn features_of_a_raw_window_are_within_two_basis_points() {
    let (compiled, scales) = compiled("risk_window");
    let windows = windows("risk_window", "observations.json", &scales);
    let reference = reference("risk_window");
    assert_eq!((windows.len(), reference.len()), (24, 24));
    for (window, expected) in windows.iter().zip(&reference) {
        within(&compiled, window, expected);
    }
}

#[test]
fn the_median_of_three_windows_is_exact_whatever_an_outlier_says() {
    let (compiled, scales) = compiled("risk_median");
    let feeds: Vec<Vec<Vec<i64>>> =
        (1..=3).map(|i| windows("risk_median", &format!("observations_{i}.json"), &scales)).collect();
    let answer = |windows: [&[i64]; 3]| {
        let run = compiled.program.evaluate(&windows.concat()).unwrap();
        assert!(run.in_domain && run.unsaturated);
        run.outputs
    };
    for (day, expected) in reference("risk_median").iter().enumerate() {
        let [a, b, c] = [0, 1, 2].map(|i| feeds[i][day].as_slice());
        within(&compiled, &[a, b, c].concat(), expected);
        assert_eq!(answer([a, b, c]), answer([c, a, b]));
        // The ends of the domain: 100 and 10,000 points, 10 and 100,000 million shares.
        let lowest: Vec<i64> = (0..300).map(|i| if i % 5 == 4 { 100 } else { 10_000 }).collect();
        let highest = vec![1_000_000; 300];
        let smaller: Vec<i64> = a.iter().zip(b).map(|(x, y)| *x.min(y)).collect();
        let larger: Vec<i64> = a.iter().zip(b).map(|(x, y)| *x.max(y)).collect();
        assert_eq!(answer([a, b, &lowest]), answer([&smaller, &smaller, &smaller]));
        assert_eq!(answer([a, b, &highest]), answer([&larger, &larger, &larger]));
    }
}
