//! What the values of a bare ONNX file's inputs look like, as far as the graph itself says: types, standardisation, vocabularies, thresholds.
//!
//! Not here: files with a specification or calibration samples, which say it better.

use std::collections::BTreeMap;

use tract_onnx::pb::tensor_proto::DataType;

use crate::model::{Attribute, Constant, Graph, Input, Node};

use super::bounds::Interval;
use super::compile::{DEFAULT_DOMAIN, DEFAULT_INTEGERS, DEFAULT_SCALE};

/// Features that a tree does not read may be anything; this is what others widen to at most, in reals.
const WIDEST: f64 = (1i64 << 22) as f64;
/// Units per 1.0 of what trees read.
const DECIMAL_SCALE: u64 = 1_000_000;
/// Linear models and normalisers take raw features of this size.
const LINEAR_DOMAIN: f64 = 256.0;
/// A standardised input lies within so many deviations.
const DEVIATIONS: f64 = 16.0;

/// What a model that only moves and adds values takes.
const EXACT_DOMAIN: f64 = 256.0;

/// What one input value is expected to be.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Expected {
    /// Units per 1.0: 1 for integers.
    pub scale: u64,
    /// What is accepted without a flag, in reals.
    pub domain: (f64, f64),
    /// The middle of typical values.
    pub centre: f64,
    /// Their deviation.
    pub spread: f64,
}

impl Expected {
    /// From a declared domain alone.
    pub fn within(scale: u64, domain: (f64, f64)) -> Self {
        let (lo, hi) = domain;
        Self { scale, domain, centre: (lo + hi) / 2.0, spread: ((hi - lo) / 4.0).max(1.0 / scale as f64) }
    }

    fn of(kind: DataType) -> Self {
        let (low, high) = match kind {
            DataType::Bool => (0.0, 1.0),
            DataType::Int8 => (-128.0, 127.0),
            DataType::Uint8 => (0.0, 255.0),
            DataType::Uint16 | DataType::Uint32 | DataType::Uint64 => (0.0, DEFAULT_INTEGERS),
            DataType::Int16 | DataType::Int32 | DataType::Int64 => (-DEFAULT_INTEGERS, DEFAULT_INTEGERS),
            _ => {
                let domain = (-DEFAULT_DOMAIN, DEFAULT_DOMAIN);
                return Self { scale: DEFAULT_SCALE, domain, centre: 0.0, spread: 1.0 };
            }
        };
        Self::within(1, (low, high))
    }

    /// The same value with another middle and deviation; never narrower than by default.
    fn about(self, centre: f64, spread: f64, reach: f64) -> Self {
        let limit = WIDEST.min(Interval::RAW.hi as f64 / self.scale as f64);
        let domain = (
            (centre - reach).min(self.domain.0).clamp(-limit, limit),
            (centre + reach).max(self.domain.1).clamp(-limit, limit),
        );
        Self { domain, centre: centre.clamp(-limit, limit), spread, ..self }
    }
}

/// One entry for every value of all inputs.
pub fn expected(graph: &Graph) -> Vec<Expected> {
    graph.inputs.iter().flat_map(|input| of_input(graph, input)).collect()
}

/// A value of the graph that is `slope · x + shift` of an input's elements, in their order.
struct Image {
    name: String,
    shape: Option<Vec<usize>>,
    map: Vec<(f64, f64)>,
    shifted: bool,
    scaled: bool,
    /// Constant columns in front, which are no elements of the map.
    before: usize,
}

fn of_input(graph: &Graph, input: &Input) -> Vec<Expected> {
    let mut start = Expected::of(input.kind);
    if start.scale == DEFAULT_SCALE && is_exact(graph, &input.name) {
        start.domain = (-EXACT_DOMAIN, EXACT_DOMAIN);
    }
    let map = vec![(1.0, 0.0); input.width()];
    let first = Image {
        name: input.name.clone(),
        shape: Some(input.shape.clone()),
        map,
        shifted: false,
        scaled: false,
        before: 0,
    };
    let mut pending = vec![first];
    let mut steps = 0;
    while let Some(image) = pending.pop() {
        steps += 1;
        if steps > 64 {
            break;
        }
        for node in graph.nodes.iter().filter(|n| n.inputs.contains(&image.name)) {
            if let Some(found) = stated(graph, node, &image, start) {
                return found;
            }
            pending.extend(followed(graph, node, &image));
        }
        if image.scaled
            && let Some(found) = standardised(&image, start)
        {
            return found;
        }
    }
    vec![start; input.width()]
}

/// Ops that move, add up and average values: as exact for wide inputs as for narrow ones.
const EXACT: &[&str] = &[
    "Add",
    "AveragePool",
    "Concat",
    "CumSum",
    "DepthToSpace",
    "Dropout",
    "Expand",
    "Flatten",
    "GlobalAveragePool",
    "Identity",
    "Mean",
    "Neg",
    "Pad",
    "ReduceMean",
    "ReduceSum",
    "Reshape",
    "Slice",
    "SpaceToDepth",
    "Split",
    "Squeeze",
    "Sub",
    "Sum",
    "Tile",
    "Transpose",
    "Trilu",
    "Unsqueeze",
];

/// Whether a wide domain costs no precision.
fn is_exact(graph: &Graph, input: &str) -> bool {
    let mut live: Vec<&str> = vec![input];
    for node in graph.nodes.iter() {
        if !node.inputs.iter().any(|name| live.contains(&name.as_str())) {
            continue;
        }
        if !EXACT.contains(&node.op.as_str()) {
            return false;
        }
        live.extend(node.outputs.iter().map(String::as_str));
    }
    true
}

/// What a consumer of the value says about it.
fn stated(graph: &Graph, node: &Node, image: &Image, start: Expected) -> Option<Vec<Expected>> {
    let at = |i: usize| node.inputs.get(i) == Some(&image.name);
    if image.before > 0 && !matches!(node.op.as_str(), "GatherND" | "ScatterND") {
        return None;
    }
    match node.op.as_str() {
        "Gather" if at(1) => {
            let rank = |t: &[usize]| i64::try_from(t.len()).unwrap_or(0);
            let table = shape_of(graph, node.inputs.first()?)?;
            let axis = usize::try_from(integer(node, "axis").unwrap_or(0).rem_euclid(rank(table).max(1))).ok()?;
            Some(counted(start, *table.get(axis)?, image.map.len()))
        }
        "GatherElements" | "ScatterElements" | "Scatter" if at(1) => {
            let data = shape_of(graph, node.inputs.first()?)?;
            let rank = i64::try_from(data.len()).unwrap_or(0).max(1);
            let axis = usize::try_from(integer(node, "axis").unwrap_or(0).rem_euclid(rank)).ok()?;
            Some(counted(start, *data.get(axis)?, image.map.len()))
        }
        "GatherND" | "ScatterND" if at(1) => {
            let data = shape_of(graph, node.inputs.first()?)?;
            let batch = usize::try_from(integer(node, "batch_dims").unwrap_or(0)).ok()?;
            let width = *image.shape.as_ref()?.last()?;
            let first = batch.checked_add(image.before)?;
            let sizes = data.get(first..first.checked_add(width)?)?;
            let of = |i: usize| counted(start, sizes.get(i % width.max(1)).copied().unwrap_or(1), 1);
            Some((0..image.map.len()).flat_map(of).collect())
        }
        // An attention mask of integers: `(1 - mask) · -10000`.
        "Mul" if start.scale == 1 && image.map.iter().all(|m| *m == (-1.0, 1.0)) => {
            let other = node.inputs.get(usize::from(at(0)))?;
            let large = numbers(graph, other)?.iter().all(|c| c.abs() >= 1000.0);
            large.then(|| vec![Expected::within(1, (0.0, 1.0)); image.map.len()])
        }
        "OneHot" if at(0) => {
            let depth = numbers(graph, node.inputs.get(1)?)?.first().copied()?;
            Some(counted(start, (depth as usize).min(WIDEST as usize), image.map.len()))
        }
        "TreeEnsembleClassifier" | "TreeEnsembleRegressor" => {
            let mut found = thresholds(node, image, start)?;
            if graph.nodes.iter().filter(|n| n.inputs.contains(&image.name)).count() == 1 {
                // Comparisons are exact, and no clamp is needed. Thresholds are often values of the data, which are decimal.
                let scale = if start.scale == DEFAULT_SCALE { DECIMAL_SCALE } else { start.scale };
                let raw = Interval::RAW;
                let domain = (raw.lo as f64 / scale as f64, raw.hi as f64 / scale as f64);
                found.iter_mut().for_each(|e| (e.scale, e.domain) = (scale, domain));
            }
            Some(found)
        }
        "SVMClassifier" | "SVMRegressor" => vectors(node, image, start),
        "LinearClassifier" | "LinearRegressor" | "Normalizer" => {
            let about = |&(slope, shift): &(f64, f64)| {
                let (centre, spread) = (-shift / slope, (1.0 / slope).abs());
                start.about(centre, spread, LINEAR_DOMAIN * spread)
            };
            let found: Vec<Expected> = image.map.iter().map(about).collect();
            found.iter().all(|e| e.domain.0.is_finite() && e.domain.1.is_finite()).then_some(found)
        }
        _ => None,
    }
}

/// Indices below `count`.
fn counted(start: Expected, count: usize, width: usize) -> Vec<Expected> {
    vec![Expected::within(start.scale, (0.0, count.max(1) as f64 - 1.0)); width]
}

/// Each feature by the thresholds it is compared with.
fn thresholds(node: &Node, image: &Image, start: Expected) -> Option<Vec<Expected>> {
    let (features, values) = (integers(node, "nodes_featureids")?, floats(node, "nodes_values")?);
    let (yes, no) = (integers(node, "nodes_truenodeids")?, integers(node, "nodes_falsenodeids")?);
    let mut seen: BTreeMap<usize, Vec<f64>> = BTreeMap::new();
    for (((&feature, &value), &yes), &no) in features.iter().zip(values).zip(yes).zip(no) {
        if yes != no {
            seen.entry(usize::try_from(feature).ok()?).or_default().push(value);
        }
    }
    Some(ranged(image, start, &seen))
}

/// Each feature by its values in the support vectors.
fn vectors(node: &Node, image: &Image, start: Expected) -> Option<Vec<Expected>> {
    let width = *image.shape.as_ref()?.last()?;
    let values = floats(node, "support_vectors")?;
    let mut seen: BTreeMap<usize, Vec<f64>> = BTreeMap::new();
    for (i, &value) in values.iter().enumerate() {
        seen.entry(i % width.max(1)).or_default().push(value);
    }
    (!seen.is_empty()).then(|| ranged(image, start, &seen))
}

fn ranged(image: &Image, start: Expected, seen: &BTreeMap<usize, Vec<f64>>) -> Vec<Expected> {
    let features = image.shape.as_ref().and_then(|s| s.last().copied()).unwrap_or(image.map.len()).max(1);
    let one = |(i, &(slope, shift)): (usize, &(f64, f64))| {
        let values = seen.get(&(i % features)).map(|v| v.iter().map(|t| (t - shift) / slope));
        let ends = values.map(|v| v.fold((f64::INFINITY, f64::NEG_INFINITY), |(a, b), x| (a.min(x), b.max(x))));
        match ends {
            Some((lo, hi)) if lo.is_finite() && hi.is_finite() => {
                let width = (hi - lo).max(lo.abs()).max(hi.abs()).max(1.0);
                start.about((lo + hi) / 2.0, ((hi - lo) / 2.0).max(width / 64.0), (hi - lo) / 2.0 + 4.0 * width)
            }
            _ => start.about(0.0, 1.0, WIDEST),
        }
    };
    image.map.iter().enumerate().map(one).collect()
}

/// A value that was shifted and scaled by constants is meant to be of ordinary size afterwards.
fn standardised(image: &Image, start: Expected) -> Option<Vec<Expected>> {
    let one = |&(slope, shift): &(f64, f64)| {
        let (centre, spread) = (-shift / slope, 1.0 / slope.abs());
        if !(centre.is_finite() && spread.is_finite() && spread > 0.0) {
            return None;
        }
        // A scale alone may be a temperature.
        let (spread, centre) = if image.shifted { (spread, centre) } else { (spread.max(1.0), 0.0) };
        Some(start.about(centre, spread, DEVIATIONS * spread))
    };
    image.map.iter().map(one).collect()
}

/// The node's output, when it is the same affine kind of value.
fn followed(graph: &Graph, node: &Node, image: &Image) -> Option<Image> {
    let name = node.outputs.first()?.clone();
    let same = |shape| Image {
        name: name.clone(),
        shape,
        map: image.map.clone(),
        shifted: image.shifted,
        scaled: image.scaled,
        before: image.before,
    };
    if image.before > 0 && node.op != "Cast" {
        return None;
    }
    let left = node.inputs.first() == Some(&image.name);
    match node.op.as_str() {
        "Identity" | "Dropout" | "Cast" | "Imputer" if left => Some(same(image.shape.clone())),
        "Reshape" | "Flatten" | "Squeeze" | "Unsqueeze" if left => Some(same(None)),
        "Concat" => joined(graph, node, image),
        "Scaler" => {
            let (offset, scale) = (floats(node, "offset")?, floats(node, "scale")?);
            let mut next = same(image.shape.clone());
            for (i, (slope, shift)) in next.map.iter_mut().enumerate() {
                let (o, s) = (offset.get(i % offset.len().max(1))?, scale.get(i % scale.len().max(1))?);
                (*slope, *shift) = (*slope * s, (*shift - o) * s);
            }
            Some(Image { shifted: true, scaled: true, ..next })
        }
        "Add" | "Sub" | "Mul" | "Div" => {
            let other = node.inputs.get(usize::from(left))?;
            let (values, index) = (numbers(graph, other)?, broadcast(image, shape(graph, other)?)?);
            let mut next = same(image.shape.clone());
            for ((slope, shift), &i) in next.map.iter_mut().zip(&index) {
                let c = *values.get(i)?;
                (*slope, *shift) = match (node.op.as_str(), left) {
                    ("Add", _) => (*slope, *shift + c),
                    ("Sub", true) => (*slope, *shift - c),
                    ("Sub", false) => (-*slope, c - *shift),
                    ("Mul", _) => (*slope * c, *shift * c),
                    ("Div", true) => (*slope / c, *shift / c),
                    _ => return None,
                };
            }
            let additive = matches!(node.op.as_str(), "Add" | "Sub");
            Some(Image { shifted: next.shifted || additive, scaled: next.scaled || !additive, ..next })
        }
        _ => None,
    }
}

/// The image behind columns of constants.
fn joined(graph: &Graph, node: &Node, image: &Image) -> Option<Image> {
    let own = image.shape.as_ref()?;
    let rank = i64::try_from(own.len()).ok()?;
    let (image_name, constants) = node.inputs.split_last()?;
    if integer(node, "axis")?.rem_euclid(rank.max(1)) != rank - 1 || *image_name != image.name {
        return None;
    }
    let widths: Option<Vec<usize>> = constants.iter().map(|name| shape(graph, name)?.last().copied()).collect();
    Some(Image {
        name: node.outputs.first()?.clone(),
        shape: image.shape.clone(),
        map: image.map.clone(),
        before: widths?.into_iter().sum(),
        ..*image
    })
}

/// For each element of the image, which of the constant's it meets; `None` when the result would be larger, or the shape is not known.
fn broadcast(image: &Image, constant: &[usize]) -> Option<Vec<usize>> {
    if constant.iter().product::<usize>() == 1 {
        return Some(vec![0; image.map.len()]);
    }
    let shape = image.shape.as_ref()?;
    let missing = shape.len().checked_sub(constant.len())?;
    let index = |mut flat: usize| {
        let (mut at, mut stride) = (0, 1);
        for (axis, &size) in shape.iter().enumerate().rev() {
            let place = flat % size;
            flat /= size;
            match axis.checked_sub(missing).and_then(|a| constant.get(a)) {
                Some(&own) if own == size => {
                    at += place * stride;
                    stride *= own;
                }
                Some(1) | None => {}
                Some(_) => return None,
            }
        }
        Some(at)
    };
    (0..image.map.len()).map(index).collect()
}

fn constant<'g>(graph: &'g Graph, name: &str) -> Option<&'g Constant> {
    let made = || {
        let node = graph.nodes.iter().find(|n| n.op == "Constant" && n.outputs.iter().any(|o| o == name))?;
        match node.attributes.get("value") {
            Some(Attribute::Tensor(t)) => Some(t),
            _ => None,
        }
    };
    graph.constants.get(name).or_else(made)
}

fn shape<'g>(graph: &'g Graph, name: &str) -> Option<&'g [usize]> {
    Some(match constant(graph, name)? {
        Constant::Real(t) => t.shape(),
        Constant::Int(t) => t.shape(),
    })
}

/// The shape of a constant or of an input.
fn shape_of<'g>(graph: &'g Graph, name: &str) -> Option<&'g [usize]> {
    let input = graph.inputs.iter().find(|i| i.name == name).map(|i| i.shape.as_slice());
    input.or_else(|| shape(graph, name))
}

fn numbers(graph: &Graph, name: &str) -> Option<Vec<f64>> {
    Some(match constant(graph, name)? {
        Constant::Real(t) => t.data().to_vec(),
        Constant::Int(t) => t.data().iter().map(|&v| v as f64).collect(),
    })
}

fn integer(node: &Node, name: &str) -> Option<i64> {
    match node.attributes.get(name) {
        Some(Attribute::Int(v)) => Some(*v),
        _ => None,
    }
}

fn integers<'n>(node: &'n Node, name: &str) -> Option<&'n [i64]> {
    match node.attributes.get(name) {
        Some(Attribute::Ints(v)) => Some(v),
        _ => None,
    }
}

fn floats<'n>(node: &'n Node, name: &str) -> Option<&'n [f64]> {
    match node.attributes.get(name) {
        Some(Attribute::Floats(v)) => Some(v),
        _ => None,
    }
}
