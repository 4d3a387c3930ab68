//! RNN, GRU and LSTM against formulas written out in `f64`, and against tract where it has the case.

use halo2_proofs::halo2curves::bn256::Fr;
use tract_onnx::pb::{AttributeProto, attribute_proto::AttributeType};

use crate::inference::Shape;
use crate::inference::layout::{Layout, SourceInput, SourceKind, Task};
use crate::model::fixture::{OnnxBuilder, float, int};
use crate::quant::{Calibration, Options, compile};
use crate::testing::conformance::{Case, op_conformance};
use rand::{Rng, SeedableRng, rngs::StdRng};

fn text(name: &str, s: &str) -> AttributeProto {
    AttributeProto { name: name.into(), r#type: AttributeType::String as i32, s: s.into(), ..Default::default() }
}

fn texts(name: &str, list: &[&str]) -> AttributeProto {
    let strings = list.iter().map(|s| s.as_bytes().to_vec()).collect();
    AttributeProto { name: name.into(), r#type: AttributeType::Strings as i32, strings, ..Default::default() }
}

fn floats(name: &str, list: &[f32]) -> AttributeProto {
    AttributeProto {
        name: name.into(),
        r#type: AttributeType::Floats as i32,
        floats: list.to_vec(),
        ..Default::default()
    }
}

/// One layer under test, with reproducible weights, and its formula.
#[derive(Clone)]
struct Layer {
    op: &'static str,
    gates: usize,
    steps: usize,
    batch: usize,
    width: usize,
    hidden: usize,
    direction: &'static str,
    batch_first: bool,
    bias: bool,
    states: bool,
    peepholes: bool,
    activations: Vec<&'static str>,
    clip: Option<f64>,
    flag: bool,
    outputs: Vec<&'static str>,
    weights: Vec<(&'static str, Vec<f32>)>,
}

impl Layer {
    fn new(op: &'static str, steps: usize, width: usize, hidden: usize) -> Self {
        let gates = match op {
            "RNN" => 1,
            "GRU" => 3,
            _ => 4,
        };
        let outputs = if op == "LSTM" { vec!["Y", "Y_h", "Y_c"] } else { vec!["Y", "Y_h"] };
        Self {
            op,
            gates,
            steps,
            batch: 1,
            width,
            hidden,
            direction: "forward",
            batch_first: false,
            bias: true,
            states: false,
            peepholes: false,
            activations: Vec::new(),
            clip: None,
            flag: false,
            outputs,
            weights: Vec::new(),
        }
    }

    fn directions(&self) -> usize {
        1 + usize::from(self.direction == "bidirectional")
    }

    /// Fills the weights in `±limit`, as PyTorch does for `1 / sqrt(hidden)`.
    fn filled(mut self, limit: f32) -> Self {
        let mut rng = StdRng::seed_from_u64(11);
        let (d, h) = (self.directions(), self.hidden);
        let sizes = [
            ("W", d * self.gates * h * self.width),
            ("R", d * self.gates * h * h),
            ("B", d * 2 * self.gates * h),
            ("H0", d * self.batch * h),
            ("C0", d * self.batch * h),
            ("P", d * 3 * h),
        ];
        let fill = |(name, count)| (name, (0..count).map(|_| rng.gen_range(-limit..limit)).collect());
        self.weights = sizes.into_iter().map(fill).collect();
        self
    }

    fn list(&self, name: &str) -> &[f32] {
        &self.weights.iter().find(|w| w.0 == name).unwrap().1
    }

    fn onnx(&self) -> Vec<u8> {
        let (d, g, h, b) = (self.directions() as i64, self.gates as i64, self.hidden as i64, self.batch as i64);
        let (t, i) = (self.steps as i64, self.width as i64);
        let mut m = OnnxBuilder::new(&if self.batch_first { [b, t, i] } else { [t, b, i] });
        m.graph();
        let state = if self.batch_first { [b, d, h] } else { [d, b, h] };
        m.weights("W", &[d, g * h, i], self.list("W")).weights("R", &[d, g * h, h], self.list("R"));
        m.weights("B", &[d, 2 * g * h], self.list("B")).weights("P", &[d, 3 * h], self.list("P"));
        m.weights("H0", &state, self.list("H0")).weights("C0", &state, self.list("C0"));
        let when = |given: bool, name: &'static str| if given { name } else { "" };
        let mut inputs = vec!["x", "W", "R", when(self.bias, "B"), "", when(self.states, "H0")];
        if self.op == "LSTM" {
            inputs.extend([when(self.states, "C0"), when(self.peepholes, "P")]);
        }
        while inputs.last() == Some(&"") {
            inputs.pop();
        }
        let mut attributes = vec![int("hidden_size", h), text("direction", self.direction)];
        if self.batch_first {
            attributes.push(int("layout", 1));
        }
        if !self.activations.is_empty() {
            attributes.push(texts("activations", &self.activations));
            attributes.push(floats("activation_alpha", &[0.3, 0.3, 0.3]));
        }
        attributes.extend(self.clip.map(|c| float("clip", c as f32)));
        if self.flag {
            attributes.push(int(if self.op == "GRU" { "linear_before_reset" } else { "input_forget" }, 1));
        }
        m.node(self.op, &inputs, "Y", attributes);
        m.model.opset_import[0].version = 14;
        let names = ["Y", "Y_h", "Y_c"].map(|n| if self.outputs.contains(&n) { n.to_owned() } else { String::new() });
        m.graph().node[0].output = names[..if self.op == "LSTM" { 3 } else { 2 }].to_vec();
        m.bytes(&[]);
        let output = m.graph().output[0].clone();
        m.graph().output = self
            .outputs
            .iter()
            .map(|n| {
                let mut o = output.clone();
                o.name = n.to_string();
                o.r#type = None;
                o
            })
            .collect();
        prost::Message::encode_to_vec(&m.model)
    }

    fn activate(&self, index: usize, x: f64) -> f64 {
        let defaults: &[&str] = match self.op {
            "RNN" => &["Tanh"],
            "GRU" => &["Sigmoid", "Tanh"],
            _ => &["Sigmoid", "Tanh", "Tanh"],
        };
        // As onnxruntime: the memory itself is not clipped.
        let x = self.clip.filter(|_| self.op != "LSTM" || index % 3 < 2).map_or(x, |c| x.clamp(-c, c));
        match *self.activations.get(index).unwrap_or(&defaults[index % defaults.len()]) {
            "Sigmoid" => 1.0 / (1.0 + (-x).exp()),
            "Tanh" => x.tanh(),
            "Relu" => x.max(0.0),
            "LeakyRelu" => {
                if x > 0.0 {
                    x
                } else {
                    f64::from(0.3f32) * x
                }
            }
            "Affine" => f64::from(0.3f32) * x,
            "HardSigmoid" => (f64::from(0.3f32) * x + 0.5).clamp(0.0, 1.0),
            "Softsign" => x / (1.0 + x.abs()),
            "Softplus" => x.exp().ln_1p(),
            "Elu" => {
                if x > 0.0 {
                    x
                } else {
                    f64::from(0.3f32) * x.exp_m1()
                }
            }
            other => unreachable!("{other}"),
        }
    }

    /// `W x + Wb`, `R h + Rb` of one gate's unit.
    fn sides(&self, d: usize, row: usize, x: &[f64], h: &[f64]) -> (f64, f64) {
        let rows = self.gates * self.hidden;
        let dot = |list: &[f32], at: usize, v: &[f64]| -> f64 {
            list[at * v.len()..][..v.len()].iter().zip(v).map(|(w, v)| f64::from(*w) * v).sum()
        };
        let bias = |at: usize| if self.bias { f64::from(self.list("B")[2 * d * rows + at]) } else { 0.0 };
        let at = d * rows + row;
        (dot(self.list("W"), at, x) + bias(row), dot(self.list("R"), at, h) + bias(rows + row))
    }

    /// One step by the book.
    fn step(&self, d: usize, x: &[f64], h: &[f64], c: &[f64]) -> (Vec<f64>, Vec<f64>) {
        let n = self.hidden;
        let per = match self.op {
            "RNN" => 1,
            "GRU" => 2,
            _ => 3,
        };
        let act = |index: usize, x: f64| self.activate(d * per + index, x);
        let sum = |gate: usize, j: usize, h: &[f64]| {
            let (a, b) = self.sides(d, gate * n + j, x, h);
            a + b
        };
        let peep = |gate: usize, j: usize, c: f64| {
            if self.peepholes { f64::from(self.list("P")[(d * 3 + gate) * n + j]) * c } else { 0.0 }
        };
        match self.op {
            "RNN" => ((0..n).map(|j| act(0, sum(0, j, h))).collect(), vec![0.0; n]),
            "GRU" => {
                let z: Vec<f64> = (0..n).map(|j| act(0, sum(0, j, h))).collect();
                let r: Vec<f64> = (0..n).map(|j| act(0, sum(1, j, h))).collect();
                let gated: Vec<f64> = r.iter().zip(h).map(|(r, h)| r * h).collect();
                let inner = |j: usize| {
                    if self.flag {
                        let (a, b) = self.sides(d, 2 * n + j, x, h);
                        a + r[j] * b
                    } else {
                        sum(2, j, &gated)
                    }
                };
                ((0..n).map(|j| (1.0 - z[j]) * act(1, inner(j)) + z[j] * h[j]).collect(), vec![0.0; n])
            }
            _ => {
                let (mut next, mut memory) = (vec![], vec![]);
                for (j, &old) in c.iter().enumerate() {
                    let i = act(0, sum(0, j, h) + peep(0, j, old));
                    let f = if self.flag { 1.0 - i } else { act(0, sum(2, j, h) + peep(2, j, old)) };
                    let new = f * old + i * act(1, sum(3, j, h));
                    let o = act(0, sum(1, j, h) + peep(1, j, new));
                    memory.push(new);
                    next.push(o * act(2, new));
                }
                (next, memory)
            }
        }
    }

    /// All outputs, concatenated.
    fn expected(&self, input: &[f64]) -> Vec<f64> {
        let (t, b, n, ds) = (self.steps, self.batch, self.hidden, self.directions());
        let mut y = vec![0.0; t * ds * b * n];
        let (mut last, mut memory) = (vec![0.0; ds * b * n], vec![0.0; ds * b * n]);
        for d in 0..ds {
            for m in 0..b {
                let at = if self.batch_first { m * ds + d } else { d * b + m };
                let start = |name: &str| -> Vec<f64> {
                    if !self.states {
                        return vec![0.0; n];
                    }
                    self.list(name)[at * n..(at + 1) * n].iter().map(|v| f64::from(*v)).collect()
                };
                let (mut h, mut c) = (start("H0"), start("C0"));
                let reversed = d == 1 || self.direction == "reverse";
                for k in 0..t {
                    let k = if reversed { t - 1 - k } else { k };
                    let from = if self.batch_first { m * t + k } else { k * b + m };
                    (h, c) = self.step(d, &input[from * self.width..(from + 1) * self.width], &h, &c);
                    let to = if self.batch_first { (m * t + k) * ds + d } else { (k * ds + d) * b + m };
                    y[to * n..(to + 1) * n].copy_from_slice(&h);
                }
                last[at * n..(at + 1) * n].copy_from_slice(&h);
                memory[at * n..(at + 1) * n].copy_from_slice(&c);
            }
        }
        let all = self.outputs.iter().flat_map(|name| match *name {
            "Y" => y.clone(),
            "Y_h" => last.clone(),
            _ => memory.clone(),
        });
        all.collect()
    }

    fn inputs(&self, reach: f64, count: usize) -> Vec<Vec<f64>> {
        let mut rng = StdRng::seed_from_u64(5);
        let width = self.steps * self.batch * self.width;
        let unit = 65536.0;
        let value = |rng: &mut StdRng| (rng.gen_range(-reach..reach) * unit).round() / unit;
        (0..count).map(|_| (0..width).map(|_| value(&mut rng)).collect()).collect()
    }

    fn case(self) -> Case {
        let layer = if self.weights.is_empty() {
            let limit = 1.0 / (self.hidden as f32).sqrt();
            self.filled(limit)
        } else {
            self
        };
        let inputs = layer.inputs(2.0, 6);
        let expected = inputs.iter().map(|x| layer.expected(x)).collect();
        Case::new(layer.onnx(), inputs).expecting(expected)
    }
}

fn rnn() -> Layer {
    Layer::new("RNN", 4, 2, 3)
}
fn gru() -> Layer {
    Layer::new("GRU", 4, 2, 3)
}
fn lstm() -> Layer {
    Layer::new("LSTM", 4, 2, 3)
}

op_conformance! {
    rnn_forward: rnn().case(),
    rnn_bidirectional_batch_first: Layer { direction: "bidirectional", batch_first: true, batch: 2, states: true, ..rnn() }.case(),
    rnn_relu_clipped: Layer { activations: vec!["Relu"], clip: Some(0.75), bias: false, ..rnn() }.case(),
    rnn_softsign: Layer { activations: vec!["Softsign"], ..rnn() }.case(),
    rnn_elu: Layer { activations: vec!["Elu"], ..rnn() }.case(),
    gru_softplus: Layer { activations: vec!["Sigmoid", "Softplus"], ..gru() }.case(),
    gru_forward: gru().case(),
    gru_reset_after: Layer { flag: true, states: true, ..gru() }.case(),
    gru_reverse: Layer { direction: "reverse", bias: false, flag: true, ..gru() }.case(),
    gru_bidirectional: Layer { direction: "bidirectional", batch: 2, states: true, ..gru() }.case(),
    gru_other_functions: Layer { activations: vec!["HardSigmoid", "Relu"], states: true, ..gru() }.case(),
    lstm_forward: lstm().case(),
    lstm_reverse: Layer { direction: "reverse", bias: false, ..lstm() }.case(),
    lstm_bidirectional_batch_first: Layer { direction: "bidirectional", batch_first: true, batch: 2, states: true, ..lstm() }.case(),
    lstm_peepholes: Layer { peepholes: true, states: true, ..lstm() }.case(),
    lstm_coupled_clipped: Layer { flag: true, clip: Some(0.5), states: true, ..lstm() }.case(),
    lstm_other_functions: Layer { activations: vec!["HardSigmoid", "LeakyRelu", "Affine"], ..lstm() }.case(),
    lstm_against_tract: Case { expected: None, ..Layer { outputs: vec!["Y_h"], ..lstm() }.case() },
    gru_against_tract: Case { expected: None, ..Layer { outputs: vec!["Y"], flag: true, ..gru() }.case() },
}

/// A layer of 32 steps, 4 features and 16 units: rows and largest error as a share of the largest output.
fn measured(layer: &Layer, reach: f64, calibrated: bool) -> (usize, f64) {
    let onnx = layer.onnx();
    let inputs = layer.inputs(reach, 40);
    let samples = Calibration::from_reals(&inputs, &vec![1 << 16; inputs[0].len()]).unwrap();
    let compiled = compile(&onnx, None, calibrated.then_some(&samples), &Options::default()).unwrap();
    let mut worst = 0.0f64;
    let mut size = 0.0f64;
    for (input, raw) in inputs.iter().zip(&samples.samples) {
        let run = compiled.program.evaluate(raw).unwrap();
        assert!(run.in_domain && run.unsaturated);
        for (got, want) in compiled.reals(&run.outputs).iter().zip(layer.expected(input)) {
            worst = worst.max((got - want).abs());
            size = size.max(want.abs());
        }
    }
    let program = std::sync::Arc::new(compiled.program.clone());
    let task = Task {
        program,
        sources: vec![SourceKind::Public],
        slots: 1,
        commit_outputs: false,
        shape: Shape::direct(0, false),
        salt: Fr::from(0),
    };
    let task = Task { shape: Shape::direct(task.words_used(), false), ..task };
    let values = samples.samples[0].clone();
    let layout = Layout::new(&task, Fr::from(1), &[vec![SourceInput { values, salt: Fr::from(0) }]], None).unwrap();
    let rows = layout
        .rows
        .iter()
        .rposition(|r| !matches!(r.kind, crate::gadgets::RowKind::Idle | crate::gadgets::RowKind::Statement))
        .unwrap();
    if std::env::var("SHOW").is_ok() {
        let tables: Vec<_> = compiled.program.tables.iter().map(|t| (t.name.clone(), t.entries.len())).collect();
        eprintln!(
            "{} reach {reach} calibrated {calibrated}: rows {rows}, k {}, size {:?}, tables {tables:?}, error {:.2e}",
            layer.op,
            layout.k,
            crate::quant::report::Size::of(&compiled.program),
            worst / size
        );
    }
    (rows, worst / size)
}

#[test]
fn a_layer_of_32_steps_fits_and_is_precise() {
    for op in ["LSTM", "GRU", "RNN"] {
        let layer = Layer { outputs: vec!["Y_h"], ..Layer::new(op, 32, 4, 16) }.filled(0.25);
        for (reach, calibrated) in [(2.0, true), (2.0, false)] {
            let (rows, error) = measured(&layer, reach, calibrated);
            assert!(rows < 16_000 && error < 1e-3, "{op}: {rows} rows, error {error}");
        }
    }
}

#[test]
fn weights_three_times_as_large_and_long_sequences_stay_precise() {
    for op in ["LSTM", "GRU", "RNN"] {
        let layer = Layer { outputs: vec!["Y_h"], ..Layer::new(op, 32, 4, 16) }.filled(0.75);
        for calibrated in [true, false] {
            let (rows, error) = measured(&layer, 2.0, calibrated);
            assert!(rows < 20_000 && error < 1e-3, "{op}: {rows} rows, error {error}");
        }
        let long = Layer { outputs: vec!["Y_h"], ..Layer::new(op, 100, 1, 6) }.filled(0.4);
        for calibrated in [true, false] {
            let (_, error) = measured(&long, 2.0, calibrated);
            assert!(error < 1e-3, "{op}: error {error}");
        }
    }
}
