//! Versioned key files: what a key is for stands in its file's header, and a wrong one is refused by name.
//!
//! A file is sealed (see `codec`), so its payload, Halo2's raw form of the key, is read without checking points again.
//! The checksum has matched before the payload is interpreted.

use halo2_proofs::{
    SerdeFormat,
    halo2curves::bn256::{Fr, G1Affine},
    plonk::{Circuit, ConstraintSystem, ProvingKey, VerifyingKey},
};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use std::{
    fmt,
    io::{self, Read},
    path::{Path, PathBuf},
};

use super::{
    FileError, SrsDigest,
    codec::{Format, Sealed, open_sealed, write_sealed},
};

const FORMAT: Format = Format { magic: b"DODONKEY", version: 1 };

/// What a key is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum KeyKind {
    /// Proving key of an inference circuit.
    InferencePk,
    /// Proving key of an aggregation circuit.
    AggregationPk,
    /// Verifying key of either.
    Vk,
}

impl fmt::Display for KeyKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            KeyKind::InferencePk => "inference proving key",
            KeyKind::AggregationPk => "aggregation proving key",
            KeyKind::Vk => "verifying key",
        })
    }
}

/// What a key file says of its key; also what a reader expects of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyInfo {
    /// What the key is for.
    pub kind: KeyKind,
    /// Name of the circuit's shape (of the inner shape, for an aggregation key).
    pub shape: String,
    /// Hash of the quantised model; `None` for an aggregation key, which serves all.
    pub model: Option<[u8; 32]>,
    /// The setup that the key was made with.
    pub srs: SrsDigest,
    /// Base-2 logarithm of the rows.
    pub k: u32,
    /// Further data of the writer, not compared by a reader.
    pub extra: serde_json::Value,
}

#[derive(Serialize, Deserialize)]
struct Header {
    kind: KeyKind,
    shape: String,
    model: Option<String>,
    srs: String,
    k: u32,
    /// Fixed columns (selectors included) and permutation columns: what Halo2's reader takes from the circuit.
    columns: (usize, usize),
    extra: serde_json::Value,
}

impl Header {
    fn new(info: &KeyInfo, columns: (usize, usize)) -> Self {
        Self {
            kind: info.kind,
            shape: info.shape.clone(),
            model: info.model.map(hex::encode),
            srs: info.srs.to_string(),
            k: info.k,
            columns,
            extra: info.extra.clone(),
        }
    }
}

/// Why a key file was refused.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// The file cannot be read, is damaged, or is of another version.
    #[error(transparent)]
    File(#[from] FileError),
    /// A sound file of another key.
    #[error("{path}: key file's {field}: expected {expected}, got {got}")]
    Mismatch {
        /// The file.
        path: PathBuf,
        /// Which field differs.
        field: KeyField,
        /// What the caller wants.
        expected: String,
        /// What the file says.
        got: String,
    },
    /// The payload is not a key of the circuit that the caller names.
    #[error("{path}: key payload: {reason}")]
    Payload {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        reason: String,
    },
}

/// A field of a key file's header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyField {
    /// What the key is for.
    Kind,
    /// The circuit's shape.
    Shape,
    /// The model's hash.
    Model,
    /// The setup.
    Srs,
    /// The size.
    K,
}

impl fmt::Display for KeyField {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            KeyField::Kind => "kind",
            KeyField::Shape => "shape",
            KeyField::Model => "model hash",
            KeyField::Srs => "SRS digest",
            KeyField::K => "k",
        })
    }
}

/// Writes a proving key.
///
/// # Errors
/// [`KeyError::File`].
pub fn write_key(path: &Path, info: &KeyInfo, key: &ProvingKey<G1Affine>) -> Result<(), KeyError> {
    let payload = |mut writer: &mut dyn io::Write| key.write(&mut writer, SerdeFormat::RawBytesUnchecked);
    Ok(write_sealed(path, FORMAT, &Header::new(info, columns_of_key(key.get_vk())), payload)?)
}

fn columns_of_key(key: &VerifyingKey<G1Affine>) -> (usize, usize) {
    (key.fixed_commitments().len(), key.permutation().commitments().len())
}

fn columns_of_circuit<C: Circuit<Fr>>(params: C::Params) -> (usize, usize) {
    let mut system = ConstraintSystem::<Fr>::default();
    C::configure_with_params(&mut system, params);
    (system.num_fixed_columns() + system.num_selectors(), system.permutation().get_columns().len())
}

/// Reads the proving key that `expected` describes; `params` are the circuit's.
///
/// # Errors
/// [`KeyError`], with what is expected and what the file has.
pub fn read_key<C: Circuit<Fr>>(
    path: &Path,
    expected: &KeyInfo,
    params: C::Params,
) -> Result<ProvingKey<G1Affine>, KeyError>
where
    C::Params: Clone,
{
    OpenKey::open(path, expected)?.proving_key::<C>(params)
}

/// Writes a verifying key.
///
/// # Errors
/// [`KeyError::File`].
pub fn write_vk(path: &Path, info: &KeyInfo, key: &VerifyingKey<G1Affine>) -> Result<(), KeyError> {
    let payload = |mut writer: &mut dyn io::Write| key.write(&mut writer, SerdeFormat::RawBytes);
    Ok(write_sealed(path, FORMAT, &Header::new(info, columns_of_key(key)), payload)?)
}

/// Reads the verifying key that `expected` describes; `params` are the circuit's.
///
/// # Errors
/// [`KeyError`], with what is expected and what the file has.
pub fn read_vk<C: Circuit<Fr>>(
    path: &Path,
    expected: &KeyInfo,
    params: C::Params,
) -> Result<VerifyingKey<G1Affine>, KeyError>
where
    C::Params: Clone,
{
    OpenKey::open(path, expected)?.verifying_key::<C>(params)
}

/// A key file whose checksum and header were found right, before its payload is read.
pub struct OpenKey {
    path: PathBuf,
    sealed: Sealed<Header>,
}

impl OpenKey {
    /// Opens a key file, checks it completely and compares its header with `expected` (all but `extra`).
    ///
    /// # Errors
    /// [`KeyError::File`] or [`KeyError::Mismatch`].
    pub fn open(path: &Path, expected: &KeyInfo) -> Result<Self, KeyError> {
        let sealed = open_sealed::<Header>(path, FORMAT)?;
        let (want, got) = (Header::new(expected, sealed.header.columns), &sealed.header);
        let model = |header: &Header| header.model.clone().unwrap_or_else(|| "none".to_owned());
        let fields = [
            (KeyField::Kind, want.kind.to_string(), got.kind.to_string()),
            (KeyField::Shape, want.shape.clone(), got.shape.clone()),
            (KeyField::Model, model(&want), model(got)),
            (KeyField::Srs, want.srs.clone(), got.srs.clone()),
            (KeyField::K, want.k.to_string(), got.k.to_string()),
        ];
        for (field, expected, got) in fields {
            if expected != got {
                return Err(KeyError::Mismatch { path: path.to_owned(), field, expected, got });
            }
        }
        Ok(Self { path: path.to_owned(), sealed })
    }

    /// The writer's further data.
    ///
    /// # Errors
    /// [`KeyError::Payload`] if it is not a `T`.
    pub fn extra<T: DeserializeOwned>(&self) -> Result<T, KeyError> {
        serde_json::from_value(self.sealed.header.extra.clone()).map_err(|e| self.payload_error(e.to_string()))
    }

    /// Reads the payload as a proving key.
    ///
    /// # Errors
    /// [`KeyError::Payload`] if it is not one of this circuit.
    pub fn proving_key<C: Circuit<Fr>>(mut self, params: C::Params) -> Result<ProvingKey<G1Affine>, KeyError>
    where
        C::Params: Clone,
    {
        self.check_columns::<C>(params.clone())?;
        let format = SerdeFormat::RawBytesUnchecked;
        let key = ProvingKey::read::<_, C>(&mut self.sealed.payload, format, params)
            .map_err(|e| self.payload_error(e.to_string()))?;
        self.finish(key.get_vk())?;
        Ok(key)
    }

    /// Reads the payload as a verifying key.
    ///
    /// # Errors
    /// [`KeyError::Payload`] if it is not one of this circuit.
    pub fn verifying_key<C: Circuit<Fr>>(mut self, params: C::Params) -> Result<VerifyingKey<G1Affine>, KeyError>
    where
        C::Params: Clone,
    {
        self.check_columns::<C>(params.clone())?;
        let key = VerifyingKey::read::<_, C>(&mut self.sealed.payload, SerdeFormat::RawBytes, params)
            .map_err(|e| self.payload_error(e.to_string()))?;
        self.finish(&key)?;
        Ok(key)
    }

    /// Halo2's reader believes the circuit's column counts and would panic on a key with others.
    fn check_columns<C: Circuit<Fr>>(&self, params: C::Params) -> Result<(), KeyError> {
        let (expected, got) = (columns_of_circuit::<C>(params), self.sealed.header.columns);
        if expected == got {
            return Ok(());
        }
        Err(self.payload_error(format!("fixed and permutation columns: expected {expected:?}, got {got:?}")))
    }

    /// The payload must end with the key, and the key must have the header's size.
    fn finish(&mut self, key: &VerifyingKey<G1Affine>) -> Result<(), KeyError> {
        let mut rest = Vec::new();
        self.sealed.payload.read_to_end(&mut rest).map_err(|e| FileError::io(&self.path, e))?;
        if rest.len() != super::codec::TRAILER as usize {
            let left = rest.len() as i64 - super::codec::TRAILER as i64;
            return Err(self.payload_error(format!("{left} bytes left over: it is a key of another circuit")));
        }
        let (expected, got) = (self.sealed.header.k, key.get_domain().k());
        if expected != got {
            return Err(self.payload_error(format!("k: expected {expected}, got {got}")));
        }
        Ok(())
    }

    fn payload_error(&self, reason: String) -> KeyError {
        KeyError::Payload { path: self.path.clone(), reason }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        aggregate::toy::{Toy, srs},
        evm,
    };
    use std::fs;

    fn info(k: u32) -> KeyInfo {
        KeyInfo {
            kind: KeyKind::InferencePk,
            shape: "toy".to_owned(),
            model: Some([7; 32]),
            srs: srs(k).digest(),
            k,
            extra: serde_json::json!({"words": 3}),
        }
    }

    #[test]
    fn keys_read_back_and_prove() {
        let (srs, toy, info) = (srs(5), Toy::new(1), info(5));
        let dir = tempfile::tempdir().unwrap();
        let (pk_path, vk_path) = (dir.path().join("toy.pk"), dir.path().join("toy.vk"));
        let key = toy.key(&srs);
        write_key(&pk_path, &info, &key).unwrap();
        let vk_info = KeyInfo { kind: KeyKind::Vk, ..info.clone() };
        write_vk(&vk_path, &vk_info, key.get_vk()).unwrap();

        let read = read_key::<Toy>(&pk_path, &info, ()).unwrap();
        let vk = read_vk::<Toy>(&vk_path, &vk_info, ()).unwrap();
        assert_eq!(vk.transcript_repr(), key.get_vk().transcript_repr());
        let proof = evm::prove(&srs, &read, &toy, &toy.words).unwrap();
        evm::verify(&srs, &vk, &toy.words, &proof).unwrap();
        let extra: serde_json::Value = OpenKey::open(&pk_path, &info).unwrap().extra().unwrap();
        assert_eq!(extra["words"], 3);
    }

    #[test]
    fn a_key_of_something_else_is_refused_by_the_field_that_differs() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("toy.pk");
        let right = info(5);
        write_key(&path, &right, &Toy::new(1).key(&srs(5))).unwrap();
        let wrong = [
            (KeyField::Kind, KeyInfo { kind: KeyKind::AggregationPk, ..right.clone() }),
            (KeyField::Shape, KeyInfo { shape: "wide".to_owned(), ..right.clone() }),
            (KeyField::Model, KeyInfo { model: Some([8; 32]), ..right.clone() }),
            (KeyField::Model, KeyInfo { model: None, ..right.clone() }),
            (KeyField::Srs, KeyInfo { srs: SrsDigest([1; 32]), ..right.clone() }),
            (KeyField::K, KeyInfo { k: 6, ..right.clone() }),
        ];
        for (want, info) in wrong {
            match read_key::<Toy>(&path, &info, ()) {
                Err(KeyError::Mismatch { field, expected, got, .. }) => {
                    assert_eq!(field, want);
                    assert_ne!(expected, got);
                }
                other => panic!("{want}: {other:?}"),
            }
        }
    }

    #[test]
    fn a_key_of_a_circuit_with_other_columns_is_refused_before_it_is_read() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("toy.pk");
        write_key(&path, &info(5), &Toy::new(1).key(&srs(5))).unwrap();
        let params = snark_verifier_sdk::halo2::aggregation::AggregationConfigParams {
            degree: 5,
            num_advice: 1,
            num_lookup_advice: 0,
            num_fixed: 1,
            lookup_bits: 4,
        };
        type Other = snark_verifier_sdk::halo2::aggregation::AggregationCircuit;
        let error = read_key::<Other>(&path, &info(5), params).unwrap_err();
        assert!(matches!(error, KeyError::Payload { .. }), "{error}");
    }

    #[test]
    fn a_damaged_truncated_or_foreign_file_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("toy.pk");
        write_key(&path, &info(5), &Toy::new(1).key(&srs(5))).unwrap();
        let good = fs::read(&path).unwrap();
        let refused = |bytes: &[u8]| {
            fs::write(&path, bytes).unwrap();
            match read_key::<Toy>(&path, &info(5), ()) {
                Err(KeyError::File(error)) => error,
                other => panic!("{other:?}"),
            }
        };
        for at in [200, good.len() / 2, good.len() - 1] {
            let mut bad = good.clone();
            bad[at] ^= 0x80;
            assert!(matches!(refused(&bad), FileError::Checksum { .. }), "byte {at}");
        }
        assert!(matches!(refused(&good[..good.len() / 2]), FileError::Length { .. }));
        assert!(matches!(refused(b"not a key file at all"), FileError::Magic { .. }));
        let mut newer = good.clone();
        newer[8] = 2;
        assert!(matches!(refused(&newer), FileError::Version { expected: 1, got: 2, .. }));
        fs::remove_file(&path).unwrap();
        assert!(matches!(read_key::<Toy>(&path, &info(5), ()), Err(KeyError::File(FileError::Io { .. }))));
    }
}
