//! Constants that take values out of a Softmax, `-1e9` or minus infinity, made as small as serves: a score near `-256` has no share either, and leaves the others their bits.
//!
//! Only where the mask depends on the inputs, and where all that reads a value leads into the argument of a Softmax, through sums, Where and ops that move values.

use std::collections::{BTreeMap, BTreeSet};

use super::{Attribute, Constant, Graph, Node};

/// Constants from here on are masks.
const MASK: f64 = 1000.0;
/// What is behind the name of a constant with its masks cut.
const CUT: &str = "'mask";
/// What they become: `e^-256` is nothing.
const ENOUGH: f64 = 256.0;

/// Operations that only move the values of their first input.
const MOVES: &[&str] = &[
    "Cast",
    "Dropout",
    "Expand",
    "Flatten",
    "Identity",
    "Reshape",
    "Slice",
    "Squeeze",
    "Tile",
    "Transpose",
    "Unsqueeze",
];

impl Graph {
    /// The same graph with moderate masks.
    #[must_use]
    pub fn with_moderate_masks(mut self) -> Self {
        if !self.nodes.iter().any(|n| n.op == "Softmax") {
            return self;
        }
        let made = |n: &Node| match (n.op.as_str(), n.attributes.get("value"), n.outputs.first()) {
            ("Constant", Some(Attribute::Tensor(value)), Some(name)) => Some((name.clone(), value.clone())),
            _ => None,
        };
        let made: BTreeMap<String, Constant> = self.nodes.iter().filter_map(made).collect();
        let mut open: BTreeSet<String> = self.outputs.iter().cloned().collect();
        let mut copies: BTreeMap<String, Constant> = BTreeMap::new();
        for node in self.nodes.iter_mut().rev() {
            let leads = node.op == "Softmax" || node.outputs.iter().all(|o| !open.contains(o));
            let arguments = if leads { arguments(node) } else { Vec::new() };
            let scales = leads && node.op == "Mul";
            // Where the mask itself is constant, what it takes out is left out of the Softmax, whatever its size.
            let fixed = |name: &String| self.constants.contains_key(name) || made.contains_key(name);
            let soften = scales || node.op == "Where" && !node.inputs.first().is_some_and(fixed);
            for (i, name) in node.inputs.iter_mut().enumerate() {
                if !arguments.contains(&i) && !scales {
                    open.insert(name.clone());
                    continue;
                }
                let constant = self.constants.get(name).or_else(|| made.get(name)).filter(|_| soften);
                if let Some(small) = constant.and_then(moderate) {
                    let copy = format!("{name}{CUT}");
                    copies.insert(copy.clone(), small);
                    *name = copy;
                } else if scales {
                    open.insert(name.clone());
                }
            }
        }
        self.constants.extend(copies);
        self
    }

    /// Values that are not those of the file, since a mask was made moderate: all between the mask and the Softmax.
    pub fn masked(&self) -> BTreeSet<&str> {
        let mut masked = BTreeSet::new();
        for node in self.nodes.iter().filter(|n| n.op != "Softmax") {
            let cut = |name: &String| name.ends_with(CUT) && self.constants.contains_key(name);
            if node.inputs.iter().any(|name| cut(name) || masked.contains(name.as_str())) {
                masked.extend(node.outputs.iter().map(String::as_str));
            }
        }
        masked
    }
}

/// The inputs whose values are the output's, or are added up to it.
fn arguments(node: &Node) -> Vec<usize> {
    match node.op.as_str() {
        _ if !node.domain.is_empty() => Vec::new(),
        "Add" | "Sum" | "Sub" => (0..node.inputs.len()).collect(),
        "Where" => vec![1, 2],
        op if op == "Softmax" || MOVES.contains(&op) => vec![0],
        _ => Vec::new(),
    }
}

/// The constant with masks cut, if it has any.
fn moderate(constant: &Constant) -> Option<Constant> {
    let Constant::Real(t) = constant else { return None };
    let is_mask = |v: &f64| v.abs() >= MASK;
    t.data().iter().any(is_mask).then(|| Constant::Real(t.map(|v| if is_mask(v) { ENOUGH.copysign(*v) } else { *v })))
}

#[cfg(test)]
mod tests {
    use crate::model::fixture::{OnnxBuilder, int};
    use crate::testing::conformance::{Case, op_conformance};

    fn inputs() -> Vec<Vec<f64>> {
        vec![vec![1.0, -0.5, 0.25, 3.0, -2.0, 0.5, 1.5, -1.0], vec![0.1, 0.2, -0.3, -0.1, 2.0, -4.0, 1.0, 0.75]]
    }

    /// Softmax over the positive values of each row of four.
    fn expected() -> Vec<Vec<f64>> {
        let row = |x: &[f64]| {
            let shares: Vec<f64> = x.iter().map(|v| if *v > 0.0 { v.exp() } else { 0.0 }).collect();
            let sum: f64 = shares.iter().sum();
            shares.into_iter().map(|s| s / sum).collect::<Vec<f64>>()
        };
        inputs().iter().map(|x| x.chunks(4).flat_map(row).collect()).collect()
    }

    fn chosen(mask: f32) -> Case {
        let mut m = OnnxBuilder::new(&[2, 4]);
        m.weights("zero", &[], &[0.0]).weights("mask", &[], &[mask]).ints("shape", &[1, 2, 4]);
        m.node("Greater", &["x", "zero"], "c", vec![]).node("Where", &["c", "x", "mask"], "w", vec![]);
        m.node("Reshape", &["w", "shape"], "r", vec![]);
        let onnx = m.node("Softmax", &["r"], "y", vec![int("axis", -1)]).bytes(&[1, 2, 4]);
        Case::new(onnx, inputs()).expecting(expected())
    }

    fn added(mask: f32) -> Case {
        let mut m = OnnxBuilder::new(&[2, 4]);
        m.weights("zero", &[], &[0.0]).weights("one", &[], &[1.0]).weights("mask", &[], &[mask]);
        m.node("Greater", &["x", "zero"], "c", vec![]).node("Cast", &["c"], "f", vec![int("to", 1)]);
        m.node("Sub", &["one", "f"], "i", vec![]).node("Mul", &["i", "mask"], "k", vec![]);
        m.node("Add", &["x", "k"], "w", vec![]);
        let onnx = m.node("Softmax", &["w"], "y", vec![int("axis", -1)]).bytes(&[2, 4]);
        Case::new(onnx, inputs()).expecting(expected())
    }

    op_conformance! {
        masks_of_where: chosen(-1e9),
        infinite_masks: chosen(f32::NEG_INFINITY),
        masks_that_are_added: added(-1e9),
        least_masks: added(f32::MIN),
    }

    /// A value that is read elsewhere too keeps its constants.
    #[test]
    fn what_others_read_stays() {
        let mut m = OnnxBuilder::new(&[1, 2]);
        m.weights("mask", &[2], &[0.0, -2000.0]).node("Add", &["x", "mask"], "a", vec![]);
        m.node("Softmax", &["a"], "s", vec![int("axis", -1)]);
        let onnx = m.node("Concat", &["a", "s"], "y", vec![int("axis", 1)]).bytes(&[1, 4]);
        let (a, b) = (1.0f64, -1998.5);
        Case::new(onnx, vec![vec![1.0, 1.5]]).expecting(vec![vec![a, b, 1.0, 0.0]]).check();
    }
}
