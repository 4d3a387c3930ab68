//! BitShift and the bitwise operations on integers. Constants are folded; of what depends on the inputs, shifts by constants (a floor, or free) and operations with constant masks on
//! values in `[0, 2^19)`: a floor, and a table of 256 entries, for each byte. Left shifts do not drop bits at the top of the type.

use crate::quant::QuantError;
use crate::quant::builder::Builder;
use crate::quant::form::Form;

use crate::ops::elementwise::{minus, operand, pair, text, whole};
use crate::ops::{Call, Op, Value};

/// Values under a mask are below this.
const LIMIT: f64 = (1 << 19) as f64;
/// Bytes of such a value.
const BYTES: usize = 3;

/// An operation on two integers.
pub(super) enum Bits {
    And,
    Or,
    Shift,
    Xor,
}

/// BitwiseNot.
pub(super) struct BitwiseNot;

impl Bits {
    fn apply(&self, a: i64, b: i64) -> i64 {
        match self {
            Self::And => a & b,
            Self::Or => a | b,
            Self::Xor | Self::Shift => a ^ b,
        }
    }

    /// `x op mask`, for `x` in `[0, 2^19)`.
    fn masked(&self, builder: &mut Builder<'_>, x: &Form, mask: i64) -> Result<Form, QuantError> {
        let mut rest = x.clone();
        // What the mask does above the bytes of `x`, sign included.
        let top = self.apply(0, mask >> (8 * BYTES)) << (8 * BYTES);
        let mut result = Form::constant(top as f64);
        for byte in 0..BYTES {
            let next = builder.floor(&[rest.scaled(1.0 / 256.0)])?;
            let Some(next) = next.into_iter().next() else { break };
            let digit = rest.plus(&next.scaled(-256.0));
            let own = (mask >> (8 * byte)) & 255;
            let table = (0..256).map(|v| self.apply(v, own) as f64).collect();
            let found = builder.lookup(&[digit], &[table])?.into_iter().flatten().next();
            result = result.plus(&found.unwrap_or_default().scaled((1u64 << (8 * byte)) as f64));
            rest = next;
        }
        Ok(result)
    }

    fn shifted(call: &Call<'_>, builder: &mut Builder<'_>, x: &Form, by: i64) -> Result<Form, QuantError> {
        let factor = u32::try_from(by).ok().filter(|&b| b < 40).map(|b| (1u64 << b) as f64);
        let factor = factor.ok_or_else(|| call.refuse(format!("a shift by {by} bits")))?;
        match text(call, "direction")? {
            Some("LEFT") => Ok(x.scaled(factor)),
            Some("RIGHT") => Ok(builder.floor(&[x.scaled(1.0 / factor)])?.into_iter().next().unwrap_or_default()),
            _ => Err(call.refuse("attribute `direction` is neither LEFT nor RIGHT")),
        }
    }
}

impl Op for Bits {
    fn name(&self) -> &'static str {
        match self {
            Self::And => "BitwiseAnd",
            Self::Or => "BitwiseOr",
            Self::Shift => "BitShift",
            Self::Xor => "BitwiseXor",
        }
    }

    fn accepts(&self) -> &'static str {
        "two tensors of integers that broadcast, at least one of them constant; below 2^19 what depends on the inputs; amounts of shifts constant"
    }

    fn lower(&self, builder: &mut Builder<'_>, call: &Call<'_>) -> Result<Vec<Value>, QuantError> {
        let (shape, a, b) = pair(call, 0, 1)?;
        let mut results = Vec::with_capacity(a.len());
        for (x, y) in a.iter().zip(&b) {
            let (x, known) = match (x.as_constant(), y.as_constant(), self) {
                (_, Some(by), Self::Shift) => {
                    results.push(Self::shifted(call, builder, x, by as i64)?);
                    continue;
                }
                (Some(a), Some(b), _) => {
                    results.push(Form::constant(self.apply(a as i64, b as i64) as f64));
                    continue;
                }
                (None, Some(mask), _) => (x, mask),
                (Some(mask), None, Self::And | Self::Or | Self::Xor) => (y, mask),
                _ => return Err(call.refuse("both operands depend on the model's inputs")),
            };
            let (lo, hi) = builder.interval(x);
            if lo < 0.0 || hi >= LIMIT {
                return Err(call.refuse(format!("an operand reaches from {lo} to {hi}")));
            }
            results.push(self.masked(builder, x, known as i64)?);
        }
        whole(call, shape, results)
    }
}

impl Op for BitwiseNot {
    fn name(&self) -> &'static str {
        "BitwiseNot"
    }

    fn accepts(&self) -> &'static str {
        "one tensor of signed integers"
    }

    fn lower(&self, _builder: &mut Builder<'_>, call: &Call<'_>) -> Result<Vec<Value>, QuantError> {
        let x = operand(call, 0)?;
        let ones = vec![Form::constant(-1.0); x.len()];
        whole(call, x.shape().to_vec(), minus(&ones, x.data()))
    }
}

#[cfg(test)]
mod tests {
    use tract_onnx::pb::{AttributeProto, attribute_proto::AttributeType};

    use crate::model::fixture::{OnnxBuilder, int};
    use crate::testing::conformance::{Case, op_conformance};

    fn direction(s: &str) -> AttributeProto {
        let (name, s) = ("direction".into(), s.as_bytes().to_vec());
        AttributeProto { name, r#type: AttributeType::String as i32, s, ..Default::default() }
    }

    fn model() -> Vec<u8> {
        let mut m = OnnxBuilder::new(&[1, 2]);
        m.model.opset_import[0].version = 18;
        m.ints("mask", &[0b1011_0110_1001]).ints("two", &[2]).weights("lo", &[], &[0.0]).weights("hi", &[], &[5000.0]);
        m.node("Clip", &["x", "lo", "hi"], "c", vec![]).node("Floor", &["c"], "i", vec![]);
        let ops = ["BitwiseAnd", "BitwiseOr", "BitwiseXor"];
        for op in ops {
            m.node(op, &["i", "mask"], op, vec![]);
        }
        m.node("BitShift", &["i", "two"], "left", vec![direction("LEFT")]);
        m.node("BitShift", &["i", "two"], "right", vec![direction("RIGHT")]).node("BitwiseNot", &["i"], "not", vec![]);
        let parts = [ops.as_slice(), &["left", "right", "not"]].concat();
        m.node("Concat", &parts, "y", vec![int("axis", 1)]).bytes(&[1, 12])
    }

    fn expected(x: [i64; 2]) -> Vec<f64> {
        let mask = 0b1011_0110_1001;
        let ops: [fn(i64, i64) -> i64; 6] =
            [|x, m| x & m, |x, m| x | m, |x, m| x ^ m, |x, _| x << 2, |x, _| x >> 2, |x, _| !x];
        ops.iter().flat_map(|f| x.map(|x| f(x, mask) as f64)).collect()
    }

    op_conformance! {
        masks_and_shifts: Case::new(model(), vec![vec![1234.0, 7.0], vec![4097.0, 0.0]]).expecting(vec![expected([1234, 7]), expected([4097, 0])]),
    }
}
