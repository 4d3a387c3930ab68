//! What a Softmax needs besides its table: distances below the largest of a row, and shares of a sum.
//!
//! Both are exact on integers and rest on what no interval says. Distances are taken between wires of one unit, however wide, and held where they stop to matter, so wide wires need no
//! clamp of their own. No part is larger than its sum, so a part's product with the sum's reciprocal is at most the numerator (`norms.rs`), and needs none either.

use std::collections::BTreeMap;

use super::QuantError;
use super::bounds::{Interval, Y_LIMIT};
use super::builder::{Builder, Dot, HALF, HEADROOM};
use super::form::Form;
use super::program::{Divide, Requant, SHIFT, Step, Wire, Y_BITS};

/// Units of 1.0 where 20 bits are to be had: its shift still fits the lane.
const ONE: f64 = ((1i64 << SHIFT) - 1) as f64;
/// Units that the least reciprocal of a sum should have.
const LEAST_INVERSE: f64 = (1i64 << 14) as f64;

/// `sign · wire + offset`, in units of its row.
#[derive(Clone, Copy, Debug)]
struct Node {
    wire: Wire,
    sign: i64,
    offset: i64,
}

impl Node {
    fn interval(self, bounds: &[Interval]) -> Interval {
        let own = bounds.get(self.wire as usize).copied().unwrap_or(Interval { lo: 0, hi: 0 });
        let (a, b) = (self.sign * own.lo + self.offset, self.sign * own.hi + self.offset);
        Interval { lo: a.min(b), hi: a.max(b) }
    }
}

/// `relu(bias + Σ factor · node)`.
fn lane(nodes: &[(Node, i64)], bias: i64) -> Dot {
    // Two values of a row may be one wire.
    let mut terms: BTreeMap<Wire, i64> = BTreeMap::new();
    let mut bias = bias;
    for (node, factor) in nodes {
        *terms.entry(node.wire).or_insert(0) += node.sign * factor;
        bias += node.offset * factor;
    }
    let terms = terms.into_iter().filter(|t| t.1 != 0).collect();
    Dot { terms, bias, requant: Requant::Relu, ..Dot::default() }
}

impl Builder<'_> {
    /// `x_i − max x` for each row, held at `−span`: two lanes a comparison of the tree, two an element. `None` unless the wires of each row have one unit and leave the lane room for
    /// their differences.
    ///
    /// # Errors
    /// As [`Self::compact`].
    pub fn below_largest(&mut self, rows: &[Vec<Form>], span: f64) -> Result<Option<Vec<Vec<Form>>>, QuantError> {
        let Some((nodes, units)) = self.unit_rows(rows) else { return Ok(None) };
        let mut tree = nodes.clone();
        while tree.iter().any(|row| row.len() > 1) {
            let pairs: Vec<(Node, Node)> =
                tree.iter().flat_map(|row| row.chunks_exact(2).map(|pair| (pair[0], pair[1]))).collect();
            let above: Vec<Dot> = pairs.iter().map(|&(a, b)| lane(&[(a, 1), (b, -1)], 0)).collect();
            let above = self.emit(&above)?;
            let mut limits = Vec::with_capacity(pairs.len());
            let mut rests = Vec::with_capacity(pairs.len());
            for (&(a, b), wire) in pairs.iter().zip(above) {
                // The maximum of two is no larger than both can be, which its form does not say.
                let most = a.interval(&self.bounds).hi.max(b.interval(&self.bounds).hi);
                rests.push(lane(&[(b, -1), (Node { wire, sign: 1, offset: 0 }, -1)], most));
                limits.push(most);
            }
            let rests = self.emit(&rests)?;
            let mut found = rests.into_iter().zip(limits).map(|(wire, offset)| Node { wire, sign: -1, offset });
            for row in &mut tree {
                let count = row.len() / 2;
                let odd = if row.len() % 2 == 1 { row.pop() } else { None };
                *row = found.by_ref().take(count).chain(odd).collect();
            }
        }
        let mut first = Vec::new();
        for (row, top) in nodes.iter().zip(&tree) {
            let Some(&top) = top.first() else { continue };
            first.extend(row.iter().map(|&x| lane(&[(top, 1), (x, -1)], 0)));
        }
        let below = self.emit(&first)?;
        // Held: what is left of the span.
        let ends: Vec<i64> = nodes
            .iter()
            .zip(&units)
            .flat_map(|(row, unit)| vec![(span / unit).ceil().min((Y_LIMIT - 1) as f64) as i64; row.len()])
            .collect();
        let beyond = |(&wire, &end): (&Wire, &i64)| self.bounds[wire as usize].hi > end;
        let acts: Vec<bool> = below.iter().zip(&ends).map(beyond).collect();
        let node = |wire: Wire| Node { wire, sign: 1, offset: 0 };
        let held: Vec<Dot> = below
            .iter()
            .zip(&ends)
            .zip(&acts)
            .filter(|(_, acts)| **acts)
            .map(|((&wire, &end), _)| lane(&[(node(wire), -1)], end))
            .collect();
        let mut held = self.emit(&held)?.into_iter();
        let mut forms = below.iter().zip(ends).zip(acts).map(|((&wire, end), acts)| match acts {
            true => held.next().map(|left| (left, 1.0, -(end as f64))),
            false => Some((wire, -1.0, 0.0)),
        });
        let mut results = Vec::with_capacity(nodes.len());
        for (row, unit) in nodes.iter().zip(&units) {
            let own = forms.by_ref().take(row.len());
            let own: Option<Vec<Form>> =
                own.map(|f| f.map(|(w, sign, at)| Form::wire(w, sign * unit, at * unit))).collect();
            results.push(own.ok_or(QuantError::Malformed { what: "distances", expected: row.len(), got: 0 })?);
        }
        Ok(Some(results))
    }

    /// Rows of wires of one unit each, and the units. An offset that a row has in common is left out.
    fn unit_rows(&self, rows: &[Vec<Form>]) -> Option<(Vec<Vec<Node>>, Vec<f64>)> {
        let (mut nodes, mut units) = (Vec::with_capacity(rows.len()), Vec::with_capacity(rows.len()));
        for row in rows {
            let first = row.first()?;
            let &[(_, unit)] = first.terms() else { return None };
            let own = |form: &Form| match form.terms() {
                &[(wire, c)] if c == unit && form.offset() == first.offset() => Some(Node { wire, sign: 1, offset: 0 }),
                _ => None,
            };
            let own: Vec<Node> = row.iter().map(own).collect::<Option<_>>()?;
            let ends = own.iter().map(|n| n.interval(&self.bounds));
            let (lo, hi) = ends.fold((i64::MAX, i64::MIN), |r, i| (r.0.min(i.lo), r.1.max(i.hi)));
            if unit <= 0.0 || hi - lo >= Y_LIMIT {
                return None;
            }
            nodes.push(own);
            units.push(unit);
        }
        Some((nodes, units))
    }

    /// `x_i / Σ x` for each row of values that are not negative: a lane and a quotient a row, a product an element. `None` unless all are wires of one unit; a sum that may be 0 counts one unit more.
    ///
    /// # Errors
    /// As [`Self::compact`].
    pub fn parts_of_sums(&mut self, rows: &[Vec<Form>]) -> Result<Option<Vec<Vec<Form>>>, QuantError> {
        let Some((nodes, _)) = self.unit_rows(rows) else { return Ok(None) };
        let whole = rows.iter().flatten().all(|f| f.offset() == 0.0);
        let least = nodes.iter().flatten().map(|n| n.interval(&self.bounds).lo).min();
        let longest = nodes.iter().map(Vec::len).max().unwrap_or(0);
        if !whole || least.is_none_or(|lo| lo < 0) {
            return Ok(None);
        }
        let mut sums = Vec::with_capacity(nodes.len());
        for row in &nodes {
            let mut terms: BTreeMap<Wire, i64> = BTreeMap::new();
            row.iter().for_each(|n| *terms.entry(n.wire).or_insert(0) += 1);
            let mut dot = Dot { terms: terms.into_iter().collect(), ..Dot::default() };
            dot.bias = i64::from(self.dot_interval(&dot)?.0 < 1);
            if !self.fits(&dot) {
                return Ok(None);
            }
            sums.push(dot);
        }
        // As many bits as a factor of a matrix product of such rows may have (see `Self::matmuls`), unless the reciprocal had too few then.
        let bits = (f64::from(Y_BITS - 1) - libm::log2(longest.max(1) as f64)) / 2.0;
        let most = sums.iter().map(|dot| self.dot_interval(dot).map(|i| i.1)).collect::<Result<Vec<_>, _>>()?;
        let most = most.into_iter().max().unwrap_or(1) as f64;
        let one = libm::floor(HEADROOM * HEADROOM * libm::exp2(bits));
        let fine = one * (1i64 << SHIFT) as f64 >= most * LEAST_INVERSE;
        let one = if fine { one.min(ONE) } else { ONE } as i64;
        let sums = self.emit(&sums)?;
        let numerator = self.single(&Dot { bias: one << SHIFT, ..Dot::default() })?;
        let mut dots = Vec::new();
        for (row, denominator) in nodes.iter().zip(sums) {
            let inverse = self.bounds.len() as Wire;
            self.push(Step::Divide(Divide { numerator, denominator }))?;
            dots.extend(row.iter().map(|n| Dot {
                products: vec![(n.wire.min(inverse), n.wire.max(inverse), 1)],
                bias: HALF,
                requant: Requant::Shift,
                ..Dot::default()
            }));
        }
        let mut wires = self.emit(&dots)?.into_iter();
        let unit = 1.0 / one as f64;
        Ok(Some(
            nodes
                .iter()
                .map(|row| wires.by_ref().take(row.len()).map(|w| Form::wire(w, unit, 0.0)).collect())
                .collect(),
        ))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::quant::builder::Finished;
    use crate::quant::program::Program;
    use crate::quant::{Calibration, Options};

    /// Distances below the largest of three inputs in whole units, held at 1000, and shares of three inputs that are not negative.
    fn program(wide: bool) -> Program {
        let options = Options::default();
        let samples = vec![vec![5, -7, 900, 3, 8, 1], vec![0; 6]];
        let mut builder = Builder::new(vec![6], Some(&Calibration { samples }), &options).unwrap();
        let end = if wide { (1i64 << 38) as f64 } else { 2000.0 };
        let domains: Vec<(f64, f64)> = (0..6).map(|i| if i < 3 { (-end, end) } else { (0.0, 4095.0) }).collect();
        let x = builder.inputs(&domains, &[1.0; 6]).unwrap();
        let x: Vec<Form> = builder
            .emit(&x.iter().map(|f| builder.dot(f, 1.0, Requant::Identity).unwrap()).collect::<Vec<_>>())
            .unwrap()
            .into_iter()
            .map(|w| Form::wire(w, 1.0, 0.0))
            .collect();
        let below = builder.below_largest(&[x[..3].to_vec()], 1000.0).unwrap().unwrap();
        let parts = builder.parts_of_sums(&[x[3..].to_vec()]).unwrap().unwrap();
        let outputs: Vec<Form> = below.concat().into_iter().chain(parts.concat()).collect();
        let scales = [1.0, 1.0, 1.0, 65536.0, 65536.0, 65536.0];
        let Finished { program, .. } = builder.finish(&outputs, &scales).unwrap();
        crate::quant::bounds::check(&program).unwrap();
        program
    }

    fn agrees(program: &Program, raw: &[i64]) {
        let run = program.evaluate(raw).unwrap();
        let top = raw[..3].iter().max().unwrap();
        for (got, x) in run.outputs.iter().zip(&raw[..3]) {
            assert_eq!(*got, (x - top).max(-1000), "{raw:?}");
        }
        // A sum that may be 0 counts one unit more.
        let sum = raw[3..].iter().sum::<i64>() as f64 + 1.0;
        for (got, x) in run.outputs[3..].iter().zip(&raw[3..]) {
            assert!((*got as f64 - *x as f64 / sum * 65536.0).abs() <= 8.0, "{raw:?}: {got}");
        }
        assert!(run.in_domain && run.unsaturated);
    }

    #[test]
    fn edges_are_exact() {
        for wide in [false, true] {
            let program = program(wide);
            let end = if wide { 1i64 << 38 } else { 2000 };
            for raw in
                [[-end, end, 0, 0, 0, 0], [end, end, end, 4095, 0, 0], [-end; 6], [0, 1000, 1001, 4095, 4095, 4095]]
            {
                let held: Vec<i64> = raw.iter().enumerate().map(|(i, &v)| if i < 3 { v } else { v.max(0) }).collect();
                agrees(&program, &held);
            }
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn all_inputs_agree(
            x in prop::array::uniform3(-(1i64 << 38)..1 << 38),
            near in prop::array::uniform3(-1500i64..1500),
            y in prop::array::uniform3(0i64..4096),
        ) {
            agrees(&program(true), &[x.as_slice(), &y].concat());
            agrees(&program(false), &[near.as_slice(), &y].concat());
        }
    }

    #[test]
    fn equal_elements_of_a_row_may_be_one_wire() {
        let options = Options::default();
        let mut builder = Builder::new(vec![2], None, &options).unwrap();
        let x = builder.inputs(&[(0.0, 900.0), (0.0, 900.0)], &[1.0, 1.0]).unwrap();
        let dots: Vec<Dot> = x.iter().map(|f| builder.dot(f, 1.0, Requant::Identity).unwrap()).collect();
        let wires = builder.emit(&dots).unwrap();
        let row: Vec<Form> = [0, 0, 1].iter().map(|&i| Form::wire(wires[i], 1.0, 0.0)).collect();
        let below = builder.below_largest(std::slice::from_ref(&row), 5000.0).unwrap().unwrap().concat();
        let parts = builder.parts_of_sums(&[row]).unwrap().unwrap().concat();
        let outputs = [below, parts].concat();
        let Finished { program, .. } = builder.finish(&outputs, &[1.0, 1.0, 1.0, 100.0, 100.0, 100.0]).unwrap();
        let of = |raw: [i64; 2]| program.evaluate(&raw).unwrap().outputs;
        assert_eq!(of([7, 400]), [-393, -393, 0, 2, 2, 96]);
        assert_eq!(of([300, 300]), [0, 0, 0, 33, 33, 33]);
        assert_eq!(of([0, 0]), [0; 6]);
    }

    #[test]
    fn rows_of_several_units_are_left_to_others() {
        let options = Options::default();
        let mut builder = Builder::new(vec![2], None, &options).unwrap();
        let x = builder.inputs(&[(-9.0, 9.0), (-9.0, 9.0)], &[1.0, 1.0]).unwrap();
        let mixed = vec![x[0].clone(), x[1].scaled(0.5)];
        assert_eq!(builder.below_largest(std::slice::from_ref(&mixed), 12.0).unwrap(), None);
        assert_eq!(builder.parts_of_sums(&[mixed]).unwrap(), None);
        // Of one unit, but of either sign.
        assert_eq!(builder.parts_of_sums(&[x]).unwrap(), None);
    }
}
