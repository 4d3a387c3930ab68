//! Channels to blocks of space. Free.

use crate::quant::QuantError;
use crate::quant::builder::Builder;

use crate::ops::{Call, Op, Value};

use super::index::moved;

/// See the module's head.
pub(super) struct DepthToSpace;

impl Op for DepthToSpace {
    fn name(&self) -> &'static str {
        "DepthToSpace"
    }

    fn accepts(&self) -> &'static str {
        "an NCHW tensor whose channels the squared block size divides; mode DCR or CRD"
    }

    fn lower(&self, _builder: &mut Builder<'_>, call: &Call<'_>) -> Result<Vec<Value>, QuantError> {
        let value = call.input(0)?;
        let &[n, c, h, w] = value.shape() else { return Err(call.refuse("the tensor is not NCHW")) };
        let block = usize::try_from(call.int("blocksize", 0)?).unwrap_or(0);
        let square = block.checked_mul(block).filter(|&s| s > 0 && c.is_multiple_of(s));
        let Some(square) = square else {
            return Err(call.refuse(format!("blocksize {block} does not divide {c} channels")));
        };
        let depth = c / square;
        let crd = match call.text("mode", "DCR")? {
            "DCR" => false,
            "CRD" => true,
            other => return Err(call.refuse(format!("mode `{other}`"))),
        };
        let source = |at: &[usize]| {
            let within = (at[2] % block) * block + at[3] % block;
            let channel = if crd { at[1] * square + within } else { within * depth + at[1] };
            vec![at[0], channel, at[2] / block, at[3] / block]
        };
        Ok(vec![moved(call, value, &[n, depth, h * block, w * block], source)?])
    }
}
