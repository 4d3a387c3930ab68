//! What compiling a model lost and what proving it will cost: `report.json`, and the same for people as `report.html` and as a few lines.

use std::collections::BTreeMap;

use serde::Serialize;

use super::manifest::Manifest;
use super::plot::{count, real};
use super::predict::{Cost, Machine};
use crate::gadgets::RowKind;
use crate::gadgets::logup::NO_ENTRY;
use crate::inference::{Layout, Part};
use crate::model::spec::SourceKind;
use crate::quant::report::SampleOrigin;
use crate::quant::{Compiled, Origin, Report};

/// Everything about a compiled model, before there is a key.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ModelReport {
    /// Accuracy, saturation, layers and size of the program.
    #[serde(flatten)]
    pub measured: Report,
    /// What the model is.
    pub model: Summary,
    /// Predicted cost of each mode that the model fits.
    pub costs: Vec<Cost>,
    /// The machine that the seconds are predicted for.
    pub machine: Machine,
    /// Usable rows of the direct circuit, and those in use.
    pub rows: RowCount,
    /// Rows and cells of each part of the direct circuit, all slots together, in order of first row.
    pub parts: Vec<PartRows>,
    /// Tables.
    pub tables: Vec<TableRows>,
    /// What to know and what to do about it.
    pub notes: Vec<String>,
}

/// What a model is.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Summary {
    /// Its name.
    pub name: String,
    /// Whether hashes and digest are salted.
    pub private: bool,
    /// `committed`, `public` or `both`: how inputs enter the statement.
    pub inputs: &'static str,
    /// Values of each source.
    pub sources: Vec<usize>,
    /// Inferences in one proof.
    pub slots: usize,
    /// Nodes of the graph that needed steps, by operation.
    pub nodes: BTreeMap<String, usize>,
}

/// Rows of a circuit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct RowCount {
    /// Rows that do something.
    pub used: usize,
    /// Rows that may.
    pub usable: usize,
}

/// Rows of one part of the circuit.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct PartRows {
    /// Name of the ONNX node, or of the part.
    pub node: String,
    /// Its operation, or the kind of part.
    pub op: String,
    /// Steps of the program, in one slot.
    pub steps: usize,
    /// Rows, in all slots.
    pub rows: usize,
    /// Advice cells in use on these rows.
    pub cells: usize,
}

/// Entries of one table.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct TableRows {
    /// `range`, or the function.
    pub name: String,
    /// Rows that hold its entries; they do other work as well.
    pub entries: usize,
}

/// A label for rows: node (or part) and operation (or kind of part).
pub(super) fn label(part: Part, origins: &[Origin]) -> (String, String) {
    let fixed = |node: String, op: &str| (node, op.to_owned());
    match part {
        Part::Statement => fixed("statement".into(), "statement"),
        Part::Source(index) => fixed(format!("source {index}"), "source"),
        Part::Commitment(index) => fixed(format!("commitment {index}"), "poseidon"),
        Part::Outputs => fixed("output words".into(), "outputs"),
        Part::Idle => fixed("idle".into(), "idle"),
        Part::Step(step) => {
            let at = origins.partition_point(|o| o.end <= step);
            origins.get(at).map_or_else(|| fixed("steps".into(), "steps"), |o| (o.node.clone(), o.op.clone()))
        }
    }
}

/// Names of the advice columns, as [`used`] orders them.
pub(super) const ADVICE: [&str; 7] = ["a0", "a1", "a2", "a3", "acc", "b", "z"];

/// Which advice columns a row of this kind uses.
pub(super) fn used(kind: RowKind) -> [bool; ADVICE.len()] {
    let [x, o] = [true, false];
    match kind {
        RowKind::Idle => [o; 7],
        RowKind::Statement => [x, x, o, o, o, o, o],
        RowKind::Dot { .. } => [x, x, x, o, x, o, o],
        RowKind::Requant(_) | RowKind::Assert => [x; 7],
        RowKind::Function => [x, x, x, x, x, o, x],
        RowKind::Poseidon { .. } => [x, x, x, x, o, x, x],
        RowKind::Matrix(_) => [x, x, x, o, o, o, o],
    }
}

/// Rows of each part, in order of first row. A sum's last row may belong to what comes next.
pub(super) fn parts(layout: &Layout, origins: &[Origin]) -> Vec<PartRows> {
    let mut order: BTreeMap<(String, String), usize> = BTreeMap::new();
    let mut list: Vec<PartRows> = Vec::new();
    let ends = layout.parts.iter().skip(1).map(|p| p.0).chain([layout.rows.len()]);
    for ((first, part), end) in layout.parts.iter().zip(ends) {
        let (node, op) = label(*part, origins);
        let at = *order.entry((node.clone(), op.clone())).or_insert_with(|| {
            let of = |o: &&Origin| o.node == node && matches!(part, Part::Step(_));
            let steps = origins.iter().filter(of).map(|o| o.end - o.first).sum();
            list.push(PartRows { node, op, steps, rows: 0, cells: 0 });
            list.len() - 1
        });
        let rows = layout.rows.get(*first..end).unwrap_or_default();
        if let Some(entry) = list.get_mut(at) {
            entry.rows += rows.len();
            entry.cells += rows.iter().map(|row| used(row.kind).into_iter().filter(|u| *u).count()).sum::<usize>();
        }
    }
    list
}

impl ModelReport {
    /// Puts a report together. `layout` is that of direct mode.
    pub(super) fn new(
        mut measured: Report,
        compiled: &Compiled,
        manifest: &Manifest,
        layout: &Layout,
        costs: Vec<Cost>,
        machine: Machine,
    ) -> Self {
        // The program's own hash would tell a private model apart from others.
        measured.quant_hash = hex::encode(manifest.quant_hash);
        let parts = parts(layout, &compiled.origins);
        let idle: usize = parts.iter().filter(|p| p.op == "idle").map(|p| p.rows).sum();
        let kinds: Vec<SourceKind> = manifest.sources.iter().map(|s| s.kind).collect();
        let committed = kinds.contains(&SourceKind::Committed);
        let mut nodes: BTreeMap<String, usize> = BTreeMap::new();
        for origin in compiled.origins.iter().filter(|o| o.node != o.op) {
            *nodes.entry(origin.op.clone()).or_default() += 1;
        }
        let names = ["range"].into_iter().chain(compiled.program.tables.iter().map(|t| t.name.as_str()));
        let table =
            |(name, (_, rows)): (&str, &(i64, Vec<usize>))| TableRows { name: name.into(), entries: rows.len() };
        let mut report = Self {
            model: Summary {
                name: manifest.name.clone(),
                private: manifest.private,
                inputs: match (committed, kinds.contains(&SourceKind::Public)) {
                    (true, true) => "both",
                    (true, false) => "committed",
                    _ => "public",
                },
                sources: manifest.sources.iter().map(|s| s.length).collect(),
                slots: manifest.slots,
                nodes,
            },
            costs,
            machine,
            rows: RowCount { used: layout.rows.len() - idle, usable: layout.rows.len() },
            parts,
            tables: names.zip(&layout.tables).map(table).collect(),
            notes: Vec::new(),
            measured,
        };
        report.notes = report.advice(manifest);
        report
    }

    fn advice(&self, manifest: &Manifest) -> Vec<String> {
        let mut notes = Vec::new();
        let m = &self.measured;
        if let Some(reason) = &m.no_reference {
            notes.push(format!("No float model to compare with, so errors are not known: {reason}."));
        }
        if m.sample_origin == SampleOrigin::Domain {
            notes.push(format!(
                "Measured on {} samples drawn from the declared domain (corners, then uniform). Ranges come from interval analysis alone: \
                 typical inputs (--calibration) tighten them.",
                m.samples
            ));
        }
        if let Some((index, share)) = m.worst().filter(|w| w.1 > 0.01)
            && let Some(output) = m.outputs.get(index)
            && output.max_share.is_some()
        {
            notes.push(format!(
                "Output `{}` is off by up to {} % of its range: calibrate, narrow the declared domain, or see at which layer \
                 the errors begin.",
                output.name,
                real(100.0 * share)
            ));
        }
        let coarse = |o: &&crate::quant::report::OutputReport| {
            let unit = 1.0 / o.scale as f64;
            o.max_error.is_some_and(|e| e <= unit) && o.max_share.is_some_and(|s| s > 0.001)
        };
        if let Some(output) = m.outputs.iter().find(coarse) {
            notes.push(format!(
                "The error of output `{}` is the rounding to its units (1/{}): a larger scale in the specification keeps more digits.",
                output.name, output.scale
            ));
        }
        for (what, samples) in
            [("have an input outside the declared domain", m.clamped_samples), ("saturate inside", m.saturated_samples)]
        {
            if samples > 0 {
                notes.push(format!("{samples} of {} samples {what}: their answers are flagged on chain.", m.samples));
            }
        }
        for c in m.classification.iter().filter(|c| c.disagreements > 0) {
            notes.push(format!(
                "Output `{}` names another class than the float model on {} of {} samples.",
                c.output, c.disagreements, m.samples
            ));
        }
        if manifest.aggregated.is_none() {
            notes.push(format!(
                "Direct mode only: the aggregated shape has {} words and this model needs {}. Committed sources and fewer slots need fewer.",
                crate::inference::Shape::NARROW.words,
                manifest.direct.words
            ));
        }
        if self.model.private {
            notes.push("This model is private: this report names its layers, so keep it as secret as the salt.".into());
        }
        notes
    }

    /// A few lines for a terminal.
    pub fn summary(&self) -> String {
        let (model, m) = (&self.model, &self.measured);
        let name = if model.name.is_empty() { "model" } else { &model.name };
        let kind = if model.private { "private" } else { "public" };
        let inputs: usize = model.sources.iter().sum();
        let k = self.costs.first().map_or(0, |c| c.k);
        let words = self.costs.first().map_or(0, |c| c.words);
        let mut lines = vec![
            format!(
                "{name}: {} inputs ({}), {} outputs, slots: {}, {kind} model",
                count(inputs),
                model.inputs,
                count(m.outputs.len()),
                model.slots
            ),
            format!(
                "  circuit     k = {k}: {} of {} rows, {} table entries, {words} words",
                count(self.rows.used),
                count(self.rows.usable),
                count(self.tables.iter().map(|t| t.entries).sum())
            ),
            format!("  accuracy    {}", self.accuracy()),
        ];
        for c in &self.costs {
            lines.push(format!(
                "  {:<10}  key {} ({}), proof {}, {:.0} MiB, {} bytes, {} gas",
                c.mode,
                seconds(c.key_seconds),
                mib(c.key_bytes as f64),
                seconds(c.proof_seconds),
                c.peak_mib,
                count(c.proof_bytes),
                count(c.gas as usize)
            ));
        }
        lines.extend(self.notes.iter().map(|note| format!("  note        {note}")));
        lines.join("\n")
    }

    /// One line about errors.
    fn accuracy(&self) -> String {
        let m = &self.measured;
        let origin = match m.sample_origin {
            SampleOrigin::Calibration => "calibration",
            SampleOrigin::Domain => "drawn",
        };
        let samples = format!("{} {origin} samples", count(m.samples));
        let worst = m.worst().and_then(|(index, _)| m.outputs.get(index));
        let Some((output, error)) = worst.and_then(|o| Some((o, o.max_error?))) else {
            return format!("unknown (no float model), {samples}");
        };
        let share = output.max_share.map(|s| format!(", {} % of its range", real(100.0 * s))).unwrap_or_default();
        format!("worst error {} in `{}`{share}; {samples}", real(error), output.name)
    }
}

/// Seconds for people.
pub(super) fn seconds(value: f64) -> String {
    if value < 1.0 { format!("{value:.2} s") } else { format!("{} s", real(value)) }
}

/// Bytes as MiB.
pub(super) fn mib(bytes: f64) -> String {
    format!("{:.1} MiB", bytes / f64::from(1 << 20))
}

/// The table whose entry a row holds.
pub(super) fn table_of(layout: &Layout, row: usize) -> Option<u64> {
    layout.rows.get(row).map(|r| r.tag).filter(|tag| *tag != NO_ENTRY && *tag != 0)
}
