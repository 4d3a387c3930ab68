//! Input files of `dodona prove`: raw units with salts, or plain reals.

use halo2_proofs::halo2curves::bn256::Fr;
use halo2_proofs::halo2curves::ff::Field;
use rand::rngs::OsRng;
use serde::Deserialize;

use super::error::ApiError;
use super::manifest::hex_bytes;
use super::model::{Model, Slot, SourceInput};
use crate::inference::{Error, statement};
use crate::model::spec::SourceKind;
use crate::quant::Calibration;
use crate::quant::compile::{RealsFile, default_scales};

/// Inputs of one proof.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Input {
    /// What the proof is bound to; 0 for a plain file of reals.
    pub context: [u8; 32],
    /// One entry an inference.
    pub slots: Vec<Slot>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum File {
    Reals(RealsFile),
    Raw(Raw),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Raw {
    #[serde(with = "hex_bytes")]
    context: [u8; 32],
    slots: Vec<RawSlot>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawSlot {
    sources: Vec<RawSource>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawSource {
    values: Vec<i64>,
    #[serde(with = "hex_bytes")]
    salt: [u8; 32],
}

impl Input {
    /// Reads `{"context": "0x…", "slots": [{"sources": [{"values": […], "salt": "0x…"}]}]}` or
    /// EZKL's `{"input_data": [[reals], …]}`: a row an inference, or a row an ONNX input. Reals are encoded as publishers do, under fresh uniform salts.
    ///
    /// # Errors
    /// JSON of neither form; another number of slots or values than the model's; a real outside the encoding.
    pub fn parse(model: &Model, json: &[u8]) -> Result<Self, ApiError> {
        let file = serde_json::from_slice(json).map_err(|error| ApiError::Input {
            expected: r#"{"input_data": [[reals], …]} or {"context": "0x…", "slots": […]}"#,
            got: error.to_string(),
        })?;
        let input = match file {
            File::Reals(reals) => {
                let width = model.manifest().sources.iter().map(|s| s.length).sum();
                Self { context: [0; 32], slots: Self::encode(model, &reals.rows(width))? }
            }
            File::Raw(raw) => {
                let source = |s: RawSource| SourceInput { values: s.values, salt: s.salt };
                let slot = |s: RawSlot| Slot { sources: s.sources.into_iter().map(source).collect() };
                Self { context: raw.context, slots: raw.slots.into_iter().map(slot).collect() }
            }
        };
        let (expected, got) = (model.manifest().slots, input.slots.len());
        if expected == got {
            Ok(input)
        } else {
            Err(Error::Input { what: "slots (rows of input_data)".into(), expected, got }.into())
        }
    }

    /// Rows of reals, one an inference, encoded as publishers do, under fresh uniform salts.
    ///
    /// # Errors
    /// A row of another width than the model's; a real outside the encoding.
    pub fn encode(model: &Model, rows: &[Vec<f64>]) -> Result<Vec<Slot>, ApiError> {
        let scales = match model.spec()? {
            Some(spec) => spec.resolve().scales(),
            None => default_scales(&model.onnx()?)?,
        };
        let encoded = Calibration::from_reals(rows, &scales)?;
        let slot = |row: Vec<i64>| {
            let mut values = row.into_iter();
            let source = |entry: &super::manifest::SourceEntry| {
                let salt = match entry.kind {
                    SourceKind::Committed => Fr::random(OsRng),
                    SourceKind::Public => Fr::ZERO,
                };
                SourceInput { values: values.by_ref().take(entry.length).collect(), salt: statement::to_bytes(salt) }
            };
            Slot { sources: model.manifest().sources.iter().map(source).collect() }
        };
        Ok(encoded.samples.into_iter().map(slot).collect())
    }
}
