//! BitShift and the bitwise operations on integers. Constants are folded; of what depends on the inputs, shifts by constants (a floor, or free) and operations with constant masks on
//! values in `[0, 2^19)`: a floor, and a table of 256 entries, for each byte. Of two operands that both depend on the inputs, each bit is a comparison, and a lane
//! joins two; negative ones count as two's complement. Left shifts do not drop bits at the top of the type.

use crate::quant::QuantError;
use crate::quant::builder::Builder;
use crate::quant::form::Form;

use crate::ops::elementwise::{is_whole, minus, operand, pair, text, whole};
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

    /// The bits of an integer `x` in `[-2^count, 2^count)`, the lowest first, and last whether it is negative: comparisons from the top.
    fn bits(builder: &mut Builder<'_>, x: &Form, count: u32) -> Result<Vec<Form>, QuantError> {
        let mut bits = Vec::new();
        let positive = builder.sign(std::slice::from_ref(x))?.pop().unwrap_or_default();
        bits.push(positive.scaled(-1.0).shifted(1.0));
        let mut rest = x.plus(&bits[0].scaled((1u64 << count) as f64));
        for place in (0..count).rev() {
            let weight = (1u64 << place) as f64;
            let found = builder.sign(&[rest.shifted(-weight)])?.pop().unwrap_or_default();
            rest = rest.plus(&found.scaled(-weight));
            bits.push(found);
        }
        bits.reverse();
        Ok(bits)
    }

    /// `x op y`, for both in `[-2^count, 2^count)`.
    fn joined(&self, builder: &mut Builder<'_>, x: &Form, y: &Form, count: u32) -> Result<Form, QuantError> {
        let (a, b) = (Self::bits(builder, x, count)?, Self::bits(builder, y, count)?);
        let sums: Vec<Form> = a.iter().zip(&b).map(|(p, q)| p.plus(q)).collect();
        // Both bits: relu(a + b - 1).
        let both = builder.relu(&sums.iter().map(|s| s.shifted(-1.0)).collect::<Vec<_>>())?;
        let mut result = Form::constant(0.0);
        for (place, (sum, both)) in sums.iter().zip(&both).enumerate() {
            let bit = match self {
                Self::And => both.clone(),
                Self::Or => sum.plus(&both.scaled(-1.0)),
                Self::Xor | Self::Shift => sum.plus(&both.scaled(-2.0)),
            };
            let weight = (1u64 << place) as f64;
            result = result.plus(&bit.scaled(if place == count as usize { -weight } else { weight }));
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
        "two tensors of integers that broadcast; what depends on the inputs below 2^19 in magnitude, and not negative where the other is constant; amounts of shifts constant"
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
                (None, None, Self::And | Self::Or | Self::Xor) => {
                    let ends = [builder.interval(x), builder.interval(y)];
                    let (lo, hi) = (ends[0].0.min(ends[1].0), ends[0].1.max(ends[1].1));
                    if !(is_whole(x) && is_whole(y)) || lo < -LIMIT || hi >= LIMIT {
                        return Err(call.refuse(format!("operands that are no integers, or reach from {lo} to {hi}")));
                    }
                    let count = libm::ceil(libm::log2((hi.floor() + 1.0).max(-lo).max(2.0))) as u32;
                    results.push(self.joined(builder, x, y, count)?);
                    continue;
                }
                _ => return Err(call.refuse("the amount of a shift depends on the model's inputs")),
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

    /// All three operations on the two halves of `x`, made integers.
    fn halves() -> Vec<u8> {
        let mut m = OnnxBuilder::new(&[1, 4]);
        m.model.opset_import[0].version = 18;
        m.weights("lo", &[], &[-200.0]).weights("hi", &[], &[200.0]).node("Clip", &["x", "lo", "hi"], "c", vec![]);
        m.ints("front", &[0, 1]).ints("back", &[2, 3]).node("Floor", &["c"], "i", vec![]);
        m.node("Gather", &["i", "front"], "a", vec![int("axis", 1)]).node(
            "Gather",
            &["i", "back"],
            "b",
            vec![int("axis", 1)],
        );
        let ops = ["BitwiseAnd", "BitwiseOr", "BitwiseXor"];
        for op in ops {
            m.node(op, &["a", "b"], op, vec![]);
        }
        m.node("Concat", &ops, "y", vec![int("axis", 1)]).bytes(&[1, 6])
    }

    fn joined([a, b, c, d]: [i64; 4]) -> Vec<f64> {
        [a & c, b & d, a | c, b | d, a ^ c, b ^ d].map(|v| v as f64).to_vec()
    }

    fn expected(x: [i64; 2]) -> Vec<f64> {
        let mask = 0b1011_0110_1001;
        let ops: [fn(i64, i64) -> i64; 6] =
            [|x, m| x & m, |x, m| x | m, |x, m| x ^ m, |x, _| x << 2, |x, _| x >> 2, |x, _| !x];
        ops.iter().flat_map(|f| x.map(|x| f(x, mask) as f64)).collect()
    }

    op_conformance! {
        of_two_inputs: Case::new(halves(), vec![vec![100.0, -7.0, 57.0, 13.0], vec![-200.0, 0.0, 199.0, -1.0]])
            .expecting(vec![joined([100, -7, 57, 13]), joined([-200, 0, 199, -1])]),
        masks_and_shifts: Case::new(model(), vec![vec![1234.0, 7.0], vec![4097.0, 0.0]]).expecting(vec![expected([1234, 7]), expected([4097, 0])]),
    }
}
