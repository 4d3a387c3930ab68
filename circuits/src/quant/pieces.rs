//! Where a function of one variable is drawn as a polygon: its domain, the pieces of that domain, and the entries of each piece's table.
//!
//! A piece is a run of intervals of one width, a power of two; a function that bends strongly near one place gets up to five pieces of different widths, and
//! its value is the sum of all pieces' values, each at the argument held inside its piece, less the values at the cuts. Only `f64` and `libm` take part, so
//! pieces are the same on every machine.
//!
//! Not here: steps (see [`super::curve`]).

use super::builder::HALF;
use super::program::{LIMB_BITS, SHIFT, Y_BITS};

/// Most intervals of a piece: its argument stays below `2^20` units, so that a shift can round it.
const MOST: usize = 1022;
/// Most intervals where a smaller error than asked for is to be had.
const COMFORTABLE: usize = 768;
/// Entries that are always to be had.
const SMALL: usize = 256;
/// Most pieces.
const PIECES: usize = 5;
/// Error that is always good enough, as a share of the function's range.
pub(super) const SHARE: f64 = 1.0 / (1 << 14) as f64;
/// Share of the range under which a function counts as flat.
const FLAT: f64 = 1.0 / (1 << 17) as f64;

/// A run of intervals of the width `2^(10 - bits)`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Piece {
    /// Where it starts.
    pub lo: f64,
    /// Units of the argument per 1.0, as a power of two.
    pub bits: i32,
    /// Number of intervals.
    pub intervals: usize,
}

impl Piece {
    /// Width of one interval.
    fn width(&self) -> f64 {
        libm::exp2(f64::from(LIMB_BITS as i32 - self.bits))
    }

    /// Where it ends.
    pub fn hi(&self) -> f64 {
        self.knot(self.intervals)
    }

    /// Length in units.
    pub fn span(&self) -> i64 {
        (self.intervals as i64) << LIMB_BITS
    }

    fn knot(&self, i: usize) -> f64 {
        self.lo + i as f64 * self.width()
    }

    /// The coarsest piece over `[lo, hi]` whose error stays below `target`.
    fn fine_enough(f: &dyn Fn(f64) -> f64, lo: f64, hi: f64, target: f64, most: usize) -> Option<Self> {
        let mut exponent = libm::floor(libm::log2((hi - lo) / 16.0)) as i32;
        loop {
            let intervals = libm::ceil((hi - lo) / libm::exp2(f64::from(exponent)) - 1e-9).max(1.0);
            if intervals > most as f64 {
                return None;
            }
            let piece = Self { lo, bits: LIMB_BITS as i32 - exponent, intervals: intervals as usize };
            if piece.worst(f, target) <= target {
                return Some(piece);
            }
            exponent -= 1;
        }
    }

    /// The finest piece over `[lo, hi]`.
    fn finest(lo: f64, hi: f64) -> Self {
        let mut exponent = libm::floor(libm::log2((hi - lo) / 256.0)) as i32;
        let count = |e: i32| libm::ceil((hi - lo) / libm::exp2(f64::from(e)) - 1e-9).max(1.0) as usize;
        while count(exponent - 1) <= MOST {
            exponent -= 1;
        }
        Self { lo, bits: LIMB_BITS as i32 - exponent, intervals: count(exponent) }
    }

    /// Largest error, rounding of the argument included; stops early above `enough`.
    pub fn worst(&self, f: &dyn Fn(f64) -> f64, enough: f64) -> f64 {
        let mut worst: f64 = 0.0;
        let last = self.intervals - 1;
        // The ends first: a function bends most there, if anywhere.
        for i in [0, last].into_iter().chain(0..self.intervals) {
            let (from, to) = (f(self.knot(i)), f(self.knot(i + 1)));
            let lift = if i == 0 { 0.0 } else { self.lift(f, i, from, to) };
            let rounding = (to - from).abs() / (1 << (LIMB_BITS + 1)) as f64;
            for part in [0.25, 0.5, 0.75] {
                let chord = from + lift + (to - from) * part;
                worst = worst.max((f(self.knot(i) + part * self.width()) - chord).abs() + rounding);
            }
            worst = worst.max(lift.abs() + rounding);
            if worst > enough {
                return worst;
            }
        }
        worst
    }

    /// Half the chord's error at the middle: the error becomes two-sided.
    fn lift(&self, f: &dyn Fn(f64) -> f64, i: usize, from: f64, to: f64) -> f64 {
        (f(self.knot(i) + self.width() / 2.0) - (from + to) / 2.0) / 2.0
    }

    /// The table's entries and what they mean. One entry more than there are intervals, flat, for the upper end itself; the first one is not lifted if
    /// another piece ends where this one starts.
    pub fn drawn(&self, f: &dyn Fn(f64) -> f64, first: bool) -> Drawn {
        let knots: Vec<f64> = (0..=self.intervals).map(|i| f(self.knot(i))).collect();
        let (min, max) = knots.iter().fold((f64::MAX, f64::MIN), |(a, b), &v| (a.min(v), b.max(v)));
        let range = max - min;
        let offset = if min > 4.0 * range {
            min
        } else if max < -4.0 * range {
            max
        } else {
            0.0
        };
        let lifts: Vec<f64> = knots
            .windows(2)
            .enumerate()
            .map(|(i, pair)| match pair {
                &[from, to] if i > 0 || first => {
                    let lift = self.lift(f, i, from, to);
                    // What is never negative stays so.
                    if min >= 0.0 && from.min(to) + lift < 0.0 { 0.0 } else { lift }
                }
                _ => 0.0,
            })
            .collect();
        let most = lifts.iter().fold(0.0f64, |m, l| m.max(l.abs()));
        let size = ((max - offset).abs().max((min - offset).abs()) + most).max(1e-30) * (1.0 + SHARE);
        let bits = libm::floor(libm::log2((1i64 << (Y_BITS - SHIFT)) as f64 / size));
        let one = libm::exp2(bits + f64::from(SHIFT - LIMB_BITS));
        let half = HALF >> LIMB_BITS;
        let mut entries = Vec::with_capacity(self.intervals + 1);
        for (pair, lift) in knots.windows(2).zip(lifts) {
            let &[from, to] = pair else { continue };
            entries.push((((from + lift - offset) * one).round() as i64 + half, ((to - from) * one).round() as i64));
        }
        let end = knots.last().copied().unwrap_or(offset);
        entries.push((((end - offset) * one).round() as i64 + half, 0));
        let unit = libm::exp2(-bits);
        let at = |entry: Option<&(i64, i64)>| entry.map_or(0, |e| (e.0 << LIMB_BITS) >> SHIFT) as f64 * unit + offset;
        Drawn { piece: *self, unit, offset, low: at(entries.first()), high: at(entries.last()), entries }
    }
}

/// A piece with its table: the value is `offset + unit · result`.
#[derive(Clone, Debug)]
pub(super) struct Drawn {
    pub piece: Piece,
    pub unit: f64,
    pub offset: f64,
    /// Value at the lower end.
    pub low: f64,
    /// Value at the upper end.
    pub high: f64,
    pub entries: Vec<(i64, i64)>,
}

/// Points that show how a function runs over `[lo, hi]`: even ones, and denser ones at both ends and about 0.
pub(super) fn points(lo: f64, hi: f64) -> Vec<f64> {
    let span = hi - lo;
    let mut points: Vec<f64> = (0..=128).map(|i| lo + span * f64::from(i) / 128.0).collect();
    for j in 8..40 {
        let part = span * libm::exp2(-f64::from(j));
        points.extend([lo + part, hi - part, part, -part].into_iter().filter(|x| (lo..=hi).contains(x)));
    }
    points.sort_by(f64::total_cmp);
    points
}

/// Smallest and largest value at [`points`].
pub(super) fn extremes(f: &dyn Fn(f64) -> f64, lo: f64, hi: f64) -> (f64, f64) {
    points(lo, hi).into_iter().map(f).fold((f64::INFINITY, f64::NEG_INFINITY), |(a, b), v| {
        if v.is_nan() { (f64::NEG_INFINITY, f64::INFINITY) } else { (a.min(v), b.max(v)) }
    })
}

/// `[lo, hi]` without the ends over which the function is flat.
pub(super) fn bent(f: &dyn Fn(f64) -> f64, lo: f64, hi: f64) -> (f64, f64) {
    let (min, max) = extremes(f, lo, hi);
    let tolerance = (max - min) * FLAT;
    // The last point, from `near` on, at which the function is as at `near`.
    let flat_to = |near: f64, far: f64| {
        let flat = |x: f64| (f(x) - f(near)).abs() <= tolerance;
        let (mut good, mut bad) = (near, far);
        for _ in 0..60 {
            let middle = good + (bad - good) / 2.0;
            if flat(middle) {
                good = middle;
            } else {
                bad = middle;
            }
        }
        let all = points(near.min(good), near.max(good)).into_iter().all(flat);
        if all { good } else { near }
    };
    (flat_to(lo, hi), flat_to(hi, lo))
}

/// `[lo, hi]` widened to round numbers, but not beyond `limits`.
pub(super) fn rounded((lo, hi): (f64, f64), limits: (f64, f64)) -> (f64, f64) {
    let step = libm::exp2(libm::ceil(libm::log2(hi - lo)) - 5.0);
    let (down, up) = (libm::floor(lo / step) * step, libm::ceil(hi / step) * step);
    (if down < limits.0 { lo } else { down }, if up > limits.1 { hi } else { up })
}

/// The pieces of `[lo, hi]`, lowest first, and their largest error. `free` entries cost nothing: a smaller error than asked for takes no more of them.
pub(super) fn pieces(f: &dyn Fn(f64) -> f64, lo: f64, hi: f64, free: usize) -> (Vec<Piece>, f64) {
    let (min, max) = extremes(f, lo, hi);
    let range = max - min;
    let small = free.max(SMALL);
    for (share, most) in [(SHARE / 4.0, COMFORTABLE.min(small)), (SHARE / 2.0, MOST.min(small)), (SHARE, MOST)] {
        if let Some(piece) = Piece::fine_enough(f, lo, hi, range * share, most) {
            return (vec![piece], range * share);
        }
    }
    let mut share = SHARE;
    while share < 1.0 / 16.0 {
        let target = range * share;
        if let Some(found) = cut(f, lo, hi, target) {
            return (found, target);
        }
        share *= 2.0;
    }
    let piece = Piece::finest(lo, hi);
    let worst = piece.worst(f, f64::MAX);
    (vec![piece], worst)
}

/// Pieces with errors below `target`, at most [`PIECES`]: as few as possible, and of the fewest intervals.
fn cut(f: &dyn Fn(f64) -> f64, lo: f64, hi: f64, target: f64) -> Option<Vec<Piece>> {
    let (span, size) = (hi - lo, lo.abs().max(hi.abs()));
    let parts = (1..=16).map(|j| libm::exp2(-f64::from(j)));
    let mut cuts: Vec<f64> = parts
        .flat_map(|part| [lo + span * part, hi - span * part, size * part, -size * part])
        .filter(|x| *x > lo && *x < hi)
        .chain([lo, hi])
        .collect();
    cuts.sort_by(f64::total_cmp);
    cuts.dedup_by(|b, a| *b - *a < span * libm::exp2(-20.0));
    // The best way to each cut with the number of pieces so far; then one piece more.
    let mut ways: Vec<Option<Vec<Piece>>> = cuts.iter().map(|&c| (c == lo).then(Vec::new)).collect();
    let mut known: Vec<Vec<Option<Option<Piece>>>> = vec![vec![None; cuts.len()]; cuts.len()];
    let count = |pieces: &[Piece]| pieces.iter().map(|p| p.intervals).sum::<usize>();
    for _ in 0..PIECES {
        let mut next: Vec<Option<Vec<Piece>>> = vec![None; cuts.len()];
        for (i, way) in ways.iter().enumerate().filter_map(|(i, w)| Some((i, w.as_ref()?))) {
            for j in i + 1..cuts.len() {
                let fine = || Piece::fine_enough(f, cuts[i], cuts[j], target, MOST);
                // Where a short piece is not fine enough, a longer one is not either.
                let Some(piece) = *known[i][j].get_or_insert_with(fine) else { break };
                if next[j].as_ref().is_none_or(|best| count(way) + piece.intervals < count(best)) {
                    next[j] = Some([way.as_slice(), &[piece]].concat());
                }
            }
        }
        if let Some(Some(found)) = next.last() {
            return Some(joined(found, hi));
        }
        ways = next;
    }
    None
}

/// The same pieces, each starting exactly where the one below ends.
fn joined(pieces: &[Piece], hi: f64) -> Vec<Piece> {
    let mut joined: Vec<Piece> = Vec::with_capacity(pieces.len());
    for (i, piece) in pieces.iter().enumerate() {
        let lo = joined.last().map_or(piece.lo, Piece::hi);
        let end = pieces.get(i + 1).map_or(hi, |next| next.lo);
        let intervals = libm::ceil((end - lo) / piece.width() - 1e-9);
        if intervals >= 1.0 {
            joined.push(Piece { lo, intervals: intervals as usize, ..*piece });
        }
    }
    joined
}
