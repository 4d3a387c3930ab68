//! Where keys lie, and making them.

use std::path::{Path, PathBuf};

use halo2_proofs::halo2curves::bn256::G1Affine;
use halo2_proofs::plonk::{ProvingKey, VerifyingKey};

use super::error::{ApiError, io};
use super::model::Model;
use crate::aggregate::{self, AggregationKey, inner_protocol, vk_digest};
use crate::evm::{self, Mode, VerifierSource};
use crate::inference::{InferenceCircuit, Shape, prover, statement};
use crate::keys::files::{KeyInfo, KeyKind, read_key, write_key};
use crate::keys::{Progress, Srs, SrsOrigin, SrsStore};

/// Base-2 logarithm of the aggregation circuit's rows for the narrow shape; measured in `docs/gadgets/aggregation.md`.
pub const AGGREGATION_K: u32 = 20;

/// What keys are made of: an SRS store, an SRS of one origin, and a folder for the keys that all models share.
#[derive(Clone, Debug)]
pub struct KeyRing {
    /// The SRS files.
    pub store: SrsStore,
    /// Development or ceremony.
    pub origin: SrsOrigin,
    /// Folder of the aggregation keys.
    pub shared: PathBuf,
}

/// One mode's proving key of one model, with its SRS.
#[derive(Debug)]
pub struct Keys {
    /// SRS of the key's size.
    pub srs: Srs,
    /// The key.
    pub proving_key: ProvingKey<G1Affine>,
}

impl Keys {
    /// The digest that the registry holds for a verifying key with `words` instance words, big-endian.
    ///
    /// # Errors
    /// An SRS of another size than the key.
    pub fn digest(srs: &Srs, key: &VerifyingKey<G1Affine>, words: usize) -> Result<[u8; 32], ApiError> {
        Ok(statement::to_bytes(vk_digest(&inner_protocol(srs, key, words)?)?))
    }
}

fn file(model: &Model, mode: Mode) -> PathBuf {
    model.dir().join("keys").join(match mode {
        Mode::Direct => "direct.pk",
        Mode::Aggregated => "aggregated.pk",
    })
}

impl KeyRing {
    /// An SRS of this ring.
    ///
    /// # Errors
    /// A missing ceremony, a damaged file.
    pub fn srs(&self, k: u32, progress: &dyn Progress) -> Result<Srs, ApiError> {
        Ok(self.store.get(self.origin, k, progress)?)
    }

    fn info(&self, model: &Model, mode: Mode, srs: &Srs) -> Result<KeyInfo, ApiError> {
        let size = model.size(mode)?;
        Ok(KeyInfo {
            kind: KeyKind::InferencePk,
            shape: size.shape.clone(),
            model: Some(model.task_hash(mode)?),
            srs: srs.digest(),
            k: size.k,
            extra: serde_json::Value::Null,
        })
    }

    /// Makes and stores one mode's key of a model.
    ///
    /// # Errors
    /// What the SRS store, the circuit or the file system refuse.
    pub fn make(&self, model: &Model, mode: Mode, progress: &dyn Progress) -> Result<Keys, ApiError> {
        let circuit = model.key_circuit(mode)?;
        let srs = self.srs(circuit.layout().k, progress)?;
        let proving_key = prover::keygen(srs.params(), &circuit)?;
        let path = file(model, mode);
        if let Some(parent) = path.parent() {
            std::fs::create_dir_all(parent).map_err(io(parent))?;
        }
        write_key(&path, &self.info(model, mode, &srs)?, &proving_key)?;
        Ok(Keys { srs, proving_key })
    }

    /// Loads one mode's key of a model.
    ///
    /// # Errors
    /// [`ApiError::NoKey`] if it was never made; a key of another model, version, shape or SRS, by name.
    pub fn load(&self, model: &Model, mode: Mode, progress: &dyn Progress) -> Result<Keys, ApiError> {
        let path = file(model, mode);
        if !path.exists() {
            return Err(ApiError::NoKey { path, dir: model.dir().to_owned() });
        }
        let srs = self.srs(model.size(mode)?.k, progress)?;
        let shape = model.size(mode)?.circuit_shape();
        let proving_key = read_key::<InferenceCircuit>(&path, &self.info(model, mode, &srs)?, shape)?;
        Ok(Keys { srs, proving_key })
    }

    /// Loads one mode's key, or makes it if there is none. A damaged or foreign key is an error, never overwritten.
    ///
    /// # Errors
    /// As [`Self::load`] and [`Self::make`].
    pub fn ensure(&self, model: &Model, mode: Mode, progress: &dyn Progress) -> Result<Keys, ApiError> {
        match self.load(model, mode, progress) {
            Err(ApiError::NoKey { .. }) => self.make(model, mode, progress),
            result => result,
        }
    }

    /// File of a universal shape's aggregation key for a setup.
    pub fn aggregation_file(&self, shape: Shape, srs: &Srs) -> PathBuf {
        let digest = hex::encode(&srs.digest().0[..8]);
        self.shared.join(format!("aggregation-{}-k{}-{digest}.pk", shape.id(), srs.k()))
    }

    /// Loads the aggregation key of the model's shape, or makes it (from any such model's key: the result is the same) if there is none.
    ///
    /// # Errors
    /// As [`Self::ensure`], and what aggregation refuses.
    pub fn ensure_aggregation(
        &self,
        model: &Model,
        inner: &Keys,
        progress: &dyn Progress,
    ) -> Result<(Srs, AggregationKey), ApiError> {
        let srs = self.srs(AGGREGATION_K, progress)?;
        let shape = model.size(Mode::Aggregated)?.circuit_shape();
        let path = self.aggregation_file(shape, &srs);
        let shape = shape.id();
        if path.exists() {
            let key = AggregationKey::read(&path, &shape, &srs)?;
            return Ok((srs, key));
        }
        let words = model.size(Mode::Aggregated)?.words;
        let protocol = inner_protocol(&inner.srs, inner.proving_key.get_vk(), words)?;
        let key = aggregate::keygen(&srs, &shape, &protocol, progress)?;
        std::fs::create_dir_all(&self.shared).map_err(io(&self.shared))?;
        key.write(&path)?;
        Ok((srs, key))
    }

    /// The model's registered digest, from its stored key.
    ///
    /// # Errors
    /// As [`Self::load`].
    pub fn vk_digest(&self, model: &Model, progress: &dyn Progress) -> Result<[u8; 32], ApiError> {
        let keys = self.load(model, Mode::Aggregated, progress)?;
        Keys::digest(&keys.srs, keys.proving_key.get_vk(), model.size(Mode::Aggregated)?.words)
    }

    /// The Solidity verifier of a model's direct proofs.
    ///
    /// # Errors
    /// As [`Self::load`], and what generation refuses.
    pub fn direct_verifier(&self, model: &Model, progress: &dyn Progress) -> Result<VerifierSource, ApiError> {
        let keys = self.load(model, Mode::Direct, progress)?;
        let size = model.size(Mode::Direct)?;
        Ok(evm::direct_verifier(&keys.srs, keys.proving_key.get_vk(), size.words, &size.shape)?)
    }

    /// The Solidity verifier of all aggregated proofs of the model's shape.
    ///
    /// # Errors
    /// As [`Self::ensure_aggregation`], and what generation refuses.
    pub fn aggregated_verifier(&self, model: &Model, progress: &dyn Progress) -> Result<VerifierSource, ApiError> {
        let inner = self.load(model, Mode::Aggregated, progress)?;
        let (srs, key) = self.ensure_aggregation(model, &inner, progress)?;
        let shape = model.size(Mode::Aggregated)?.circuit_shape();
        Ok(evm::aggregated_verifier(&srs, key.verifying_key(), shape.words, &shape.id())?)
    }

    /// A ring with its SRS in `home/srs` and its shared keys in `home/keys`.
    pub fn in_home(home: &Path, origin: SrsOrigin) -> Self {
        Self { store: SrsStore::new(home.join("srs")), origin, shared: home.join("keys") }
    }
}
