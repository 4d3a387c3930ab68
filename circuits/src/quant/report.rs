//! What quantising cost: error against the float model, saturation, widths, size.

use serde::{Deserialize, Serialize};

use crate::model::float::FloatModel;

use super::builder::operand_rows;
use super::program::{LANES, Linear, Program, Step};
use super::{Calibration, Compiled, QuantError};

/// One materialisation: the values of one node that became wires.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LayerReport {
    /// Name of the ONNX node, `input` or `output`.
    pub node: String,
    /// What was done: `rescale`, `relu`, `clip`, or a function's name.
    pub kind: String,
    /// Values materialised.
    pub values: usize,
    /// Largest absolute value that the circuit's bounds allow, in reals.
    pub bound: f64,
    /// Largest absolute value seen in calibration, in reals.
    pub calibrated: Option<f64>,
    /// Values that saturate at a multiple of their calibrated magnitude.
    pub saturating: usize,
    /// Lanes and function reads emitted.
    pub lanes: usize,
}

impl LayerReport {
    pub(super) fn new(node: &str, kind: &str) -> Self {
        let (node, kind) = (node.into(), kind.into());
        Self { node, kind, values: 0, bound: 0.0, calibrated: None, saturating: 0, lanes: 0 }
    }

    pub(super) fn add(&mut self, bound: f64, calibrated: Option<f64>) {
        self.values += 1;
        self.bound = self.bound.max(bound);
        self.calibrated = match (self.calibrated, calibrated) {
            (Some(a), Some(b)) => Some(a.max(b)),
            (a, b) => a.or(b),
        };
    }

    pub(super) fn close(&mut self, steps: &[Step]) {
        self.lanes = steps.iter().map(Step::outputs).sum();
    }
}

/// Size of a program.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Size {
    /// Input values.
    pub inputs: usize,
    /// Steps.
    pub steps: usize,
    /// Lanes of linear steps.
    pub lanes: usize,
    /// Function reads.
    pub functions: usize,
    /// Weights, zeros included.
    pub weights: usize,
    /// Entries of all tables.
    pub table_entries: usize,
    /// Estimated rows: `ceil((operands + 1) / 3)` a linear step, one a lane, two a function read.
    pub rows: usize,
}

impl Size {
    /// Counts a program.
    pub fn of(program: &Program) -> Self {
        let table_entries = program.tables.iter().map(|t| t.entries.len()).sum();
        let (inputs, steps) = (program.inputs(), program.steps.len());
        let mut size = Self { inputs, steps, lanes: 0, functions: 0, weights: 0, table_entries, rows: 0 };
        for step in &program.steps {
            let lanes = step.outputs();
            match step {
                Step::Linear(l) => {
                    size.lanes += lanes;
                    size.weights += lanes * l.operands.len();
                    size.rows += operand_rows(l.operands.len()) + product_rows(l) + lanes;
                }
                Step::Function(_) => {
                    size.functions += 1;
                    size.rows += 2;
                }
                Step::Divide(_) | Step::Sqrt(_) => {
                    size.lanes += 3;
                    size.rows += 6;
                }
                Step::Block(b) => {
                    size.lanes += lanes;
                    size.weights += b.width * b.lanes.len();
                    let steps = b.lanes.len().div_ceil(LANES);
                    size.rows += b.vectors() * (steps * operand_rows(b.width) + b.lanes.len());
                }
                Step::MatMul(m) => {
                    size.lanes += lanes;
                    size.rows += lanes * (m.inner.div_ceil(2) + 1);
                }
            }
        }
        size
    }
}

/// Rows of a step's products: two neighbours of one weight share one.
fn product_rows(linear: &Linear) -> usize {
    let same = |i: usize| linear.lanes.iter().all(|lane| lane.products.get(i) == lane.products.get(i + 1));
    let (mut i, mut rows) = (0, 0);
    while i < linear.products.len() {
        i += if i + 1 < linear.products.len() && same(i) { 2 } else { 1 };
        rows += 1;
    }
    rows
}

/// One output against the float model, over the samples of the report.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct OutputReport {
    /// The output's name.
    pub name: String,
    /// Units per 1.0.
    pub scale: u64,
    /// Smallest answer, in reals.
    pub min: f64,
    /// Largest answer, in reals.
    pub max: f64,
    /// Largest absolute error, in reals.
    pub max_error: f64,
    /// Mean absolute error, in reals.
    pub mean_error: f64,
}

/// Everything measured about a compiled model.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Report {
    /// Samples measured.
    pub samples: usize,
    /// Errors and ranges of the outputs.
    pub outputs: Vec<OutputReport>,
    /// Samples of which an input was clamped to the declared domain. The float model sees the clamped input.
    pub clamped_samples: usize,
    /// Samples on which something saturated inside.
    pub saturated_samples: usize,
    /// Values that saturate at a multiple of their calibrated magnitude, in all layers.
    pub saturating_values: usize,
    /// What was materialised, node by node.
    pub layers: Vec<LayerReport>,
    /// Size of the program.
    pub size: Size,
    /// Keccak-256 of the program, hex.
    pub quant_hash: String,
}

impl Report {
    /// Runs program and float model on `samples` and compares.
    ///
    /// # Errors
    /// A sample of the wrong width or range, or a float model that does not run.
    pub fn measure(compiled: &Compiled, float: &FloatModel, samples: &Calibration) -> Result<Self, QuantError> {
        let outputs = compiled.spec.outputs.iter().map(|o| OutputReport {
            name: o.name.clone(),
            scale: o.scale,
            min: f64::INFINITY,
            max: f64::NEG_INFINITY,
            max_error: 0.0,
            mean_error: 0.0,
        });
        let mut report = Self {
            samples: samples.samples.len(),
            outputs: outputs.collect(),
            clamped_samples: 0,
            saturated_samples: 0,
            saturating_values: compiled.layers.iter().map(|l| l.saturating).sum(),
            layers: compiled.layers.clone(),
            size: Size::of(&compiled.program),
            quant_hash: hex::encode(compiled.program.quant_hash()),
        };
        for (index, sample) in samples.samples.iter().enumerate() {
            let expected = compiled.program.inputs();
            if sample.len() != expected {
                return Err(QuantError::CalibrationWidth { sample: index, expected, got: sample.len() });
            }
            report.add(compiled, float, sample)?;
        }
        if report.samples == 0 {
            // No samples: nothing was seen, and infinities are not JSON.
            report.outputs.iter_mut().for_each(|o| (o.min, o.max) = (0.0, 0.0));
        }
        Ok(report)
    }

    fn add(&mut self, compiled: &Compiled, float: &FloatModel, sample: &[i64]) -> Result<(), QuantError> {
        let run = compiled.program.evaluate(sample)?;
        self.clamped_samples += usize::from(!run.in_domain);
        self.saturated_samples += usize::from(!run.unsaturated);
        let answers = compiled.reals(&run.outputs);
        let floats = float.run_flat(&compiled.spec.clamped_reals(sample))?;
        if floats.len() != answers.len() {
            return Err(QuantError::OutputWidth { expected: answers.len(), got: floats.len() });
        }
        let n = self.samples as f64;
        for ((output, answer), expected) in self.outputs.iter_mut().zip(answers).zip(floats) {
            let error = (answer - f64::from(expected)).abs();
            output.min = output.min.min(answer);
            output.max = output.max.max(answer);
            output.max_error = output.max_error.max(error);
            output.mean_error += error / n;
        }
        Ok(())
    }
}
