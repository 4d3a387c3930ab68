//! The mean of each window, of each channel. Free.

use crate::model::tensor::Tensor;
use crate::ops::window::{self, Axis};
use crate::quant::QuantError;
use crate::quant::builder::Builder;
use crate::quant::form::Form;

use crate::ops::{Call, Op, Value};

/// See the module's head.
pub(super) struct AveragePool;

impl Op for AveragePool {
    fn name(&self) -> &'static str {
        "AveragePool"
    }

    fn accepts(&self) -> &'static str {
        "a float tensor [N, C, d1, …]"
    }

    fn lower(&self, builder: &mut Builder<'_>, call: &Call<'_>) -> Result<Vec<Value>, QuantError> {
        let (x, axes) = super::windows(call)?;
        let with_padding = call.int("count_include_pad", 0)? != 0;
        let taps = window::taps(&axes, Axis::source);
        let overlap = axes.iter().any(|a| a.kernel > a.stride);
        let x = crate::ops::linear::prepared(builder, &x, if overlap { x.len() } else { 1 })?;
        let mut data = Vec::new();
        for plane in x.data().chunks_exact(axes.iter().map(|a| a.input).product::<usize>().max(1)) {
            for (flat, window) in taps.iter().enumerate() {
                let read: Vec<&Form> = window.iter().flatten().map(|&i| &plane[i]).collect();
                let count = if with_padding { covered(&axes, flat) } else { read.len() };
                data.push(super::sum(&read).scaled(1.0 / count.max(1) as f64));
            }
        }
        super::output(call, &x, &axes, data)
    }
}

/// Taps of a window that lie in the input or its padding.
fn covered(axes: &[Axis], window: usize) -> usize {
    let (mut rest, mut count) = (window, 1);
    for axis in axes.iter().rev() {
        count *= axis.covered(rest % axis.output);
        rest /= axis.output;
    }
    count
}

/// See the module's head.
pub(super) struct GlobalAveragePool;

impl Op for GlobalAveragePool {
    fn name(&self) -> &'static str {
        "GlobalAveragePool"
    }

    fn accepts(&self) -> &'static str {
        "a float tensor [N, C, d1, …]"
    }

    fn lower(&self, _builder: &mut Builder<'_>, call: &Call<'_>) -> Result<Vec<Value>, QuantError> {
        let (x, area) = super::planes(call)?;
        let mean = |plane: &[Form]| super::sum(&plane.iter().collect::<Vec<_>>()).scaled(1.0 / area as f64);
        let data = x.data().chunks_exact(area).map(mean).collect();
        let result = Tensor::new(super::pooled_shape(&x), data);
        Ok(vec![Value::Live(result.ok_or_else(|| call.refuse("the result has another size"))?)])
    }
}

#[cfg(test)]
mod tests {
    use tract_onnx::pb::AttributeProto;

    use crate::model::fixture::{int, ints};
    use crate::ops::pooling::tests::{inputs, pool};
    use crate::testing::conformance::{Case, op_conformance};

    fn case(x: &[i64], attributes: Vec<AttributeProto>, y: &[i64]) -> Case {
        Case::new(pool("AveragePool", x, attributes, y), inputs(x))
    }

    fn padded(include: i64) -> Case {
        let attributes = vec![ints("kernel_shape", &[2]), ints("pads", &[1, 0]), int("count_include_pad", include)];
        case(&[1, 1, 4], attributes, &[1, 1, 4])
    }

    /// Windows that reach past the padding count the input and the padding only.
    fn ceil() -> Case {
        let want =
            inputs(&[4]).iter().map(|x| vec![(x[0] + x[1]) / 3.0, (x[1] + x[2] + x[3]) / 3.0, x[3] / 2.0]).collect();
        let attributes = vec![
            ints("kernel_shape", &[3]),
            ints("strides", &[2]),
            ints("pads", &[1, 1]),
            int("ceil_mode", 1),
            int("count_include_pad", 1),
        ];
        Case::new(pool("AveragePool", &[1, 1, 4], attributes, &[1, 1, 3]), inputs(&[4])).expecting(want)
    }

    op_conformance! {
        two_dimensions: case(&[1, 2, 3, 3], vec![ints("kernel_shape", &[2, 2])], &[1, 2, 2, 2]),
        padding_not_counted: padded(0),
        padding_counted: padded(1),
        ceil_mode: ceil(),
        global: Case::new(pool("GlobalAveragePool", &[2, 2, 3], vec![], &[2, 2, 1]), inputs(&[12])),
    }
}
