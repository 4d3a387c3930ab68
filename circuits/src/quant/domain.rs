//! Domains of inputs, read off the graph where neither specification nor calibration gives them.
//!
//! | what reads an input (through ops that only move it, or a `Scaler`) | domain |
//! |---|---|
//! | comparisons with constants only (trees, `Binarizer`), or nothing | all that a source can hold: comparisons are exact, and no clamp is needed |
//! | linear models, not after a `Scaler` | `±256` |
//! | anything else | `±16` |
//!
//! What is read after a `Scaler` is scaled back: `offset ± 16 / scale`.

use std::collections::BTreeMap;

use crate::model::onnx::ML_DOMAIN;
use crate::model::{Attribute, Graph, Node};

use super::bounds::Interval;
use super::compile::{DEFAULT_DOMAIN, DEFAULT_SCALE};

/// Domain of what linear models read.
const LINEAR_DOMAIN: f64 = 256.0;

/// An element of a value as `factor · input + offset`.
#[derive(Clone, Copy)]
struct Origin {
    input: usize,
    factor: f64,
    offset: f64,
    /// Whether a `Scaler` was passed.
    scaled: bool,
}

/// The domain of each input element, in reals; `None` where the default is right.
pub fn infer(graph: &Graph) -> Vec<Option<(f64, f64)>> {
    let width = graph.input_width();
    // Rows of a batch would interleave: only single rows are followed.
    let classical = graph.nodes.iter().any(|n| n.domain == ML_DOMAIN);
    if !classical || graph.inputs.iter().any(|i| i.shape.iter().rev().skip(1).any(|&d| d != 1)) {
        return vec![None; width];
    }
    let mut known: BTreeMap<&str, Vec<Option<Origin>>> = BTreeMap::new();
    let mut next = 0;
    for input in &graph.inputs {
        let count: usize = input.shape.iter().product();
        let elements =
            (next..next + count).map(|input| Some(Origin { input, factor: 1.0, offset: 0.0, scaled: false }));
        known.insert(&input.name, elements.collect());
        next += count;
    }
    let mut needs: Vec<Option<(f64, f64)>> = vec![None; width];
    for node in &graph.nodes {
        let parts: Vec<&Vec<Option<Origin>>> = node.inputs.iter().filter_map(|i| known.get(i.as_str())).collect();
        if parts.is_empty() {
            continue;
        }
        if let Some(moved) = moved(node, &parts) {
            if let Some(name) = node.outputs.first() {
                known.insert(name, moved);
            }
            continue;
        }
        let Some(reach) = reach(node) else { continue };
        for origin in parts.into_iter().flatten().flatten() {
            let reach = if origin.scaled { reach.min(DEFAULT_DOMAIN) } else { reach };
            let ends = [-reach, reach].map(|y| (y - origin.offset) / origin.factor);
            let (lo, hi) = (ends[0].min(ends[1]), ends[0].max(ends[1]));
            if let Some(need) = needs.get_mut(origin.input) {
                *need = Some(need.map_or((lo, hi), |(a, b)| (a.min(lo), b.max(hi))));
            }
        }
    }
    let raw = Interval::RAW;
    let (least, most) = (raw.lo as f64 / DEFAULT_SCALE as f64, raw.hi as f64 / DEFAULT_SCALE as f64);
    needs.into_iter().map(|need| Some(need.map_or((least, most), |(lo, hi)| (lo.max(least), hi.min(most))))).collect()
}

/// The elements after an op that only moves or scales them.
fn moved(node: &Node, parts: &[&Vec<Option<Origin>>]) -> Option<Vec<Option<Origin>>> {
    match (node.domain.as_str(), node.op.as_str()) {
        (ML_DOMAIN, "Scaler") => {
            let list = |name: &str| match node.attributes.get(name) {
                Some(Attribute::Floats(v)) => v.clone(),
                _ => Vec::new(),
            };
            let (offset, scale) = (list("offset"), list("scale"));
            let at = |list: &[f64], i: usize, default: f64| match list {
                [one] => *one,
                _ => list.get(i).copied().unwrap_or(default),
            };
            let scaled = |(i, origin): (usize, &Option<Origin>)| {
                let factor = at(&scale, i, 1.0);
                let shift = |o: Origin| Origin {
                    factor: o.factor * factor,
                    offset: (o.offset - at(&offset, i, 0.0)) * factor,
                    scaled: true,
                    ..o
                };
                origin.filter(|_| factor != 0.0).map(shift)
            };
            parts.first().map(|part| part.iter().enumerate().map(scaled).collect())
        }
        (ML_DOMAIN, "Imputer" | "FeatureVectorizer")
        | ("", "Identity" | "Cast" | "Reshape" | "Flatten" | "Squeeze" | "Unsqueeze" | "Dropout" | "Concat") => {
            Some(parts.iter().copied().flatten().copied().collect())
        }
        _ => None,
    }
}

/// Half the domain that an op wants for what it reads; `None`: it takes everything.
fn reach(node: &Node) -> Option<f64> {
    match (node.domain.as_str(), node.op.as_str()) {
        (ML_DOMAIN, "TreeEnsembleClassifier" | "TreeEnsembleRegressor" | "TreeEnsemble" | "Binarizer") => None,
        (ML_DOMAIN, "LinearClassifier" | "LinearRegressor") => Some(LINEAR_DOMAIN),
        _ => Some(DEFAULT_DOMAIN),
    }
}
