//! What the demo needs of the machine, checked before anything slow begins.

use std::{fs, path::Path, process::Command};

use anyhow::{Context, Result, bail, ensure};
use dodona_tests::{artifacts, paths};

/// An aggregated proof takes about 4 GiB.
const MEMORY_MIB: u64 = 5_500;
/// SRS (134 MB), aggregation key (1 GB), and room.
const DISK_MIB: u64 = 3_000;

/// Checks memory, disk and tools; returns a line that says what was found.
///
/// # Errors
/// The first thing that is missing.
pub fn all(cache: &Path) -> Result<String> {
    let memory = memory()?;
    fs::create_dir_all(cache).with_context(|| cache.display().to_string())?;
    let disk = disk(cache)?;
    let node = output(Command::new("node").arg("--version")).context("Node.js is needed to compile verifiers")?;
    paths::anvil()?;
    paths::binary("dodona")?;
    artifacts::creation_code("DodonaOracle")?;
    let memory = memory.map_or_else(|| "memory not checked".to_owned(), |mib| format!("{mib} MiB of memory"));
    Ok(format!("{memory} and {disk} MiB of disk free, Node.js {}, anvil, dodona and contracts are there", node.trim()))
}

/// Available memory, MiB; `None` where the system does not say (only Linux does).
fn memory() -> Result<Option<u64>> {
    let Ok(text) = fs::read_to_string("/proc/meminfo") else { return Ok(None) };
    let line = text.lines().find_map(|line| line.strip_prefix("MemAvailable:"));
    let kib = line.and_then(|rest| rest.split_whitespace().next()?.parse::<u64>().ok());
    let mib = kib.context("/proc/meminfo has no MemAvailable")? / 1024;
    ensure!(mib >= MEMORY_MIB, "memory: expected {MEMORY_MIB} MiB available, got {mib}");
    Ok(Some(mib))
}

fn disk(dir: &Path) -> Result<u64> {
    let text = output(Command::new("df").arg("-Pm").arg(dir)).context("free disk")?;
    let free = text.lines().nth(1).and_then(|line| line.split_whitespace().nth(3)?.parse::<u64>().ok());
    let mib = free.with_context(|| format!("df says: {text}"))?;
    ensure!(mib >= DISK_MIB, "disk: expected {DISK_MIB} MiB free at {}, got {mib}", dir.display());
    Ok(mib)
}

fn output(command: &mut Command) -> Result<String> {
    let output = command.output().with_context(|| format!("cannot run {command:?}"))?;
    if !output.status.success() {
        bail!("{command:?}: {}", output.status);
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}
