//! Which of several values is the largest, and shares of their exponentials: what classifiers end with.

use super::QuantError;
use super::bounds::Interval;
use super::builder::Builder;
use super::curve::Curve;
use super::form::Form;

/// Up to this many values every pair is compared; above, each value with the running maximum.
const PAIRS: usize = 16;
/// Magnitude of a score in units: differences of two are still exact where a form is materialised.
const SCORE: f64 = 0.99 * (1i64 << 20) as f64;

/// Ends of a clamp: the difference to any quotient still fits a lane.
const LARGEST: f64 = (1i64 << 29) as f64;

/// `exp(x - 8)` for `x <= 8`: exponentials of what is never positive, down to -16.
const EXPONENTIAL: Curve = Curve { name: "exp-8", f: |x| libm::exp(x - REACH) };
const REACH: f64 = 8.0;

impl Builder<'_> {
    /// 1 for the first of the largest scores, 0 for all others, as exact integers.
    ///
    /// # Errors
    /// As [`Self::compact`].
    pub fn winners(&mut self, scores: &[Form]) -> Result<Vec<Form>, QuantError> {
        let difference = |a: &Form, b: &Form| a.plus(&b.scaled(-1.0));
        let scores = match scores {
            [] => return Ok(Vec::new()),
            [_] => return Ok(vec![Form::constant(1.0)]),
            [a, b] => {
                let first = self.sign(&[difference(a, b)])?;
                let second = first.iter().map(|f| f.scaled(-1.0).shifted(1.0)).collect();
                return Ok([first, second].concat());
            }
            _ => {
                let (wires, _) = self.uniform(scores, SCORE)?;
                wires.into_iter().map(|w| Form::wire(w, 1.0, 0.0)).collect::<Vec<_>>()
            }
        };
        let n = scores.len();
        if n > PAIRS {
            return self.first_of_the_largest(&scores);
        }
        let pairs: Vec<(usize, usize)> = (0..n).flat_map(|i| (i + 1..n).map(move |j| (i, j))).collect();
        let differences: Vec<Form> = pairs.iter().map(|&(i, j)| difference(&scores[i], &scores[j])).collect();
        let first_wins = self.sign(&differences)?;
        // A winner has won n - 1 comparisons; nobody else has.
        let mut won = vec![Form::constant(2.0 - n as f64); n];
        for (&(i, j), bit) in pairs.iter().zip(&first_wins) {
            won[i] = won[i].plus(bit);
            won[j] = won[j].plus(&bit.scaled(-1.0).shifted(1.0));
        }
        self.relu(&won)
    }

    /// As [`Self::winners`], with a number of comparisons that grows with the number of scores only.
    fn first_of_the_largest(&mut self, scores: &[Form]) -> Result<Vec<Form>, QuantError> {
        let mut best = scores.first().cloned().unwrap_or_default();
        let mut ahead = Vec::with_capacity(scores.len());
        for score in scores.iter().skip(1) {
            // Whether this one is above all before it; exact, because units are common and integer.
            let above = best.plus(&score.scaled(-1.0));
            ahead.push(above.clone());
            let over = self.relu(&[above.scaled(-1.0)])?;
            best = over.iter().fold(best, |sum, f| sum.plus(f));
            let whole = self.compact(std::slice::from_ref(&best))?;
            best = whole.into_iter().next().unwrap_or_default();
        }
        let stays = self.sign(&ahead)?;
        // The winner is the last one that was above all before it: from the end, the first whose bit is 0.
        let mut winners = Vec::with_capacity(scores.len());
        let mut later = Form::constant(0.0);
        for bit in stays.iter().rev() {
            let rises = bit.scaled(-1.0).shifted(1.0);
            let own = self.relu(&[rises.plus(&later.scaled(-1.0))])?;
            let own = own.into_iter().next().unwrap_or_default();
            later = self.compact(&[later.plus(&own)])?.into_iter().next().unwrap_or_default();
            winners.push(own);
        }
        winners.push(later.scaled(-1.0).shifted(1.0));
        winners.reverse();
        Ok(winners)
    }

    /// `exp(x_i) / Σ exp(x_j)`. Of two, by the logistic function.
    ///
    /// # Errors
    /// As [`Self::compact`].
    pub fn shares(&mut self, x: &[Form]) -> Result<Vec<Form>, QuantError> {
        if let [a, b] = x {
            let first = self.curve(&[a.plus(&b.scaled(-1.0))], &super::curve::SIGMOID)?;
            let second = first.iter().map(|f| f.scaled(-1.0).shifted(1.0)).collect();
            return Ok([first, second].concat());
        }
        let x = self.compact(x)?;
        let mut largest = x.first().cloned().unwrap_or_default();
        for form in x.iter().skip(1) {
            let next = self.maximum(std::slice::from_ref(form), std::slice::from_ref(&largest))?;
            largest = self.compact(&next)?.into_iter().next().unwrap_or_default();
        }
        let below: Vec<Form> = x.iter().map(|f| f.plus(&largest.scaled(-1.0))).collect();
        let parts = self.decays(&below)?;
        // The largest part is 1, up to the table's error: a sum below 0.9 does not occur.
        let sum = parts.iter().fold(Form::constant(0.0), |sum, f| sum.plus(f));
        let sum = self.clip(&[sum], 0.9, x.len() as f64 + 0.5)?;
        let inverse = self.reciprocal(&sum)?;
        let inverse: Vec<Form> = inverse.into_iter().cycle().take(parts.len()).collect();
        self.multiply(&parts, &inverse)
    }

    /// `exp(x)` for forms that are never positive.
    ///
    /// # Errors
    /// As [`Self::compact`].
    pub fn decays(&mut self, x: &[Form]) -> Result<Vec<Form>, QuantError> {
        let shifted: Vec<Form> = x.iter().map(|f| f.shifted(REACH)).collect();
        self.curve(&shifted, &EXPONENTIAL)
    }

    /// The same values, known to lie in `[lo, hi]` for a reason that intervals do not see; exact to the last unit inside.
    ///
    /// # Errors
    /// As [`Self::compact`].
    pub fn within(&mut self, x: &[Form], lo: f64, hi: f64) -> Result<Vec<Form>, QuantError> {
        let mut results = x.to_vec();
        let (mut clamps, mut at) = (Vec::new(), Vec::new());
        for (i, form) in x.iter().enumerate() {
            let (below, above) = self.interval(form);
            let &[(wire, unit)] = form.terms() else { continue };
            let ends = [(lo - form.offset()) / unit, (hi - form.offset()) / unit];
            let range = Interval {
                lo: ends[0].min(ends[1]).ceil().max(-LARGEST) as i64,
                hi: ends[0].max(ends[1]).floor().min(LARGEST) as i64,
            };
            if (below < lo || above > hi) && range.lo < range.hi {
                clamps.push((wire, range));
                at.push((i, unit, form.offset()));
            }
        }
        let (clamped, _) = self.clamp_exact(&clamps, false)?;
        for ((i, unit, offset), form) in at.into_iter().zip(clamped) {
            results[i] = form.scaled(unit).shifted(offset);
        }
        Ok(results)
    }
}
