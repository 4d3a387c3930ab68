//! The compiler end to end: agreement with tract, totality, flags, determinism, the risk model.

use std::path::Path;

use proptest::prelude::*;
use rand::{Rng, SeedableRng, rngs::StdRng};

use super::bounds::{self, Interval};
use super::program::{Program, RAW_BITS, Step};
use super::report::Size;
use super::*;
use crate::model::fixture::{OnnxBuilder, float, int, ints, mlp};
use crate::model::{FloatModel, ModelSpec, ResolvedSpec};

const UNIT: i64 = 1 << 16;

fn bare(onnx: &[u8]) -> Compiled {
    compile(onnx, None, None, &Options::default()).unwrap()
}

/// Largest difference from tract over random inputs in `±reach`, all inside the domain of `±16`.
fn worst(onnx: &[u8], reach: f64) -> f64 {
    let compiled = bare(onnx);
    let float = FloatModel::from_onnx(onnx).unwrap();
    let mut rng = StdRng::seed_from_u64(1);
    let sample = |rng: &mut StdRng| {
        let limit = (reach * UNIT as f64) as i64;
        (0..compiled.program.inputs()).map(|_| rng.gen_range(-limit..=limit)).collect()
    };
    let samples = Calibration { samples: (0..200).map(|_| sample(&mut rng)).collect() };
    let report = Report::measure(&compiled, &float, &samples).unwrap();
    assert_eq!((report.clamped_samples, report.saturated_samples), (0, 0));
    serde_json::to_string(&report).unwrap();
    report.outputs.iter().filter_map(|o| o.max_error).fold(0.0, f64::max)
}

#[test]
fn agrees_with_tract_for_each_activation() {
    let cases = [
        ("Identity", vec![], 1e-4),
        ("Relu", vec![], 5e-4),
        ("LeakyRelu", vec![float("alpha", 0.2)], 5e-4),
        ("Sigmoid", vec![], 1e-4),
        ("Tanh", vec![], 1e-4),
    ];
    for (op, attributes, tolerance) in cases {
        let error = worst(&mlp(op, attributes), 15.9);
        assert!(error < tolerance, "{op}: {error}");
    }
}

#[test]
fn agrees_with_tract_on_elementwise_and_shape_ops() {
    let mut m = OnnxBuilder::new(&[2, 3]);
    m.weights("mean", &[3], &[0.5, -1.0, 2.0]).weights("std", &[3], &[2.0, 0.5, 4.0]).weights("two", &[], &[2.0]);
    m.random("w", &[3, 4], 1.0).ints("shape", &[0, -1]).ints("axes", &[0]);
    m.weights("lo", &[], &[-1.5]).weights("hi", &[], &[2.5]);
    m.node("Sub", &["x", "mean"], "c", vec![]).node("Div", &["c", "std"], "n", vec![]);
    m.node("MatMul", &["n", "w"], "p", vec![]).node("Clip", &["p", "lo", "hi"], "q", vec![]);
    m.node("Mul", &["two", "q"], "d", vec![]).node("Add", &["d", "p"], "s", vec![]);
    m.node("Transpose", &["s"], "t", vec![ints("perm", &[1, 0])]).node("Relu", &["t"], "r", vec![]);
    m.node("Unsqueeze", &["r", "axes"], "u", vec![]).node("Squeeze", &["u", "axes"], "v", vec![]);
    m.node("Reshape", &["v", "shape"], "w2", vec![]).node("Concat", &["w2", "w2"], "k", vec![int("axis", 1)]);
    m.node("Cast", &["k"], "f", vec![int("to", 1)]).node("Identity", &["f"], "i", vec![]);
    let onnx = m.node("Flatten", &["i"], "o", vec![int("axis", 0)]).bytes(&[1, 16]);
    let error = worst(&onnx, 15.9);
    assert!(error < 1e-3, "{error}");
}

/// Units per 1.0 of the first output.
fn output_unit(compiled: &Compiled) -> i64 {
    compiled.spec.outputs[0].scale as i64
}

#[test]
fn constants_fold_to_constant_outputs() {
    let mut m = OnnxBuilder::new(&[2]);
    m.weights("k", &[2], &[0.75, -3.0]).weights("zero", &[], &[0.0]);
    m.node("Sigmoid", &["k"], "s", vec![]).node("Mul", &["x", "zero"], "z", vec![]);
    let compiled = bare(&m.node("Add", &["s", "z"], "y", vec![]).bytes(&[2]));
    assert!(compiled.program.tables.is_empty());
    let expected: Vec<i64> =
        [0.75f64, -3.0].iter().map(|x| (output_unit(&compiled) as f64 / (1.0 + (-x).exp())).round() as i64).collect();
    assert_eq!(compiled.program.evaluate(&[5, -5]).unwrap().outputs, expected);
}

#[test]
fn domain_flag_is_exact_in_both_directions() {
    let compiled = bare(&mlp("Relu", vec![]));
    let edge = 16 * UNIT;
    let run = |x: i64| compiled.program.evaluate(&[x, 0, 0, 0]).unwrap();
    assert!(run(edge).in_domain && run(-edge).in_domain && run(0).in_domain);
    for outside in [edge + 1, -edge - 1, (1 << RAW_BITS) - 1, -(1 << RAW_BITS)] {
        assert!(!run(outside).in_domain, "{outside}");
        assert_eq!(run(outside).outputs, run(outside.signum() * edge).outputs);
        assert!(run(outside).unsaturated);
    }
}

#[test]
fn a_clip_of_the_graph_raises_no_flag_and_is_exact_at_the_end() {
    let mut m = OnnxBuilder::new(&[1]);
    m.weights("lo", &[], &[-2.0]).weights("hi", &[], &[3.0]).weights("k", &[], &[1.7]).weights("s", &[], &[100.0]);
    m.node("Mul", &["x", "k"], "m", vec![]).node("Clip", &["m", "lo", "hi"], "c", vec![]);
    let compiled = bare(&m.node("Mul", &["c", "s"], "y", vec![]).bytes(&[1]));
    let run = |x: i64| compiled.program.evaluate(&[x * UNIT]).unwrap();
    let unit = output_unit(&compiled);
    assert_eq!((run(15).outputs[0], run(-15).outputs[0]), (300 * unit, -200 * unit));
    assert!(run(15).unsaturated && run(15).in_domain);
}

/// Two products that cancel on the calibrated inputs, so that the interval bound is far above what is seen.
fn cancelling() -> (Vec<u8>, Calibration) {
    let mut m = OnnxBuilder::new(&[1, 2]);
    m.weights("w", &[2, 2], &[100.0, 100.0, -100.0, -99.0]).weights("v", &[2, 1], &[1.0, -0.5]);
    m.node("MatMul", &["x", "w"], "h", vec![]).node("Relu", &["h"], "r", vec![]);
    let onnx = m.node("MatMul", &["r", "v"], "y", vec![]).bytes(&[1, 1]);
    let samples = (-40..40).map(|i| vec![i * UNIT / 4, i * UNIT / 4 + (i % 3) * 64]).collect();
    (onnx, Calibration { samples })
}

#[test]
fn saturation_flag_is_exact_in_both_directions() {
    let (onnx, calibration) = cancelling();
    let compiled = compile(&onnx, None, Some(&calibration), &Options::default()).unwrap();
    let saturating: usize = compiled.layers.iter().map(|l| l.saturating).sum();
    assert!(saturating >= 1, "{:?}", compiled.layers);
    let float = FloatModel::from_onnx(&onnx).unwrap();
    let report = Report::measure(&compiled, &float, &calibration).unwrap();
    assert_eq!(report.saturated_samples, 0);
    assert!(report.outputs[0].max_error.unwrap() < 1e-2, "{:?}", report.outputs[0]);
    // 100·x0 - 100·x1 may grow to 8 times its calibrated magnitude, 2 · 64 units of difference, or to 8 quarters of the largest of its call.
    let calibrated = 2 * 64;
    let run = |difference: i64| compiled.program.evaluate(&[difference, 0]).unwrap();
    let (mut inside, mut outside) = (8 * calibrated - 8, 9 * UNIT);
    assert!(run(0).unsaturated && run(inside).unsaturated && !run(outside).unsaturated);
    while outside - inside > 1 {
        let middle = (inside + outside) / 2;
        *(if run(middle).unsaturated { &mut inside } else { &mut outside }) = middle;
    }
    // Up to there the answer follows both values, 100 d - 50 d. Beyond it the first one stands still and only the second is followed, until it stands still too; the flag is down all the way.
    let finer = output_unit(&compiled) / UNIT;
    let answer = |difference: i64| run(difference).outputs[0] / finer;
    assert!((answer(inside) - answer(inside - 1000) - 50_000).abs() <= 16);
    assert!((answer(outside + 1000) - answer(outside) + 50_000).abs() <= 16);
    assert_eq!(answer(9 * UNIT), answer(12 * UNIT));
    for far in [outside, outside + 16, 9 * UNIT] {
        let run = run(far);
        assert!(!run.unsaturated && run.in_domain, "{far}");
    }
}

#[test]
fn compilation_is_deterministic_and_bytes_are_canonical() {
    let onnx = mlp("Tanh", vec![]);
    let (a, b) = (bare(&onnx), bare(&onnx));
    assert_eq!(a.program.to_bytes(), b.program.to_bytes());
    let bytes = a.program.to_bytes();
    assert_eq!(Program::from_bytes(&bytes).unwrap(), a.program);
    assert_eq!(
        Program::from_bytes(&bytes[..bytes.len() - 1]),
        Err(QuantError::Encoding { reason: "truncated", offset: bytes.len() - 4 })
    );
    let longer = [bytes.as_slice(), &[0]].concat();
    let trailing = QuantError::Encoding { reason: "trailing bytes", offset: bytes.len() };
    assert_eq!(Program::from_bytes(&longer), Err(trailing));
    let json = serde_json::to_string(&a).unwrap();
    let again: Compiled = serde_json::from_str(&json).unwrap();
    assert!(again.program == a.program && again.spec == a.spec && again.options == a.options);
}

#[test]
fn bounds_refuse_a_lane_that_can_overflow() {
    let mut program = bare(&mlp("Relu", vec![])).program;
    let at = program.steps.iter().position(|s| matches!(s, Step::Linear(l) if l.operands.len() == 4)).unwrap();
    let Step::Linear(linear) = &mut program.steps[at] else { unreachable!() };
    linear.lanes[0].weights[0] *= 16;
    let error = bounds::check(&program).unwrap_err();
    assert!(
        matches!(&error, QuantError::Step { step, source } if *step == at && matches!(**source, QuantError::LaneRange { .. })),
        "{error}"
    );
}

#[test]
fn the_interpreter_refuses_wrong_widths_and_ranges() {
    let program = bare(&mlp("Relu", vec![])).program;
    assert_eq!(program.evaluate(&[0; 3]), Err(QuantError::InputWidth { expected: 4, got: 3 }));
    let value = 1 << RAW_BITS;
    let error = program.evaluate(&[0, value, 0, 0]).unwrap_err();
    assert_eq!(error, QuantError::RawRange { index: 1, value, bits: RAW_BITS });
}

#[test]
fn calibration_of_another_width_is_refused() {
    let calibration = Calibration { samples: vec![vec![0; 4], vec![0; 5]] };
    let error = compile(&mlp("Relu", vec![]), None, Some(&calibration), &Options::default()).unwrap_err();
    assert_eq!(error, QuantError::CalibrationWidth { sample: 1, expected: 4, got: 5 });
}

/// `y = x` for sources of one value each, with scale 1 and these domains.
fn passing(domains: &[(f64, f64)]) -> Result<Compiled, QuantError> {
    let schema = r#"{"name":"m","version":1,"period":60,"fields":[{"name":"p","unit":"usd","scale":1}]}"#;
    let inputs: Vec<String> =
        domains.iter().map(|(lo, hi)| format!(r#"{{"schema":"s","kind":"public","domain":[[{lo},{hi}]]}}"#)).collect();
    let outputs = vec![r#"{"name":"o","scale":1}"#; domains.len()].join(",");
    let json = format!(r#"{{"name":"t","inputs":[{}],"outputs":[{outputs}]}}"#, inputs.join(","));
    let spec = ModelSpec::parse(json.as_bytes(), |_| Ok(schema.as_bytes().to_vec()))?;
    let width = domains.len() as i64;
    let onnx = OnnxBuilder::new(&[width]).node("Identity", &["x"], "y", vec![]).bytes(&[width]);
    compile(&onnx, Some(&spec), None, &Options::default())
}

#[test]
fn clamps_are_exact_at_the_edges_of_the_raw_range() {
    let (min, max) = (-(1i64 << RAW_BITS), (1i64 << RAW_BITS) - 1);
    let cases = [(min, max), (min, min + 1), (max - 1, max), (min, 0), (0, max), (7, 7), (min + 1, max - 1)];
    let domains: Vec<(f64, f64)> = cases.iter().map(|&(lo, hi)| (lo as f64, hi as f64)).collect();
    let program = passing(&domains).unwrap().program;
    let inside: Vec<i64> = cases.iter().map(|c| c.0).collect();
    assert!(program.evaluate(&inside).unwrap().in_domain);
    for (i, &(lo, hi)) in cases.iter().enumerate() {
        for x in [min, min + 1, lo, lo + 1, -1, 0, 1, 7, hi - 1, hi, max - 1, max] {
            let x = x.clamp(min, max);
            let mut inputs = inside.clone();
            inputs[i] = x;
            let run = program.evaluate(&inputs).unwrap();
            assert_eq!((run.outputs[i], run.in_domain), (x.clamp(lo, hi), (lo..=hi).contains(&x)), "{i} {x}");
        }
    }
}

#[test]
fn domains_outside_the_raw_range_are_refused() {
    let far = (1u64 << RAW_BITS) as f64;
    let error = passing(&[(0.0, 1.0), (0.0, far)]).unwrap_err();
    assert_eq!(error, QuantError::InputDomain { index: 1, lo: 0.0, hi: far });
    let error = passing(&[(0.25, 0.75)]).unwrap_err();
    assert!(matches!(error, QuantError::InputDomain { index: 0, .. }), "{error}");
}

#[test]
fn an_input_with_one_allowed_value_is_a_constant() {
    let onnx = mlp("Sigmoid", vec![]);
    let domain = ["[0.5,0.5]"; 4].join(",");
    let fields = (0..4).map(|i| format!(r#"{{"name":"f{i}","unit":"1","scale":65536}}"#)).collect::<Vec<_>>().join(",");
    let schema = format!(r#"{{"name":"m","version":1,"period":60,"fields":[{fields}]}}"#);
    let output = r#"{"name":"o","scale":65536}"#;
    let text = format!(
        r#"{{"name":"t","inputs":[{{"schema":"s","kind":"public","domain":[{domain}]}}],"outputs":[{}]}}"#,
        [output; 3].join(",")
    );
    let spec = ModelSpec::parse(text.as_bytes(), |_| Ok(schema.as_bytes().to_vec())).unwrap();
    let compiled = compile(&onnx, Some(&spec), None, &Options::default()).unwrap();
    let float = FloatModel::from_onnx(&onnx).unwrap();
    let samples = Calibration { samples: vec![vec![UNIT / 2; 4], vec![-UNIT; 4]] };
    let report = Report::measure(&compiled, &float, &samples).unwrap();
    assert_eq!(report.clamped_samples, 1);
    assert!(report.outputs.iter().all(|o| o.max_error.unwrap() < 1e-4), "{:?}", report.outputs);
}

#[test]
fn an_output_that_needs_too_many_bits_is_refused() {
    let mut m = OnnxBuilder::new(&[1]);
    m.weights("k", &[], &[3e13]);
    let onnx = m.node("Mul", &["x", "k"], "y", vec![]).bytes(&[1]);
    let error = compile(&onnx, None, None, &Options::default()).unwrap_err();
    assert!(matches!(error, QuantError::OutputScale { index: 0, .. }), "{error}");
}

#[test]
fn options_out_of_range_are_refused() {
    let options = Options { margin: 0.5, ..Options::default() };
    let error = compile(&mlp("Relu", vec![]), None, None, &options).unwrap_err();
    let (value, accepted) = (0.5, "a finite number >= 1");
    assert_eq!(error, QuantError::Option { name: "margin", value, accepted });
}

fn raw() -> impl Strategy<Value = i64> {
    let Interval { lo, hi } = Interval::RAW;
    prop_oneof![lo..=hi, -2_000_000i64..2_000_000, Just(lo), Just(hi), Just(0)]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]
    #[test]
    fn no_input_fails(x in prop::collection::vec(raw(), 4)) {
        for op in ["Relu", "LeakyRelu", "Sigmoid", "Tanh"] {
            let compiled = bare(&mlp(op, vec![]));
            let wires = bounds::check(&compiled.program).unwrap();
            let run = compiled.program.evaluate(&x).unwrap();
            let inside = wires.iter().zip(&run.wires).all(|(b, v)| b.lo <= *v && *v <= b.hi);
            prop_assert!(inside);
            prop_assert_eq!(run.in_domain, x.iter().all(|v| v.abs() <= 16 * UNIT));
        }
    }

    #[test]
    fn damaged_programs_never_panic(at in 0usize..100_000, flip in 1u8.., x in prop::collection::vec(raw(), 4)) {
        let mut bytes = bare(&mlp("Sigmoid", vec![])).program.to_bytes();
        let length = bytes.len();
        bytes[at % length] ^= flip;
        if let Ok(program) = Program::from_bytes(&bytes) {
            prop_assert_eq!(&program.to_bytes(), &bytes);
            if bounds::check(&program).is_ok() {
                prop_assert!(program.inputs() != 4 || program.evaluate(&x).is_ok());
            }
        }
    }

    #[test]
    fn no_input_fails_where_values_saturate(x in prop::collection::vec(raw(), 2)) {
        let (onnx, calibration) = cancelling();
        let compiled = compile(&onnx, None, Some(&calibration), &Options::default()).unwrap();
        let wires = bounds::check(&compiled.program).unwrap();
        let run = compiled.program.evaluate(&x).unwrap();
        prop_assert!(wires.iter().zip(&run.wires).all(|(b, v)| b.lo <= *v && *v <= b.hi));
    }
}

fn risk() -> (Vec<u8>, ModelSpec, ResolvedSpec, Calibration) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../models/risk");
    let read = |name: &str| std::fs::read(folder.join(name)).unwrap();
    let spec = ModelSpec::load(&folder.join("model.json")).unwrap();
    let resolved = spec.resolve();
    let calibration = Calibration::parse(&read("calibration.json"), &resolved.scales()).unwrap();
    (read("risk.onnx"), spec, resolved, calibration)
}

#[test]
fn risk_model_is_within_five_basis_points() {
    let (onnx, spec, resolved, calibration) = risk();
    let compiled = compile(&onnx, Some(&spec), Some(&calibration), &Options::default()).unwrap();
    let float = FloatModel::from_onnx(&onnx).unwrap();
    let mut samples = calibration;
    let mut rng = StdRng::seed_from_u64(3);
    for _ in 0..500 {
        let draw = resolved.fields.iter().map(|f| {
            let (lo, hi) = f.domain_units();
            rng.gen_range(lo as i64..=hi as i64)
        });
        samples.samples.push(draw.collect());
    }
    let report = Report::measure(&compiled, &float, &samples).unwrap();
    let text = serde_json::to_string_pretty(&report).unwrap();
    assert!(report.outputs.iter().all(|o| o.max_error.unwrap() <= 1.5), "{text}");
    assert_eq!(report.clamped_samples, 0);
    assert!(Size::of(&compiled.program).rows < 1500, "{text}");
    if let Ok(path) = std::env::var("DODONA_PRINT_REPORT") {
        std::fs::write(path, text).unwrap();
    }
}
