//! The held-out market observations that the repository ships, with the float model's answers.

use std::fs;

use alloy::primitives::{B256, keccak256};
use anyhow::{Context, Result, ensure};
use dodona::feed::Observation;
use serde::{Deserialize, de::DeserializeOwned};

use crate::paths;

/// Units per 1.0 in the feed's schema.
const SCALE: f64 = 1e6;

/// One historical day of one index.
#[derive(Clone, Debug)]
pub struct Day {
    /// Historical date.
    pub date: String,
    /// Index.
    pub asset: String,
    /// Values in schema units.
    pub values: Vec<i64>,
    /// LTV, liquidation threshold and bonus of the float model, basis points.
    pub float: Vec<f64>,
}

#[derive(Deserialize)]
struct Observations {
    observations: Vec<Row>,
}

#[derive(Deserialize)]
struct Row {
    date: String,
    asset: String,
    values: Vec<f64>,
}

#[derive(Deserialize)]
struct Reference {
    outputs: Vec<Vec<f64>>,
}

fn read<T: DeserializeOwned>(name: &str) -> Result<T> {
    let path = paths::risk_model().join(name);
    let text = fs::read(&path).with_context(|| path.display().to_string())?;
    serde_json::from_slice(&text).with_context(|| path.display().to_string())
}

/// All days, in the file's order.
///
/// # Errors
/// A missing or malformed file, or observations without reference.
pub fn days() -> Result<Vec<Day>> {
    let rows = read::<Observations>("observations.json")?.observations;
    let floats = read::<Reference>("reference.json")?.outputs;
    ensure!(rows.len() == floats.len(), "expected {} reference rows, got {}", rows.len(), floats.len());
    #[expect(clippy::cast_possible_truncation, reason = "features are small")]
    let encode = |value: f64| (value * SCALE).round_ties_even() as i64;
    let day = |(row, float): (Row, Vec<f64>)| Day {
        date: row.date,
        asset: row.asset,
        values: row.values.into_iter().map(encode).collect(),
        float,
    };
    Ok(rows.into_iter().zip(floats).map(day).collect())
}

/// The day that a served observation replays.
///
/// # Errors
/// None of `days`.
pub fn day_of<'a>(days: &'a [Day], served: &Observation) -> Result<&'a Day> {
    let (date, asset) = (served.labels.date.as_deref(), served.labels.asset.as_deref());
    let found = days.iter().find(|day| Some(day.date.as_str()) == date && Some(day.asset.as_str()) == asset);
    found.with_context(|| format!("expected a day of the committed observations, got {date:?} of {asset:?}"))
}

/// Hash of the feed's schema: the committed file is its canonical bytes.
///
/// # Errors
/// The file is missing.
pub fn schema_hash() -> Result<B256> {
    let path = paths::risk_model().join("schema.json");
    Ok(keccak256(fs::read(&path).with_context(|| path.display().to_string())?))
}
