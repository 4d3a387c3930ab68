//! What exporters write out in small nodes, put back into the one op that it is: interval arithmetic knows nothing of what a whole pattern guarantees, an op does.
//!
//! | pattern | op |
//! |---|---|
//! | `(x − mean) / sqrt(mean((x − mean)²) + ε)` over some axes | `LayerNormalization` with those axes |
//! | `x f + (β − mean(x) f)` with `f = γ / sqrt(mean((x − mean)²) + ε)` | `LayerNormalization` with scale and bias |
//! | `x / sqrt(mean(x²) + ε)` | `RMSNormalization` with those axes |
//! | `exp(x − max) / sum`, with or without the maximum | `Softmax` |
//! | `log(Softmax(x))` | `LogSoftmax` |
//! | a function of one value that is Gelu, Swish or Mish, however it is written | that op (see `shapes.rs`) |
//! | `x · W + b` | `MatMul` with a third input |
//!
//! The new node has the name and the output of the pattern's last node. Nodes whose values are then read no more are dropped; those that others read stay.
//! `axes` of a normalisation and the third input of a MatMul are no ONNX: only this pass makes them.

use std::collections::{BTreeMap, BTreeSet};

use super::shapes;
use super::tensor::Tensor;
use super::{Attribute, Constant, Graph, Node};

/// A graph with its edges at hand.
pub(super) struct Edges<'g> {
    graph: &'g Graph,
    producer: BTreeMap<&'g str, usize>,
    readers: BTreeMap<&'g str, usize>,
}

/// A node in place of a pattern: operation, inputs and attributes.
struct Fused {
    op: &'static str,
    inputs: Vec<String>,
    attributes: BTreeMap<String, Attribute>,
}

impl Graph {
    /// The same graph with patterns put back into ops.
    #[must_use]
    pub fn fused(mut self) -> Self {
        // A pattern may hold what an earlier round has made: Log of Softmax, or Add after MatMul.
        for _ in 0..3 {
            let found = Edges::new(&self).fused();
            if found.is_empty() {
                break;
            }
            let one = self.one();
            for (index, fused) in found {
                let node = &mut self.nodes[index];
                node.op = fused.op.into();
                node.domain.clear();
                node.opset = node.opset.max(13);
                node.inputs = fused.inputs.into_iter().map(|i| if i.is_empty() { one.clone() } else { i }).collect();
                node.input_ranges = vec![None; node.inputs.len()];
                node.attributes = fused.attributes;
            }
            self.drop_unread();
        }
        self
    }

    /// The name of a constant 1.
    fn one(&mut self) -> String {
        let mut name = "one".to_owned();
        let one = Constant::Real(Tensor::scalar(1.0));
        let produced: BTreeSet<&String> = self.nodes.iter().flat_map(|n| &n.outputs).collect();
        let taken = |graph: &Self, name: &String| {
            produced.contains(name)
                || graph.inputs.iter().any(|i| i.name == *name)
                || graph.constants.get(name).is_some_and(|c| *c != one)
        };
        while taken(self, &name) {
            name.push('\'');
        }
        self.constants.insert(name.clone(), one);
        name
    }

    /// Drops nodes that nothing reads, if they are of a kind that patterns are made of.
    fn drop_unread(&mut self) {
        let mut read: BTreeSet<String> = self.outputs.iter().cloned().collect();
        let mut kept = Vec::with_capacity(self.nodes.len());
        for node in std::mem::take(&mut self.nodes).into_iter().rev() {
            if node.outputs.iter().any(|o| read.contains(o)) || !PARTS.contains(&node.op.as_str()) {
                read.extend(node.inputs.iter().cloned());
                kept.push(node);
            }
        }
        kept.reverse();
        self.nodes = kept;
    }
}

/// Operations that patterns are made of.
const PARTS: &[&str] = &[
    "Add",
    "Cast",
    "Constant",
    "Div",
    "Erf",
    "Exp",
    "Identity",
    "Log",
    "MatMul",
    "Mul",
    "Neg",
    "Pow",
    "Reciprocal",
    "ReduceMax",
    "ReduceMean",
    "ReduceSum",
    "Sigmoid",
    "Softmax",
    "Softplus",
    "Sqrt",
    "Sub",
    "Tanh",
];

impl<'g> Edges<'g> {
    fn new(graph: &'g Graph) -> Self {
        let mut producer = BTreeMap::new();
        let mut readers: BTreeMap<&str, usize> = BTreeMap::new();
        for (index, node) in graph.nodes.iter().enumerate() {
            for output in &node.outputs {
                producer.insert(output.as_str(), index);
            }
            for input in &node.inputs {
                *readers.entry(input).or_insert(0) += 1;
            }
        }
        for output in &graph.outputs {
            *readers.entry(output).or_insert(0) += 1;
        }
        Self { graph, producer, readers }
    }

    /// The last nodes of patterns, with what takes their place.
    fn fused(&self) -> Vec<(usize, Fused)> {
        let one = |(index, node): (usize, &'g Node)| {
            let fused = self
                .normalisation(node)
                .or_else(|| self.multiplied_out(node))
                .or_else(|| self.softmax(node))
                .or_else(|| self.log_softmax(node))
                .or_else(|| self.shape(node))
                .or_else(|| self.biased(node))?;
            Some((index, fused))
        };
        self.graph.nodes.iter().enumerate().filter(|(_, n)| n.domain.is_empty()).filter_map(one).collect()
    }

    /// The name that a value has behind nodes that only pass it on.
    pub(super) fn plain(&self, name: &'g str) -> &'g str {
        let mut name = name;
        for _ in 0..8 {
            match self.producer.get(name).map(|&i| &self.graph.nodes[i]) {
                Some(node) if node.op == "Identity" && node.domain.is_empty() && node.inputs.len() == 1 => {
                    name = &node.inputs[0];
                }
                _ => break,
            }
        }
        name
    }

    /// The ONNX node that makes a value as its first output.
    pub(super) fn node(&self, name: &'g str) -> Option<&'g Node> {
        let name = self.plain(name);
        let node = &self.graph.nodes[*self.producer.get(name)?];
        (node.domain.is_empty() && node.outputs.first().is_some_and(|o| o == name)).then_some(node)
    }

    fn made_by(&self, name: &'g str, op: &str) -> Option<&'g Node> {
        self.node(name).filter(|n| n.op == op)
    }

    /// A constant tensor: an initialiser or a `Constant`.
    fn constant(&self, name: &'g str) -> Option<&'g Constant> {
        let name = self.plain(name);
        if let Some(found) = self.graph.constants.get(name) {
            return Some(found);
        }
        match self.made_by(name, "Constant")?.attributes.get("value") {
            Some(Attribute::Tensor(found)) => Some(found),
            _ => None,
        }
    }

    /// A constant of one element, and of no more dimensions than whatever it meets.
    pub(super) fn scalar(&self, name: &'g str) -> Option<f64> {
        match self.constant(name)? {
            Constant::Real(t) if t.len() == 1 && t.shape().len() <= 1 => t.data().first().copied(),
            Constant::Int(t) if t.len() == 1 && t.shape().len() <= 1 => t.data().first().map(|&v| v as f64),
            _ => None,
        }
    }

    /// The two inputs of a binary op.
    fn pair(&self, node: &'g Node) -> Option<(&'g str, &'g str)> {
        match &node.inputs[..] {
            [a, b] => Some((self.plain(a), self.plain(b))),
            _ => None,
        }
    }

    /// The input that is no constant of one element, and that constant, of an op that commutes.
    fn with_scalar(&self, node: &'g Node) -> Option<(&'g str, f64)> {
        let (a, b) = self.pair(node)?;
        self.scalar(b).map(|c| (a, c)).or_else(|| self.scalar(a).map(|c| (b, c)))
    }

    /// What a reduction that keeps its dimensions reduces, and over which axes.
    fn reduced(&self, name: &'g str, op: &str) -> Option<(&'g str, Vec<i64>)> {
        let node = self.made_by(name, op)?;
        if matches!(node.attributes.get("keepdims"), Some(a) if *a != Attribute::Int(1)) {
            return None;
        }
        let mut axes = match (node.attributes.get("axes"), node.inputs.get(1)) {
            (Some(Attribute::Ints(axes)), None) => axes.clone(),
            (None, Some(axes)) => match self.constant(axes)? {
                Constant::Int(t) => t.data().to_vec(),
                Constant::Real(_) => return None,
            },
            _ => return None,
        };
        axes.sort_unstable();
        (!axes.is_empty()).then(|| Some((self.plain(node.inputs.first()?), axes)))?
    }

    /// `x` and the axes of `x − mean(x)`.
    fn centred(&self, name: &'g str) -> Option<(&'g str, Vec<i64>)> {
        let (x, mean) = self.pair(self.made_by(name, "Sub")?)?;
        let (of, axes) = self.reduced(mean, "ReduceMean")?;
        (of == x).then_some((x, axes))
    }

    fn squared(&self, name: &'g str) -> Option<&'g str> {
        let node = self.node(name)?;
        let (a, b) = self.pair(node)?;
        match node.op.as_str() {
            "Mul" if a == b => Some(a),
            "Pow" if self.scalar(b) == Some(2.0) => Some(a),
            _ => None,
        }
    }

    /// What a root is taken of.
    fn rooted(&self, name: &'g str) -> Option<&'g str> {
        let node = self.node(name)?;
        match node.op.as_str() {
            "Sqrt" => Some(self.plain(node.inputs.first()?)),
            "Pow" => self.pair(node).filter(|(_, b)| self.scalar(b) == Some(0.5)).map(|(a, _)| a),
            _ => None,
        }
    }

    /// What the reciprocal of a root is taken of.
    fn inverse_root(&self, name: &'g str) -> Option<&'g str> {
        let node = self.node(name)?;
        match node.op.as_str() {
            "Reciprocal" => self.rooted(node.inputs.first()?),
            "Div" => self.pair(node).filter(|(a, _)| self.scalar(a) == Some(1.0)).and_then(|(_, b)| self.rooted(b)),
            "Pow" => self.pair(node).filter(|(_, b)| self.scalar(b) == Some(-0.5)).map(|(a, _)| a),
            _ => None,
        }
    }

    fn normalisation(&self, node: &'g Node) -> Option<Fused> {
        let (a, b) = self.pair(node)?;
        let (top, variance) = match node.op.as_str() {
            "Div" => (a, self.rooted(b)?),
            "Mul" => match self.inverse_root(b) {
                Some(variance) => (a, variance),
                None => (b, self.inverse_root(a)?),
            },
            _ => return None,
        };
        let (mean, epsilon) = self.with_scalar(self.made_by(variance, "Add")?)?;
        let (squares, axes) = self.reduced(mean, "ReduceMean")?;
        let deviation = self.squared(squares)?;
        if epsilon.is_nan() || epsilon <= 0.0 {
            return None;
        }
        let same = |found: &(&str, Vec<i64>)| found.1 == axes;
        let centre = self.centred(deviation).filter(same);
        let (op, x) = match (centre, self.centred(top).filter(same)) {
            (Some((x, _)), Some((other, _))) if x == other => ("LayerNormalization", x),
            _ if deviation == top => ("RMSNormalization", top),
            _ => return None,
        };
        let attributes = [("axes", Attribute::Ints(axes)), ("epsilon", Attribute::Float(epsilon))];
        Some(Fused {
            op,
            inputs: vec![x.into(), String::new()],
            attributes: attributes.map(|(k, v)| (k.to_owned(), v)).into(),
        })
    }

    /// `x f + (β − mean f)` with `f = γ / sqrt(variance + ε)`: the same normalisation as Keras writes it.
    fn multiplied_out(&self, node: &'g Node) -> Option<Fused> {
        let (a, b) = if node.op == "Add" { self.pair(node)? } else { return None };
        let (scaled, shift) = if self.made_by(b, "Sub").is_some() { (a, b) } else { (b, a) };
        let (bias, moved) = self.pair(self.made_by(shift, "Sub")?)?;
        let factors = |name| self.pair(self.made_by(name, "Mul")?);
        let ((x, other), (mean, factor)) = (factors(scaled)?, factors(moved)?);
        let (x, factor, mean) = match (other == factor, other == mean, x == factor, x == mean) {
            (true, ..) => (x, factor, mean),
            (_, true, ..) => (x, mean, factor),
            (_, _, true, _) => (other, factor, mean),
            (.., true) => (other, mean, factor),
            _ => return None,
        };
        let (variance, scale) = match self.inverse_root(factor) {
            Some(variance) => (variance, ""),
            None => {
                let (a, b) = factors(factor)?;
                self.inverse_root(a).map(|v| (v, b)).or_else(|| self.inverse_root(b).map(|v| (v, a)))?
            }
        };
        let (mean_square, epsilon) = self.with_scalar(self.made_by(variance, "Add")?)?;
        let (squares, axes) = self.reduced(mean_square, "ReduceMean")?;
        let centre = self.centred(self.squared(squares)?)?;
        let constants = self.constant(bias).is_some() && (scale.is_empty() || self.constant(scale).is_some());
        let own = centre == (x, axes.clone()) && self.reduced(mean, "ReduceMean")? == (x, axes.clone());
        if !own || !constants || epsilon.is_nan() || epsilon <= 0.0 {
            return None;
        }
        let attributes = [("axes", Attribute::Ints(axes)), ("epsilon", Attribute::Float(epsilon))];
        Some(Fused {
            op: "LayerNormalization",
            inputs: vec![x.into(), scale.into(), bias.into()],
            attributes: attributes.map(|(k, v)| (k.to_owned(), v)).into(),
        })
    }

    fn softmax(&self, node: &'g Node) -> Option<Fused> {
        if node.op != "Div" {
            return None;
        }
        let (top, sum) = self.pair(node)?;
        let (of, axes) = self.reduced(sum, "ReduceSum")?;
        let &[axis] = axes.as_slice() else { return None };
        if of != top {
            return None;
        }
        let argument = self.plain(self.made_by(top, "Exp")?.inputs.first()?);
        let less_maximum = || {
            let (x, most) = self.pair(self.made_by(argument, "Sub")?)?;
            let (of, along) = self.reduced(most, "ReduceMax")?;
            (of == x && along == axes).then_some(x)
        };
        let x = less_maximum().unwrap_or(argument);
        Some(Fused {
            op: "Softmax",
            inputs: vec![x.into()],
            attributes: [("axis".to_owned(), Attribute::Int(axis))].into(),
        })
    }

    fn log_softmax(&self, node: &'g Node) -> Option<Fused> {
        let softmax = if node.op == "Log" { self.made_by(node.inputs.first()?, "Softmax")? } else { return None };
        // Older versions have another meaning of the axis.
        (softmax.opset >= 13).then(|| Fused {
            op: "LogSoftmax",
            inputs: softmax.inputs.clone(),
            attributes: softmax.attributes.clone(),
        })
    }

    fn shape(&self, node: &'g Node) -> Option<Fused> {
        let (x, found) = shapes::recognised(self, node)?;
        let attributes = found.attributes().into_iter().map(|(k, v)| (k.to_owned(), v)).collect();
        Some(Fused { op: found.op, inputs: vec![x.into()], attributes })
    }

    /// A bias after a product with a constant matrix, if nothing else reads the product.
    fn biased(&self, node: &'g Node) -> Option<Fused> {
        let (a, b) = if node.op == "Add" { self.pair(node)? } else { return None };
        let (product, bias) = if self.constant(b).is_some() { (a, b) } else { (b, a) };
        let (Constant::Real(bias_values), matmul) = (self.constant(bias)?, self.made_by(product, "MatMul")?) else {
            return None;
        };
        let [x, weights] = &matmul.inputs[..] else { return None };
        let &[_, columns] = self.constant(weights).filter(|c| matches!(c, Constant::Real(_)))?.shape() else {
            return None;
        };
        let one_reader = self.readers.get(product) == Some(&1);
        // A bias of more dimensions could add dimensions to the result.
        (one_reader && bias_values.shape() == [columns] && self.constant(x).is_none()).then(|| Fused {
            op: "MatMul",
            inputs: vec![x.clone(), weights.clone(), bias.to_owned()],
            attributes: BTreeMap::new(),
        })
    }
}

#[cfg(test)]
mod tests {
    use crate::model::Graph;
    use crate::model::fixture::{OnnxBuilder, int, ints};
    use crate::testing::conformance::{Case, op_conformance};

    fn ops(onnx: &[u8]) -> Vec<String> {
        Graph::from_onnx(onnx).unwrap().fused().nodes.into_iter().map(|n| n.op).collect()
    }

    fn layer_norm(m: &mut OnnxBuilder, x: &str, y: &str) {
        m.node("ReduceMean", &[x], "m", vec![ints("axes", &[-1])]).node("Sub", &[x, "m"], "d", vec![]);
        m.node("Pow", &["d", "two"], "q", vec![]).node("ReduceMean", &["q"], "v", vec![ints("axes", &[-1])]);
        m.node("Add", &["v", "eps"], "w", vec![]).node("Sqrt", &["w"], "r", vec![]);
        m.node("Div", &["d", "r"], y, vec![]);
    }

    fn constants(shape: &[i64]) -> OnnxBuilder {
        let mut m = OnnxBuilder::new(shape);
        m.weights("two", &[], &[2.0]).weights("eps", &[1], &[1e-3]).weights("half", &[], &[0.5]);
        m.weights("root", &[], &[std::f32::consts::SQRT_2]).weights("unit", &[], &[1.0]);
        m
    }

    fn written_out() -> Vec<u8> {
        let mut m = constants(&[2, 4]);
        layer_norm(&mut m, "x", "n");
        m.node("Div", &["n", "root"], "e", vec![]).node("Erf", &["e"], "f", vec![]);
        m.node("Add", &["unit", "f"], "g", vec![]).node("Mul", &["n", "g"], "h", vec![]);
        m.node("Mul", &["half", "h"], "l", vec![]);
        m.node("Sigmoid", &["l"], "s", vec![]).node("Mul", &["s", "l"], "y", vec![]).bytes(&[2, 4])
    }

    fn root_mean_square() -> Vec<u8> {
        let mut m = constants(&[2, 4]);
        m.node("Mul", &["x", "x"], "q", vec![]).node("ReduceMean", &["q"], "v", vec![ints("axes", &[-1])]);
        m.node("Add", &["v", "eps"], "w", vec![]).node("Sqrt", &["w"], "r", vec![]);
        m.node("Reciprocal", &["r"], "i", vec![]).node("Mul", &["x", "i"], "y", vec![]).bytes(&[2, 4])
    }

    fn softmax() -> Vec<u8> {
        let mut m = constants(&[2, 4]);
        m.ints("last", &[-1]);
        m.node("ReduceMax", &["x"], "m", vec![ints("axes", &[-1])]).node("Sub", &["x", "m"], "d", vec![]);
        m.node("Exp", &["d"], "e", vec![]).node("ReduceSum", &["e", "last"], "s", vec![int("keepdims", 1)]);
        m.node("Div", &["e", "s"], "p", vec![]).node("Log", &["p"], "y", vec![]).bytes(&[2, 4])
    }

    fn multiplied_out() -> Vec<u8> {
        let mut m = constants(&[2, 4]);
        let (scale, bias): (Vec<f32>, Vec<f32>) = (0..4).map(|i| (0.5 + i as f32 / 8.0, 0.1 * i as f32)).unzip();
        m.weights("g", &[4], &scale).weights("o", &[4], &bias);
        m.node("ReduceMean", &["x"], "mu", vec![ints("axes", &[-1])]).node("Sub", &["x", "mu"], "d", vec![]);
        m.node("Mul", &["d", "d"], "q", vec![]).node("ReduceMean", &["q"], "v", vec![ints("axes", &[-1])]);
        m.node("Add", &["v", "eps"], "e", vec![]).node("Sqrt", &["e"], "r", vec![]);
        m.node("Reciprocal", &["r"], "i", vec![]).node("Mul", &["i", "g"], "f", vec![]);
        m.node("Mul", &["x", "f"], "xf", vec![]).node("Mul", &["mu", "f"], "mf", vec![]);
        m.node("Sub", &["o", "mf"], "s", vec![]).node("Add", &["xf", "s"], "y", vec![]).bytes(&[2, 4])
    }

    fn biased() -> Vec<u8> {
        let mut m = OnnxBuilder::new(&[2, 4]);
        m.random("w", &[4, 3], 1.0).random("b", &[3], 1.0);
        m.node("MatMul", &["x", "w"], "p", vec![]).node("Add", &["p", "b"], "y", vec![]).bytes(&[2, 3])
    }

    #[test]
    fn a_layer_norm_multiplied_out_becomes_one() {
        assert_eq!(ops(&multiplied_out()), ["LayerNormalization"]);
    }

    #[test]
    fn patterns_become_ops() {
        assert_eq!(ops(&written_out()), ["LayerNormalization", "Gelu", "Swish"]);
        assert_eq!(ops(&root_mean_square()), ["RMSNormalization"]);
        assert_eq!(ops(&softmax()), ["LogSoftmax"]);
        assert_eq!(ops(&biased()), ["MatMul"]);
    }

    #[test]
    fn what_others_read_stays() {
        let mut m = constants(&[2, 4]);
        layer_norm(&mut m, "x", "n");
        let onnx = m.node("Add", &["n", "d"], "y", vec![]).bytes(&[2, 4]);
        assert_eq!(ops(&onnx), ["ReduceMean", "Sub", "LayerNormalization", "Add"]);
    }

    #[test]
    fn a_mean_over_other_axes_is_no_layer_norm() {
        let mut m = constants(&[2, 4]);
        m.node("ReduceMean", &["x"], "m", vec![ints("axes", &[0])]).node("Sub", &["x", "m"], "d", vec![]);
        m.node("Mul", &["d", "d"], "q", vec![]).node("ReduceMean", &["q"], "v", vec![ints("axes", &[1])]);
        m.node("Add", &["v", "eps"], "w", vec![]).node("Sqrt", &["w"], "r", vec![]);
        let onnx = m.node("Div", &["d", "r"], "y", vec![]).bytes(&[2, 4]);
        assert_eq!(ops(&onnx).last().unwrap(), "RMSNormalization");
        assert_eq!(ops(&onnx)[1], "Sub");
    }

    fn inputs() -> Vec<Vec<f64>> {
        vec![
            (0..8).map(|i| (i as f64 * 1.7).sin() * 2.0 + 0.5).collect(),
            vec![1.0, -2.0, 0.5, 3.0, 0.1, 0.2, -0.1, 0.0],
        ]
    }

    op_conformance! {
        layer_norm_and_gelu: Case::new(written_out(), inputs()),
        rms_norm: Case::new(root_mean_square(), inputs()),
        log_of_softmax: Case::new(softmax(), inputs()),
        layer_norm_multiplied_out: Case::new(multiplied_out(), inputs()),
        product_with_bias: Case::new(biased(), inputs()),
    }
}
