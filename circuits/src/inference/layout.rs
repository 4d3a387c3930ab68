//! The rows of a task: a program, a number of slots, a number of words, a salt.

use std::sync::Arc;

use ff::Field;
use halo2_proofs::halo2curves::bn256::Fr;
use halo2_proofs::halo2curves::ff;

use super::assembler::{Assembler, Cell, FunctionRow, Operand, Part, Row, Values};
use super::error::Error;
use super::shape::Shape;
use super::size;
use super::statement::{
    self, COMMITTED_OUTPUT_WORDS, IN_DOMAIN_BIT, OUTPUT_BITS, OUTPUTS_PER_WORD, UNSATURATED_BIT, pack, pack_outputs,
    pow2, signed,
};
use crate::gadgets::logup::{RANGE_TAG, function_tag};
use crate::gadgets::poseidon;
use crate::quant::bounds;
use crate::quant::interpreter::lane_value;
use crate::quant::program::{
    Block, Divide, Function, LANE_BITS, LANES, LIMB_BITS, Linear, MatMul, NO_WIRE, OPERANDS, Program, Requant, Sqrt,
    Step, Y_BITS,
};

/// Rows at the end of the domain that hold blinding values.
pub const BLINDING_ROWS: usize = 6;

/// How a source enters the statement.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SourceKind {
    /// Behind a salted commitment, for a feed of this schema.
    Committed {
        /// The schema's hash, shifted right by 8 bits.
        schema: Fr,
    },
    /// Its packed words are public.
    Public,
}

/// What is compiled into a key: everything that the verifying key depends on, `k` excepted.
#[derive(Clone, Debug)]
pub struct Task {
    /// The model.
    pub program: Arc<Program>,
    /// Kind of each of the program's sources.
    pub sources: Vec<SourceKind>,
    /// Inferences in one proof.
    pub slots: usize,
    /// Shows a commitment to each slot's outputs in place of the outputs.
    pub commit_outputs: bool,
    /// The shape.
    pub shape: Shape,
    /// Makes the key's digest unlinkable; 0 for public models.
    pub salt: Fr,
}

/// One source of one slot.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SourceInput {
    /// Raw values in the schema's units, each in `[-2^39, 2^39)`.
    pub values: Vec<i64>,
    /// Salt of the commitment (a public source has none: its salt enters that of committed outputs alone).
    pub salt: Fr,
}

/// One inference's sources, in the program's order.
pub type SlotInput = Vec<SourceInput>;

impl Task {
    /// Instance words in use: the context, then each slot's sources and outputs.
    pub fn words_used(&self) -> usize {
        let sources: usize =
            self.sources.iter().zip(&self.program.sources).map(|(kind, len)| source_words(*kind, *len)).sum();
        1 + self.slots * (sources + self.slot_output_words())
    }

    fn slot_output_words(&self) -> usize {
        if self.commit_outputs { COMMITTED_OUTPUT_WORDS } else { self.program.outputs.len().div_ceil(OUTPUTS_PER_WORD) }
    }

    /// Places of each slot's output words among the instance words.
    pub fn output_words(&self) -> impl Iterator<Item = std::ops::Range<usize>> {
        let outputs = self.slot_output_words();
        let slot = (self.words_used() - 1) / self.slots.max(1);
        (1..=self.slots).map(move |number| 1 + number * slot - outputs..1 + number * slot)
    }

    /// Checks the task: bounds of the program, number of words, slots and outputs, kinds of sources.
    ///
    /// # Errors
    /// A bound that does not hold, too many words, no slot or no output (such a proof would state nothing), or as many kinds as
    /// there are not sources.
    pub fn check(&self) -> Result<(), Error> {
        bounds::check(&self.program)?;
        for (what, got) in [("slots of a task", self.slots), ("outputs of a program", self.program.outputs.len())] {
            if got == 0 {
                return Err(Error::Input { what: what.into(), expected: 1, got });
            }
        }
        if self.sources.len() != self.program.sources.len() {
            let (expected, got) = (self.program.sources.len(), self.sources.len());
            return Err(Error::Input { what: "kinds of sources".into(), expected, got });
        }
        let needed = self.words_used();
        if needed > self.shape.words {
            return Err(Error::TooManyWords { needed, available: self.shape.words, slots: self.slots });
        }
        Ok(())
    }

    /// Inputs of the right shape, all zero: what keygen runs on.
    pub fn zero_inputs(&self) -> Vec<SlotInput> {
        let source = |len: &usize| SourceInput { values: vec![0; *len], salt: Fr::ZERO };
        vec![self.program.sources.iter().map(source).collect(); self.slots]
    }
}

fn source_words(kind: SourceKind, len: usize) -> usize {
    match kind {
        SourceKind::Committed { .. } => 1,
        SourceKind::Public => len.div_ceil(LANES),
    }
}

/// A task's rows, copies and values.
#[derive(Clone, Debug)]
pub struct Layout {
    /// `2^k` rows in all.
    pub k: u32,
    /// The shape that the rows are laid out for.
    pub shape: Shape,
    /// All usable rows.
    pub rows: Vec<Row>,
    /// Witness of the same rows.
    pub values: Vec<Values>,
    /// Pairs of equal cells.
    pub copies: Vec<(Cell, Cell)>,
    /// The instance: exactly the shape's words.
    pub words: Vec<Fr>,
    /// First row of each part, in order.
    pub parts: Vec<(usize, Part)>,
    /// For each tag from [`RANGE_TAG`]: `hi` of the first entry, and the row of each entry.
    pub tables: Vec<(i64, Vec<usize>)>,
}

struct Constants {
    one: Cell,
    zero: Cell,
    sponge: [Cell; 3],
    /// Schema and length of each source.
    sources: Vec<[Cell; 2]>,
    /// First state and number of committed outputs.
    outputs: Option<([Cell; 3], Cell)>,
}

impl Layout {
    /// Lays a task out for `inputs`; `k` of `None` takes the smallest.
    ///
    /// # Errors
    /// Inputs of another shape or outside the encoding; a task that does not fit; see [`Task::check`].
    pub fn new(task: &Task, context: Fr, inputs: &[SlotInput], k: Option<u32>) -> Result<Self, Error> {
        task.check()?;
        check_inputs(task, inputs)?;
        let mut asm = Assembler::default();
        let words = words(task, context, inputs)?;
        asm.part(Part::Statement);
        let (word_cells, constants) = statement_rows(&mut asm, task, &words);
        let mut next_word = 1;
        for (slot, input) in inputs.iter().enumerate() {
            let mut wires = Vec::with_capacity(task.program.wires());
            for (index, source) in input.iter().enumerate() {
                let count = source_words(task.sources[index], source.values.len());
                let public = &word_cells[next_word..next_word + count];
                source_rows(&mut asm, task.sources[index], index, source, &constants, public, &mut wires);
                next_word += count;
            }
            let raw: Vec<i64> = input.iter().flat_map(|source| source.values.iter().copied()).collect();
            let run = task.program.evaluate(&raw)?;
            step_rows(&mut asm, task, &constants, &run.wires, &mut wires)?;
            let count = task.slot_output_words();
            asm.part(Part::Outputs);
            let shown = &word_cells[next_word..next_word + count];
            match shown {
                [flags, digest] if task.commit_outputs => {
                    let outputs: Vec<i64> = task.program.outputs.iter().map(|w| run.wires[*w as usize]).collect();
                    let salt = statement::output_salt(input.iter().map(|source| source.salt), context, slot);
                    let set = |w: u32| run.wires[w as usize] == 1;
                    let flagged = (set(task.program.in_domain), set(task.program.unsaturated));
                    let packed = pack_outputs(&outputs, flagged.0, flagged.1);
                    committed_rows(&mut asm, &task.program, &constants, &wires, (&packed, salt), [*flags, *digest])?;
                }
                _ => {
                    let words: Vec<Operand> = shown.iter().map(|cell| Operand::Copy(*cell)).collect();
                    output_rows(&mut asm, &task.program, &constants, &wires, &words)?;
                }
            }
            next_word += count;
        }
        // STM-3
        for cell in &word_cells[next_word..] {
            asm.copy(*cell, constants.zero);
        }
        asm.terminate();
        finish(asm, task, words, k)
    }
}

/// The instance words of a task, computed by the interpreter.
///
/// # Errors
/// Inputs outside the encoding.
pub fn words(task: &Task, context: Fr, inputs: &[SlotInput]) -> Result<Vec<Fr>, Error> {
    let mut words = vec![context];
    for (slot, input) in inputs.iter().enumerate() {
        for ((index, source), kind) in input.iter().enumerate().zip(&task.sources) {
            statement::check_raw(&source.values, index)?;
            match kind {
                SourceKind::Committed { schema } => {
                    words.push(statement::commitment(*schema, &source.values, source.salt)?)
                }
                SourceKind::Public => words.extend(pack(&source.values)),
            }
        }
        let raw: Vec<i64> = input.iter().flat_map(|source| source.values.iter().copied()).collect();
        let run = task.program.evaluate(&raw)?;
        let wire = |w: u32| run.wires[w as usize];
        let outputs: Vec<i64> = task.program.outputs.iter().map(|w| wire(*w)).collect();
        let (in_domain, unsaturated) = (wire(task.program.in_domain) == 1, wire(task.program.unsaturated) == 1);
        if task.commit_outputs {
            let salt = statement::output_salt(input.iter().map(|source| source.salt), context, slot);
            words.extend(statement::commit_outputs(&outputs, in_domain, unsaturated, salt));
        } else {
            words.extend(pack_outputs(&outputs, in_domain, unsaturated));
        }
    }
    words.resize(task.shape.words.max(words.len()), Fr::ZERO);
    Ok(words)
}

fn check_inputs(task: &Task, inputs: &[SlotInput]) -> Result<(), Error> {
    let expect = |what: String, expected: usize, got: usize| {
        if expected == got { Ok(()) } else { Err(Error::Input { what, expected, got }) }
    };
    expect("slots".into(), task.slots, inputs.len())?;
    for (slot, input) in inputs.iter().enumerate() {
        expect(format!("sources of slot {slot}"), task.program.sources.len(), input.len())?;
        for (index, (source, len)) in input.iter().zip(&task.program.sources).enumerate() {
            expect(format!("values of source {index} in slot {slot}"), *len, source.values.len())?;
            statement::check_raw(&source.values, index)?;
        }
    }
    Ok(())
}

/// STM-6: the words, and the constants that the key fixes.
fn statement_rows(asm: &mut Assembler, task: &Task, words: &[Fr]) -> (Vec<Cell>, Constants) {
    let first = poseidon::CONSTANTS.rounds[0];
    let start = [poseidon::tag(statement::INPUT_TAG) + first[0], first[1], first[2]];
    let mut values = vec![Fr::ONE, Fr::ZERO, start[0], start[1], start[2]];
    for (kind, len) in task.sources.iter().zip(&task.program.sources) {
        let schema = match kind {
            SourceKind::Committed { schema } => *schema,
            SourceKind::Public => Fr::ZERO,
        };
        values.extend([schema, Fr::from(*len as u64)]);
    }
    let sources_end = values.len();
    if task.commit_outputs {
        values.extend([poseidon::tag(statement::OUTPUT_TAG) + first[0], Fr::from(task.program.outputs.len() as u64)]);
    }
    let (mut word_cells, mut cells) = (Vec::new(), Vec::new());
    for i in 0..words.len().max(values.len()) {
        let at = |list: &[Fr]| list.get(i).copied().unwrap_or(Fr::ZERO);
        let (word, constant) = asm.statement(at(words), at(&values));
        word_cells.push(word);
        cells.push(constant);
    }
    word_cells.truncate(words.len());
    let sources = cells[5..sources_end].chunks(2).map(|pair| [pair[0], pair[1]]).collect();
    let outputs = match cells[sources_end..values.len()] {
        [tag, count] => Some(([tag, cells[3], cells[4]], count)),
        _ => None,
    };
    (word_cells, Constants { one: cells[0], zero: cells[1], sponge: [cells[2], cells[3], cells[4]], sources, outputs })
}

/// Unpacks a source's words into wires, range-checks these, and binds the words to the commitment (POS-8, POS-9) or to the public
/// words (STM-5).
fn source_rows(
    asm: &mut Assembler,
    kind: SourceKind,
    index: usize,
    source: &SourceInput,
    constants: &Constants,
    public: &[Cell],
    wires: &mut Vec<Cell>,
) {
    asm.part(Part::Source(index));
    let mut packed = Vec::new();
    for (chunk, word) in source.values.chunks(LANES).zip(pack(&source.values)) {
        let offset: Fr = (0..chunk.len() as u32).map(|j| pow2(LANE_BITS * j + Y_BITS)).sum();
        let cells = asm.dot(&[(Operand::Free(word), Fr::ONE), (Operand::Copy(constants.one), -offset)]);
        packed.push(cells[0]);
        let lanes: Vec<Cell> = chunk.iter().map(|value| asm.lane(Requant::Identity, *value)).collect();
        raw_range_rows(asm, &lanes, chunk);
        wires.extend(lanes);
    }
    match kind {
        SourceKind::Committed { .. } => {
            asm.part(Part::Commitment(index));
            let [schema, length] = constants.sources[index];
            let mut message = vec![Operand::Copy(schema), Operand::Copy(length), Operand::Free(source.salt)];
            message.extend(packed.into_iter().map(Operand::Copy));
            let (digest, _) = asm.sponge(constants.sponge, constants.zero, &message);
            asm.copy(digest, public[0]);
        }
        SourceKind::Public => {
            for (cell, word) in packed.into_iter().zip(public) {
                asm.copy(cell, *word);
            }
        }
    }
}

/// REQ-5: a lane alone says `[-2^40, 2^40)`. The doubled values fit a lane too, so raw values lie in `[-2^39, 2^39)`, which is what the
/// bounds of every program start from.
fn raw_range_rows(asm: &mut Assembler, lanes: &[Cell], values: &[i64]) {
    let doubled: Vec<(Operand, Fr)> =
        lanes.iter().zip(0..).map(|(cell, j)| (Operand::Copy(*cell), pow2(LANE_BITS * j + 1))).collect();
    asm.dot(&doubled);
    for value in values {
        asm.lane(Requant::Identity, 2 * value);
    }
}

fn step_rows(
    asm: &mut Assembler,
    task: &Task,
    constants: &Constants,
    values: &[i64],
    wires: &mut Vec<Cell>,
) -> Result<(), Error> {
    let program = task.program.as_ref();
    for (index, step) in program.steps.iter().enumerate() {
        asm.part(Part::Step(index));
        let mut rows = StepRows { asm, index, constants, values, wires };
        match step {
            Step::Block(block) if task.shape.wide && size::checked_block(block) => rows.checked_block(block)?,
            Step::MatMul(product) if task.shape.wide && size::checked_matmul(product) => {
                rows.checked_matmul(product)?
            }
            Step::Linear(linear) => rows.linear(linear)?,
            Step::Function(function) => rows.function(program, function)?,
            Step::Divide(divide) => rows.divide(divide)?,
            Step::Sqrt(sqrt) => rows.sqrt(sqrt)?,
            Step::Block(block) => rows.block(block)?,
            Step::MatMul(product) => rows.matmul(product)?,
        }
    }
    Ok(())
}

fn lookup_wire<T: Copy>(list: &[T], wire: u32, step: usize) -> Result<T, Error> {
    list.get(wire as usize).copied().ok_or_else(|| Error::Reference { step, what: format!("wire {wire}") })
}

/// One step being laid out. `values` are those of all wires, by the interpreter; `wires` are the cells so far.
struct StepRows<'a> {
    asm: &'a mut Assembler,
    index: usize,
    constants: &'a Constants,
    values: &'a [i64],
    wires: &'a mut Vec<Cell>,
}

impl StepRows<'_> {
    fn cell(&self, wire: u32) -> Result<Cell, Error> {
        lookup_wire(self.wires, wire, self.index)
    }

    fn value(&self, wire: u32) -> Result<i64, Error> {
        lookup_wire(self.values, wire, self.index)
    }

    /// Takes a lane off the accumulator and makes its result the next wire.
    fn lane(&mut self, requant: Requant, y: i128) -> Result<(), Error> {
        let y = in_range(y, self.index)?;
        let cell = self.asm.lane(requant, y);
        self.wires.push(cell);
        Ok(())
    }

    fn linear(&mut self, linear: &Linear) -> Result<(), Error> {
        let index = self.index;
        if linear.lanes.is_empty() || linear.lanes.len() > LANES {
            let got = format!("{} lanes", linear.lanes.len());
            return Err(Error::Step { step: index, got, expected: format!("1 to {LANES}") });
        }
        let x = linear.operands.iter().map(|w| self.value(*w)).collect::<Result<Vec<_>, _>>()?;
        let pair = |(a, b): &(u32, u32)| Ok((self.value(*a)?, self.value(*b)?));
        let pairs = linear.products.iter().map(pair).collect::<Result<Vec<_>, Error>>()?;
        let ys = linear.lanes.iter().map(|lane| lane_value(lane, &x, &pairs)).collect::<Result<Vec<_>, _>>()?;
        let mut terms = Vec::with_capacity(linear.operands.len() + 1);
        for (i, operand) in linear.operands.iter().enumerate() {
            terms.push((self.cell(*operand)?, packed(linear.lanes.iter().map(|lane| lane.weights[i]))));
        }
        let bias = packed(linear.lanes.iter().map(|lane| lane.bias));
        if bias != Fr::ZERO || (terms.is_empty() && linear.products.is_empty()) {
            terms.push((self.constants.one, bias));
        }
        let mut products = Vec::with_capacity(linear.products.len());
        for (i, (a, b)) in linear.products.iter().enumerate() {
            let weight = packed(linear.lanes.iter().map(|lane| lane.products[i]));
            products.push((self.cell(*a)?, self.cell(*b)?, weight));
        }
        self.asm.dot_products(&products, &terms, self.constants.zero);
        for (lane, y) in linear.lanes.iter().zip(ys) {
            self.lane(lane.requant, y)?;
        }
        Ok(())
    }

    fn function(&mut self, program: &Program, function: &Function) -> Result<(), Error> {
        let argument = self.value(function.input)?;
        let cell = self.cell(function.input)?;
        let reference = || Error::Reference { step: self.index, what: format!("table {}", function.table) };
        let table = program.tables.get(function.table).ok_or_else(reference)?;
        let (hi, lo) = (argument >> LIMB_BITS, argument & ((1 << LIMB_BITS) - 1));
        let entry =
            hi.checked_sub(table.first).and_then(|i| usize::try_from(i).ok()).and_then(|i| table.entries.get(i));
        let outside = Error::Range { step: self.index, what: "a function's argument", got: argument.into() };
        let (base, slope) = *entry.ok_or(outside)?;
        self.asm.function(cell, FunctionRow { tag: function_tag(function.table), hi, lo, base, slope });
        self.lane(function.requant, (i128::from(base) << LIMB_BITS) + i128::from(slope) * i128::from(lo))
    }

    /// A wire of its own: any value that a lane can hold. Other rows must bind it.
    fn hint(&mut self, value: i64) -> Result<Cell, Error> {
        self.asm.dot(&[(Operand::Free(signed(value.into())), Fr::ONE)]);
        self.lane(Requant::Identity, value.into())?;
        self.wires.last().copied().ok_or_else(|| Error::Reference { step: self.index, what: "a new wire".into() })
    }

    /// DIV-1, DIV-2: `n - q d` and `d - 1 - (n - q d)` are asserted not to be negative.
    fn divide(&mut self, divide: &Divide) -> Result<(), Error> {
        let (n, d) = (self.value(divide.numerator)?, self.value(divide.denominator)?);
        let (numerator, denominator) = (self.cell(divide.numerator)?, self.cell(divide.denominator)?);
        let quotient = self.value(self.wires.len() as u32)?;
        let cell = self.hint(quotient)?;
        let terms = [
            (numerator, packed([1, -1].into_iter())),
            (denominator, packed([0, 1].into_iter())),
            (self.constants.one, packed([0, -1].into_iter())),
        ];
        self.asm.dot_products(&[(cell, denominator, packed([-1, 1].into_iter()))], &terms, self.constants.zero);
        let rest = i128::from(n) - i128::from(quotient) * i128::from(d);
        self.asm.assert_lane(in_range(rest, self.index)?);
        self.asm.assert_lane(in_range(i128::from(d) - 1 - rest, self.index)?);
        Ok(())
    }

    /// SQR-1, SQR-2: `x - q²` and `2 q - (x - q²)` are asserted not to be negative.
    fn sqrt(&mut self, sqrt: &Sqrt) -> Result<(), Error> {
        let (x, input) = (self.value(sqrt.input)?, self.cell(sqrt.input)?);
        let root = self.value(self.wires.len() as u32)?;
        let cell = self.hint(root)?;
        let terms = [(input, packed([1, -1].into_iter())), (cell, packed([0, 2].into_iter()))];
        self.asm.dot_products(&[(cell, cell, packed([-1, 1].into_iter()))], &terms, self.constants.zero);
        let rest = i128::from(x) - i128::from(root) * i128::from(root);
        self.asm.assert_lane(in_range(rest, self.index)?);
        self.asm.assert_lane(in_range(2 * i128::from(root) - rest, self.index)?);
        Ok(())
    }

    fn block(&mut self, block: &Block) -> Result<(), Error> {
        let groups: Vec<(Vec<Fr>, Fr)> = block
            .lanes
            .chunks(LANES)
            .map(|lanes| {
                let weight = |i: usize| packed(lanes.iter().map(|lane| lane.weights[i]));
                ((0..block.width).map(weight).collect(), packed(lanes.iter().map(|lane| lane.bias)))
            })
            .collect();
        for vector in block.operands.chunks_exact(block.width.max(1)) {
            let at = |w: &u32| if *w == NO_WIRE { Ok(0) } else { self.value(*w) };
            let x = vector.iter().map(at).collect::<Result<Vec<_>, _>>()?;
            for (lanes, (weights, bias)) in block.lanes.chunks(LANES).zip(&groups) {
                let mut terms = Vec::with_capacity(block.width + 1);
                for (wire, weight) in vector.iter().zip(weights).filter(|(w, f)| **w != NO_WIRE && **f != Fr::ZERO) {
                    terms.push((Operand::Copy(self.cell(*wire)?), *weight));
                }
                if *bias != Fr::ZERO || terms.is_empty() {
                    terms.push((Operand::Copy(self.constants.one), *bias));
                }
                self.asm.dot(&terms);
                for lane in lanes {
                    let y = lane_value(lane, &x, &[])?;
                    self.lane(lane.requant, y)?;
                }
            }
        }
        Ok(())
    }

    /// MAT-9: every packed sum is a new cell, unpacked on the spot; one check binds them all to the operands.
    fn checked_block(&mut self, block: &Block) -> Result<(), Error> {
        let groups = block.lanes.len().div_ceil(LANES);
        let (one, zero) = (self.constants.one, self.constants.zero);
        let mut sums = vec![Vec::with_capacity(block.vectors()); groups];
        for vector in block.operands.chunks_exact(block.width.max(1)) {
            let at = |w: &u32| if *w == NO_WIRE { Ok(0) } else { self.value(*w) };
            let x = vector.iter().map(at).collect::<Result<Vec<_>, _>>()?;
            for (lanes, sums) in block.lanes.chunks(LANES).zip(&mut sums) {
                let ys = lanes.iter().map(|lane| lane_value(lane, &x, &[])).collect::<Result<Vec<_>, _>>()?;
                let bias = packed(lanes.iter().map(|lane| lane.bias));
                let ranged = ys.iter().map(|y| in_range(*y, self.index)).collect::<Result<Vec<_>, _>>()?;
                let sum = packed(ranged.into_iter()) - bias;
                let cells = self.asm.dot(&[(Operand::Free(sum), Fr::ONE), (Operand::Copy(one), bias)]);
                sums.extend(cells.first());
                for (lane, y) in lanes.iter().zip(ys) {
                    self.lane(lane.requant, y)?;
                }
            }
        }
        self.asm.matrix_edge();
        for k in 0..block.width {
            let cell = |w: &u32| if *w == NO_WIRE { Ok(zero) } else { self.cell(*w) };
            let column = block.operands.iter().skip(k).step_by(block.width).map(cell);
            let column = column.collect::<Result<Vec<_>, _>>()?;
            let row: Vec<Fr> =
                block.lanes.chunks(LANES).map(|lanes| packed(lanes.iter().map(|lane| lane.weights[k]))).collect();
            self.asm.matrix_summand(&column, &row, zero);
        }
        self.subtract_sums(&sums);
        Ok(())
    }

    /// The sums themselves, with `-ν^(G-1-g)`; closes the check.
    fn subtract_sums(&mut self, sums: &[Vec<Cell>]) {
        for (g, sums_of_group) in sums.iter().enumerate() {
            let unit: Vec<Fr> = (0..sums.len()).map(|i| if i == g { -Fr::ONE } else { Fr::ZERO }).collect();
            self.asm.matrix_summand(sums_of_group, &unit, self.constants.zero);
        }
        self.asm.matrix_edge();
    }

    /// MAT-10: as [`Self::checked_block`], with both factors from cells.
    fn checked_matmul(&mut self, product: &MatMul) -> Result<(), Error> {
        let inner = product.inner;
        let n = product.b.len() / inner.max(1);
        let (one, zero) = (self.constants.one, self.constants.zero);
        let read = |list: &[u32]| list.iter().map(|w| self.value(*w)).collect::<Result<Vec<_>, _>>();
        let (a, b) = (read(&product.a)?, read(&product.b)?);
        let mut sums = vec![Vec::new(); n.div_ceil(LANES)];
        for row in a.chunks_exact(inner.max(1)) {
            for (columns, sums) in b.chunks(inner * LANES).zip(&mut sums) {
                let dot = |column: &[i64]| {
                    let sum: i128 = row.iter().zip(column).map(|(x, y)| i128::from(*x) * i128::from(*y)).sum();
                    in_range(sum + i128::from(product.bias), self.index)
                };
                let ys = columns.chunks_exact(inner.max(1)).map(dot).collect::<Result<Vec<_>, _>>()?;
                let bias = packed(ys.iter().map(|_| product.bias));
                let sum = packed(ys.iter().copied()) - bias;
                let cells = self.asm.dot(&[(Operand::Free(sum), Fr::ONE), (Operand::Copy(one), bias)]);
                sums.extend(cells.first());
                for y in ys {
                    self.lane(product.requant, y.into())?;
                }
            }
        }
        self.asm.matrix_edge();
        for k in 0..inner {
            let column = |list: &[u32]| {
                let cells = list.iter().skip(k).step_by(inner).map(|w| self.cell(*w));
                cells.collect::<Result<Vec<_>, _>>()
            };
            let (left, right) = (column(&product.a)?, column(&product.b)?);
            self.asm.matrix_summand_live(&left, &right, LANE_POWERS.as_slice(), zero);
        }
        self.subtract_sums(&sums);
        Ok(())
    }

    fn matmul(&mut self, product: &MatMul) -> Result<(), Error> {
        let inner = product.inner.max(1);
        let read = |list: &[u32]| {
            let both = |w: &u32| Ok((self.cell(*w)?, self.value(*w)?));
            list.iter().map(both).collect::<Result<Vec<_>, Error>>()
        };
        let (a, b) = (read(&product.a)?, read(&product.b)?);
        let bias = signed(product.bias.into());
        let terms: Vec<(Cell, Fr)> = if bias == Fr::ZERO { vec![] } else { vec![(self.constants.one, bias)] };
        for row in a.chunks_exact(inner) {
            for column in b.chunks_exact(inner) {
                let products: Vec<(Cell, Cell, Fr)> =
                    row.iter().zip(column).map(|(x, y)| (x.0, y.0, Fr::ONE)).collect();
                self.asm.dot_products(&products, &terms, self.constants.zero);
                let sum: i128 = row.iter().zip(column).map(|(x, y)| i128::from(x.1) * i128::from(y.1)).sum();
                self.lane(product.requant, sum + i128::from(product.bias))?;
            }
        }
        Ok(())
    }
}

/// Lane `j` of a packed weight is worth `2^(42 j)`.
fn packed(coefficients: impl Iterator<Item = i64>) -> Fr {
    coefficients.zip(LANE_POWERS.iter()).map(|(c, power)| signed(i128::from(c)) * power).sum()
}

static LANE_POWERS: std::sync::LazyLock<[Fr; LANES]> =
    std::sync::LazyLock::new(|| std::array::from_fn(|j| pow2(LANE_BITS * j as u32)));

fn in_range(y: i128, step: usize) -> Result<i64, Error> {
    match i64::try_from(y) {
        Ok(y) if (-(1 << Y_BITS)..1 << Y_BITS).contains(&y) => Ok(y),
        _ => Err(Error::Range { step, what: "a lane", got: y }),
    }
}

/// STM-4: a word is the sum of its lanes, offsets and flags; the sum is closed by whatever comes next.
fn output_rows(
    asm: &mut Assembler,
    program: &Program,
    constants: &Constants,
    wires: &[Cell],
    words: &[Operand],
) -> Result<Vec<Cell>, Error> {
    let step = program.steps.len();
    let mut cells = Vec::with_capacity(words.len());
    for (i, (chunk, word)) in program.outputs.chunks(OUTPUTS_PER_WORD).zip(words).enumerate() {
        let mut terms = vec![(*word, -Fr::ONE)];
        let mut offset = Fr::ZERO;
        for (wire, j) in chunk.iter().zip(0..) {
            terms.push((Operand::Copy(lookup_wire(wires, *wire, step)?), pow2(OUTPUT_BITS * j)));
            offset += pow2(OUTPUT_BITS * j + OUTPUT_BITS - 1);
        }
        terms.push((Operand::Copy(constants.one), offset));
        if i == 0 {
            terms.push((Operand::Copy(lookup_wire(wires, program.in_domain, step)?), pow2(IN_DOMAIN_BIT)));
            terms.push((Operand::Copy(lookup_wire(wires, program.unsaturated, step)?), pow2(UNSATURATED_BIT)));
        }
        cells.extend(asm.dot(&terms).first());
    }
    Ok(cells)
}

/// STM-7: the words of the outputs are new cells, bound to the wires as words in the open are, and hashed into the commitment; the flags stand in a word of their own.
fn committed_rows(
    asm: &mut Assembler,
    program: &Program,
    constants: &Constants,
    wires: &[Cell],
    (packed, salt): (&[Fr], Fr),
    [flags, digest]: [Cell; 2],
) -> Result<(), Error> {
    let step = program.steps.len();
    let missing = || Error::Reference { step, what: "the constants of committed outputs".into() };
    let (start, count) = constants.outputs.ok_or_else(missing)?;
    let flag = |wire, bit| Ok::<_, Error>((Operand::Copy(lookup_wire(wires, wire, step)?), pow2(bit)));
    asm.dot(&[
        (Operand::Copy(flags), -Fr::ONE),
        flag(program.in_domain, IN_DOMAIN_BIT)?,
        flag(program.unsaturated, UNSATURATED_BIT)?,
    ]);
    let words: Vec<Operand> = packed.iter().map(|word| Operand::Free(*word)).collect();
    let cells = output_rows(asm, program, constants, wires, &words)?;
    let mut message = vec![Operand::Copy(count), Operand::Free(salt)];
    message.extend(cells.into_iter().map(Operand::Copy));
    let (found, _) = asm.sponge(start, constants.zero, &message);
    asm.copy(found, digest);
    Ok(())
}

/// Places tables and salt, pads to `2^k` and closes the lookup argument.
fn finish(mut asm: Assembler, task: &Task, words: Vec<Fr>, k: Option<u32>) -> Result<Layout, Error> {
    if task.shape.wide {
        // As below, for the column of matrix rows: a program may have no matrix that is worth a check.
        asm.matrix_edge();
    }
    let range = (0..1_u64 << LIMB_BITS).map(|v| [Fr::from(v), Fr::ZERO, Fr::ZERO]).collect();
    let mut tables: Vec<(u64, i64, Vec<[Fr; 3]>)> = vec![(RANGE_TAG, 0, range)];
    for (i, table) in task.program.tables.iter().enumerate() {
        // In i128, so that no table's end overflows.
        let entry = |(at, (base, slope)): (i128, &(i64, i64))| [at, (*base).into(), (*slope).into()].map(signed);
        let entries = (i128::from(table.first)..).zip(&table.entries).map(entry).collect();
        tables.push((function_tag(i), table.first, entries));
    }
    let entries: usize = tables.iter().map(|(_, _, entries)| entries.len()).sum();
    let hosts = asm.rows.iter().filter(|row| row.kind.hosts_table()).count();
    let needed = asm.rows.len() + entries.saturating_sub(hosts) + 2 + BLINDING_ROWS;
    let needed_k = needed.next_power_of_two().trailing_zeros();
    let k = k.unwrap_or(needed_k);
    if needed_k > k {
        return Err(Error::TooManyRows { needed, needed_k, k });
    }
    let usable = (1_usize << k) - BLINDING_ROWS;
    asm.part(Part::Idle);
    while asm.rows.len() < usable - 2 {
        asm.idle(Fr::ZERO);
    }
    let mut free = asm.rows.iter().enumerate().filter(|(_, row)| row.kind.hosts_table()).map(|(i, _)| i);
    let mut placed = Vec::new();
    let mut at = Vec::new();
    for (tag, first, entries) in tables {
        let rows: Vec<usize> = free.by_ref().take(entries.len()).collect();
        placed.extend(rows.iter().copied().zip(entries).map(|(row, f)| (row, tag, f)));
        at.push((first, rows));
    }
    drop(free);
    for (row, tag, f) in placed {
        asm.rows[row].tag = tag;
        asm.rows[row].f[..f.len()].copy_from_slice(&f);
    }
    let salt = asm.idle(task.salt);
    // Nothing reads `w` and `f3` there; a program without products and assertions, or of few operands, would leave a column all zero.
    asm.rows[salt].w = Fr::ONE;
    asm.rows[salt].f[OPERANDS - 1] = Fr::ONE;
    // LOG-4: the running sums end on a statement row.
    asm.statement(Fr::ZERO, Fr::ZERO);
    let shape = task.shape;
    Ok(Layout { k, shape, rows: asm.rows, values: asm.values, copies: asm.copies, words, parts: asm.parts, tables: at })
}
