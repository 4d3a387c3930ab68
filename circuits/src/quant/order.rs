//! Order: largest values, sorting, positions. Comparisons are exact: values are first brought to integers of one unit.
//!
//! A comparison is a lane `d = relu(a - b)`: the larger value is `b + d`, the smaller `a - d`. Interval arithmetic does not know that `d` and `b` belong
//! together and doubles the range at every level, so each value carries the range that it really has, and is clamped to it when its interval has
//! grown far beyond ([`Builder::in_range`]).
//!
//! Sorting keeps track of positions by sorting keys `value · radix + (n - 1 - position)`, which are all different: ties go to the lower position.

use super::QuantError;
use super::bounds::MAX_WEIGHT;
use super::builder::{Builder, Dot};
use super::form::Form;
use super::program::{Requant, SHIFT};
use super::rescale::is_integer;

/// Magnitude of values that had to be rounded to a common unit.
const ROUNDED: f64 = (1i64 << (SHIFT - 1)) as f64;
/// Largest magnitude of values that are found again by a shift.
const SHIFTED: f64 = (1i64 << SHIFT) as f64 - 1.0;
/// Largest magnitude of sorted integers.
const LARGEST: f64 = (1i64 << 36) as f64;
/// A value of more terms than this becomes a wire before it is compared further.
const MANY_TERMS: usize = 6;

/// A form that takes integers only, with the range that it really has.
#[derive(Clone, Debug)]
struct Held {
    form: Form,
    lo: f64,
    hi: f64,
}

/// A contender of [`Builder::arg_max`]: a value and the position that it came from.
#[derive(Clone, Debug)]
struct Entry {
    value: Held,
    at: Held,
}

impl Builder<'_> {
    /// Forms as integers of one common unit (with the unit), rounded to 20 bits where they have none.
    ///
    /// # Errors
    /// As [`Self::compact`].
    pub fn integers(&mut self, forms: &[Form], limit: f64) -> Result<(Vec<Form>, f64), QuantError> {
        if let Some(unit) = self.shared_unit(forms, limit) {
            let whole = |f: &Form| {
                let terms = f.terms().iter().map(|&(w, c)| (w, (c / unit).round())).collect();
                Form::from_sorted(terms, (f.offset() / unit).round())
            };
            return Ok((forms.iter().map(whole).collect(), unit));
        }
        let (wires, unit) = self.uniform(forms, limit.min(ROUNDED))?;
        Ok((wires.into_iter().map(|w| Form::wire(w, 1.0, 0.0)).collect(), unit))
    }

    fn shared_unit(&self, forms: &[Form], limit: f64) -> Option<f64> {
        let unit = forms.iter().flat_map(Form::terms).map(|t| t.1.abs()).reduce(f64::min)?;
        let whole = |f: &Form| {
            let (lo, hi) = self.interval(f);
            let terms = f.terms().iter().all(|t| is_integer(t.1 / unit) && (t.1 / unit).abs() <= MAX_WEIGHT as f64);
            terms && is_integer(f.offset() / unit) && lo.abs().max(hi.abs()) <= limit * unit
        };
        forms.iter().all(whole).then_some(unit)
    }

    /// Integer forms through lanes, exactly, whatever their range (as far as a lane goes).
    fn exact_lanes(&mut self, forms: &[Form], requant: Requant) -> Result<Vec<Form>, QuantError> {
        let mut dots: Vec<Dot> = Vec::new();
        let mut known = Vec::with_capacity(forms.len());
        for form in forms {
            let (lo, hi) = self.interval(form);
            let decided = match requant {
                Requant::Relu if lo >= 0.0 => Some(form.clone()),
                Requant::Relu if hi <= 0.0 => Some(Form::constant(0.0)),
                Requant::Sign if lo >= 0.0 || hi < 0.0 => Some(Form::constant(if lo >= 0.0 { 1.0 } else { 0.0 })),
                _ => None,
            };
            if decided.is_none() {
                // As an identity: a shift here is a floor, without the half that rounds.
                let dot = self.dot(form, 1.0, Requant::Identity).filter(|d| self.fits(d));
                let unbounded = || QuantError::Unbounded { node: self.node().into(), bound: lo.abs().max(hi.abs()) };
                dots.push(Dot { requant, ..dot.ok_or_else(unbounded)? });
            }
            known.push(decided);
        }
        let mut wires = self.emit(&dots)?.into_iter();
        let all = known.into_iter().map(|k| k.or_else(|| wires.next().map(|w| Form::wire(w, 1.0, 0.0))));
        let whole: Option<Vec<Form>> = all.collect();
        whole.ok_or(QuantError::Malformed { what: "comparisons", expected: forms.len(), got: dots.len() })
    }

    fn hold(&self, form: Form) -> Held {
        let (lo, hi) = self.interval(&form);
        Held { form, lo, hi }
    }

    /// The same values. Those whose interval is over `slack` times their range, or that have many terms, as single wires inside their range.
    fn in_range(&mut self, values: Vec<Held>, slack: f64) -> Result<Vec<Held>, QuantError> {
        let loose = |builder: &Self, v: &Held| {
            let (lo, hi) = builder.interval(&v.form);
            v.form.terms().len() > MANY_TERMS || hi - lo > slack * (v.hi - v.lo)
        };
        let at: Vec<usize> = (0..values.len()).filter(|&i| loose(self, &values[i])).collect();
        let above: Vec<Form> = at.iter().map(|&i| values[i].form.shifted(-values[i].lo)).collect();
        let above = self.exact_lanes(&above, Requant::Relu)?;
        let below: Vec<Form> =
            at.iter().zip(&above).map(|(&i, u)| u.scaled(-1.0).shifted(values[i].hi - values[i].lo)).collect();
        let below = self.exact_lanes(&below, Requant::Relu)?;
        let mut values = values;
        for (i, v) in at.into_iter().zip(below) {
            values[i].form = v.scaled(-1.0).shifted(values[i].hi);
        }
        Ok(values)
    }

    /// For each pair the larger and the smaller value.
    fn exchanged(&mut self, pairs: &[(Held, Held)]) -> Result<Vec<(Held, Held)>, QuantError> {
        let differences: Vec<Form> = pairs.iter().map(|(a, b)| a.form.plus(&b.form.scaled(-1.0))).collect();
        let above = self.exact_lanes(&differences, Requant::Relu)?;
        let sorted = pairs.iter().zip(above).map(|((a, b), d)| {
            let larger = Held { form: b.form.plus(&d), lo: a.lo.max(b.lo), hi: a.hi.max(b.hi) };
            let smaller = Held { form: a.form.plus(&d.scaled(-1.0)), lo: a.lo.min(b.lo), hi: a.hi.min(b.hi) };
            (larger, smaller)
        });
        Ok(sorted.collect())
    }

    /// The values at the `wanted` places (0 is the largest) of integer forms in descending order.
    fn sorted(&mut self, values: Vec<Held>, wanted: &[usize]) -> Result<Vec<Held>, QuantError> {
        let mut values = values;
        for level in network(values.len(), wanted) {
            values = self.in_range(values, 4.0)?;
            let pairs: Vec<(Held, Held)> = level.iter().map(|&(i, j)| (values[i].clone(), values[j].clone())).collect();
            for (&(i, j), (larger, smaller)) in level.iter().zip(self.exchanged(&pairs)?) {
                values[i] = larger;
                values[j] = smaller;
            }
        }
        let chosen = wanted.iter().filter_map(|&w| values.get(w).cloned()).collect();
        self.in_range(chosen, 1.0)
    }

    /// The `k` largest forms in descending order and their positions. Of equal ones the first comes first.
    ///
    /// # Errors
    /// As [`Self::compact`]; [`QuantError::Malformed`] when there are fewer than `k`.
    pub fn top(&mut self, forms: &[Form], k: usize) -> Result<(Vec<Form>, Vec<Form>), QuantError> {
        let n = forms.len();
        let radix = n.next_power_of_two() as f64;
        let last = n as f64 - 1.0;
        if k > n || radix > ROUNDED {
            return Err(QuantError::Malformed { what: "sorted values", expected: k, got: n });
        }
        if let Some(constants) = forms.iter().map(Form::as_constant).collect::<Option<Vec<f64>>>() {
            let mut order: Vec<usize> = (0..n).collect();
            order.sort_by(|&a, &b| constants[b].total_cmp(&constants[a]));
            order.truncate(k);
            let values = order.iter().map(|&i| forms[i].clone()).collect();
            return Ok((values, order.iter().map(|&i| Form::constant(i as f64)).collect()));
        }
        let (values, unit) = self.integers(forms, SHIFTED)?;
        let keys = values.iter().enumerate().map(|(i, v)| v.scaled(radix).shifted(last - i as f64));
        let keys: Vec<Held> = keys.collect::<Vec<_>>().into_iter().map(|key| self.hold(key)).collect();
        let wanted: Vec<usize> = (0..k).collect();
        let sorted = self.sorted(keys, &wanted)?;
        // value = floor(key / radix), as a shift by 20 bits.
        let shifts: Vec<Form> = sorted.iter().map(|key| key.form.scaled((1i64 << SHIFT) as f64 / radix)).collect();
        let values = self.exact_lanes(&shifts, Requant::Shift)?;
        let at = sorted.iter().zip(&values).map(|(key, v)| v.scaled(radix).plus(&key.form.scaled(-1.0)).shifted(last));
        let at: Vec<Form> = at.collect();
        Ok((values.iter().map(|v| v.scaled(unit)).collect(), at))
    }

    /// The median: the middle value, or the mean of the two in the middle.
    ///
    /// # Errors
    /// As [`Self::compact`]; [`QuantError::Malformed`] without values.
    pub fn median(&mut self, forms: &[Form]) -> Result<Form, QuantError> {
        let n = forms.len();
        let empty = QuantError::Malformed { what: "values of a median", expected: 1, got: n };
        let wanted: Vec<usize> = if n.is_multiple_of(2) { vec![(n / 2).max(1) - 1, n / 2] } else { vec![n / 2] };
        if let Some(mut constants) = forms.iter().map(Form::as_constant).collect::<Option<Vec<f64>>>() {
            constants.sort_by(f64::total_cmp);
            let middle: Option<Vec<f64>> = wanted.iter().map(|&w| constants.get(w).copied()).collect();
            let middle = middle.ok_or(empty)?;
            return Ok(Form::constant(middle.iter().sum::<f64>() / middle.len() as f64));
        }
        let (values, unit) = self.integers(forms, LARGEST)?;
        let values = values.into_iter().map(|v| self.hold(v)).collect();
        let middle = self.sorted(values, &wanted)?;
        let share = unit / middle.len() as f64;
        middle.iter().map(|v| v.form.scaled(share)).reduce(|a, b| a.plus(&b)).ok_or(empty)
    }

    /// The position of the largest form of each group; of equal ones the first, or the last.
    ///
    /// # Errors
    /// As [`Self::compact`]; [`QuantError::Malformed`] for an empty group.
    pub fn arg_max(&mut self, groups: &[Vec<Form>], last: bool) -> Result<Vec<Form>, QuantError> {
        let mut open = Vec::with_capacity(groups.len());
        for group in groups {
            let constants = group.iter().all(|f| f.as_constant().is_some());
            let values = if constants { group.clone() } else { self.integers(group, LARGEST)?.0 };
            let entry = |(i, form): (usize, Form)| {
                let at = i as f64;
                Entry { value: self.hold(form), at: Held { form: Form::constant(at), lo: at, hi: at } }
            };
            open.push(values.into_iter().enumerate().map(entry).collect::<Vec<_>>());
        }
        while open.iter().any(|g| g.len() > 1) {
            open = self.arg_level(open, last)?;
        }
        let winners = open.into_iter().map(|g| g.into_iter().next().map(|e| e.at));
        let winners: Option<Vec<Held>> = winners.collect();
        let winners = winners.ok_or(QuantError::Malformed { what: "contenders", expected: 1, got: 0 })?;
        Ok(self.in_range(winners, 4.0)?.into_iter().map(|w| w.form).collect())
    }

    /// One round: neighbours meet, the winners stay in order.
    fn arg_level(&mut self, open: Vec<Vec<Entry>>, last: bool) -> Result<Vec<Vec<Entry>>, QuantError> {
        let sizes: Vec<usize> = open.iter().map(Vec::len).collect();
        let (values, at): (Vec<Held>, Vec<Held>) = open.into_iter().flatten().map(|e| (e.value, e.at)).unzip();
        let (values, at) = (self.in_range(values, 4.0)?, self.in_range(at, 4.0)?);
        let mut pairs = Vec::new();
        let mut positions = Vec::new();
        let mut start = 0;
        for &size in &sizes {
            for i in (start..start + size - size % 2).step_by(2) {
                pairs.push((values[i].clone(), values[i + 1].clone()));
                positions.push((at[i].clone(), at[i + 1].clone()));
            }
            start += size;
        }
        // Not the first: it is smaller, or equal and the last is asked for.
        let ahead = |(a, b): &(Held, Held)| {
            if last { b.form.plus(&a.form.scaled(-1.0)) } else { a.form.plus(&b.form.scaled(-1.0)) }
        };
        let signs = self.exact_lanes(&pairs.iter().map(ahead).collect::<Vec<_>>(), Requant::Sign)?;
        // The later position less the earlier one is positive, so `relu(step - most (1 - moved))` is `step` if moved, else 0.
        let steps = positions.iter().zip(&signs).map(|((a, b), sign)| {
            let (step, most) = (b.form.plus(&a.form.scaled(-1.0)), b.hi - a.lo);
            let moved = if last { sign.clone() } else { sign.scaled(-1.0).shifted(1.0) };
            match step.as_constant() {
                Some(step) => (Form::constant(0.0), moved.scaled(step)),
                None => (step.plus(&moved.shifted(-1.0).scaled(most)), Form::constant(0.0)),
            }
        });
        let (steps, free): (Vec<Form>, Vec<Form>) = steps.unzip();
        let steps = self.exact_lanes(&steps, Requant::Relu)?;
        let larger = self.exchanged(&pairs)?.into_iter().map(|p| p.0);
        let met = positions.into_iter().zip(steps.iter().zip(&free)).map(|((a, b), (step, free))| Held {
            form: a.form.plus(step).plus(free),
            lo: a.lo,
            hi: b.hi,
        });
        let mut winners = larger.zip(met).map(|(value, at)| Entry { value, at });
        let mut results = Vec::with_capacity(sizes.len());
        let mut end = 0;
        for size in sizes {
            end += size;
            let mut group: Vec<Entry> = winners.by_ref().take(size / 2).collect();
            if size % 2 == 1 {
                group.push(Entry { value: values[end - 1].clone(), at: at[end - 1].clone() });
            }
            results.push(group);
        }
        Ok(results)
    }

    /// The largest form of each group, by rounds of [`Self::maximum`].
    ///
    /// # Errors
    /// As [`Self::compact`]; [`QuantError::Malformed`] for an empty group.
    pub fn largest(&mut self, groups: &[Vec<Form>]) -> Result<Vec<Form>, QuantError> {
        let mut open: Vec<Vec<Held>> =
            groups.iter().map(|g| g.iter().map(|f| self.hold(f.clone())).collect()).collect();
        while open.iter().any(|g| g.len() > 1) {
            let pairs: Vec<(Held, Held)> = open.iter().flat_map(|g| g.as_chunks::<2>().0).map(ordered).collect();
            let (a, b): (Vec<Form>, Vec<Form>) = pairs.iter().map(|(a, b)| (a.form.clone(), b.form.clone())).unzip();
            let larger = self.maximum(&a, &b)?;
            let larger =
                pairs.iter().zip(larger).map(|((a, b), form)| Held { form, lo: a.lo.max(b.lo), hi: a.hi.max(b.hi) });
            let mut larger = self.capped(larger.collect())?.into_iter();
            for group in &mut open {
                let odd = if group.len() % 2 == 1 { group.pop() } else { None };
                *group = larger.by_ref().take(group.len() / 2).chain(odd).collect();
            }
        }
        let winners: Option<Vec<Form>> = open.into_iter().map(|g| g.into_iter().next().map(|w| w.form)).collect();
        winners.ok_or(QuantError::Malformed { what: "contenders", expected: 1, got: 0 })
    }

    /// The same values; those whose interval reaches far above their range, or that have many terms, below its end by one lane: `hi - relu(hi - x)`.
    fn capped(&mut self, values: Vec<Held>) -> Result<Vec<Held>, QuantError> {
        let loose = |builder: &Self, v: &Held| {
            let above = builder.interval(&v.form).1 - v.hi;
            v.form.terms().len() > MANY_TERMS || above > 1.5 * (v.hi - v.lo)
        };
        let at: Vec<usize> = (0..values.len()).filter(|&i| loose(self, &values[i])).collect();
        let room: Vec<Form> = at.iter().map(|&i| values[i].form.scaled(-1.0).shifted(values[i].hi)).collect();
        let mut values = values;
        for (i, room) in at.into_iter().zip(self.relu(&room)?) {
            values[i].form = room.scaled(-1.0).shifted(values[i].hi);
        }
        Ok(values)
    }
}

/// The pair with the higher lower end second: the larger value is measured from there.
fn ordered([a, b]: &[Held; 2]) -> (Held, Held) {
    if a.lo > b.lo { (b.clone(), a.clone()) } else { (a.clone(), b.clone()) }
}

/// Batcher's odd-even merge sort of `n` values, without the comparisons that the `wanted` places do not depend on. Comparisons of one level are
/// independent of each other; each puts the larger value at its first place.
fn network(n: usize, wanted: &[usize]) -> Vec<Vec<(usize, usize)>> {
    let mut all = Vec::new();
    let mut p = 1;
    while p < n {
        let mut k = p;
        while k >= 1 {
            for j in (k % p..n.saturating_sub(k)).step_by(2 * k) {
                for i in (j..(j + k).min(n - k)).filter(|i| i / (2 * p) == (i + k) / (2 * p)) {
                    all.push((i, i + k));
                }
            }
            k /= 2;
        }
        p *= 2;
    }
    let mut live = vec![false; n];
    for &place in wanted.iter().filter(|&&w| w < n) {
        live[place] = true;
    }
    let mut kept: Vec<(usize, usize)> = Vec::new();
    for &(i, j) in all.iter().rev() {
        if live[i] || live[j] {
            (live[i], live[j]) = (true, true);
            kept.push((i, j));
        }
    }
    let mut depth = vec![0; n];
    let mut levels: Vec<Vec<(usize, usize)>> = Vec::new();
    for (i, j) in kept.into_iter().rev() {
        let level: usize = depth[i].max(depth[j]);
        (depth[i], depth[j]) = (level + 1, level + 1);
        if levels.len() <= level {
            levels.push(Vec::new());
        }
        levels[level].push((i, j));
    }
    levels
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::quant::builder::Finished;
    use crate::quant::{Evaluation, Options};

    const DOMAIN: (f64, f64) = (-5000.0, 100_000.0);

    /// The outputs of `ask` for these raw values, which are clamped to [`DOMAIN`].
    fn run(raw: &[i64], ask: impl Fn(&mut Builder<'_>, &[Form]) -> Vec<Form>) -> Evaluation {
        let options = Options::default();
        let mut builder = Builder::new(vec![raw.len()], None, &options).unwrap();
        let inputs = builder.inputs(&vec![DOMAIN; raw.len()], &vec![100.0; raw.len()]).unwrap();
        let asked = ask(&mut builder, &inputs);
        let Finished { program, .. } = builder.finish(&asked, &vec![200.0; asked.len()]).unwrap();
        crate::quant::bounds::check(&program).unwrap();
        program.evaluate(raw).unwrap()
    }

    fn clamped(raw: &[i64]) -> Vec<i64> {
        raw.iter().map(|&v| v.clamp(DOMAIN.0 as i64, DOMAIN.1 as i64)).collect()
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        /// Exact for every input, in units of a hundredth, also with ties and outside the domain.
        #[test]
        fn order_is_exact(raw in prop::collection::vec(prop_oneof![-3i64..3, -10_000i64..200_000, Just(1i64 << 38)], 1..9)) {
            let values = clamped(&raw);
            let mut order: Vec<usize> = (0..raw.len()).collect();
            order.sort_by_key(|&i| std::cmp::Reverse(values[i]));
            let (n, k) = (raw.len(), raw.len().div_ceil(2));
            let got = run(&raw, |b, x| {
                let (top, at) = b.top(x, k).unwrap();
                [top, at].concat()
            });
            let top = order[..k].iter().map(|&i| 2 * values[i]).chain(order[..k].iter().map(|&i| 200 * i as i64));
            prop_assert_eq!(got.outputs, top.collect::<Vec<_>>());
            let got = run(&raw, |b, x| vec![b.median(x).unwrap()]);
            let middle = values[order[n / 2]] + values[order[(n - 1) / 2]];
            prop_assert_eq!(got.outputs, vec![middle]);
            let got = run(&raw, |b, x| [b.arg_max(&[x.to_vec()], false), b.arg_max(&[x.to_vec()], true)].map(Result::unwrap).concat());
            let first = order[0];
            let last = (0..n).rev().find(|&i| values[i] == values[first]).unwrap();
            prop_assert_eq!(got.outputs, vec![200 * first as i64, 200 * last as i64]);
        }
    }

    #[test]
    fn networks_sort_every_order_of_zeros_and_ones() {
        for n in 1..=10 {
            for wanted in [(0..n).collect::<Vec<_>>(), vec![0], vec![n / 2], vec![n - 1]] {
                let levels = network(n, &wanted);
                for bits in 0..1u32 << n {
                    let mut values: Vec<u32> = (0..n).map(|i| bits >> i & 1).collect();
                    for &(i, j) in levels.iter().flatten() {
                        (values[i], values[j]) = (values[i].max(values[j]), values[i].min(values[j]));
                    }
                    let ones = bits.count_ones() as usize;
                    assert!(wanted.iter().all(|&w| values[w] == u32::from(w < ones)), "{n} {bits:b}");
                }
            }
        }
        assert_eq!(network(8, &[0]).concat().len(), 7);
        assert_eq!(network(3, &[1]).concat().len(), 3);
    }
}
