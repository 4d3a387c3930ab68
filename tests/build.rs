//! Hashes the circuits' sources and the locked dependencies into `DODONA_CIRCUITS`, which names the cache folder of keys and
//! proofs: what was made by other circuits is never reused.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use sha3::{Digest, Keccak256};

fn main() -> io::Result<()> {
    let sources = Path::new("../circuits/src");
    let lock = PathBuf::from("../Cargo.lock");
    let mut files = vec![lock];
    collect(sources, &mut files)?;
    files.sort();
    let mut hasher = Keccak256::new();
    for file in &files {
        let content = fs::read(file)?;
        hasher.update((content.len() as u64).to_be_bytes());
        hasher.update(&content);
    }
    let mut out = io::stdout();
    let hash = hex::encode(&hasher.finalize()[..8]);
    io::Write::write_fmt(
        &mut out,
        format_args!(
            "cargo::rerun-if-changed=../circuits/src\ncargo::rerun-if-changed=../Cargo.lock\n\
             cargo::rustc-env=DODONA_CIRCUITS={hash}\n"
        ),
    )
}

/// All source files under `dir` but tests.
fn collect(dir: &Path, files: &mut Vec<PathBuf>) -> io::Result<()> {
    for entry in fs::read_dir(dir)? {
        let path = entry?.path();
        let tests = path.file_stem().is_some_and(|stem| stem == "tests" || stem == "testing");
        if tests {
            continue;
        }
        if path.is_dir() {
            collect(&path, files)?;
        } else {
            files.push(path);
        }
    }
    Ok(())
}
