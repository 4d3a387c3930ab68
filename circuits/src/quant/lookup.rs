//! Constants picked by an integer that depends on the inputs.

use super::QuantError;
use super::bounds::Interval;
use super::builder::Builder;
use super::form::Form;
use super::program::{Function, LIMB_BITS, Requant, SHIFT, Step, Table, Wire};
use super::rescale::is_integer;

/// Results of at most this many bits come out of a shift; larger integers come out whole.
const RESULT_BITS: u32 = 20;

impl Builder<'_> {
    /// `table[index]` for each index and each table (outer list: one an index). All tables have one length `n`; indices are exact integers, held in `[0, n)` with a flag. One lane an index,
    /// and one function read for each of its tables.
    ///
    /// # Errors
    /// As [`Self::compact`]; [`QuantError::Malformed`] for tables that are empty or differ in length.
    pub fn lookup(&mut self, index: &[Form], tables: &[Vec<f64>]) -> Result<Vec<Vec<Form>>, QuantError> {
        let size = tables.first().map_or(0, Vec::len);
        if let Some(other) = tables.iter().find(|t| t.len() != size || t.is_empty()) {
            return Err(QuantError::Malformed { what: "entries of a table", expected: size.max(1), got: other.len() });
        }
        if tables.is_empty() {
            return Ok(vec![Vec::new(); index.len()]);
        }
        let arguments = self.indices(index, size)?;
        let mut columns = Vec::with_capacity(tables.len());
        for table in tables {
            columns.push(if arguments.iter().any(|a| a.is_ok()) {
                self.picked(table)?
            } else {
                (0, Requant::Shift, 1.0)
            });
        }
        let mut results = Vec::with_capacity(index.len());
        for argument in arguments {
            let mut row = Vec::with_capacity(tables.len());
            for (values, &(table, requant, unit)) in tables.iter().zip(&columns) {
                row.push(match argument {
                    Err(known) => Form::constant(values[known]),
                    Ok(input) => {
                        let wire = self.bounds.len() as Wire;
                        self.push(Step::Function(Function { table, input, requant }))?;
                        Form::wire(wire, unit, 0.0)
                    }
                });
            }
            results.push(row);
        }
        Ok(results)
    }

    /// For each index a wire of `2^10` times its value, or the index itself where it is known.
    fn indices(&mut self, index: &[Form], size: usize) -> Result<Vec<Result<Wire, usize>>, QuantError> {
        let last = size as i64 - 1;
        let (distinct, at) = super::arith::deduplicated(index);
        let whole = |f: &Form| is_integer(f.offset()) && f.terms().iter().all(|t| is_integer(t.1));
        let rough: Vec<Form> = distinct.iter().filter(|f| !whole(f)).map(|f| f.shifted(0.5)).collect();
        let mut rounded = self.floor(&rough)?.into_iter();
        let exact = distinct.iter().map(|f| if whole(f) { Some(f.clone()) } else { rounded.next() });
        let exact: Option<Vec<Form>> = exact.collect();
        let exact = exact.ok_or(QuantError::Malformed { what: "indices", expected: distinct.len(), got: 0 })?;
        // What may be outside is held inside.
        let mut clamps = Vec::new();
        for form in &exact {
            let (lo, hi) = self.interval(form);
            if form.as_constant().is_none() && (lo < 0.0 || hi > last as f64) {
                let unbounded = QuantError::Unbounded { node: self.node().into(), bound: lo.abs().max(hi.abs()) };
                let dot = self.dot(form, 1.0, Requant::Identity).filter(|d| self.fits(d)).ok_or(unbounded)?;
                clamps.push((self.single(&dot)?, Interval { lo: 0, hi: last }));
            }
        }
        let (held, deviations) = self.clamp_exact(&clamps, true)?;
        self.saturated.extend(deviations);
        let mut held = held.into_iter();
        let mut dots = Vec::new();
        let mut plans = Vec::with_capacity(exact.len());
        for form in &exact {
            let (lo, hi) = self.interval(form);
            if let Some(value) = form.as_constant() {
                plans.push(Some((value.round() as i64).clamp(0, last) as usize));
                continue;
            }
            let inside = if lo < 0.0 || hi > last as f64 { held.next() } else { Some(form.clone()) };
            let dot = inside.and_then(|f| self.dot(&f, (1i64 << LIMB_BITS) as f64, Requant::Identity));
            let wrong = QuantError::Unbounded { node: self.node().into(), bound: lo.abs().max(hi.abs()) };
            dots.push(dot.filter(|d| self.fits(d)).ok_or(wrong)?);
            plans.push(None);
        }
        let mut wires = self.emit(&dots)?.into_iter();
        let all = plans.into_iter().map(|p| p.map(Err).or_else(|| wires.next().map(Ok)));
        let whole: Option<Vec<Result<Wire, usize>>> = all.collect();
        let whole = whole.ok_or(QuantError::Malformed { what: "indices", expected: distinct.len(), got: 0 })?;
        Ok(at.into_iter().map(|i| whole[i]).collect())
    }

    /// The table of these values: its index, how to read it, and the value of one unit of the result. Integers stay exact.
    fn picked(&mut self, values: &[f64]) -> Result<(usize, Requant, f64), QuantError> {
        let size = values.iter().fold(0.0f64, |m, v| m.max(v.abs()));
        let integers = values.iter().all(|v| v.fract() == 0.0);
        let shifted = (1i64 << RESULT_BITS) as f64 - 1.0;
        let (requant, scale) = if integers && size <= shifted {
            (Requant::Shift, 1.0)
        } else if integers && size < (1i64 << 30) as f64 {
            (Requant::Identity, 1.0)
        } else {
            (Requant::Shift, shifted / size.max(1e-30))
        };
        if !size.is_finite() {
            return Err(QuantError::Unbounded { node: self.node().into(), bound: size });
        }
        let spread = if requant == Requant::Shift { 1i64 << (SHIFT - LIMB_BITS) } else { 1 };
        let entries: Vec<(i64, i64)> = values.iter().map(|v| ((v * scale).round() as i64 * spread, 0)).collect();
        let unit = if requant == Requant::Shift { 1.0 / scale } else { 1.0 / (1i64 << LIMB_BITS) as f64 };
        let known = self.tables.iter().position(|t| t.first == 0 && t.entries == entries);
        let table = known.unwrap_or_else(|| {
            self.tables.push(Table { name: format!("lookup {}", self.tables.len()), first: 0, entries });
            self.tables.len() - 1
        });
        Ok((table, requant, unit))
    }
}
