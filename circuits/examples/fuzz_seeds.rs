//! Writes what the fuzz targets start from: the zoo's small models and their encoded programs, to `fuzz/corpus/onnx` and `fuzz/corpus/program`.
#![allow(clippy::print_stdout, reason = "a program")]

use std::path::Path;

use dodona_circuits::quant::{Options, compile};

/// Larger files are mutated too slowly to be of use: bytes of a model, and of a program.
const MAX_BYTES: (usize, usize) = (8 << 10, 16 << 10);

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let corpus = |target: &str| root.join("fuzz/corpus").join(target);
    for target in ["onnx", "program"] {
        std::fs::create_dir_all(corpus(target))?;
    }
    let (mut models, mut programs) = (0, 0);
    for entry in std::fs::read_dir(root.join("../models/zoo"))? {
        let file = entry?.path();
        if file.extension().is_none_or(|e| e != "onnx") {
            continue;
        }
        let name = file.file_stem().unwrap_or_default();
        let onnx = std::fs::read(&file)?;
        if onnx.len() > MAX_BYTES.0 {
            continue;
        }
        std::fs::write(corpus("onnx").join(name), &onnx)?;
        models += 1;
        let program = compile(&onnx, None, None, &Options::default())?.program.to_bytes();
        if program.len() <= MAX_BYTES.1 {
            std::fs::write(corpus("program").join(name), program)?;
            programs += 1;
        }
    }
    println!("{models} models, {programs} programs");
    Ok(())
}
