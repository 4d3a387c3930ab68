//! Decision trees: comparisons as bits, paths as tables.
//!
//! 1. Every distinct comparison `wire <= boundary` of the whole ensemble is one Sign lane, six to an operand row. A boundary is the last integer for which the
//!    float model (`f32`) takes the branch, so comparisons are exact.
//! 2. A tree is cut into bottom *blocks* of up to three levels. Above them, a node is reached iff its path's bits agree: `relu(Σ agreeing − (n − 1))`, one lane for
//!    three levels of path.
//! 3. Exactly one block `k` of a tree is reached. Its seven bits are the state `S = Σ_k r_k Σ_i 2^i b_ki`, one lane over products of bits, two products a row.
//! 4. One table of 128 entries, shared by all trees, maps a state to the leaf's place in its block; `offset_k + place` indexes the tree's own table of values.
//!
//! The interval of a sum over `k` does not know that only one `r_k` is 1. Both arguments therefore are counted down from their largest value through a Relu,
//! which never acts and makes the interval that of the table.

use std::collections::{BTreeMap, BTreeSet};

use super::QuantError;
use super::builder::{Builder, Dot};
use super::form::Form;
use super::program::{Function, LANES, LIMB_BITS, Lane, Linear, Requant, Step, Table, Wire, Y_BITS};
use super::report::LayerReport;

/// Levels of a block, and of the path that one lane checks.
const LEVELS: u32 = 3;
/// Largest state of a block.
const FULL: i64 = (1 << ((1 << LEVELS) - 1)) - 1;
/// Argument units of one table entry.
const ENTRY: i64 = 1 << LIMB_BITS;
/// Largest magnitude of a leaf's value, in units.
const LEAF: f64 = ((1i64 << 20) - 1) as f64;
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
struct Key {
    wire: Wire,
    from: Option<i64>,
    to: i64,
}

/// A tree of bits.
enum Node {
    Leaf(Vec<(usize, f64)>),
    Split { key: Key, yes: Box<Node>, no: Box<Node>, height: u32 },
}

impl Node {
    fn height(&self) -> u32 {
        match self {
            Self::Leaf(_) => 0,
            Self::Split { height, .. } => *height,
        }
    }

    fn leaves<'a>(&'a self, found: &mut Vec<&'a [(usize, f64)]>) {
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

/// A part of a tree with the wire that is 1 iff it is reached (`None`: always).
struct Part<'n> {
    tree: usize,
    node: &'n Node,
    reached: Option<Wire>,
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
        let parts = self.blocks(&nodes, &bits)?;
        let places = self.places(&parts, &bits)?;
        let unit = unit(&nodes);
        let mut values = Vec::with_capacity(nodes.len());
        for ((node, parts), place) in nodes.iter().zip(&parts).zip(places) {
            layer.add(0.0, None);
            values.push(self.leaf_values(node, parts, place, &bits, unit)?);
        }
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
    fn bits(&mut self, nodes: &[Node]) -> Result<BTreeMap<Key, Wire>, QuantError> {
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

    /// Each tree's blocks: parts of at most [`LEVELS`] levels, exactly one of which is reached.
    fn blocks<'n>(&mut self, nodes: &'n [Node], bits: &BTreeMap<Key, Wire>) -> Result<Vec<Vec<Part<'n>>>, QuantError> {
        let mut done: Vec<Vec<Part<'n>>> = nodes.iter().map(|_| Vec::new()).collect();
        let mut parts: Vec<Part<'n>> =
            nodes.iter().enumerate().map(|(tree, node)| Part { tree, node, reached: None }).collect();
        while !parts.is_empty() {
            let (mut exits, mut dots) = (Vec::new(), Vec::new());
            for part in parts {
                if part.node.height() <= LEVELS {
                    done[part.tree].push(part);
                    continue;
                }
                let mut found = Vec::new();
                paths(part.node, LEVELS, &mut Vec::new(), &mut found);
                for (node, path) in found {
                    exits.push((part.tree, node));
                    dots.push(reached(&path, part.reached, bits));
                }
            }
            let wires = self.emit(&dots)?;
            let part = |((tree, node), wire)| Part { tree, node, reached: Some(wire) };
            parts = exits.into_iter().zip(wires).map(part).collect();
        }
        Ok(done)
    }

    /// For each tree with a block of three levels: the wire `ENTRY · place` of the leaf inside the block that is reached.
    fn places(&mut self, parts: &[Vec<Part<'_>>], bits: &BTreeMap<Key, Wire>) -> Result<Vec<Option<Wire>>, QuantError> {
        let deep: Vec<usize> =
            (0..parts.len()).filter(|&t| parts[t].iter().any(|p| p.node.height() == LEVELS)).collect();
        if deep.is_empty() {
            return Ok(vec![None; parts.len()]);
        }
        let bias = FULL * ENTRY;
        let (mut alone, mut plain, mut shared) = (Vec::new(), Vec::new(), Vec::new());
        for &tree in &deep {
            if let [Part { node, reached: None, .. }] = parts[tree].as_slice() {
                let terms = state(node, bits).into_iter().map(|(w, i)| (w, -(ENTRY << i)));
                let terms: BTreeMap<Wire, i64> = terms.fold(BTreeMap::new(), |mut sum, (w, c)| {
                    *sum.entry(w).or_insert(0) += c;
                    sum
                });
                alone.push(tree);
                plain.push(Dot { terms: terms.into_iter().collect(), bias, ..Dot::default() });
            } else {
                shared.push(tree);
            }
        }
        let mut states: Vec<(usize, Wire)> = alone.into_iter().zip(self.emit(&plain)?).collect();
        for group in shared.chunks(LANES) {
            let first = self.bounds.len();
            let mut products: Vec<(usize, i64, (Wire, Wire))> = Vec::new();
            for (lane, &tree) in group.iter().enumerate() {
                for part in &parts[tree] {
                    let Some(reached) = part.reached else { continue };
                    let own = state(part.node, bits).into_iter();
                    products.extend(own.map(|(w, i)| (lane, -(ENTRY << i), (w.min(reached), w.max(reached)))));
                }
            }
            // Neighbours of one weight share a row.
            products.sort_unstable();
            let weights = |lane| products.iter().map(|p| if p.0 == lane { p.1 } else { 0 }).collect();
            let lane = |lane| Lane { bias, weights: Vec::new(), products: weights(lane), requant: Requant::Relu };
            let lanes = (0..group.len()).map(lane).collect();
            let products = products.iter().map(|p| p.2).collect();
            self.push(Step::Linear(Linear { operands: Vec::new(), products, lanes }))?;
            states.extend(group.iter().enumerate().map(|(i, &tree)| (tree, (first + i) as Wire)));
        }
        let table = self.place_table();
        let mut places = vec![None; parts.len()];
        for (tree, input) in states {
            places[tree] = Some(self.bounds.len() as Wire);
            self.push(Step::Function(Function { table, input, requant: Requant::Identity }))?;
        }
        Ok(places)
    }

    /// The shared table: entry `FULL - S` holds the place of the leaf that state `S` leads to.
    fn place_table(&mut self) -> usize {
        let name = "tree";
        if let Some(found) = self.tables.iter().position(|t| t.name == name) {
            return found;
        }
        let place = |state: i64| {
            let (mut at, mut place) = (0, 0);
            for level in 0..LEVELS {
                let bit = (state >> at) & 1;
                place |= bit << level;
                at = 2 * at + 1 + bit;
            }
            place
        };
        let entries = (0..=FULL).map(|i| (place(FULL - i), 0)).collect();
        self.tables.push(Table { name: name.into(), first: 0, entries });
        self.tables.len() - 1
    }

    /// One tree's values by target.
    fn leaf_values(
        &mut self,
        node: &Node,
        parts: &[Part<'_>],
        place: Option<Wire>,
        bits: &BTreeMap<Key, Wire>,
        unit: f64,
    ) -> Result<BTreeMap<usize, Form>, QuantError> {
        let mut leaves = Vec::new();
        node.leaves(&mut leaves);
        let targets: BTreeSet<usize> = leaves.iter().flat_map(|l| l.iter().map(|w| w.0)).collect();
        if let Node::Split { key, yes, no, height: 1 } = node
            && let (Node::Leaf(yes), Node::Leaf(no), Some(&bit)) = (&**yes, &**no, bits.get(key))
        {
            let step = |t: usize| Form::from_sorted(vec![(bit, weight(yes, t) - weight(no, t))], weight(no, t));
            return Ok(targets.into_iter().map(|t| (t, step(t))).collect());
        }
        let mut values = BTreeMap::new();
        let last = complement(&leaves, &targets);
        let mut slots: Vec<&[(usize, f64)]> = Vec::new();
        let mut offsets = Vec::with_capacity(parts.len());
        for part in parts {
            offsets.push(slots.len() as i64);
            slots.extend(places_of(part.node));
        }
        let argument = match (place, parts) {
            (_, [Part { node: Node::Leaf(_), .. }]) => None,
            (Some(place), [_]) => Some((place, false)),
            // Two levels: the state itself is the index.
            (None, [part]) => Some((self.small_state(part.node, bits)?, false)),
            _ => {
                let mut terms: Vec<(Wire, i64)> = place.into_iter().map(|p| (p, -1)).collect();
                let reaches = parts.iter().zip(&offsets).filter_map(|(p, &o)| Some((p.reached?, -ENTRY * o)));
                terms.extend(reaches.filter(|t| t.1 != 0));
                let bias = (slots.len() as i64 - 1) * ENTRY;
                Some((self.single(&Dot { terms, bias, requant: Requant::Relu, ..Dot::default() })?, true))
            }
        };
        if place.is_none() && argument.is_some() {
            slots = small_slots(node);
        }
        for &target in targets.iter().filter(|t| last.is_none_or(|l| l.0 != **t)) {
            let weights: Vec<f64> = slots.iter().map(|s| weight(s, target)).collect();
            values.insert(target, self.read(argument, &weights, unit)?);
        }
        if let Some((target, total)) = last {
            let others = values.values().fold(Form::constant(0.0), |sum: Form, f| sum.plus(f));
            values.insert(target, others.scaled(-1.0).shifted(total));
        }
        Ok(values)
    }

    /// The state of a block of two levels, as a table's argument.
    fn small_state(&mut self, node: &Node, bits: &BTreeMap<Key, Wire>) -> Result<Wire, QuantError> {
        let mut terms: BTreeMap<Wire, i64> = BTreeMap::new();
        for (wire, i) in state(node, bits) {
            *terms.entry(wire).or_insert(0) += ENTRY << i;
        }
        self.single(&Dot { terms: terms.into_iter().collect(), ..Dot::default() })
    }

    /// A tree's table of values, read at an argument (counted down from the last one if `reversed`).
    fn read(&mut self, argument: Option<(Wire, bool)>, weights: &[f64], unit: f64) -> Result<Form, QuantError> {
        let (lo, hi) = range(weights.iter().copied());
        let Some((input, reversed)) = argument.filter(|_| lo < hi) else { return Ok(Form::constant(lo)) };
        let middle = ((lo + hi) / 2.0 / unit).round() * unit;
        let entry = |w: &f64| ((((w - middle) / unit).round() as i64) << LIMB_BITS, 0);
        let mut entries: Vec<(i64, i64)> = weights.iter().map(entry).collect();
        if reversed {
            entries.reverse();
        }
        let table = self.tables.len();
        self.tables.push(Table { name: format!("leaves {table}"), first: 0, entries });
        let wire = self.bounds.len() as Wire;
        self.push(Step::Function(Function { table, input, requant: Requant::Shift }))?;
        Ok(Form::wire(wire, unit, middle))
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

/// Where a part is left within `levels` of its nodes of more than [`LEVELS`] levels, with the bits of each path.
fn paths<'n>(node: &'n Node, levels: u32, path: &mut Vec<(Key, bool)>, found: &mut Vec<(&'n Node, Vec<(Key, bool)>)>) {
    match node {
        Node::Split { key, yes, no, height } if *height > LEVELS && levels > 0 => {
            for (bit, child) in [(true, yes), (false, no)] {
                path.push((*key, bit));
                paths(child, levels - 1, path, found);
                path.pop();
            }
        }
        _ => found.push((node, path.clone())),
    }
}

/// 1 iff all bits of the path are as stated and its start is reached.
fn reached(path: &[(Key, bool)], start: Option<Wire>, bits: &BTreeMap<Key, Wire>) -> Dot {
    let mut terms: BTreeMap<Wire, i64> = start.into_iter().map(|w| (w, 1)).collect();
    let mut bias = 1 - terms.len() as i64;
    for (key, bit) in path {
        let Some(&wire) = bits.get(key) else { continue };
        *terms.entry(wire).or_insert(0) += if *bit { 1 } else { -1 };
        bias -= i64::from(*bit);
    }
    let terms = terms.into_iter().filter(|t| t.1 != 0).collect();
    Dot { terms, bias, requant: Requant::Relu, ..Dot::default() }
}

/// A block's bits with their numbers: the root is 0, below `i` stand `2 i + 1` (bit 0) and `2 i + 2` (bit 1).
fn state(node: &Node, bits: &BTreeMap<Key, Wire>) -> Vec<(Wire, u32)> {
    let (mut found, mut waiting) = (Vec::new(), vec![(node, 0)]);
    while let Some((node, i)) = waiting.pop() {
        if let Node::Split { key, yes, no, .. } = node {
            found.extend(bits.get(key).map(|&w| (w, i)));
            waiting.push((no, 2 * i + 1));
            waiting.push((yes, 2 * i + 2));
        }
    }
    found
}

/// A block's leaves by place: bit `l` of the place is the bit read on level `l`.
fn places_of(node: &Node) -> Vec<&[(usize, f64)]> {
    let at = |place: usize| {
        let (mut node, mut level) = (node, 0);
        loop {
            match node {
                Node::Leaf(weights) => return weights.as_slice(),
                Node::Split { yes, no, .. } => node = if (place >> level) & 1 == 1 { yes } else { no },
            }
            level += 1;
        }
    };
    (0..1usize << node.height()).map(at).collect()
}

/// The leaves of a block of two levels by state.
fn small_slots(node: &Node) -> Vec<&[(usize, f64)]> {
    let at = |state: usize| {
        let (mut node, mut i) = (node, 0);
        loop {
            match node {
                Node::Leaf(weights) => return weights.as_slice(),
                Node::Split { yes, no, .. } => {
                    let bit = (state >> i) & 1;
                    node = if bit == 1 { yes } else { no };
                    i = 2 * i + 1 + bit;
                }
            }
        }
    };
    (0..8).map(at).collect()
}

fn weight(leaf: &[(usize, f64)], target: usize) -> f64 {
    leaf.iter().filter(|w| w.0 == target).map(|w| w.1).sum()
}

fn range(values: impl Iterator<Item = f64>) -> (f64, f64) {
    let (lo, hi) = values.fold((f64::INFINITY, f64::NEG_INFINITY), |(lo, hi), v| (lo.min(v), hi.max(v)));
    if lo <= hi { (lo, hi) } else { (0.0, 0.0) }
}

/// The last target and the common sum of all, where a tree's leaves share out a constant (probabilities): it then needs no table.
fn complement(leaves: &[&[(usize, f64)]], targets: &BTreeSet<usize>) -> Option<(usize, f64)> {
    let (lo, hi) = range(leaves.iter().map(|l| l.iter().map(|w| w.1).sum()));
    let last = *targets.last()?;
    (targets.len() > 1 && hi - lo <= 1e-6 * hi.abs().max(lo.abs())).then_some((last, (lo + hi) / 2.0))
}

/// The value of one unit of all leaves: 20 bits for the tree that spreads most.
fn unit(nodes: &[Node]) -> f64 {
    let mut widest: f64 = 0.0;
    for node in nodes {
        let mut leaves = Vec::new();
        node.leaves(&mut leaves);
        let targets: BTreeSet<usize> = leaves.iter().flat_map(|l| l.iter().map(|w| w.0)).collect();
        for target in targets {
            let (lo, hi) = range(leaves.iter().map(|l| weight(l, target)));
            widest = widest.max(hi - lo);
        }
    }
    // Half the spread, and half a unit for the rounding of the middle.
    if widest > 0.0 { widest / 2.0 / (LEAF - 1.0) } else { 1.0 }
}

const _: () = assert!(FULL * ENTRY < 1 << Y_BITS);
