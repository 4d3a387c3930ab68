//! The content-addressed folder: a blob's name is the SHA-256 of its content.
//!
//! A blob is written to a temporary file, synced, and renamed, so a name that exists is complete; it is
//! hashed again on every read, so a damaged one is noticed and named.

use std::{
    fs::{self, File},
    io::Write,
    path::{Path, PathBuf},
};

use alloy::primitives::B256;
use sha2::{Digest, Sha256};

use super::StoreError;

/// A folder of blobs.
#[derive(Clone, Debug)]
pub struct Blobs {
    dir: PathBuf,
}

impl Blobs {
    /// Opens or creates the folder.
    ///
    /// # Errors
    /// [`StoreError::Io`] if it cannot be made.
    pub fn open(dir: &Path) -> Result<Self, StoreError> {
        fs::create_dir_all(dir).map_err(|source| io(dir, source))?;
        Ok(Self { dir: dir.to_path_buf() })
    }

    /// Stores `content` and returns its hash. Storing the same content twice is one blob.
    ///
    /// # Errors
    /// [`StoreError::Io`].
    pub fn put(&self, content: &[u8]) -> Result<B256, StoreError> {
        let hash = digest(content);
        let path = self.path(hash);
        if self.get(hash).is_ok() {
            return Ok(hash);
        }
        let parent = path.parent().unwrap_or(&self.dir);
        fs::create_dir_all(parent).map_err(|source| io(parent, source))?;
        let mut file = tempfile::NamedTempFile::new_in(parent).map_err(|source| io(parent, source))?;
        file.write_all(content).map_err(|source| io(&path, source))?;
        file.as_file().sync_all().map_err(|source| io(&path, source))?;
        file.persist(&path).map_err(|e| io(&path, e.error))?;
        File::open(parent).and_then(|d| d.sync_all()).map_err(|source| io(parent, source))?;
        Ok(hash)
    }

    /// The content named `hash`.
    ///
    /// # Errors
    /// [`StoreError::BlobMissing`], or [`StoreError::BlobDamaged`] if the content has another hash.
    pub fn get(&self, hash: B256) -> Result<Vec<u8>, StoreError> {
        let path = self.path(hash);
        let content = match fs::read(&path) {
            Ok(content) => content,
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Err(StoreError::BlobMissing(hash)),
            Err(source) => return Err(io(&path, source)),
        };
        let got = digest(&content);
        if got == hash { Ok(content) } else { Err(StoreError::BlobDamaged { expected: hash, got }) }
    }

    /// Path of a blob, existing or not: two hex digits of folder, the rest of the hash as name.
    pub fn path(&self, hash: B256) -> PathBuf {
        let name = hex::encode(hash);
        let (head, tail) = name.split_at(2);
        self.dir.join(head).join(tail)
    }
}

fn digest(content: &[u8]) -> B256 {
    B256::from_slice(&Sha256::digest(content))
}

fn io(path: &Path, source: std::io::Error) -> StoreError {
    StoreError::Io { path: path.to_path_buf(), source }
}
