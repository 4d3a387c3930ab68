//! `Σ α_i k(v_i, x) + ρ`, and its sign for one-class machines. Cost: the kernels', see `svm.rs`.

use crate::quant::QuantError;
use crate::quant::builder::Builder;
use crate::quant::form::Form;

use crate::ops::{Call, Op, Value};

use super::attributes::reals;
use super::post::Post;
use super::rows::{matrix, rows};
use super::svm::kernels;

/// See the module's head.
pub(super) struct SvmRegressor;

impl Op for SvmRegressor {
    fn name(&self) -> &'static str {
        "SVMRegressor"
    }

    fn domain(&self) -> &'static str {
        crate::model::onnx::ML_DOMAIN
    }

    fn accepts(&self) -> &'static str {
        "rows of features; LINEAR, POLY (degree 1 to 16), RBF or SIGMOID kernels; no PROBIT"
    }

    fn lower(&self, builder: &mut Builder<'_>, call: &Call<'_>) -> Result<Vec<Value>, QuantError> {
        let (rows, width) = rows(call, 0)?;
        let post = Post::of(call)?;
        let (coefficients, vectors) = (reals(call, "coefficients")?, reals(call, "support_vectors")?);
        let rho = reals(call, "rho")?.first().copied().unwrap_or(0.0);
        let supports = call.int("n_supports", 0)?;
        let mut results = Vec::with_capacity(rows.len());
        for row in &rows {
            let score = if supports > 0 {
                let kernels = kernels(builder, call, row, vectors)?;
                if kernels.len() != coefficients.len() {
                    let (got, count) = (coefficients.len(), kernels.len());
                    return Err(call.refuse(format!("{got} coefficients for {count} support vectors")));
                }
                builder.product(coefficients, &kernels)?
            } else if coefficients.len() == width {
                builder.product(coefficients, row)?
            } else {
                return Err(call.refuse(format!("{} coefficients for {width} features", coefficients.len())));
            };
            let mut score: Vec<Form> = score.iter().map(|s| s.shifted(rho)).collect();
            if call.int("one_class", 0)? != 0 {
                score = builder.positive(&score)?.iter().map(|b| b.scaled(2.0).shifted(-1.0)).collect();
            }
            results.push(post.apply(builder, &score)?);
        }
        Ok(vec![matrix(call, results)?])
    }
}
