//! Arithmetic, comparisons and logic, element by element, with broadcasting.

mod abs;
mod add;
mod bits;
mod clip;
mod compare;
mod div;
mod logic;
mod modulo;
mod mul;
mod not_finite;
mod pointwise;
mod pow;
mod rounding;
mod select;
mod sign;
mod sqrt;
mod sub;

pub(in crate::ops) use abs::magnitude;
#[cfg(test)]
pub(in crate::ops) use pointwise::tests::each;
pub(in crate::ops) use pointwise::{
    binary, broadcast, is_whole, least, live, minus, operand, pair, text, unary, unary_whole, whole, zipped,
    zipped_whole,
};
pub(in crate::ops) use pow::power;

use super::Op;

/// The family's ops, sorted by name.
pub(super) static OPS: &[&dyn Op] = &[
    &abs::Abs,
    &add::Add,
    &logic::Logic::And,
    &bits::Bits::Shift,
    &bits::Bits::And,
    &bits::BitwiseNot,
    &bits::Bits::Or,
    &bits::Bits::Xor,
    &rounding::Rounding::Ceil,
    &clip::Clip,
    &div::Div,
    &compare::Compare::Equal,
    &rounding::Rounding::Floor,
    &compare::Compare::Greater,
    &compare::Compare::GreaterOrEqual,
    &not_finite::NotFinite::Infinite,
    &not_finite::NotFinite::NotANumber,
    &compare::Compare::Less,
    &compare::Compare::LessOrEqual,
    &modulo::Mod,
    &mul::Mul,
    &sign::Neg,
    &logic::Not,
    &logic::Logic::Or,
    &pow::Pow,
    &sqrt::Reciprocal,
    &rounding::Rounding::Round,
    &sign::Sign,
    &sqrt::Sqrt,
    &sub::Sub,
    &select::Where,
    &logic::Logic::Xor,
];
