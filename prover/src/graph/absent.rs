//! What stands for programs on vectors on processors that have none: nothing of it can be made.

use halo2_proofs::halo2curves::bn256::Fr;
use std::borrow::Cow;

use super::program::Program;
use crate::lanes::{Ifma, LANES};

#[derive(Debug)]
pub enum Registers {}

impl Registers {
    pub fn new(_: &Program, ifma: Ifma) -> Self {
        match ifma {}
    }

    pub fn run(&mut self, _: &Program, _: &[Cow<'_, [Fr]>], _: &mut [[Fr; LANES]]) {
        match *self {}
    }
}
