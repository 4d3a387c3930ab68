//! The matrix product of numpy: vectors, matrices, broadcast batches. Free with a constant factor; see `product.rs`.

use crate::quant::QuantError;
use crate::quant::builder::Builder;

use crate::ops::{Call, Op, Value};

/// See the module's head.
pub(super) struct MatMul;

impl Op for MatMul {
    fn name(&self) -> &'static str {
        "MatMul"
    }

    fn accepts(&self) -> &'static str {
        "two tensors of numbers whose inner sizes agree and whose leading sizes broadcast"
    }

    fn lower(&self, builder: &mut Builder<'_>, call: &Call<'_>) -> Result<Vec<Value>, QuantError> {
        let (a, b) = (call.input(0)?, call.input(1)?);
        let (rank_a, rank_b) = (a.shape().len(), b.shape().len());
        if rank_a == 0 || rank_b == 0 {
            return Err(call.refuse("a factor is a scalar"));
        }
        // A vector on the left is a row, on the right a column; that dimension leaves the result again.
        let row = if rank_a == 1 { a.reshaped(&[1, a.shape()[0]]) } else { Some(a.clone()) };
        let column = if rank_b == 1 { b.reshaped(&[b.shape()[0], 1]) } else { Some(b.clone()) };
        let (Some(row), Some(column)) = (row, column) else { return Err(call.refuse("a vector has another size")) };
        // A bias comes from `model/fuse.rs`, behind a constant matrix alone.
        let bias = match (call.optional(2), b) {
            (None, _) => None,
            (Some(Value::Real(bias)), Value::Real(_)) if rank_b == 2 && bias.shape() == &b.shape()[1..] => {
                Some(bias.data())
            }
            (Some(_), _) => return Err(call.refuse("more than two factors")),
        };
        let product = super::product::batched_with(builder, call, &row, &column, true, bias)?;
        let mut shape = product.shape().to_vec();
        if rank_b == 1 {
            shape.pop();
        }
        if rank_a == 1 {
            shape.remove(shape.len() - if rank_b == 1 { 1 } else { 2 });
        }
        let product = product.reshaped(shape).ok_or_else(|| call.refuse("the product has another size"))?;
        Ok(vec![Value::Live(product)])
    }
}

#[cfg(test)]
mod tests {
    use crate::model::fixture::{OnnxBuilder, int};
    use crate::testing::conformance::{Case, op_conformance};

    fn ramp(count: usize) -> Vec<Vec<f64>> {
        vec![(0..count).map(|i| (i as f64 * 0.7).sin() * 3.0).collect(), (0..count).map(|i| i as f64 / 4.0).collect()]
    }

    /// `x · w`, or `w · x`, for random `w`.
    fn constant(x: &[i64], w: &[i64], left: bool, y: &[i64]) -> Case {
        let mut m = OnnxBuilder::new(x);
        m.random("w", w, 1.0);
        let factors = if left { ["w", "x"] } else { ["x", "w"] };
        Case::new(m.node("MatMul", &factors, "y", vec![]).bytes(y), ramp(x.iter().product::<i64>() as usize))
    }

    /// `x · (xᵀ)`-like product of two live tensors: `x` and a reshaped copy.
    fn live(x: &[i64], other: &[i64], y: &[i64]) -> Case {
        let mut m = OnnxBuilder::new(x);
        m.ints("shape", other).node("Reshape", &["x", "shape"], "r", vec![]);
        Case::new(m.node("MatMul", &["x", "r"], "y", vec![]).bytes(y), ramp(x.iter().product::<i64>() as usize))
    }

    /// tract has no product of two vectors.
    fn vectors() -> Case {
        let w = [0.5f32, -1.0, 2.0];
        let mut m = OnnxBuilder::new(&[3]);
        m.weights("w", &[3], &w);
        let want = ramp(3).iter().map(|x| vec![x.iter().zip(w).map(|(x, w)| x * f64::from(w)).sum()]).collect();
        Case::new(m.node("MatMul", &["x", "w"], "y", vec![]).bytes(&[]), ramp(3)).expecting(want)
    }

    fn live_dot() -> Case {
        let want = ramp(4).iter().map(|x| vec![x.iter().map(|x| x * x).sum()]).collect();
        live(&[4], &[4], &[]).expecting(want)
    }

    /// A second product of a batch: its input has forms of many terms, which are compacted once.
    fn chained() -> Case {
        let mut m = OnnxBuilder::new(&[3, 4]);
        m.random("v", &[4, 5], 1.0).random("w", &[5, 2], 1.0);
        m.node("MatMul", &["x", "v"], "h", vec![]);
        Case::new(m.node("MatMul", &["h", "w"], "y", vec![]).bytes(&[3, 2]), ramp(12))
    }

    /// Integers and booleans from comparisons, times an integer matrix.
    fn integers() -> Case {
        let mut m = OnnxBuilder::new(&[1, 3]);
        m.weights("t", &[3], &[0.5, -1.0, 2.0]).int_tensor("w", &[3, 2], &[1, -2, 3, 4, 0, 7]);
        m.node("Less", &["t", "x"], "c", vec![]).node("Cast", &["c"], "i", vec![int("to", 7)]);
        let onnx = m.node("MatMul", &["i", "w"], "y", vec![]).bytes(&[1, 2]);
        Case::new(onnx, vec![vec![1.0, 0.0, 3.0], vec![0.0, -2.0, 2.5]]).expecting(vec![vec![4.0, 9.0], vec![0.0, 7.0]])
    }

    op_conformance! {
        integer_factors: integers(),
        vector_times_matrix: constant(&[3], &[3, 2], false, &[2]),
        matrix_times_vector: constant(&[3], &[2, 3], true, &[2]),
        vector_times_vector: vectors(),
        batch_times_one_matrix: constant(&[2, 2, 3], &[3, 2], false, &[2, 2, 2]),
        batch_times_batch: constant(&[2, 2, 3], &[2, 3, 2], false, &[2, 2, 2]),
        batch_of_constants_on_the_left: constant(&[3, 2], &[2, 2, 3], true, &[2, 2, 2]),
        both_broadcast: constant(&[2, 1, 2, 3], &[2, 3, 1], false, &[2, 2, 2, 1]),
        live_matrices: live(&[2, 3], &[3, 2], &[2, 2]),
        live_batches: live(&[2, 2, 3], &[2, 3, 2], &[2, 2, 2]),
        live_vectors: live_dot(),
        forms_of_many_terms: chained(),
    }

    #[test]
    fn sizes_that_do_not_fit_are_refused() {
        let mut m = OnnxBuilder::new(&[2, 3]);
        m.random("w", &[2, 2], 1.0);
        let onnx = m.node("MatMul", &["x", "w"], "y", vec![]).bytes(&[2, 2]);
        let error = crate::quant::compile(&onnx, None, None, &Default::default()).unwrap_err().to_string();
        assert!(error.contains("inner sizes differ: 3 and 2"), "{error}");
    }
}
