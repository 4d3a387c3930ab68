//! A feed's schema: what the values of an observation mean.

use std::path::{Path, PathBuf};

use alloy::primitives::{B256, keccak256};
use serde::{Deserialize, Serialize};

/// Values lie in `[-LIMIT, LIMIT)` (docs/protocol.md).
const LIMIT: i64 = 1 << 40;

/// A feed's schema. The order of fields here is that of the canonical bytes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Schema {
    /// Name.
    pub name: String,
    /// Version.
    pub version: u64,
    /// Seconds between observations.
    pub period: u64,
    /// The values, in order.
    pub fields: Vec<Field>,
}

/// One value of an observation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Field {
    /// Name.
    pub name: String,
    /// Unit, in words.
    pub unit: String,
    /// Integer units per 1.0.
    pub scale: u64,
}

/// Why a schema or a vector of values cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum SchemaError {
    /// The file cannot be read.
    #[error("cannot read the schema {}: {source}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The file is no schema.
    #[error("{}: not a feed schema: {reason}", path.display())]
    Parse {
        /// The file.
        path: PathBuf,
        /// Why.
        reason: String,
    },
    /// The vector has another length.
    #[error("schema {name}: expected {expected} values, got {got}")]
    Length {
        /// The schema.
        name: String,
        /// Number of fields.
        expected: usize,
        /// Number of values.
        got: usize,
    },
    /// A value does not fit its encoding.
    #[error("schema {name}, field {field}: expected a finite value within ±2^40 units, got {got}")]
    Value {
        /// The schema.
        name: String,
        /// The field.
        field: String,
        /// The value.
        got: f64,
    },
}

impl Schema {
    /// Reads the schema at `path`.
    ///
    /// # Errors
    /// [`SchemaError::Read`] or [`SchemaError::Parse`].
    pub fn load(path: &Path) -> Result<Self, SchemaError> {
        let text =
            std::fs::read_to_string(path).map_err(|source| SchemaError::Read { path: path.to_path_buf(), source })?;
        let parse = |reason: String| SchemaError::Parse { path: path.to_path_buf(), reason };
        let schema: Self = serde_json::from_str(&text).map_err(|e| parse(e.to_string()))?;
        if schema.fields.is_empty() || schema.period == 0 {
            return Err(parse("expected at least one field and a period of at least 1".to_owned()));
        }
        Ok(schema)
    }

    /// Hash of the canonical bytes: compact JSON with the keys in the order of the struct.
    ///
    /// # Errors
    /// [`SchemaError::Parse`] if the schema cannot be serialised.
    pub fn hash(&self) -> Result<B256, SchemaError> {
        let bytes = serde_json::to_vec(self)
            .map_err(|e| SchemaError::Parse { path: PathBuf::from(&self.name), reason: e.to_string() })?;
        Ok(keccak256(bytes))
    }

    /// Real values in schema units: `round_half_even(real × scale)`.
    ///
    /// # Errors
    /// [`SchemaError::Length`], [`SchemaError::Value`].
    pub fn encode(&self, real: &[f64]) -> Result<Vec<i64>, SchemaError> {
        if real.len() != self.fields.len() {
            return Err(SchemaError::Length { name: self.name.clone(), expected: self.fields.len(), got: real.len() });
        }
        self.fields.iter().zip(real).map(|(field, &value)| self.encode_one(field, value)).collect()
    }

    fn encode_one(&self, field: &Field, value: f64) -> Result<i64, SchemaError> {
        #[expect(clippy::cast_precision_loss, reason = "scales are powers of ten far below 2^53")]
        let scaled = (value * field.scale as f64).round_ties_even();
        #[expect(clippy::cast_precision_loss, reason = "a power of two is exact")]
        let limit = LIMIT as f64;
        if !scaled.is_finite() || scaled < -limit || scaled >= limit {
            return Err(SchemaError::Value { name: self.name.clone(), field: field.name.clone(), got: value });
        }
        #[expect(clippy::cast_possible_truncation, reason = "checked to be within ±2^40")]
        Ok(scaled as i64)
    }
}
