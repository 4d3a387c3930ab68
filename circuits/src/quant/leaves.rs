//! Which leaf the bits of a decision tree lead to, and what it is worth.
//!
//! 1. A tree is cut into bottom *blocks* of up to three levels. Exactly one block of a tree is reached.
//! 2. The state `x` of a block counts entries of a table that all trees share, in argument units. A block of seven bits has a *slot* of 64 entries, one for each state of its
//!    first six bits; bit 6 counts as `1023 / 1024` of an entry: two values of one bit lie on a line, so one entry serves both. Blocks of one bit or none have an entry, or
//!    half of one, of the four that a slot has besides.
//! 3. One lane a block says what is left to the end of the table if the block is reached, else 0: `u = relu(END − x − M · (bits of the path that disagree))`,
//!    `M > END`. So `END − Σ u` is the state of the block that is reached.
//! 4. The shared table maps it to the leaf's place: four entries a slot, the last level's bit between the ends of one. The place indexes the tree's own table of values.
//!
//! The interval of `Σ u` does not know that only one of them is not 0. Its end is counted down through a Relu, which never acts and makes the interval that of the table.
//!
//! A tree of more slots than the shared table has is several sums of blocks; where none of a sum's blocks is reached the state is `END`, the last entry of the sum's last slot,
//! and the value 0.

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
/// Entries of a slot for the states of a block: those of the other bits.
const STATES: i64 = 1 << LAST_BIT;
/// Entries of a tree's own table for a slot: the leaves of a block, two an entry.
const PLACES: usize = 1 << (LEVELS - 1);
/// Entries of a slot: states, places, and one that says that nothing is reached.
const SLOT: i64 = STATES + PLACES as i64 + 1;
/// Entries that the shared table may always have.
const SMALL: usize = 8 * SLOT as usize;
/// Most slots of the shared table.
const MOST: usize = 64;
/// Larger than any state.
const BEYOND: i64 = MOST as i64 * SLOT * ENTRY;
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
/// The leaves of an entry, at its lower and at its upper end.
type Pair<'n> = [&'n Leaf; 2];

/// What a slot of a tree serves: blocks by number with the states that they start from, and the leaves of its places.
struct Slot<'n> {
    blocks: Vec<(usize, i64)>,
    leaves: Vec<Pair<'n>>,
}

/// Slots that are summed up for one read of the shared table; `several`: the tree has others.
struct Sum<'s, 'n> {
    tree: usize,
    slots: &'s [Slot<'n>],
    several: bool,
}

/// A table's argument, and the leaves of its entries: at the lower and at the upper end; `None` where the leaf is another table's.
struct Read<'n> {
    argument: Wire,
    leaves: Vec<Option<Pair<'n>>>,
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
        let mut reads: Vec<Vec<Read<'n>>> = trees.iter().map(|_| Vec::new()).collect();
        let (mut small, mut alone, mut sums) = (Vec::new(), Vec::new(), Vec::new());
        for (tree, blocks) in trees.iter().enumerate() {
            match blocks.as_slice() {
                [one] if one.node.height() < LEVELS - 1 => {}
                [one] if one.node.height() < LEVELS => small.push((tree, one)),
                [one] => alone.push((tree, one)),
                many => sums.push((tree, slots(many))),
            }
        }
        let largest = sums.iter().map(|(_, slots)| slots.len()).max();
        let capacity = self.capacity(largest.unwrap_or(1));
        let chunks = sums.iter().flat_map(|(tree, slots)| slots.chunks(capacity).map(move |own| (*tree, slots, own)));
        let sums: Vec<Sum<'_, 'n>> =
            chunks.map(|(tree, all, slots)| Sum { tree, slots, several: slots.len() < all.len() }).collect();
        let lanes: Vec<Dot> = sums.iter().flat_map(|sum| sum.lanes(&trees[sum.tree], bits)).collect();
        let mut left = self.emit(&lanes)?.into_iter();
        let mut dots: Vec<Dot> = small.iter().map(|&(_, one)| plain(small_state(one.node, bits))).collect();
        dots.extend(alone.iter().map(|&(_, one)| plain(state(one.node, bits))));
        for sum in &sums {
            let blocks = sum.slots.iter().map(|slot| slot.blocks.len()).sum();
            let terms = left.by_ref().take(blocks).map(|wire| (wire, -1)).collect();
            dots.push(Dot { terms, bias: sum.end(), requant: Requant::Relu, ..Dot::default() });
        }
        let mut arguments = self.emit(&dots)?.into_iter();
        for ((tree, one), argument) in small.into_iter().zip(arguments.by_ref()) {
            reads[tree].push(Read { argument, leaves: small_leaves(one.node) });
        }
        for ((tree, one), input) in alone.into_iter().zip(arguments.by_ref()) {
            let leaves = leaves_by_place(one.node).into_iter().map(Some).collect();
            reads[tree].push(Read { argument: self.place(capacity, input)?, leaves });
        }
        for (sum, input) in sums.into_iter().zip(arguments) {
            reads[sum.tree].push(Read { argument: self.place(capacity, input)?, leaves: sum.leaves() });
        }
        Ok(reads)
    }

    /// Slots of the shared table: those of the largest tree, unless there are too few lanes for that many entries to stand beside.
    fn capacity(&self, most: usize) -> usize {
        let known: usize = self.tables.iter().map(|t| t.entries.len()).sum();
        let free = self.lanes_so_far().saturating_sub(known) / 4;
        let limit = (free.max(SMALL) / SLOT as usize).clamp(1, MOST);
        most.div_ceil(most.div_ceil(limit).max(1)).max(1)
    }

    /// The shared table of so many slots, read.
    fn place(&mut self, slots: usize, input: Wire) -> Result<Wire, QuantError> {
        let name = format!("tree {slots}");
        let table = self.tables.iter().position(|t| t.name == name).unwrap_or_else(|| {
            let used = if slots > 1 { slots as i64 * SLOT } else { STATES };
            let entries = (0..slots).flat_map(slot_entries).take(used as usize).collect();
            self.tables.push(Table { name, first: 0, entries });
            self.tables.len() - 1
        });
        self.looked_up(table, input)
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
                    let own = |leaves: &Option<Pair<'_>>| entry(leaves.map_or([0, 0], |pair| pair.map(units)));
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
        self.looked_up(table, input)
    }

    fn looked_up(&mut self, table: usize, input: Wire) -> Result<Wire, QuantError> {
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

    /// If the block is reached, `left` less the block's own state; else 0.
    fn left(&self, left: i64, bits: &Bits) -> Dot {
        let own = match self.node.height() {
            0 => Vec::new(),
            1 => numbered(self.node, bits, 0),
            _ => state(self.node, bits),
        };
        let terms = own.into_iter().map(|(wire, weight)| (wire, -weight)).collect();
        self.if_reached(BEYOND, terms, left, bits)
    }
}

impl<'n> Sum<'_, 'n> {
    /// The largest state; of several sums, that which says that none of this one's blocks is reached.
    fn end(&self) -> i64 {
        (self.slots.len() as i64 * SLOT - 1) * ENTRY - i64::from(!self.several)
    }

    /// A lane for each block, in the tree's order: neighbours have bits of their paths in common.
    fn lanes(&self, blocks: &[Block<'_>], bits: &Bits) -> Vec<Dot> {
        let starts = self.slots.iter().zip(0..).flat_map(|(slot, number)| {
            slot.blocks.iter().map(move |&(block, first)| (block, first + number * SLOT * ENTRY))
        });
        let starts: BTreeMap<usize, i64> = starts.collect();
        starts.into_iter().map(|(block, first)| blocks[block].left(self.end() - first, bits)).collect()
    }

    /// The leaves by place.
    fn leaves(&self) -> Vec<Option<Pair<'n>>> {
        let own = |slot: &Slot<'n>| (0..PLACES).map(|at| slot.leaves.get(at).copied()).collect::<Vec<_>>();
        self.slots.iter().flat_map(own).chain(self.several.then_some(None)).collect()
    }
}

/// A tree's blocks in slots: large ones alone, those of one bit four to a slot, leaves eight.
fn slots<'n>(blocks: &[Block<'n>]) -> Vec<Slot<'n>> {
    let of = |heights: std::ops::RangeInclusive<u32>| {
        blocks.iter().enumerate().filter(move |(_, block)| heights.contains(&block.node.height()))
    };
    let mut all: Vec<Slot<'n>> = of(2..=LEVELS)
        .map(|(number, block)| Slot { blocks: vec![(number, 0)], leaves: leaves_by_place(block.node) })
        .collect();
    // A place: the blocks that stand in it, and the leaves at its two ends.
    let mut places: Vec<(Vec<(usize, i64)>, Pair<'n>)> =
        of(1..=1).map(|(number, block)| (vec![(number, 0)], [0, 1].map(|bit| leaf_at(block.node, bit)))).collect();
    let leaves: Vec<(usize, &Leaf)> = of(0..=0).map(|(number, block)| (number, leaf_at(block.node, 0))).collect();
    for two in leaves.chunks(2) {
        let ends = two.iter().map(|leaf| leaf.0).zip([0, ENTRY - 1]).collect();
        let leaf = |at: usize| two.get(at).or(two.first()).map_or(&[][..], |leaf| leaf.1);
        places.push((ends, [leaf(0), leaf(1)]));
    }
    for four in places.chunks(PLACES) {
        let starts = four.iter().zip(0..).map(|(place, number)| (&place.0, (STATES + number) * ENTRY));
        let blocks = starts.flat_map(|(blocks, start)| blocks.iter().map(move |&(block, own)| (block, start + own)));
        let leaves = four.iter().map(|place| place.1).collect();
        all.push(Slot { blocks: blocks.collect(), leaves });
    }
    all
}

/// The entries of a slot.
fn slot_entries(slot: usize) -> impl Iterator<Item = (i64, i64)> {
    let first = (slot * PLACES) as i64 * ENTRY;
    let place = move |state: i64| {
        let (mut at, mut place) = (0, first);
        for level in 0..LEVELS {
            let bit = (state >> at) & 1;
            place += bit * if level == LEVELS - 1 { ENTRY - 1 } else { ENTRY << level };
            at = 2 * at + 1 + bit;
        }
        place
    };
    let states = (0..STATES).map(move |state| [place(state), place(state + STATES)]);
    let places = (0..PLACES as i64).map(move |number| first + number * ENTRY).map(|p| [p, p + ENTRY - 1]);
    let none = first + PLACES as i64 * ENTRY;
    states.chain(places).chain([[none; 2]]).map(entry)
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

/// A block's leaves by place.
fn leaves_by_place(node: &Node) -> Vec<Pair<'_>> {
    (0..PLACES).map(|place| [leaf_at(node, place), leaf_at(node, place + PLACES)]).collect()
}

/// The leaf at a place: bit `l` of the place is the bit read on level `l`.
fn leaf_at(node: &Node, place: usize) -> &Leaf {
    let (mut node, mut level) = (node, 0);
    loop {
        match node {
            Node::Leaf(weights) => return weights,
            Node::Split { yes, no, .. } => node = if (place >> level) & 1 == 1 { yes } else { no },
        }
        level += 1;
    }
}

/// The leaves of a block of two levels by state.
fn small_leaves(node: &Node) -> Vec<Option<Pair<'_>>> {
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

const _: () = assert!(BEYOND * (2 * LEVELS as i64 + 2) < 1 << Y_BITS);

#[cfg(test)]
mod tests {
    use rand::rngs::StdRng;
    use rand::{Rng, SeedableRng};

    use super::*;
    use crate::quant::Options;
    use crate::quant::builder::Finished;
    use crate::quant::forest::{Branch, Compare, Test};
    use crate::quant::program::{Program, Step};

    const FEATURES: usize = 24;
    /// Units per 1.0 of inputs.
    const UNIT: i64 = 1 << 8;

    /// A tree of random comparisons that is as deep as `grows` says of a node's level and number.
    fn tree(rng: &mut StdRng, grows: &dyn Fn(u32, u64) -> bool, level: u32, number: u64) -> Branch {
        if !grows(level, number) {
            return Branch::Leaf(vec![(0, rng.gen_range(-1000..1000).into())]);
        }
        Branch::Test(Box::new(Test {
            feature: rng.gen_range(0..FEATURES),
            compare: [Compare::Leq, Compare::Gt][rng.gen_range(0..2)],
            threshold: f64::from(rng.gen_range(-250..250)) / 250.0,
            yes: tree(rng, grows, level + 1, 2 * number),
            no: tree(rng, grows, level + 1, 2 * number + 1),
        }))
    }

    fn walked(tree: &Branch, x: &[f64]) -> f64 {
        match tree {
            Branch::Leaf(weights) => weights[0].1,
            Branch::Test(test) => {
                let yes = (test.compare == Compare::Leq) == (x[test.feature] <= test.threshold);
                walked(if yes { &test.yes } else { &test.no }, x)
            }
        }
    }

    /// The trees as a program whose outputs are their values, times 100.
    fn program(trees: &[Branch]) -> Program {
        let options = Options::default();
        let mut builder = Builder::new(vec![FEATURES], None, &options).unwrap();
        let ends = (-1e3 * UNIT as f64, 1e3 * UNIT as f64);
        let x = builder.inputs(&[ends; FEATURES], &[UNIT as f64; FEATURES]).unwrap();
        let values: Vec<Form> = builder.forest(&x, trees, false).unwrap().iter().map(|t| t[&0].clone()).collect();
        let Finished { program, .. } = builder.finish(&values, &vec![100.0; values.len()]).unwrap();
        crate::quant::bounds::check(&program).unwrap();
        program
    }

    fn reads(program: &Program) -> usize {
        program.steps.iter().filter(|step| matches!(step, Step::Function(_))).count()
    }

    fn check(trees: &[Branch], seed: u64) -> Program {
        let program = program(trees);
        let mut rng = StdRng::seed_from_u64(seed);
        for _ in 0..200 {
            let raw: Vec<i64> = (0..FEATURES).map(|_| rng.gen_range(-UNIT..UNIT)).collect();
            let x: Vec<f64> = raw.iter().map(|&v| v as f64 / UNIT as f64).collect();
            let run = program.evaluate(&raw).unwrap();
            let want: Vec<f64> = trees.iter().map(|t| walked(t, &x)).collect();
            assert!(
                run.outputs.iter().zip(&want).all(|(got, want)| (*got as f64 / 100.0 - want).abs() < 0.011),
                "{x:?}"
            );
        }
        program
    }

    #[test]
    fn trees_of_every_shape_lead_to_their_leaves() {
        let mut rng = StdRng::seed_from_u64(7);
        let full = |depth| move |level, _| level < depth;
        // Leaves at every level of one side; then of random sides; then pairs of leaves.
        let spine = |level: u32, number: u64| level < 11 && number == 0;
        let ragged =
            |level: u32, number: u64| level < 9 && !(number * 2_654_435_761 + u64::from(level)).is_multiple_of(3);
        let shallow = |level: u32, number: u64| level < 5 && (level < 2 || number.is_multiple_of(2));
        let mut trees = Vec::new();
        for depth in 1..=6 {
            trees.push(tree(&mut rng, &full(depth), 0, 0));
        }
        for _ in 0..4 {
            trees.push(tree(&mut rng, &spine, 0, 0));
            trees.push(tree(&mut rng, &ragged, 0, 0));
            trees.push(tree(&mut rng, &shallow, 0, 0));
        }
        check(&trees, 1);
    }

    #[test]
    fn a_tree_of_more_slots_than_the_shared_table_is_several_sums() {
        let mut rng = StdRng::seed_from_u64(8);
        let deep = tree(&mut rng, &|level, _| level < 7, 0, 0);
        // 127 comparisons leave room for eight slots; the tree has sixteen blocks, less those that its own comparisons rule out.
        let program = check(std::slice::from_ref(&deep), 2);
        assert_eq!(reads(&program), 4);
        assert!(program.tables[0].entries.len() <= SMALL, "{:?}", program.tables[0].entries.len());
        // As many lanes as a larger table asks for: one sum.
        let others = (0..100).map(|_| tree(&mut rng, &|level, _| level < 6, 0, 0));
        let trees: Vec<Branch> = [deep].into_iter().chain(others).collect();
        assert_eq!(reads(&check(&trees, 3)), 2 * trees.len());
    }

    #[test]
    fn an_entry_gives_both_its_integers() {
        let edge = (1i64 << SHIFT) - 2;
        let ends = [-edge, -edge / 3, -1, 0, 1, 77, edge / 2, edge];
        for (from, to) in ends.iter().flat_map(|&a| ends.map(|b| (a, b))) {
            let (base, slope) = entry([from, to]);
            for (part, want) in [(0, from), (ENTRY - 1, to)] {
                let y = (base << LIMB_BITS) + slope * part;
                assert!((-1 << Y_BITS..1 << Y_BITS).contains(&y));
                assert_eq!(y >> SHIFT, want, "{from} {to}");
            }
        }
    }

    #[test]
    fn a_block_that_is_not_reached_leaves_nothing_whatever_its_bits() {
        // No other state may reach the sum: that is what makes the sum that of one block.
        let mut rng = StdRng::seed_from_u64(9);
        let trees: Vec<Branch> = (0..3).map(|_| tree(&mut rng, &|level, _| level < 6, 0, 0)).collect();
        let program = program(&trees);
        let states: Vec<u32> = program
            .steps
            .iter()
            .filter_map(|step| match step {
                Step::Function(read) if program.tables[read.table].name.starts_with("tree") => Some(read.input),
                _ => None,
            })
            .collect();
        let mut first = FEATURES as u32;
        let mut sums = Vec::new();
        for step in &program.steps {
            if let Step::Linear(linear) = step {
                let own = |(lane, wire)| (linear, lane, wire);
                sums.extend(linear.lanes.iter().zip(first..).map(own).filter(|s| states.contains(&s.2)));
            }
            first += step.outputs() as u32;
        }
        assert_eq!(sums.len(), 3);
        for seed in 0..50 {
            let mut rng = StdRng::seed_from_u64(seed);
            let raw: Vec<i64> = (0..FEATURES).map(|_| rng.gen_range(-UNIT..UNIT)).collect();
            let wires = program.evaluate(&raw).unwrap().wires;
            for (linear, lane, _) in &sums {
                let parts = linear.operands.iter().zip(&lane.weights).filter(|t| *t.1 != 0);
                let live = parts.filter(|(wire, _)| wires[**wire as usize] != 0).count();
                assert!(live <= 1, "{live} blocks at once");
            }
        }
    }
}
