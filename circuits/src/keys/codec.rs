//! Sealed files: magic, version, a JSON header, a payload, its length and a SHA-256 over everything before.
//!
//! ```text
//! 8 bytes magic ‖ u32 version ‖ u32 header length ‖ header (JSON) ‖ payload ‖ u64 payload length ‖ 32 bytes SHA-256
//! ```
//! Integers are little-endian. A file appears under its name only when it is complete: it is written beside it, synced and renamed.
//! The checksum finds damage; it does not authenticate (whoever can write the folder can write a valid file).

use serde::{Serialize, de::DeserializeOwned};
use sha2::{Digest, Sha256};
use std::{
    fs::{self, File},
    io::{self, BufReader, BufWriter, Read, Seek, SeekFrom, Write},
    path::{Path, PathBuf},
    sync::atomic::{AtomicU64, Ordering},
};

const FRAME: u64 = 16;
pub(super) const TRAILER: u64 = 40;
const BUFFER: usize = 1 << 20;

/// Why a stored file was refused.
#[derive(Debug, thiserror::Error)]
pub enum FileError {
    /// The system refused.
    #[error("{path}: {source}")]
    Io {
        /// The file.
        path: PathBuf,
        /// The system's reason.
        source: io::Error,
    },
    /// Another kind of file.
    #[error("{path}: not a {expected} file, it starts with {got:?}")]
    Magic {
        /// The file.
        path: PathBuf,
        /// The magic that is expected.
        expected: String,
        /// What the file starts with.
        got: String,
    },
    /// A file of another format version.
    #[error("{path}: format version: expected {expected}, got {got}")]
    Version {
        /// The file.
        path: PathBuf,
        /// The version that this build reads.
        expected: u32,
        /// The file's.
        got: u32,
    },
    /// The file was cut, or something was appended.
    #[error("{path}: truncated or extended: expected {expected} bytes, got {got}")]
    Length {
        /// The file.
        path: PathBuf,
        /// What the file's own trailer, or the smallest file, says.
        expected: u64,
        /// The file's length.
        got: u64,
    },
    /// The content was changed.
    #[error("{path}: checksum: expected {expected}, got {got}; the file is damaged, make it again")]
    Checksum {
        /// The file.
        path: PathBuf,
        /// The stored checksum.
        expected: String,
        /// That of the content.
        got: String,
    },
    /// The header does not parse.
    #[error("{path}: header: {reason}")]
    Header {
        /// The file.
        path: PathBuf,
        /// The parser's reason.
        reason: String,
    },
}

impl FileError {
    pub(super) fn io(path: &Path, source: io::Error) -> Self {
        FileError::Io { path: path.to_owned(), source }
    }
}

/// A kind of sealed file.
#[derive(Clone, Copy, Debug)]
pub(super) struct Format {
    pub magic: &'static [u8; 8],
    pub version: u32,
}

/// Counts and hashes what passes through.
struct Sealing<W> {
    inner: W,
    hash: Sha256,
    bytes: u64,
}

impl<W: Write> Write for Sealing<W> {
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        let n = self.inner.write(buf)?;
        self.hash.update(&buf[..n]);
        self.bytes += n as u64;
        Ok(n)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}

/// Writes a sealed file atomically, making its folder if needed. `payload` writes the payload.
pub(super) fn write_sealed<H: Serialize>(
    path: &Path,
    format: Format,
    header: &H,
    payload: impl FnOnce(&mut dyn Write) -> io::Result<()>,
) -> Result<(), FileError> {
    static COUNTER: AtomicU64 = AtomicU64::new(0);
    let header =
        serde_json::to_vec(header).map_err(|e| FileError::Header { path: path.to_owned(), reason: e.to_string() })?;
    let unique = COUNTER.fetch_add(1, Ordering::Relaxed);
    let partial = path.with_extension(format!("{}-{unique}.part", std::process::id()));
    let result = (|| {
        if let Some(dir) = path.parent() {
            fs::create_dir_all(dir)?;
        }
        write_file(&partial, format, &header, payload)?;
        fs::rename(&partial, path)
    })();
    result.map_err(|source| {
        // Best effort: the error that matters is the one that is returned.
        let _ = fs::remove_file(&partial);
        FileError::io(path, source)
    })
}

fn write_file(
    path: &Path,
    format: Format,
    header: &[u8],
    payload: impl FnOnce(&mut dyn Write) -> io::Result<()>,
) -> io::Result<()> {
    let sealing = Sealing { inner: File::create(path)?, hash: Sha256::new(), bytes: 0 };
    let mut writer = BufWriter::with_capacity(BUFFER, sealing);
    writer.write_all(format.magic)?;
    writer.write_all(&format.version.to_le_bytes())?;
    writer.write_all(&(header.len() as u32).to_le_bytes())?;
    writer.write_all(header)?;
    payload(&mut writer)?;
    writer.flush()?;
    let payload_len = writer.get_ref().bytes - FRAME - header.len() as u64;
    writer.write_all(&payload_len.to_le_bytes())?;
    let mut sealing = writer.into_inner().map_err(io::IntoInnerError::into_error)?;
    let checksum = sealing.hash.finalize();
    sealing.inner.write_all(&checksum)?;
    sealing.inner.sync_all()
}

/// A sealed file whose magic, version, length and checksum were found right; `payload` stands at the payload's start.
pub(super) struct Sealed<H> {
    pub header: H,
    pub payload: BufReader<File>,
    pub payload_len: u64,
}

/// Opens a sealed file and checks all of it before anything is interpreted.
pub(super) fn open_sealed<H: DeserializeOwned>(path: &Path, format: Format) -> Result<Sealed<H>, FileError> {
    let io_error = |source| FileError::io(path, source);
    let mut file = File::open(path).map_err(io_error)?;
    let length = file.metadata().map_err(io_error)?.len();
    let header_len = check_frame(path, format, &mut file, length)?;
    let payload_len = check_length(path, &mut file, length, header_len)?;
    check_sum(path, &mut file, length)?;
    let mut payload = BufReader::with_capacity(BUFFER, file);
    payload.seek(SeekFrom::Start(FRAME)).map_err(io_error)?;
    let mut header = vec![0; header_len as usize];
    payload.read_exact(&mut header).map_err(io_error)?;
    let header = serde_json::from_slice(&header)
        .map_err(|e| FileError::Header { path: path.to_owned(), reason: e.to_string() })?;
    Ok(Sealed { header, payload, payload_len })
}

fn check_frame(path: &Path, format: Format, file: &mut File, length: u64) -> Result<u64, FileError> {
    let least = FRAME + TRAILER;
    let mut frame = [0; FRAME as usize];
    let got = length.min(FRAME) as usize;
    file.read_exact(&mut frame[..got]).map_err(|e| FileError::io(path, e))?;
    if &frame[..8] != format.magic {
        let show = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        return Err(FileError::Magic {
            path: path.to_owned(),
            expected: show(format.magic),
            got: show(&frame[..got.min(8)]),
        });
    }
    if length < least {
        return Err(FileError::Length { path: path.to_owned(), expected: least, got: length });
    }
    let version = u32::from_le_bytes([frame[8], frame[9], frame[10], frame[11]]);
    if version != format.version {
        return Err(FileError::Version { path: path.to_owned(), expected: format.version, got: version });
    }
    Ok(u64::from(u32::from_le_bytes([frame[12], frame[13], frame[14], frame[15]])))
}

fn check_length(path: &Path, file: &mut File, length: u64, header_len: u64) -> Result<u64, FileError> {
    let io_error = |source| FileError::io(path, source);
    let mut bytes = [0; 8];
    file.seek(SeekFrom::Start(length - TRAILER)).map_err(io_error)?;
    file.read_exact(&mut bytes).map_err(io_error)?;
    let payload_len = u64::from_le_bytes(bytes);
    let expected = (FRAME + header_len + TRAILER).saturating_add(payload_len);
    if expected != length {
        return Err(FileError::Length { path: path.to_owned(), expected, got: length });
    }
    Ok(payload_len)
}

fn check_sum(path: &Path, file: &mut File, length: u64) -> Result<(), FileError> {
    let io_error = |source| FileError::io(path, source);
    file.seek(SeekFrom::Start(0)).map_err(io_error)?;
    let mut hash = Sha256::new();
    let mut left = length - 32;
    let mut buffer = vec![0; BUFFER];
    while left > 0 {
        let n = left.min(BUFFER as u64) as usize;
        file.read_exact(&mut buffer[..n]).map_err(io_error)?;
        hash.update(&buffer[..n]);
        left -= n as u64;
    }
    let mut expected = [0; 32];
    file.read_exact(&mut expected).map_err(io_error)?;
    let got: [u8; 32] = hash.finalize().into();
    if got != expected {
        return Err(FileError::Checksum {
            path: path.to_owned(),
            expected: hex::encode(expected),
            got: hex::encode(got),
        });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    const FORMAT: Format = Format { magic: b"DODOTEST", version: 3 };

    fn sample(dir: &Path) -> PathBuf {
        let path = dir.join("new folder/sample.bin");
        write_sealed(&path, FORMAT, &"head", |w| w.write_all(&[7; 100])).unwrap();
        path
    }

    #[test]
    fn a_sealed_file_reads_back_and_leaves_nothing_else() {
        let dir = tempfile::tempdir().unwrap();
        let path = sample(dir.path());
        let mut sealed = open_sealed::<String>(&path, FORMAT).unwrap();
        assert_eq!((sealed.header.as_str(), sealed.payload_len), ("head", 100));
        let mut payload = vec![0; 100];
        sealed.payload.read_exact(&mut payload).unwrap();
        assert_eq!(payload, [7; 100]);
        assert_eq!(fs::read_dir(path.parent().unwrap()).unwrap().count(), 1);
    }

    #[test]
    fn a_failed_write_leaves_the_old_file() {
        let dir = tempfile::tempdir().unwrap();
        let path = sample(dir.path());
        let failed = write_sealed(&path, FORMAT, &"new", |_| Err(io::Error::other("disk full")));
        assert!(matches!(failed, Err(FileError::Io { .. })));
        assert_eq!(open_sealed::<String>(&path, FORMAT).unwrap().header, "head");
        assert_eq!(fs::read_dir(path.parent().unwrap()).unwrap().count(), 1);
    }

    #[test]
    fn every_flipped_bit_and_every_cut_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let path = sample(dir.path());
        let good = fs::read(&path).unwrap();
        for at in 0..good.len() {
            let mut bad = good.clone();
            bad[at] ^= 1;
            fs::write(&path, &bad).unwrap();
            let error = open_sealed::<String>(&path, FORMAT).err().unwrap();
            match at {
                0..8 => assert!(matches!(error, FileError::Magic { .. }), "{at}: {error}"),
                8..12 => assert!(matches!(error, FileError::Version { expected: 3, .. }), "{at}: {error}"),
                12..16 => assert!(matches!(error, FileError::Length { .. }), "{at}: {error}"),
                _ if (good.len() - 40..good.len() - 32).contains(&at) => {
                    assert!(matches!(error, FileError::Length { .. }), "{at}: {error}");
                }
                _ => assert!(matches!(error, FileError::Checksum { .. }), "{at}: {error}"),
            }
        }
        for length in 0..good.len() {
            fs::write(&path, &good[..length]).unwrap();
            let error = open_sealed::<String>(&path, FORMAT).err().unwrap();
            match length {
                0..8 => assert!(matches!(error, FileError::Magic { .. }), "{length}: {error}"),
                _ => assert!(matches!(error, FileError::Length { .. }), "{length}: {error}"),
            }
        }
    }
}
