//! A graph's nodes as steps over few registers.
//!
//! A step is a sum of products and values: a sum or difference that is used once, and by another, is part of it. So are products used once; vectors reduce them together.

use halo2_proofs::halo2curves::bn256::Fr;
use std::collections::HashMap;

use super::{Cell, Graph, Id, Node};

/// Products and values that a step may have.
pub const TERMS: usize = 16;

/// Steps over registers of [`super::BLOCK`] rows.
#[derive(Debug)]
pub struct Program {
    pub(super) steps: Vec<Step>,
    pub(super) scalars: Vec<Fr>,
    pub(super) cells: Vec<Cell>,
    pub(super) registers: usize,
    pub(super) result: Operand,
}

/// Where a value is, by its number among those of its kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Operand {
    Register(usize),
    Cell(usize),
    Scalar(usize),
}

/// Writes a sum to a register that is not among its operands.
#[derive(Debug)]
pub(super) struct Step {
    pub(super) sum: Sum<Operand>,
    pub(super) to: usize,
}

#[derive(Debug)]
pub(super) struct Sum<T> {
    /// Each with whether it is subtracted. The second factor is what vectors rather have there: a scalar, else a cell.
    pub(super) products: Vec<([T; 2], bool)>,
    /// Each with whether it is subtracted.
    pub(super) values: Vec<(T, bool)>,
}

impl<T> Sum<T> {
    fn operands(&self) -> impl Iterator<Item = &T> {
        self.products.iter().flat_map(|(factors, _)| factors).chain(self.values.iter().map(|(value, _)| value))
    }
}

impl Program {
    /// Products of two values.
    pub fn multiplications(&self) -> usize {
        self.steps.iter().map(|step| step.sum.products.len()).sum()
    }
}

impl Graph {
    /// The steps that compute `root`.
    pub fn compile(&self, root: Id) -> Program {
        let order = self.order(root);
        let parts = self.parts(&order);
        let computed = |id: &&Id| self.operands(**id).is_some() && !parts[id.0];
        let sums: Vec<(Id, Sum<Id>)> = order.iter().filter(computed).map(|id| (*id, self.sum(*id, &parts))).collect();
        let mut uses = vec![0_usize; self.nodes.len()];
        sums.iter().flat_map(|(_, sum)| sum.operands()).for_each(|id| uses[id.0] += 1);
        uses[root.0] += 1;
        let mut places = Places::default();
        let mut steps = Vec::new();
        for (id, sum) in sums {
            let to = places.take();
            steps.push(Step { sum: self.placed(&sum, &mut places), to });
            places.registers.insert(id, to);
            for operand in sum.operands() {
                uses[operand.0] -= 1;
                if let (0, Some(register)) = (uses[operand.0], places.registers.get(operand)) {
                    places.free.push(*register);
                }
            }
        }
        let result = self.place(root, &mut places);
        Program { steps, scalars: places.scalars.list, cells: places.cells.list, registers: places.count, result }
    }

    fn operands(&self, id: Id) -> Option<[Id; 2]> {
        match self.nodes[id.0] {
            Node::Add(a, b) | Node::Sub(a, b) | Node::Mul(a, b) => Some([a, b]),
            Node::Scalar(_) | Node::Cell(_) => None,
        }
    }

    /// All that `root` needs, operands first, without recursion.
    fn order(&self, root: Id) -> Vec<Id> {
        let mut order = Vec::new();
        let mut seen = vec![false; self.nodes.len()];
        let mut stack = vec![(root, false)];
        while let Some((id, ready)) = stack.pop() {
            if ready {
                order.push(id);
            } else if !std::mem::replace(&mut seen[id.0], true) {
                stack.push((id, true));
                stack.extend(self.operands(id).into_iter().flatten().rev().map(|operand| (operand, false)));
            }
        }
        order
    }

    /// The nodes that are parts of the sum that uses them, so that no sum has more than [`TERMS`].
    fn parts(&self, order: &[Id]) -> Vec<bool> {
        let mut uses = vec![0_usize; self.nodes.len()];
        order.iter().filter_map(|id| self.operands(*id)).flatten().for_each(|id| uses[id.0] += 1);
        let mut parts = vec![false; self.nodes.len()];
        let mut terms = vec![1; self.nodes.len()];
        for id in order {
            let (Node::Add(a, b) | Node::Sub(a, b)) = self.nodes[id.0] else { continue };
            let longer = if terms[a.0] < terms[b.0] { [b, a] } else { [a, b] };
            let mut count = 2;
            for operand in longer.into_iter().rev() {
                if uses[operand.0] == 1 && self.operands(operand).is_some() && count - 1 + terms[operand.0] <= TERMS {
                    parts[operand.0] = true;
                    count += terms[operand.0] - 1;
                }
            }
            terms[id.0] = count;
        }
        parts
    }

    /// What `id` is the sum of.
    fn sum(&self, id: Id, parts: &[bool]) -> Sum<Id> {
        let mut sum = Sum { products: Vec::new(), values: Vec::new() };
        let mut stack = vec![(id, false)];
        while let Some((part, negative)) = stack.pop() {
            match self.nodes[part.0] {
                _ if part != id && !parts[part.0] => sum.values.push((part, negative)),
                Node::Add(a, b) => stack.extend([(b, negative), (a, negative)]),
                Node::Sub(a, b) => stack.extend([(b, !negative), (a, negative)]),
                Node::Mul(a, b) => sum.products.push(([a, b], negative)),
                Node::Scalar(_) | Node::Cell(_) => sum.values.push((part, negative)),
            }
        }
        sum
    }

    /// A sum of what lies in `places`. Scalars are subtracted by adding their negatives, and zeros left out.
    fn placed(&self, sum: &Sum<Id>, places: &mut Places) -> Sum<Operand> {
        let mut signed = |id: Id, negative: bool| match self.value(id) {
            Some(value) if negative => (Operand::Scalar(places.scalars.number(-value)), false),
            _ => (self.place(id, places), negative),
        };
        let product = |([a, b], negative): &([Id; 2], bool)| {
            let (a, b) = if self.value(*a).is_some() { (*b, *a) } else { (*a, *b) };
            let (b, negative) = signed(b, *negative);
            let mut factors = [signed(a, false).0, b];
            factors.sort_unstable();
            (factors, negative)
        };
        let products = sum.products.iter().map(product).collect();
        let values = sum.values.iter().filter(|(id, _)| self.value(*id) != Some(Fr::zero()));
        Sum { products, values: values.map(|(id, negative)| signed(*id, *negative)).collect() }
    }

    fn place(&self, id: Id, places: &mut Places) -> Operand {
        match self.nodes[id.0] {
            Node::Scalar(value) => Operand::Scalar(places.scalars.number(value)),
            Node::Cell(cell) => Operand::Cell(places.cells.number(cell)),
            Node::Add(..) | Node::Sub(..) | Node::Mul(..) => Operand::Register(places.registers[&id]),
        }
    }
}

/// Where the values of nodes are.
#[derive(Debug, Default)]
struct Places {
    scalars: Numbered<Fr>,
    cells: Numbered<Cell>,
    registers: HashMap<Id, usize>,
    /// Registers whose values are no longer needed.
    free: Vec<usize>,
    count: usize,
}

impl Places {
    fn take(&mut self) -> usize {
        self.free.pop().unwrap_or_else(|| {
            self.count += 1;
            self.count - 1
        })
    }
}

/// Different values, each with its place in a list.
#[derive(Debug)]
struct Numbered<T> {
    list: Vec<T>,
    numbers: HashMap<T, usize>,
}

impl<T> Default for Numbered<T> {
    fn default() -> Self {
        Self { list: Vec::new(), numbers: HashMap::new() }
    }
}

impl<T: Copy + Eq + std::hash::Hash> Numbered<T> {
    fn number(&mut self, value: T) -> usize {
        *self.numbers.entry(value).or_insert_with(|| {
            self.list.push(value);
            self.list.len() - 1
        })
    }
}
