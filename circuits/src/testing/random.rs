//! Random programs whose bounds hold, with every kind of step.

use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

use crate::quant::bounds::{Interval, step_bounds};
use crate::quant::program::{
    Block, Divide, Function, Lane, Linear, MatMul, NO_WIRE, Program, RAW_BITS, Requant, Sqrt, Step, Table, Wire,
};

const REQUANTS: [Requant; 5] = [Requant::Identity, Requant::Relu, Requant::Shift, Requant::ReluShift, Requant::Sign];

struct Source {
    rng: StdRng,
    bounds: Vec<Interval>,
}

impl Source {
    /// A wire whose interval lies in `[lo, hi]`; the last constant one if there is no other.
    fn wire(&mut self, lo: i64, hi: i64) -> Wire {
        let range = Interval { lo, hi };
        let fitting: Vec<usize> = (0..self.bounds.len()).filter(|w| range.contains(self.bounds[*w])).collect();
        fitting[self.rng.gen_range(0..fitting.len())] as Wire
    }

    fn any(&mut self) -> Wire {
        self.wire(i64::MIN, i64::MAX)
    }

    fn wires(&mut self, count: usize) -> Vec<Wire> {
        (0..count).map(|_| self.any()).collect()
    }

    fn requant(&mut self) -> Requant {
        REQUANTS[self.rng.gen_range(0..REQUANTS.len())]
    }

    fn weights(&mut self, count: usize) -> Vec<i64> {
        let reach = 1 << self.rng.gen_range(0..14);
        (0..count).map(|_| self.rng.gen_range(-reach..=reach)).collect()
    }

    fn lane(&mut self, weights: usize, products: usize) -> Lane {
        let bias = if self.rng.gen_bool(0.5) { self.rng.gen_range(-1000..1000) } else { 0 };
        Lane { bias, weights: self.weights(weights), products: self.weights(products), requant: self.requant() }
    }

    fn linear(&mut self) -> Step {
        let (operands, products) = (self.rng.gen_range(0..5), self.rng.gen_range(0..4));
        let operands = self.wires(operands);
        let products: Vec<(Wire, Wire)> = (0..products).map(|_| (self.any(), self.any())).collect();
        let count = self.rng.gen_range(1..=6);
        let mut lanes: Vec<Lane> = (0..count).map(|_| self.lane(operands.len(), products.len())).collect();
        if self.rng.gen_bool(0.5) && products.len() > 1 {
            lanes.iter_mut().for_each(|lane| lane.products[1] = lane.products[0]);
        }
        Step::Linear(Linear { operands, products, lanes })
    }

    fn block(&mut self) -> Step {
        let (width, vectors, lanes) = (self.rng.gen_range(1..5), self.rng.gen_range(1..4), self.rng.gen_range(1..9));
        let mut operands = self.wires(width * vectors);
        for wire in &mut operands {
            if self.rng.gen_bool(0.2) {
                *wire = NO_WIRE;
            }
        }
        Step::Block(Block { width, operands, lanes: (0..lanes).map(|_| self.lane(width, 0)).collect() })
    }

    fn matmul(&mut self) -> Step {
        let (inner, m, n) = (self.rng.gen_range(1..5), self.rng.gen_range(1..3), self.rng.gen_range(1..3));
        let bias = self.lane(0, 0).bias;
        let (a, b) = (self.wires(inner * m), self.wires(inner * n));
        Step::MatMul(MatMul { inner, a, b, bias, requant: self.requant() })
    }

    fn step(&mut self) -> Step {
        match self.rng.gen_range(0..6) {
            0 => self.linear(),
            1 => Step::Function(Function { table: 0, input: self.wire(-1000, 1000), requant: self.requant() }),
            2 => Step::Divide(Divide { numerator: self.any(), denominator: self.wire(1, i64::MAX) }),
            3 => Step::Sqrt(Sqrt { input: self.wire(0, i64::MAX) }),
            4 => self.block(),
            _ => self.matmul(),
        }
    }
}

/// A program of one source, whose bounds hold.
pub fn program(seed: u64) -> Program {
    let mut source = Source { rng: StdRng::seed_from_u64(seed), bounds: Vec::new() };
    let inputs = source.rng.gen_range(1..6);
    source.bounds = vec![Interval::RAW; inputs];
    let tables = vec![Table { name: "t".into(), first: -1, entries: vec![(-3, 5), (7, -2)] }];
    let one = Lane { bias: 1, ..Lane::default() };
    let mut steps = vec![Step::Linear(Linear { lanes: vec![one.clone(), one], ..Linear::default() })];
    // Small copies of the inputs, so that most steps have room.
    for input in 0..inputs as Wire {
        let cut = |operand, bias| {
            Step::Linear(Linear {
                operands: vec![operand],
                lanes: vec![Lane { bias, weights: vec![-1], requant: Requant::Relu, ..Lane::default() }],
                ..Linear::default()
            })
        };
        steps.extend([cut(input, 900), cut((inputs + 2) as Wire + 2 * input, 900 + i64::from(input))]);
    }
    for step in &steps {
        let next = step_bounds(step, &tables, &source.bounds).unwrap();
        source.bounds.extend(next);
    }
    let flag = inputs as Wire;
    while steps.len() < 2 * inputs + 9 {
        let step = source.step();
        if let Ok(next) = step_bounds(&step, &tables, &source.bounds) {
            source.bounds.extend(next);
            steps.push(step);
        }
    }
    let count = source.rng.gen_range(1..5);
    let outputs = source.wires(count);
    Program { sources: vec![inputs], tables, steps, outputs, in_domain: flag, unsaturated: flag + 1 }
}

/// Raw inputs for it: small ones, edges of the encoding, anything.
pub fn inputs(seed: u64, count: usize) -> Vec<i64> {
    let mut rng = StdRng::seed_from_u64(seed);
    let edge = 1i64 << RAW_BITS;
    let value = |rng: &mut StdRng| match rng.gen_range(0..4) {
        0 => [-edge, edge - 1, 0, -1][rng.gen_range(0..4)],
        1 => rng.gen_range(-edge..edge),
        _ => rng.gen_range(-1000..1000),
    };
    (0..count).map(|_| value(&mut rng)).collect()
}
