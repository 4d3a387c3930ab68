//! Arithmetic between forms that both depend on the inputs: products, quotients, roots, comparisons.
//!
//! A product of two wires of 20 bits fills a lane of 40 bits, so both factors are first brought to that width ([`Builder::factors`]); a sum of products
//! wants factors of one common unit ([`Builder::uniform`]). Quotients and roots are exact on integers ([`super::program::Divide`], [`super::program::Sqrt`]).

use std::collections::BTreeMap;

use super::QuantError;
use super::bounds::{Interval, Y_LIMIT};
use super::builder::{Builder, Dot, HALF, HEADROOM, integer, shifts};
use super::compile::Options;
use super::form::Form;
use super::program::{Divide, MatMul, Requant, SHIFT, Sqrt, Step, Wire, Y_BITS};
use super::rescale::{OF_GROUP, is_integer};

/// Largest magnitude of a factor, in units: two of them stay inside a lane.
pub(super) const FACTOR: f64 = 0.9995 * (1i64 << (Y_BITS / 2)) as f64;
/// Units that the smallest denominator should have: a relative precision of 2^-14.
const LEAST_DENOMINATOR: f64 = (1i64 << 14) as f64;
/// A denominator without a positive lower bound is given this many bits at most.
const DENOMINATOR_BITS: u32 = 28;

/// The bounds of a matrix product add up as many products as there are, so they may be this much further from what was seen than other bounds before the product stays
/// wide: it is read as one of many, and a clamp costs more than all the rest of it.
const MATRIX_SLACK: f64 = 8.0;

/// The entries of a matrix product below this keep all their bits.
const FEW_BITS: f64 = (1i64 << 30) as f64;
/// The usual quotient of a division has so many bits.
const QUOTIENT_BITS: f64 = 16.0;

/// A form as `unit · (wire + offset)`, with an integer offset.
#[derive(Clone, Copy, Debug)]
pub(super) struct Factor {
    pub wire: Wire,
    pub offset: i64,
    pub unit: f64,
}

impl Builder<'_> {
    /// `a_i · b_i` for each pair.
    ///
    /// # Errors
    /// As [`Self::compact`]; [`QuantError::Malformed`] when the lists differ in length.
    pub fn multiply(&mut self, a: &[Form], b: &[Form]) -> Result<Vec<Form>, QuantError> {
        let pairs: Vec<(&Form, &Form)> = same_length(a, b)?;
        let live = |f: &Form| f.as_constant().is_none();
        let both: Vec<(Form, Form)> =
            pairs.iter().filter(|(x, y)| live(x) && live(y)).map(|(x, y)| ((*x).clone(), (*y).clone())).collect();
        let (left, right): (Vec<Form>, Vec<Form>) = both.into_iter().unzip();
        let (left, right) = (self.factors(&left)?, self.factors(&right)?);
        let mut dots = Vec::with_capacity(left.len());
        let mut units = Vec::with_capacity(left.len());
        let seen = self.largest_product(&left, &right);
        for (x, y) in left.iter().zip(&right) {
            let bound = self.magnitude(*x) * self.magnitude(*y);
            // Bounds far beyond what was seen: the product stays wide until something narrows it, and is held at its limit before.
            let wide = self.loose(bound * x.unit * y.unit, seen);
            let whole =
                if wide { self.product_dot(*x, *y, 1, Requant::Identity).filter(|d| self.fits(d)) } else { None };
            let (dot, unit) = match whole {
                Some(dot) => (dot, x.unit * y.unit),
                None => self.product_of(*x, *y)?,
            };
            dots.push(dot);
            units.push(unit);
        }
        let wires = self.emit(&dots)?;
        let results: Vec<Form> = wires.into_iter().zip(units).map(|(w, unit)| Form::wire(w, unit, 0.0)).collect();
        self.limit(&results);
        let mut products = results.into_iter();
        let all = pairs.iter().map(|(x, y)| match (x.as_constant(), y.as_constant()) {
            (Some(c), _) => Some(y.scaled(c)),
            (None, Some(c)) => Some(x.scaled(c)),
            (None, None) => products.next(),
        });
        let whole: Option<Vec<Form>> = all.collect();
        whole.ok_or(QuantError::Malformed { what: "products", expected: a.len(), got: dots.len() })
    }

    /// Largest magnitude of any of the products over the calibration samples, if it is not 0.
    fn largest_product(&self, a: &[Factor], b: &[Factor]) -> Option<f64> {
        let one = |wires: &[i64], f: &Factor| f.unit * (wires[f.wire as usize] + f.offset) as f64;
        let all =
            self.samples_so_far().iter().flat_map(|w| a.iter().zip(b).map(|(x, y)| (one(w, x) * one(w, y)).abs()));
        all.reduce(f64::max).filter(|&s| s > 0.0)
    }

    /// The product of two factors as a lane, and the real value of one unit of its wire.
    fn product_of(&self, x: Factor, y: Factor) -> Result<(Dot, f64), QuantError> {
        let unit = x.unit * y.unit;
        // As many bits more as the lane has room for: the shift then keeps 20 of them.
        for extra in (0..=SHIFT).rev() {
            let weight = 1i64 << extra;
            let shifted = extra > 0 || self.wide_product(x, y);
            let requant = if shifted { Requant::Shift } else { Requant::Identity };
            let Some(dot) = self.product_dot(x, y, weight, requant) else { continue };
            if self.fits(&dot) {
                let one = if shifted { (1i64 << SHIFT) as f64 } else { 1.0 };
                return Ok((dot, unit * one / weight as f64));
            }
        }
        let bound = self.magnitude(x) * self.magnitude(y);
        Err(QuantError::Unbounded { node: self.node().into(), bound })
    }

    fn wide_product(&self, x: Factor, y: Factor) -> bool {
        self.magnitude(x) * self.magnitude(y) >= (1i64 << SHIFT) as f64
    }

    fn product_dot(&self, x: Factor, y: Factor, weight: i64, requant: Requant) -> Option<Dot> {
        let half = if requant == Requant::Shift { HALF } else { 0 };
        let mut terms: BTreeMap<Wire, i64> = BTreeMap::new();
        *terms.entry(x.wire).or_insert(0) += weight.checked_mul(y.offset)?;
        *terms.entry(y.wire).or_insert(0) += weight.checked_mul(x.offset)?;
        let terms = terms.into_iter().filter(|t| t.1 != 0).collect();
        let pair = (x.wire.min(y.wire), x.wire.max(y.wire), weight);
        let bias = integer(weight as f64 * x.offset as f64 * y.offset as f64, 4 * Y_LIMIT - HALF)? + half;
        Some(Dot { terms, products: vec![pair], bias, requant })
    }

    /// Largest magnitude of a factor, in units.
    fn magnitude(&self, x: Factor) -> f64 {
        let bounds = self.bounds[x.wire as usize];
        let (lo, hi) = (bounds.lo as f64 + x.offset as f64, bounds.hi as f64 + x.offset as f64);
        lo.abs().max(hi.abs())
    }

    /// Forms, none of them constant, as wires of at most 20 bits. Equal forms share a wire.
    pub(super) fn factors(&mut self, forms: &[Form]) -> Result<Vec<Factor>, QuantError> {
        let (distinct, index) = deduplicated(forms);
        let compacted = self.tightened(&distinct)?;
        let mut factors = Vec::with_capacity(compacted.len());
        let mut dots = Vec::new();
        for form in &compacted {
            let found = self.as_factor(form);
            if found.is_none() {
                let (lo, hi) = self.interval(form);
                let scale = HEADROOM * (1i64 << Y_BITS) as f64 / lo.abs().max(hi.abs()).max(1e-30);
                dots.push(self.fitted(form, scale, 0.98, Requant::Shift)?);
            }
            factors.push(found);
        }
        let (dots, scales): (Vec<Dot>, Vec<f64>) = dots.into_iter().unzip();
        let mut fresh = self.emit(&dots)?.into_iter().zip(scales);
        let filled = factors.into_iter().map(|f| {
            let next = || fresh.next().map(|(wire, s)| Factor { wire, offset: 0, unit: (1i64 << SHIFT) as f64 / s });
            f.or_else(next)
        });
        let whole: Option<Vec<Factor>> = filled.collect();
        let distinct = whole.ok_or(QuantError::Malformed { what: "factors", expected: forms.len(), got: 0 })?;
        Ok(index.into_iter().map(|i| distinct[i]).collect())
    }

    fn as_factor(&self, form: &Form) -> Option<Factor> {
        let &[(wire, unit)] = form.terms() else { return None };
        let factor = Factor { wire, offset: integer(form.offset() / unit, 1 << SHIFT)?, unit };
        // Half a unit of offset is lost at most; not where units are coarse.
        let exact = (form.offset() / unit - factor.offset as f64).abs() < 1e-6 || self.magnitude(factor) > 4096.0;
        // The product is multiplied out, so its bounds count wire and offset apart.
        let apart = self.bounds[wire as usize].magnitude() as f64 + factor.offset.abs() as f64;
        (exact && apart <= FACTOR).then_some(factor)
    }

    /// `a · b` of an `m × k` and a `k × n` matrix of forms, row-major. Every factor of one matrix has the same unit, so that sums of products are exact.
    ///
    /// # Errors
    /// As [`Self::compact`]; [`QuantError::Malformed`] for matrices of other sizes.
    pub fn matmul(&mut self, a: &[Form], b: &[Form], k: usize) -> Result<Vec<Form>, QuantError> {
        self.matmuls(a, b, k, (a.len(), b.len()), &[(0, 0)])
    }

    /// [`Self::matmul`] of matrices of `sizes` elements, which lie one after another in `a` and in `b`: for each pair, the product of these two. The factors of all matrices
    /// are made together, so that lanes of equal operands meet.
    ///
    /// # Errors
    /// As [`Self::matmul`].
    pub fn matmuls(
        &mut self,
        a: &[Form],
        b: &[Form],
        k: usize,
        sizes: (usize, usize),
        pairs: &[(usize, usize)],
    ) -> Result<Vec<Form>, QuantError> {
        let mismatch = |got| QuantError::Malformed { what: "elements of a matrix", expected: k, got };
        let whole = |all: usize, one: usize| one > 0 && all.is_multiple_of(one) && one.is_multiple_of(k.max(1));
        if k == 0 || !whole(a.len(), sizes.0) || !whole(b.len(), sizes.1) {
            return Err(mismatch(sizes.0.min(sizes.1)));
        }
        // Σ_k |a| |b| < 2^39, so that two results of one unit can be compared: the two share what is left after log2(k).
        let bits = (f64::from(Y_BITS - 1) - libm::log2(k as f64)) / 2.0;
        let limit = (HEADROOM * libm::exp2(bits)).min(FACTOR);
        let left = self.uniform(a, limit)?;
        let right = self.uniform(b, limit)?;
        let matrix = |all: &[Wire], at: usize, size: usize| all.get(at * size..(at + 1) * size).map(<[Wire]>::to_vec);
        let mut results = Vec::new();
        for &(i, j) in pairs {
            let own = matrix(&left.0, i, sizes.0).zip(matrix(&right.0, j, sizes.1));
            let (x, y) = own.ok_or_else(|| mismatch(i.max(j)))?;
            results.extend(self.wires_matmul(x, &y, k, left.1 * right.1)?);
        }
        Ok(results)
    }

    /// The product of two matrices of wires, `unit` the real value of one unit of the product.
    fn wires_matmul(&mut self, a: Vec<Wire>, b: &[Wire], k: usize, unit: f64) -> Result<Vec<Form>, QuantError> {
        let n = b.len() / k;
        let transposed: Vec<Wire> =
            (0..n).flat_map(|j| (0..k).map(move |i| (i, j))).map(|(i, j)| b[i * n + j]).collect();
        let first = self.bounds.len();
        let largest =
            |wires: &[Wire]| wires.iter().map(|&w| self.bounds[w as usize].magnitude()).max().unwrap_or(0) as f64;
        let reach = |row: &[Wire]| {
            let whole =
                self.norms.wholes(row.iter().copied()).into_iter().find(|(_, places)| places.len() == row.len());
            let ones = whole.map(|(whole, _)| whole.real_reach(row.iter().map(|_| 1.0)));
            ones.unwrap_or(f64::INFINITY).min(k as f64 * largest(row))
        };
        let bound = a.chunks(k).map(reach).fold(0.0f64, f64::max) * largest(&transposed);
        // Wider margins than usual, as without calibration, want the bits themselves.
        let slack = if self.options.margin > Options::default().margin { 1.0 } else { MATRIX_SLACK };
        let seen = self.largest_entry(&a, &transposed, k) * slack;
        let wide = self.samples() > 0 && self.loose(bound, Some(seen));
        // A factor of few bits, as comparisons are, leaves no bits to shift away.
        let wide = wide || bound < FEW_BITS;
        let requant = if wide { Requant::Identity } else { Requant::Shift };
        self.push(Step::MatMul(MatMul { inner: k, a, b: transposed, bias: 0, requant }))?;
        let unit = unit * if wide { 1.0 } else { (1i64 << SHIFT) as f64 };
        // A floor is half a unit low on average.
        let start = if wide { 0.0 } else { 0.5 * unit };
        let results: Vec<Form> = (first..self.bounds.len()).map(|w| Form::wire(w as Wire, unit, start)).collect();
        if wide {
            self.limit(&results);
        }
        Ok(results)
    }

    /// Largest magnitude over the calibration samples of any entry of `a · b`, where `b` is transposed, in units; at least one.
    fn largest_entry(&self, a: &[Wire], b: &[Wire], k: usize) -> f64 {
        let mut largest = 1.0f64;
        for wires in self.samples_so_far() {
            let values = |list: &[Wire]| list.iter().map(|&w| wires[w as usize] as f64).collect::<Vec<f64>>();
            let (a, b) = (values(a), values(b));
            for row in a.chunks(k) {
                for column in b.chunks(k) {
                    let entry: f64 = row.iter().zip(column).map(|(x, y)| x * y).sum();
                    largest = largest.max(entry.abs());
                }
            }
        }
        largest
    }

    /// Forms as wires of one common unit without offsets, of magnitude `limit` at most. Returns the wires and the unit.
    pub(super) fn uniform(&mut self, forms: &[Form], limit: f64) -> Result<(Vec<Wire>, f64), QuantError> {
        let (distinct, _) = deduplicated(forms);
        let distinct = self.narrowed(&distinct)?;
        if distinct.iter().any(|f| self.saturates(f)) {
            let narrow = self.narrowed(forms)?;
            let held = self.tightened(&narrow)?;
            return self.uniform_as_is(&held, limit);
        }
        self.uniform_as_is(forms, limit)
    }

    /// [`Self::uniform`], with all the range that the bounds allow.
    pub(super) fn uniform_as_is(&mut self, forms: &[Form], limit: f64) -> Result<(Vec<Wire>, f64), QuantError> {
        let (distinct, index) = deduplicated(forms);
        let plain = self.narrowed(&distinct)?;
        if let Some((ready, unit)) = self.common_unit(&plain, limit) {
            return Ok((index.into_iter().map(|i| ready[i]).collect(), unit));
        }
        let plain = self.narrowed(&plain)?;
        let (dots, unit) = self.level(&plain, limit * (1i64 << SHIFT) as f64, Requant::Shift)?;
        let wires = self.emit(&dots)?;
        Ok((index.into_iter().map(|i| wires[i]).collect(), unit))
    }

    /// The wires of forms that are wires of one common unit already.
    fn common_unit(&self, forms: &[Form], limit: f64) -> Option<(Vec<Wire>, f64)> {
        let bare = |f: &Form| match f.terms() {
            &[(wire, unit)] if f.offset() == 0.0 && self.bounds[wire as usize].magnitude() as f64 <= limit => {
                Some((wire, unit))
            }
            _ => None,
        };
        let ready: Vec<(Wire, f64)> = forms.iter().map(bare).collect::<Option<_>>()?;
        let unit = ready.first()?.1;
        ready.iter().all(|r| r.1 == unit).then(|| (ready.into_iter().map(|r| r.0).collect(), unit))
    }

    /// Whether the bounds are so far beyond what calibration saw that a scale made for them would waste bits.
    pub(super) fn saturates(&self, form: &Form) -> bool {
        let (lo, hi) = self.interval(form);
        let seen = self.calibrated(form).filter(|&c| c > 0.0 && form.as_constant().is_none());
        seen.is_some_and(|seen| lo.abs().max(hi.abs()) > seen * self.options.saturate_above)
    }

    /// Dot products of one common scale, of magnitude `most` at most before any shift, and the real value of one unit of their results.
    pub(super) fn level(&self, forms: &[Form], most: f64, requant: Requant) -> Result<(Vec<Dot>, f64), QuantError> {
        let bound = forms.iter().map(|f| self.interval(f)).fold(0.0f64, |m, (lo, hi)| m.max(lo.abs()).max(hi.abs()));
        let ratio = common_ratio(forms);
        let mut scale = most / bound.max(1e-30);
        for attempt in 0..300 {
            // Whole weights lose nothing.
            let snapped = ratio.map(|r| (scale * r).floor() / r).filter(|s| *s > 0.99 * scale).unwrap_or(scale);
            let dot = |f: &Form| self.dot(f, snapped, requant).filter(|d| self.fits(d));
            if let Some(dots) = forms.iter().map(dot).collect::<Option<Vec<_>>>() {
                return Ok((dots, if shifts(requant) { (1i64 << SHIFT) as f64 / snapped } else { 1.0 / snapped }));
            }
            scale *= if attempt < 150 { 0.995 } else { 0.7 };
        }
        Err(QuantError::Unbounded { node: self.node().into(), bound })
    }

    /// Forms of at most one term each, as [`Self::compact`]; those of each group of `group` neighbours that has a form of more terms get one common unit, so
    /// that comparisons between them are exact.
    ///
    /// # Errors
    /// As [`Self::compact`].
    pub fn aligned(&mut self, forms: &[Form], group: usize) -> Result<Vec<Form>, QuantError> {
        if forms.iter().all(|f| f.terms().len() <= 1) || forms.iter().any(|f| self.saturates(f)) {
            return self.compact(forms);
        }
        let mut forms = self.narrowed(forms)?;
        let (mut dots, mut plans) = (Vec::new(), Vec::new());
        for (g, chunk) in forms.chunks(group.max(1)).enumerate() {
            if chunk.iter().any(|f| f.terms().len() > 1) {
                let (own, unit) = self.level(chunk, HEADROOM * (1i64 << Y_BITS) as f64, Requant::Shift)?;
                plans.extend((0..own.len()).map(|i| (g * group.max(1) + i, unit)));
                dots.extend(own);
            }
        }
        for (wire, (at, unit)) in self.emit(&dots)?.into_iter().zip(plans) {
            forms[at] = Form::wire(wire, unit, 0.0);
        }
        Ok(forms)
    }

    /// Compacted forms whose bounds are not far beyond what calibration saw: others saturate, with their flag.
    ///
    /// # Errors
    /// As [`Self::compact`].
    pub fn tightened(&mut self, forms: &[Form]) -> Result<Vec<Form>, QuantError> {
        let forms = self.compact(forms)?;
        let forms = self.narrowed(&forms)?;
        let mut clamps = Vec::new();
        let mut at = Vec::new();
        let group = self.largest_seen(&forms).unwrap_or(0.0);
        for (i, form) in forms.iter().enumerate() {
            let (lo, hi) = self.interval(form);
            let (Some(own), &[(wire, unit)]) = (self.calibrated(form), form.terms()) else { continue };
            let (bound, seen) = (lo.abs().max(hi.abs()), own.max(group * OF_GROUP));
            if !(own > 0.0 && bound > seen * self.options.saturate_above) {
                continue;
            }
            let limit = seen * self.options.margin;
            let ends = [(-limit - form.offset()) / unit, (limit - form.offset()) / unit];
            let range = Interval {
                lo: ends[0].min(ends[1]).floor().max(-(Y_LIMIT as f64)) as i64,
                hi: ends[0].max(ends[1]).ceil().min(Y_LIMIT as f64 - 1.0) as i64,
            };
            // A few units of a coarse wire are no range worth a clamp, and the clamp measures from its own end.
            let bounds = self.bounds[wire as usize];
            let measurable = bounds.hi - range.lo < Y_LIMIT && range.hi - bounds.lo < Y_LIMIT;
            if measurable && range.hi - range.lo >= 1024 {
                clamps.push((wire, range));
                at.push((i, unit, form.offset()));
            }
        }
        let (clamped, deviations) = self.clamp_exact(&clamps, true)?;
        self.saturated.extend(deviations);
        let mut forms = forms;
        for ((i, unit, offset), clamped) in at.into_iter().zip(clamped) {
            forms[i] = clamped.scaled(unit).shifted(offset);
        }
        Ok(forms)
    }

    /// `a_i / b_i` for each pair. A denominator that the bounds do not keep away from 0 is held at one unit (and, where calibration has seen it, at an eighth
    /// of the smallest magnitude seen) with the sign that it has.
    ///
    /// # Errors
    /// As [`Self::compact`]; [`QuantError::Malformed`] when the lists differ in length.
    pub fn divide(&mut self, a: &[Form], b: &[Form]) -> Result<Vec<Form>, QuantError> {
        let pairs = same_length(a, b)?;
        if pairs.iter().any(|(_, y)| y.as_constant() == Some(0.0)) {
            return Err(QuantError::Unbounded { node: self.node().into(), bound: f64::INFINITY });
        }
        let live = |(_, y): &&(&Form, &Form)| y.as_constant().is_none();
        let (top, bottom): (Vec<Form>, Vec<Form>) =
            pairs.iter().filter(live).map(|(x, y)| ((*x).clone(), (*y).clone())).unzip();
        let mut quotients = self.live_quotients(&top, &bottom)?.into_iter();
        let all = pairs.iter().map(|(x, y)| match y.as_constant() {
            Some(divisor) => Some(x.scaled(1.0 / divisor)),
            None => quotients.next(),
        });
        let whole: Option<Vec<Form>> = all.collect();
        whole.ok_or(QuantError::Malformed { what: "quotients", expected: a.len(), got: top.len() })
    }

    fn live_quotients(&mut self, a: &[Form], b: &[Form]) -> Result<Vec<Form>, QuantError> {
        let (distinct, index) = deduplicated(b);
        if 2 * distinct.len() <= a.len() || a.iter().all(|f| f.as_constant().is_some()) {
            let inverse = self.reciprocal(&distinct)?;
            let inverse: Vec<Form> = index.into_iter().map(|i| inverse[i].clone()).collect();
            return self.multiply(a, &inverse);
        }
        let (a, b) = self.positive_denominators(a, b)?;
        self.quotients(&a, &b)
    }

    /// `1 / x_i`; see [`Self::divide`].
    ///
    /// # Errors
    /// As [`Self::divide`].
    pub fn reciprocal(&mut self, x: &[Form]) -> Result<Vec<Form>, QuantError> {
        let ones = vec![Form::constant(1.0); x.len()];
        let (a, b) = self.positive_denominators(&ones, x)?;
        self.quotients(&a, &b)
    }

    /// The same quotients with denominators that are not negative.
    fn positive_denominators(&mut self, a: &[Form], b: &[Form]) -> Result<(Vec<Form>, Vec<Form>), QuantError> {
        let (mut numerators, mut denominators) = (Vec::with_capacity(a.len()), Vec::with_capacity(a.len()));
        let mut mixed = Vec::new();
        for (i, (x, y)) in a.iter().zip(b).enumerate() {
            let (lo, hi) = self.interval(y);
            if hi <= 0.0 {
                numerators.push(x.scaled(-1.0));
                denominators.push(y.scaled(-1.0));
            } else {
                if lo < 0.0 {
                    mixed.push(i);
                }
                numerators.push(x.clone());
                denominators.push(y.clone());
            }
        }
        if !mixed.is_empty() {
            // a / b = s a / |b| with s = ±1.
            let signed: Vec<Form> = mixed.iter().map(|&i| denominators[i].clone()).collect();
            let signs: Vec<Form> = self.sign(&signed)?.iter().map(|s| s.scaled(2.0).shifted(-1.0)).collect();
            let tops: Vec<Form> = mixed.iter().map(|&i| numerators[i].clone()).collect();
            let (tops, sizes) = (self.multiply(&tops, &signs)?, self.absolute(&signed)?);
            // Interval arithmetic does not know that a magnitude is not negative; a Relu does.
            let sizes = self.relu(&sizes)?;
            for ((i, top), size) in mixed.into_iter().zip(tops).zip(sizes) {
                numerators[i] = top;
                denominators[i] = size;
            }
        }
        Ok((numerators, denominators))
    }

    fn quotients(&mut self, a: &[Form], b: &[Form]) -> Result<Vec<Form>, QuantError> {
        let bottoms = self.denominators(b)?;
        // Units per 1.0 of all quotients: a power of two, so that no later scale rounds. No more than the samples' usual quotients are worth.
        let wanted =
            self.usual_quotient(a, b).map_or(f64::INFINITY, |usual| QUOTIENT_BITS - libm::floor(libm::log2(usual)));
        let mut tops = Vec::with_capacity(a.len());
        for (form, &(_, below)) in a.iter().zip(&bottoms) {
            let (lo, hi) = self.interval(form);
            let room = HEADROOM * (1i64 << Y_BITS) as f64 / lo.abs().max(hi.abs()).max(1e-30);
            let mut bits = libm::floor(libm::log2(room / below)).min(wanted);
            let dot = loop {
                let dot = self.dot(form, below * libm::exp2(bits), Requant::Identity);
                match dot.filter(|d| self.fits(d)) {
                    Some(dot) => break dot,
                    None if bits < -200.0 => {
                        let bound = lo.abs().max(hi.abs());
                        return Err(QuantError::Unbounded { node: self.node().into(), bound });
                    }
                    None => bits -= 1.0,
                }
            };
            tops.push((dot, libm::exp2(bits)));
        }
        let (dots, scales): (Vec<Dot>, Vec<f64>) = tops.into_iter().unzip();
        let numerators = self.emit(&dots)?;
        let mut results = Vec::with_capacity(a.len());
        for ((numerator, (denominator, _)), scale) in numerators.into_iter().zip(bottoms).zip(scales) {
            let wire = self.bounds.len() as Wire;
            self.push(Step::Divide(Divide { numerator, denominator }))?;
            // A floor is half a unit low on average.
            results.push(Form::wire(wire, 1.0 / scale, 0.5 / scale));
        }
        self.limit(&results);
        Ok(results)
    }

    /// The median magnitude of the quotients over the calibration samples, where there is one.
    fn usual_quotient(&self, a: &[Form], b: &[Form]) -> Option<f64> {
        let mut all = Vec::new();
        for wires in self.samples_so_far() {
            let value = |form: &Form| form.at(|w| wires[w as usize]).abs();
            all.extend(a.iter().zip(b).map(|(x, y)| value(x) / value(y)).filter(|q| q.is_finite() && *q > 0.0));
        }
        all.sort_unstable_by(f64::total_cmp);
        all.get(all.len() / 2).copied()
    }

    /// Positive wires for forms that are not negative, with their units per 1.0. Equal forms share a wire.
    fn denominators(&mut self, forms: &[Form]) -> Result<Vec<(Wire, f64)>, QuantError> {
        let (distinct, index) = deduplicated(forms);
        let narrowed = if distinct.iter().any(|f| f.terms().len() > 1) { self.compact(&distinct)? } else { distinct };
        let mut dots = Vec::with_capacity(narrowed.len());
        let mut floors = Vec::with_capacity(narrowed.len());
        for form in &narrowed {
            let (lo, hi) = self.interval(form);
            let seen = self.calibrated_least(form).map(|least| least / self.options.margin);
            let floor = if lo > 0.0 { lo } else { 0.0 }.max(seen.unwrap_or(0.0));
            let most = HEADROOM * (1i64 << Y_BITS) as f64 / hi.max(1e-30);
            let scale = if floor > 0.0 {
                // The further the floor lies below what was seen, the fewer units it needs there.
                let spare = (8.0 / self.options.margin).min(1.0);
                most.min((LEAST_DENOMINATOR * spare * spare).max(FACTOR * floor / hi) / floor)
            } else {
                HEADROOM * (1i64 << DENOMINATOR_BITS) as f64 / hi.max(1e-30)
            };
            let (dot, scale) = self.denominator(form, scale)?;
            dots.push(dot);
            // A bound that the form itself keeps needs no clamp, and its rounding no flag.
            let held = if floor > lo { (floor * scale).floor() as i64 } else { 1 };
            floors.push((scale, held.max(1)));
        }
        let wires = self.emit(&dots)?;
        let mut clamps = Vec::new();
        for (&wire, &(_, floor)) in wires.iter().zip(&floors) {
            clamps.push((wire, Interval { lo: floor, hi: self.bounds[wire as usize].hi.max(floor) }));
        }
        let (held, deviations) = self.clamp_exact(&clamps, true)?;
        self.saturated.extend(deviations);
        let exact: Vec<Dot> = held
            .iter()
            .map(|f| self.dot(f, 1.0, Requant::Identity).filter(|d| self.fits(d)))
            .collect::<Option<_>>()
            .ok_or(QuantError::Malformed { what: "denominators", expected: held.len(), got: 0 })?;
        let mut results = Vec::with_capacity(held.len());
        for ((form, dot), (scale, _)) in held.iter().zip(exact).zip(floors) {
            let wire = match form.terms() {
                &[(wire, 1.0)] if form.offset() == 0.0 => wire,
                _ => self.single(&dot)?,
            };
            results.push((wire, scale));
        }
        Ok(index.into_iter().map(|i| results[i]).collect())
    }

    /// A dot product for a form of one term, of about `scale` units per 1.0, and its exact scale: the weight is whole, so that rounding it costs nothing.
    fn denominator(&self, form: &Form, scale: f64) -> Result<(Dot, f64), QuantError> {
        let weight = form.terms().iter().map(|t| t.1.abs()).fold(0.0, f64::max) * scale;
        let (requant, one) =
            if weight < 0.5 { (Requant::Shift, (1i64 << SHIFT) as f64) } else { (Requant::Identity, 1.0) };
        let mut whole = (weight * one).round().max(1.0);
        while weight > 0.0 && whole >= 1.0 {
            let exact = scale * whole / weight;
            if let Some(dot) = self.dot(form, exact, requant).filter(|d| self.fits(d)) {
                return Ok((dot, exact / one));
            }
            whole = (whole * 0.98).floor();
        }
        self.fitted(form, scale, 0.98, Requant::Identity)
    }

    /// `sqrt(max(x, 0))` for each form.
    ///
    /// # Errors
    /// As [`Self::compact`].
    pub fn sqrt(&mut self, x: &[Form]) -> Result<Vec<Form>, QuantError> {
        let forms = self.tightened(x)?;
        let mut dots = Vec::new();
        let mut scales = Vec::new();
        for form in forms.iter().filter(|f| f.as_constant().is_none()) {
            let (dot, scale) = self.fitted(form, self.lane_scale(form)?, 0.98, Requant::Relu)?;
            dots.push(dot);
            scales.push(scale);
        }
        let mut wires = self.emit(&dots)?.into_iter().zip(scales);
        let mut results = Vec::with_capacity(forms.len());
        for form in &forms {
            if let Some(value) = form.as_constant() {
                results.push(Form::constant(value.max(0.0).sqrt()));
            } else if let Some((input, scale)) = wires.next() {
                let wire = self.bounds.len() as Wire;
                self.push(Step::Sqrt(Sqrt { input }))?;
                // A floor is half a unit low on average, but the root of 0 is 0.
                results.push(Form::wire(wire, 1.0 / scale.sqrt(), 0.0));
            }
        }
        Ok(results)
    }

    /// `max(a_i, b_i)` for each pair: one lane each.
    ///
    /// # Errors
    /// As [`Self::compact`]; [`QuantError::Malformed`] when the lists differ in length.
    pub fn maximum(&mut self, a: &[Form], b: &[Form]) -> Result<Vec<Form>, QuantError> {
        let pairs = same_length(a, b)?;
        let differences: Vec<Form> = pairs.iter().map(|(x, y)| x.plus(&y.scaled(-1.0))).collect();
        let above = self.relu(&differences)?;
        Ok(above.iter().zip(b).map(|(d, y)| d.plus(y)).collect())
    }

    /// `min(a_i, b_i)` for each pair: one lane each.
    ///
    /// # Errors
    /// As [`Self::maximum`].
    pub fn minimum(&mut self, a: &[Form], b: &[Form]) -> Result<Vec<Form>, QuantError> {
        let pairs = same_length(a, b)?;
        let differences: Vec<Form> = pairs.iter().map(|(x, y)| x.plus(&y.scaled(-1.0))).collect();
        let above = self.relu(&differences)?;
        Ok(above.iter().zip(a).map(|(d, x)| x.plus(&d.scaled(-1.0))).collect())
    }

    /// `|x_i|`: one lane each.
    ///
    /// # Errors
    /// As [`Self::compact`].
    pub fn absolute(&mut self, x: &[Form]) -> Result<Vec<Form>, QuantError> {
        let positive = self.relu(x)?;
        Ok(positive.iter().zip(x).map(|(p, f)| p.scaled(2.0).plus(&f.scaled(-1.0))).collect())
    }

    /// 1 if `x_i >= 0`, else 0, as exact integers. Values closer to 0 than the lane's resolution (`2^-40` of the form's range) count as 0.
    ///
    /// # Errors
    /// As [`Self::compact`].
    pub fn sign(&mut self, x: &[Form]) -> Result<Vec<Form>, QuantError> {
        let mut dots = Vec::new();
        let mut plans = Vec::with_capacity(x.len());
        for form in x {
            let (lo, hi) = self.interval(form);
            if lo >= 0.0 || hi < 0.0 {
                plans.push(Some(Form::constant(if lo >= 0.0 { 1.0 } else { 0.0 })));
                continue;
            }
            // Integers are compared as such as far as a lane goes: a tie stays one.
            let exact = self.exact_within(form, false, Y_LIMIT - 1).map(|(dot, _)| dot);
            let mut dot = match exact {
                Some(dot) => dot,
                None => self.fitted(form, self.lane_scale(form)?, 0.98, Requant::Identity)?.0,
            };
            dot.requant = Requant::Sign;
            dots.push(dot);
            plans.push(None);
        }
        let mut wires = self.emit(&dots)?.into_iter();
        let all = plans.into_iter().map(|p| p.or_else(|| wires.next().map(|w| Form::wire(w, 1.0, 0.0))));
        let whole: Option<Vec<Form>> = all.collect();
        whole.ok_or(QuantError::Malformed { what: "signs", expected: x.len(), got: 0 })
    }

    /// 1 if `x_i > 0`, else 0.
    ///
    /// # Errors
    /// As [`Self::sign`].
    pub fn positive(&mut self, x: &[Form]) -> Result<Vec<Form>, QuantError> {
        let negated: Vec<Form> = x.iter().map(|f| f.scaled(-1.0)).collect();
        Ok(self.sign(&negated)?.iter().map(|s| s.scaled(-1.0).shifted(1.0)).collect())
    }

    /// 1 if `a_i = b_i`, else 0: two comparisons.
    ///
    /// # Errors
    /// As [`Self::sign`].
    pub fn equal(&mut self, a: &[Form], b: &[Form]) -> Result<Vec<Form>, QuantError> {
        let pairs = same_length(a, b)?;
        let up: Vec<Form> = pairs.iter().map(|(x, y)| x.plus(&y.scaled(-1.0))).collect();
        let down: Vec<Form> = up.iter().map(|f| f.scaled(-1.0)).collect();
        let (up, down) = (self.sign(&up)?, self.sign(&down)?);
        Ok(up.iter().zip(&down).map(|(u, d)| u.plus(d).shifted(-1.0)).collect())
    }

    /// `floor(x_i)` as exact integers, for `|x_i| < 2^19`: one lane, two where coefficients are no multiples of `2^-20`. Larger forms saturate where calibration
    /// allows it.
    ///
    /// # Errors
    /// [`QuantError::Unbounded`] for larger forms.
    pub fn floor(&mut self, x: &[Form]) -> Result<Vec<Form>, QuantError> {
        let one = (1i64 << SHIFT) as f64;
        let small = |builder: &Self, f: &Form| {
            let (lo, hi) = builder.interval(f);
            lo.abs().max(hi.abs()) < one * HEADROOM
        };
        let mut forms = x.to_vec();
        if !forms.iter().all(|f| small(self, f)) {
            forms = self.tightened(&forms)?;
        }
        let fine = |f: &Form| f.terms().iter().all(|t| is_integer(t.1 * one));
        let rough: Vec<usize> = (0..forms.len()).filter(|&i| !fine(&forms[i])).collect();
        let narrowed = self.narrowed(&rough.iter().map(|&i| forms[i].clone()).collect::<Vec<Form>>())?;
        for (&i, form) in rough.iter().zip(narrowed) {
            forms[i] = form;
        }
        let mut first = Vec::new();
        let mut plans = Vec::with_capacity(forms.len());
        for form in &forms {
            let (lo, hi) = self.interval(form);
            if let Some(value) = form.as_constant() {
                plans.push(Err(Form::constant(value.floor())));
                continue;
            }
            let (dot, scale) = if fine(form) {
                (self.dot(form, one, Requant::Identity).filter(|d| self.fits(d)), one)
            } else {
                let scale = libm::exp2(libm::floor(libm::log2(self.lane_scale(form)?)).min(f64::from(2 * SHIFT)));
                let (dot, scale) = self.fitted(form, scale, 0.5, Requant::Identity)?;
                (Some(dot), scale)
            };
            let unbounded = QuantError::Unbounded { node: self.node().into(), bound: lo.abs().max(hi.abs()) };
            let dot = dot.filter(|_| scale >= one).ok_or(unbounded)?;
            first.push(Dot { requant: Requant::Shift, ..dot });
            plans.push(Ok(scale / one));
        }
        let first = self.emit(&first)?;
        // What is left of the scale goes in a second shift: a floor of a floor.
        let left: Vec<f64> = plans.iter().filter_map(|p| p.as_ref().ok().copied()).collect();
        let mut second = Vec::new();
        for (&wire, &left) in first.iter().zip(&left).filter(|(_, l)| **l > 1.0) {
            second.push(Dot { terms: vec![(wire, (one / left) as i64)], requant: Requant::Shift, ..Dot::default() });
        }
        let mut second = self.emit(&second)?.into_iter();
        let mut wires = first.iter().zip(&left).map(|(&w, &l)| if l > 1.0 { second.next() } else { Some(w) });
        let all = plans.into_iter().map(|p| match p {
            Err(constant) => Some(constant),
            Ok(_) => wires.next().flatten().map(|w| Form::wire(w, 1.0, 0.0)),
        });
        let whole: Option<Vec<Form>> = all.collect();
        whole.ok_or(QuantError::Malformed { what: "floors", expected: x.len(), got: 0 })
    }
}

fn same_length<'a>(a: &'a [Form], b: &'a [Form]) -> Result<Vec<(&'a Form, &'a Form)>, QuantError> {
    if a.len() == b.len() {
        Ok(a.iter().zip(b).collect())
    } else {
        Err(QuantError::Malformed { what: "operands", expected: a.len(), got: b.len() })
    }
}

/// The smallest coefficient, if all coefficients are whole multiples of it.
fn common_ratio(forms: &[Form]) -> Option<f64> {
    let all = || forms.iter().flat_map(|f| f.terms().iter().map(|t| t.1));
    let least = all().map(f64::abs).reduce(f64::min)?;
    all().all(|c| is_integer(c / least)).then_some(least)
}

/// The distinct forms, and for each form which of them it is.
pub(super) fn deduplicated(forms: &[Form]) -> (Vec<Form>, Vec<usize>) {
    type Key = (Vec<(Wire, u64)>, u64);
    let mut known: BTreeMap<Key, usize> = BTreeMap::new();
    let mut distinct = Vec::new();
    let index = forms
        .iter()
        .map(|form| {
            let key = (form.terms().iter().map(|&(w, c)| (w, c.to_bits())).collect(), form.offset().to_bits());
            *known.entry(key).or_insert_with(|| {
                distinct.push(form.clone());
                distinct.len() - 1
            })
        })
        .collect();
    (distinct, index)
}
