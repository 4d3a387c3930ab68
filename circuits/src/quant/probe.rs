//! Values between layers: what the compiler knows of them, and how far that is from the float model.
//!
//! A probe is a few elements of one node's value, as the linear forms that they are while compiling. Nothing is materialised for it: the program is the same as without.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::model::tensor::Tensor;
use crate::model::{FloatModel, Graph, Node};
use crate::ops::Value;

use super::QuantError;
use super::builder::Builder;
use super::form::Form;
use super::report::range;

/// Elements of a probe at most.
const ELEMENTS: usize = 64;
/// Terms of all elements of a probe, unless two elements have more: about 1 MB.
const TERMS: usize = 1 << 16;
/// Samples that layers are compared on at most.
pub(super) const OBSERVED: usize = 16;

/// A node's value, at a few elements.
#[derive(Clone, Debug, PartialEq)]
pub struct Probe {
    /// Name of the ONNX node.
    pub node: String,
    /// Its operation.
    pub op: String,
    /// Name of the value: the node's first output.
    pub output: String,
    /// Elements of the whole value.
    pub width: usize,
    /// Index and form of those that are looked at.
    pub elements: Vec<(usize, Form)>,
}

/// Probes of a graph's nodes.
#[derive(Debug)]
pub(super) struct Probes<'g> {
    /// Those found so far, in the graph's order.
    pub found: Vec<Probe>,
    /// Values that are not those of the file.
    masked: BTreeSet<&'g str>,
    /// Values whose reader gives what comes behind it already.
    ahead: BTreeSet<&'g str>,
}

impl<'g> Probes<'g> {
    pub(super) fn new(graph: &'g Graph) -> Self {
        Self { found: Vec::new(), masked: graph.masked(), ahead: BTreeSet::new() }
    }

    /// Adds a probe of what `node` has given as its first output, unless that is what the node behind makes of it.
    pub(super) fn add(&mut self, builder: &Builder<'_>, node: &'g Node, value: &Value) {
        let Some(output) = node.outputs.first().map(String::as_str) else { return };
        if builder.is_ahead() {
            // With a Relu before or behind the pooling, two nodes are behind this one, and the first of them is ahead as well.
            let two = builder.pool_expected().is_some_and(|pool| pool.relu);
            self.ahead.extend(two.then_some(output));
        } else if !self.masked.contains(output) && !node.inputs.first().is_some_and(|i| self.ahead.contains(i.as_str()))
        {
            self.found.extend(Probe::new(node, value));
        }
    }
}

impl Probe {
    /// A probe of what `node` gives as its first output; `None` where that is a constant or has no name.
    fn new(node: &Node, value: &Value) -> Option<Self> {
        let (Value::Live(tensor), Some(output)) = (value, node.outputs.first().filter(|name| !name.is_empty())) else {
            return None;
        };
        let elements = elements(tensor);
        let (node, op) = (node.name.clone(), node.op.clone());
        (!elements.is_empty()).then(|| Self { node, op, output: output.clone(), width: tensor.len(), elements })
    }

    /// The elements in a run of the program, in reals.
    pub fn at(&self, wires: &[i64]) -> Vec<f64> {
        let wire = |w| wires.get(w as usize).copied().unwrap_or(0);
        self.elements.iter().map(|(_, form)| form.at(wire)).collect()
    }
}

/// Elements spread evenly over those of a tensor that are no constants, with the first and the last; fewer where they have many terms.
fn elements(tensor: &Tensor<Form>) -> Vec<(usize, Form)> {
    let live: Vec<(usize, &Form)> = tensor.data().iter().enumerate().filter(|e| e.1.as_constant().is_none()).collect();
    let picked = |count| spread(live.len(), count).filter_map(|i| live.get(i).copied());
    let terms: usize = picked(ELEMENTS).map(|(_, form)| form.terms().len()).sum();
    let count = if terms > TERMS { (picked(ELEMENTS).count() * TERMS / terms).max(2) } else { ELEMENTS };
    picked(count).map(|(i, form)| (i, form.clone())).collect()
}

/// At most `count >= 2` indices below `length`, evenly, from the first to the last.
fn spread(length: usize, count: usize) -> impl Iterator<Item = usize> {
    let count = count.min(length);
    (0..count).map(move |i| if count > 1 { i * (length - 1) / (count - 1) } else { 0 })
}

/// The value of one node against the float model's, at up to 64 elements and over up to 16 samples.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LayerError {
    /// Name of the ONNX node.
    pub node: String,
    /// Its operation.
    pub op: String,
    /// Name of its first output, which is what is compared.
    pub output: String,
    /// Largest absolute error, in reals.
    pub max_error: f64,
    /// The same as a share of `range`; absent where that is 0.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_share: Option<f64>,
    /// Largest less smallest value of the float model.
    pub range: f64,
}

/// A sample, and what the program makes of it at each probe.
#[derive(Debug)]
pub(super) struct Observed {
    /// All inputs, in reals.
    reals: Vec<f32>,
    /// Elements of each probe, in reals.
    values: Vec<Vec<f64>>,
}

impl Observed {
    pub(super) fn new(probes: &[Probe], reals: Vec<f32>, wires: &[i64]) -> Self {
        Self { reals, values: probes.iter().map(|probe| probe.at(wires)).collect() }
    }
}

/// Errors at the probes, as far as the float model tells their values and these are reals.
///
/// # Errors
/// The float model does not run with these values as outputs.
pub(super) fn errors(
    probes: &[Probe],
    float: &FloatModel,
    observed: &[Observed],
) -> Result<Vec<LayerError>, QuantError> {
    if observed.is_empty() {
        return Ok(Vec::new());
    }
    let names: Vec<&str> = probes.iter().map(|probe| probe.output.as_str()).collect();
    let observer = float.observing(&names)?;
    // Pairs of program and float model, for each probe.
    let mut pairs: Vec<Vec<[f64; 2]>> = vec![Vec::new(); probes.len()];
    for sample in observed {
        let theirs = observer.run_flat(&sample.reals)?;
        for (((probe, pairs), ours), theirs) in probes.iter().zip(&mut pairs).zip(&sample.values).zip(&theirs) {
            let Some(theirs) = theirs.as_ref().filter(|values| values.len() == probe.width) else { continue };
            let pair = |((index, _), &ours): (&(usize, _), &f64)| Some([ours, f64::from(*theirs.get(*index)?)]);
            pairs.extend(probe.elements.iter().zip(ours).filter_map(pair).filter(|p| p.iter().all(|v| v.is_finite())));
        }
    }
    let measured = probes.iter().zip(&pairs).filter(|(_, pairs)| !pairs.is_empty());
    Ok(measured.map(|(probe, pairs)| LayerError::new(probe, pairs)).collect())
}

impl LayerError {
    /// From pairs of program and float model.
    fn new(probe: &Probe, pairs: &[[f64; 2]]) -> Self {
        let max_error = pairs.iter().map(|[ours, theirs]| (ours - theirs).abs()).fold(0.0, f64::max);
        let (lo, hi) = range(&pairs.iter().map(|pair| pair[1]).collect::<Vec<_>>());
        Self {
            node: probe.node.clone(),
            op: probe.op.clone(),
            output: probe.output.clone(),
            max_error,
            max_share: (hi > lo).then(|| max_error / (hi - lo)),
            range: hi - lo,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::fixture::{OnnxBuilder, int, ints};
    use crate::quant::program::{Requant, SHIFT, Step};
    use crate::quant::{Calibration, Compiled, Options, Report, compile};

    #[test]
    fn elements_are_spread_from_the_first_to_the_last() {
        let of = |length, count| spread(length, count).collect::<Vec<_>>();
        assert_eq!((of(0, 4), of(1, 4), of(3, 4)), (vec![], vec![0], vec![0, 1, 2]));
        assert_eq!(of(10, 4), [0, 3, 6, 9]);
        let many = of(1_000_003, ELEMENTS);
        assert_eq!((many.len(), many[0], many[63]), (64, 0, 1_000_002));
        assert!(many.windows(2).all(|w| w[0] < w[1]));
    }

    #[test]
    fn long_forms_are_fewer() {
        let form = |terms: u32| Form::from_sorted((0..terms).map(|w| (w, 1.0)).collect(), 0.0);
        let probed = |terms, length| elements(&Tensor::vector(vec![form(terms); length])).len();
        assert_eq!((probed(1, 100), probed(1024, 100), probed(4096, 100)), (64, 64, 16));
        assert_eq!(probed(1 << 17, 3), 2, "the first and the last in any case");
        let some = Tensor::vector((0..9).map(|i| form(i % 2)).collect());
        assert_eq!(elements(&some).iter().map(|e| e.0).collect::<Vec<_>>(), [1, 3, 5, 7], "constants have no error");
    }

    const UNIT: f64 = 65536.0;
    const W1: [[f64; 3]; 2] = [[0.5, -1.25, 0.3], [0.7, 0.2, -0.9]];
    const B1: [f64; 3] = [0.1, -0.2, 0.05];
    const W2: [f64; 3] = [1.5, -0.6, 0.8];

    /// `x[1, 2] → Gemm 3 → Relu → Gemm 1`.
    fn two_layers() -> Vec<u8> {
        let mut m = OnnxBuilder::new(&[1, 2]);
        let narrow = |values: &[f64]| values.iter().map(|&v| v as f32).collect::<Vec<f32>>();
        m.weights("w1", &[2, 3], &narrow(&W1.concat())).weights("b1", &[3], &narrow(&B1)).weights(
            "w2",
            &[3, 1],
            &narrow(&W2),
        );
        m.node("Gemm", &["x", "w1", "b1"], "h", vec![]).node("Relu", &["h"], "a", vec![]);
        m.node("Gemm", &["a", "w2"], "y", vec![]).bytes(&[1, 1])
    }

    /// What each of its nodes gives, by hand.
    fn by_hand(x: &[f64]) -> Vec<Vec<f64>> {
        let h: Vec<f64> = (0..3).map(|j| x[0] * W1[0][j] + x[1] * W1[1][j] + B1[j]).collect();
        let a: Vec<f64> = h.iter().map(|v| v.max(0.0)).collect();
        let y = a.iter().zip(W2).map(|(a, w)| a * w).sum();
        vec![h, a, vec![y]]
    }

    fn bare(onnx: &[u8]) -> Compiled {
        compile(onnx, None, None, &Options::default()).unwrap()
    }

    fn samples(count: usize, width: usize, reach: f64) -> Calibration {
        let value = |s: usize, i: usize| (((s * 31 + i * 17 + 5) as f64).sin() * reach * UNIT).round() as i64;
        Calibration { samples: (0..count).map(|s| (0..width).map(|i| value(s, i)).collect()).collect() }
    }

    fn measured(onnx: &[u8], compiled: &Compiled, width: usize) -> Report {
        Report::of(compiled, onnx, Some(&samples(OBSERVED, width, 2.0))).unwrap()
    }

    #[test]
    fn errors_are_those_of_interpreter_and_float_computation() {
        let onnx = two_layers();
        let compiled = bare(&onnx);
        let report = measured(&onnx, &compiled, 2);
        let mut worst = [0.0f64; 3];
        let mut ranges = [(f64::INFINITY, f64::NEG_INFINITY); 3];
        for raw in &samples(OBSERVED, 2, 2.0).samples {
            let wires = compiled.program.evaluate(raw).unwrap().wires;
            let x: Vec<f64> = raw.iter().map(|&v| v as f64 / UNIT).collect();
            for (layer, (probe, float)) in compiled.probes.iter().zip(by_hand(&x)).enumerate() {
                assert_eq!((probe.width, probe.elements.len()), (float.len(), float.len()));
                for (ours, theirs) in probe.at(&wires).iter().zip(&float) {
                    worst[layer] = worst[layer].max((ours - theirs).abs());
                    ranges[layer] = (ranges[layer].0.min(*theirs), ranges[layer].1.max(*theirs));
                }
            }
        }
        let told: Vec<_> = report.errors.iter().map(|e| (e.node.as_str(), e.op.as_str(), e.output.as_str())).collect();
        assert_eq!(told, [("Gemm_h", "Gemm", "h"), ("Relu_a", "Relu", "a"), ("Gemm_y", "Gemm", "y")]);
        for ((error, worst), (lo, hi)) in report.errors.iter().zip(worst).zip(ranges) {
            // tract computes in f32.
            assert!((error.max_error - worst).abs() < 1e-6, "{error:?}, {worst} by hand");
            assert!((error.range - (hi - lo)).abs() < 1e-6, "{error:?}, {lo} to {hi} by hand");
            assert_eq!(error.max_share, Some(error.max_error / error.range));
        }
        let output = &report.outputs[0];
        let last = report.errors[2].max_error;
        assert!((last - output.max_error.unwrap()).abs() < 1e-4, "{last}, and the output's own rounding: {output:?}");
    }

    #[test]
    fn an_error_planted_in_a_layer_shows_from_there_on() {
        let onnx = two_layers();
        let mut compiled = bare(&onnx);
        let sound = measured(&onnx, &compiled, 2).errors;
        // The Relu of the first element adds 0.01.
        let (wire, unit) = compiled.probes[1].elements[0].1.terms()[0];
        let mut first = compiled.program.inputs();
        for step in &mut compiled.program.steps {
            if let Step::Linear(linear) = &mut *step
                && let Some(lane) = (wire as usize).checked_sub(first).and_then(|i| linear.lanes.get_mut(i))
            {
                assert_eq!(lane.requant, Requant::ReluShift);
                lane.bias += ((0.01 / unit.abs()) as i64) << SHIFT;
            }
            first += step.outputs();
        }
        let planted = measured(&onnx, &compiled, 2).errors;
        assert_eq!(planted[0], sound[0], "before the planted error");
        assert!((planted[1].max_error - 0.01).abs() < 1e-4, "{planted:?}");
        assert!((planted[2].max_error - 0.01 * W2[0]).abs() < 2e-4, "{planted:?}");
    }

    /// Nodes with errors, all of which are small.
    fn nodes(onnx: &[u8], width: usize) -> Vec<String> {
        let report = measured(onnx, &bare(onnx), width);
        let small = |e: &LayerError| e.max_share.is_some_and(|share| share < 1e-3);
        assert!(report.errors.iter().all(small), "{:?}", report.errors);
        report.errors.into_iter().map(|e| e.node).collect()
    }

    #[test]
    fn nodes_without_steps_of_their_own_have_errors() {
        let mut m = OnnxBuilder::new(&[1, 2, 4, 4]);
        m.random("w", &[3, 2, 3, 3], 0.5).weights("s", &[3], &[1.0, 0.5, 2.0]).weights("o", &[3], &[0.1, 0.0, -0.3]);
        m.weights("m", &[3], &[0.2, -0.1, 0.0]).weights("v", &[3], &[1.0, 2.0, 0.5]).random("d", &[12, 2], 0.5);
        m.node("Conv", &["x", "w"], "c", vec![]).node("BatchNormalization", &["c", "s", "o", "m", "v"], "n", vec![]);
        m.node("Relu", &["n"], "r", vec![]).ints("shape", &[1, -1]).node("Reshape", &["r", "shape"], "f", vec![]);
        m.node("ArgMax", &["f"], "k", vec![int("axis", 1)]).node("Gemm", &["f", "d"], "y", vec![]);
        let onnx = m.bytes(&[1, 2]);
        assert_eq!(nodes(&onnx, 32), ["Conv_c", "BatchNormalization_n", "Relu_r", "Reshape_f", "Gemm_y"]);
    }

    #[test]
    fn nodes_whose_values_are_what_comes_behind_have_no_errors() {
        let model = |order: &[&str]| {
            let mut m = OnnxBuilder::new(&[1, 4, 14, 18]);
            m.random("w", &[8, 4, 3, 3], 0.5).node("Conv", &["x", "w"], "0", vec![ints("pads", &[1, 1, 1, 1])]);
            for (at, op) in order.iter().enumerate() {
                let window = vec![ints("kernel_shape", &[2, 2]), ints("strides", &[2, 2])];
                let attributes = if *op == "MaxPool" { window } else { vec![] };
                m.node(op, &[&at.to_string()], &(at + 1).to_string(), attributes);
            }
            let last = order.len().to_string();
            nodes(&m.node("GlobalAveragePool", &[&last], "y", vec![]).bytes(&[1, 8, 1, 1]), 4 * 14 * 18)
        };
        let mean = "GlobalAveragePool_y";
        assert_eq!(model(&["Tanh"]), ["Conv_0", "Tanh_1", mean]);
        assert_eq!(model(&["Relu"]), ["Relu_1", mean]);
        assert_eq!(model(&["MaxPool"]), ["MaxPool_1", mean]);
        assert_eq!(model(&["Relu", "MaxPool"]), ["MaxPool_2", mean]);
        assert_eq!(model(&["MaxPool", "Relu"]), ["Relu_2", mean]);
    }

    #[test]
    fn masks_that_were_made_moderate_are_no_errors() {
        let mut m = OnnxBuilder::new(&[2, 4]);
        m.weights("zero", &[], &[0.0]).weights("out", &[], &[-1e9]).node("Greater", &["x", "zero"], "g", vec![]);
        m.node("Where", &["g", "x", "out"], "w", vec![]).node("Identity", &["w"], "i", vec![]);
        m.node("Softmax", &["i"], "s", vec![int("axis", -1)]).node("Neg", &["s"], "y", vec![]);
        assert_eq!(nodes(&m.bytes(&[2, 4]), 8), ["Softmax_s", "Neg_y"]);
    }

    #[test]
    fn flagged_samples_and_models_without_reference_tell_no_errors() {
        let onnx = two_layers();
        let compiled = bare(&onnx);
        let outside = Calibration { samples: vec![vec![100 * UNIT as i64; 2]; 3] };
        let clamped = Report::of(&compiled, &onnx, Some(&outside)).unwrap();
        assert_eq!((clamped.clamped_samples, clamped.errors.len()), (3, 0));
        let unknown = Report::of(&compiled, b"no model", None).unwrap();
        assert!(unknown.errors.is_empty() && !serde_json::to_string(&unknown).unwrap().contains("\"errors\""));
    }

    #[test]
    fn a_float_model_that_cannot_tell_a_value_is_no_failure() {
        let onnx = two_layers();
        let mut compiled = bare(&onnx);
        compiled.probes[0].output = "unknown".into();
        compiled.probes[2].width = 7;
        let report = measured(&onnx, &compiled, 2);
        assert_eq!(report.errors.iter().map(|e| e.node.as_str()).collect::<Vec<_>>(), ["Relu_a"]);
        assert!(report.outputs[0].max_error.is_some());
    }

    #[test]
    fn a_value_that_never_changes_has_no_share() {
        let mut m = OnnxBuilder::new(&[1, 2]);
        m.weights("o", &[], &[0.0]).node("Mul", &["x", "o"], "z", vec![]).node("Max", &["z", "x"], "y", vec![]);
        let onnx = m.bytes(&[1, 2]);
        let probe = Probe { node: "n".into(), op: "Op".into(), output: "o".into(), width: 1, elements: Vec::new() };
        let error = LayerError::new(&probe, &[[1.5, 1.0], [1.25, 1.0]]);
        assert_eq!((error.max_error, error.range, error.max_share), (0.5, 0.0, None));
        assert_eq!(nodes(&onnx, 2), ["Max_y"], "a constant is no layer");
    }
}
