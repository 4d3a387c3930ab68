//! What a model's folder says of itself: `manifest.json`.

use halo2_proofs::halo2curves::bn256::Fr;
use serde::{Deserialize, Serialize};
use sha3::{Digest, Keccak256};

use crate::inference::statement::{schema_field, to_bytes};
use crate::inference::{Shape, layout};
use crate::model::Schema;
use crate::model::spec::{OutputSpec, ResolvedSource, SourceKind};

use super::error::ApiError;

/// Version of the folder's format.
pub const FORMAT: u32 = 1;

/// Hashes, sources, outputs and sizes of a compiled model.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    /// [`FORMAT`].
    pub format: u32,
    /// The model's name.
    pub name: String,
    /// Whether hashes and digest are salted.
    pub private: bool,
    /// `keccak256(ONNX bytes)`, or of salt and bytes for a private model.
    #[serde(with = "hex_bytes")]
    pub onnx_hash: [u8; 32],
    /// `keccak256(program bytes)`, or of salt and bytes for a private model.
    #[serde(with = "hex_bytes")]
    pub quant_hash: [u8; 32],
    /// Inferences in one proof.
    pub slots: usize,
    /// The sources, in order.
    pub sources: Vec<SourceEntry>,
    /// The outputs, in order.
    pub outputs: Vec<OutputSpec>,
    /// Whether proofs show a commitment to the outputs in place of the outputs: they need more words than the universal shapes have.
    #[serde(default)]
    pub outputs_committed: bool,
    /// Sizes in direct mode.
    pub direct: SizeEntry,
    /// Sizes in aggregated mode; absent if the model needs more words than the universal shape has.
    pub aggregated: Option<SizeEntry>,
}

/// One source.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SourceEntry {
    /// Committed or public.
    pub kind: SourceKind,
    /// Number of values.
    pub length: usize,
    /// `keccak256` of the schema's canonical bytes; zero without a schema.
    #[serde(with = "hex_bytes")]
    pub schema_hash: [u8; 32],
    /// The schema.
    pub schema: Option<Schema>,
}

/// Sizes of one mode's circuit.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SizeEntry {
    /// Identity of the circuit's shape.
    pub shape: String,
    /// Base-2 logarithm of its rows.
    pub k: u32,
    /// Instance words.
    pub words: usize,
    /// Whether the shape is a wide one.
    #[serde(default)]
    pub wide: bool,
}

impl SizeEntry {
    /// The shape.
    pub fn circuit_shape(&self) -> Shape {
        Shape { words: self.words, wide: self.wide }
    }
}

impl SourceEntry {
    /// The entry of a source as compiled.
    ///
    /// # Errors
    /// A schema that cannot be serialised.
    pub fn new(source: &ResolvedSource) -> Result<Self, ApiError> {
        let schema_hash = source.schema.as_ref().map_or(Ok([0; 32]), Schema::hash)?;
        Ok(Self { kind: source.kind, length: source.length, schema_hash, schema: source.schema.clone() })
    }

    /// Kind, length and schema hash, for messages.
    pub fn summary(&self) -> String {
        format!("{:?} source of {} values, schema 0x{}", self.kind, self.length, hex::encode(self.schema_hash))
    }

    /// How the circuit sees the source.
    pub fn circuit_kind(&self) -> layout::SourceKind {
        match self.kind {
            SourceKind::Committed => layout::SourceKind::Committed { schema: schema_field(&self.schema_hash) },
            SourceKind::Public => layout::SourceKind::Public,
        }
    }
}

impl Manifest {
    /// Identity of everything that a key depends on, `k` and SRS excepted.
    pub fn task_hash(&self, salt: Fr, size: &SizeEntry) -> [u8; 32] {
        let mut hasher = Keccak256::new();
        hasher.update(self.quant_hash);
        hasher.update(to_bytes(salt));
        hasher.update((self.slots as u64).to_be_bytes());
        hasher.update((size.words as u64).to_be_bytes());
        hasher.update([u8::from(size.wide), u8::from(self.outputs_committed)]);
        for source in &self.sources {
            hasher.update([u8::from(source.kind == SourceKind::Public)]);
            hasher.update((source.length as u64).to_be_bytes());
            hasher.update(source.schema_hash);
        }
        hasher.finalize().into()
    }
}

/// `keccak256(bytes)`, or `keccak256(salt ‖ bytes)` for a private model.
pub fn model_hash(salt: Option<Fr>, bytes: &[u8]) -> [u8; 32] {
    let mut hasher = Keccak256::new();
    if let Some(salt) = salt {
        hasher.update(to_bytes(salt));
    }
    hasher.update(bytes);
    hasher.finalize().into()
}

/// 32 bytes as `0x…` in JSON.
pub mod hex_bytes {
    use serde::{Deserialize, Deserializer, Serializer, de::Error};

    /// Serialises.
    ///
    /// # Errors
    /// As the serialiser.
    pub fn serialize<S: Serializer>(bytes: &[u8; 32], serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&format!("0x{}", hex::encode(bytes)))
    }

    /// Deserialises.
    ///
    /// # Errors
    /// Anything but `0x` and 64 hexadecimal digits.
    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<[u8; 32], D::Error> {
        let text = String::deserialize(deserializer)?;
        let digits = text.strip_prefix("0x").unwrap_or(&text);
        let bytes = hex::decode(digits).map_err(D::Error::custom)?;
        bytes.try_into().map_err(|b: Vec<u8>| D::Error::custom(format!("expected 32 bytes, got {}", b.len())))
    }
}
