//! What flows along the edges of the graph.

use crate::model::Constant;
use crate::model::tensor::Tensor;
use crate::quant::form::Form;

/// Integers up to here are exact as reals.
const EXACT: u64 = 1 << 53;

/// A tensor of constants, or of forms over the program's wires.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// Real constants.
    Real(Tensor<f64>),
    /// Integer and boolean constants: shapes, axes, indices, masks.
    Int(Tensor<i64>),
    /// Forms; at least one depends on the model's inputs.
    Live(Tensor<Form>),
}

impl From<Constant> for Value {
    fn from(constant: Constant) -> Self {
        match constant {
            Constant::Real(t) => Self::Real(t),
            Constant::Int(t) => Self::Int(t),
        }
    }
}

/// The same expression on whichever tensor the value holds.
macro_rules! on_tensor {
    ($value:expr, $t:ident => $result:expr) => {
        match $value {
            Value::Real($t) => ($result).map(Value::Real),
            Value::Int($t) => ($result).map(Value::Int),
            Value::Live($t) => ($result).map(Value::Live),
        }
    };
}

impl Value {
    /// Sizes of the dimensions.
    pub fn shape(&self) -> &[usize] {
        match self {
            Self::Real(t) => t.shape(),
            Self::Int(t) => t.shape(),
            Self::Live(t) => t.shape(),
        }
    }

    /// The elements as forms (constants become forms without terms); `None` for integers that a form cannot hold.
    pub fn forms(&self) -> Option<Tensor<Form>> {
        match self {
            Self::Real(t) => Some(t.map(|&v| Form::constant(v))),
            Self::Int(t) if t.data().iter().any(|v| v.unsigned_abs() > EXACT) => None,
            Self::Int(t) => Some(t.map(|&v| Form::constant(v as f64))),
            Self::Live(t) => Some(t.clone()),
        }
    }

    /// A constant of the same kind: an integer for integers, else a real number.
    #[must_use]
    pub fn like(&self, value: f64) -> Self {
        match self {
            Self::Int(_) => Self::Int(Tensor::scalar(value as i64)),
            Self::Real(_) | Self::Live(_) => Self::Real(Tensor::scalar(value)),
        }
    }

    /// The elements of several values one after the other, as a vector of the one kind that holds them all; `None` as for [`Self::forms`].
    pub fn chained(parts: &[&Self]) -> Option<Self> {
        let ints: Option<Vec<&Tensor<i64>>> =
            parts.iter().map(|p| if let Self::Int(t) = p { Some(t) } else { None }).collect();
        if let Some(ints) = ints {
            return Some(Self::Int(Tensor::vector(ints.iter().flat_map(|t| t.data()).copied().collect())));
        }
        let mut data = Vec::new();
        for part in parts {
            data.extend(part.forms()?.into_data());
        }
        Some(Self::Live(Tensor::vector(data)))
    }

    /// The elements at flat indices, in that order, under another shape; `None` when an index is out of range or their number does not fit.
    pub fn picked(&self, shape: &[usize], index: &[usize]) -> Option<Self> {
        on_tensor!(self, t => t.picked(shape, index))
    }

    /// The same elements under another shape; `None` when their number differs.
    pub fn reshaped(&self, shape: &[usize]) -> Option<Self> {
        on_tensor!(self, t => t.clone().reshaped(shape.to_vec()))
    }

    /// Dimensions reordered; `None` when `order` is no permutation.
    pub fn transposed(&self, order: &[usize]) -> Option<Self> {
        on_tensor!(self, t => t.transposed(order))
    }

    /// A constant if no element depends on an input: of integers if asked for and if all of them are.
    #[must_use]
    pub fn folded(self, integers: bool) -> Self {
        if let Self::Live(t) = &self {
            let constants: Option<Vec<f64>> = t.data().iter().map(Form::as_constant).collect();
            if let Some(folded) = constants.and_then(|c| Tensor::new(t.shape().to_vec(), c)) {
                let whole = |v: &f64| v.fract() == 0.0 && v.abs() <= EXACT as f64;
                if integers && folded.data().iter().all(whole) {
                    return Self::Int(folded.map(|&v| v as i64));
                }
                return Self::Real(folded);
            }
        }
        self
    }
}
