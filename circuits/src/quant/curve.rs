//! Functions of one variable as tables: piecewise linear, over an argument counted down from the table's upper end.
//!
//! The argument is clamped to `[-T, T]` with `v = relu((hi - lo) - relu(x - lo))`, in `[0, 2·T·scale)`, and the table holds `f(T - v / scale)`. Beyond `±T`
//! the function is flat to less than `2^-16`, so this clamp is no saturation. All arithmetic is `f64` and `libm`, so tables are
//! the same on every machine.

use super::QuantError;
use super::builder::{Builder, Dot, HALF};
use super::form::Form;
use super::program::{Function, LIMB_BITS, Requant, SHIFT, Step, Table, Wire, Y_BITS};
use super::report::LayerReport;

/// Bits of a function's result: `|f| <= 1` becomes `|z| <= 2^19`.
const RESULT_BITS: u32 = 19;

/// A function that can be tabulated: bounded by 1 in absolute value, flat outside `[-reach, reach]`.
#[derive(Clone, Copy, Debug)]
pub struct Curve {
    /// Name of the table.
    pub name: &'static str,
    /// The function; deterministic (`libm`).
    pub f: fn(f64) -> f64,
    /// Where it is flat, an integer.
    pub reach: i64,
    /// Argument units per 1.0, as a power of two.
    pub argument_bits: u32,
}

/// The logistic function: 768 intervals of 1/32 over `[-12, 12]`; error below `2^-16`.
pub const SIGMOID: Curve = Curve { name: "sigmoid", f: |x| 1.0 / (1.0 + libm::exp(-x)), reach: 12, argument_bits: 15 };

/// The hyperbolic tangent: 768 intervals of 1/64 over `[-6, 6]`; error below `2^-15`.
pub const TANH: Curve = Curve { name: "tanh", f: libm::tanh, reach: 6, argument_bits: 16 };

impl Curve {
    /// Number of argument units: `2 · reach · 2^argument_bits`.
    fn span(&self) -> i64 {
        (2 * self.reach) << self.argument_bits
    }

    /// The curve's table.
    pub fn table(&self) -> Table {
        let entries = self.span() >> LIMB_BITS;
        let width = (1i64 << LIMB_BITS) as f64 / (1i64 << self.argument_bits) as f64;
        let at = |i: f64| (self.f)(self.reach as f64 - i * width);
        let one = (1i64 << (RESULT_BITS + SHIFT - LIMB_BITS)) as f64;
        let entries = (0..entries)
            .map(|i| {
                let i = i as f64;
                let (from, to, middle) = (at(i), at(i + 1.0), at(i + 0.5));
                // Half the chord's error at the middle: the error becomes two-sided.
                let lift = (middle - (from + to) / 2.0) / 2.0;
                let base = ((from + lift) * one).round() as i64 + (HALF >> LIMB_BITS);
                (base, ((to - from) * one).round() as i64)
            })
            .collect();
        Table { name: self.name.into(), first: 0, entries }
    }

    /// Largest error of the table against the function over all reals, with the flat ends, sampled at 8 points an interval.
    pub fn table_error(&self) -> f64 {
        let one = (1i64 << (RESULT_BITS + SHIFT)) as f64;
        let mut worst: f64 = 0.0;
        for (i, (base, slope)) in self.table().entries.into_iter().enumerate() {
            for part in 0..8i64 {
                let lo = part << (LIMB_BITS - 3);
                let v = ((i as i64) << LIMB_BITS) + lo;
                let x = self.reach as f64 - v as f64 / (1i64 << self.argument_bits) as f64;
                let y = ((base << LIMB_BITS) + slope * lo - HALF) as f64 / one;
                worst = worst.max((y - (self.f)(x)).abs());
            }
        }
        let (low, high) = ((self.f)(-1e3) - (self.f)(-self.reach as f64), (self.f)(1e3) - (self.f)(self.reach as f64));
        worst.max(low.abs()).max(high.abs())
    }
}

impl Builder<'_> {
    /// `curve(form)` for each form.
    ///
    /// # Errors
    /// As [`Self::compact`].
    pub fn curve(&mut self, forms: &[Form], curve: &Curve) -> Result<Vec<Form>, QuantError> {
        let forms = self.narrowed(forms)?;
        let before = self.steps.len();
        let mut layer = LayerReport::new(self.node(), curve.name);
        let mut live = Vec::new();
        for form in forms.iter().filter(|f| f.as_constant().is_none()) {
            let (lo, hi) = self.interval(form);
            layer.add(lo.abs().max(hi.abs()), self.calibrated(form));
            live.push(form.clone());
        }
        let arguments = self.arguments(&live, curve)?;
        let table = self.table_of(curve, !arguments.is_empty());
        let mut results = Vec::with_capacity(arguments.len());
        for input in arguments {
            let wire = self.bounds.len() as Wire;
            self.push(Step::Function(Function { table, input, requant: Requant::Shift }))?;
            results.push(Form::wire(wire, 1.0 / (1i64 << RESULT_BITS) as f64, 0.0));
        }
        layer.close(&self.steps[before..]);
        if layer.values > 0 {
            self.record(layer);
        }
        let mut results = results.into_iter();
        let all = forms.iter().map(|f| match f.as_constant() {
            Some(value) => Some(Form::constant((curve.f)(value))),
            None => results.next(),
        });
        let whole: Option<Vec<Form>> = all.collect();
        whole.ok_or(QuantError::Malformed { what: "function results", expected: forms.len(), got: live.len() })
    }

    fn table_of(&mut self, curve: &Curve, needed: bool) -> usize {
        let found = self.tables.iter().position(|t| t.name == curve.name);
        found.unwrap_or_else(|| {
            if needed {
                self.tables.push(curve.table());
            }
            self.tables.len().saturating_sub(1)
        })
    }

    /// Wires `v` in `[0, span)` with `form = reach - v / 2^argument_bits`, clamped.
    fn arguments(&mut self, forms: &[Form], curve: &Curve) -> Result<Vec<Wire>, QuantError> {
        let span = curve.span();
        let low = 1.0 / (1i64 << curve.argument_bits) as f64 - curve.reach as f64;
        let mut first = Vec::with_capacity(forms.len());
        let mut wide = Vec::with_capacity(forms.len());
        for form in forms {
            let above = form.shifted(-low);
            let (a, b) = self.interval(&above);
            let unit_bits = f64::from(curve.argument_bits);
            let room = libm::floor(libm::log2((1i64 << Y_BITS) as f64 / a.abs().max(b.abs()).max(1e-30))) - unit_bits;
            // Extra bits under one argument unit; 20 and more: the shift can be fused.
            let fused = room >= f64::from(SHIFT);
            let start = libm::exp2(unit_bits + room.min(f64::from(SHIFT)));
            let requant = if fused { Requant::ReluShift } else { Requant::Relu };
            let (dot, scale) = self.fitted(&above, start, 0.5, requant)?;
            // The scale may have been halved: keep what one argument unit is in the wire's units.
            let per_unit = libm::log2(1.0 / (Self::unit(&dot, scale) * libm::exp2(unit_bits)));
            wide.push(per_unit as i32);
            first.push(dot);
        }
        let u = self.emit(&first)?;
        let mut second = Vec::with_capacity(u.len());
        for (&u, &extra) in u.iter().zip(&wide) {
            let width = (span - 1) as f64 * libm::exp2(f64::from(extra));
            second.push(Dot {
                terms: vec![(u, -1)],
                bias: width.floor() as i64,
                requant: Requant::Relu,
                ..Dot::default()
            });
        }
        let v = self.emit(&second)?;
        let mut third = Vec::new();
        for (&v, &extra) in v.iter().zip(&wide).filter(|(_, e)| **e != 0) {
            let weight = libm::exp2(f64::from(SHIFT as i32 - extra)) as i64;
            third.push(Dot { terms: vec![(v, weight)], bias: HALF, requant: Requant::Shift, ..Dot::default() });
        }
        let mut third = self.emit(&third)?.into_iter();
        let pick = v.iter().zip(&wide).map(|(&v, &extra)| if extra == 0 { Some(v) } else { third.next() });
        let whole: Option<Vec<Wire>> = pick.collect();
        whole.ok_or(QuantError::Malformed { what: "arguments", expected: forms.len(), got: v.len() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tables_are_as_close_as_documented() {
        assert!(SIGMOID.table_error() < 2f64.powi(-16), "{}", SIGMOID.table_error());
        assert!(TANH.table_error() < 2f64.powi(-15), "{}", TANH.table_error());
        assert_eq!(SIGMOID.table().entries.len(), 768);
        assert_eq!(TANH.table().entries.len(), 768);
    }
}
