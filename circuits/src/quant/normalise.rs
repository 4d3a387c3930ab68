//! Rows divided by their root mean square, or their norm: what every normalisation comes down to.
//!
//! The squares of a row are summed in one lane, of wires of one common unit, so the sum is exact on them: `V = Σ z² + ε`. Then `E = 2 · floor(sqrt(V)) + 1`, which is
//! never 0 whatever the input, one quotient a row, `r = floor(K / E)`, and one product an element, `2 z r`. No element is larger than its norm, so `|2 z r| <= K`: the bounds
//! read that off the steps (`norms.rs`), and the product needs no clamp. About 4 rows an element.

use std::collections::BTreeMap;

use super::QuantError;
use super::arith::FACTOR;
use super::builder::{Builder, Dot, HALF, integer};
use super::form::Form;
use super::program::{Divide, Requant, SHIFT, Sqrt, Step, Wire, Y_BITS};

/// A row may be so many times further from its bounds than other values before it saturates: its norm needs no more bits than its largest value.
const SPARE: f64 = 8.0;
/// The numerator of the reciprocals: as large as the lane of a product holds.
const ONE: i64 = (1 << Y_BITS) - (1 << SHIFT);

/// One row: its values as wires of one unit, and the sum of their squares.
struct Squares {
    wires: Vec<Wire>,
    sum: Wire,
}

impl Builder<'_> {
    /// `x_i / sqrt(Σ x² / count + epsilon)` for each row; 0 where the root is 0.
    ///
    /// # Errors
    /// As [`Self::compact`].
    pub fn normalise(&mut self, rows: &[Vec<Form>], count: f64, epsilon: f64) -> Result<Vec<Vec<Form>>, QuantError> {
        let mut results = Vec::with_capacity(rows.len());
        let (mut live, mut at) = (Vec::new(), Vec::new());
        for row in rows {
            let constants: Option<Vec<f64>> = row.iter().map(Form::as_constant).collect();
            if constants.is_none() {
                live.push(self.sum_of_squares(row, count * epsilon)?);
                at.push(results.len());
            }
            results.push(constants.map(|x| constant_row(&x, count, epsilon)).unwrap_or_default());
        }
        for (row, values) in at.into_iter().zip(self.over_norms(&live)?) {
            // 1.0 is an element as large as its norm.
            let unit = (1i64 << SHIFT) as f64 / ONE as f64 * count.sqrt();
            results[row] = values.into_iter().map(|w| Form::wire(w, unit, 0.0)).collect();
        }
        Ok(results)
    }

    /// `floor(2 z r / 2^20 + 1/2)` for each element.
    fn over_norms(&mut self, rows: &[Squares]) -> Result<Vec<Vec<Wire>>, QuantError> {
        if rows.is_empty() {
            return Ok(Vec::new());
        }
        let mut norms = Vec::with_capacity(rows.len());
        for row in rows {
            let root = self.bounds.len() as Wire;
            self.push(Step::Sqrt(Sqrt { input: row.sum }))?;
            norms.push(Dot { terms: vec![(root, 2)], bias: 1, ..Dot::default() });
        }
        let norms = self.emit(&norms)?;
        let numerator = self.single(&Dot { bias: ONE, ..Dot::default() })?;
        let mut dots = Vec::new();
        for (row, denominator) in rows.iter().zip(norms) {
            let inverse = self.bounds.len() as Wire;
            self.push(Step::Divide(Divide { numerator, denominator }))?;
            dots.extend(row.wires.iter().map(|&z| Dot {
                products: vec![(z, inverse, 2)],
                bias: HALF,
                requant: Requant::Shift,
                ..Dot::default()
            }));
        }
        let mut wires = self.emit(&dots)?.into_iter();
        Ok(rows.iter().map(|row| wires.by_ref().take(row.wires.len()).collect()).collect())
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
        let Some(mut unit) = common else { return self.plain_mean(mean) };
        let (lo, hi) = self.interval(&mean);
        let one = (1i64 << SHIFT) as f64;
        while lo.abs().max(hi.abs()) > 0.999 * one * unit {
            unit *= 2.0;
        }
        match self.dot(&mean, one / unit, Requant::Shift).filter(|d| self.fits(d)) {
            Some(dot) => Ok(Form::wire(self.single(&dot)?, unit, 0.0)),
            None => self.plain_mean(mean),
        }
    }

    /// A mean as one wire that never saturates: what it is small against are the values about it.
    fn plain_mean(&mut self, mean: Form) -> Result<Form, QuantError> {
        let mean = self.narrowed(&[mean])?.pop().unwrap_or_default();
        if mean.terms().len() <= 1 {
            return Ok(mean);
        }
        let (dot, scale) = self.fitted(&mean, self.lane_scale(&mean)?, 0.98, Requant::Shift)?;
        Ok(Form::wire(self.single(&dot)?, (1i64 << SHIFT) as f64 / scale, 0.0))
    }

    /// Wires of one unit, and a wire of `(Σ x² + offset) / unit²`.
    fn sum_of_squares(&mut self, row: &[Form], offset: f64) -> Result<Squares, QuantError> {
        let bound = row.iter().map(|f| self.interval(f)).fold(0.0f64, |m, (lo, hi)| m.max(-lo).max(hi));
        let far = self.largest_seen(row).is_some_and(|seen| bound > seen * SPARE * self.options.saturate_above);
        let row = if far { self.tightened(row)? } else { row.to_vec() };
        let row = self.narrowed(&row)?;
        let bits = (f64::from(Y_BITS) - libm::log2(row.len() as f64)) / 2.0;
        let mut limit = (0.999 * libm::exp2(bits)).min(FACTOR);
        // The offset takes its part of the lane.
        let bound = row.iter().map(|f| self.interval(f)).fold(0.0f64, |m, (lo, hi)| m.max(lo.abs()).max(hi.abs()));
        let share = offset / (bound * bound * row.len() as f64).max(1e-30);
        limit /= (1.0 + share).sqrt();
        let (wires, unit) = self.uniform_as_is(&row, limit.max(1.0))?;
        let mut weights: BTreeMap<Wire, i64> = BTreeMap::new();
        for &wire in &wires {
            *weights.entry(wire).or_insert(0) += 1;
        }
        let products = weights.into_iter().map(|(w, n)| (w, w, n)).collect();
        let bias = integer(offset / (unit * unit), 1 << Y_BITS);
        let bias = bias.ok_or(QuantError::Unbounded { node: self.node().into(), bound: offset })?;
        let sum = self.single(&Dot { products, bias, ..Dot::default() })?;
        Ok(Squares { wires, sum })
    }
}

fn constant_row(x: &[f64], count: f64, epsilon: f64) -> Vec<Form> {
    let root = (x.iter().map(|v| v * v).sum::<f64>() / count + epsilon).sqrt();
    x.iter().map(|v| Form::constant(if root > 0.0 { v / root } else { 0.0 })).collect()
}
