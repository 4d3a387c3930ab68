//! The passes of a transform over vectors of eight elements.
//!
//! In the first pass the lanes are the eight runs of a tile, so that a butterfly never mixes lanes; later, they are neighbours.

use std::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};

use halo2_proofs::halo2curves::bn256::Fr;

use super::{Pass, SIDE, SIDE_BITS, Source, reverse};
use crate::lanes::loose::{Loose, apart, keep_transposed};
use crate::lanes::{Factor, Ifma, LANES};

/// Tiles between the one that is asked of the memory and the one in work.
const AHEAD: usize = 4;

/// Takes the limbs of the twiddles apart, of which there are a multiple of eight.
#[expect(unsafe_code, reason = "compiled for other processors than the rest")]
pub fn prepare(_: Ifma, twiddles: &mut [Fr]) {
    // SAFETY: the processor has the instructions.
    twiddles.as_chunks_mut().0.iter_mut().for_each(|eight| unsafe { apart(eight) });
}

/// One level: from two blocks to one of twice their size, which is a multiple of 16.
#[expect(unsafe_code, reason = "compiled for other processors than the rest")]
pub fn one_level(_: Ifma, halves: [&mut [Fr]; 2], twiddles: &[Fr]) {
    // SAFETY: the processor has the instructions.
    unsafe { one_level_inner(halves, twiddles) }
}

/// Two levels: from four blocks to one of four times their size, which is a multiple of 32.
#[expect(unsafe_code, reason = "compiled for other processors than the rest")]
pub fn two_levels(_: Ifma, quarters: [&mut [Fr]; 4], twiddles: [&[Fr]; 3]) {
    // SAFETY: the processor has the instructions.
    unsafe { two_levels_inner(quarters, twiddles) }
}

/// Makes elements of the field of what the last pass left behind, times `scale`.
#[expect(unsafe_code, reason = "compiled for other processors than the rest")]
pub fn finish(_: Ifma, values: &mut [Fr], scale: Fr) {
    // SAFETY: the processor has the instructions.
    unsafe { finish_inner(values, scale) }
}

/// The first three levels of the tiles from `first` that go to these parts of the eighths of the output.
#[expect(unsafe_code, reason = "compiled for other processors than the rest")]
pub fn first_levels(_: Ifma, pass: &Pass<'_>, eighths: [&mut [Fr]; SIDE], first: usize, source: Source<'_>) {
    // SAFETY: the processor has the instructions.
    unsafe { first_levels_inner(pass, eighths, first, source) }
}

#[target_feature(enable = "avx512f,avx512dq,avx512ifma,avx512vbmi2")]
fn one_level_inner(halves: [&mut [Fr]; 2], twiddles: &[Fr]) {
    let [low, high] = halves.map(|part| part.as_chunks_mut().0);
    for ((a, b), w) in low.iter_mut().zip(high).zip(twiddles.as_chunks().0) {
        let [x, y] = Loose::one_level([Loose::kept(a), Loose::kept(b)], &Factor::kept(w));
        x.keep(a);
        y.keep(b);
    }
}

#[target_feature(enable = "avx512f,avx512dq,avx512ifma,avx512vbmi2")]
fn two_levels_inner(quarters: [&mut [Fr]; 4], twiddles: [&[Fr]; 3]) {
    let [a, b, c, d] = quarters.map(|part| part.as_chunks_mut().0);
    let [first, low, high] = twiddles.map(|part| part.as_chunks().0);
    let factors = first.iter().zip(low).zip(high);
    for ((((a, b), c), d), ((w, low), high)) in a.iter_mut().zip(b).zip(c).zip(d).zip(factors) {
        let values = [Loose::kept(a), Loose::kept(b), Loose::kept(c), Loose::kept(d)];
        let [x, y, z, u] = Loose::two_levels(values, &Factor::kept(w), &Factor::kept(low), &Factor::kept(high));
        x.keep(a);
        y.keep(b);
        z.keep(c);
        u.keep(d);
    }
}

#[target_feature(enable = "avx512f,avx512dq,avx512ifma,avx512vbmi2")]
fn finish_inner(values: &mut [Fr], scale: Fr) {
    let scale = Factor::splat(scale);
    for eight in values.as_chunks_mut().0 {
        Loose::kept(eight).times(&scale).store(eight);
    }
}

#[target_feature(enable = "avx512f,avx512dq,avx512ifma,avx512vbmi2")]
fn first_levels_inner(pass: &Pass<'_>, eighths: [&mut [Fr]; SIDE], first: usize, source: Source<'_>) {
    let factors: [Factor<Fr>; SIDE] = std::array::from_fn(|i| Factor::splat(pass.twiddles[i]));
    let tiles = eighths[0].len() / SIDE;
    let mut outs = eighths.map(|eighth| eighth.as_chunks_mut::<SIDE>().0);
    let start = |tile: usize| SIDE * reverse(first + tile, pass.k - 2 * SIDE_BITS);
    let run = |start: usize, a: usize| start + reverse(a, SIDE_BITS) * (pass.len() / SIDE);
    for tile in 0..tiles {
        let next = start(tile + AHEAD);
        (0..SIDE).for_each(|a| source.prefetch(run(next, a)));
        let start = start(tile);
        let values: [Loose<Fr>; SIDE] = std::array::from_fn(|a| Loose::load(&source.eight(run(start, a))));
        let [a, b, c, d, e, f, g, h] = outs.each_mut().map(|out| &mut out[tile]);
        // The lanes' numbers with their bits reversed.
        let runs = [a, e, c, g, b, f, d, h];
        keep_transposed(eight(values, &factors), runs);
    }
}

impl Source<'_> {
    /// Elements from `first` on.
    #[inline]
    fn eight(&self, first: usize) -> [Fr; LANES] {
        match self.values.get(first..first + LANES) {
            Some(run) if !self.reversed => std::array::from_fn(|i| run[i]),
            _ => std::array::from_fn(|i| self.get(first + i)),
        }
    }

    /// Asks for the cache lines of eight elements.
    #[inline]
    fn prefetch(&self, first: usize) {
        let first = if self.reversed { self.len.wrapping_sub(first + LANES - 1) & (self.len - 1) } else { first };
        if let Some(run) = self.values.get(first..first + LANES) {
            for pair in run.chunks(2) {
                // SAFETY: a hint that reads nothing.
                #[expect(unsafe_code, reason = "the hint takes a pointer")]
                unsafe {
                    _mm_prefetch::<_MM_HINT_T0>(pair.as_ptr().cast())
                };
            }
        }
    }
}

/// The levels of size 2, 4 and 8 over eight vectors, given the first eight twiddle factors.
#[target_feature(enable = "avx512f,avx512dq,avx512ifma,avx512vbmi2")]
#[inline]
fn eight(values: [Loose<Fr>; SIDE], factors: &[Factor<Fr>; SIDE]) -> [Loose<Fr>; SIDE] {
    let [_, one, two, two_i, four, root, i, cube] = factors;
    let [a, b, c, d, e, f, g, h] = values;
    let ([a, b], [c, d]) = (Loose::one_level([a, b], one), Loose::one_level([c, d], one));
    let ([e, f], [g, h]) = (Loose::one_level([e, f], one), Loose::one_level([g, h], one));
    let ([a, c], [b, d]) = (Loose::one_level([a, c], two), Loose::one_level([b, d], two_i));
    let ([e, g], [f, h]) = (Loose::one_level([e, g], two), Loose::one_level([f, h], two_i));
    let ([a, e], [b, f]) = (Loose::one_level([a, e], four), Loose::one_level([b, f], root));
    let ([c, g], [d, h]) = (Loose::one_level([c, g], i), Loose::one_level([d, h], cube));
    [a, b, c, d, e, f, g, h]
}
