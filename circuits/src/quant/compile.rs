//! ONNX file, specification and calibration in; integer program out. A pure function of its arguments, the same on every machine.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::model::spec::{ModelSpec, OutputSpec, ResolvedField, ResolvedSource, ResolvedSpec, SourceKind};
use crate::model::tensor::Tensor;
use crate::model::{Attribute, Graph, ModelError, Node};
use crate::ops::{self, Value};

use super::QuantError;
use super::bounds;
use super::builder::{Builder, Finished};
use super::domain::{self, Expected};
use super::form::Form;
use super::heads::{Head, heads};
use super::layer::{Follower, Pool};
use super::probe::{Probe, Probes};
use super::program::{self, Program};
use super::report::LayerReport;
use super::synthetic;

/// Units per 1.0 of sources and outputs when there is no specification.
pub const DEFAULT_SCALE: u64 = 1 << 16;
/// Domain of real values when there is neither specification nor calibration, and the graph says nothing else.
pub const DEFAULT_DOMAIN: f64 = 16.0;

/// Domain of integer sources in that case.
pub const DEFAULT_INTEGERS: f64 = 32768.0;

/// Raw integer samples that are typical inputs: all sources concatenated, in units of their schemas.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Calibration {
    /// One row a sample.
    pub samples: Vec<Vec<i64>>,
}

/// A file of reals, in EZKL's form: rows of numbers or booleans. What else such files hold (shapes, expected outputs) is not read.
#[derive(Debug, Deserialize)]
pub struct RealsFile {
    input_data: Vec<Vec<Real>>,
}

#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(untagged)]
enum Real {
    Number(f64),
    Truth(bool),
}

impl RealsFile {
    /// Rows of `width` reals. Shorter rows are those of one ONNX input each: neighbours are joined up to the width.
    pub fn rows(&self, width: usize) -> Vec<Vec<f64>> {
        let real = |r: &Real| match *r {
            Real::Number(v) => v,
            Real::Truth(t) => f64::from(u8::from(t)),
        };
        let mut rows: Vec<Vec<f64>> = Vec::with_capacity(self.input_data.len());
        for part in &self.input_data {
            match rows.last_mut() {
                Some(row) if row.len() < width && row.len() + part.len() <= width => row.extend(part.iter().map(real)),
                _ => rows.push(part.iter().map(real).collect()),
            }
        }
        rows
    }
}

impl Calibration {
    /// Samples in reals, encoded as publishers do: `round_half_even(real · scale)`.
    ///
    /// # Errors
    /// A sample of another width than `scales`, or a value that is not finite or outside the raw range.
    pub fn from_reals(samples: &[Vec<f64>], scales: &[u64]) -> Result<Self, QuantError> {
        let encode = |(sample, row): (usize, &Vec<f64>)| {
            if row.len() != scales.len() {
                return Err(QuantError::CalibrationWidth { sample, expected: scales.len(), got: row.len() });
            }
            let raw = bounds::Interval::RAW;
            row.iter()
                .zip(scales)
                .map(|(&real, &scale)| {
                    let value = (real * scale as f64).round_ties_even();
                    let valid = value >= raw.lo as f64 && value <= raw.hi as f64;
                    if valid { Ok(value as i64) } else { Err(QuantError::Sample { sample, value: real, scale }) }
                })
                .collect()
        };
        Ok(Self { samples: samples.iter().enumerate().map(encode).collect::<Result<_, _>>()? })
    }

    /// Reads `{"input_data": [[real, …], …]}`; `scales` are those of the specification's fields. A row is a sample, or as many rows are as the model
    /// has ONNX inputs.
    ///
    /// # Errors
    /// JSON of another shape, or as [`Self::from_reals`].
    pub fn parse(json: &[u8], scales: &[u64]) -> Result<Self, QuantError> {
        let file: RealsFile = serde_json::from_slice(json)
            .map_err(|e| ModelError::Spec { what: "calibration".into(), reason: e.to_string() })?;
        Self::from_reals(&file.rows(scales.len()), scales)
    }
}

/// What compilation may decide.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Options {
    /// A saturated value keeps this many times its largest calibrated magnitude, or a quarter of the largest one of its call if that is more; at least 1.
    pub margin: f64,
    /// A value saturates when its interval bound exceeds this many times its largest calibrated magnitude; at least `margin`.
    pub saturate_above: f64,
    /// Calibration samples in use (the first ones).
    pub max_samples: usize,
}

impl Default for Options {
    fn default() -> Self {
        Self { margin: 8.0, saturate_above: 64.0, max_samples: 1024 }
    }
}

impl Options {
    fn check(&self) -> Result<(), QuantError> {
        if !(self.margin >= 1.0 && self.margin.is_finite()) {
            return Err(QuantError::Option { name: "margin", value: self.margin, accepted: "a finite number >= 1" });
        }
        if self.saturate_above.is_nan() || self.saturate_above < self.margin {
            let (name, value) = ("saturate_above", self.saturate_above);
            return Err(QuantError::Option { name, value, accepted: "a number >= margin" });
        }
        Ok(())
    }
}

/// Bits of an output's fraction, where its lane has room for them.
const OUTPUT_BITS: f64 = 24.0;

/// A compiled model.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Compiled {
    /// The integer program.
    pub program: Program,
    /// The specification as used: given, or filled with defaults.
    pub spec: ResolvedSpec,
    /// The options as used.
    pub options: Options,
    /// What was materialised, node by node.
    pub layers: Vec<LayerReport>,
    /// Where the program's steps come from, in order.
    pub origins: Vec<Origin>,
    /// What the graph's outputs mean, in order.
    pub heads: Vec<Head>,
    /// Values between layers, for the report; not kept in files.
    #[serde(skip)]
    pub probes: Vec<Probe>,
}

/// A run of steps that one node needed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Origin {
    /// Name of the ONNX node; `input`, `output` and `flags` for what the compiler adds.
    pub node: String,
    /// Its operation; the name again where it is no node of the graph.
    pub op: String,
    /// The first step.
    pub first: usize,
    /// The step after the last one.
    pub end: usize,
}

impl Compiled {
    /// Units per 1.0 of each output.
    pub fn output_scales(&self) -> Vec<f64> {
        self.spec.outputs.iter().map(|o| o.scale as f64).collect()
    }

    /// Outputs of [`Program::evaluate`] as reals.
    pub fn reals(&self, outputs: &[i64]) -> Vec<f64> {
        outputs.iter().zip(&self.spec.outputs).map(|(&v, o)| v as f64 / o.scale as f64).collect()
    }
}

/// Compiles an ONNX file.
///
/// # Errors
/// Whatever is refused: see [`ModelError`], [`crate::ops::OpError`] and [`QuantError`].
pub fn compile(
    onnx: &[u8],
    spec: Option<&ModelSpec>,
    calibration: Option<&Calibration>,
    options: &Options,
) -> Result<Compiled, QuantError> {
    options.check()?;
    let graph = Graph::from_onnx(onnx)?;
    let width = graph.input_width();
    let mut spec = match spec {
        Some(spec) => spec.resolve(),
        None => default_spec(&graph, calibration),
    };
    if spec.fields.len() != width {
        return Err(ModelError::SourceWidth { expected: width, got: spec.fields.len() }.into());
    }
    let given = calibration.filter(|c| !c.samples.is_empty());
    let drawn = if given.is_none() { Some(drawn(&graph, &spec)) } else { None };
    let options = if drawn.is_some() { synthetic::options(options) } else { options.clone() };
    let graph = graph.fused().with_moderate_masks();
    let lengths = spec.sources.iter().map(|s| s.length).collect();
    let mut builder = Builder::new(lengths, given.or(drawn.as_ref()), &options)?;
    let domains: Vec<(f64, f64)> = spec.fields.iter().map(|f| f.domain_units()).collect();
    let scales: Vec<f64> = spec.fields.iter().map(|f| f.scale as f64).collect();
    let inputs = builder.inputs(&domains, &scales)?;
    let Lowered { outputs, probes } = lower(&graph, inputs, &mut builder)?;
    let widths: Vec<usize> = outputs.iter().map(|(forms, _)| forms.len()).collect();
    if spec.outputs.is_empty() {
        let scales = outputs.iter().flat_map(|(forms, whole)| {
            let scale = if *whole { 1 } else { output_scale(&builder, forms) };
            vec![scale; forms.len()]
        });
        let named = |(i, scale)| OutputSpec { name: format!("output_{i}"), scale };
        spec.outputs = scales.enumerate().map(named).collect();
    }
    let outputs: Vec<Form> = outputs.into_iter().flat_map(|(forms, _)| forms).collect();
    if spec.outputs.len() != outputs.len() {
        return Err(QuantError::OutputWidth { expected: spec.outputs.len(), got: outputs.len() });
    }
    let scales: Vec<f64> = spec.outputs.iter().map(|o| o.scale as f64).collect();
    let Finished { program, layers, origins } = builder.finish(&outputs, &scales)?;
    bounds::check(&program)?;
    let origins = named(&graph, &origins, program.steps.len());
    let heads = heads(&graph, &widths);
    Ok(Compiled { program, spec, options, layers, origins, heads, probes })
}

/// Samples in place of calibration.
fn drawn(graph: &Graph, spec: &ResolvedSpec) -> Calibration {
    let declared = spec.sources.iter().any(|s| s.schema.is_some());
    let by_domain = || spec.fields.iter().map(|f| Expected::within(f.scale, f.domain)).collect();
    let expected: Vec<Expected> = if declared { by_domain() } else { domain::expected(graph) };
    synthetic::samples(&expected)
}

/// Runs of steps with the operations of their nodes; `steps` is the number of all.
fn named(graph: &Graph, origins: &[(usize, String)], steps: usize) -> Vec<Origin> {
    let ops: BTreeMap<&str, &str> = graph.nodes.iter().map(|n| (n.name.as_str(), n.op.as_str())).collect();
    let ends = origins.iter().skip(1).map(|o| o.0).chain([steps]);
    let origin = |((first, node), end): (&(usize, String), usize)| Origin {
        node: node.clone(),
        op: ops.get(node.as_str()).map_or_else(|| node.clone(), |op| (*op).to_owned()),
        first: *first,
        end,
    };
    origins.iter().zip(ends).map(origin).collect()
}

/// An output's elements, and whether they are integers.
type Output = (Vec<Form>, bool);

/// A graph run on forms.
struct Lowered {
    /// The outputs, in order.
    outputs: Vec<Output>,
    /// What nodes gave, in order.
    probes: Vec<Probe>,
}

/// Runs the graph on forms.
fn lower(graph: &Graph, inputs: Vec<Form>, builder: &mut Builder<'_>) -> Result<Lowered, QuantError> {
    let mut probes = Probes::new(graph);
    let mut values: BTreeMap<&str, Value> = BTreeMap::new();
    for (name, constant) in &graph.constants {
        values.insert(name, Value::from(constant.clone()));
    }
    let mut rest = inputs.into_iter();
    for input in &graph.inputs {
        let width = input.shape.iter().product();
        let data: Vec<Form> = rest.by_ref().take(width).collect();
        let got = data.len();
        let tensor = Tensor::new(input.shape.clone(), data);
        let tensor = tensor.ok_or(ModelError::SourceWidth { expected: width, got })?;
        values.insert(&input.name, Value::Live(tensor));
    }
    let followers = followers(graph);
    for node in &graph.nodes {
        builder.at_node(&node.name);
        let first = node.outputs.first().and_then(|name| followers.get(name.as_str()));
        builder.expect(first.cloned().unwrap_or_default());
        let results = ops::lower(builder, node, |name| values.get(name))?;
        for (name, mut value) in node.outputs.iter().zip(results) {
            // A residual stream: a branch reads it and the sum goes on, so that its terms would grow from branch to branch.
            if let Value::Live(sums) = &value
                && node.op == "Add"
                && node.domain.is_empty()
                && !followers.contains_key(name.as_str())
            {
                let data = builder.shared_sums(sums.data())?;
                let (expected, got) = (sums.len(), data.len());
                let tensor = Tensor::new(sums.shape().to_vec(), data);
                value = Value::Live(tensor.ok_or(QuantError::Malformed { what: "shared sums", expected, got })?);
            }
            // A form weighs as much as a few terms.
            builder.charge(4 * value.shape().iter().product::<usize>())?;
            values.insert(name, value);
        }
        if let Some(value) = node.outputs.first().and_then(|name| values.get(name.as_str())) {
            probes.add(builder, node, value);
        }
    }
    let mut outputs = Vec::new();
    for name in &graph.outputs {
        let value = values
            .get(name.as_str())
            .ok_or_else(|| ModelError::UnknownValue { node: "graph output".into(), name: name.clone() })?;
        let tensor = value.forms().ok_or_else(|| ModelError::OutputType { name: name.clone() })?;
        outputs.push((tensor.into_data(), graph.whole.contains(name)));
    }
    Ok(Lowered { outputs, probes: probes.found })
}

/// Operations that read their argument from a table.
const TABULATED: &[&str] =
    &["Celu", "Elu", "Erf", "Gelu", "HardSwish", "Mish", "Selu", "Sigmoid", "Softplus", "Swish", "Tanh"];

/// Operations that only move values.
const MOVES: &[&str] = &["Flatten", "Identity", "Reshape", "Squeeze", "Transpose", "Unsqueeze"];

/// What reads a value, where one node does.
fn followers(graph: &Graph) -> BTreeMap<&str, Follower> {
    let mut readers: BTreeMap<&str, (usize, Follower)> = BTreeMap::new();
    // Backwards, so that what moves a value knows its own reader.
    for node in graph.nodes.iter().rev() {
        let own = match node.op.as_str() {
            _ if !node.domain.is_empty() => Follower::Other,
            "Relu" => match node.outputs.first().and_then(|name| readers.get(name.as_str())) {
                Some((1, Follower::Pool(pool))) if !pool.before => {
                    Follower::Pool(Pool { before: true, relu: true, ..pool.clone() })
                }
                _ => Follower::Relu,
            },
            "MaxPool" => match (side_by_side(node), node.outputs.first().and_then(|name| readers.get(name.as_str()))) {
                (Some(kernel), reader) => {
                    let relu = matches!(reader, Some((1, Follower::Relu)));
                    Follower::Pool(Pool { kernel, before: false, relu })
                }
                _ => Follower::Other,
            },
            "MatMul" if !node.inputs.iter().any(|name| graph.constants.contains_key(name)) => Follower::Product,
            op if TABULATED.contains(&op) => Follower::Table,
            op if MOVES.contains(&op) => match node.outputs.first().and_then(|name| readers.get(name.as_str())) {
                Some((1, Follower::Product)) => Follower::Product,
                _ => Follower::Other,
            },
            _ => Follower::Other,
        };
        for name in &node.inputs {
            readers.entry(name).or_insert((0, own.clone())).0 += 1;
        }
    }
    for name in &graph.outputs {
        readers.entry(name).or_insert((0, Follower::Other)).0 += 1;
    }
    let once = readers.into_iter().filter(|(_, (count, _))| *count == 1);
    once.map(|(name, (_, follower))| (name, follower)).collect()
}

/// The windows of a pooling, if they lie side by side, without padding and gaps.
fn side_by_side(node: &Node) -> Option<Vec<usize>> {
    let list = |name: &str| match node.attributes.get(name) {
        Some(Attribute::Ints(values)) => Some(values.as_slice()),
        _ => None,
    };
    let all = |name: &str, value: i64| list(name).is_none_or(|values| values.iter().all(|&v| v == value));
    let kernel = list("kernel_shape").filter(|k| list("strides") == Some(*k))?;
    let padded = matches!(node.attributes.get("auto_pad"), Some(Attribute::Text(mode)) if mode.starts_with("SAME"));
    let rounded_up = matches!(node.attributes.get("ceil_mode"), Some(Attribute::Int(mode)) if *mode != 0);
    if padded || rounded_up || node.outputs.len() != 1 || !all("pads", 0) || !all("dilations", 1) {
        return None;
    }
    kernel.iter().map(|&k| usize::try_from(k).ok().filter(|&k| k > 0 && k < 64)).collect()
}

/// Units per 1.0 of every input value of a bare ONNX file: [`DEFAULT_SCALE`] for reals, 1 for integers.
///
/// # Errors
/// The file is refused.
pub fn default_scales(onnx: &[u8]) -> Result<Vec<u64>, QuantError> {
    Ok(domain::expected(&Graph::from_onnx(onnx)?).into_iter().map(|e| e.scale).collect())
}

/// One committed source without schema; the domain is the calibrated range (of a value of its own, or of the whole input where it has more than two dimensions) widened
/// twice about its middle, or what the graph says (see [`domain`]).
fn default_spec(graph: &Graph, calibration: Option<&Calibration>) -> ResolvedSpec {
    let raw = bounds::Interval::RAW;
    let seen = |columns: std::ops::Range<usize>| {
        let rows = calibration.into_iter().flat_map(|c| &c.samples).filter_map(|s| s.get(columns.clone()));
        let all = rows.flatten().map(|&v| v as f64);
        all.fold(None, |r: Option<(f64, f64)>, v| Some(r.map_or((v, v), |(lo, hi)| (lo.min(v), hi.max(v)))))
    };
    let mut expected = domain::expected(graph).into_iter();
    let (mut fields, mut first) = (Vec::new(), 0);
    for input in &graph.inputs {
        let all = first..first + input.width();
        // Features have ranges of their own; pixels and steps of a series share one, since a few samples do not show it for each.
        let common = if input.shape.len() > 2 { seen(all.clone()) } else { None };
        for (i, e) in all.clone().zip(expected.by_ref()) {
            let scale = e.scale as f64;
            let domain = match common.or_else(|| seen(i..i + 1)) {
                Some((lo, hi)) => {
                    // A constant says nothing: a flag that no sample has, perhaps.
                    let spread = if hi > lo { ((hi - lo) / 2.0).max(1.0) } else { scale };
                    ((lo - spread).max(raw.lo as f64) / scale, (hi + spread).min(raw.hi as f64) / scale)
                }
                None => e.domain,
            };
            fields.push(ResolvedField { scale: e.scale, domain });
        }
        first = all.end;
    }
    let sources = vec![ResolvedSource { kind: SourceKind::Committed, length: fields.len(), schema: None }];
    ResolvedSpec { name: String::new(), sources, fields, outputs: Vec::new() }
}

/// Units per 1.0 of one output tensor: `2^24`, more where its values are small, less where the lane could not hold it.
fn output_scale(builder: &Builder<'_>, forms: &[Form]) -> u64 {
    let (mut seen, mut bound, mut widest) = (0.0f64, 0.0f64, 0.0f64);
    for form in forms {
        let (lo, hi) = builder.interval(form);
        let own = lo.abs().max(hi.abs());
        let typical = builder.calibrated(form).unwrap_or(own);
        let saturates = form.terms().len() > 1 && typical > 0.0 && own > typical * builder.saturate_above();
        seen = seen.max(typical);
        widest = widest.max(own);
        bound = bound.max(if saturates { typical * builder.saturate_above() } else { own });
    }
    // 14 bits for what was seen, room for twice the bound; and 24 bits in any case, since answers may be far smaller than the domain promises.
    let fine = libm::ceil(14.0 - libm::log2(seen.max(1e-9)));
    let room = libm::floor(f64::from(program::Y_BITS - 1) - libm::log2(bound.max(1e-30)));
    let coarse = fine.max(libm::log2(DEFAULT_SCALE as f64)).min(room).clamp(0.0, 38.0);
    // More only where the lane holds it whatever saturates, and where what it holds exactly stays exact.
    let fine = OUTPUT_BITS.min(libm::floor(f64::from(program::Y_BITS - 1) - libm::log2(widest.max(1e-30)))).max(coarse);
    let exact = |bits: f64| forms.iter().filter(|f| builder.is_whole(f, libm::exp2(bits))).count();
    let bits = if exact(fine) < exact(coarse) { coarse } else { fine };
    1 << bits as u32
}
