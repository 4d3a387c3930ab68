//! What quantising cost: error against the float model, saturation, widths, size.

use serde::{Deserialize, Serialize};

use crate::model::float::FloatModel;
use crate::model::spec::OutputSpec;

use super::builder::operand_rows;
use super::heads::{Head, HeadKind};
use super::probe::{LayerError, OBSERVED, Observed, errors};
use super::program::{LANES, Linear, Program, Step};
use super::{Calibration, Compiled, QuantError, samples};

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
    /// Estimated rows: `ceil((operands + 1) / 4)` a linear step, one a lane, two a function read.
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

/// One output against the float model, over the samples of the report. Errors are absent where the float model cannot be run.
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
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_error: Option<f64>,
    /// Mean absolute error, in reals.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mean_error: Option<f64>,
    /// Largest error as a share of the range that the float model's answers span; absent if they are all alike.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_share: Option<f64>,
    /// Mean error as such a share.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mean_share: Option<f64>,
    /// How the errors are spread.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub histogram: Option<Histogram>,
    /// `[float, integer]` of the first samples, for a plot.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub points: Vec<[f64; 2]>,
}

/// Signed errors in buckets of equal width over `[-limit, limit]`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Histogram {
    /// The largest absolute error.
    pub limit: f64,
    /// Samples in each bucket.
    pub counts: Vec<usize>,
}

/// Where the samples come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SampleOrigin {
    /// Given, as typical inputs.
    Calibration,
    /// Drawn from the declared domain: corners, then uniform.
    Domain,
}

/// How often program and float model name different classes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Classification {
    /// Name of the graph's output.
    pub output: String,
    /// How classes are read off.
    pub kind: HeadKind,
    /// Samples on which the class differs.
    pub disagreements: usize,
    /// The same as a share of all samples.
    pub share: f64,
}

/// Everything measured about a compiled model.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Report {
    /// Samples measured.
    pub samples: usize,
    /// Where they come from.
    pub sample_origin: SampleOrigin,
    /// Why there is no float model to compare with; absent where there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub no_reference: Option<String>,
    /// Errors and ranges of the outputs.
    pub outputs: Vec<OutputReport>,
    /// Outputs that are classes.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub classification: Vec<Classification>,
    /// Samples of which an input was clamped to the declared domain. The float model sees the clamped input.
    pub clamped_samples: usize,
    /// Samples on which something saturated inside.
    pub saturated_samples: usize,
    /// Values that saturate at a multiple of their calibrated magnitude, in all layers.
    pub saturating_values: usize,
    /// What was materialised, node by node.
    pub layers: Vec<LayerReport>,
    /// Errors of the nodes' values, in the graph's order, over samples whose answers carry no flag. Empty without a float model that tells them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub errors: Vec<LayerError>,
    /// Size of the program.
    pub size: Size,
    /// Keccak-256 of the program, hex; with the salt before it for a private model.
    pub quant_hash: String,
}

/// Samples that a plot shows at most.
const POINTS: usize = 400;
/// Outputs that are plotted at most.
const PLOTTED: usize = 16;
/// Buckets of a histogram.
const BUCKETS: usize = 21;
/// Scores whose sums are this near to 1 on all samples are probabilities of classes.
const SUM_TOLERANCE: f64 = 1e-3;

impl Report {
    /// Runs program and float model on `samples` and compares.
    ///
    /// # Errors
    /// A sample of the wrong width or range, or a float model that does not run.
    pub fn measure(compiled: &Compiled, float: &FloatModel, samples: &Calibration) -> Result<Self, QuantError> {
        let run = |sample: &Vec<i64>| floats_of(compiled, float, sample);
        let floats = samples.samples.iter().map(run).collect::<Result<Vec<_>, _>>()?;
        Self::compare(compiled, Ok((float.clone(), floats)), samples, SampleOrigin::Calibration)
    }

    /// As [`Self::measure`], but never refused for the float model's sake: where tract cannot run the file, the report says why and has no
    /// errors. Without `calibration`, samples are drawn from the declared domain.
    ///
    /// # Errors
    /// A sample of the wrong width or range.
    pub fn of(compiled: &Compiled, onnx: &[u8], calibration: Option<&Calibration>) -> Result<Self, QuantError> {
        let drawn;
        let (samples, origin) = match calibration.filter(|c| !c.samples.is_empty()) {
            Some(given) => (given, SampleOrigin::Calibration),
            None => {
                drawn = samples::draw(&compiled.spec, drawn_samples(&compiled.program));
                (&drawn, SampleOrigin::Domain)
            }
        };
        let floats = FloatModel::from_onnx(onnx).map_err(QuantError::from).and_then(|float| {
            let run = |sample: &Vec<i64>| floats_of(compiled, &float, sample);
            let floats = samples.samples.iter().map(run).collect::<Result<Vec<_>, _>>()?;
            Ok((float, floats))
        });
        Self::compare(compiled, floats.map_err(|error| error.to_string()), samples, origin)
    }

    fn compare(
        compiled: &Compiled,
        floats: Result<(FloatModel, Vec<Vec<f64>>), String>,
        samples: &Calibration,
        sample_origin: SampleOrigin,
    ) -> Result<Self, QuantError> {
        let (float, floats, no_reference) = match floats {
            Ok((float, floats)) => (Some(float), Some(floats), None),
            Err(reason) => (None, None, Some(reason)),
        };
        let mut report = Self {
            samples: samples.samples.len(),
            sample_origin,
            no_reference,
            outputs: Vec::new(),
            classification: Vec::new(),
            clamped_samples: 0,
            saturated_samples: 0,
            saturating_values: compiled.layers.iter().map(|l| l.saturating).sum(),
            layers: compiled.layers.clone(),
            errors: Vec::new(),
            size: Size::of(&compiled.program),
            quant_hash: hex::encode(compiled.program.quant_hash()),
        };
        let mut answers = Vec::with_capacity(report.samples);
        let mut observed = Vec::new();
        for (index, sample) in samples.samples.iter().enumerate() {
            let expected = compiled.program.inputs();
            if sample.len() != expected {
                return Err(QuantError::CalibrationWidth { sample: index, expected, got: sample.len() });
            }
            let run = compiled.program.evaluate(sample)?;
            report.clamped_samples += usize::from(!run.in_domain);
            report.saturated_samples += usize::from(!run.unsaturated);
            answers.push(compiled.reals(&run.outputs));
            if float.is_some() && run.in_domain && run.unsaturated && observed.len() < OBSERVED {
                observed.push(Observed::new(&compiled.probes, compiled.spec.clamped_reals(sample), &run.wires));
            }
        }
        if let Some(float) = float {
            // tract may refuse to tell what is inside a model that it runs.
            report.errors = errors(&compiled.probes, &float, &observed).unwrap_or_default();
        }
        let floats = floats.as_deref();
        report.outputs = compiled
            .spec
            .outputs
            .iter()
            .enumerate()
            .map(|(index, output)| OutputReport::new(index, output, &answers, floats))
            .collect();
        if let Some(floats) = floats {
            report.classification = classification(&compiled.heads, &answers, floats);
        }
        Ok(report)
    }

    /// The largest error as a share of its output's range, with the output's place; `None` without a reference.
    pub fn worst(&self) -> Option<(usize, f64)> {
        let share = |(i, o): (usize, &OutputReport)| Some((i, o.max_share.or(o.max_error)?));
        self.outputs.iter().enumerate().filter_map(share).max_by(|a, b| a.1.total_cmp(&b.1))
    }
}

fn floats_of(compiled: &Compiled, float: &FloatModel, sample: &[i64]) -> Result<Vec<f64>, QuantError> {
    let expected = compiled.spec.outputs.len();
    let floats = float.run_flat(&compiled.spec.clamped_reals(sample))?;
    if floats.len() != expected {
        return Err(QuantError::OutputWidth { expected, got: floats.len() });
    }
    Ok(floats.into_iter().map(f64::from).collect())
}

/// Fewer samples for larger programs, so that a report never takes much longer than the compilation.
fn drawn_samples(program: &Program) -> usize {
    (20_000_000 / Size::of(program).rows.max(1)).clamp(16, 256)
}

impl OutputReport {
    fn new(index: usize, output: &OutputSpec, answers: &[Vec<f64>], floats: Option<&[Vec<f64>]>) -> Self {
        let column = |rows: &[Vec<f64>]| rows.iter().filter_map(|row| row.get(index)).copied().collect::<Vec<f64>>();
        let ours = column(answers);
        let (min, max) = range(&ours);
        let mut report = Self {
            name: output.name.clone(),
            scale: output.scale,
            min,
            max,
            max_error: None,
            mean_error: None,
            max_share: None,
            mean_share: None,
            histogram: None,
            points: Vec::new(),
        };
        if let Some(theirs) = floats.map(column) {
            report.compare(&ours, &theirs, index < PLOTTED);
        }
        report
    }

    fn compare(&mut self, ours: &[f64], theirs: &[f64], plotted: bool) {
        let errors: Vec<f64> = ours.iter().zip(theirs).map(|(a, b)| a - b).collect();
        // A float model that overflows has no error: infinities are not JSON.
        let finite = errors.iter().copied().filter(|e| e.is_finite());
        let limit = finite.clone().map(f64::abs).fold(0.0, f64::max);
        let mean = finite.clone().map(f64::abs).sum::<f64>() / (finite.clone().count().max(1) as f64);
        let (lo, hi) = range(theirs);
        let share = |error: f64| (hi > lo).then(|| error / (hi - lo));
        (self.max_error, self.mean_error) = (Some(limit), Some(mean));
        (self.max_share, self.mean_share) = (share(limit), share(mean));
        if plotted {
            self.histogram = Some(Histogram::new(&finite.collect::<Vec<_>>(), limit));
            let pairs = theirs.iter().zip(ours).map(|(a, b)| [*a, *b]).filter(|p| p.iter().all(|v| v.is_finite()));
            self.points = pairs.take(POINTS).collect();
        }
    }
}

impl Histogram {
    fn new(errors: &[f64], limit: f64) -> Self {
        let mut counts = vec![0; BUCKETS];
        for error in errors {
            let place = if limit > 0.0 { (error / limit + 1.0) / 2.0 } else { 0.5 };
            let bucket = ((place * BUCKETS as f64) as usize).min(BUCKETS - 1);
            counts[bucket] += 1;
        }
        Self { limit, counts }
    }
}

/// Smallest and largest finite value; 0 and 0 if there is none.
pub(super) fn range(values: &[f64]) -> (f64, f64) {
    let finite = values.iter().copied().filter(|v| v.is_finite());
    finite
        .fold(None, |r: Option<(f64, f64)>, v| Some(r.map_or((v, v), |(a, b)| (a.min(v), b.max(v)))))
        .unwrap_or((0.0, 0.0))
}

fn classification(heads: &[Head], ours: &[Vec<f64>], theirs: &[Vec<f64>]) -> Vec<Classification> {
    let sums_to_one = |head: &Head| {
        let sum = |row: &Vec<f64>| head.of(row).is_some_and(|v| (v.iter().sum::<f64>() - 1.0).abs() < SUM_TOLERANCE);
        head.width > 1 && !theirs.is_empty() && theirs.iter().all(sum)
    };
    let report = |head: &Head| {
        let kind = if head.kind == HeadKind::Numbers && sums_to_one(head) { HeadKind::Scores } else { head.kind };
        let differs = ours.iter().zip(theirs).map(|(a, b)| head.disagrees(kind, a, b)).collect::<Option<Vec<_>>>()?;
        let disagreements = differs.iter().filter(|d| **d).count();
        let share = disagreements as f64 / differs.len().max(1) as f64;
        Some(Classification { output: head.name.clone(), kind, disagreements, share })
    };
    // Without a sample nothing can be said, and numbers are no classes.
    if ours.is_empty() { Vec::new() } else { heads.iter().filter_map(report).collect() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::fixture::{OnnxBuilder, mlp};
    use crate::quant::{Options, compile};

    fn report(onnx: &[u8]) -> Report {
        Report::of(&compile(onnx, None, None, &Options::default()).unwrap(), onnx, None).unwrap()
    }

    #[test]
    fn without_calibration_the_samples_come_from_the_domain() {
        let report = report(&mlp("Relu", vec![]));
        assert_eq!((report.sample_origin, report.samples, report.clamped_samples), (SampleOrigin::Domain, 256, 0));
        for output in &report.outputs {
            assert!(output.max_share.unwrap() < 1e-3 && output.mean_share <= output.max_share, "{output:?}");
            assert_eq!(output.histogram.as_ref().unwrap().counts.iter().sum::<usize>(), 256);
            assert_eq!(output.points.len(), 256);
        }
        assert!(report.worst().unwrap().1 > 0.0 && report.classification.is_empty());
        let text = serde_json::to_string(&report).unwrap();
        assert_eq!(serde_json::from_str::<Report>(&text).unwrap().size, report.size);
    }

    #[test]
    fn outputs_that_sum_to_one_are_classes() {
        let mut model = OnnxBuilder::new(&[1, 2]);
        model.weights("w", &[2, 2], &[1.0, -1.0, 0.5, -0.5]).weights("b", &[2], &[0.0, 1.0]);
        let report = report(&model.node("Gemm", &["x", "w", "b"], "y", vec![]).bytes(&[1, 2]));
        assert_eq!(report.classification.len(), 1);
        assert_eq!((report.classification[0].kind, report.classification[0].disagreements), (HeadKind::Scores, 0));
    }

    #[test]
    fn a_model_that_the_float_reference_cannot_run_has_a_report_without_errors() {
        let onnx = mlp("Relu", vec![]);
        let compiled = compile(&onnx, None, None, &Options::default()).unwrap();
        let report = Report::of(&compiled, b"no model", None).unwrap();
        assert!(report.no_reference.is_some() && report.worst().is_none());
        assert!(report.outputs.iter().all(|o| o.max_error.is_none() && o.points.is_empty() && o.max > o.min));
        let text = serde_json::to_string(&report).unwrap();
        assert!(!text.contains("max_error") && text.contains("no_reference"), "{text}");
    }

    #[test]
    fn a_histogram_counts_every_error_once() {
        let histogram = Histogram::new(&[-1.0, 0.0, 1.0, 0.02], 1.0);
        assert_eq!((histogram.counts[0], histogram.counts[10], histogram.counts[20]), (1, 2, 1));
        assert_eq!(Histogram::new(&[0.0; 3], 0.0).counts[10], 3);
    }
}
