//! Answers as people read them: named outputs in reals, with the flags.

use serde::{Deserialize, Serialize};

use super::manifest::Manifest;
use super::model::SlotAnswer;

/// One inference's answer with names.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct NamedAnswer {
    /// The outputs, in order.
    pub outputs: Vec<NamedOutput>,
    /// No input was clamped to the declared domain.
    pub in_domain: bool,
    /// Nothing saturated inside.
    pub unsaturated: bool,
}

/// One output.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct NamedOutput {
    /// Its name.
    pub name: String,
    /// Its value.
    pub value: f64,
    /// The value in the output's units, as proved.
    pub units: i64,
    /// Units per 1.0.
    pub scale: u64,
}

impl NamedAnswer {
    /// Names an answer's outputs as the model's manifest does.
    pub fn new(manifest: &Manifest, answer: &SlotAnswer) -> Self {
        let output = |(units, spec): (&i64, &crate::model::spec::OutputSpec)| NamedOutput {
            name: spec.name.clone(),
            value: *units as f64 / spec.scale as f64,
            units: *units,
            scale: spec.scale,
        };
        let outputs = answer.outputs.iter().zip(&manifest.outputs).map(output).collect();
        Self { outputs, in_domain: answer.in_domain, unsaturated: answer.unsaturated }
    }

    /// One line an output, flags last.
    pub fn text(&self) -> String {
        let width = self.outputs.iter().map(|o| o.name.chars().count()).max().unwrap_or(0);
        let mut lines: Vec<String> =
            self.outputs.iter().map(|o| format!("  {:<width$}  {}", o.name, o.value)).collect();
        let domain =
            if self.in_domain { "inside the declared domain" } else { "an input was CLAMPED to the declared domain" };
        let range = if self.unsaturated { "nothing saturated" } else { "a value SATURATED inside" };
        lines.push(format!("  {domain}; {range}"));
        lines.join("\n")
    }
}
