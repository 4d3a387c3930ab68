//! The held-out market observations that the repository ships, with the float model's answers.

use std::fs;

use anyhow::{Context, Result, ensure};
use dodona::{
    feed::{Observation, Schema},
    publisher::{Observed, load_observations},
};
use serde::Deserialize;

use crate::paths;

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
struct Reference {
    outputs: Vec<Vec<f64>>,
}

/// All days of the first model, in the file's order.
///
/// # Errors
/// A missing or malformed file, or observations without reference.
pub fn days() -> Result<Vec<Day>> {
    days_of("risk", "observations.json")
}

/// The days that `models/NAME/FILE` holds, in the file's order.
///
/// # Errors
/// As [`days`].
pub fn days_of(name: &str, file: &str) -> Result<Vec<Day>> {
    let folder = paths::model(name);
    let schema = Schema::load(&folder.join("schema.json"))?;
    let rows = load_observations(&folder.join(file), &schema, None)?;
    let path = folder.join("reference.json");
    let text = fs::read(&path).with_context(|| path.display().to_string())?;
    let floats = serde_json::from_slice::<Reference>(&text).with_context(|| path.display().to_string())?.outputs;
    ensure!(rows.len() == floats.len(), "expected {} reference rows, got {}", rows.len(), floats.len());
    let day = |(row, float): (Observed, Vec<f64>)| Day {
        date: row.labels.date.unwrap_or_default(),
        asset: row.labels.asset.unwrap_or_default(),
        values: row.values,
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
