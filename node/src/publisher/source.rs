//! The observations to publish: a file of historical ones, replayed one a period.

use std::path::Path;

use serde::Deserialize;

use super::PublishError;
use crate::feed::{Labels, Schema};

/// One observation, in schema units.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Observed {
    /// Values.
    pub values: Vec<i64>,
    /// Its date and asset.
    pub labels: Labels,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    feed: String,
    observations: Vec<Row>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Row {
    date: String,
    asset: String,
    values: Vec<f64>,
}

/// Reads the observations of `asset` (all if `None`) from `path`, in the file's order, in `schema`'s units.
///
/// # Errors
/// [`PublishError`]: unreadable, of another feed, empty, or a value that does not fit.
pub fn load_observations(path: &Path, schema: &Schema, asset: Option<&str>) -> Result<Vec<Observed>, PublishError> {
    let parse = |reason: String| PublishError::Parse { path: path.to_path_buf(), reason };
    let text = std::fs::read_to_string(path).map_err(|source| PublishError::Io { path: path.to_path_buf(), source })?;
    let file: File = serde_json::from_str(&text).map_err(|e| parse(e.to_string()))?;
    if file.feed != schema.name {
        return Err(parse(format!("expected observations of feed {:?}, got {:?}", schema.name, file.feed)));
    }
    let wanted = file.observations.into_iter().filter(|row| asset.is_none_or(|a| a == row.asset));
    let observed = wanted
        .map(|row| {
            let values = schema.encode(&row.values).map_err(|e| parse(format!("{}: {e}", row.date)))?;
            Ok(Observed { values, labels: Labels { date: Some(row.date), asset: Some(row.asset) } })
        })
        .collect::<Result<Vec<_>, PublishError>>()?;
    if observed.is_empty() {
        let asset = asset.unwrap_or("any").to_owned();
        return Err(PublishError::Empty { path: path.to_path_buf(), asset });
    }
    Ok(observed)
}
