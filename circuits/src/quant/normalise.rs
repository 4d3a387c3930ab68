//! Rows divided by their root mean square, or their norm: what every normalisation comes down to.
//!
//! The squares of a row are summed in one lane, of wires of one common unit, so the sum is exact on them: `V = Σ z² + ε`. Then `D = 2 · floor(sqrt(V)) + 1`, which is
//! never 0 whatever the input, and one quotient an element of a numerator of 40 bits. No element is larger than its norm, which interval arithmetic cannot know: the quotient is held
//! at that bound, and since that can only act on roundings it raises no flag. About 12 rows an element.

use std::collections::BTreeMap;

use super::QuantError;
use super::arith::FACTOR;
use super::bounds::Interval;
use super::builder::{Builder, Dot, HEADROOM, integer};
use super::form::Form;
use super::program::{Divide, Requant, SHIFT, Sqrt, Step, Wire, Y_BITS};

/// Where the quotients of one row are: their wires, and the real value of one unit.
struct Quotients {
    wires: Vec<Wire>,
    unit: f64,
    /// The largest magnitude that an element can have.
    most: i64,
}

impl Builder<'_> {
    /// `x_i / sqrt(Σ x² / count + epsilon)` for each row; 0 where the root is 0.
    ///
    /// # Errors
    /// As [`Self::compact`].
    pub fn normalise(&mut self, rows: &[Vec<Form>], count: f64, epsilon: f64) -> Result<Vec<Vec<Form>>, QuantError> {
        let mut results = Vec::with_capacity(rows.len());
        for row in rows {
            let constants: Option<Vec<f64>> = row.iter().map(Form::as_constant).collect();
            results.push(match constants {
                Some(x) => constant_row(&x, count, epsilon),
                None => {
                    let quotients = self.row_quotients(row, count, epsilon)?;
                    self.bounded_by_norm(quotients)?
                }
            });
        }
        Ok(results)
    }

    /// The mean of a row as one wire; in a unit that is the row's own times a power of two, where the row has one unit: then differences are exact.
    ///
    /// # Errors
    /// As [`Self::compact`].
    pub fn mean(&mut self, row: &[Form]) -> Result<Form, QuantError> {
        let sum = row.iter().fold(Form::default(), |sum, f| sum.plus(f));
        let mean = sum.scaled(1.0 / row.len().max(1) as f64);
        let units = || row.iter().filter_map(|f| f.terms().first().map(|t| t.1.abs()));
        let common = units().next().filter(|u| units().all(|v| v == *u) && row.iter().all(|f| f.terms().len() <= 1));
        let Some(mut unit) = common else {
            return Ok(self.compact(&[mean])?.pop().unwrap_or_default());
        };
        let (lo, hi) = self.interval(&mean);
        let one = (1i64 << SHIFT) as f64;
        while lo.abs().max(hi.abs()) > 0.999 * one * unit {
            unit *= 2.0;
        }
        match self.dot(&mean, one / unit, Requant::Shift).filter(|d| self.fits(d)) {
            Some(dot) => Ok(Form::wire(self.single(&dot)?, unit, 0.0)),
            None => Ok(self.compact(&[mean])?.pop().unwrap_or_default()),
        }
    }

    fn row_quotients(&mut self, row: &[Form], count: f64, epsilon: f64) -> Result<Quotients, QuantError> {
        let row = if row.iter().any(|f| self.saturates(f)) { self.tightened(row)? } else { row.to_vec() };
        let row = self.narrowed(&row)?;
        let (sum, unit) = self.sum_of_squares(&row, count * epsilon)?;
        let root = self.bounds.len() as Wire;
        self.push(Step::Sqrt(Sqrt { input: sum }))?;
        let twice = Dot { terms: vec![(root, 2)], bias: 1, ..Dot::default() };
        let denominator = self.single(&twice)?;
        // 20 bits for an element as large as its norm, where the numerators have room for that.
        let bound = row.iter().map(|f| self.interval(f)).fold(0.0f64, |m, (lo, hi)| m.max(lo.abs()).max(hi.abs()));
        let wanted = (1i64 << (SHIFT + 1)) as f64 / unit * bound;
        let (dots, step) = self.level(&row, wanted.min(HEADROOM * (1i64 << Y_BITS) as f64), Requant::Identity)?;
        let numerators = self.emit(&dots)?;
        let mut wires = Vec::with_capacity(row.len());
        for numerator in numerators {
            wires.push(self.bounds.len() as Wire);
            self.push(Step::Divide(Divide { numerator, denominator }))?;
        }
        // q = (x / step) / (2 · norm / unit), where norm² = Σ x² + count · epsilon.
        let unit_of_norm = 2.0 * step / unit;
        Ok(Quotients { wires, unit: unit_of_norm * count.sqrt(), most: (1.0 / unit_of_norm).ceil() as i64 + 2 })
    }

    /// A wire of `(Σ x² + offset) / unit²`, and the unit.
    fn sum_of_squares(&mut self, row: &[Form], offset: f64) -> Result<(Wire, f64), QuantError> {
        let bits = (f64::from(Y_BITS) - libm::log2(row.len() as f64)) / 2.0;
        let mut limit = (0.999 * libm::exp2(bits)).min(FACTOR);
        // The offset takes its part of the lane.
        let bound = row.iter().map(|f| self.interval(f)).fold(0.0f64, |m, (lo, hi)| m.max(lo.abs()).max(hi.abs()));
        let share = offset / (bound * bound * row.len() as f64).max(1e-30);
        limit /= (1.0 + share).sqrt();
        let (wires, unit) = self.uniform(row, limit.max(1.0))?;
        let mut weights: BTreeMap<Wire, i64> = BTreeMap::new();
        for wire in wires {
            *weights.entry(wire).or_insert(0) += 1;
        }
        let products = weights.into_iter().map(|(w, n)| (w, w, n)).collect();
        let bias = integer(offset / (unit * unit), 1 << Y_BITS);
        let bias = bias.ok_or(QuantError::Unbounded { node: self.node().into(), bound: offset })?;
        Ok((self.single(&Dot { products, bias, ..Dot::default() })?, unit))
    }

    /// The quotients, held at the bound that no element can pass.
    fn bounded_by_norm(&mut self, quotients: Quotients) -> Result<Vec<Form>, QuantError> {
        let range = Interval { lo: -quotients.most, hi: quotients.most };
        let clamps: Vec<(Wire, Interval)> = quotients.wires.iter().map(|&w| (w, range)).collect();
        let (held, _) = self.clamp_exact(&clamps, false)?;
        // A floor is half a unit low on average.
        Ok(held.iter().map(|f| f.shifted(0.5).scaled(quotients.unit)).collect())
    }
}

fn constant_row(x: &[f64], count: f64, epsilon: f64) -> Vec<Form> {
    let root = (x.iter().map(|v| v * v).sum::<f64>() / count + epsilon).sqrt();
    x.iter().map(|v| Form::constant(if root > 0.0 { v / root } else { 0.0 })).collect()
}
