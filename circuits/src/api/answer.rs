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
    /// What opens the commitment to the outputs, where the proof shows one in their place.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub opening: Option<String>,
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
        Self { outputs, in_domain: answer.in_domain, unsaturated: answer.unsaturated, opening: None }
    }

    /// The same answer with what opens its commitment.
    #[must_use]
    pub fn opened_by(self, salt: [u8; 32]) -> Self {
        Self { opening: Some(format!("0x{}", hex::encode(salt))), ..self }
    }

    /// The answer in units, and what opens its commitment; `None` without an opening.
    pub fn opened(&self) -> Option<(SlotAnswer, [u8; 32])> {
        let text = self.opening.as_ref()?;
        let salt = hex::decode(text.strip_prefix("0x").unwrap_or(text)).ok()?.try_into().ok()?;
        let outputs = self.outputs.iter().map(|o| o.units).collect();
        Some((SlotAnswer { outputs, in_domain: self.in_domain, unsaturated: self.unsaturated }, salt))
    }

    /// Whether two answers say the same. A real may change in its last bit on its way through JSON.
    pub fn agrees(&self, other: &Self) -> bool {
        let output = |(a, b): (&NamedOutput, &NamedOutput)| {
            let near = (a.value - b.value).abs() <= 1e-12 * b.value.abs();
            near && (&a.name, a.units, a.scale) == (&b.name, b.units, b.scale)
        };
        (self.in_domain, self.unsaturated, self.outputs.len())
            == (other.in_domain, other.unsaturated, other.outputs.len())
            && self.outputs.iter().zip(&other.outputs).all(output)
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

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(units: i64, scale: u64) -> NamedAnswer {
        let output = NamedOutput { name: "ltv".into(), value: units as f64 / scale as f64, units, scale };
        NamedAnswer { outputs: vec![output], in_domain: true, unsaturated: false, opening: None }
    }

    #[test]
    fn an_answer_agrees_with_itself_after_json_and_with_no_other() {
        let ours = answer(7001, 30);
        let back: NamedAnswer = serde_json::from_str(&serde_json::to_string(&ours).unwrap()).unwrap();
        assert!(back.agrees(&ours));
        assert!(!answer(7002, 30).agrees(&ours) && !answer(7001, 31).agrees(&ours));
        assert!(!NamedAnswer { in_domain: false, ..ours.clone() }.agrees(&ours));
        let mut lie = ours.clone();
        lie.outputs[0].value += 1e-6;
        assert!(!lie.agrees(&ours));
    }

    #[test]
    fn text_names_values_and_shouts_flags() {
        let text = answer(5, 2).text();
        assert!(text.contains("ltv  2.5") && text.contains("inside the declared domain; a value SATURATED"), "{text}");
    }
}
