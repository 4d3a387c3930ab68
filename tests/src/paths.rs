//! Where things lie in the repository. Nothing here creates anything but the cache folder.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

/// The repository's root.
pub fn root() -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.parent().unwrap_or(here).to_owned()
}

/// The Foundry project.
pub fn contracts() -> PathBuf {
    root().join("contracts")
}

/// The sources of a model of the repository.
pub fn model(name: &str) -> PathBuf {
    root().join("models").join(name)
}

/// The risk model's sources.
pub fn risk_model() -> PathBuf {
    model("risk")
}

/// Cache of SRS, keys, generated verifiers and aggregated proofs: `DODONA_CACHE`, or `target/dodona-cache`.
///
/// # Errors
/// The folder cannot be made.
pub fn cache() -> Result<PathBuf> {
    let dir = std::env::var_os("DODONA_CACHE").map_or_else(|| root().join("target/dodona-cache"), PathBuf::from);
    std::fs::create_dir_all(&dir).with_context(|| format!("cannot make the cache folder {}", dir.display()))?;
    Ok(dir)
}

/// The anvil of the npm package for this platform; the `.bin` entry is a script that would outlive its child.
///
/// # Errors
/// The package is not installed.
pub fn anvil() -> Result<PathBuf> {
    let (os, arch) = match (std::env::consts::OS, std::env::consts::ARCH) {
        (os, "x86_64") => (if os == "macos" { "darwin" } else { os }, "amd64"),
        (os, "aarch64") => (if os == "macos" { "darwin" } else { os }, "arm64"),
        (os, arch) => (os, arch),
    };
    let path = contracts().join(format!("node_modules/@foundry-rs/anvil-{os}-{arch}/bin/anvil"));
    if !path.exists() {
        bail!("{} does not exist: run `npm ci` in contracts/ (scripts/test does)", path.display());
    }
    Ok(path)
}

/// A binary of the workspace, beside the running program.
///
/// # Errors
/// It has not been built.
pub fn binary(name: &str) -> Result<PathBuf> {
    let here = std::env::current_exe().context("cannot tell the running program's path")?;
    let found = here.ancestors().skip(1).take(2).map(|dir| dir.join(name)).find(|path| path.is_file());
    found.with_context(|| format!("no binary {name} near {}: run `cargo build -p dodona`", here.display()))
}
