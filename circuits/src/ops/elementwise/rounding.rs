//! Floor, Ceil and Round (halves to even), for values below `2^19`: one lane, four for Round.

use crate::quant::QuantError;
use crate::quant::builder::Builder;
use crate::quant::form::Form;

use crate::ops::elementwise::{is_whole, minus, unary_whole};
use crate::ops::{Call, Op, Value};

/// One of the roundings.
pub(super) enum Rounding {
    Ceil,
    Floor,
    Round,
}

fn shifted(x: &[Form], sign: f64, by: f64) -> Vec<Form> {
    x.iter().map(|f| f.scaled(sign).shifted(by)).collect()
}

/// `floor(x)`, nothing for forms that are integers.
pub(in crate::ops) fn floors(builder: &mut Builder<'_>, x: &[Form]) -> Result<Vec<Form>, QuantError> {
    let rough: Vec<Form> = x.iter().filter(|f| !is_whole(f)).cloned().collect();
    let mut floors = builder.floor(&rough)?.into_iter();
    let all: Option<Vec<Form>> = x.iter().map(|f| if is_whole(f) { Some(f.clone()) } else { floors.next() }).collect();
    all.ok_or(QuantError::Malformed { what: "floors", expected: x.len(), got: rough.len() })
}

/// Halves to even. With `up` and `down` the roundings of halves up and down, `odd = 2 floor((up + down + 2) / 4) - down` is 1 iff `down` is odd, and
/// the result is `down` but for a half after an odd number.
fn round(builder: &mut Builder<'_>, x: &[Form]) -> Result<Vec<Form>, QuantError> {
    if x.iter().all(is_whole) {
        return Ok(x.to_vec());
    }
    let up = builder.floor(&shifted(x, 1.0, 0.5))?;
    let down: Vec<Form> = shifted(&builder.floor(&shifted(x, -1.0, 0.5))?, -1.0, 0.0);
    let quarters: Vec<Form> = up.iter().zip(&down).map(|(u, d)| u.plus(d).shifted(2.0).scaled(0.25)).collect();
    let even: Vec<Form> = builder.floor(&quarters)?.iter().map(|f| f.scaled(2.0)).collect();
    let (tie, odd) = (minus(&up, &down), minus(&even, &down));
    let both: Vec<Form> = tie.iter().zip(&odd).map(|(t, o)| t.plus(o).shifted(-1.0)).collect();
    let moved = builder.relu(&both)?;
    Ok(down.iter().zip(&moved).map(|(d, m)| d.plus(m)).collect())
}

impl Op for Rounding {
    fn name(&self) -> &'static str {
        match self {
            Self::Ceil => "Ceil",
            Self::Floor => "Floor",
            Self::Round => "Round",
        }
    }

    fn accepts(&self) -> &'static str {
        "one tensor of numbers below 2^19"
    }

    fn lower(&self, builder: &mut Builder<'_>, call: &Call<'_>) -> Result<Vec<Value>, QuantError> {
        unary_whole(call, |x| match self {
            Self::Ceil => Ok(shifted(&floors(builder, &shifted(x, -1.0, 0.0))?, -1.0, 0.0)),
            Self::Floor => floors(builder, x),
            Self::Round => round(builder, x),
        })
    }
}

#[cfg(test)]
mod tests {
    use crate::ops::elementwise::each;
    use crate::testing::conformance::op_conformance;

    op_conformance! {
        halves_and_wholes: each(13, vec![
            ("Floor", vec![], f64::floor),
            ("Ceil", vec![], f64::ceil),
            ("Round", vec![], f64::round_ties_even),
            ("Sign", vec![], |x| if x == 0.0 { 0.0 } else { x.signum() }),
            ("Abs", vec![], f64::abs),
            ("Neg", vec![], |x| -x),
        ], vec![vec![0.5, 1.5, 2.5], vec![-0.5, -1.5, -2.5], vec![3.0, -4.0, 0.0], vec![0.49, -7.75, 1000.25]]),
    }
}
