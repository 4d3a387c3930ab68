//! Functions of one variable.

mod curves;
mod hard_sigmoid;
mod hardmax;
mod leaky_relu;
mod log;
mod prelu;
mod rectified;
mod relu;
mod softmax;
mod softsign;
mod thresholds;
mod trigonometric;

pub(in crate::ops) use log::logarithm;

use super::Op;

/// The family's ops, sorted by name.
pub(super) static OPS: &[&dyn Op] = &[
    &curves::ACOS,
    &curves::ACOSH,
    &curves::ASIN,
    &curves::ASINH,
    &curves::ATAN,
    &curves::ATANH,
    &rectified::CELU,
    &trigonometric::Trigonometric::Cos,
    &curves::COSH,
    &rectified::ELU,
    &curves::ERF,
    &curves::EXP,
    &rectified::GELU,
    &hard_sigmoid::HardSigmoid,
    &rectified::HARD_SWISH,
    &hardmax::Hardmax,
    &leaky_relu::LeakyRelu,
    &log::Log,
    &softmax::Softmax::Log,
    &rectified::MISH,
    &prelu::PRelu,
    &relu::Relu,
    &rectified::SELU,
    &thresholds::Shrink,
    &curves::SIGMOID_OP,
    &trigonometric::Trigonometric::Sin,
    &curves::SINH,
    &softmax::Softmax::Plain,
    &rectified::SOFTPLUS,
    &softsign::Softsign,
    &rectified::SWISH,
    &trigonometric::Trigonometric::Tan,
    &curves::TANH_OP,
    &thresholds::ThresholdedRelu,
];
