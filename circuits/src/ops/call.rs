//! One node with its inputs at hand: typed access, and refusals that say what was expected.

use crate::model::tensor::{MAX_RANK, Tensor};
use crate::model::{Attribute, Node};
use crate::quant::QuantError;
use crate::quant::form::Form;

use super::{Op, OpError, Value};

/// A node about to be lowered.
pub struct Call<'a> {
    node: &'a Node,
    op: &'a dyn Op,
    inputs: Vec<Option<&'a Value>>,
}

impl<'a> Call<'a> {
    pub(super) fn new(node: &'a Node, op: &'a dyn Op, inputs: Vec<Option<&'a Value>>) -> Self {
        Self { node, op, inputs }
    }

    /// The node.
    pub fn node(&self) -> &Node {
        self.node
    }

    /// Number of inputs, omitted trailing ones not counted.
    pub fn arity(&self) -> usize {
        self.inputs.iter().rposition(Option::is_some).map_or(0, |i| i + 1)
    }

    /// A refusal that names op, node, shapes and what would be accepted.
    pub fn refuse(&self, reason: impl Into<Box<str>>) -> QuantError {
        let shapes: Vec<String> =
            self.inputs.iter().map(|i| i.map_or("none".into(), |v| format!("{:?}", v.shape()))).collect();
        OpError::Refused {
            op: self.node.op.clone(),
            node: self.node.name.clone(),
            shapes: shapes.join(" ").into(),
            reason: reason.into(),
            accepts: self.op.accepts(),
        }
        .into()
    }

    /// Input `i`, if it is given.
    pub fn optional(&self, i: usize) -> Option<&'a Value> {
        self.inputs.get(i).copied().flatten()
    }

    /// Input `i`.
    ///
    /// # Errors
    /// It is missing.
    pub fn input(&self, i: usize) -> Result<&'a Value, QuantError> {
        self.optional(i).ok_or_else(|| self.refuse(format!("input {i} is missing")))
    }

    /// Input `i` as forms.
    ///
    /// # Errors
    /// It is missing, or holds integers beyond `2^53`.
    pub fn forms(&self, i: usize) -> Result<Tensor<Form>, QuantError> {
        self.input(i)?.forms().ok_or_else(|| self.refuse(format!("input {i} holds integers beyond 2^53")))
    }

    /// Input `i`, if given, as one constant real number.
    ///
    /// # Errors
    /// It depends on the model's inputs, or is not one real number.
    pub fn scalar(&self, i: usize) -> Result<Option<f64>, QuantError> {
        match self.optional(i) {
            None => Ok(None),
            Some(Value::Real(t)) if t.len() == 1 => Ok(t.data().first().copied()),
            Some(Value::Int(t)) if t.len() == 1 => Ok(t.data().first().map(|&v| v as f64)),
            Some(_) => Err(self.refuse(format!("input {i} is not one constant number"))),
        }
    }

    /// Input `i`, if given, as one constant integer.
    ///
    /// # Errors
    /// It is something else.
    pub fn int_scalar(&self, i: usize) -> Result<Option<i64>, QuantError> {
        match self.ints(i)? {
            None => Ok(None),
            Some(&[value]) => Ok(Some(value)),
            Some(other) => Err(self.refuse(format!("input {i} holds {} integers, expected one", other.len()))),
        }
    }

    /// Input `i`, if given, as constant integers.
    ///
    /// # Errors
    /// It is something else.
    pub fn ints(&self, i: usize) -> Result<Option<&'a [i64]>, QuantError> {
        match self.optional(i) {
            None => Ok(None),
            Some(Value::Int(t)) => Ok(Some(t.data())),
            Some(_) => Err(self.refuse(format!("input {i} is not a constant integer tensor"))),
        }
    }

    /// A float attribute, or its default.
    ///
    /// # Errors
    /// The attribute has another type.
    pub fn float(&self, name: &str, default: f64) -> Result<f64, QuantError> {
        match self.node.attributes.get(name) {
            None => Ok(default),
            Some(Attribute::Float(v)) => Ok(*v),
            Some(other) => Err(self.refuse(format!("attribute `{name}` is {other:?}, expected a float"))),
        }
    }

    /// A text attribute, or its default.
    ///
    /// # Errors
    /// The attribute has another type.
    pub fn text(&self, name: &str, default: &'static str) -> Result<&str, QuantError> {
        match self.node.attributes.get(name) {
            None => Ok(default),
            Some(Attribute::Text(v)) => Ok(v),
            Some(other) => Err(self.refuse(format!("attribute `{name}` is {other:?}, expected text"))),
        }
    }

    /// An integer attribute, or its default.
    ///
    /// # Errors
    /// The attribute has another type.
    pub fn int(&self, name: &str, default: i64) -> Result<i64, QuantError> {
        match self.node.attributes.get(name) {
            None => Ok(default),
            Some(Attribute::Int(v)) => Ok(*v),
            Some(other) => Err(self.refuse(format!("attribute `{name}` is {other:?}, expected an integer"))),
        }
    }

    /// An attribute that lists integers, if it is given.
    ///
    /// # Errors
    /// The attribute has another type.
    pub fn int_list(&self, name: &str) -> Result<Option<&[i64]>, QuantError> {
        match self.node.attributes.get(name) {
            None => Ok(None),
            Some(Attribute::Ints(v)) => Ok(Some(v)),
            Some(other) => Err(self.refuse(format!("attribute `{name}` is {other:?}, expected integers"))),
        }
    }

    /// An axis, counted from the end when negative.
    ///
    /// # Errors
    /// It is outside `[-rank, rank)`.
    pub fn axis(&self, axis: i64, rank: usize) -> Result<usize, QuantError> {
        let from_end = if axis < 0 { axis + rank as i64 } else { axis };
        let found = usize::try_from(from_end).ok().filter(|&a| a < rank);
        found.ok_or_else(|| self.refuse(format!("axis {axis} is outside [-{rank}, {rank})")))
    }

    /// Axes of Squeeze and Unsqueeze: attribute `axes` up to opset 12, second input from 13 on.
    ///
    /// # Errors
    /// They are no constants, out of range or repeated.
    pub fn axes(&self, rank: usize) -> Result<Option<Vec<usize>>, QuantError> {
        let Some(given) = self.ints(1)?.or(self.int_list("axes")?) else { return Ok(None) };
        if given.len().max(rank) > MAX_RANK {
            return Err(self.refuse(format!("{} axes of {rank} dimensions; accepted are {MAX_RANK}", given.len())));
        }
        let mut axes = given.iter().map(|&a| self.axis(a, rank)).collect::<Result<Vec<_>, _>>()?;
        axes.sort_unstable();
        if axes.windows(2).any(|w| w[0] == w[1]) {
            return Err(self.refuse(format!("axes {given:?} repeat one")));
        }
        Ok(Some(axes))
    }
}
