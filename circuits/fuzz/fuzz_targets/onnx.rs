//! Any bytes as an ONNX file: an error or a program whose bounds hold, never a panic.
#![no_main]

mod mutate;

use dodona_circuits::model::Graph;
use dodona_circuits::quant::{Options, bounds, compile};
use libfuzzer_sys::{fuzz_mutator, fuzz_target, fuzzer_mutate};

/// Larger graphs are sound and slow.
const MAX_WIDTH: usize = 1024;

fuzz_target!(|bytes: &[u8]| {
    let Ok(graph) = Graph::from_onnx(bytes) else { return };
    if graph.input_width() > MAX_WIDTH || graph.nodes.len() > 100 {
        return;
    }
    if let Ok(compiled) = compile(bytes, None, None, &Options::default()) {
        bounds::check(&compiled.program).expect("a compiled program's bounds hold");
        let inputs = vec![0; compiled.program.inputs()];
        compiled.program.evaluate(&inputs).expect("a compiled program runs on every input");
    }
});

fuzz_mutator!(|data: &mut [u8], size: usize, max_size: usize, seed: u32| {
    let mut draw = mutate::Draw::new(seed);
    if draw.below(8) > 0
        && let Some(bytes) = mutate::mutated(&data[..size], &mut draw)
        && bytes.len() <= max_size
    {
        data[..bytes.len()].copy_from_slice(&bytes);
        return bytes.len();
    }
    fuzzer_mutate(data, size, max_size)
});
