//! A row divided by its largest magnitude (`MAX`), the sum of its magnitudes (`L1`) or its length (`L2`); a row of zeros stays one.
//!
//! One quotient and a clip an element; the norm takes a lane an element.

use crate::quant::QuantError;
use crate::quant::builder::Builder;
use crate::quant::form::Form;

use crate::ops::{Call, Op, Value};

use super::attributes;
use super::rows::{matrix, rows};

/// See the module's head.
pub(super) struct Normalizer;

impl Op for Normalizer {
    fn name(&self) -> &'static str {
        "Normalizer"
    }

    fn domain(&self) -> &'static str {
        crate::model::onnx::ML_DOMAIN
    }

    fn accepts(&self) -> &'static str {
        "rows of features; norm MAX, L1 or L2"
    }

    fn lower(&self, builder: &mut Builder<'_>, call: &Call<'_>) -> Result<Vec<Value>, QuantError> {
        let (rows, _) = rows(call, 0)?;
        let norm = attributes::text(call, "norm", "MAX")?;
        let mut results = Vec::with_capacity(rows.len());
        for row in &rows {
            let size = match norm {
                "L1" => sum(&builder.absolute(row)?),
                "L2" => {
                    let squares = builder.multiply(row, row)?;
                    builder.sqrt(&[sum(&squares)])?.pop().unwrap_or_default()
                }
                "MAX" => largest(builder, row)?,
                other => return Err(call.refuse(format!("norm {other}"))),
            };
            let mut quotients = Vec::with_capacity(row.len());
            for x in row {
                quotients.extend(builder.divide(std::slice::from_ref(x), std::slice::from_ref(&size))?);
            }
            // No element is larger than the norm: a range that the division does not know.
            results.push(builder.within(&quotients, -1.0, 1.0)?);
        }
        Ok(vec![matrix(call, results)?])
    }
}

fn sum(forms: &[Form]) -> Form {
    forms.iter().fold(Form::constant(0.0), |sum, f| sum.plus(f))
}

/// ONNX's MAX is the largest magnitude.
fn largest(builder: &mut Builder<'_>, row: &[Form]) -> Result<Form, QuantError> {
    let mut list = builder.absolute(row)?;
    while list.len() > 1 {
        let half = list.len() / 2;
        let pairs = builder.maximum(&list[..half], &list[half..2 * half])?;
        list = [builder.compact(&pairs)?, list[2 * half..].to_vec()].concat();
    }
    Ok(list.pop().unwrap_or_default())
}
