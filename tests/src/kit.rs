//! The risk models as compiled by the facade, with its keys, verifiers and provers. Slow results are cached under a file lock, since
//! every test is a process of its own; cached files are keyed by what they are made of, so a changed model or circuit gets new ones.

use std::{
    fs::{self, File},
    path::{Path, PathBuf},
    sync::OnceLock,
};

use anyhow::{Context, Result};
use dodona_circuits::{
    api::{CompileRequest, DirectProof, DirectProver, KeyRing, Mode, Model, Slot},
    evm::VerifierSource,
    keys::{Progress, Silent, SrsOrigin, SrsStore},
    model::spec::ModelSpec,
    quant::{Calibration, Options},
};
use sha3::{Digest, Keccak256};

use crate::{artifacts, artifacts::Verifier, paths};

/// Holds the lock of a cache folder until dropped.
#[derive(Debug)]
pub struct CacheLock(#[expect(dead_code, reason = "closing the file releases the lock")] File);

/// Waits for the lock `name` of the cache.
///
/// # Errors
/// The lock file cannot be made.
pub fn lock(cache: &Path, name: &str) -> Result<CacheLock> {
    let path = cache.join(format!("{name}.lock"));
    let file = File::create(&path).with_context(|| path.display().to_string())?;
    file.lock().with_context(|| format!("lock {}", path.display()))?;
    Ok(CacheLock(file))
}

/// First part of the name of a folder that depends on the circuits.
const PREFIX: &str = "circuits-";

/// A compiled risk model.
#[derive(Debug)]
pub struct Kit {
    /// Cache folder.
    pub cache: PathBuf,
    /// The model, in the cache.
    pub model: Model,
    /// Where its keys lie.
    pub ring: KeyRing,
    /// The compiled verifier of its direct proofs.
    pub direct: Verifier,
    prover: OnceLock<DirectProver>,
}

/// The shape's verifier and the model's key digest.
#[derive(Clone, Debug)]
pub struct Aggregated {
    /// The compiled verifier of all aggregated proofs.
    pub verifier: Verifier,
    /// Digest of the model's key.
    pub vk_digest: [u8; 32],
}

impl Kit {
    /// Compiles the model, makes its keys and its direct verifier, or finds them in the cache of the tests.
    ///
    /// # Errors
    /// What the facade or the compiler refuse.
    pub fn load() -> Result<Self> {
        Self::load_in(&paths::cache()?, &Silent)
    }

    /// As [`Self::load`], with another cache folder.
    ///
    /// # Errors
    /// As there.
    pub fn load_in(cache: &Path, progress: &dyn Progress) -> Result<Self> {
        fs::create_dir_all(cache).with_context(|| cache.display().to_string())?;
        let _lock = lock(cache, "model")?;
        let home = home_in(cache)?;
        let kit = Self::made(cache, &home, compile_model(&home, "risk")?, progress)?;
        kit.ring.ensure(&kit.model, Mode::Aggregated, progress)?;
        Ok(kit)
    }

    /// `fixtures/wide.onnx`, a small model that takes the wide shape, in the cache of the tests.
    ///
    /// # Errors
    /// As [`Self::load`].
    pub fn wide() -> Result<Self> {
        let cache = paths::cache()?;
        let _lock = lock(&cache, "model")?;
        let home = home_in(&cache)?;
        let onnx = paths::root().join("tests/fixtures/wide.onnx");
        let onnx = fs::read(&onnx).with_context(|| onnx.display().to_string())?;
        let dir = home.join(format!("wide-{}", hash([onnx.as_slice()])));
        let model = if dir.join("manifest.json").exists() {
            Model::load(&dir)?
        } else {
            let options = Options::default();
            let request = CompileRequest { onnx: &onnx, spec: None, calibration: None, options, slots: 1, salt: None };
            Model::compile(request, &dir)?.0
        };
        let kit = Self::made(&cache, &home, model, &Silent)?;
        kit.ring.ensure(&kit.model, Mode::Aggregated, &Silent)?;
        Ok(kit)
    }

    /// Another model of the repository, `models/NAME`, for direct mode alone, in the cache of the tests.
    ///
    /// # Errors
    /// As [`Self::load`].
    pub fn direct(name: &str) -> Result<Self> {
        let cache = paths::cache()?;
        let _lock = lock(&cache, "model")?;
        let home = home_in(&cache)?;
        Self::made(&cache, &home, compile_model(&home, name)?, &Silent)
    }

    fn made(cache: &Path, home: &Path, model: Model, progress: &dyn Progress) -> Result<Self> {
        let ring =
            KeyRing { store: SrsStore::new(cache.join("srs")), origin: SrsOrigin::Dev, shared: home.join("keys") };
        ring.ensure(&model, Mode::Direct, progress)?;
        let direct = verifier(home, ring.direct_verifier(&model, progress)?)?;
        Ok(Self { cache: cache.to_owned(), model, ring, direct, prover: OnceLock::new() })
    }

    /// Folder of everything that depends on the circuits' sources.
    ///
    /// # Errors
    /// The model's folder has no parent.
    pub fn home(&self) -> Result<&Path> {
        self.model.dir().parent().context("the model's folder has no parent")
    }

    /// The shape's verifier, from the aggregation key; that key is made if there is none, which takes a minute.
    ///
    /// # Errors
    /// As [`Self::load`].
    pub fn aggregated(&self, progress: &dyn Progress) -> Result<Aggregated> {
        let _lock = lock(&self.cache, "aggregation")?;
        let vk_digest = self.ring.vk_digest(&self.model, progress)?;
        let shape = &self.model.size(Mode::Aggregated)?.shape;
        let path = self.home()?.join(format!("aggregated-verifier-{shape}.json"));
        if let Ok(text) = fs::read(&path) {
            let verifier = serde_json::from_slice(&text).with_context(|| path.display().to_string())?;
            return Ok(Aggregated { verifier, vk_digest });
        }
        let source = self.ring.aggregated_verifier(&self.model, progress)?;
        let verifier = verifier(self.home()?, source)?;
        write_whole(&path, &serde_json::to_vec(&verifier)?)?;
        Ok(Aggregated { verifier, vk_digest })
    }

    /// Proves in direct mode and checks the proof, as an operator does.
    ///
    /// # Errors
    /// What the prover refuses.
    pub fn prove_direct(&self, context: [u8; 32], slot: &Slot) -> Result<DirectProof> {
        let prover = match self.prover.get() {
            Some(prover) => prover,
            None => {
                let loaded = DirectProver::load(&self.model, &self.ring, &Silent)?;
                self.prover.get_or_init(|| loaded)
            }
        };
        let proof = prover.prove(context, std::slice::from_ref(slot))?;
        prover.verify(&proof)?;
        Ok(proof)
    }
}

/// Compiles a model of the repository into `home/NAME-HASH`, or loads it from there.
fn compile_model(home: &Path, name: &str) -> Result<Model> {
    let read = |file: &str| {
        let path = paths::model(name).join(file);
        fs::read(&path).with_context(|| path.display().to_string())
    };
    let files = [&format!("{name}.onnx"), "model.json", "schema.json", "calibration.json"]
        .map(read)
        .into_iter()
        .collect::<Result<Vec<_>>>()?;
    let dir = home.join(format!("{name}-{}", hash(files.iter().map(Vec::as_slice))));
    if dir.join("manifest.json").exists() {
        return Ok(Model::load(&dir)?);
    }
    let spec = ModelSpec::load(&paths::model(name).join("model.json"))?;
    let calibration = Some(Calibration::parse(&files[3], &spec.resolve().scales())?);
    let request = CompileRequest {
        onnx: &files[0],
        spec: Some(spec),
        calibration,
        options: Options::default(),
        slots: 1,
        salt: None,
    };
    Ok(Model::compile(request, &dir)?.0)
}

/// A generated verifier compiled, from the cache if its source was compiled before.
fn verifier(home: &Path, source: VerifierSource) -> Result<Verifier> {
    let path = home.join(format!("verifier-{}.json", hash([source.source.as_bytes()])));
    if let Ok(text) = fs::read(&path) {
        return serde_json::from_slice(&text).with_context(|| path.display().to_string());
    }
    let dir = tempfile::tempdir()?;
    let compiled = artifacts::compile(&source, dir.path())?;
    write_whole(&path, &serde_json::to_vec(&compiled)?)?;
    Ok(compiled)
}

/// Writes a file that is whole whenever it exists.
///
/// # Errors
/// It cannot be written.
pub fn write_whole(path: &Path, bytes: &[u8]) -> Result<()> {
    let partial = path.with_extension("partial");
    fs::write(&partial, bytes).with_context(|| partial.display().to_string())?;
    fs::rename(&partial, path).with_context(|| path.display().to_string())
}

/// Hash of the circuits' sources and of the locked dependencies that this program was built from (`build.rs`): what keys and proofs
/// depend on beside the model.
const CIRCUITS: &str = env!("DODONA_CIRCUITS");
/// Folders of other circuits that are kept: one for an older checkout beside this one.
const KEPT: usize = 1;

/// The folder for these circuits.
fn home_in(cache: &Path) -> Result<PathBuf> {
    let home = cache.join(format!("{PREFIX}{CIRCUITS}"));
    if !home.exists() {
        prune(cache, &home)?;
    }
    Ok(home)
}

/// Removes what circuits made that are no longer in use: an aggregation key takes 1 GB.
fn prune(cache: &Path, home: &Path) -> Result<()> {
    let entries = fs::read_dir(cache).with_context(|| cache.display().to_string())?;
    let mut others: Vec<_> = entries
        .filter_map(|entry| entry.ok().map(|entry| entry.path()))
        .filter(|path| path != home && path.file_name().is_some_and(|name| name.to_string_lossy().starts_with(PREFIX)))
        .map(|path| (fs::metadata(&path).and_then(|data| data.modified()).ok(), path))
        .collect();
    others.sort();
    others.truncate(others.len().saturating_sub(KEPT));
    for (_, path) in others {
        fs::remove_dir_all(&path).with_context(|| path.display().to_string())?;
    }
    Ok(())
}

/// Sixteen hexadecimal digits of the Keccak hash of parts with their lengths.
pub fn hash<'a>(parts: impl IntoIterator<Item = &'a [u8]>) -> String {
    let mut hasher = Keccak256::new();
    for part in parts {
        hasher.update((part.len() as u64).to_be_bytes());
        hasher.update(part);
    }
    hex::encode(&hasher.finalize()[..8])
}
