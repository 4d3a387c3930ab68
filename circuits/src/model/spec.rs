//! A model's specification: which feeds it reads, in which domain, and what its outputs mean.

use std::path::Path;

use serde::{Deserialize, Serialize};

use super::{ModelError, Schema};

/// How a source enters the statement.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SourceKind {
    /// Behind a salted commitment.
    Committed,
    /// As packed words in the open.
    Public,
}

/// One output.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OutputSpec {
    /// The output's name.
    pub name: String,
    /// Integer units per 1.0, at least 1.
    pub scale: u64,
}

/// One source with its schema.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SourceSpec {
    /// The feed's schema.
    pub schema: Schema,
    /// How it enters the statement.
    pub kind: SourceKind,
    /// `[lo, hi]` of each field, in reals; values outside are clamped and flagged.
    pub domain: Vec<(f64, f64)>,
}

/// A specification with its schemas.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ModelSpec {
    /// The model's name.
    pub name: String,
    /// The sources; their values, concatenated, fill the ONNX inputs in order.
    pub sources: Vec<SourceSpec>,
    /// The outputs, in the order of the graph's output elements.
    pub outputs: Vec<OutputSpec>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SpecFile {
    name: String,
    inputs: Vec<InputFile>,
    outputs: Vec<OutputSpec>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct InputFile {
    schema: String,
    kind: SourceKind,
    domain: Vec<(f64, f64)>,
}

impl ModelSpec {
    /// Reads `model.json` and the schema files that it names, which lie beside it.
    ///
    /// # Errors
    /// [`ModelError::Spec`] with the file and the reason.
    pub fn load(path: &Path) -> Result<Self, ModelError> {
        let read =
            |path: &Path| std::fs::read(path).map_err(|e| spec_error(&path.display().to_string(), e.to_string()));
        let folder = path.parent().unwrap_or(Path::new("."));
        Self::parse(&read(path)?, |name| read(&folder.join(name)))
    }

    /// Reads a specification; `schema` gives the bytes of a schema file by the name in the specification.
    ///
    /// # Errors
    /// As [`Self::load`].
    pub fn parse(json: &[u8], schema: impl Fn(&str) -> Result<Vec<u8>, ModelError>) -> Result<Self, ModelError> {
        let file: SpecFile =
            serde_json::from_slice(json).map_err(|e| spec_error("model specification", e.to_string()))?;
        let mut sources = Vec::with_capacity(file.inputs.len());
        for input in file.inputs {
            let schema = Schema::parse(&schema(&input.schema)?)?;
            sources.push(SourceSpec { schema, kind: input.kind, domain: input.domain });
        }
        let spec = Self { name: file.name, sources, outputs: file.outputs };
        spec.check()?;
        Ok(spec)
    }

    fn check(&self) -> Result<(), ModelError> {
        let error = |reason: String| Err(spec_error(&format!("model `{}`", self.name), reason));
        if self.sources.is_empty() || self.outputs.is_empty() {
            return error("expected at least one input and one output".into());
        }
        for source in &self.sources {
            let (name, fields) = (&source.schema.name, source.schema.fields.len());
            if source.domain.len() != fields {
                return error(format!("domain of `{name}`: expected {fields} pairs, got {}", source.domain.len()));
            }
            if let Some((lo, hi)) =
                source.domain.iter().find(|(lo, hi)| !(lo.is_finite() && hi.is_finite() && lo <= hi))
            {
                return error(format!("domain of `{name}`: expected finite lo <= hi, got [{lo}, {hi}]"));
            }
        }
        match self.outputs.iter().find(|o| o.scale == 0 || o.scale > super::schema::MAX_SCALE) {
            Some(o) => error(format!("output `{}`: expected a scale in [1, 2^39], got {}", o.name, o.scale)),
            None => Ok(()),
        }
    }

    /// The flat view that compilation uses.
    pub fn resolve(&self) -> ResolvedSpec {
        let sources = self.sources.iter().map(|s| ResolvedSource {
            kind: s.kind,
            length: s.schema.fields.len(),
            schema: Some(s.schema.clone()),
        });
        let fields = self.sources.iter().flat_map(|s| {
            s.schema.fields.iter().zip(&s.domain).map(|(f, &domain)| ResolvedField { scale: f.scale, domain })
        });
        ResolvedSpec {
            name: self.name.clone(),
            sources: sources.collect(),
            fields: fields.collect(),
            outputs: self.outputs.clone(),
        }
    }
}

/// A specification as used: given, or made up of defaults for a bare ONNX file.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ResolvedSpec {
    /// The model's name; empty for a bare file.
    pub name: String,
    /// The sources.
    pub sources: Vec<ResolvedSource>,
    /// Scale and domain of every value of all sources.
    pub fields: Vec<ResolvedField>,
    /// The outputs.
    pub outputs: Vec<OutputSpec>,
}

/// One source.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ResolvedSource {
    /// How it enters the statement.
    pub kind: SourceKind,
    /// Number of values.
    pub length: usize,
    /// Its schema, if a specification gave one.
    pub schema: Option<Schema>,
}

/// One value of a source.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct ResolvedField {
    /// Integer units per 1.0.
    pub scale: u64,
    /// `[lo, hi]` in reals.
    pub domain: (f64, f64),
}

impl ResolvedField {
    /// The domain in units, rounded inward. A product that is an integer up to the rounding of `f64` counts as that integer.
    pub fn domain_units(&self) -> (f64, f64) {
        let units = |real: f64, round: fn(f64) -> f64| {
            let exact = real * self.scale as f64;
            let near = exact.round();
            if (exact - near).abs() <= 1e-12 * exact.abs() { near } else { round(exact) }
        };
        (units(self.domain.0, f64::ceil), units(self.domain.1, f64::floor))
    }
}

impl ResolvedSpec {
    /// One public source without schema; outputs are filled in by the compiler.
    pub fn public(scale: u64, domains: Vec<(f64, f64)>) -> Self {
        let sources = vec![ResolvedSource { kind: SourceKind::Public, length: domains.len(), schema: None }];
        let fields = domains.into_iter().map(|domain| ResolvedField { scale, domain }).collect();
        Self { name: String::new(), sources, fields, outputs: Vec::new() }
    }

    /// Units per 1.0 of every value of all sources.
    pub fn scales(&self) -> Vec<u64> {
        self.fields.iter().map(|f| f.scale).collect()
    }

    /// Raw values, clamped to the domain, as the reals that the float model sees.
    pub fn clamped_reals(&self, raw: &[i64]) -> Vec<f32> {
        let clamped = raw.iter().zip(&self.fields).map(|(&v, field)| {
            let (lo, hi) = field.domain_units();
            ((v as f64).max(lo).min(hi) / field.scale as f64) as f32
        });
        clamped.collect()
    }
}

fn spec_error(what: &str, reason: String) -> ModelError {
    ModelError::Spec { what: what.into(), reason }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SCHEMA: &str = r#"{"name":"m","version":1,"period":60,"fields":[{"name":"p","unit":"usd","scale":100}]}"#;
    const SPEC: &str = r#"{"name":"r","inputs":[{"schema":"s.json","kind":"committed","domain":[[-0.105,0.29]]}],
        "outputs":[{"name":"o","scale":1}]}"#;

    fn parse(spec: &str) -> Result<ModelSpec, ModelError> {
        ModelSpec::parse(spec.as_bytes(), |_| Ok(SCHEMA.as_bytes().to_vec()))
    }

    #[test]
    fn domains_round_inward() {
        let spec = parse(SPEC).unwrap().resolve();
        // 0.29 * 100 is 28.999999999999996 in f64, and means 29.
        assert_eq!(spec.fields[0].domain_units(), (-10.0, 29.0));
        assert_eq!(spec.clamped_reals(&[1000]), vec![0.29]);
    }

    #[test]
    fn says_what_a_wrong_domain_needs() {
        let error = parse(&SPEC.replace("[[-0.105,0.29]]", "[[0,1],[0,1]]")).unwrap_err();
        assert!(error.to_string().contains("expected 1 pairs, got 2"), "{error}");
        let error = parse(&SPEC.replace("0.29", "-3")).unwrap_err();
        assert!(error.to_string().contains("finite lo <= hi"), "{error}");
        let error = parse(&SPEC.replace("committed", "secret")).unwrap_err();
        assert!(error.to_string().contains("committed"), "{error}");
    }
}
