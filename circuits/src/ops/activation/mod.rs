//! Functions of one variable.

mod leaky_relu;
mod relu;
mod sigmoid;
mod tanh;

use super::Op;

/// The family's ops, sorted by name.
pub(super) static OPS: &[&dyn Op] = &[&leaky_relu::LeakyRelu, &relu::Relu, &sigmoid::Sigmoid, &tanh::Tanh];
