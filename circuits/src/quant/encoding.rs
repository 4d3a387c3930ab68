//! Canonical bytes of a program, and their Keccak-256 hash: what a registry stores of a quantised model.
//!
//! All integers are little-endian; lists are prefixed with their length as `u32`. One program has exactly one encoding, and decoding refuses every
//! other one (trailing bytes included).

use sha3::{Digest, Keccak256};

use super::QuantError;
use super::program::{Block, Divide, Function, LANES, Lane, Linear, MatMul, Program, Requant, Sqrt, Step, Table, Wire};

const MAGIC: &[u8; 8] = b"DODONAQ2";

impl Program {
    /// The canonical bytes.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut out = MAGIC.to_vec();
        list(&mut out, &self.sources, |out, &s| word(out, s));
        list(&mut out, &self.tables, |out, t| {
            list(out, t.name.as_bytes(), |out, &b| out.push(b));
            out.extend(t.first.to_le_bytes());
            list(out, &t.entries, |out, (base, slope)| {
                out.extend(base.to_le_bytes());
                out.extend(slope.to_le_bytes());
            });
        });
        list(&mut out, &self.steps, step);
        list(&mut out, &self.outputs, |out, w| out.extend(w.to_le_bytes()));
        out.extend(self.in_domain.to_le_bytes());
        out.extend(self.unsaturated.to_le_bytes());
        out
    }

    /// Reads canonical bytes. The program is not checked beyond its form: see [`super::bounds::check`].
    ///
    /// # Errors
    /// [`QuantError::Encoding`] with the offset of the first byte that does not fit.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, QuantError> {
        let mut reader = Reader { bytes, at: 0 };
        if reader.take(MAGIC.len())? != MAGIC {
            return Err(QuantError::Encoding { reason: "wrong magic", offset: 0 });
        }
        let program = Self {
            sources: reader.list(Reader::size)?,
            tables: reader.list(Reader::table)?,
            steps: reader.list(Reader::step)?,
            outputs: reader.list(Reader::u32)?,
            in_domain: reader.u32()?,
            unsaturated: reader.u32()?,
        };
        match reader.at == bytes.len() {
            true => Ok(program),
            false => Err(reader.error("trailing bytes")),
        }
    }

    /// Keccak-256 of the canonical bytes.
    pub fn quant_hash(&self) -> [u8; 32] {
        Keccak256::digest(self.to_bytes()).into()
    }
}

fn word(out: &mut Vec<u8>, value: usize) {
    // Lengths of programs in memory are far below 2^32; a longer list would fail to decode, not alias another.
    out.extend(u32::try_from(value).unwrap_or(u32::MAX).to_le_bytes());
}

fn list<T>(out: &mut Vec<u8>, items: &[T], mut each: impl FnMut(&mut Vec<u8>, &T)) {
    word(out, items.len());
    items.iter().for_each(|item| each(out, item));
}

fn step(out: &mut Vec<u8>, step: &Step) {
    match step {
        Step::Linear(l) => {
            out.push(0);
            list(out, &l.operands, |out, w| out.extend(w.to_le_bytes()));
            list(out, &l.products, |out, (a, b)| {
                out.extend(a.to_le_bytes());
                out.extend(b.to_le_bytes());
            });
            list(out, &l.lanes, lane);
        }
        Step::Function(f) => {
            out.push(1);
            word(out, f.table);
            out.extend(f.input.to_le_bytes());
            out.push(requant_code(f.requant));
        }
        Step::Divide(d) => {
            out.push(2);
            out.extend(d.numerator.to_le_bytes());
            out.extend(d.denominator.to_le_bytes());
        }
        Step::Sqrt(s) => {
            out.push(3);
            out.extend(s.input.to_le_bytes());
        }
        Step::Block(b) => {
            out.push(4);
            word(out, b.width);
            wires(out, &b.operands);
            list(out, &b.lanes, lane);
        }
        Step::MatMul(m) => {
            out.push(5);
            word(out, m.inner);
            wires(out, &m.a);
            wires(out, &m.b);
            out.extend(m.bias.to_le_bytes());
            out.push(requant_code(m.requant));
        }
    }
}

fn wires(out: &mut Vec<u8>, list_: &[Wire]) {
    list(out, list_, |out, w| out.extend(w.to_le_bytes()));
}

/// Without lengths: the step says how many weights and products a lane has.
fn lane(out: &mut Vec<u8>, lane: &Lane) {
    out.extend(lane.bias.to_le_bytes());
    lane.weights.iter().chain(&lane.products).for_each(|w| out.extend(w.to_le_bytes()));
    out.push(requant_code(lane.requant));
}

fn requant_code(requant: Requant) -> u8 {
    match requant {
        Requant::Identity => 0,
        Requant::Relu => 1,
        Requant::Shift => 2,
        Requant::ReluShift => 3,
        Requant::Sign => 4,
    }
}

struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Reader<'a> {
    fn error(&self, reason: &'static str) -> QuantError {
        QuantError::Encoding { reason, offset: self.at }
    }

    fn take(&mut self, n: usize) -> Result<&'a [u8], QuantError> {
        let end = self.at.checked_add(n).filter(|&e| e <= self.bytes.len()).ok_or_else(|| self.error("truncated"))?;
        let part = &self.bytes[self.at..end];
        self.at = end;
        Ok(part)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], QuantError> {
        let mut array = [0; N];
        array.copy_from_slice(self.take(N)?);
        Ok(array)
    }

    fn u8(&mut self) -> Result<u8, QuantError> {
        Ok(self.array::<1>()?[0])
    }

    fn u32(&mut self) -> Result<u32, QuantError> {
        Ok(u32::from_le_bytes(self.array()?))
    }

    fn i64(&mut self) -> Result<i64, QuantError> {
        Ok(i64::from_le_bytes(self.array()?))
    }

    fn size(&mut self) -> Result<usize, QuantError> {
        Ok(self.u32()? as usize)
    }

    /// Grows with what was really read, so that a false length allocates nothing.
    fn list<T>(&mut self, each: impl Fn(&mut Self) -> Result<T, QuantError>) -> Result<Vec<T>, QuantError> {
        let n = self.size()?;
        let mut items = Vec::new();
        for _ in 0..n {
            items.push(each(self)?);
        }
        Ok(items)
    }

    fn table(&mut self) -> Result<Table, QuantError> {
        let name = self.list(Self::u8)?;
        let name = String::from_utf8(name).map_err(|_| self.error("table name is not UTF-8"))?;
        let first = self.i64()?;
        Ok(Table { name, first, entries: self.list(|r| Ok((r.i64()?, r.i64()?)))? })
    }

    fn requant(&mut self) -> Result<Requant, QuantError> {
        Ok(match self.u8()? {
            0 => Requant::Identity,
            1 => Requant::Relu,
            2 => Requant::Shift,
            3 => Requant::ReluShift,
            4 => Requant::Sign,
            _ => return Err(self.error("unknown requantisation")),
        })
    }

    fn lane(&mut self, weights: usize, products: usize) -> Result<Lane, QuantError> {
        let bias = self.i64()?;
        // Grown value by value, so that a false width allocates nothing.
        let mut read = |n: usize| -> Result<Vec<i64>, QuantError> {
            let mut values = Vec::new();
            for _ in 0..n {
                values.push(self.i64()?);
            }
            Ok(values)
        };
        let (weights, products) = (read(weights)?, read(products)?);
        Ok(Lane { bias, weights, products, requant: self.requant()? })
    }

    fn step(&mut self) -> Result<Step, QuantError> {
        match self.u8()? {
            0 => {
                let operands = self.list(Self::u32)?;
                let products = self.list(|r| Ok((r.u32()?, r.u32()?)))?;
                let lanes = self.list(|r| r.lane(operands.len(), products.len()))?;
                match lanes.len() {
                    1..=LANES => Ok(Step::Linear(Linear { operands, products, lanes })),
                    _ => Err(self.error("wrong number of lanes")),
                }
            }
            1 => Ok(Step::Function(Function { table: self.size()?, input: self.u32()?, requant: self.requant()? })),
            2 => Ok(Step::Divide(Divide { numerator: self.u32()?, denominator: self.u32()? })),
            3 => Ok(Step::Sqrt(Sqrt { input: self.u32()? })),
            4 => {
                let (width, operands) = (self.size()?, self.list(Self::u32)?);
                let lanes = self.list(|r| r.lane(width, 0))?;
                Ok(Step::Block(Block { width, operands, lanes }))
            }
            5 => Ok(Step::MatMul(MatMul {
                inner: self.size()?,
                a: self.list(Self::u32)?,
                b: self.list(Self::u32)?,
                bias: i64::from_le_bytes(self.array()?),
                requant: self.requant()?,
            })),
            _ => Err(self.error("unknown step")),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::quant::bounds;
    use crate::testing::random;

    proptest! {
        #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn random_programs_come_back_as_they_were(seed in any::<u64>()) {
            let program = random::program(seed);
            prop_assert_eq!(Program::from_bytes(&program.to_bytes()).unwrap(), program);
        }

        #[test]
        fn one_program_has_one_encoding(seed in 0u64..64, at in any::<prop::sample::Index>(), flip in 1u8.., cut in any::<prop::sample::Index>()) {
            let honest = random::program(seed).to_bytes();
            let mut bytes = honest.clone();
            *at.get_mut(&mut bytes[8..]) ^= flip;
            if let Ok(program) = Program::from_bytes(&bytes) {
                prop_assert_eq!(&program.to_bytes(), &bytes);
                // Whatever the bytes say: no panic, and values where the bounds hold.
                if bounds::check(&program).is_ok() && program.inputs() < 64 {
                    prop_assert!(program.evaluate(&random::inputs(seed, program.inputs())).is_ok());
                }
            }
            prop_assert!(Program::from_bytes(&honest[..cut.index(honest.len())]).is_err());
        }
    }

    #[test]
    fn lengths_that_the_bytes_do_not_hold_allocate_nothing() {
        // Each list's length, and a block's width, as large as can be written.
        let head = [MAGIC.as_slice(), &[0; 8], &1u32.to_le_bytes()].concat();
        let block = |width: u32, operands: u32| [&[4][..], &width.to_le_bytes(), &operands.to_le_bytes()].concat();
        let one_lane = [block(u32::MAX, 0), 1u32.to_le_bytes().to_vec(), vec![0; 64]].concat();
        for step in [vec![0, 255, 255, 255, 255], block(1, u32::MAX), one_lane, vec![5, 1, 0, 0, 0, 255, 255, 255, 255]]
        {
            let error = Program::from_bytes(&[head.clone(), step].concat()).unwrap_err();
            assert!(matches!(error, QuantError::Encoding { reason: "truncated", .. }), "{error}");
        }
    }

    #[test]
    fn codes_that_mean_nothing_are_refused() {
        let program = random::program(3);
        let Some(Step::Linear(first)) = program.steps.first() else { panic!("{:?}", program.steps) };
        assert!(first.operands.is_empty() && first.products.is_empty());
        let bytes = program.to_bytes();
        // The first step: kind, no operands, no products, two lanes of a bias and a requantisation.
        let step = [&[0][..], &[0; 8], &2u32.to_le_bytes(), &1i64.to_le_bytes(), &[0]].concat();
        let at = bytes.windows(step.len()).position(|w| w == step).unwrap();
        for (offset, reason) in [(0, "unknown step"), (step.len() - 1, "unknown requantisation")] {
            let mut damaged = bytes.clone();
            damaged[at + offset] = 6;
            let found = Program::from_bytes(&damaged);
            assert!(matches!(found, Err(QuantError::Encoding { reason: r, .. }) if r == reason), "{found:?}");
        }
    }
}
