//! What flows along the edges of the graph.

use crate::model::Constant;
use crate::model::tensor::Tensor;
use crate::quant::form::Form;

/// A tensor of constants, or of forms over the program's wires.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// Real constants.
    Real(Tensor<f64>),
    /// Integer constants: shapes, axes.
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

    /// The elements as forms (constants become forms without terms); `None` for integers.
    pub fn forms(&self) -> Option<Tensor<Form>> {
        match self {
            Self::Real(t) => Some(t.map(|&v| Form::constant(v))),
            Self::Int(_) => None,
            Self::Live(t) => Some(t.clone()),
        }
    }

    /// The same elements under another shape; `None` when their number differs.
    pub fn reshaped(&self, shape: &[usize]) -> Option<Self> {
        on_tensor!(self, t => t.clone().reshaped(shape.to_vec()))
    }

    /// Dimensions reordered; `None` when `order` is no permutation.
    pub fn transposed(&self, order: &[usize]) -> Option<Self> {
        on_tensor!(self, t => t.transposed(order))
    }

    /// A constant if no element depends on an input.
    #[must_use]
    pub fn folded(self) -> Self {
        if let Self::Live(t) = &self {
            let constants: Option<Vec<f64>> = t.data().iter().map(Form::as_constant).collect();
            if let Some(folded) = constants.and_then(|c| Tensor::new(t.shape().to_vec(), c)) {
                return Self::Real(folded);
            }
        }
        self
    }
}
