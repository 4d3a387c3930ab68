//! Any bytes as a program: canonical or refused; if its bounds hold, it runs.
#![no_main]

use dodona_circuits::quant::bounds;
use dodona_circuits::quant::program::Program;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let Ok(program) = Program::from_bytes(bytes) else { return };
    assert_eq!(program.to_bytes(), bytes);
    if let Ok(wires) = bounds::check(&program) {
        let run = program.evaluate(&vec![0; program.inputs()]).expect("a checked program runs on every input");
        assert!(wires.iter().zip(&run.wires).all(|(bound, value)| bound.lo <= *value && *value <= bound.hi));
    }
});
