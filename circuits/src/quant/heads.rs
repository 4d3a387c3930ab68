//! What a graph's outputs mean, as far as the last operation tells: scores of classes, a label, a probability, or just numbers.
//!
//! Only the report reads this: where answers are classes, it counts how often program and float model name different ones.

use serde::{Deserialize, Serialize};

use crate::model::Graph;

/// What an output of the graph is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum HeadKind {
    /// Scores of classes; the largest one wins.
    Scores,
    /// The number of a class.
    Label,
    /// Probabilities of independent events: above one half is yes.
    Probability,
    /// Numbers.
    Numbers,
}

/// One output of the graph.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Head {
    /// Name of the graph's output.
    pub name: String,
    /// The operation that makes it; operations that only move values are looked through.
    pub op: String,
    /// What it is.
    pub kind: HeadKind,
    /// Its first element among all outputs.
    pub first: usize,
    /// Its number of elements.
    pub width: usize,
}

/// Operations that change neither values nor their order.
const PASSING: [&str; 7] = ["Identity", "Reshape", "Flatten", "Squeeze", "Unsqueeze", "Cast", "Dropout"];

/// The graph's outputs with what they mean. `widths` are their numbers of elements.
pub fn heads(graph: &Graph, widths: &[usize]) -> Vec<Head> {
    let mut first = 0;
    let head = |(name, &width): (&String, &usize)| {
        let (op, position) = maker(graph, name);
        let kind = kind(&op, position, width);
        let head = Head { name: name.clone(), op, kind, first, width };
        first += width;
        head
    };
    graph.outputs.iter().zip(widths).map(head).collect()
}

/// The operation that makes a value, and at which of its outputs.
fn maker(graph: &Graph, name: &str) -> (String, usize) {
    let mut name = name;
    // Every step goes to an earlier node, so that the walk ends.
    for node in graph.nodes.iter().rev() {
        let Some(position) = node.outputs.iter().position(|o| o == name) else { continue };
        match node.inputs.first() {
            Some(input) if PASSING.contains(&node.op.as_str()) => name = input,
            _ => return (node.op.clone(), position),
        }
    }
    (String::new(), 0)
}

fn kind(op: &str, position: usize, width: usize) -> HeadKind {
    match op {
        "Softmax" | "LogSoftmax" | "Hardmax" if width > 1 => HeadKind::Scores,
        "Sigmoid" | "HardSigmoid" => HeadKind::Probability,
        "ArgMax" | "ArgMin" => HeadKind::Label,
        _ if op.ends_with("Classifier") && position == 0 => HeadKind::Label,
        _ if op.ends_with("Classifier") && width > 1 => HeadKind::Scores,
        _ if op.ends_with("Classifier") => HeadKind::Probability,
        _ => HeadKind::Numbers,
    }
}

impl Head {
    /// Whether two answers of this head name different classes; `None` for numbers. Ties count as agreement.
    pub fn disagrees(&self, kind: HeadKind, ours: &[f64], theirs: &[f64]) -> Option<bool> {
        let (ours, theirs) = (self.of(ours)?, self.of(theirs)?);
        match kind {
            HeadKind::Numbers => None,
            HeadKind::Label => Some(ours.iter().zip(theirs).any(|(a, b)| a.round() != b.round())),
            HeadKind::Probability => Some(ours.iter().zip(theirs).any(|(a, b)| (*a > 0.5) != (*b > 0.5))),
            HeadKind::Scores => {
                let best = |values: &[f64]| values.iter().copied().fold(f64::NEG_INFINITY, f64::max);
                let (top, other) = (best(ours), best(theirs));
                Some(!ours.iter().zip(theirs).any(|(a, b)| *a == top && *b == other))
            }
        }
    }

    /// This head's elements among all outputs.
    pub fn of<'a>(&self, outputs: &'a [f64]) -> Option<&'a [f64]> {
        outputs.get(self.first..self.first + self.width)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::fixture::{OnnxBuilder, int};

    fn of(op: &str) -> Head {
        let mut model = OnnxBuilder::new(&[1, 4]);
        model.node(op, &["x"], "s", vec![]).node("Flatten", &["s"], "y", vec![int("axis", 1)]);
        let graph = Graph::from_onnx(&model.bytes(&[1, 4])).unwrap();
        heads(&graph, &[4]).remove(0)
    }

    #[test]
    fn the_last_operation_that_computes_tells_what_an_output_is() {
        assert_eq!((of("Softmax").kind, of("Softmax").op.as_str()), (HeadKind::Scores, "Softmax"));
        assert_eq!(of("Sigmoid").kind, HeadKind::Probability);
        assert_eq!(of("Relu").kind, HeadKind::Numbers);
        assert_eq!(kind("TreeEnsembleClassifier", 0, 1), HeadKind::Label);
        assert_eq!(kind("LinearClassifier", 1, 3), HeadKind::Scores);
    }

    #[test]
    fn classes_differ_only_where_the_winner_does() {
        let head = of("Softmax");
        let scores = |a, b| head.disagrees(HeadKind::Scores, a, b);
        assert_eq!(scores(&[0.1, 0.2, 0.6, 0.1], &[0.3, 0.1, 0.4, 0.2]), Some(false));
        assert_eq!(scores(&[0.1, 0.6, 0.2, 0.1], &[0.3, 0.1, 0.4, 0.2]), Some(true));
        assert_eq!(scores(&[0.5, 0.5, 0.0, 0.0], &[0.4, 0.6, 0.0, 0.0]), Some(false), "a tie agrees with either");
        assert_eq!(head.disagrees(HeadKind::Probability, &[0.6, 0., 0., 0.], &[0.4, 0., 0., 0.]), Some(true));
        assert_eq!(head.disagrees(HeadKind::Label, &[1., 2., 0., 0.], &[1.2, 2., 0., 0.]), Some(false));
        assert_eq!(head.disagrees(HeadKind::Numbers, &[0.0; 4], &[1.0; 4]), None);
        assert_eq!(head.disagrees(HeadKind::Label, &[0.0; 3], &[1.0; 4]), None, "another width is nothing to compare");
    }
}
