//! A feed's schema: what each value of an observation means. Its hash binds commitments to it.

use serde::{Deserialize, Serialize};
use sha3::{Digest, Keccak256};

use super::ModelError;

/// Largest scale: the raw range is `2^39`, so a larger one leaves nothing.
pub const MAX_SCALE: u64 = 1 << 39;

/// A feed's schema. The order of the fields is that of the canonical bytes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Schema {
    /// The feed's name.
    pub name: String,
    /// Version of the schema.
    pub version: u32,
    /// Seconds between observations.
    pub period: u64,
    /// The values, in order.
    pub fields: Vec<SchemaField>,
}

/// One value of an observation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SchemaField {
    /// The field's name.
    pub name: String,
    /// What 1.0 means, for people.
    pub unit: String,
    /// Integer units per 1.0, in `[1, 2^39]`.
    pub scale: u64,
}

impl Schema {
    /// Reads a schema from JSON (any layout; the canonical bytes are made anew).
    ///
    /// # Errors
    /// [`ModelError::Spec`] for JSON of another shape, an empty or repeated name, no fields, or a scale out of range.
    pub fn parse(json: &[u8]) -> Result<Self, ModelError> {
        let error = |reason: String| ModelError::Spec { what: "schema".into(), reason };
        let schema: Self = serde_json::from_slice(json).map_err(|e| error(e.to_string()))?;
        schema.check()?;
        Ok(schema)
    }

    fn check(&self) -> Result<(), ModelError> {
        let error = |reason: String| Err(ModelError::Spec { what: format!("schema `{}`", self.name), reason });
        if self.name.is_empty() || self.fields.is_empty() {
            return error("expected a name and at least one field".into());
        }
        if self.period == 0 {
            return error("period: expected at least 1 second, got 0".into());
        }
        for (i, field) in self.fields.iter().enumerate() {
            if field.name.is_empty() || self.fields[..i].iter().any(|f| f.name == field.name) {
                return error(format!("field {i}: expected a unique, non-empty name, got `{}`", field.name));
            }
            if field.scale == 0 || field.scale > MAX_SCALE {
                return error(format!("field `{}`: expected a scale in [1, 2^39], got {}", field.name, field.scale));
            }
        }
        Ok(())
    }

    /// The canonical bytes: compact JSON, keys in the order of the declaration, text as UTF-8 without `\u` escapes of printable characters.
    ///
    /// # Errors
    /// [`ModelError::Spec`] if the schema cannot be serialised.
    pub fn canonical_bytes(&self) -> Result<Vec<u8>, ModelError> {
        serde_json::to_vec(self).map_err(|e| ModelError::Spec { what: "schema".into(), reason: e.to_string() })
    }

    /// `schemaHash`: Keccak-256 of the canonical bytes.
    ///
    /// # Errors
    /// As [`Self::canonical_bytes`].
    pub fn hash(&self) -> Result<[u8; 32], ModelError> {
        Ok(Keccak256::digest(self.canonical_bytes()?).into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str =
        r#"{ "version": 1, "name": "m", "period": 60, "fields": [ {"unit":"usd", "name":"p", "scale":100} ] }"#;

    #[test]
    fn canonical_bytes_have_a_fixed_order() {
        let schema = Schema::parse(TEXT.as_bytes()).unwrap();
        let bytes = schema.canonical_bytes().unwrap();
        let expected = r#"{"name":"m","version":1,"period":60,"fields":[{"name":"p","unit":"usd","scale":100}]}"#;
        assert_eq!(String::from_utf8(bytes).unwrap(), expected);
        assert_eq!(schema.hash().unwrap(), <[u8; 32]>::from(Keccak256::digest(expected)));
    }

    #[test]
    fn refuses_a_zero_scale_and_a_fractional_one() {
        for scale in ["0", "1.5", "549755813889"] {
            let text = TEXT.replace("100", scale);
            assert!(matches!(Schema::parse(text.as_bytes()), Err(ModelError::Spec { .. })), "{scale}");
        }
    }
}
