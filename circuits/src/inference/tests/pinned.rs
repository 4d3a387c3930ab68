//! The verifying keys of the fixtures of both shapes, as text. A change of any gate, query, row or copy shows here; it also changes the digest of
//! every registered model, so it is made on purpose: raise `GATES_VERSION` and run the test once with `DODONA_PIN=1` in the environment.

use std::fmt::Write;
use std::path::Path;

use halo2_proofs::halo2curves::bn256::Fr;
use sha2::{Digest, Sha256};

use super::matrix;
use crate::aggregate::inner_protocol;
use crate::gadgets::RowKind;
use crate::inference::layout::Task;
use crate::inference::{InferenceCircuit, Layout, prover};
use crate::keys::{Silent, Srs};
use crate::testing::{inputs, layout, task};

const NARROW: &str = "src/inference/tests/pinned_key.txt";
const WIDE: &str = "src/inference/tests/pinned_wide_key.txt";

fn sha256(text: &str) -> String {
    hex::encode(Sha256::digest(text.as_bytes()))
}

fn key_as_text(layout: Layout) -> String {
    let circuit = InferenceCircuit::new(layout);
    let srs = Srs::dev(circuit.layout().k, &Silent).unwrap();
    let key = prover::verifying_key(srs.params(), &circuit).unwrap();
    let cs = key.cs();
    let mut text = String::new();
    let rows = &circuit.layout().rows;
    let used = rows.iter().filter(|row| row.kind != RowKind::Idle).count();
    writeln!(
        text,
        "shape {} k {} rows {} copies {}",
        circuit.layout().shape.id(),
        circuit.layout().k,
        used,
        circuit.layout().copies.len()
    )
    .unwrap();
    for gate in cs.gates() {
        writeln!(text, "gate {}", gate.name()).unwrap();
        for (i, poly) in gate.polynomials().iter().enumerate() {
            let digest = sha256(&format!("{poly:?}"));
            writeln!(text, "  {} | degree {} | {digest}", gate.constraint_name(i), poly.degree()).unwrap();
        }
    }
    for (i, point) in key.fixed_commitments().iter().enumerate() {
        writeln!(text, "fixed {i} {point:?}").unwrap();
    }
    for (i, point) in key.permutation().commitments().iter().enumerate() {
        writeln!(text, "permutation {i} {point:?}").unwrap();
    }
    writeln!(text, "pinned {}", sha256(&format!("{:?}", key.pinned()))).unwrap();
    text
}

fn assert_pinned(layout: Layout, file: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(file);
    let got = key_as_text(layout);
    if std::env::var_os("DODONA_PIN").is_some() {
        std::fs::write(&path, &got).unwrap();
    }
    let expected = std::fs::read_to_string(&path).unwrap();
    assert_eq!(got, expected, "the key changed: see the head of this file");
}

#[test]
fn verifying_key_is_the_pinned_one() {
    assert_pinned(layout([0; 8]), NARROW);
}

#[test]
fn wide_verifying_key_is_the_pinned_one() {
    assert_pinned(matrix::layout([0; 8]), WIDE);
}

#[test]
fn key_does_not_depend_on_values() {
    let srs = Srs::dev(11, &Silent).unwrap();
    for layout in [layout, matrix::layout] {
        let key = |values| {
            let circuit = InferenceCircuit::new(layout(values));
            format!("{:?}", prover::verifying_key(srs.params(), &circuit).unwrap().pinned())
        };
        assert_eq!(key([0; 8]), key([-1, 1 << 38, 5, -7, 1 << 20, 3, 2, -(1 << 39)]));
    }
}

#[test]
fn salt_changes_one_fixed_commitment_and_nothing_that_is_proved() {
    let srs = Srs::dev(11, &Silent).unwrap();
    let with = |salt: u64| {
        let task = Task { salt: Fr::from(salt), ..task() };
        let layout = Layout::new(&task, Fr::from(42), &inputs([0; 8]), None).unwrap();
        prover::verifying_key(srs.params(), &InferenceCircuit::new(layout)).unwrap()
    };
    let (plain, salted) = (with(0), with(4712));
    let changed = plain.fixed_commitments().iter().zip(salted.fixed_commitments()).filter(|(a, b)| a != b).count();
    assert_eq!(changed, 1);
    assert_eq!(plain.permutation().commitments(), salted.permutation().commitments());
}

#[test]
fn challenges_are_squeezed_after_the_first_phase_and_before_the_sums() {
    let srs = Srs::dev(11, &Silent).unwrap();
    // What the outer circuit and the generated verifiers follow: 8 commitments, then alpha and beta, then those of the running sums; in the wide shape tau and
    // nu besides, and those of the matrix checks' sums.
    for (layout, sums, challenges) in [(layout([0; 8]), 2, 2), (matrix::layout([0; 8]), 5, 4)] {
        let circuit = InferenceCircuit::new(layout);
        let key = prover::verifying_key(srs.params(), &circuit).unwrap();
        let protocol = inner_protocol(&srs, &key, circuit.words().len()).unwrap();
        assert_eq!(protocol.num_witness[..2], [8, sums], "{:?}", protocol.num_witness);
        assert_eq!(protocol.num_challenge[0], challenges, "{:?}", protocol.num_challenge);
    }
}
