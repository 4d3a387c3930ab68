//! The reference string in Lagrange form, which halo2 keeps to itself but writes to whoever asks.

use halo2_proofs::SerdeFormat;
use halo2_proofs::halo2curves::bn256::{Bn256, Fr, G1Affine};
use halo2_proofs::halo2curves::serde::SerdeObject;
use halo2_proofs::poly::commitment::{Params, ParamsProver};
use halo2_proofs::poly::kzg::commitment::ParamsKZG;
use std::io::{self, Write};

use crate::msm::multiexp;

/// Bytes of a raw point.
const POINT: usize = 64;

/// A reference string in both forms, to commit with.
#[derive(Clone, Copy, Debug)]
pub struct Bases<'a> {
    powers: &'a [G1Affine],
    lagrange: &'a [G1Affine],
}

impl<'a> Bases<'a> {
    /// `lagrange` must be [`lagrange`] of the same `params`.
    pub fn new(params: &'a ParamsKZG<Bn256>, lagrange: &'a [G1Affine]) -> Self {
        Self { powers: params.get_g(), lagrange }
    }

    /// Number of points of each form.
    pub(crate) fn len(&self) -> usize {
        self.powers.len().min(self.lagrange.len())
    }

    /// Commits to a polynomial given by its coefficients, without blinding.
    pub(crate) fn commit(&self, coefficients: &[Fr]) -> halo2_proofs::halo2curves::bn256::G1 {
        multiexp(coefficients, self.powers)
    }

    /// Commits to a polynomial given by its values, without blinding.
    pub(crate) fn commit_values(&self, values: &[Fr]) -> halo2_proofs::halo2curves::bn256::G1 {
        multiexp(values, self.lagrange)
    }
}

/// The Lagrange form of a reference string: the commitments to the polynomials that are 1 at one power of ω and 0 at the others. 64 bytes a point.
///
/// # Errors
/// If halo2 writes something else than its format says.
pub fn lagrange(params: &ParamsKZG<Bn256>) -> io::Result<Vec<G1Affine>> {
    let n = params.n() as usize;
    let mut sink = Sink {
        skip: size_of::<u32>() + n * POINT,
        part: Vec::with_capacity(POINT),
        left: n,
        points: Vec::with_capacity(n),
    };
    params.write_custom(&mut sink, SerdeFormat::RawBytesUnchecked)?;
    if sink.left == 0 { Ok(sink.points) } else { Err(io::Error::new(io::ErrorKind::UnexpectedEof, "reference string")) }
}

/// Takes the points out of `k ‖ powers ‖ Lagrange form ‖ …`.
struct Sink {
    skip: usize,
    part: Vec<u8>,
    left: usize,
    points: Vec<G1Affine>,
}

impl Write for Sink {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let skipped = self.skip.min(bytes.len());
        self.skip -= skipped;
        let mut rest = &bytes[skipped..];
        while self.left > 0 && !rest.is_empty() {
            let taken = (POINT - self.part.len()).min(rest.len());
            self.part.extend_from_slice(&rest[..taken]);
            rest = &rest[taken..];
            if self.part.len() == POINT {
                let point = G1Affine::from_raw_bytes(&self.part);
                self.points.push(point.ok_or_else(|| io::Error::new(io::ErrorKind::InvalidData, "no point"))?);
                self.part.clear();
                self.left -= 1;
            }
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
