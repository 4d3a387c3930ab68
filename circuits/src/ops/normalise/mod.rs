//! Values brought to a common mean and size.

mod batch_normalization;
mod group_normalization;
mod layer_normalization;
mod lp_normalization;
mod lrn;
mod rows;

use crate::quant::QuantError;

use super::{Call, Op};

/// The family's ops, sorted by name.
pub(super) static OPS: &[&dyn Op] = &[
    &batch_normalization::BatchNormalization,
    &group_normalization::GroupNormalization,
    &group_normalization::InstanceNormalization,
    &lrn::Lrn,
    &layer_normalization::LayerNormalization { name: "LayerNormalization", centred: true },
    &lp_normalization::LpNormalization,
    &lp_normalization::MeanVarianceNormalization,
    &layer_normalization::LayerNormalization { name: "RMSNormalization", centred: false },
    &layer_normalization::LayerNormalization { name: "SimplifiedLayerNormalization", centred: false },
];

/// The attribute `epsilon`, 1e-5 by default.
fn epsilon(call: &Call<'_>) -> Result<f64, QuantError> {
    let epsilon = call.float("epsilon", 1e-5)?;
    if epsilon >= 0.0 { Ok(epsilon) } else { Err(call.refuse(format!("epsilon is {epsilon}"))) }
}
