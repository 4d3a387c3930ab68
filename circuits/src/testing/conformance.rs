//! `op_conformance!`: an op against independent ground truth, through every layer.
//!
//! For each input: tract's float run agrees with the integer interpreter within a tolerance; the circuit accepts the interpreter's witness; and every
//! output word changed alone is refused.

use std::sync::Arc;

use halo2_proofs::halo2curves::bn256::Fr;

use super::failures;
use crate::inference::Shape;
use crate::inference::layout::{Layout, SourceInput, SourceKind, Task};
use crate::model::FloatModel;
use crate::quant::program::Step;
use crate::quant::{Calibration, Options, compile};

/// One op's case.
pub struct Case {
    /// The model.
    pub onnx: Vec<u8>,
    /// Inputs in reals, all ONNX inputs concatenated; also the calibration.
    pub inputs: Vec<Vec<f64>>,
    /// Largest error, as a share of the largest magnitude of the expected outputs (at least 1e-3 is taken for that).
    pub tolerance: f64,
    /// Expected outputs; `None` takes tract's.
    pub expected: Option<Vec<Vec<f64>>>,
}

impl Case {
    /// A case against tract, within 0.1 %.
    pub fn new(onnx: Vec<u8>, inputs: Vec<Vec<f64>>) -> Self {
        Self { onnx, inputs, tolerance: 1e-3, expected: None }
    }

    /// Another tolerance.
    pub fn within(self, tolerance: f64) -> Self {
        Self { tolerance, ..self }
    }

    /// Known answers instead of tract's (for ops that tract lacks).
    pub fn expecting(self, expected: Vec<Vec<f64>>) -> Self {
        Self { expected: Some(expected), ..self }
    }

    /// Runs the case.
    ///
    /// # Panics
    /// Where a layer disagrees.
    pub fn check(self) {
        let scales = crate::quant::compile::default_scales(&self.onnx).unwrap();
        let samples = Calibration::from_reals(&self.inputs, &scales).unwrap();
        let compiled = compile(&self.onnx, None, Some(&samples), &Options::default()).unwrap();
        let expected = self.expected.clone().unwrap_or_else(|| self.tract(&compiled, &samples));
        let size = expected.iter().flatten().fold(1e-3f64, |m, v| m.max(v.abs()));
        for ((index, raw), expected) in samples.samples.iter().enumerate().zip(&expected) {
            let run = compiled.program.evaluate(raw).unwrap();
            let got = compiled.reals(&run.outputs);
            assert_eq!(got.len(), expected.len(), "outputs of input {index}");
            for (i, (got, want)) in got.iter().zip(expected).enumerate() {
                let error = (got - want).abs() / size;
                assert!(error <= self.tolerance, "input {index}, output {i}: expected {want}, got {got} ({error:.2e})");
            }
        }
        prove(&compiled.program, &samples.samples[0]);
        if let Some(last) = samples.samples.last() {
            prove(&compiled.program, last);
        }
    }

    fn tract(&self, compiled: &crate::quant::Compiled, samples: &Calibration) -> Vec<Vec<f64>> {
        let float = FloatModel::from_onnx(&self.onnx).unwrap();
        let run = |raw: &Vec<i64>| {
            let outputs = float.run_flat(&compiled.spec.clamped_reals(raw)).unwrap();
            outputs.into_iter().map(f64::from).collect()
        };
        samples.samples.iter().map(run).collect()
    }
}

/// Both shapes of the circuit accept the interpreter's run, and no other output word.
fn prove(program: &crate::quant::program::Program, raw: &[i64]) {
    prove_shape(program, raw, false);
    if program.steps.iter().any(|step| matches!(step, Step::Block(_) | Step::MatMul(_))) {
        prove_shape(program, raw, true);
    }
}

fn prove_shape(program: &crate::quant::program::Program, raw: &[i64], wide: bool) {
    let task = Task {
        program: Arc::new(program.clone()),
        sources: vec![SourceKind::Public],
        slots: 1,
        commit_outputs: false,
        shape: Shape::direct(0, wide),
        salt: Fr::from(5),
    };
    let task = Task { shape: Shape::direct(task.words_used(), wide), ..task };
    let input = vec![vec![SourceInput { values: raw.to_vec(), salt: Fr::from(0) }]];
    let honest = Layout::new(&task, Fr::from(42), &input, None).unwrap();
    assert_eq!(failures(&honest), Vec::<String>::new());
    let first = honest.words.len() - program.outputs.len().div_ceil(3);
    for word in first..honest.words.len() {
        let mut forged = honest.clone();
        forged.words[word] += Fr::one();
        forged.values[word].a[0] += Fr::one();
        assert!(!failures(&forged).is_empty(), "word {word} forged");
    }
}

/// `op_conformance! { name: case, … }`: one test a case.
macro_rules! op_conformance {
    ($($name:ident: $case:expr),+ $(,)?) => {
        $(
            #[test]
            fn $name() {
                $case.check();
            }
        )+
    };
}
pub(crate) use op_conformance;
