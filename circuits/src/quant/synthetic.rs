//! Samples in place of calibration: deterministic draws about what each input is expected to be.
//!
//! They only say where values saturate, so they need to be of the right order of magnitude and no more: limits lie [`MARGIN`] times beyond them.

use super::Calibration;
use super::compile::Options;
use super::domain::Expected;

/// Limits lie at so many times the largest synthetic magnitude; and a value saturates only where its interval is twice as far.
const MARGIN: f64 = 32.0;
const SAMPLES: usize = 32;
/// Integer domains up to here are drawn uniformly; of wider ones, small values are typical.
const FEW: f64 = 4096.0;

/// Options for synthetic samples: never tighter than those given.
pub fn options(given: &Options) -> Options {
    let margin = given.margin.max(MARGIN);
    let chosen = given.saturate_above != Options::default().saturate_above;
    let saturate_above = if chosen { given.saturate_above.max(margin) } else { 2.0 * margin };
    Options { margin, saturate_above, ..given.clone() }
}

/// The samples: standard normal, uniform in `[0, 1]`, small and wide ones in turn, in units of each value's deviation about its middle.
pub fn samples(expected: &[Expected]) -> Calibration {
    let mut random = Random(0x646f_646f_6e61);
    let row = |kind: usize, random: &mut Random| {
        let draw = |e: &Expected| {
            let real = if e.scale == 1 { random.integer(kind, e) } else { random.real(kind, e) };
            (real.clamp(e.domain.0, e.domain.1) * e.scale as f64).round_ties_even() as i64
        };
        expected.iter().map(draw).collect()
    };
    Calibration { samples: (0..SAMPLES).map(|i| row(i % 4, &mut random)).collect() }
}

/// SplitMix64.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// Uniform in `[0, 1)`.
    fn unit(&mut self) -> f64 {
        (self.next() >> 11) as f64 / (1u64 << 53) as f64
    }

    /// Nearly standard normal: a sum of twelve uniform numbers.
    fn normal(&mut self) -> f64 {
        (0..12).map(|_| self.unit()).sum::<f64>() - 6.0
    }

    fn real(&mut self, kind: usize, e: &Expected) -> f64 {
        e.centre
            + e.spread
                * match kind {
                    0 => self.normal(),
                    1 => self.unit(),
                    2 => 0.25 * self.normal(),
                    _ => 4.0 * (2.0 * self.unit() - 1.0),
                }
    }

    fn integer(&mut self, kind: usize, e: &Expected) -> f64 {
        let (lo, hi) = e.domain;
        let near = match kind {
            _ if hi - lo <= FEW => f64::INFINITY,
            0 | 1 => 16.0,
            2 => 256.0,
            _ => f64::INFINITY,
        };
        let (lo, hi) = (lo.max(-near), hi.min(near));
        (lo + (hi - lo + 1.0) * self.unit()).floor().min(hi)
    }
}
