//! The last dimensions centred and brought to unit variance, then scaled and shifted; RMSNormalization and its older name SimplifiedLayerNormalization do not centre. About 4 rows an element; see `quant/normalise.rs`.

use crate::quant::QuantError;
use crate::quant::builder::Builder;

use crate::ops::linear::constant;
use crate::ops::{Call, Op, Value};

use super::rows::{self, Norm};

/// See the module's head.
pub(super) struct LayerNormalization {
    pub name: &'static str,
    pub centred: bool,
}

impl Op for LayerNormalization {
    fn name(&self) -> &'static str {
        self.name
    }

    fn accepts(&self) -> &'static str {
        "a float tensor with a constant scale and an optional constant bias; only the first output"
    }

    fn lower(&self, builder: &mut Builder<'_>, call: &Call<'_>) -> Result<Vec<Value>, QuantError> {
        let x = call.forms(0)?;
        let rank = x.shape().len();
        let axes: Vec<usize> = match call.int_list("axes")? {
            // Written out by the exporter: see `model/fuse.rs`.
            Some(axes) => axes.iter().map(|&a| call.axis(a, rank)).collect::<Result<_, _>>()?,
            None => (call.axis(call.int("axis", -1)?, rank)?..rank).collect(),
        };
        let epsilon = super::epsilon(call)?;
        let norm = Norm { centred: self.centred, mean: true, epsilon };
        let normal = rows::normalise_rows(builder, x.data(), &rows::over_axes(x.shape(), &axes), norm)?;
        let bias = if call.optional(2).is_some() { Some(constant(call, 2)?) } else { None };
        Ok(vec![Value::Live(rows::affine(call, x.shape(), normal, constant(call, 1)?, bias)?)])
    }
}

#[cfg(test)]
mod tests {
    use crate::model::fixture::{OnnxBuilder, float, int, ints};
    use crate::quant::{Calibration, Options, compile};
    use crate::testing::conformance::{Case, op_conformance};

    /// The mean subtracted (or not), divided by the root of the mean square.
    fn normal(x: &[f64], centred: bool, epsilon: f64) -> Vec<f64> {
        let n = x.len() as f64;
        let mean = if centred { x.iter().sum::<f64>() / n } else { 0.0 };
        let square = x.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / n;
        x.iter().map(|v| (v - mean) / (square + epsilon).sqrt()).collect()
    }

    fn inputs() -> Vec<Vec<f64>> {
        vec![
            (0..8).map(|i| (i as f64 * 1.7).sin() * 2.0 + 0.5).collect(),
            vec![1.0, -2.0, 0.5, 3.0, 0.1, 0.2, -0.1, 0.0],
        ]
    }

    fn model(op: &str, shape: &[i64], axis: i64) -> Vec<u8> {
        let mut m = OnnxBuilder::new(shape);
        let tail = &shape[(shape.len() as i64 + axis) as usize..];
        let count = tail.iter().product::<i64>();
        m.weights("s", tail, &vec![1.0; count as usize]).weights("b", tail, &vec![0.25; count as usize]);
        let mut names = vec!["x", "s"];
        if op == "LayerNormalization" {
            names.push("b");
        }
        m.node(op, &names, "y", vec![int("axis", axis), float("epsilon", 1e-3)]).bytes(shape)
    }

    fn layer(shape: &[i64], axis: i64) -> Case {
        let length = shape[(shape.len() as i64 + axis) as usize..].iter().product::<i64>() as usize;
        let row = |r: &[f64]| normal(r, true, 1e-3).into_iter().map(|v| v + 0.25).collect::<Vec<_>>();
        let want = inputs().iter().map(|x| x.chunks(length).flat_map(row).collect()).collect();
        Case::new(model("LayerNormalization", shape, axis), inputs()).expecting(want)
    }

    fn root(op: &str) -> Case {
        let want = inputs().iter().map(|x| x.chunks(4).flat_map(|r| normal(r, false, 1e-3)).collect()).collect();
        Case::new(model(op, &[2, 4], -1), inputs()).expecting(want)
    }

    op_conformance! {
        last_dimension: layer(&[2, 4], -1),
        two_dimensions: layer(&[1, 4, 2], -2),
        root_mean_square: root("RMSNormalization"),
        simplified: root("SimplifiedLayerNormalization"),
    }

    /// Largest error over rows of many sizes of spread, all inside the domain of `±16`.
    fn worst(width: usize, calibrated: bool, spreads: &[f64]) -> f64 {
        let mut m = OnnxBuilder::new(&[1, width as i64]);
        let ones = vec![1.0; width];
        m.weights("s", &[width as i64], &ones);
        let onnx = m.node("LayerNormalization", &["x", "s"], "y", vec![]).bytes(&[1, width as i64]);
        let row = |k: usize, spread: f64| {
            (0..width).map(|i| ((i * i * 7 + k * 13) as f64).sin() * spread + (k as f64).cos()).collect::<Vec<f64>>()
        };
        let rows: Vec<Vec<f64>> = (0..40).map(|k| row(k, spreads[k % spreads.len()])).collect();
        let samples = Calibration::from_reals(&rows, &vec![1 << 16; width]).unwrap();
        let compiled = compile(&onnx, None, calibrated.then_some(&samples), &Options::default()).unwrap();
        let mut worst: f64 = 0.0;
        for raw in &samples.samples {
            let run = compiled.program.evaluate(raw).unwrap();
            assert!(run.unsaturated && run.in_domain);
            let x: Vec<f64> = raw.iter().map(|&v| v as f64 / 65536.0).collect();
            for (got, want) in compiled.reals(&run.outputs).iter().zip(normal(&x, true, 1e-5)) {
                worst = worst.max((got - want).abs());
            }
        }
        worst
    }

    #[test]
    fn is_accurate_with_and_without_calibration() {
        for width in [4, 8, 16, 64] {
            for calibrated in [false, true] {
                let error = worst(width, calibrated, &[0.1, 1.0, 10.0]);
                // 0.13 % of the outputs' range, -1.5 to 1.5 at least, also for rows a hundred times smaller than others.
                assert!(error < 4e-3, "{width} {calibrated}: {error}");
            }
        }
    }

    #[test]
    fn rows_without_variance_give_the_bias() {
        for calibration in [None, Some(Calibration { samples: vec![vec![3 << 16; 8], vec![-(1 << 14); 8]] })] {
            let onnx = model("LayerNormalization", &[2, 4], -1);
            let compiled = compile(&onnx, None, calibration.as_ref(), &Options::default()).unwrap();
            for value in [0, 1, -1, 12345, 1 << 16, -(16 << 16), 16 << 16, 1 << 38, -(1 << 39)] {
                let run = compiled.program.evaluate(&[value; 8]).unwrap();
                for got in compiled.reals(&run.outputs) {
                    assert!((got - 0.25).abs() < 5e-3, "{value}: {got}");
                }
            }
        }
    }

    /// One attention block of two heads over four tokens of eight values, with a residual path, then the normalisation.
    fn encoder() -> Vec<u8> {
        let mut m = OnnxBuilder::new(&[1, 4, 8]);
        for name in ["wq", "wk", "wv", "wo"] {
            m.random(name, &[8, 8], 0.5);
        }
        m.weights("root", &[], &[0.5]).random("s", &[8], 1.5).random("b", &[8], 0.5);
        m.ints("heads", &[1, 4, 2, 4]).ints("flat", &[1, 4, 8]);
        for (weights, output, order) in
            [("wq", "q", [0, 2, 1, 3]), ("wk", "k", [0, 2, 3, 1]), ("wv", "v", [0, 2, 1, 3])]
        {
            let (full, cut) = (format!("{output}1"), format!("{output}2"));
            m.node("MatMul", &["x", weights], &full, vec![]).node("Reshape", &[&full, "heads"], &cut, vec![]);
            m.node("Transpose", &[&cut], output, vec![ints("perm", &order)]);
        }
        m.node("MatMul", &["q", "k"], "qk", vec![]).node("Mul", &["qk", "root"], "scores", vec![]);
        m.node("Softmax", &["scores"], "p", vec![int("axis", -1)]).node("MatMul", &["p", "v"], "pv", vec![]);
        m.node("Transpose", &["pv"], "t", vec![ints("perm", &[0, 2, 1, 3])]).node(
            "Reshape",
            &["t", "flat"],
            "j",
            vec![],
        );
        m.node("MatMul", &["j", "wo"], "o", vec![]).node("Add", &["o", "x"], "r", vec![]);
        m.node("LayerNormalization", &["r", "s", "b"], "y", vec![int("axis", -1)]).bytes(&[1, 4, 8])
    }

    /// Against tract; the circuit's side is tested op by op.
    #[test]
    fn an_encoder_block_is_accurate_with_calibration() {
        let onnx = encoder();
        let row = |k: usize| (0..32).map(|i| ((i * i * 3 + k * 17) as f64).sin() * 1.5).collect::<Vec<f64>>();
        let rows: Vec<Vec<f64>> = (0..16).map(row).collect();
        let samples = Calibration::from_reals(&rows, &[1 << 16; 32]).unwrap();
        let float = crate::model::FloatModel::from_onnx(&onnx).unwrap();
        let compiled = compile(&onnx, None, Some(&samples), &Options::default()).unwrap();
        let report = crate::quant::Report::measure(&compiled, &float, &samples).unwrap();
        assert_eq!((report.clamped_samples, report.saturated_samples), (0, 0));
        let size = report.outputs.iter().fold(0.0f64, |m, o| m.max(o.max.abs()).max(o.min.abs()));
        let error = report.outputs.iter().fold(0.0f64, |m, o| m.max(o.max_error.unwrap()));
        assert!(error <= 2e-3 * size, "{error} of {size}, {} rows", report.size.rows);
    }
}
