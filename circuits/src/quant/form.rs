//! Linear forms over wires: real-valued expressions that cost nothing until they are materialised.
//!
//! Not here: integers and scales (see [`super::builder`]).

use super::bounds::Interval;
use super::program::Wire;

/// `offset + Σ coefficient · wire`, a real number. Terms are sorted by wire, without repeats and without zeros.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Form {
    terms: Vec<(Wire, f64)>,
    offset: f64,
}

impl Form {
    /// A number.
    pub fn constant(offset: f64) -> Self {
        Self { terms: Vec::new(), offset }
    }

    /// `coefficient · wire + offset`.
    pub fn wire(wire: Wire, coefficient: f64, offset: f64) -> Self {
        Self::from_sorted(vec![(wire, coefficient)], offset)
    }

    /// From terms that are sorted by wire without repeats; zero coefficients are dropped.
    pub fn from_sorted(mut terms: Vec<(Wire, f64)>, offset: f64) -> Self {
        terms.retain(|t| t.1 != 0.0);
        Self { terms, offset }
    }

    /// The terms, sorted by wire.
    pub fn terms(&self) -> &[(Wire, f64)] {
        &self.terms
    }

    /// The constant part.
    pub fn offset(&self) -> f64 {
        self.offset
    }

    /// The number that this is, if it has no terms.
    pub fn as_constant(&self) -> Option<f64> {
        self.terms.is_empty().then_some(self.offset)
    }

    /// `self · factor`
    #[must_use]
    pub fn scaled(&self, factor: f64) -> Self {
        Self::from_sorted(self.terms.iter().map(|&(w, c)| (w, c * factor)).collect(), self.offset * factor)
    }

    /// `self + constant`
    #[must_use]
    pub fn shifted(&self, constant: f64) -> Self {
        Self { terms: self.terms.clone(), offset: self.offset + constant }
    }

    /// `self + other`
    #[must_use]
    pub fn plus(&self, other: &Self) -> Self {
        let mut terms = Vec::with_capacity(self.terms.len() + other.terms.len());
        let (mut a, mut b) = (self.terms.iter().peekable(), other.terms.iter().peekable());
        loop {
            match (a.peek().copied(), b.peek().copied()) {
                (Some(x), Some(y)) if x.0 == y.0 => {
                    terms.push((x.0, x.1 + y.1));
                    a.next();
                    b.next();
                }
                (Some(x), Some(y)) if x.0 < y.0 => {
                    terms.push(*x);
                    a.next();
                }
                (_, Some(y)) => {
                    terms.push(*y);
                    b.next();
                }
                (Some(x), None) => {
                    terms.push(*x);
                    a.next();
                }
                (None, None) => break,
            }
        }
        Self::from_sorted(terms, self.offset + other.offset)
    }

    /// The real interval of the form, given the integer intervals of all wires.
    pub fn interval(&self, bounds: &[Interval]) -> (f64, f64) {
        let (mut lo, mut hi) = (self.offset, self.offset);
        for &(wire, coefficient) in &self.terms {
            let x = bounds[wire as usize];
            let (a, b) = (coefficient * x.lo as f64, coefficient * x.hi as f64);
            lo += a.min(b);
            hi += a.max(b);
        }
        (lo, hi)
    }

    /// The form's value when wire `w` is `value(w)`.
    pub fn at(&self, value: impl Fn(Wire) -> i64) -> f64 {
        self.terms.iter().fold(self.offset, |sum, &(w, c)| sum + c * value(w) as f64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sums_merge_terms_and_drop_zeros() {
        let a = Form::from_sorted(vec![(0, 1.0), (2, 2.0)], 1.0);
        let b = Form::from_sorted(vec![(1, 5.0), (2, -2.0)], 0.5);
        let sum = a.plus(&b);
        assert_eq!(sum.terms(), &[(0, 1.0), (1, 5.0)]);
        assert_eq!(sum.offset(), 1.5);
        assert_eq!(sum.scaled(0.0).as_constant(), Some(0.0));
    }

    #[test]
    fn interval_uses_signs() {
        let bounds = [Interval { lo: -1, hi: 3 }, Interval { lo: 0, hi: 10 }];
        let f = Form::from_sorted(vec![(0, 2.0), (1, -1.0)], 1.0);
        assert_eq!(f.interval(&bounds), (-11.0, 7.0));
        assert_eq!(f.at(|w| if w == 0 { 3 } else { 0 }), 7.0);
    }
}
