//! The norm of each window, of each channel. An element takes a lane for each product of its power, a root about six rows: of a square root, or of a table's read.

use crate::model::tensor::Tensor;
use crate::ops::window::{self, Axis};
use crate::quant::QuantError;
use crate::quant::builder::Builder;
use crate::quant::form::Form;

use crate::ops::elementwise::power;
use crate::ops::{Call, Op, Value};

/// See the module's head.
pub(super) struct LpPool;

impl Op for LpPool {
    fn name(&self) -> &'static str {
        "LpPool"
    }

    fn accepts(&self) -> &'static str {
        "a float tensor [N, C, d1, …] and p from 1 to 16"
    }

    fn lower(&self, builder: &mut Builder<'_>, call: &Call<'_>) -> Result<Vec<Value>, QuantError> {
        let (x, axes) = super::windows(call)?;
        let powers = powers(builder, call, &x)?;
        let taps = window::taps(&axes, Axis::source);
        let area = axes.iter().map(|a| a.input).product::<usize>();
        let read = |plane: &[Form], window: &[Option<usize>]| {
            super::sum(&window.iter().flatten().map(|&i| &plane[i]).collect::<Vec<_>>())
        };
        let planes = powers.chunks_exact(area.max(1));
        let sums: Vec<Form> = planes.flat_map(|plane| taps.iter().map(move |window| read(plane, window))).collect();
        let data = roots(builder, call, sums)?;
        super::output(call, &x, &axes, data)
    }
}

/// See the module's head.
pub(super) struct GlobalLpPool;

impl Op for GlobalLpPool {
    fn name(&self) -> &'static str {
        "GlobalLpPool"
    }

    fn accepts(&self) -> &'static str {
        "a float tensor [N, C, d1, …] and p from 1 to 16"
    }

    fn lower(&self, builder: &mut Builder<'_>, call: &Call<'_>) -> Result<Vec<Value>, QuantError> {
        let (x, area) = super::planes(call)?;
        let powers = powers(builder, call, &x)?;
        let sums = powers.chunks_exact(area).map(|plane| super::sum(&plane.iter().collect::<Vec<_>>())).collect();
        let result = Tensor::new(super::pooled_shape(&x), roots(builder, call, sums)?);
        Ok(vec![Value::Live(result.ok_or_else(|| call.refuse("the result has another size"))?)])
    }
}

/// `|x|^p`
fn powers(builder: &mut Builder<'_>, call: &Call<'_>, x: &Tensor<Form>) -> Result<Vec<Form>, QuantError> {
    let x = builder.compact(x.data())?;
    match call.int("p", 2)? {
        1 => builder.absolute(&x),
        2 => builder.multiply(&x, &x),
        p @ 3..=16 => {
            let x = if p % 2 == 1 { builder.absolute(&x)? } else { x };
            power(builder, &x, p as f64)
        }
        p => Err(call.refuse(format!("p is {p}"))),
    }
}

/// `sum^(1/p)`
fn roots(builder: &mut Builder<'_>, call: &Call<'_>, sums: Vec<Form>) -> Result<Vec<Form>, QuantError> {
    match call.int("p", 2)? {
        1 => Ok(sums),
        2 => builder.sqrt(&sums),
        4 => {
            let squares = builder.sqrt(&sums)?;
            builder.sqrt(&squares)
        }
        p => power(builder, &sums, 1.0 / p as f64),
    }
}

#[cfg(test)]
mod tests {
    use crate::model::fixture::{int, ints};
    use crate::ops::pooling::tests::{inputs, pool};
    use crate::testing::conformance::{Case, op_conformance};

    fn windows(p: i64) -> Case {
        let norm = |x: &[f64]| x.iter().map(|v| v.abs().powi(p as i32)).sum::<f64>().powf(1.0 / p as f64);
        let want = inputs(&[6]).iter().map(|x| vec![norm(&x[..2]), norm(&x[1..4]), norm(&x[3..6])]).collect();
        let attributes = vec![ints("kernel_shape", &[3]), ints("strides", &[2]), ints("pads", &[1, 0]), int("p", p)];
        Case::new(pool("LpPool", &[1, 1, 6], attributes, &[1, 1, 3]), inputs(&[6])).expecting(want)
    }

    fn global() -> Case {
        let norm = |x: &[f64]| x.iter().map(|v| v * v).sum::<f64>().sqrt();
        let want = inputs(&[8]).iter().map(|x| vec![norm(&x[..4]), norm(&x[4..])]).collect();
        Case::new(pool("GlobalLpPool", &[1, 2, 2, 2], vec![], &[1, 2, 1, 1]), inputs(&[8])).expecting(want)
    }

    op_conformance! {
        magnitudes: windows(1),
        euclidean: windows(2),
        cubes: windows(3).within(5e-3),
        fourth_powers: windows(4),
        whole_channels: global(),
    }

    #[test]
    fn other_norms_are_refused() {
        let onnx = pool("GlobalLpPool", &[1, 1, 2], vec![int("p", 17)], &[1, 1, 1]);
        let error = crate::quant::compile(&onnx, None, None, &Default::default()).unwrap_err().to_string();
        assert!(error.contains("p is 17"), "{error}");
    }
}
