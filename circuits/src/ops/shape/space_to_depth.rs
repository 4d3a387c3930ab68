//! Blocks of space to channels. Free.

use crate::quant::QuantError;
use crate::quant::builder::Builder;

use crate::ops::{Call, Op, Value};

use super::index::moved;

/// See the module's head.
pub(super) struct SpaceToDepth;

impl Op for SpaceToDepth {
    fn name(&self) -> &'static str {
        "SpaceToDepth"
    }

    fn accepts(&self) -> &'static str {
        "an NCHW tensor whose height and width the block size divides"
    }

    fn lower(&self, _builder: &mut Builder<'_>, call: &Call<'_>) -> Result<Vec<Value>, QuantError> {
        let value = call.input(0)?;
        let &[n, c, h, w] = value.shape() else { return Err(call.refuse("the tensor is not NCHW")) };
        let block = usize::try_from(call.int("blocksize", 0)?).unwrap_or(0);
        if block == 0 || !h.is_multiple_of(block) || !w.is_multiple_of(block) {
            return Err(call.refuse(format!("blocksize {block} does not divide {h} x {w}")));
        }
        let source = |at: &[usize]| {
            let within = at[1] / c.max(1);
            vec![at[0], at[1] % c.max(1), at[2] * block + within / block, at[3] * block + within % block]
        };
        let channels = c.saturating_mul(block).saturating_mul(block);
        Ok(vec![moved(call, value, &[n, channels, h / block, w / block], source)?])
    }
}
