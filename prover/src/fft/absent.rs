//! What stands for the passes over vectors on processors that have none: nothing of it can be called.

use halo2_proofs::halo2curves::bn256::Fr;

use super::{Pass, SIDE, Source};
use crate::lanes::Ifma;

pub fn prepare(ifma: Ifma, _: &mut [Fr]) {
    match ifma {}
}

pub fn one_level(ifma: Ifma, _: [&mut [Fr]; 2], _: &[Fr]) {
    match ifma {}
}

pub fn two_levels(ifma: Ifma, _: [&mut [Fr]; 4], _: [&[Fr]; 3]) {
    match ifma {}
}

pub fn finish(ifma: Ifma, _: &mut [Fr], _: Fr) {
    match ifma {}
}

pub fn first_levels(ifma: Ifma, _: &Pass<'_>, _: [&mut [Fr]; SIDE], _: usize, _: Source<'_>) {
    match ifma {}
}
