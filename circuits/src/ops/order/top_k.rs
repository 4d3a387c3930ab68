//! The largest or smallest values along one dimension, and their positions, by a network of comparisons: about one lane each.
//!
//! The result is sorted also where the node does not ask for that.

use crate::model::tensor::Tensor;
use crate::quant::QuantError;
use crate::quant::builder::Builder;
use crate::quant::form::Form;

use crate::ops::reduction::Groups;
use crate::ops::{Call, Op, Value};

use super::arg_max::positions;

/// See the module's head.
pub(super) struct TopK;

impl Op for TopK {
    fn name(&self) -> &'static str {
        "TopK"
    }

    fn accepts(&self) -> &'static str {
        "one tensor and a constant k between 1 and the size of the axis"
    }

    fn lower(&self, builder: &mut Builder<'_>, call: &Call<'_>) -> Result<Vec<Value>, QuantError> {
        let x = call.forms(0)?;
        let axis = call.axis(call.int("axis", -1)?, x.shape().len())?;
        let k = match call.int_scalar(1)? {
            Some(k) => k,
            None => call.int("k", 0)?,
        };
        let size = x.shape()[axis];
        let k = usize::try_from(k).ok().filter(|&k| (1..=size).contains(&k));
        let k = k.ok_or_else(|| call.refuse(format!("k is no number from 1 to {size}")))?;
        let sign = if call.int("largest", 1)? != 0 { 1.0 } else { -1.0 };
        let groups = Groups::new(call, &x, &[axis], false)?;
        let (mut values, mut at) = (Vec::new(), Vec::new());
        for group in &groups.values {
            let signed: Vec<Form> = group.iter().map(|f| f.scaled(sign)).collect();
            let (top, places) = builder.top(&signed, k)?;
            values.extend(top.iter().map(|f| f.scaled(sign)));
            at.extend(places);
        }
        // The groups are rows; their axis goes back to its place.
        let rows = [&groups.shape[..], &[k]].concat();
        let rank = groups.shape.len();
        let order: Vec<usize> = (0..axis).chain([rank]).chain(axis..rank).collect();
        let back = |value: Option<Value>| {
            value.and_then(|v| v.transposed(&order)).ok_or_else(|| call.refuse("the sizes do not fit"))
        };
        let places = positions(call, rows.clone(), at)?;
        Ok(vec![back(Tensor::new(rows, values).map(Value::Live))?, back(Some(places))?])
    }
}

#[cfg(test)]
mod tests {
    use crate::model::fixture::{OnnxBuilder, int};
    use crate::testing::conformance::{Case, op_conformance};

    /// `TopK` of `x[n]`, with both outputs.
    fn model(n: i64, k: i64, largest: i64) -> Vec<u8> {
        let mut model = OnnxBuilder::new(&[1, n]);
        model.ints("k", &[k]).node("TopK", &["x", "k"], "v", vec![int("largest", largest)]).also("i");
        model.node("Cast", &["i"], "f", vec![int("to", 1)]);
        model.node("Concat", &["v", "f"], "y", vec![int("axis", 1)]).bytes(&[1, 2 * k])
    }

    fn case(inputs: Vec<Vec<f64>>, k: usize, largest: bool) -> Case {
        let expected = inputs.iter().map(|row| {
            let mut order: Vec<usize> = (0..row.len()).collect();
            order.sort_by(|&a, &b| if largest { row[b].total_cmp(&row[a]) } else { row[a].total_cmp(&row[b]) });
            order.truncate(k);
            order.iter().map(|&i| row[i]).chain(order.iter().map(|&i| i as f64)).collect()
        });
        let onnx = model(inputs[0].len() as i64, k as i64, i64::from(largest));
        Case::new(onnx, inputs.clone()).expecting(expected.collect())
    }

    fn seven() -> Vec<Vec<f64>> {
        vec![vec![0.5, 2.0, -1.0, 2.0, 0.5, -1.0, 3.25], vec![1.0; 7], vec![-3.0, -2.0, -1.0, 0.0, 1.0, 2.0, 3.0]]
    }

    /// The median of three publishers: the second of three.
    fn median() -> Case {
        let mut model = OnnxBuilder::new(&[3, 2]);
        model.ints("k", &[2]).ints("second", &[1]).node("TopK", &["x", "k"], "v", vec![int("axis", 0)]).also("i");
        let onnx = model.node("Gather", &["v", "second"], "y", vec![int("axis", 0)]).bytes(&[1, 2]);
        let inputs = vec![vec![100.25, 1.0, 99.5, 2.0, 101.0, 3.0], vec![100.0, 3.0, 100.0, 2.0, 90.0, 2.0]];
        Case::new(onnx, inputs).expecting(vec![vec![100.25, 2.0], vec![100.0, 2.0]])
    }

    op_conformance! {
        sorts_all: case(seven(), 7, true),
        keeps_the_two_largest: case(seven(), 2, true),
        keeps_the_three_smallest: case(seven(), 3, false),
        median_of_three: median(),
    }
}
