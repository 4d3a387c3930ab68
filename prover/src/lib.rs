//! Proofs for halo2's proving keys over BN254 (KZG, SHPLONK opening), byte for byte in the form that halo2's verifier, snark-verifier and
//! generated Solidity verifiers read, in a quarter of the time that halo2's own prover takes (half, without AVX-512 IFMA).
//!
//! | file | what it does |
//! |---|---|
//! | [`witness`] | what a circuit fills in, phase by phase |
//! | [`bases`] | the reference string, in both forms |
//! | `msm` | sums of multiples of points |
//! | `fft` | between values and coefficients |
//! | `permutation` | running products of the copy constraints |
//! | `lookup` | halo2's lookups |
//! | `graph` | constraints as one program over blocks of rows |
//! | `rows` | loops over rows of field elements |
//! | `lanes` | field elements on vectors |
//! | `quotient` | the constraints' sum on cosets, divided by what vanishes |
//! | `opening` | one opening of all polynomials at all points |
//!
//! Keys come from halo2, and so does the meaning of everything here; a wrong proof is one that no verifier takes. Shuffles of
//! halo2 are not supported. The protocol: [The halo2 book](https://zcash.github.io/halo2/design/proving-system.html),
//! with the multi-opening of Boneh, Drake, Fisch and Gabizon ([2020/081](https://eprint.iacr.org/2020/081), section 4).
#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used, clippy::panic))]

pub mod bases;
mod error;
mod fft;
mod graph;
#[cfg_attr(not(target_arch = "x86_64"), path = "lanes/absent.rs")]
mod lanes;
mod lookup;
mod msm;
mod opening;
mod permutation;
mod prove;
mod quotient;
mod rows;
#[cfg(test)]
mod tests;
pub mod witness;

pub use bases::{Bases, lagrange};
pub use error::Error;
pub use fft::Domain;
pub use msm::multiexp;
pub use prove::prove;
pub use quotient::multiplications;
pub use witness::{Synthesised, Witness};
