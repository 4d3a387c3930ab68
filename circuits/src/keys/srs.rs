//! [`Srs`]: KZG parameters together with what they are worth (their origin) and what they are (their digest).

use dodona_prover::Bases;
use halo2_proofs::{
    halo2curves::{
        bn256::{Bn256, G1Affine, G2Affine},
        group::GroupEncoding,
    },
    poly::{commitment::Params, kzg::commitment::ParamsKZG},
};
use rand::{SeedableRng, rngs::StdRng};
use sha3::{Digest, Keccak256};
use std::{
    fmt, io,
    sync::{Arc, OnceLock},
};

use super::{Progress, SrsError, dev};

/// The largest `k` that is accepted: a string of 2^26 points is 8 GiB.
pub const MAX_K: u32 = 26;

/// Where a string comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum SrsOrigin {
    /// Derived from a public seed. INSECURE: whoever reads the seed can prove anything.
    Dev,
    /// Imported from a ceremony's file and checked by pairing.
    Ceremony,
}

impl SrsOrigin {
    pub(super) fn name(self) -> &'static str {
        match self {
            SrsOrigin::Dev => "dev",
            SrsOrigin::Ceremony => "ceremony",
        }
    }
}

impl fmt::Display for SrsOrigin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            SrsOrigin::Dev => f.write_str("dev (insecure)"),
            SrsOrigin::Ceremony => f.write_str("ceremony"),
        }
    }
}

/// `keccak256` of the compressed `τG₂` (64 bytes): the same for every `k` of one setup.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SrsDigest(pub [u8; 32]);

impl fmt::Display for SrsDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "0x{}", hex::encode(self.0))
    }
}

impl fmt::Debug for SrsDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// The digest of a setup, from its `τG₂`.
pub fn srs_digest(tau_g2: &G2Affine) -> SrsDigest {
    SrsDigest(Keccak256::digest(tau_g2.to_bytes().as_ref()).into())
}

/// A structured reference string of `2^k` points, in both bases.
///
/// Every value was either computed here, checked by pairing at import, or read from a file whose checksum matched.
#[derive(Clone, Debug)]
pub struct Srs {
    params: ParamsKZG<Bn256>,
    /// The Lagrange form once more, since halo2 keeps its own to itself; made when the first proof needs it.
    lagrange: Arc<OnceLock<Vec<G1Affine>>>,
    origin: SrsOrigin,
    digest: SrsDigest,
}

impl Srs {
    pub(super) fn new(params: ParamsKZG<Bn256>, origin: SrsOrigin) -> Self {
        let digest = srs_digest(&params.s_g2());
        Self { params, lagrange: Arc::default(), origin, digest }
    }

    /// The insecure development string of `2^k` points. See [`SrsOrigin::Dev`].
    ///
    /// # Errors
    /// [`SrsError::Size`] unless `1 ≤ k ≤` [`MAX_K`].
    pub fn dev(k: u32, progress: &dyn Progress) -> Result<Self, SrsError> {
        check_k(k)?;
        Ok(Self::new(dev::generate(k, progress), SrsOrigin::Dev))
    }

    /// Halo2's form of the string.
    pub fn params(&self) -> &ParamsKZG<Bn256> {
        &self.params
    }

    /// Both forms, for [`dodona_prover`]. The first call takes 64 bytes more a point.
    ///
    /// # Errors
    /// If the Lagrange form cannot be had from halo2.
    pub fn bases(&self) -> io::Result<Bases<'_>> {
        let lagrange = match self.lagrange.get() {
            Some(lagrange) => lagrange,
            None => {
                let made = dodona_prover::lagrange(&self.params)?;
                self.lagrange.get_or_init(|| made)
            }
        };
        Ok(Bases::new(&self.params, lagrange))
    }

    /// Base-2 logarithm of the number of points.
    pub fn k(&self) -> u32 {
        self.params.k()
    }

    /// Where the string comes from.
    pub fn origin(&self) -> SrsOrigin {
        self.origin
    }

    /// Which setup it is.
    pub fn digest(&self) -> SrsDigest {
        self.digest
    }

    /// The same setup with `2^k` points. Costs a few seconds at `k = 14` for a ceremony's string (a Fourier transform of points).
    ///
    /// # Errors
    /// [`SrsError::Size`] if `k` is 0 or larger than the string's.
    pub fn downsize(&self, k: u32, progress: &dyn Progress) -> Result<Self, SrsError> {
        if k == self.k() {
            return Ok(self.clone());
        }
        if k == 0 || k > self.k() {
            return Err(SrsError::Size { max: self.k(), got: k });
        }
        if self.origin == SrsOrigin::Dev {
            return Self::dev(k, progress);
        }
        progress.step("srs downsize", 0, 1);
        let mut params = self.params.clone();
        params.downsize(k);
        progress.step("srs downsize", 1, 1);
        Ok(Self { params, lagrange: Arc::default(), origin: self.origin, digest: self.digest })
    }
}

/// Refuses a `k` outside `1..=MAX_K`.
pub(super) fn check_k(k: u32) -> Result<(), SrsError> {
    if (1..=MAX_K).contains(&k) { Ok(()) } else { Err(SrsError::Size { max: MAX_K, got: k }) }
}

/// Halo2's parameters from their points; `g` and `lagrange` have `2^k` elements each.
pub(super) fn assemble(
    k: u32,
    g: Vec<G1Affine>,
    lagrange: Vec<G1Affine>,
    g2: G2Affine,
    tau_g2: G2Affine,
) -> ParamsKZG<Bn256> {
    // `from_parts` is a method, but takes nothing from its receiver: any parameters do.
    let receiver = ParamsKZG::<Bn256>::setup(1, StdRng::seed_from_u64(0));
    receiver.from_parts(k, g, Some(lagrange), g2, tau_g2)
}
