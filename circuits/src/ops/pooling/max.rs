//! Shared by the maximum poolings: one dimension after the other, so that overlapping windows share their comparisons.
//!
//! A comparison is one lane. Each result is one wire, measured from the largest value that its inputs can have: `top − relu(top − max)`, so that its bounds
//! are those of the inputs and not the sum of the bounds of all comparisons.

use crate::ops::window::Axis;
use crate::quant::QuantError;
use crate::quant::builder::Builder;
use crate::quant::form::Form;

/// A value and its upper bound.
type Bounded = (Form, f64);

/// The maxima of all windows of planes (row-major, as large as the axes' inputs), plane after plane.
pub(super) fn pooled(builder: &mut Builder<'_>, x: &[Form], axes: &[Axis]) -> Result<Vec<Form>, QuantError> {
    let mut sizes: Vec<usize> = axes.iter().map(|a| a.input).collect();
    let x = builder.aligned(x, sizes.iter().product())?;
    // One bound a plane: its results then have one offset, as a layer that reads them wants it.
    let area = sizes.iter().product::<usize>().max(1);
    let bound = |plane: &[Form]| plane.iter().map(|f| builder.interval(f).1).fold(f64::MIN, f64::max);
    let tops: Vec<f64> = x.chunks(area).map(bound).collect();
    let mut planes: Vec<Bounded> = x.into_iter().enumerate().map(|(i, f)| (f, tops[i / area])).collect();
    for (index, axis) in axes.iter().enumerate() {
        let inner: usize = sizes[index + 1..].iter().product();
        let outer = planes.len() / (axis.input * inner).max(1);
        let mut groups = Vec::with_capacity(outer * axis.output * inner);
        for o in 0..outer {
            for window in 0..axis.output {
                let read: Vec<usize> = (0..axis.kernel).filter_map(|t| axis.source(window, t)).collect();
                for i in 0..inner {
                    let at = |p: &usize| planes[(o * axis.input + p) * inner + i].clone();
                    groups.push(read.iter().map(at).collect());
                }
            }
        }
        sizes[index] = axis.output;
        // Between the dimensions two terms are as cheap as one more lane.
        let most = if index + 1 == axes.len() { 1 } else { 2 };
        planes = maxima(builder, groups, most)?;
    }
    Ok(planes.into_iter().map(|p| p.0).collect())
}

/// The largest form of each group, by a tournament, in at most `most` terms. No group is empty.
pub(super) fn maxima(
    builder: &mut Builder<'_>,
    mut groups: Vec<Vec<Bounded>>,
    most: usize,
) -> Result<Vec<Bounded>, QuantError> {
    while groups.iter().any(|g| g.len() > 1) {
        let pairs = || groups.iter().flat_map(|g| g.chunks_exact(2));
        let left: Vec<Form> = pairs().map(|p| p[0].0.clone()).collect();
        let right: Vec<Form> = pairs().map(|p| p[1].0.clone()).collect();
        let mut winners = builder.maximum(&left, &right)?.into_iter();
        for group in &mut groups {
            let tops: Vec<f64> = group.chunks_exact(2).map(|p| p[0].1.max(p[1].1)).collect();
            let odd = if group.len() % 2 == 1 { group.pop() } else { None };
            *group = tops.into_iter().zip(winners.by_ref()).map(|(top, f)| (f, top)).chain(odd).collect();
        }
    }
    let expected = groups.len();
    let winners: Vec<Bounded> = groups.into_iter().flatten().collect();
    if winners.len() != expected {
        return Err(QuantError::Malformed { what: "windows", expected, got: winners.len() });
    }
    let many: Vec<usize> = (0..expected).filter(|&i| winners[i].0.terms().len() > most).collect();
    let below: Vec<Form> = many.iter().map(|&i| winners[i].0.scaled(-1.0).shifted(winners[i].1)).collect();
    let mut results = winners;
    for (i, below) in many.into_iter().zip(builder.relu(&below)?) {
        let result = below.scaled(-1.0).shifted(results[i].1);
        builder.measured_from_afar(&result);
        results[i].0 = result;
    }
    Ok(results)
}
