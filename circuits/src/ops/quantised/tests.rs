//! Integers against integers computed directly, without any tolerance, and whole models against tract.

use rand::{Rng, SeedableRng, rngs::StdRng};
use tract_onnx::pb::{TensorProto, tensor_proto::DataType};

use crate::model::fixture::{OnnxBuilder, int, ints};
use crate::quant::{Options, QuantError, compile};
use crate::testing::conformance::{Case, op_conformance};

/// An integer initialiser of any type.
fn integers(m: &mut OnnxBuilder, name: &str, dims: &[i64], kind: DataType, data: &[i32]) {
    let tensor = TensorProto {
        name: name.into(),
        dims: dims.to_vec(),
        data_type: kind as i32,
        int32_data: data.to_vec(),
        ..Default::default()
    };
    m.graph().initializer.push(tensor);
}

/// `saturate(round(x) + zero)`; `None` close to a tie, where the rounding of `f32` decides.
fn rounded(x: f64, zero: i32, (lo, hi): (i32, i32)) -> Option<i32> {
    let clear = (x - x.floor() - 0.5).abs() > 0.01;
    clear.then(|| (x.round_ties_even() as i32 + zero).clamp(lo, hi))
}

const I8: (i32, i32) = (-128, 127);
const U8: (i32, i32) = (0, 255);

/// Random inputs in `±reach` that the formula has an answer for.
fn case(onnx: Vec<u8>, width: usize, reach: f64, formula: impl Fn(&[f64]) -> Option<Vec<f64>>) -> Case {
    let mut rng = StdRng::seed_from_u64(3);
    let (mut inputs, mut expected) = (Vec::new(), Vec::new());
    while inputs.len() < 6 {
        let x: Vec<f64> = (0..width).map(|_| (rng.gen_range(-reach..reach) * 65536.0).round() / 65536.0).collect();
        if let Some(y) = formula(&x) {
            inputs.push(x);
            expected.push(y);
        }
    }
    Case::new(onnx, inputs).expecting(expected).within(0.0)
}

/// `x[1, 4]` as int8 at 0.043 with zero point 3, then whatever follows.
fn quantised_input(m: &mut OnnxBuilder) {
    m.weights("s", &[], &[0.043]);
    integers(m, "z", &[], DataType::Int8, &[3]);
    m.node("QuantizeLinear", &["x", "s", "z"], "q", vec![]);
}

fn quantised(x: &[f64]) -> Option<Vec<i32>> {
    x.iter().map(|v| rounded(v / f64::from(0.043f32), 3, I8)).collect()
}

fn quantize() -> Case {
    let mut m = OnnxBuilder::new(&[1, 4]);
    quantised_input(&mut m);
    case(m.bytes(&[1, 4]), 4, 9.0, |x| Some(quantised(x)?.into_iter().map(f64::from).collect()))
}

/// Values taken from onnxruntime.
fn ties() -> Case {
    let mut m = OnnxBuilder::new(&[1, 8]);
    m.weights("s", &[], &[0.5]);
    integers(&mut m, "z", &[], DataType::Int8, &[3]);
    let onnx = m.node("QuantizeLinear", &["x", "s", "z"], "y", vec![]).bytes(&[1, 8]);
    let x = vec![0.25, 0.75, 1.25, -0.25, -0.75, 200.0, -200.0, 0.3];
    Case::new(onnx, vec![x]).expecting(vec![vec![3.0, 5.0, 5.0, 3.0, 1.0, 127.0, -128.0, 4.0]]).within(0.0)
}

fn along_an_axis() -> Case {
    let mut m = OnnxBuilder::new(&[2, 3]);
    m.weights("s", &[3], &[0.01, 0.3, 2.0]);
    integers(&mut m, "z", &[3], DataType::Uint16, &[30000, 5, 0]);
    m.node("QuantizeLinear", &["x", "s", "z"], "q", vec![int("axis", -1)]);
    let onnx = m.node("DequantizeLinear", &["q", "s", "z"], "y", vec![int("axis", 1)]).bytes(&[2, 3]);
    let (s, z) = ([0.01f32, 0.3, 2.0].map(f64::from), [30000, 5, 0]);
    let formula = move |x: &[f64]| {
        let one = |(i, v): (usize, &f64)| {
            let q = rounded(v / s[i % 3], z[i % 3], (0, 65535))?;
            Some(f64::from(q - z[i % 3]) * s[i % 3])
        };
        x.iter().enumerate().map(one).collect()
    };
    case(onnx, 6, 20.0, formula).within(1e-5)
}

/// 4 by 3, zero points along columns.
const B: [i32; 12] = [12, -7, 127, 0, 3, -128, 55, -60, 1, 2, -3, 4];
const B_ZERO: [i32; 3] = [1, 0, -5];

fn product(q: &[i32]) -> Vec<i32> {
    (0..3).map(|j| (0..4).map(|k| (q[k] - 3) * (B[3 * k + j] - B_ZERO[j])).sum()).collect()
}

fn matmul_integer() -> Case {
    let mut m = OnnxBuilder::new(&[1, 4]);
    quantised_input(&mut m);
    integers(&mut m, "b", &[4, 3], DataType::Int8, &B);
    integers(&mut m, "bz", &[3], DataType::Int8, &B_ZERO);
    let onnx = m.node("MatMulInteger", &["q", "b", "z", "bz"], "y", vec![]).bytes(&[1, 3]);
    case(onnx, 4, 7.0, |x| Some(product(&quantised(x)?).into_iter().map(f64::from).collect()))
}

/// What dynamic quantisation makes of a linear layer: integers by the range of the values, an integer product, and the scales afterwards.
fn dynamic() -> Case {
    let mut m = OnnxBuilder::new(&[1, 4]);
    integers(&mut m, "b", &[4, 3], DataType::Int8, &B);
    integers(&mut m, "bz", &[], DataType::Int8, &[0]);
    m.weights("bs", &[], &[0.02]);
    m.node("DynamicQuantizeLinear", &["x"], "q", vec![]).also("s").also("z");
    m.node("MatMulInteger", &["q", "b", "z", "bz"], "p", vec![]).node("Cast", &["p"], "f", vec![int("to", 1)]);
    m.node("Mul", &["s", "bs"], "t", vec![]);
    let onnx = m.node("Mul", &["f", "t"], "y", vec![]).bytes(&[1, 3]);
    let formula = |x: &[f64]| {
        let (low, high) = x.iter().fold((0.0f64, 0.0f64), |(l, h), &v| (l.min(v), h.max(v)));
        let scale = (high - low) / 255.0;
        let zero = (-low / scale).round_ties_even();
        let q: Vec<f64> = x.iter().map(|v| ((v / scale).round_ties_even() + zero).clamp(0.0, 255.0) - zero).collect();
        let sum = |j: usize| (0..4).map(|k| q[k] * f64::from(B[3 * k + j])).sum::<f64>() * scale * f64::from(0.02f32);
        Some((0..3).map(sum).collect())
    };
    case(onnx, 4, 7.0, formula).within(5e-3)
}

/// A batch of matrices on both sides, the right one constant.
fn batches() -> Case {
    let mut m = OnnxBuilder::new(&[2, 1, 4]);
    quantised_input(&mut m);
    let twice: Vec<i32> = B.iter().chain(&B).copied().collect();
    integers(&mut m, "b", &[2, 4, 3], DataType::Int8, &twice);
    integers(&mut m, "bz", &[], DataType::Int8, &[0]);
    let onnx = m.node("MatMulInteger", &["q", "b", "z", "bz"], "y", vec![]).bytes(&[2, 1, 3]);
    let formula = |x: &[f64]| {
        let q = quantised(x)?;
        let row =
            |q: &[i32]| (0..3).map(|j| (0..4).map(|k| (q[k] - 3) * B[3 * k + j]).sum::<i32>()).collect::<Vec<_>>();
        Some(q.chunks(4).flat_map(row).map(f64::from).collect())
    };
    case(onnx, 8, 7.0, formula)
}

/// `x · b` in integers, with a zero point that makes a Relu of the saturation, or one in the middle.
fn qlinear_matmul(relu: bool) -> Case {
    let mut m = OnnxBuilder::new(&[1, 4]);
    quantised_input(&mut m);
    integers(&mut m, "b", &[4, 3], DataType::Int8, &B);
    integers(&mut m, "bz", &[3], DataType::Int8, &B_ZERO);
    integers(&mut m, "yz", &[], DataType::Uint8, &[if relu { 0 } else { 128 }]);
    m.weights("bs", &[3], &[0.02, 0.03, 0.017]).weights("ys", &[], &[0.11]);
    m.node("QLinearMatMul", &["q", "s", "z", "b", "bs", "bz", "ys", "yz"], "p", vec![]);
    let onnx = m.node("DequantizeLinear", &["p", "ys", "yz"], "y", vec![]).bytes(&[1, 3]);
    let formula = move |x: &[f64]| {
        let zero = if relu { 0 } else { 128 };
        let scale = |j: usize| f64::from(0.043f32) * f64::from([0.02f32, 0.03, 0.017][j]) / f64::from(0.11f32);
        let sums = product(&quantised(x)?);
        let one = |(j, s): (usize, i32)| {
            Some(f64::from(rounded(f64::from(s) * scale(j), zero, U8)? - zero) * f64::from(0.11f32))
        };
        sums.into_iter().enumerate().map(one).collect()
    };
    case(onnx, 4, 7.0, formula).within(1e-5)
}

/// 2 channels in 2 groups, 4 outputs, a kernel of 3 over 5 places, padding 1 on the left, stride 2.
const W: [i32; 12] = [5, -9, 100, 127, -128, 1, 0, 44, -3, 17, 17, -80];

fn convolution(q: &[i32], zeros: [i32; 4]) -> Vec<i32> {
    let at = |c: usize, i: i32| usize::try_from(i).ok().filter(|&i| i < 5).map_or(0, |i| q[5 * c + i] - 3);
    let one = |m: usize, p: i32| (0..3).map(|k| at(m / 2, 2 * p - 1 + k) * (W[3 * m + k as usize] - zeros[m])).sum();
    (0..4).flat_map(|m| (0..2).map(move |p| (m, p))).map(|(m, p)| one(m, p)).collect()
}

fn conv_model() -> OnnxBuilder {
    let mut m = OnnxBuilder::new(&[1, 2, 5]);
    quantised_input(&mut m);
    integers(&mut m, "w", &[4, 1, 3], DataType::Int8, &W);
    m
}

fn conv_attributes() -> Vec<tract_onnx::pb::AttributeProto> {
    vec![int("group", 2), ints("strides", &[2]), ints("pads", &[1, 0]), ints("kernel_shape", &[3])]
}

fn conv_integer() -> Case {
    let mut m = conv_model();
    let onnx = m.node("ConvInteger", &["q", "w", "z"], "y", conv_attributes()).bytes(&[1, 4, 2]);
    case(onnx, 10, 7.0, |x| Some(convolution(&quantised(x)?, [0; 4]).into_iter().map(f64::from).collect()))
}

fn qlinear_conv() -> Case {
    let mut m = conv_model();
    integers(&mut m, "wz", &[4], DataType::Int8, &[0, 2, 0, -1]);
    integers(&mut m, "yz", &[], DataType::Int8, &[-7]);
    integers(&mut m, "bias", &[4], DataType::Int32, &[100, -5000, 0, 77]);
    m.weights("ws", &[4], &[0.02, 0.03, 0.017, 0.05]).weights("ys", &[], &[0.21]);
    let inputs = ["q", "s", "z", "w", "ws", "wz", "ys", "yz", "bias"];
    let onnx = m.node("QLinearConv", &inputs, "y", conv_attributes()).bytes(&[1, 4, 2]);
    let formula = |x: &[f64]| {
        let scale = |c: usize| f64::from(0.043f32) * f64::from([0.02f32, 0.03, 0.017, 0.05][c]) / f64::from(0.21f32);
        let sums = convolution(&quantised(x)?, [0, 2, 0, -1]);
        let one = |(i, s): (usize, i32)| {
            let c = i / 2;
            rounded(f64::from(s + [100, -5000, 0, 77][c]) * scale(c), -7, I8).map(f64::from)
        };
        sums.into_iter().enumerate().map(one).collect()
    };
    case(onnx, 10, 7.0, formula)
}

/// Constants fold: weights are stored as integers and used as reals.
fn folded_weights() -> Case {
    let mut m = OnnxBuilder::new(&[1, 4]);
    integers(&mut m, "b", &[4, 3], DataType::Uint8, &B.map(|v| v.rem_euclid(256)));
    integers(&mut m, "bz", &[3], DataType::Uint8, &[128, 0, 7]);
    m.weights("bs", &[3], &[0.02, 0.03, 0.017]);
    m.node("DequantizeLinear", &["b", "bs", "bz"], "w", vec![int("axis", 1)]);
    let onnx = m.node("MatMul", &["x", "w"], "y", vec![]).bytes(&[1, 3]);
    Case { expected: None, ..case(onnx, 4, 7.0, |_| Some(vec![])).within(1e-4) }
}

fn against_tract(case: Case) -> Case {
    Case { expected: None, ..case }.within(1e-5)
}

op_conformance! {
    quantizes_to_int8: quantize(),
    quantizes_ties_to_even: ties(),
    quantizes_along_an_axis: along_an_axis(),
    quantizes_by_the_range_of_the_values: dynamic(),
    multiplies_batches: batches(),
    multiplies_integers: matmul_integer(),
    multiplies_and_requantizes: qlinear_matmul(false),
    multiplies_and_cuts_at_zero: qlinear_matmul(true),
    convolves_integers: conv_integer(),
    convolves_and_requantizes: qlinear_conv(),
    folds_constants: folded_weights(),
    quantize_agrees_with_tract: against_tract(quantize()),
    qlinear_matmul_agrees_with_tract: against_tract(qlinear_matmul(false)),
}

#[test]
fn types_that_are_not_known_and_scales_that_are_not_positive_are_refused() {
    let error = |m: &mut OnnxBuilder| match compile(&m.bytes(&[1, 4]), None, None, &Options::default()) {
        Err(QuantError::Op(e)) => e.to_string(),
        other => panic!("{:?}", other.map(|_| ())),
    };
    let mut m = OnnxBuilder::new(&[1, 4]);
    m.weights("s", &[], &[-0.5]).node("QuantizeLinear", &["x", "s"], "y", vec![]);
    assert!(error(&mut m).contains("expected a positive number"));
    let mut m = OnnxBuilder::new(&[1, 4]);
    m.weights("s", &[], &[0.5]);
    integers(&mut m, "z", &[], DataType::Int32, &[1]);
    m.node("QuantizeLinear", &["x", "s", "z"], "y", vec![]);
    assert!(error(&mut m).contains("is not known"));
}
