//! The largest value of each window. One lane a comparison and one a result; see `max.rs`.

use crate::model::tensor::Tensor;
use crate::quant::QuantError;
use crate::quant::builder::Builder;

use crate::ops::{Call, Op, Value};

/// See the module's head.
pub(super) struct MaxPool;

impl Op for MaxPool {
    fn name(&self) -> &'static str {
        "MaxPool"
    }

    fn accepts(&self) -> &'static str {
        "a float tensor [N, C, d1, …]; not the optional second output"
    }

    fn lower(&self, builder: &mut Builder<'_>, call: &Call<'_>) -> Result<Vec<Value>, QuantError> {
        let (x, axes) = super::windows(call)?;
        if axes.iter().any(|a| (0..a.output).any(|o| (0..a.kernel).all(|t| a.source(o, t).is_none()))) {
            return Err(call.refuse("a window lies in the padding only"));
        }
        let data = super::max::pooled(builder, x.data(), &axes)?;
        super::output(call, &x, &axes, data)
    }
}

/// The largest value of each channel. One lane a comparison and one a result; see `max.rs`.
pub(super) struct GlobalMaxPool;

impl Op for GlobalMaxPool {
    fn name(&self) -> &'static str {
        "GlobalMaxPool"
    }

    fn accepts(&self) -> &'static str {
        "a float tensor [N, C, d1, …]"
    }

    fn lower(&self, builder: &mut Builder<'_>, call: &Call<'_>) -> Result<Vec<Value>, QuantError> {
        let (x, area) = super::planes(call)?;
        let aligned = builder.aligned(x.data(), area)?;
        let bounded =
            |plane: &[_]| plane.iter().map(|f: &crate::quant::form::Form| (f.clone(), builder.interval(f).1)).collect();
        let groups = aligned.chunks_exact(area).map(bounded).collect();
        let data: Vec<_> = super::max::maxima(builder, groups, 1)?.into_iter().map(|p| p.0).collect();
        let shape = super::pooled_shape(&x);
        Ok(vec![Value::Live(Tensor::new(shape, data).ok_or_else(|| call.refuse("the result has another size"))?)])
    }
}

#[cfg(test)]
mod tests {
    use tract_onnx::pb::AttributeProto;

    use crate::model::fixture::{OnnxBuilder, int, ints, text};
    use crate::ops::pooling::tests::{inputs, pool};
    use crate::testing::conformance::{Case, op_conformance};

    fn case(x: &[i64], attributes: Vec<AttributeProto>, y: &[i64]) -> Case {
        Case::new(pool("MaxPool", x, attributes, y), inputs(x))
    }

    /// After a convolution, whose outputs are forms of many terms.
    fn after_conv() -> Case {
        let mut m = OnnxBuilder::new(&[1, 1, 5, 5]);
        m.random("w", &[2, 1, 2, 2], 1.0).node("Conv", &["x", "w"], "h", vec![]);
        let attributes = vec![ints("kernel_shape", &[2, 2]), ints("strides", &[2, 2])];
        Case::new(m.node("MaxPool", &["h"], "y", attributes).bytes(&[1, 2, 2, 2]), inputs(&[25]))
    }

    /// tract rounds down whatever `ceil_mode` says of dilated windows.
    fn dilated() -> Case {
        let x = [7];
        let want = inputs(&x).iter().map(|x| (0..4).map(|o| x[o].max(x[o + 3])).collect()).collect();
        let attributes = vec![ints("kernel_shape", &[2]), ints("dilations", &[3])];
        Case::new(pool("MaxPool", &[1, 1, 7], attributes, &[1, 1, 4]), inputs(&x)).expecting(want)
    }

    fn ceil() -> Case {
        let x = [6];
        let want = inputs(&x)
            .iter()
            .map(|x| vec![x[0].max(x[1]).max(x[2]), x[2].max(x[3]).max(x[4]), x[4].max(x[5])])
            .collect();
        let attributes = vec![ints("kernel_shape", &[3]), ints("strides", &[2]), int("ceil_mode", 1)];
        Case::new(pool("MaxPool", &[1, 1, 6], attributes, &[1, 1, 3]), inputs(&x)).expecting(want)
    }

    fn global() -> Case {
        Case::new(pool("GlobalMaxPool", &[2, 2, 3, 3], vec![], &[2, 2, 1, 1]), inputs(&[36]))
    }

    op_conformance! {
        one_dimension: case(&[1, 2, 5], vec![ints("kernel_shape", &[2])], &[1, 2, 4]),
        two_dimensions: case(&[1, 1, 4, 4], vec![ints("kernel_shape", &[2, 2]), ints("strides", &[2, 2])], &[1, 1, 2, 2]),
        overlapping_and_padded: case(
            &[1, 1, 4, 4],
            vec![ints("kernel_shape", &[3, 3]), ints("strides", &[2, 2]), ints("pads", &[1, 1, 1, 1])],
            &[1, 1, 2, 2],
        ),
        three_dimensions: case(&[1, 1, 2, 3, 2], vec![ints("kernel_shape", &[2, 2, 2])], &[1, 1, 1, 2, 1]),
        same_upper: case(&[1, 1, 5], vec![ints("kernel_shape", &[2]), ints("strides", &[2]), text("auto_pad", "SAME_UPPER")], &[1, 1, 3]),
        dilated_windows: dilated(),
        ceil_mode: ceil(),
        forms_of_many_terms: after_conv(),
        global_maximum: global(),
    }

    #[test]
    fn bounds_are_those_of_the_inputs() {
        let onnx = pool("MaxPool", &[1, 1, 6, 6], vec![ints("kernel_shape", &[3, 3])], &[1, 1, 4, 4]);
        let raw: Vec<i64> = (0..36).map(|i| (i * 7919 % 36 - 18) << 14).collect();
        let seen = crate::quant::Calibration { samples: vec![raw.clone(), raw.iter().map(|v| -v).collect()] };
        let compiled = crate::quant::compile(&onnx, None, Some(&seen), &Default::default()).unwrap();
        let bounds = crate::quant::bounds::check(&compiled.program).unwrap();
        let unit = compiled.spec.outputs[0].scale as i64;
        let finer = unit >> 16;
        for &wire in &compiled.program.outputs {
            let found = bounds[wire as usize];
            assert!(found.lo >= -16 * unit && found.hi <= 16 * unit, "{found:?}");
        }
        let run = compiled.program.evaluate(&raw).unwrap();
        let want = |y: usize, x: usize| (0..9).map(|t| raw[(y + t / 3) * 6 + x + t % 3]).max().unwrap();
        let expected: Vec<i64> = (0..16).map(|o| want(o / 4, o % 4)).collect();
        assert!(
            run.outputs.iter().zip(&expected).all(|(got, want)| (got / finer - want).abs() <= 4),
            "{:?}",
            run.outputs
        );
    }
}
