//! Which leaf the bits of a decision tree lead to, and what it is worth.
//!
//! 1. A tree is cut into bottom *blocks* of up to three levels. Exactly one block of a tree is reached.
//! 2. A block's seven bits are a state `s`, with the number `k` of the block `x_k = 64 k + s` in units of table entries. Bit 6 counts as `1023 / 1024` of an entry:
//!    two values of one bit lie on a line, so one entry serves both.
//! 3. One lane a block says what is left to the end of the table if the block is reached, else 0: `u_k = relu(END − x_k − M · (bits of the path that disagree))`,
//!    `M > END`. So `END − Σ u_k` is the state of the block that is reached.
//! 4. One table, shared by all trees, maps this to the leaf's place: four entries a block, the last level's bit between the ends of one. The place indexes the tree's
//!    own table of values.
//!
//! The interval of `Σ u_k` does not know that only one of them is not 0. Its end is counted down through a Relu, which never acts and makes the interval that of the table.
//!
//! A tree of more blocks than the shared table has is several sums of blocks; where none of a sum's blocks is reached the state is `END`, and the value 0.

use std::collections::{BTreeMap, BTreeSet};

use super::QuantError;
use super::builder::{Builder, Dot};
use super::forest::{Bits, Key, Node};
use super::form::Form;
use super::program::{Function, LIMB_BITS, Requant, SHIFT, Step, Table, Wire, Y_BITS};

/// Levels of a block, and of the path that one lane checks.
const LEVELS: u32 = 3;
/// Argument units of one table entry.
const ENTRY: i64 = 1 << LIMB_BITS;
/// The bit that counts between the ends of one entry.
const LAST_BIT: u32 = (1 << LEVELS) - 2;
/// Entries of the shared table for one block: the states of the other bits.
const STATES: i64 = 1 << LAST_BIT;
/// Entries of a tree's table for one block: the leaves, two an entry.
const PLACES: usize = 1 << (LEVELS - 1);
/// Entries that the shared table may always have.
const SMALL: usize = 512;
/// Most blocks of one sum.
const MOST: usize = 64;
/// Largest magnitude of a leaf's value, in units.
const LEAF: f64 = ((1i64 << SHIFT) - 1) as f64;

/// A block, and when it is reached: `start` (if any) is 1 and all bits are as stated.
struct Block<'n> {
    node: &'n Node,
    start: Option<Wire>,
    path: Vec<(Key, bool)>,
}

/// A leaf's weights by target.
type Leaf = [(usize, f64)];

/// A table's argument, and the leaves of its entries: at the lower and at the upper end; `None` where the leaf is another table's.
struct Read<'n> {
    argument: Wire,
    leaves: Vec<Option<[&'n Leaf; 2]>>,
}

impl Builder<'_> {
    /// Each tree's value for each target that its leaves name.
    pub(super) fn leaves(&mut self, trees: &[Node], bits: &Bits) -> Result<Vec<BTreeMap<usize, Form>>, QuantError> {
        let blocks = self.blocks(trees, bits)?;
        let reads = self.reads(&blocks, bits)?;
        let unit = unit(trees);
        trees.iter().zip(reads).map(|(tree, reads)| self.leaf_values(tree, &reads, bits, unit)).collect()
    }

    /// Each tree's blocks.
    fn blocks<'n>(&mut self, trees: &'n [Node], bits: &Bits) -> Result<Vec<Vec<Block<'n>>>, QuantError> {
        let mut done: Vec<Vec<Block<'n>>> = trees.iter().map(|_| Vec::new()).collect();
        let mut deep: Vec<(usize, &Node, Option<Wire>)> = Vec::new();
        for (tree, node) in trees.iter().enumerate() {
            if node.height() <= LEVELS {
                done[tree].push(Block { node, start: None, path: Vec::new() });
            } else {
                deep.push((tree, node, None));
            }
        }
        while !deep.is_empty() {
            let (mut deeper, mut dots) = (Vec::new(), Vec::new());
            for (tree, node, start) in deep {
                let mut found = Vec::new();
                paths(node, LEVELS, &mut Vec::new(), &mut found);
                for (node, path) in found {
                    let block = Block { node, start, path };
                    if node.height() <= LEVELS {
                        done[tree].push(block);
                    } else {
                        dots.push(block.if_reached(1, Vec::new(), 1, bits));
                        deeper.push((tree, node));
                    }
                }
            }
            let wires = self.emit(&dots)?;
            deep = deeper.into_iter().zip(wires).map(|((tree, node), wire)| (tree, node, Some(wire))).collect();
        }
        Ok(done)
    }

    /// The tables' arguments of each tree; none for trees of less than two levels.
    fn reads<'n>(&mut self, trees: &[Vec<Block<'n>>], bits: &Bits) -> Result<Vec<Vec<Read<'n>>>, QuantError> {
        let capacity = self.capacity(trees);
        let mut reads: Vec<Vec<Read<'n>>> = trees.iter().map(|_| Vec::new()).collect();
        let (mut small, mut alone, mut sums, mut lanes) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        for (tree, blocks) in trees.iter().enumerate() {
            match blocks.as_slice() {
                [one] if one.node.height() < LEVELS - 1 => {}
                [one] if one.node.height() < LEVELS => small.push((tree, one)),
                [_] => alone.push((tree, blocks.as_slice())),
                many => sums.extend(many.chunks(capacity).map(|own| (tree, own, many.len() > own.len()))),
            }
        }
        for &(_, blocks, several) in &sums {
            let end = end(blocks.len(), several.then_some(capacity));
            lanes.extend(blocks.iter().enumerate().map(|(k, block)| block.left(end, k, bits)));
        }
        let mut left = self.emit(&lanes)?.into_iter();
        let mut dots: Vec<Dot> = small.iter().map(|&(_, one)| plain(small_state(one.node, bits))).collect();
        dots.extend(alone.iter().flat_map(|(_, blocks)| blocks.iter().map(|one| plain(state(one.node, bits)))));
        for &(_, blocks, several) in &sums {
            let terms = left.by_ref().take(blocks.len()).map(|wire| (wire, -1)).collect();
            let bias = end(blocks.len(), several.then_some(capacity));
            dots.push(Dot { terms, bias, requant: Requant::Relu, ..Dot::default() });
        }
        let mut arguments = self.emit(&dots)?.into_iter();
        for ((tree, one), argument) in small.into_iter().zip(arguments.by_ref()) {
            reads[tree].push(Read { argument, leaves: small_leaves(one.node) });
        }
        let alone = alone.into_iter().map(|(tree, blocks)| (tree, blocks, false));
        for ((tree, blocks, several), input) in alone.chain(sums).zip(arguments) {
            let table = self.place_table(capacity);
            let argument = self.bounds.len() as Wire;
            self.push(Step::Function(Function { table, input, requant: Requant::Shift }))?;
            let mut leaves: Vec<_> = blocks.iter().flat_map(|block| leaves_by_place(block.node)).map(Some).collect();
            if several {
                leaves.resize(capacity * PLACES + 1, None);
            }
            reads[tree].push(Read { argument, leaves });
        }
        Ok(reads)
    }

    /// Blocks that the shared table serves: those of the largest tree, unless there are too few lanes for that many entries to stand beside.
    fn capacity(&self, trees: &[Vec<Block<'_>>]) -> usize {
        let known: usize = self.tables.iter().map(|t| t.entries.len()).sum();
        let free = self.lanes_so_far().saturating_sub(known) / 4;
        let limit = (free.max(SMALL) / STATES as usize).clamp(1, MOST);
        let most = trees.iter().map(Vec::len).max().unwrap_or(1).max(1);
        most.div_ceil(most.div_ceil(limit))
    }

    /// The shared table: entry `64 k + s` holds the place of the leaf that state `s` of block `k` leads to; the one after the last block, the place after the last leaf.
    fn place_table(&mut self, blocks: usize) -> usize {
        let name = format!("tree {blocks}");
        if let Some(found) = self.tables.iter().position(|t| t.name == name) {
            return found;
        }
        let place = |block: i64, state: i64| {
            let (mut at, mut place) = (0, block * PLACES as i64 * ENTRY);
            for level in 0..LEVELS {
                let bit = (state >> at) & 1;
                place += bit * place_weight(level);
                at = 2 * at + 1 + bit;
            }
            place
        };
        let pairs = (0..blocks as i64).flat_map(|k| (0..STATES).map(move |s| [place(k, s), place(k, s + STATES)]));
        let last = blocks as i64 * PLACES as i64 * ENTRY;
        let entries = pairs.chain((blocks > 1).then_some([last, last])).map(entry).collect();
        self.tables.push(Table { name, first: 0, entries });
        self.tables.len() - 1
    }

    /// One tree's values by target.
    fn leaf_values(
        &mut self,
        tree: &Node,
        reads: &[Read<'_>],
        bits: &Bits,
        unit: f64,
    ) -> Result<BTreeMap<usize, Form>, QuantError> {
        let mut leaves = Vec::new();
        tree.leaves(&mut leaves);
        let targets: BTreeSet<usize> = leaves.iter().flat_map(|l| l.iter().map(|w| w.0)).collect();
        if let Node::Split { key, yes, no, height: 1 } = tree
            && let (Node::Leaf(yes), Node::Leaf(no), Some(&bit)) = (&**yes, &**no, bits.get(key))
        {
            let step = |t: usize| Form::from_sorted(vec![(bit, weight(yes, t) - weight(no, t))], weight(no, t));
            return Ok(targets.into_iter().map(|t| (t, step(t))).collect());
        }
        let mut values = BTreeMap::new();
        let last = complement(&leaves, &targets);
        for &target in targets.iter().filter(|t| last.is_none_or(|l| l.0 != **t)) {
            let (lo, hi) = range(leaves.iter().map(|l| weight(l, target)));
            let mut value = Form::constant(lo);
            if lo < hi {
                let middle = ((lo + hi) / 2.0 / unit).round() * unit;
                value = Form::constant(middle);
                for read in reads {
                    let units = |leaf: &Leaf| ((weight(leaf, target) - middle) / unit).round() as i64;
                    let own = |leaves: &Option<[&Leaf; 2]>| entry(leaves.map_or([0, 0], |pair| pair.map(units)));
                    let wire = self.read(read.argument, read.leaves.iter().map(own).collect())?;
                    value = value.plus(&Form::wire(wire, unit, 0.0));
                }
            }
            values.insert(target, value);
        }
        if let Some((target, total)) = last {
            let others = values.values().fold(Form::constant(0.0), |sum: Form, f| sum.plus(f));
            values.insert(target, others.scaled(-1.0).shifted(total));
        }
        Ok(values)
    }

    /// A tree's own table, read.
    fn read(&mut self, input: Wire, entries: Vec<(i64, i64)>) -> Result<Wire, QuantError> {
        let table = self.tables.len();
        self.tables.push(Table { name: format!("leaves {table}"), first: 0, entries });
        let wire = self.bounds.len() as Wire;
        self.push(Step::Function(Function { table, input, requant: Requant::Shift }))?;
        Ok(wire)
    }
}

impl Block<'_> {
    /// `value + Σ terms` if the block is reached, else 0; the sum is never negative and never above `beyond`.
    fn if_reached(&self, beyond: i64, terms: Vec<(Wire, i64)>, value: i64, bits: &Bits) -> Dot {
        let mut sum: BTreeMap<Wire, i64> = BTreeMap::new();
        let mut bias = value;
        let agreeing = self.path.iter().filter_map(|(key, bit)| Some((*bits.get(key)?, *bit)));
        for (wire, bit) in agreeing.chain(self.start.map(|wire| (wire, true))) {
            *sum.entry(wire).or_insert(0) += if bit { beyond } else { -beyond };
            bias -= if bit { beyond } else { 0 };
        }
        for (wire, weight) in terms {
            *sum.entry(wire).or_insert(0) += weight;
        }
        let terms = sum.into_iter().filter(|t| t.1 != 0).collect();
        Dot { terms, bias, requant: Requant::Relu, ..Dot::default() }
    }

    /// What is left from the state of the block of number `k` to the end, if the block is reached; else 0.
    fn left(&self, end: i64, k: usize, bits: &Bits) -> Dot {
        let terms = state(self.node, bits).into_iter().map(|(wire, weight)| (wire, -weight)).collect();
        self.if_reached(end + 1, terms, end - k as i64 * STATES * ENTRY, bits)
    }
}

/// The largest argument of the shared table that a sum of so many blocks can have; with `capacity`, the one that says that none of them is reached.
fn end(blocks: usize, capacity: Option<usize>) -> i64 {
    capacity.map_or(blocks as i64 * STATES * ENTRY - 1, |all| all as i64 * STATES * ENTRY)
}

/// An entry that gives one integer at its lower end and one at its upper end, after a shift.
fn entry([from, to]: [i64; 2]) -> (i64, i64) {
    let slope = ((to - from) << SHIFT) as f64 / (ENTRY - 1) as f64;
    ((from << (SHIFT - LIMB_BITS)) + (ENTRY >> 1), slope.round() as i64)
}

fn plain(terms: Vec<(Wire, i64)>) -> Dot {
    let mut sum: BTreeMap<Wire, i64> = BTreeMap::new();
    for (wire, weight) in terms {
        *sum.entry(wire).or_insert(0) += weight;
    }
    Dot { terms: sum.into_iter().collect(), ..Dot::default() }
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

/// A block's bits with their weights in its state. The root is bit 0, below `i` stand `2 i + 1` (bit 0) and `2 i + 2` (bit 1).
fn state(node: &Node, bits: &Bits) -> Vec<(Wire, i64)> {
    numbered(node, bits, LAST_BIT)
}

/// The same for a block of two levels, whose last bit is the second one's upper child.
fn small_state(node: &Node, bits: &Bits) -> Vec<(Wire, i64)> {
    numbered(node, bits, (1 << (LEVELS - 1)) - 2)
}

fn numbered(node: &Node, bits: &Bits, last: u32) -> Vec<(Wire, i64)> {
    let (mut found, mut waiting) = (Vec::new(), vec![(node, 0)]);
    while let Some((node, i)) = waiting.pop() {
        if let Node::Split { key, yes, no, .. } = node {
            let weight = if i == last { ENTRY - 1 } else { ENTRY << i };
            found.extend(bits.get(key).map(|&wire| (wire, weight)));
            waiting.push((no, 2 * i + 1));
            waiting.push((yes, 2 * i + 2));
        }
    }
    found
}

/// What the bit read on a level adds to a leaf's place.
fn place_weight(level: u32) -> i64 {
    if level == LEVELS - 1 { ENTRY - 1 } else { ENTRY << level }
}

/// A block's leaves by place: bit `l` of the place is the bit read on level `l`.
fn leaves_by_place(node: &Node) -> Vec<[&Leaf; 2]> {
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
    (0..PLACES).map(|place| [at(place), at(place + PLACES)]).collect()
}

/// The leaves of a block of two levels by state.
fn small_leaves(node: &Node) -> Vec<Option<[&Leaf; 2]>> {
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
    (0..PLACES).map(|state| Some([at(state), at(state + PLACES)])).collect()
}

fn weight(leaf: &Leaf, target: usize) -> f64 {
    leaf.iter().filter(|w| w.0 == target).map(|w| w.1).sum()
}

fn range(values: impl Iterator<Item = f64>) -> (f64, f64) {
    let (lo, hi) = values.fold((f64::INFINITY, f64::NEG_INFINITY), |(lo, hi), v| (lo.min(v), hi.max(v)));
    if lo <= hi { (lo, hi) } else { (0.0, 0.0) }
}

/// The last target and the common sum of all, where a tree's leaves share out a constant (probabilities): it then needs no table.
fn complement(leaves: &[&Leaf], targets: &BTreeSet<usize>) -> Option<(usize, f64)> {
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

const _: () = assert!((MOST as i64 * STATES + 1) * ENTRY * (2 * LEVELS as i64 + 2) < 1 << Y_BITS);
