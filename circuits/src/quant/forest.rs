//! Decision trees: comparisons as bits.
//!
//! Every distinct comparison `wire <= boundary` of the whole ensemble is one Sign lane, six to an operand row. A boundary is the last integer for which the
//! float model (`f32`) takes the branch, so comparisons are exact. What the bits of a tree lead to: see [`super::leaves`].

use std::collections::{BTreeMap, BTreeSet};

use super::QuantError;
use super::builder::{Builder, Dot};
use super::form::Form;
use super::program::{Requant, Wire};
use super::report::LayerReport;

/// Deepest tree accepted.
pub const MAX_DEPTH: usize = 512;

/// How a feature is compared with a threshold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Compare {
    /// `x <= t`
    Leq,
    /// `x < t`
    Lt,
    /// `x >= t`
    Geq,
    /// `x > t`
    Gt,
    /// `x == t`
    Eq,
    /// `x != t`
    Neq,
}

/// A tree, or a part of one. At most [`MAX_DEPTH`] deep.
#[derive(Clone, Debug, PartialEq)]
pub enum Branch {
    /// Weights by target.
    Leaf(Vec<(usize, f64)>),
    /// A comparison.
    Test(Box<Test>),
}

/// A comparison and what follows it.
#[derive(Clone, Debug, PartialEq)]
pub struct Test {
    /// Index of the feature.
    pub feature: usize,
    /// The comparison.
    pub compare: Compare,
    /// What the feature is compared with.
    pub threshold: f64,
    /// Where it holds.
    pub yes: Branch,
    /// Where it does not.
    pub no: Branch,
}

impl Branch {
    /// The largest index of a feature that is compared.
    pub fn last_feature(&self) -> Option<usize> {
        let mut found = BTreeSet::new();
        used_features(self, &mut found);
        found.last().copied()
    }
}

/// A feature as the wire that is compared: `x = coefficient · wire + offset`.
#[derive(Clone, Copy, Debug)]
struct Feature {
    wire: Wire,
    coefficient: f64,
    offset: f64,
}

/// A bit that tests need: whether `from < wire <= to`; without `from`, whether `wire <= to`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Key {
    wire: Wire,
    from: Option<i64>,
    to: i64,
}

/// The wire, 0 or 1, of every bit.
pub(super) type Bits = BTreeMap<Key, Wire>;

/// A tree of bits.
pub(super) enum Node {
    Leaf(Vec<(usize, f64)>),
    Split { key: Key, yes: Box<Node>, no: Box<Node>, height: u32 },
}

impl Node {
    pub fn height(&self) -> u32 {
        match self {
            Self::Leaf(_) => 0,
            Self::Split { height, .. } => *height,
        }
    }

    pub fn leaves<'a>(&'a self, found: &mut Vec<&'a [(usize, f64)]>) {
        match self {
            Self::Leaf(weights) => found.push(weights),
            Self::Split { yes, no, .. } => {
                yes.leaves(found);
                no.leaves(found);
            }
        }
    }

    fn keys(&self, found: &mut BTreeSet<Key>) {
        if let Self::Split { key, yes, no, .. } = self {
            found.insert(*key);
            yes.keys(found);
            no.keys(found);
        }
    }
}

impl Builder<'_> {
    /// Each tree's value for each target that its leaves name. `single`: features are `f32` where they are compared.
    ///
    /// # Errors
    /// A feature that does not exist; else as [`Self::compact`].
    pub fn forest(
        &mut self,
        features: &[Form],
        trees: &[Branch],
        single: bool,
    ) -> Result<Vec<BTreeMap<usize, Form>>, QuantError> {
        let before = self.steps.len();
        let mut layer = LayerReport::new(self.node(), "forest");
        let features = self.compared(features, trees)?;
        let mut nodes = Vec::with_capacity(trees.len());
        for tree in trees {
            nodes.push(self.pruned(tree, &features, single, &mut BTreeMap::new())?);
        }
        let bits = self.bits(&nodes)?;
        nodes.iter().for_each(|_| layer.add(0.0, None));
        let values = self.leaves(&nodes, &bits)?;
        layer.close(&self.steps[before..]);
        self.record(layer);
        Ok(values)
    }

    /// Wires for the features that are compared; `Err` holds a constant.
    fn compared(
        &mut self,
        features: &[Form],
        trees: &[Branch],
    ) -> Result<BTreeMap<usize, Result<Feature, f64>>, QuantError> {
        let mut used = BTreeSet::new();
        trees.iter().for_each(|t| used_features(t, &mut used));
        let mut found = BTreeMap::new();
        let mut dots = Vec::new();
        let mut fresh = Vec::new();
        for index in used {
            let missing = QuantError::Malformed { what: "features", expected: features.len(), got: index };
            let form = features.get(index).ok_or(missing)?;
            match *form.terms() {
                [] => {
                    found.insert(index, Err(form.offset()));
                }
                [(wire, coefficient)] => {
                    found.insert(index, Ok(Feature { wire, coefficient, offset: form.offset() }));
                }
                // A quarter of a lane: the difference to a boundary fits one.
                _ => {
                    let (dot, scale) = self.fitted(form, self.lane_scale(form)? / 4.0, 0.98, Requant::Identity)?;
                    dots.push(dot);
                    fresh.push((index, scale));
                }
            }
        }
        for (wire, (index, scale)) in self.emit(&dots)?.into_iter().zip(fresh) {
            found.insert(index, Ok(Feature { wire, coefficient: 1.0 / scale, offset: 0.0 }));
        }
        Ok(found)
    }

    /// The tree as bits, without comparisons that the features' ranges or earlier comparisons of the path decide.
    fn pruned(
        &self,
        tree: &Branch,
        features: &BTreeMap<usize, Result<Feature, f64>>,
        single: bool,
        known: &mut BTreeMap<Wire, (i64, i64)>,
    ) -> Result<Node, QuantError> {
        let test = match tree {
            Branch::Leaf(weights) => return Ok(Node::Leaf(weights.clone())),
            Branch::Test(test) => test,
        };
        let missing = QuantError::Malformed { what: "features", expected: features.len(), got: test.feature };
        let feature = match features.get(&test.feature).ok_or(missing)? {
            Ok(feature) => *feature,
            Err(value) => {
                let taken = if holds(test, *value, single) { &test.yes } else { &test.no };
                return self.pruned(taken, features, single, known);
            }
        };
        let bounds = self.bounds[feature.wire as usize];
        let (lo, hi) = known.get(&feature.wire).copied().unwrap_or((bounds.lo, bounds.hi));
        let (key, negated) = key(test, feature, (bounds.lo, bounds.hi), single);
        let (yes, no) = if negated { (&test.no, &test.yes) } else { (&test.yes, &test.no) };
        let from = key.from.map_or(lo, |f| lo.max(f + 1));
        let to = hi.min(key.to);
        if from > to {
            return self.pruned(no, features, single, known);
        }
        if (from, to) == (lo, hi) {
            return self.pruned(yes, features, single, known);
        }
        known.insert(feature.wire, (from, to));
        let yes = self.pruned(yes, features, single, known)?;
        // Outside `(from, to]` is one interval unless the comparison cuts a piece out of the middle.
        let outside = if from == lo {
            (to + 1, hi)
        } else if to == hi {
            (lo, from - 1)
        } else {
            (lo, hi)
        };
        known.insert(feature.wire, outside);
        let no = self.pruned(no, features, single, known)?;
        known.insert(feature.wire, (lo, hi));
        if let (Node::Leaf(a), Node::Leaf(b)) = (&yes, &no)
            && a == b
        {
            return Ok(yes);
        }
        let height = 1 + yes.height().max(no.height());
        Ok(Node::Split { key, yes: Box::new(yes), no: Box::new(no), height })
    }

    /// One wire, 0 or 1, for every key of the trees.
    fn bits(&mut self, nodes: &[Node]) -> Result<Bits, QuantError> {
        let mut keys = BTreeSet::new();
        nodes.iter().for_each(|n| n.keys(&mut keys));
        let ends = keys.iter().flat_map(|k| [Some(k.to), k.from].into_iter().flatten().map(|to| (k.wire, to)));
        let ends: BTreeSet<(Wire, i64)> = ends.collect();
        let below = |&(wire, to): &(Wire, i64)| Dot {
            terms: vec![(wire, -1)],
            bias: to,
            requant: Requant::Sign,
            ..Dot::default()
        };
        let dots: Vec<Dot> = ends.iter().map(below).collect();
        let wires: BTreeMap<(Wire, i64), Wire> = ends.into_iter().zip(self.emit(&dots)?).collect();
        let mut bits = BTreeMap::new();
        let (mut between, mut dots) = (Vec::new(), Vec::new());
        for key in keys {
            let Some(&to) = wires.get(&(key.wire, key.to)) else { continue };
            match key.from.and_then(|from| wires.get(&(key.wire, from))) {
                None => {
                    bits.insert(key, to);
                }
                Some(&from) => {
                    between.push(key);
                    dots.push(Dot { terms: vec![(from, -1), (to, 1)], requant: Requant::Relu, ..Dot::default() });
                }
            }
        }
        bits.extend(between.into_iter().zip(self.emit(&dots)?));
        Ok(bits)
    }
}

fn used_features(tree: &Branch, found: &mut BTreeSet<usize>) {
    if let Branch::Test(test) = tree {
        found.insert(test.feature);
        used_features(&test.yes, found);
        used_features(&test.no, found);
    }
}

/// Whether a comparison holds, in the precision of the float model.
fn holds(test: &Test, x: f64, single: bool) -> bool {
    let round = |v: f64| if single { f64::from(v as f32) } else { v };
    let (x, t) = (round(x), round(test.threshold));
    match test.compare {
        Compare::Leq => x <= t,
        Compare::Lt => x < t,
        Compare::Geq => x >= t,
        Compare::Gt => x > t,
        Compare::Eq => x == t,
        Compare::Neq => x != t,
    }
}

/// The bit that a comparison reads, and whether it holds where the bit is 0.
fn key(test: &Test, feature: Feature, (lo, hi): (i64, i64), single: bool) -> (Key, bool) {
    let value = |w: i64| feature.coefficient * w as f64 + feature.offset;
    let rising = feature.coefficient > 0.0;
    // The last wire value, counted from `lo - 1`, up to which `before` holds.
    let last = |before: &dyn Fn(f64) -> bool| {
        let (mut below, mut above) = (lo - 1, hi + 1);
        while above - below > 1 {
            let middle = below + (above - below) / 2;
            if before(value(middle)) { below = middle } else { above = middle }
        }
        below
    };
    let as_test = |compare: Compare| {
        let test = Test {
            compare,
            feature: 0,
            threshold: test.threshold,
            yes: Branch::Leaf(vec![]),
            no: Branch::Leaf(vec![]),
        };
        move |x: f64| holds(&test, x, single)
    };
    let (below, up_to) = (as_test(Compare::Lt), as_test(Compare::Leq));
    // With a falling wire, the wire values that come first are the large ones.
    let ends = |strict: bool| match (rising, strict) {
        (true, true) => last(&below),
        (true, false) => last(&up_to),
        (false, true) => last(&|x| !below(x)),
        (false, false) => last(&|x| !up_to(x)),
    };
    let at_most = |to| Key { wire: feature.wire, from: None, to };
    match test.compare {
        Compare::Leq => (at_most(ends(false)), !rising),
        Compare::Gt => (at_most(ends(false)), rising),
        Compare::Lt => (at_most(ends(true)), !rising),
        Compare::Geq => (at_most(ends(true)), rising),
        Compare::Eq | Compare::Neq => {
            let (a, b) = (ends(true), ends(false));
            let key = Key { wire: feature.wire, from: Some(a.min(b)), to: a.max(b) };
            (key, test.compare == Compare::Neq)
        }
    }
}
