//! Constraints as one program over cosets.
//!
//! Expressions become nodes, each distinct one once (hash consing, constants folded). The nodes that the result needs become steps over
//! few registers, and a step handles [`BLOCK`] rows at a time, so that the choice of what to do costs nothing beside the field's arithmetic.

use halo2_proofs::halo2curves::bn256::Fr;
use halo2_proofs::plonk::Expression;
use std::collections::HashMap;

/// Rows that one step handles at a time.
pub const BLOCK: usize = 64;

/// A node of a [`Graph`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Id(usize);

/// A cell relative to the current row.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Cell {
    column: usize,
    rotation: i32,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Node {
    Scalar(Fr),
    Cell(Cell),
    Add(Id, Id),
    Sub(Id, Id),
    Mul(Id, Id),
}

/// Where a [`Graph`] finds the columns of a circuit: the number of each kind's first one.
#[derive(Clone, Copy, Debug)]
pub struct Offsets {
    /// Advice columns.
    pub advice: usize,
    /// Fixed columns.
    pub fixed: usize,
    /// Instance columns.
    pub instance: usize,
}

/// Expressions over the cells of columns; equal ones are one node.
#[derive(Debug, Default)]
pub struct Graph {
    nodes: Vec<Node>,
    known: HashMap<Node, Id>,
}

impl Graph {
    fn node(&mut self, node: Node) -> Id {
        *self.known.entry(node).or_insert_with(|| {
            self.nodes.push(node);
            Id(self.nodes.len() - 1)
        })
    }

    fn value(&self, id: Id) -> Option<Fr> {
        match self.nodes[id.0] {
            Node::Scalar(value) => Some(value),
            _ => None,
        }
    }

    /// A number.
    pub fn scalar(&mut self, value: Fr) -> Id {
        self.node(Node::Scalar(value))
    }

    /// The cell of `column` that lies `rotation` rows below.
    pub fn cell(&mut self, column: usize, rotation: i32) -> Id {
        self.node(Node::Cell(Cell { column, rotation }))
    }

    /// `a + b`
    pub fn add(&mut self, a: Id, b: Id) -> Id {
        match (self.value(a), self.value(b)) {
            (Some(a), Some(b)) => self.scalar(a + b),
            (Some(zero), None) if zero == Fr::zero() => b,
            (None, Some(zero)) if zero == Fr::zero() => a,
            _ => self.node(Node::Add(a.min(b), a.max(b))),
        }
    }

    /// `a − b`
    pub fn sub(&mut self, a: Id, b: Id) -> Id {
        match (self.value(a), self.value(b)) {
            (Some(a), Some(b)) => self.scalar(a - b),
            (None, Some(zero)) if zero == Fr::zero() => a,
            _ => self.node(Node::Sub(a, b)),
        }
    }

    /// `a · b`
    pub fn mul(&mut self, a: Id, b: Id) -> Id {
        let (one, zero) = (Fr::one(), Fr::zero());
        match (self.value(a), self.value(b)) {
            (Some(a), Some(b)) => self.scalar(a * b),
            (Some(v), _) | (_, Some(v)) if v == zero => self.scalar(zero),
            (Some(v), None) if v == one => b,
            (None, Some(v)) if v == one => a,
            _ => self.node(Node::Mul(a.min(b), a.max(b))),
        }
    }

    /// A circuit's expression with the challenges' values in their places; `None` if it holds a virtual selector or an unknown challenge.
    pub fn expression(&mut self, expression: &Expression<Fr>, at: Offsets, challenges: &[Fr]) -> Option<Id> {
        Some(match expression {
            Expression::Constant(value) => self.scalar(*value),
            Expression::Selector(_) => return None,
            Expression::Fixed(query) => self.cell(at.fixed + query.column_index(), query.rotation().0),
            Expression::Advice(query) => self.cell(at.advice + query.column_index(), query.rotation().0),
            Expression::Instance(query) => self.cell(at.instance + query.column_index(), query.rotation().0),
            Expression::Challenge(challenge) => self.scalar(*challenges.get(challenge.index())?),
            Expression::Negated(a) => {
                let (zero, a) = (self.scalar(Fr::zero()), self.expression(a, at, challenges)?);
                self.sub(zero, a)
            }
            Expression::Sum(a, b) => {
                // `a + (−b)` is how halo2 writes a difference.
                if let Expression::Negated(b) = &**b {
                    let (a, b) = (self.expression(a, at, challenges)?, self.expression(b, at, challenges)?);
                    return Some(self.sub(a, b));
                }
                let (a, b) = (self.expression(a, at, challenges)?, self.expression(b, at, challenges)?);
                self.add(a, b)
            }
            Expression::Product(a, b) => {
                let (a, b) = (self.expression(a, at, challenges)?, self.expression(b, at, challenges)?);
                self.mul(a, b)
            }
            Expression::Scaled(a, factor) => {
                let (a, factor) = (self.expression(a, at, challenges)?, self.scalar(*factor));
                self.mul(a, factor)
            }
        })
    }

    /// Both factors of a node that is a product.
    pub fn factors(&self, id: Id) -> Option<[Id; 2]> {
        match self.nodes[id.0] {
            Node::Mul(a, b) => Some([a, b]),
            _ => None,
        }
    }

    /// The steps that compute `root`.
    pub fn compile(&self, root: Id) -> Program {
        let order = self.order(root);
        let mut uses = vec![0_usize; self.nodes.len()];
        order.iter().flat_map(|id| self.operands(*id)).flatten().for_each(|id| uses[id.0] += 1);
        uses[root.0] += 1;
        let mut registers = Registers::default();
        let mut places = vec![Operand::Scalar(Fr::zero()); self.nodes.len()];
        let mut steps = Vec::new();
        for id in order {
            let (op, a, b) = match self.nodes[id.0] {
                Node::Scalar(value) => {
                    places[id.0] = Operand::Scalar(value);
                    continue;
                }
                Node::Cell(cell) => {
                    places[id.0] = Operand::Cell(cell);
                    continue;
                }
                Node::Add(a, b) => (Op::Add, a, b),
                Node::Sub(a, b) => (Op::Sub, a, b),
                Node::Mul(a, b) => (Op::Mul, a, b),
            };
            let to = registers.take();
            steps.push(Step { op, a: places[a.0], b: places[b.0], to });
            places[id.0] = Operand::Register(to);
            for operand in [a, b] {
                uses[operand.0] -= 1;
                if let (0, Operand::Register(register)) = (uses[operand.0], places[operand.0]) {
                    registers.free.push(register);
                }
            }
        }
        Program { steps, registers: registers.count, result: places[root.0] }
    }

    fn operands(&self, id: Id) -> [Option<Id>; 2] {
        match self.nodes[id.0] {
            Node::Add(a, b) | Node::Sub(a, b) | Node::Mul(a, b) => [Some(a), Some(b)],
            _ => [None; 2],
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
                stack.extend(self.operands(id).into_iter().rev().flatten().map(|operand| (operand, false)));
            }
        }
        order
    }
}

impl Id {
    fn min(self, other: Self) -> Self {
        Id(self.0.min(other.0))
    }

    fn max(self, other: Self) -> Self {
        Id(self.0.max(other.0))
    }
}

#[derive(Debug, Default)]
struct Registers {
    free: Vec<usize>,
    count: usize,
}

impl Registers {
    fn take(&mut self) -> usize {
        self.free.pop().unwrap_or_else(|| {
            self.count += 1;
            self.count - 1
        })
    }
}

#[derive(Clone, Copy, Debug)]
enum Op {
    Add,
    Sub,
    Mul,
}

#[derive(Clone, Copy, Debug)]
enum Operand {
    Scalar(Fr),
    Cell(Cell),
    Register(usize),
}

#[derive(Clone, Copy, Debug)]
struct Step {
    op: Op,
    a: Operand,
    b: Operand,
    to: usize,
}

/// Steps over registers of [`BLOCK`] rows.
#[derive(Debug)]
pub struct Program {
    steps: Vec<Step>,
    registers: usize,
    result: Operand,
}

impl Program {
    /// Steps that multiply.
    pub fn multiplications(&self) -> usize {
        self.steps.iter().filter(|step| matches!(step.op, Op::Mul)).count()
    }
}

/// Registers of a [`Program`] that runs.
#[derive(Debug)]
pub struct Machine<'a> {
    program: &'a Program,
    columns: &'a [&'a [Fr]],
    registers: Vec<Vec<Fr>>,
}

/// What an operand is on a block.
enum Value<'a> {
    Scalar(Fr),
    Rows(&'a [Fr]),
    /// Rows that reach over an end of their column, in a copy.
    Wrapped(Vec<Fr>),
}

impl<'a> Machine<'a> {
    /// Registers for `program` over `columns`, all of one length that is no more than a multiple of it away.
    pub fn new(program: &'a Program, columns: &'a [&'a [Fr]]) -> Self {
        Self { program, columns, registers: vec![vec![Fr::zero(); BLOCK]; program.registers] }
    }

    /// The result on the rows from `start` on, as many as `out` has room for (at most [`BLOCK`]).
    pub fn run(&mut self, start: usize, out: &mut [Fr]) {
        let len = out.len().min(BLOCK);
        for step in &self.program.steps {
            // No operand is the register that is written: it was free when the step was made.
            let mut to = std::mem::take(&mut self.registers[step.to]);
            let (a, b) = (self.value(step.a, start, len), self.value(step.b, start, len));
            apply(step.op, &a, &b, &mut to[..len]);
            self.registers[step.to] = to;
        }
        match self.value(self.program.result, start, len) {
            Value::Scalar(value) => out[..len].fill(value),
            Value::Rows(rows) => out[..len].copy_from_slice(&rows[..len]),
            Value::Wrapped(rows) => out[..len].copy_from_slice(&rows[..len]),
        }
    }

    fn value(&self, operand: Operand, start: usize, len: usize) -> Value<'_> {
        match operand {
            Operand::Scalar(value) => Value::Scalar(value),
            Operand::Register(register) => Value::Rows(&self.registers[register][..len]),
            Operand::Cell(Cell { column, rotation }) => {
                let column = self.columns[column];
                let first = (start as i64 + i64::from(rotation)).rem_euclid(column.len().max(1) as i64) as usize;
                match column.get(first..first + len) {
                    Some(rows) => Value::Rows(rows),
                    None => Value::Wrapped(column.iter().cycle().skip(first).take(len).copied().collect()),
                }
            }
        }
    }
}

fn apply(op: Op, a: &Value<'_>, b: &Value<'_>, to: &mut [Fr]) {
    match op {
        Op::Add => combine(a, b, to, Fr::add),
        Op::Sub => combine(a, b, to, Fr::sub),
        Op::Mul => combine(a, b, to, Fr::mul),
    }
}

#[inline(always)]
fn combine(a: &Value<'_>, b: &Value<'_>, to: &mut [Fr], f: impl Fn(&Fr, &Fr) -> Fr) {
    match (a.rows(), b.rows()) {
        (Ok(a), Ok(b)) => to.iter_mut().zip(a).zip(b).for_each(|((to, a), b)| *to = f(a, b)),
        (Ok(a), Err(b)) => to.iter_mut().zip(a).for_each(|(to, a)| *to = f(a, &b)),
        (Err(a), Ok(b)) => to.iter_mut().zip(b).for_each(|(to, b)| *to = f(&a, b)),
        (Err(a), Err(b)) => to.fill(f(&a, &b)),
    }
}

impl Value<'_> {
    fn rows(&self) -> Result<&[Fr], Fr> {
        match self {
            Value::Scalar(value) => Err(*value),
            Value::Rows(rows) => Ok(rows),
            Value::Wrapped(rows) => Ok(rows),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(graph: &Graph, root: Id, columns: &[&[Fr]]) -> Vec<Fr> {
        let program = graph.compile(root);
        let mut machine = Machine::new(&program, columns);
        let mut out = vec![Fr::zero(); columns[0].len()];
        out.chunks_mut(BLOCK).enumerate().for_each(|(i, out)| machine.run(i * BLOCK, out));
        out
    }

    fn column(seed: u64, len: usize) -> Vec<Fr> {
        (0..len as u64).map(|i| Fr::from((i + seed) * 0x9e37_79b9_7f4a_7c15 % 1_000_003)).collect()
    }

    #[test]
    fn programs_compute_what_the_expression_says_around_both_ends() {
        for len in [1, 2, 8, 64, 65, 256, 300] {
            let (a, b) = (column(1, len), column(2, len));
            let mut graph = Graph::default();
            let [x, y, z] = [graph.cell(0, 0), graph.cell(1, -2), graph.cell(0, 3)];
            let product = graph.mul(x, y);
            let two = graph.scalar(Fr::from(2));
            let scaled = graph.mul(two, z);
            let difference = graph.sub(product, scaled);
            let again = graph.mul(y, x);
            let sum = graph.add(again, difference);
            let root = graph.mul(sum, difference);
            let at =
                |column: &[Fr], i: usize, rotation: i64| column[(i as i64 + rotation).rem_euclid(len as i64) as usize];
            let expected: Vec<Fr> = (0..len)
                .map(|i| {
                    let product = at(&a, i, 0) * at(&b, i, -2);
                    let difference = product - Fr::from(2) * at(&a, i, 3);
                    (product + difference) * difference
                })
                .collect();
            assert_eq!(run(&graph, root, &[&a, &b]), expected, "{len} rows");
        }
    }

    #[test]
    fn equal_expressions_are_one_node_and_constants_fold() {
        let mut graph = Graph::default();
        let (a, b) = (graph.cell(0, 0), graph.cell(1, 0));
        assert_eq!(graph.mul(a, b), graph.mul(b, a));
        assert_eq!(graph.add(a, b), graph.add(b, a));
        assert_ne!(graph.sub(a, b), graph.sub(b, a));
        let [zero, one, three] = [0, 1, 3].map(|v| graph.scalar(Fr::from(v)));
        assert_eq!(graph.mul(one, a), a);
        assert_eq!(graph.mul(a, zero), zero);
        assert_eq!(graph.add(zero, a), a);
        assert_eq!(graph.sub(a, zero), a);
        let [product, four] = [graph.mul(three, three), graph.add(three, one)];
        assert_eq!([product, four], [9, 4].map(|v| graph.scalar(Fr::from(v))));
        let two = graph.sub(three, one);
        assert_eq!(two, graph.scalar(Fr::from(2)));
    }

    #[test]
    fn results_that_need_no_step_are_results_too() {
        let a = column(3, 70);
        let mut graph = Graph::default();
        let (cell, five) = (graph.cell(0, 1), graph.scalar(Fr::from(5)));
        let expected: Vec<Fr> = a[1..].iter().chain(&a[..1]).copied().collect();
        assert_eq!(run(&graph, cell, &[&a]), expected);
        assert_eq!(run(&graph, five, &[&a]), vec![Fr::from(5); 70]);
    }

    #[test]
    fn registers_are_used_again() {
        let mut graph = Graph::default();
        let a = graph.cell(0, 0);
        let chain = (0..100).fold(a, |sum, _| graph.mul(sum, a));
        let program = graph.compile(chain);
        assert_eq!((program.steps.len(), program.registers), (100, 2));
    }
}
