//! Measures keys and proofs of networks of several sizes and fits the constants of `circuits/src/api/predict.rs`.
//!
//! `RAYON_NUM_THREADS=1 target/debug/examples/fit CACHE_DIR [LARGEST_K]`, after `cargo build -p dodona-circuits --examples`; Linux only. What is
//! measured are CPU seconds of one thread, so that other work on the machine matters little. Every stage runs in a
//! process of its own (`examples/stages.rs`). Prints a table of measured against fitted, then the constants.
//!
//! The networks have one shape of circuit, on which commitments and transforms grow alike, so that times alone cannot tell them apart. Their ratio is
//! taken from the probes of proofs and of keys; what is fitted is one factor for both, and what does not grow.
#![allow(clippy::print_stdout, reason = "a program")]

use std::path::{Path, PathBuf};
use std::process::Command;

use dodona_circuits::api::predict::{Counts, Fit, Probe, probe_work, seconds};
use dodona_circuits::api::{CompileRequest, Model};
use dodona_circuits::quant::Options;
use prost::Message;
use serde_json::Value;
use tract_onnx::pb::{
    GraphProto, ModelProto, NodeProto, OperatorSetIdProto, TensorProto, TensorShapeProto, TypeProto, ValueInfoProto,
    tensor_proto::DataType, tensor_shape_proto, type_proto,
};

type Outcome<T> = Result<T, Box<dyn std::error::Error>>;

/// Hidden widths of `16 → h → h → 3`, and the k that they take.
const WIDTHS: [(usize, u32); 6] = [(64, 11), (200, 12), (300, 13), (440, 14), (640, 15), (920, 16)];

struct Measured {
    counts: Counts,
    keys: f64,
    proof: f64,
    mib: f64,
}

fn main() -> Outcome<()> {
    let mut args = std::env::args().skip(1);
    let cache = PathBuf::from(args.next().ok_or("usage: fit CACHE_DIR [LARGEST_K]")?);
    let largest: u32 = args.next().map_or(Ok(15), |k| k.parse())?;
    let scratch = cache.join("fit");
    let (probe, work) = (Probe::new(), probe_work());
    let (proofs, of_keys) = (probe.proofs(&cpu_seconds), probe.keys(&cpu_seconds));
    let units = |probed: (f64, f64)| (probed.0 / work.0, probed.1 / work.1);
    let mut list = Vec::new();
    for (width, _) in WIDTHS.into_iter().filter(|w| w.1 <= largest) {
        let dir = scratch.join(format!("mlp-{width}"));
        let onnx = mlp(width);
        let request = CompileRequest {
            onnx: &onnx,
            spec: None,
            calibration: None,
            options: Options::default(),
            slots: 1,
            salt: None,
        };
        let (model, _) = Model::compile(request, &dir)?;
        let size = &model.manifest().direct;
        let keys = stage("keys", &dir, &cache)?;
        let direct = stage("direct", &dir, &cache)?;
        let number = |value: &Value, name: &str| value[name].as_f64().ok_or("a figure is missing");
        list.push(Measured {
            counts: Counts::of_inference(size.k, size.circuit_shape()),
            keys: number(&keys, "cpu_s")?,
            proof: number(&direct, "cpu_s")?,
            mib: number(&keys, "peak_mib")?.max(number(&direct, "peak_mib")?),
        });
    }
    let expected = |unit: (f64, f64), work: (f64, f64)| unit.0 * work.0 + unit.1 * work.1;
    let scaled = |unit: (f64, f64), f: (f64, f64)| Fit { fixed: f.0, commit: f.1 * unit.0, field: f.1 * unit.1 };
    let unit = units(proofs);
    let proof = scaled(unit, fit(&list, |m| m.proof, |c| expected(unit, c.proof_work())));
    let unit = units(of_keys);
    let keys = scaled(unit, fit(&list, |m| m.keys, |c| expected(unit, c.key_work())));
    let bytes = |c: &Counts| c.polynomials() * 32.0 * libm::exp2(f64::from(c.k)) / f64::from(1 << 20);
    let memory = fit(&list, |m| m.mib, bytes);
    println!("| k | key s | fitted | proof s | fitted | MiB | fitted |\n|---:|---:|---:|---:|---:|---:|---:|");
    for m in &list {
        let c = &m.counts;
        println!(
            "| {} | {:.3} | {:.3} | {:.3} | {:.3} | {:.0} | {:.0} |",
            c.k,
            m.keys,
            seconds(keys, c.key_work()),
            m.proof,
            seconds(proof, c.proof_work()),
            m.mib,
            memory.0 + memory.1 * bytes(c),
        );
    }
    let constant = |name: &str, f: Fit| {
        println!(
            "pub const {name}: Fit = Fit {{ fixed: {:.4}, commit: {:.3e}, field: {:.3e} }};",
            f.fixed, f.commit, f.field
        );
    };
    println!();
    constant("PROOF", proof);
    constant("KEYS", keys);
    println!("pub const MEMORY_FIXED: f64 = {:.1};\npub const MEMORY_SHARE: f64 = {:.3};", memory.0, memory.1);
    println!("pub const REFERENCE_PROBE: f64 = {:.5};", proofs.0 + proofs.1);
    println!("pub const REFERENCE_KEY_PROBE: f64 = {:.5};", of_keys.0 + of_keys.1);
    Ok(())
}

/// CPU seconds of all threads of this process so far.
fn cpu_seconds() -> f64 {
    let threads = std::fs::read_dir("/proc/self/task").into_iter().flatten().flatten();
    let busy = |thread: std::fs::DirEntry| {
        let text = std::fs::read_to_string(thread.path().join("schedstat")).ok()?;
        text.split_whitespace().next()?.parse::<f64>().ok()
    };
    threads.filter_map(busy).sum::<f64>() / 1e9
}

fn stage(name: &str, dir: &Path, cache: &Path) -> Outcome<Value> {
    let program = std::env::current_exe()?.with_file_name("stages");
    let output = Command::new(program).arg(name).arg(dir).arg(cache).output()?;
    if !output.status.success() {
        return Err(String::from_utf8_lossy(&output.stderr).into_owned().into());
    }
    Ok(serde_json::from_slice(&output.stdout)?)
}

/// `fixed + factor · work` by least squares of the relative errors; `fixed` is not below 0.
fn fit(list: &[Measured], measured: impl Fn(&Measured) -> f64, work: impl Fn(&Counts) -> f64) -> (f64, f64) {
    // Divided by what was measured: fixed · u + factor · v = 1.
    let rows: Vec<(f64, f64)> = list.iter().map(|m| (1.0 / measured(m), work(&m.counts) / measured(m))).collect();
    let sum = |f: &dyn Fn(&(f64, f64)) -> f64| rows.iter().map(f).sum::<f64>();
    let (uu, uv, vv, u, v) =
        (sum(&|r| r.0 * r.0), sum(&|r| r.0 * r.1), sum(&|r| r.1 * r.1), sum(&|r| r.0), sum(&|r| r.1));
    let fixed = (u * vv - v * uv) / (uu * vv - uv * uv);
    if fixed.is_finite() && fixed > 0.0 { (fixed, (v - uv * fixed) / vv) } else { (0.0, v / vv) }
}

/// `16 → width → width → 3` with reproducible weights.
fn mlp(width: usize) -> Vec<u8> {
    let mut state = 1_u64;
    let mut weights = |name: &str, dims: [usize; 2]| {
        let mut next = || {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            ((state >> 40) as f32 / (1 << 23) as f32 - 1.0) / (dims[0] as f32).sqrt()
        };
        TensorProto {
            name: name.into(),
            dims: dims.iter().map(|d| *d as i64).collect(),
            data_type: DataType::Float as i32,
            raw_data: (0..dims[0] * dims[1]).flat_map(|_| next().to_le_bytes()).collect(),
            ..Default::default()
        }
    };
    let initializer = vec![weights("w1", [16, width]), weights("w2", [width, width]), weights("w3", [width, 3])];
    let node = |op: &str, inputs: &[&str], output: &str| NodeProto {
        op_type: op.into(),
        name: output.into(),
        input: inputs.iter().map(|s| (*s).to_owned()).collect(),
        output: vec![output.into()],
        ..Default::default()
    };
    let node = vec![
        node("MatMul", &["x", "w1"], "h1"),
        node("Relu", &["h1"], "a1"),
        node("MatMul", &["a1", "w2"], "h2"),
        node("Relu", &["h2"], "a2"),
        node("MatMul", &["a2", "w3"], "y"),
    ];
    let (input, output) = (vec![info("x", 16)], vec![info("y", 3)]);
    let graph = GraphProto { name: "mlp".into(), node, initializer, input, output, ..Default::default() };
    let opset_import = vec![OperatorSetIdProto { domain: String::new(), version: 13 }];
    ModelProto { ir_version: 8, opset_import, graph: Some(graph), ..Default::default() }.encode_to_vec()
}

fn info(name: &str, width: i64) -> ValueInfoProto {
    let dim = |d: i64| tensor_shape_proto::Dimension {
        value: Some(tensor_shape_proto::dimension::Value::DimValue(d)),
        ..Default::default()
    };
    let shape = TensorShapeProto { dim: vec![dim(1), dim(width)] };
    let tensor = type_proto::Tensor { elem_type: DataType::Float as i32, shape: Some(shape) };
    let kind = TypeProto { value: Some(type_proto::Value::TensorType(tensor)), ..Default::default() };
    ValueInfoProto { name: name.into(), r#type: Some(kind), ..Default::default() }
}
