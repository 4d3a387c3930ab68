//! Small models with known answers: each is evaluated directly here, and through every layer.

use prost::Message;
use rand::{Rng, SeedableRng, rngs::StdRng};
use tract_onnx::pb::{
    AttributeProto, ModelProto, OperatorSetIdProto, StringStringEntryProto, TypeProto, ValueInfoProto,
    attribute_proto::AttributeType,
};

use crate::model::fixture::{OnnxBuilder, float, int, ints, text};
use crate::model::onnx::ML_DOMAIN;
use crate::quant::report::Size;
use crate::quant::{Options, compile};
use crate::testing::conformance::{Case, op_conformance};

fn floats(name: &str, floats: &[f32]) -> AttributeProto {
    AttributeProto {
        name: name.into(),
        r#type: AttributeType::Floats as i32,
        floats: floats.to_vec(),
        ..Default::default()
    }
}

fn texts(name: &str, texts: &[&str]) -> AttributeProto {
    let strings = texts.iter().map(|t| t.as_bytes().to_vec()).collect();
    AttributeProto { name: name.into(), r#type: AttributeType::Strings as i32, strings, ..Default::default() }
}

/// One classical node on `x` of `width` features; `outputs` of them.
fn model(op: &str, width: i64, outputs: &[&str], attributes: Vec<AttributeProto>) -> Vec<u8> {
    let mut builder = OnnxBuilder::new(&[1, width]);
    builder.node(op, &["x"], outputs[0], attributes).bytes(&[1, 1]);
    let node = builder.graph().node.last_mut().unwrap();
    node.domain = ML_DOMAIN.into();
    node.output = outputs.iter().map(|o| (*o).into()).collect();
    let mut more: Vec<ValueInfoProto> = Vec::new();
    for name in &outputs[1..] {
        more.push(ValueInfoProto { name: (*name).into(), ..builder.graph().output[0].clone() });
    }
    builder.graph().output.extend(more);
    builder.model.opset_import.push(OperatorSetIdProto { domain: ML_DOMAIN.into(), version: 3 });
    builder.model.encode_to_vec()
}

#[derive(Clone)]
struct Node {
    tree: i64,
    id: i64,
    mode: &'static str,
    feature: i64,
    value: f32,
    yes: i64,
    no: i64,
    weights: Vec<f32>,
}

/// Full trees of `depth` levels, some of which end early.
fn trees(count: i64, depth: u32, features: i64, targets: usize, modes: &[&'static str], seed: u64) -> Vec<Node> {
    let mut rng = StdRng::seed_from_u64(seed);
    let mut nodes = Vec::new();
    for tree in 0..count {
        let mut waiting = vec![(0i64, 0u32)];
        while let Some((id, level)) = waiting.pop() {
            let leaf = level == depth || (level > 1 && rng.gen_bool(0.1));
            let mode = if leaf { "LEAF" } else { modes[rng.gen_range(0..modes.len())] };
            // Multiples of a half, so that equalities happen.
            let value = if mode == "BRANCH_EQ" || mode == "BRANCH_NEQ" {
                rng.gen_range(-4..4) as f32 / 2.0
            } else {
                rng.gen_range(-4.0..4.0)
            };
            let weights = if leaf { (0..targets).map(|_| rng.gen_range(-1.0..1.0f32)).collect() } else { Vec::new() };
            nodes.push(Node {
                tree,
                id,
                mode,
                feature: rng.gen_range(0..features),
                value,
                yes: 2 * id + 1,
                no: 2 * id + 2,
                weights,
            });
            if !leaf {
                waiting.push((2 * id + 1, level + 1));
                waiting.push((2 * id + 2, level + 1));
            }
        }
    }
    nodes
}

/// Each tree's weights at `x`.
fn reached(nodes: &[Node], x: &[f64]) -> Vec<Vec<f64>> {
    let roots: Vec<&Node> = nodes.iter().filter(|n| n.id == 0).collect();
    let mut found = Vec::new();
    for root in roots {
        let mut node = root;
        while node.mode != "LEAF" {
            let (x, t) = (x[node.feature as usize] as f32, node.value);
            let yes = match node.mode {
                "BRANCH_LEQ" => x <= t,
                "BRANCH_LT" => x < t,
                "BRANCH_GTE" => x >= t,
                "BRANCH_GT" => x > t,
                "BRANCH_EQ" => x == t,
                _ => x != t,
            };
            let next = if yes { node.yes } else { node.no };
            node = nodes.iter().find(|n| n.tree == node.tree && n.id == next).unwrap();
        }
        found.push(node.weights.iter().map(|&w| f64::from(w)).collect());
    }
    found
}

fn ensemble(nodes: &[Node], prefix: &str) -> Vec<AttributeProto> {
    let list = |f: fn(&Node) -> i64| nodes.iter().map(f).collect::<Vec<_>>();
    let leaves: Vec<(&Node, usize)> = nodes.iter().flat_map(|n| (0..n.weights.len()).map(move |t| (n, t))).collect();
    let of = |f: fn(&(&Node, usize)) -> i64| leaves.iter().map(f).collect::<Vec<_>>();
    vec![
        ints("nodes_treeids", &list(|n| n.tree)),
        ints("nodes_nodeids", &list(|n| n.id)),
        ints("nodes_featureids", &list(|n| n.feature)),
        texts("nodes_modes", &nodes.iter().map(|n| n.mode).collect::<Vec<_>>()),
        floats("nodes_values", &nodes.iter().map(|n| n.value).collect::<Vec<_>>()),
        ints("nodes_truenodeids", &list(|n| n.yes)),
        ints("nodes_falsenodeids", &list(|n| n.no)),
        ints(&format!("{prefix}_treeids"), &of(|l| l.0.tree)),
        ints(&format!("{prefix}_nodeids"), &of(|l| l.0.id)),
        ints(&format!("{prefix}_ids"), &of(|l| l.1 as i64)),
        floats(&format!("{prefix}_weights"), &leaves.iter().map(|l| l.0.weights[l.1]).collect::<Vec<_>>()),
    ]
}

/// Samples of which some lie exactly on half integers.
fn samples(count: usize, width: usize) -> Vec<Vec<f64>> {
    let mut rng = StdRng::seed_from_u64(3);
    let value = |rng: &mut StdRng| {
        if rng.gen_bool(0.3) {
            f64::from(rng.gen_range(-8..8)) / 2.0
        } else {
            f64::from(rng.gen_range(-65536i32..65536)) / 16384.0
        }
    };
    (0..count).map(|_| (0..width).map(|_| value(&mut rng)).collect()).collect()
}

const MODES: [&str; 6] = ["BRANCH_LEQ", "BRANCH_LT", "BRANCH_GTE", "BRANCH_GT", "BRANCH_EQ", "BRANCH_NEQ"];

fn regression(count: i64, depth: u32, targets: usize, aggregate: &str) -> Case {
    let nodes = trees(count, depth, 3, targets, &MODES, 11);
    let attributes =
        [ensemble(&nodes, "target"), vec![int("n_targets", targets as i64), text("aggregate_function", aggregate)]];
    let inputs = samples(24, 3);
    let answer = |x: &Vec<f64>| {
        let found = reached(&nodes, x);
        let column = |t: usize| found.iter().map(move |w| w[t]);
        let one = |t: usize| match aggregate {
            "SUM" => column(t).sum(),
            "AVERAGE" => column(t).sum::<f64>() / found.len() as f64,
            "MIN" => column(t).fold(f64::INFINITY, f64::min),
            _ => column(t).fold(f64::NEG_INFINITY, f64::max),
        };
        (0..targets).map(one).collect()
    };
    let expected = inputs.iter().map(answer).collect();
    let onnx = model("TreeEnsembleRegressor", 3, &["y"], attributes.concat());
    Case::new(onnx, inputs).expecting(expected).within(1e-4)
}

fn argmax(scores: &[f64]) -> f64 {
    (0..scores.len()).rev().max_by(|&a, &b| scores[a].total_cmp(&scores[b])).unwrap() as f64
}

fn softmax(scores: &[f64]) -> Vec<f64> {
    let sum: f64 = scores.iter().map(|s| s.exp()).sum();
    scores.iter().map(|s| s.exp() / sum).collect()
}

fn classification(classes: usize) -> Case {
    let nodes = trees(4, 3, 3, classes, &["BRANCH_LEQ"], 5);
    let labels: Vec<String> = (0..classes).map(|c| format!("class {c}")).collect();
    let labels = texts("classlabels_strings", &labels.iter().map(String::as_str).collect::<Vec<_>>());
    let attributes = [ensemble(&nodes, "class"), vec![labels, text("post_transform", "SOFTMAX")]].concat();
    let inputs = samples(16, 3);
    let answer = |x: &Vec<f64>| {
        let found = reached(&nodes, x);
        let scores: Vec<f64> = (0..classes).map(|c| found.iter().map(|w| w[c]).sum()).collect();
        [vec![argmax(&scores)], softmax(&scores)].concat()
    };
    let expected = inputs.iter().map(answer).collect();
    Case::new(model("TreeEnsembleClassifier", 3, &["label", "p"], attributes), inputs).expecting(expected)
}

/// One score for two classes: a margin.
fn binary_margin() -> Case {
    let nodes = trees(5, 2, 2, 1, &["BRANCH_LT"], 9);
    let more =
        vec![ints("classlabels_int64s", &[3, 7]), text("post_transform", "LOGISTIC"), floats("base_values", &[0.25])];
    let inputs = samples(16, 2);
    let answer = |x: &Vec<f64>| {
        let score = 0.25 + reached(&nodes, x).iter().map(|w| w[0]).sum::<f64>();
        let p = 1.0 / (1.0 + (-score).exp());
        vec![if score > 0.0 { 7.0 } else { 3.0 }, 1.0 - p, p]
    };
    let expected = inputs.iter().map(answer).collect();
    let attributes = [ensemble(&nodes, "class"), more].concat();
    Case::new(model("TreeEnsembleClassifier", 2, &["label", "p"], attributes), inputs).expecting(expected).within(2e-4)
}

fn case(op: &str, attributes: Vec<AttributeProto>, outputs: &[&str], answer: impl Fn(&[f64]) -> Vec<f64>) -> Case {
    let inputs = samples(12, 3);
    let expected = inputs.iter().map(|x| answer(x)).collect();
    Case::new(model(op, 3, outputs, attributes), inputs).expecting(expected)
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(x, y)| x * y).sum()
}

fn normalised(norm: &str) -> Case {
    case("Normalizer", vec![text("norm", norm)], &["y"], |x| {
        let size = match norm {
            "L1" => x.iter().map(|v| v.abs()).sum::<f64>(),
            "L2" => dot(x, x).sqrt(),
            _ => x.iter().fold(0.0f64, |m, v| m.max(v.abs())),
        };
        x.iter().map(|v| v / size).collect()
    })
}

const VECTORS: [[f64; 3]; 4] = [[0.5, -1.0, 0.25], [1.0, 0.5, -0.5], [-0.75, 1.0, 1.5], [0.25, 0.25, -1.0]];

fn kernel(kind: &str, v: &[f64; 3], x: &[f64]) -> f64 {
    let gap: f64 = v.iter().zip(x).map(|(a, b)| (a - b) * (a - b)).sum();
    match kind {
        "LINEAR" => dot(v, x),
        "POLY" => (0.25 * dot(v, x) + 0.5).powi(3),
        "RBF" => (-0.25 * gap).exp(),
        _ => (0.25 * dot(v, x) + 0.5).tanh(),
    }
}

fn svm(kind: &str) -> Vec<AttributeProto> {
    let vectors: Vec<f32> = VECTORS.iter().flatten().map(|&v| v as f32).collect();
    vec![text("kernel_type", kind), floats("kernel_params", &[0.25, 0.5, 3.0]), floats("support_vectors", &vectors)]
}

fn svm_regression(kind: &'static str) -> Case {
    let more = vec![floats("coefficients", &[1.0, -0.5, 0.75, 0.25]), floats("rho", &[0.125]), int("n_supports", 4)];
    case("SVMRegressor", [svm(kind), more].concat(), &["y"], |x| {
        let k: Vec<f64> = VECTORS.iter().map(|v| kernel(kind, v, x)).collect();
        vec![0.125 + dot(&[1.0, -0.5, 0.75, 0.25], &k)]
    })
}

/// Three classes of 1, 2 and 1 vectors.
fn svm_votes() -> Case {
    let (first, second) = ([0.5, -1.0, 0.25, -0.5], [1.0, 0.5, -0.75, -1.0]);
    let coefficients: Vec<f32> = first.iter().chain(&second).map(|&c| c as f32).collect();
    let more = vec![
        floats("coefficients", &coefficients),
        floats("rho", &[0.1, -0.2, 0.05]),
        ints("vectors_per_class", &[1, 2, 1]),
        ints("classlabels_ints", &[0, 1, 2]),
    ];
    case("SVMClassifier", [svm("RBF"), more].concat(), &["label", "scores"], move |x| {
        let k: Vec<f64> = VECTORS.iter().map(|v| kernel("RBF", v, x)).collect();
        // Classes (0, 1), (0, 2), (1, 2): each side's vectors with the coefficients of the other's row.
        let pairs = [
            0.1 + first[0] * k[0] + first[1] * k[1] + first[2] * k[2],
            -0.2 + second[0] * k[0] + first[3] * k[3],
            0.05 + second[1] * k[1] + second[2] * k[2] + second[3] * k[3],
        ];
        let mut votes = [0.0; 3];
        for (p, (i, j)) in pairs.iter().zip([(0, 1), (0, 2), (1, 2)]) {
            votes[if *p > 0.0 { i } else { j }] += 1.0;
        }
        [vec![argmax(&votes)], pairs.to_vec()].concat()
    })
}

op_conformance! {
    stumps: regression(3, 1, 1, "SUM"),
    two_levels: regression(3, 2, 1, "SUM"),
    three_levels_of_two_targets: regression(3, 3, 2, "AVERAGE"),
    four_levels: regression(2, 4, 1, "MAX"),
    seven_levels: regression(2, 7, 1, "MIN"),
    eight_levels: regression(1, 8, 2, "SUM"),
    two_classes: classification(2),
    four_classes: classification(4),
    two_classes_of_one_score: binary_margin(),
    scaler: case("Scaler", vec![floats("offset", &[1.0, 2.0, -1.0]), floats("scale", &[0.5, 2.0, 0.25])], &["y"], |x| {
        vec![(x[0] - 1.0) * 0.5, (x[1] - 2.0) * 2.0, (x[2] + 1.0) * 0.25]
    }),
    binarizer: case("Binarizer", vec![float("threshold", 0.5)], &["y"], |x| {
        x.iter().map(|&v| f64::from(v > 0.5)).collect()
    }),
    imputer: case("Imputer", vec![floats("imputed_value_floats", &[9.0]), float("replaced_value_float", 0.5)], &["y"], |x| {
        x.iter().map(|&v| if v == 0.5 { 9.0 } else { v }).collect()
    }),
    imputer_of_nan: case("Imputer", vec![floats("imputed_value_floats", &[9.0]), float("replaced_value_float", f32::NAN)], &["y"], |x| {
        x.to_vec()
    }),
    normalizer_l1: normalised("L1"),
    normalizer_l2: normalised("L2"),
    normalizer_max: normalised("MAX"),
    label_encoder: case("LabelEncoder", vec![floats("keys_floats", &[0.5, 1.0]), floats("values_floats", &[4.0, 5.0]), float("default_float", -2.0)], &["y"], |x| {
        x.iter().map(|&v| if v == 0.5 { 4.0 } else if v == 1.0 { 5.0 } else { -2.0 }).collect()
    }),
    one_hot: case("OneHotEncoder", vec![ints("cats_int64s", &[0, 1, -2])], &["y"], |x| {
        x.iter().flat_map(|&v| [0.0, 1.0, -2.0].map(|c| f64::from(v == c))).collect()
    }),
    linear_regressor: case("LinearRegressor", vec![floats("coefficients", &[0.5, -1.0, 2.0]), floats("intercepts", &[0.75])], &["y"], |x| {
        vec![dot(&[0.5, -1.0, 2.0], x) + 0.75]
    }),
    linear_classifier: case("LinearClassifier", vec![
        floats("coefficients", &[0.5, -1.0, 1.0, 0.25, 0.5, -0.5, -1.0, 0.5, 0.25]),
        floats("intercepts", &[0.1, 0.2, 0.3]),
        ints("classlabels_ints", &[0, 1, 2]),
        text("post_transform", "SOFTMAX"),
    ], &["label", "p"], |x| {
        let scores = [dot(&[0.5, -1.0, 1.0], x) + 0.1, dot(&[0.25, 0.5, -0.5], x) + 0.2, dot(&[-1.0, 0.5, 0.25], x) + 0.3];
        [vec![argmax(&scores)], softmax(&scores)].concat()
    }),
    linear_classifier_of_two: case("LinearClassifier", vec![
        floats("coefficients", &[0.5, -1.0, 1.0]),
        floats("intercepts", &[0.125]),
        ints("classlabels_ints", &[0, 1]),
        text("post_transform", "LOGISTIC"),
    ], &["label", "p"], |x| {
        let score = dot(&[0.5, -1.0, 1.0], x) + 0.125;
        let p = 1.0 / (1.0 + (-score).exp());
        vec![f64::from(score > 0.0), 1.0 - p, p]
    }),
    svm_linear: svm_regression("LINEAR"),
    svm_poly: svm_regression("POLY"),
    svm_rbf: svm_regression("RBF"),
    svm_sigmoid: svm_regression("SIGMOID"),
    svm_three_classes: svm_votes(),
}

fn rows(count: i64, depth: u32) -> usize {
    let nodes = trees(count, depth, 20, 1, &["BRANCH_LEQ"], 1);
    let onnx = model("TreeEnsembleRegressor", 20, &["y"], ensemble(&nodes, "target"));
    let compiled = compile(&onnx, None, None, &Options::default()).unwrap();
    let size = Size::of(&compiled.program);
    assert!(size.table_entries < 2 * size.rows, "{size:?}");
    size.rows
}

#[test]
fn ensembles_stay_small() {
    let (shallow, deep) = (rows(20, 3), rows(200, 6));
    assert!(shallow <= 294, "{shallow}");
    assert!(deep <= 14_105, "{deep}");
}

#[test]
fn features_in_the_thousands_need_no_specification() {
    let mut nodes = trees(2, 3, 2, 1, &["BRANCH_LEQ"], 4);
    nodes.iter_mut().for_each(|n| n.value *= 1000.0);
    let onnx = model("TreeEnsembleRegressor", 2, &["y"], ensemble(&nodes, "target"));
    let compiled = compile(&onnx, None, None, &Options::default()).unwrap();
    for x in [[1234.5, -2345.25], [-3999.0, 4e5], [0.0, -4e5]] {
        let scale = compiled.spec.fields[0].scale as f64;
        let raw = x.map(|v| (v * scale) as i64);
        let run = compiled.program.evaluate(&raw).unwrap();
        assert!(run.in_domain);
        let want: f64 = reached(&nodes, &x).iter().map(|w| w[0]).sum();
        assert!((compiled.reals(&run.outputs)[0] - want).abs() < 1e-4);
    }
}

#[test]
fn a_zip_map_is_dropped_with_its_type() {
    let attributes = vec![floats("coefficients", &[0.5, -1.0]), texts("classlabels_strings", &["no", "yes"])];
    let bytes = model("LinearClassifier", 2, &["label", "p"], attributes);
    let mut proto = ModelProto::decode(bytes.as_slice()).unwrap();
    let graph = proto.graph.as_mut().unwrap();
    let mut zip = graph.node[0].clone();
    zip.op_type = "ZipMap".into();
    zip.name = "zip".into();
    (zip.input, zip.output) = (vec!["p".into()], vec!["map".into()]);
    graph.node.push(zip);
    graph.output[1] = ValueInfoProto { name: "map".into(), r#type: Some(TypeProto::default()), ..Default::default() };
    proto.metadata_props.push(StringStringEntryProto::default());
    let compiled = compile(&proto.encode_to_vec(), None, None, &Options::default()).unwrap();
    let run = compiled.program.evaluate(&[65536, 0]).unwrap();
    assert_eq!(compiled.reals(&run.outputs), vec![1.0, -0.5, 0.5]);
}

#[test]
fn cycles_and_wild_indices_are_refused() {
    let nodes = trees(1, 2, 2, 1, &["BRANCH_LEQ"], 1);
    let refused = |nodes: &[Node]| {
        let onnx = model("TreeEnsembleRegressor", 2, &["y"], ensemble(nodes, "target"));
        compile(&onnx, None, None, &Options::default()).unwrap_err().to_string()
    };
    let edited = |edit: fn(&mut Node)| {
        let mut nodes = nodes.clone();
        edit(&mut nodes[0]);
        refused(&nodes)
    };
    assert!(edited(|n| n.yes = 0).contains("two parents"));
    assert!(edited(|n| n.no = 77).contains("no child 77"));
    assert!(edited(|n| n.feature = 2).contains("feature 2"));
    assert!(edited(|n| n.mode = "BRANCH_MEMBER").contains("BRANCH_MEMBER"));
}
