//! Functions of one value that are written out in elementwise nodes, told by their values and not by their form: exporters factor them in many ways.
//!
//! The nodes behind a product are evaluated as a function of each value that they come from; what agrees with a known function at many points is that function.

use super::fuse::Edges;
use super::{Attribute, Node};

/// Nodes on a path from the result back to the value.
const DEPTH: usize = 10;
/// Nodes evaluated for one point.
const BUDGET: usize = 64;
/// Largest difference at a point: constants are of single precision.
const TOLERANCE: f64 = 2e-6;

/// A function that has an op of its own.
pub(super) struct Shape {
    pub op: &'static str,
    attribute: Option<(&'static str, Setting)>,
    f: fn(f64) -> f64,
}

enum Setting {
    Text(&'static str),
    Float(f64),
}

fn logistic(x: f64) -> f64 {
    1.0 / (1.0 + libm::exp(-x))
}

static SHAPES: [Shape; 5] = [
    Shape { op: "Gelu", attribute: None, f: |x| 0.5 * x * (1.0 + libm::erf(x * std::f64::consts::FRAC_1_SQRT_2)) },
    Shape {
        op: "Gelu",
        attribute: Some(("approximate", Setting::Text("tanh"))),
        f: |x| {
            let u = (2.0 / std::f64::consts::PI).sqrt() * (x + 0.044715 * x * x * x);
            0.5 * x * (1.0 + libm::tanh(u))
        },
    },
    Shape { op: "Swish", attribute: None, f: |x| x * logistic(x) },
    Shape { op: "Swish", attribute: Some(("alpha", Setting::Float(1.702))), f: |x| x * logistic(1.702 * x) },
    Shape { op: "Mish", attribute: None, f: |x| x * libm::tanh(x.max(0.0) + libm::log1p(libm::exp(-x.abs()))) },
];

impl Shape {
    pub(super) fn attributes(&self) -> Option<(&'static str, Attribute)> {
        let (name, setting) = self.attribute.as_ref()?;
        let value = match setting {
            Setting::Text(text) => Attribute::Text((*text).into()),
            Setting::Float(value) => Attribute::Float(*value),
        };
        Some((name, value))
    }
}

/// The known function that ends in a node, and the value that it is of.
pub(super) fn recognised<'g>(edges: &Edges<'g>, node: &'g Node) -> Option<(&'g str, &'static Shape)> {
    if !matches!(node.op.as_str(), "Mul" | "Div") {
        return None;
    }
    let mut known = Vec::new();
    ancestors(edges, node, DEPTH, &mut known);
    if !known.iter().any(|n| edges.node(n).is_some_and(|n| BENT.contains(&n.op.as_str()))) {
        return None;
    }
    // All that can be tried at one point first, then at many.
    let value = |x: &'g str, at: f64| edges.applied(node, x, at, DEPTH, &mut { BUDGET });
    known.into_iter().find_map(|x| {
        let first = value(x, 0.75)?;
        let shape = SHAPES.iter().find(|s| ((s.f)(0.75) - first).abs() < TOLERANCE)?;
        let agrees = |at: f64| value(x, at).is_some_and(|y| (y - (shape.f)(at)).abs() < TOLERANCE * at.abs().max(1.0));
        (-40..=40).all(|i| agrees(f64::from(i) * 0.2)).then_some((x, shape))
    })
}

/// Nodes without which a function is a polynomial.
const BENT: [&str; 5] = ["Erf", "Tanh", "Sigmoid", "Softplus", "Exp"];

/// Values that a node comes from by elementwise nodes, the farthest first.
fn ancestors<'g>(edges: &Edges<'g>, node: &'g Node, depth: usize, found: &mut Vec<&'g str>) {
    for input in &node.inputs {
        let name = edges.plain(input);
        if found.contains(&name) || found.len() > BUDGET || edges.scalar(name).is_some() {
            continue;
        }
        if let Some(behind) = edges.node(name).filter(|n| depth > 0 && ELEMENTWISE.contains(&n.op.as_str())) {
            ancestors(edges, behind, depth - 1, found);
        }
        if !found.contains(&name) {
            found.push(name);
        }
    }
}

const ELEMENTWISE: [&str; 11] = ["Add", "Div", "Erf", "Exp", "Mul", "Neg", "Pow", "Sigmoid", "Softplus", "Sub", "Tanh"];

impl<'g> Edges<'g> {
    /// What a node gives where the value `x` is `at`; `None` if it depends on anything else.
    fn applied(&self, node: &'g Node, x: &'g str, at: f64, depth: usize, budget: &mut usize) -> Option<f64> {
        *budget = budget.checked_sub(1)?;
        let mut operands = [0.0; 2];
        if node.inputs.is_empty() || node.inputs.len() > operands.len() {
            return None;
        }
        for (operand, input) in operands.iter_mut().zip(&node.inputs) {
            let name = self.plain(input);
            *operand = if name == x {
                at
            } else if let Some(constant) = self.scalar(name) {
                constant
            } else {
                self.applied(self.node(name)?, x, at, depth.checked_sub(1)?, budget)?
            };
        }
        let [a, b] = operands;
        Some(match (node.op.as_str(), node.inputs.len()) {
            ("Add", 2) => a + b,
            ("Div", 2) => a / b,
            ("Mul", 2) => a * b,
            ("Pow", 2) => libm::pow(a, b),
            ("Sub", 2) => a - b,
            ("Erf", 1) => libm::erf(a),
            ("Exp", 1) => libm::exp(a),
            ("Neg", 1) => -a,
            ("Sigmoid", 1) => logistic(a),
            ("Softplus", 1) => a.max(0.0) + libm::log1p(libm::exp(-a.abs())),
            ("Tanh", 1) => libm::tanh(a),
            _ => return None,
        })
    }
}
