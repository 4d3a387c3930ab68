//! `saturate(round(x / scale) + zero)`: two lanes an element, four where ties can be told (see `quant/round.rs`).
//!
//! The quotient is that of real numbers. Where `f32` rounds `x / scale` into a tie, ONNX rounds that tie to even, and the two may differ by 1.

use crate::quant::QuantError;
use crate::quant::builder::Builder;

use crate::ops::{Call, Op, Value};

use super::scales::{self, Along};

/// Ranges of ONNX data types 2 to 5: uint8, int8, uint16, int16.
const RANGES: [(f64, f64); 4] = [(0.0, 255.0), (-128.0, 127.0), (0.0, 65535.0), (-32768.0, 32767.0)];

/// See the module's head.
pub(super) struct QuantizeLinear;

impl Op for QuantizeLinear {
    fn name(&self) -> &'static str {
        "QuantizeLinear"
    }

    fn accepts(&self) -> &'static str {
        "a float tensor with constant scale and zero point of 8 or 16 bits, of the tensor or along an axis"
    }

    fn lower(&self, builder: &mut Builder<'_>, call: &Call<'_>) -> Result<Vec<Value>, QuantError> {
        let x = scales::forms(call, 0)?;
        let axis = axis(call, x.shape().len())?;
        let scale = Along::scale(call, 1, x.shape(), axis)?;
        let zero = Along::or(call, 2, x.shape(), axis, 0.0)?;
        let declared = match call.int("output_dtype", 0)? {
            0 => RANGES.first().copied(),
            kind => usize::try_from(kind).ok().and_then(|kind| RANGES.get(kind.checked_sub(2)?).copied()),
        };
        let range = match scales::range(call, 2)? {
            Some(range) => range,
            None => declared.ok_or_else(|| call.refuse("output_dtype is not an integer type of 8 or 16 bits"))?,
        };
        let mut flat = 0..;
        let scaled = x.map(|f| f.scaled(1.0 / scale.at(flat.next().unwrap_or_default())));
        Ok(vec![Value::Live(scales::saturated(builder, call, &scaled, &zero, range)?)])
    }
}

/// The axis of scales: only those of more than one value need it.
pub(super) fn axis(call: &Call<'_>, rank: usize) -> Result<usize, QuantError> {
    if call.int("block_size", 0)? != 0 {
        return Err(call.refuse("scales of blocks, expected one scale, or one for each index of an axis"));
    }
    let one = call.optional(1).is_some_and(|v| v.shape().iter().product::<usize>() == 1);
    if one { Ok(0) } else { call.axis(call.int("axis", 1)?, rank) }
}
