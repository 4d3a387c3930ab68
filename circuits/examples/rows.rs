//! Compiles models with their calibration, compares the interpreter with the answers of held-out samples, and prints rows by kind of node:
//! `rows DIR NAME …`, where DIR has `NAME.onnx`, `NAME.calib.json` and `NAME.test.json` as `scripts/models/bench_models.py` makes them.
#![allow(clippy::print_stdout, reason = "a program")]

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use dodona_circuits::inference::layout::SourceKind;
use dodona_circuits::inference::{Error, Layout, Shape, Task};
use dodona_circuits::quant::program::{Program, Step};
use dodona_circuits::quant::report::Size;
use dodona_circuits::quant::{Calibration, Options, compile, compile::default_scales};
use serde::Deserialize;

#[derive(Deserialize)]
struct Test {
    inputs: Vec<Vec<f64>>,
    outputs: Vec<Vec<f64>>,
}

/// Held-out samples that are compared.
const SAMPLES: usize = 200;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut args = std::env::args().skip(1);
    let dir = args.next().ok_or("usage: rows DIR NAME …")?;
    for name in args {
        measure(Path::new(&dir), &name)?;
    }
    Ok(())
}

fn measure(dir: &Path, name: &str) -> Result<(), Box<dyn std::error::Error>> {
    let read = |kind: &str| std::fs::read(dir.join(format!("{name}.{kind}")));
    let onnx = read("onnx")?;
    let scales = default_scales(&onnx)?;
    let calibration = Calibration::parse(&read("calib.json")?, &scales)?;
    let compiled = compile(&onnx, None, Some(&calibration), &Options::default())?;
    let test: Test = serde_json::from_slice(&read("test.json")?)?;
    let (mut error, mut sum, mut other, mut flagged) = (0.0f64, 0.0, 0, 0);
    let (mut lo, mut hi) = (f64::INFINITY, f64::NEG_INFINITY);
    let count = test.inputs.len().min(SAMPLES);
    for (input, expected) in test.inputs.iter().zip(&test.outputs).take(count) {
        let raw: Vec<i64> = input.iter().zip(&scales).map(|(v, &s)| (v * s as f64).round_ties_even() as i64).collect();
        let run = compiled.program.evaluate(&raw)?;
        let got = compiled.reals(&run.outputs);
        flagged += usize::from(!run.in_domain || !run.unsaturated);
        other += usize::from(largest(&got) != largest(expected));
        for (g, e) in got.iter().zip(expected) {
            error = error.max((g - e).abs());
            sum += (g - e).abs() / expected.len() as f64;
            (lo, hi) = (lo.min(*e), hi.max(*e));
        }
    }
    let size = Size::of(&compiled.program);
    let share = 100.0 / (hi - lo);
    println!(
        "{name}: {} rows, {} table entries; of {count} held-out samples {flagged} flagged, {other} with another argmax; error {:.4} % of the range at most, {:.4} % on average",
        size.rows,
        size.table_entries,
        error * share,
        sum / count as f64 * share
    );
    println!(
        "  {} rows all told, {} in the wide shape",
        laid_out(&compiled.program, false)?,
        laid_out(&compiled.program, true)?
    );
    let mut kinds: BTreeMap<String, BTreeMap<&str, (usize, usize)>> = BTreeMap::new();
    for origin in &compiled.origins {
        for step in &compiled.program.steps[origin.first..origin.end] {
            let kind = match step {
                Step::Linear(_) => "linear",
                Step::Function(_) => "function",
                Step::Divide(_) => "divide",
                Step::Sqrt(_) => "sqrt",
                Step::Block(_) => "block",
                Step::MatMul(_) => "matmul",
            };
            let (sources, outputs, tables) = (Vec::new(), Vec::new(), Vec::new());
            let steps = vec![step.clone()];
            let alone = Program { sources, tables, steps, outputs, in_domain: 0, unsaturated: 0 };
            let found = kinds.entry(origin.op.clone()).or_default().entry(kind).or_default();
            found.0 += step.outputs();
            found.1 += Size::of(&alone).rows;
        }
    }
    let mut kinds: Vec<_> = kinds.into_iter().map(|(op, k)| (k.values().map(|v| v.1).sum::<usize>(), op, k)).collect();
    kinds.sort_by(|a, b| b.cmp(a));
    for (rows, op, kinds) in kinds {
        let parts: Vec<String> =
            kinds.iter().map(|(k, (wires, rows))| format!("{k} {rows} ({wires} values)")).collect();
        println!("  {rows:8} {op:22} {}", parts.join(", "));
    }
    Ok(())
}

/// Rows of a circuit with committed sources: statement, sources, sponges and what tables take beyond lanes included.
fn laid_out(program: &Program, wide: bool) -> Result<usize, Error> {
    let task = |shape| Task {
        program: Arc::new(program.clone()),
        sources: vec![SourceKind::Committed { schema: Default::default() }; program.sources.len()],
        slots: 1,
        commit_outputs: false,
        shape,
        salt: Default::default(),
    };
    let used = task(Shape::NARROW).words_used();
    let task = task(Shape::direct(used, wide));
    match Layout::new(&task, Default::default(), &task.zero_inputs(), Some(1)) {
        Err(Error::TooManyRows { needed, .. }) => Ok(needed),
        Err(error) => Err(error),
        Ok(layout) => Ok(layout.rows.len()),
    }
}

/// Where the largest value is.
fn largest(values: &[f64]) -> Option<usize> {
    values.iter().enumerate().max_by(|a, b| a.1.total_cmp(b.1)).map(|(i, _)| i)
}
