//! Inputs for the report when there is no calibration: corners of the declared domain, then uniform draws. The same on every machine.

use crate::model::ResolvedSpec;

use super::Calibration;

/// Draws `count` samples (at least the corners): all fields at their lower end, upper end and middle, two chequered corners, then uniform ones.
pub fn draw(spec: &ResolvedSpec, count: usize) -> Calibration {
    let domains: Vec<(i64, i64)> = spec
        .fields
        .iter()
        .map(|field| {
            let (lo, hi) = field.domain_units();
            (lo as i64, (hi as i64).max(lo as i64))
        })
        .collect();
    let corner = |high: &dyn Fn(usize) -> bool| {
        domains.iter().enumerate().map(|(i, (lo, hi))| if high(i) { *hi } else { *lo }).collect::<Vec<i64>>()
    };
    let middle = domains.iter().map(|(lo, hi)| lo + (hi - lo) / 2).collect();
    let mut samples =
        vec![corner(&|_| false), corner(&|_| true), middle, corner(&|i| i % 2 == 0), corner(&|i| i % 2 == 1)];
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    while samples.len() < count {
        let uniform = |(lo, hi): &(i64, i64)| {
            let width = hi.abs_diff(*lo).saturating_add(1);
            lo.saturating_add_unsigned(next(&mut state) % width)
        };
        samples.push(domains.iter().map(uniform).collect());
    }
    Calibration { samples }
}

/// SplitMix64.
fn next(state: &mut u64) -> u64 {
    *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let mut z = *state;
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn samples_fill_the_domain_and_are_always_the_same() {
        let spec = ResolvedSpec::public(100, vec![(-1.0, 2.0), (0.5, 0.5), (-3.0, -2.5)]);
        let drawn = draw(&spec, 200);
        assert_eq!(drawn, draw(&spec, 200));
        assert_eq!(drawn.samples.len(), 200);
        assert_eq!(drawn.samples[..3], [vec![-100, 50, -300], vec![200, 50, -250], vec![50, 50, -275]]);
        let inside = |row: &Vec<i64>| (-100..=200).contains(&row[0]) && row[1] == 50 && (-300..=-250).contains(&row[2]);
        assert!(drawn.samples.iter().all(inside));
        let mean = drawn.samples.iter().map(|row| row[0]).sum::<i64>() / 200;
        assert!((30..70).contains(&mean), "{mean}");
    }

    #[test]
    fn corners_are_there_however_few_are_asked_for() {
        assert_eq!(draw(&ResolvedSpec::public(1, vec![(0.0, 1.0)]), 0).samples.len(), 5);
    }
}
