//! The circuit as a whole: pranks on random cells and on every output, completeness, the pinned key.

mod completeness;
mod division;
pub(super) mod matrix;
mod outputs;
mod pinned;
mod pranks;
mod products;
mod raw_range;
mod rows;

use halo2_proofs::halo2curves::bn256::Fr;

use super::assembler::{Cell, Column};
use super::layout::Layout;
use crate::gadgets::{RowKind, poseidon};
use crate::inference::statement::{pow2, signed};
use crate::quant::program::{LANE_BITS, LIMB_BITS};

/// The value of a cell, to read or to overwrite.
fn cell(layout: &mut Layout, at: Cell) -> &mut Fr {
    let values = &mut layout.values[at.row];
    match at.column {
        Column::A0 => &mut values.a[0],
        Column::A1 => &mut values.a[1],
        Column::A2 => &mut values.a[2],
        Column::Z => &mut values.z,
    }
}

/// Makes a lane's row say `y`, as a prover would who believes it; limbs leave their range where `y` does.
fn set_lane(layout: &mut Layout, row: usize, y: i64) {
    let RowKind::Requant(requant) = layout.rows[row].kind else { panic!("row {row} is no lane") };
    let sum = if y < 0 { -(y + 1) } else { y };
    let limb = |i: u32| Fr::from(((sum >> (LIMB_BITS * i)) & ((1 << LIMB_BITS) - 1)) as u64);
    let values = &mut layout.values[row];
    values.a = [limb(0), limb(1), limb(2), Fr::from((sum >> (3 * LIMB_BITS)) as u64)];
    values.b = Fr::from(u64::from(y >= 0));
    values.z = signed(i128::from(requant.apply(y)));
}

/// What a careful forger does after an edit: copies values forward to later rows and computes every accumulator anew, so
/// that only those constraints fail that cannot be met.
fn settle(layout: &mut Layout) {
    let mut copies: Vec<(Cell, Cell)> = layout.copies.iter().filter(|(from, to)| from.row < to.row).copied().collect();
    copies.sort_by_key(|(_, to)| to.row);
    let mut copies = copies.into_iter().peekable();
    let lane = pow2(LANE_BITS).invert().unwrap();
    let mut acc = Fr::zero();
    for row in 0..layout.rows.len() {
        while let Some((from, to)) = copies.next_if(|(_, to)| to.row == row) {
            let value = *cell(layout, from);
            *cell(layout, to) = value;
        }
        let (f, w) = (layout.rows[row].f, layout.rows[row].w);
        let values = &mut layout.values[row];
        let [a0, a1, a2, a3] = values.a;
        values.acc = acc;
        acc = match layout.rows[row].kind {
            RowKind::Dot { .. } => {
                let dot = a0 * f[0] + a1 * f[1] + a2 * f[2] + values.z * f[3];
                acc + dot + w * (a0 * a1 + a2 * values.z)
            }
            RowKind::Function => acc + pow2(LIMB_BITS) * a2 + a3 * a0,
            kind if kind.is_lane() => {
                let sum = a0 + pow2(LIMB_BITS) * a1 + pow2(2 * LIMB_BITS) * a2 + pow2(3 * LIMB_BITS) * a3;
                let y = if values.b == Fr::one() { sum } else { -sum - Fr::one() };
                (acc - y) * lane
            }
            _ => Fr::zero(),
        };
    }
}

/// Puts a word into the statement, instance and cell.
fn set_word(layout: &mut Layout, word: usize, value: Fr) {
    layout.words[word] = value;
    layout.values[word].a[0] = value;
}

/// Computes every sponge anew from the cells where its permutations start, and shows their digests.
fn settle_sponges(layout: &mut Layout) {
    for row in 0..layout.rows.len() - 1 {
        let copies: Vec<(Cell, Cell)> =
            layout.copies.iter().filter(|(from, to)| to.row == row && from.row < row).copied().collect();
        for (from, to) in copies {
            let value = *cell(layout, from);
            *cell(layout, to) = value;
        }
        let f = layout.rows[row].f;
        let [a0, a1, a2, _] = layout.values[row].a;
        match layout.rows[row].kind {
            RowKind::Dot { .. } if f == [Fr::one(), Fr::one(), -Fr::one(), Fr::zero()] => {
                layout.values[row].a[2] = a0 + a1
            }
            RowKind::Poseidon { partial } => {
                let square = |u: Fr| if partial { Fr::one() } else { u.square() };
                let values = &mut layout.values[row];
                (values.a[3], values.b, values.z) = (a0.square(), square(a1), square(a2));
                let next = poseidon::add(&poseidon::round(&[a0, a1, a2], partial), &[f[0], f[1], f[2]]);
                layout.values[row + 1].a[..3].copy_from_slice(&next);
            }
            _ => {}
        }
    }
    // A digest is copied to its word, which stands above it.
    let shown: Vec<(Cell, Cell)> =
        layout.copies.iter().filter(|(from, to)| to.row < layout.words.len() && from.row > to.row).copied().collect();
    for (digest, word) in shown.into_iter().filter(|(digest, _)| digest.column == Column::A1) {
        let value = *cell(layout, digest);
        set_word(layout, word.row, value);
    }
}

/// Takes the copies to some cells away, so that what follows settles as if they were free; returns all copies, to be put back.
fn cut(layout: &mut Layout, cells: &[Cell]) -> Vec<(Cell, Cell)> {
    let kept = layout.copies.clone();
    layout.copies.retain(|(_, to)| !cells.contains(to));
    kept
}
