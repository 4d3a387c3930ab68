//! [`SrsStore`]: a folder with one sealed file for each origin and `k`.

use halo2_proofs::{
    SerdeFormat,
    halo2curves::{
        bn256::{G1Affine, G2Affine},
        serde::SerdeObject,
    },
};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};
use std::{
    io::{self, Read},
    path::{Path, PathBuf},
};

use super::{
    FileError, MAX_K, Progress, Srs, SrsError, SrsOrigin, ceremony,
    codec::{Format, open_sealed, write_sealed},
    srs::{assemble, check_k},
};

const FORMAT: Format = Format { magic: b"DODONSRS", version: 1 };
const CHUNK: usize = 1 << 14;
/// Bytes of an uncompressed point of G1 and of G2.
pub(super) const G1_BYTES: usize = 64;
pub(super) const G2_BYTES: usize = 128;

#[derive(Serialize, Deserialize)]
struct Header {
    k: u32,
    origin: String,
    digest: String,
}

/// Structured reference strings on disk. Files are made on demand and reused; a damaged one is an error, never silently replaced.
#[derive(Clone, Debug)]
pub struct SrsStore {
    dir: PathBuf,
}

impl SrsStore {
    /// A store in `dir`, which is made at the first write.
    pub fn new(dir: impl Into<PathBuf>) -> Self {
        Self { dir: dir.into() }
    }

    /// The file of a string.
    pub fn path(&self, origin: SrsOrigin, k: u32) -> PathBuf {
        self.dir.join(format!("{}-{k}.srs", origin.name()))
    }

    /// The INSECURE development string of `2^k` points, from its file or made and stored.
    ///
    /// # Errors
    /// [`SrsError::Size`], or the reason why the stored file was refused.
    pub fn dev(&self, k: u32, progress: &dyn Progress) -> Result<Srs, SrsError> {
        check_k(k)?;
        let path = self.path(SrsOrigin::Dev, k);
        if path.exists() {
            return read(&path, SrsOrigin::Dev, k);
        }
        let srs = Srs::dev(k, progress)?;
        write(&path, &srs)?;
        Ok(srs)
    }

    /// The imported ceremony's string of `2^k` points: from its file, or cut from the next larger one and stored.
    ///
    /// # Errors
    /// [`SrsError::Missing`] if none is large enough, or the reason why the stored file was refused.
    pub fn ceremony(&self, k: u32, progress: &dyn Progress) -> Result<Srs, SrsError> {
        check_k(k)?;
        let origin = SrsOrigin::Ceremony;
        let path = self.path(origin, k);
        if path.exists() {
            return read(&path, origin, k);
        }
        let larger = (k + 1..=MAX_K)
            .find(|larger| self.path(origin, *larger).exists())
            .ok_or_else(|| SrsError::Missing { origin, k, dir: self.dir.clone() })?;
        let srs = read(&self.path(origin, larger), origin, larger)?.downsize(k, progress)?;
        write(&path, &srs)?;
        Ok(srs)
    }

    /// A string of either origin, see [`SrsStore::dev`] and [`SrsStore::ceremony`].
    ///
    /// # Errors
    /// As those two.
    pub fn get(&self, origin: SrsOrigin, k: u32, progress: &dyn Progress) -> Result<Srs, SrsError> {
        match origin {
            SrsOrigin::Dev => self.dev(k, progress),
            SrsOrigin::Ceremony => self.ceremony(k, progress),
        }
    }

    /// Checks a ceremony's file (`.srs`, as Halo2's `ParamsKZG::write` makes it) and stores it. `expected_k` refuses any other size.
    ///
    /// # Errors
    /// What is wrong with the file; [`SrsError::OtherCeremony`] if the store already holds a string of another setup.
    pub fn import(&self, file: &Path, expected_k: Option<u32>, progress: &dyn Progress) -> Result<Srs, SrsError> {
        let srs = ceremony::read(file, expected_k, progress)?;
        let present = (1..=MAX_K).find(|k| self.path(SrsOrigin::Ceremony, *k).exists());
        if let Some(k) = present {
            let stored = read_header(&self.path(SrsOrigin::Ceremony, k), SrsOrigin::Ceremony, k)?;
            if stored != srs.digest().to_string() {
                let expected = read(&self.path(SrsOrigin::Ceremony, k), SrsOrigin::Ceremony, k)?.digest();
                return Err(SrsError::OtherCeremony { dir: self.dir.clone(), expected, got: srs.digest() });
            }
        }
        write(&self.path(SrsOrigin::Ceremony, srs.k()), &srs)?;
        Ok(srs)
    }
}

fn write(path: &Path, srs: &Srs) -> Result<(), SrsError> {
    let header = Header { k: srs.k(), origin: srs.origin().name().to_owned(), digest: srs.digest().to_string() };
    write_sealed(path, FORMAT, &header, |mut writer| {
        srs.params().write_custom(&mut writer, SerdeFormat::RawBytesUnchecked)
    })?;
    Ok(())
}

fn mismatch(path: &Path, what: &'static str, expected: impl ToString, got: impl ToString) -> SrsError {
    SrsError::Mismatch { path: path.to_owned(), what, expected: expected.to_string(), got: got.to_string() }
}

fn check_header(path: &Path, header: &Header, origin: SrsOrigin, k: u32) -> Result<(), SrsError> {
    if header.origin != origin.name() {
        return Err(mismatch(path, "origin", origin.name(), &header.origin));
    }
    if header.k != k {
        return Err(mismatch(path, "k", k, header.k));
    }
    Ok(())
}

/// The digest that a stored file names, after its checksum matched.
fn read_header(path: &Path, origin: SrsOrigin, k: u32) -> Result<String, SrsError> {
    let sealed = open_sealed::<Header>(path, FORMAT)?;
    check_header(path, &sealed.header, origin, k)?;
    Ok(sealed.header.digest)
}

fn read(path: &Path, origin: SrsOrigin, k: u32) -> Result<Srs, SrsError> {
    let mut sealed = open_sealed::<Header>(path, FORMAT)?;
    check_header(path, &sealed.header, origin, k)?;
    let n = 1usize << k;
    let expected = (4 + 2 * n * G1_BYTES + 2 * G2_BYTES) as u64;
    if sealed.payload_len != expected {
        return Err(mismatch(path, "payload length", expected, sealed.payload_len));
    }
    let payload = read_payload(&mut sealed.payload, n).map_err(|e| FileError::io(path, e))?;
    if payload.k != k {
        return Err(mismatch(path, "k", k, payload.k));
    }
    let srs = Srs::new(assemble(k, payload.g, payload.lagrange, payload.g2, payload.tau_g2), origin);
    if srs.digest().to_string() != sealed.header.digest {
        return Err(mismatch(path, "digest", &sealed.header.digest, srs.digest()));
    }
    Ok(srs)
}

struct Payload {
    k: u32,
    g: Vec<G1Affine>,
    lagrange: Vec<G1Affine>,
    g2: G2Affine,
    tau_g2: G2Affine,
}

/// Reads points without checking them: only behind a checksum that matched.
fn read_payload(reader: &mut impl Read, n: usize) -> io::Result<Payload> {
    let mut k = [0; 4];
    reader.read_exact(&mut k)?;
    let g = read_points(reader, n)?;
    let lagrange = read_points(reader, n)?;
    let mut g2 = [0; 2 * G2_BYTES];
    reader.read_exact(&mut g2)?;
    let (first, second) = g2.split_at(G2_BYTES);
    Ok(Payload {
        k: u32::from_le_bytes(k),
        g,
        lagrange,
        g2: G2Affine::from_raw_bytes_unchecked(first),
        tau_g2: G2Affine::from_raw_bytes_unchecked(second),
    })
}

fn read_points(reader: &mut impl Read, n: usize) -> io::Result<Vec<G1Affine>> {
    let mut points = Vec::with_capacity(n);
    let mut buffer = vec![0; n.min(CHUNK) * G1_BYTES];
    while points.len() < n {
        let bytes = (n - points.len()).min(CHUNK) * G1_BYTES;
        reader.read_exact(&mut buffer[..bytes])?;
        points.par_extend(buffer[..bytes].par_chunks_exact(G1_BYTES).map(G1Affine::from_raw_bytes_unchecked));
    }
    Ok(points)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::keys::Silent;
    use halo2_proofs::poly::commitment::{Params, ParamsProver};
    use std::fs;

    #[test]
    fn a_stored_string_reads_back_and_is_reused() {
        let dir = tempfile::tempdir().unwrap();
        let store = SrsStore::new(dir.path());
        let made = store.dev(5, &Silent).unwrap();
        let path = store.path(SrsOrigin::Dev, 5);
        let modified = fs::metadata(&path).unwrap().modified().unwrap();
        let read = store.dev(5, &Silent).unwrap();
        assert_eq!(fs::metadata(&path).unwrap().modified().unwrap(), modified);
        assert_eq!(read.params().get_g(), made.params().get_g());
        assert_eq!((read.digest(), read.origin(), read.k()), (made.digest(), SrsOrigin::Dev, 5));
        assert_eq!(read.digest(), store.dev(4, &Silent).unwrap().digest());
    }

    #[test]
    fn a_damaged_or_renamed_file_is_refused_by_name() {
        let dir = tempfile::tempdir().unwrap();
        let store = SrsStore::new(dir.path());
        store.dev(5, &Silent).unwrap();
        let path = store.path(SrsOrigin::Dev, 5);
        let good = fs::read(&path).unwrap();

        let mut bad = good.clone();
        bad[good.len() / 2] ^= 4;
        fs::write(&path, bad).unwrap();
        let error = store.dev(5, &Silent).unwrap_err();
        assert!(matches!(error, SrsError::File(FileError::Checksum { .. })), "{error}");

        fs::write(&path, &good[..good.len() - 9]).unwrap();
        let error = store.dev(5, &Silent).unwrap_err();
        assert!(matches!(error, SrsError::File(FileError::Length { .. })), "{error}");

        fs::write(store.path(SrsOrigin::Dev, 6), &good).unwrap();
        let error = store.dev(6, &Silent).unwrap_err();
        assert!(matches!(error, SrsError::Mismatch { what: "k", .. }), "{error}");

        // The insecure string under a ceremony's name.
        fs::write(store.path(SrsOrigin::Ceremony, 5), &good).unwrap();
        let error = store.ceremony(5, &Silent).unwrap_err();
        assert!(matches!(error, SrsError::Mismatch { what: "origin", .. }), "{error}");
    }

    #[test]
    fn unsupported_and_missing_sizes_are_errors() {
        let dir = tempfile::tempdir().unwrap();
        let store = SrsStore::new(dir.path());
        for k in [0, MAX_K + 1] {
            assert!(matches!(store.dev(k, &Silent), Err(SrsError::Size { max: MAX_K, got }) if got == k));
        }
        assert!(matches!(store.ceremony(5, &Silent), Err(SrsError::Missing { k: 5, .. })));
    }

    #[test]
    fn an_imported_ceremony_serves_smaller_sizes_and_keeps_out_another_one() {
        let dir = tempfile::tempdir().unwrap();
        let store = SrsStore::new(dir.path().join("store"));
        let file = dir.path().join("ceremony.srs");
        let write = |params: &halo2_proofs::poly::kzg::commitment::ParamsKZG<_>| {
            let mut bytes = vec![];
            params.write(&mut bytes).unwrap();
            fs::write(&file, bytes).unwrap();
        };
        let dev = Srs::dev(6, &Silent).unwrap();
        write(dev.params());
        let srs = store.import(&file, Some(6), &Silent).unwrap();
        assert_eq!((srs.origin(), srs.digest()), (SrsOrigin::Ceremony, dev.digest()));

        let small = store.ceremony(4, &Silent).unwrap();
        assert_eq!(small.origin(), SrsOrigin::Ceremony);
        let bytes = |srs: &Srs| {
            let mut out = vec![];
            srs.params().write(&mut out).unwrap();
            out
        };
        assert_eq!(bytes(&small), bytes(&Srs::dev(4, &Silent).unwrap()));
        assert!(store.path(SrsOrigin::Ceremony, 4).exists());

        write(&halo2_proofs::poly::kzg::commitment::ParamsKZG::setup(5, rand::rngs::OsRng));
        let error = store.import(&file, None, &Silent).unwrap_err();
        assert!(matches!(error, SrsError::OtherCeremony { expected, .. } if expected == dev.digest()), "{error}");
    }
}
