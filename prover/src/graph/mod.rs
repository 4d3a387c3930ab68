//! Constraints as one program over cosets.
//!
//! Expressions become nodes, each distinct one once (hash consing, constants folded). The nodes that the result needs become steps over
//! few registers (`program`), each a sum of products and values, and a step handles [`BLOCK`] rows at a time (`machine`), so that the
//! choice of what to do costs nothing beside the field's arithmetic.

use halo2_proofs::halo2curves::bn256::Fr;
use halo2_proofs::plonk::Expression;
use std::collections::HashMap;

mod machine;
mod program;
#[cfg_attr(not(target_arch = "x86_64"), path = "absent.rs")]
mod vector;

#[cfg(test)]
use machine::Machine;
pub use program::Program;

/// Rows that one step handles at a time.
pub const BLOCK: usize = 64;

/// A node of a [`Graph`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Id(usize);

/// A cell relative to the current row.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Cell {
    column: usize,
    rotation: i32,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Node {
    Scalar(Fr),
    Cell(Cell),
    Add(Id, Id),
    Sub(Id, Id),
    Mul(Id, Id),
}

/// Where a [`Graph`] finds the columns of a circuit: the number of each kind's first one.
#[derive(Clone, Copy, Debug)]
pub struct Offsets {
    /// Advice columns.
    pub advice: usize,
    /// Fixed columns.
    pub fixed: usize,
    /// Instance columns.
    pub instance: usize,
}

/// Expressions over the cells of columns; equal ones are one node.
#[derive(Debug, Default)]
pub struct Graph {
    nodes: Vec<Node>,
    known: HashMap<Node, Id>,
}

impl Graph {
    fn node(&mut self, node: Node) -> Id {
        *self.known.entry(node).or_insert_with(|| {
            self.nodes.push(node);
            Id(self.nodes.len() - 1)
        })
    }

    fn value(&self, id: Id) -> Option<Fr> {
        match self.nodes[id.0] {
            Node::Scalar(value) => Some(value),
            _ => None,
        }
    }

    /// A number.
    pub fn scalar(&mut self, value: Fr) -> Id {
        self.node(Node::Scalar(value))
    }

    /// The cell of `column` that lies `rotation` rows below.
    pub fn cell(&mut self, column: usize, rotation: i32) -> Id {
        self.node(Node::Cell(Cell { column, rotation }))
    }

    /// `a + b`
    pub fn add(&mut self, a: Id, b: Id) -> Id {
        match (self.value(a), self.value(b)) {
            (Some(a), Some(b)) => self.scalar(a + b),
            (Some(zero), None) if zero == Fr::zero() => b,
            (None, Some(zero)) if zero == Fr::zero() => a,
            _ => self.node(Node::Add(a.min(b), a.max(b))),
        }
    }

    /// `a − b`
    pub fn sub(&mut self, a: Id, b: Id) -> Id {
        match (self.value(a), self.value(b)) {
            (Some(a), Some(b)) => self.scalar(a - b),
            (None, Some(zero)) if zero == Fr::zero() => a,
            _ => self.node(Node::Sub(a, b)),
        }
    }

    /// `a · b`
    pub fn mul(&mut self, a: Id, b: Id) -> Id {
        let (one, zero) = (Fr::one(), Fr::zero());
        match (self.value(a), self.value(b)) {
            (Some(a), Some(b)) => self.scalar(a * b),
            (Some(v), _) | (_, Some(v)) if v == zero => self.scalar(zero),
            (Some(v), None) if v == one => b,
            (None, Some(v)) if v == one => a,
            _ => self.node(Node::Mul(a.min(b), a.max(b))),
        }
    }

    /// A circuit's expression with the challenges' values in their places; `None` if it holds a virtual selector or an unknown challenge.
    pub fn expression(&mut self, expression: &Expression<Fr>, at: Offsets, challenges: &[Fr]) -> Option<Id> {
        Some(match expression {
            Expression::Constant(value) => self.scalar(*value),
            Expression::Selector(_) => return None,
            Expression::Fixed(query) => self.cell(at.fixed + query.column_index(), query.rotation().0),
            Expression::Advice(query) => self.cell(at.advice + query.column_index(), query.rotation().0),
            Expression::Instance(query) => self.cell(at.instance + query.column_index(), query.rotation().0),
            Expression::Challenge(challenge) => self.scalar(*challenges.get(challenge.index())?),
            Expression::Negated(a) => {
                let (zero, a) = (self.scalar(Fr::zero()), self.expression(a, at, challenges)?);
                self.sub(zero, a)
            }
            Expression::Sum(a, b) => {
                // `a + (−b)` is how halo2 writes a difference.
                if let Expression::Negated(b) = &**b {
                    let (a, b) = (self.expression(a, at, challenges)?, self.expression(b, at, challenges)?);
                    return Some(self.sub(a, b));
                }
                let (a, b) = (self.expression(a, at, challenges)?, self.expression(b, at, challenges)?);
                self.add(a, b)
            }
            Expression::Product(a, b) => {
                let (a, b) = (self.expression(a, at, challenges)?, self.expression(b, at, challenges)?);
                self.mul(a, b)
            }
            Expression::Scaled(a, factor) => {
                let (a, factor) = (self.expression(a, at, challenges)?, self.scalar(*factor));
                self.mul(a, factor)
            }
        })
    }

    /// Both factors of a node that is a product.
    pub fn factors(&self, id: Id) -> Option<[Id; 2]> {
        match self.nodes[id.0] {
            Node::Mul(a, b) => Some([a, b]),
            _ => None,
        }
    }
}

impl Id {
    fn min(self, other: Self) -> Self {
        Id(self.0.min(other.0))
    }

    fn max(self, other: Self) -> Self {
        Id(self.0.max(other.0))
    }
}

#[cfg(test)]
mod tests;
