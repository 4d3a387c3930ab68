//! The matrix product, where at most one factor depends on the inputs. Free; see `product.rs`.

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
        "matrices or vectors, or a batch times one constant matrix; one factor constant"
    }

    fn lower(&self, builder: &mut Builder<'_>, call: &Call<'_>) -> Result<Vec<Value>, QuantError> {
        let (a, b) = (call.input(0)?, call.input(1)?);
        let (left, right) = (a.shape(), b.shape());
        let (Some(&k), Some(&last)) = (left.last(), right.last()) else {
            return Err(call.refuse("a factor is a scalar"));
        };
        // Leading dimensions of `a` are rows; `b` is a matrix or a vector.
        let (columns, flat) = match right {
            [rows] => (None, [*rows, 1]),
            [rows, columns] => (Some(*columns), [*rows, *columns]),
            _ => return Err(call.refuse(format!("the second factor has rank {}", right.len()))),
        };
        let rows = left[..left.len() - 1].iter().product();
        let (Some(a), Some(b)) = (a.reshaped(&[rows, k]), b.reshaped(&flat)) else {
            return Err(call.refuse(format!("{k} and {last} do not fit")));
        };
        let product = super::product::matrices(builder, call, &a, &b)?;
        let mut shape = left[..left.len() - 1].to_vec();
        shape.extend(columns);
        let product = product.reshaped(shape).ok_or_else(|| call.refuse("the product has another size"))?;
        Ok(vec![Value::Live(product)])
    }
}
