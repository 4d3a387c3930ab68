//! `report.html`: a model's report for people, one file that needs nothing else.

use std::fmt::Write;

use super::plot::{count, escape, histogram, real, scatter};
use super::report::{ModelReport, mib, seconds};
use crate::quant::probe::LayerError;
use crate::quant::report::{OutputReport, SampleOrigin};

/// Rows of a table that are shown at most; `report.json` has all.
const SHOWN: usize = 200;

const STYLE: &str = "
:root{color-scheme:light dark;--ink:#1c1e21;--soft:#666c75;--paper:#fff;--line:#dcdfe4;--band:#f5f6f8;--mark:#2764c5;--warn:#fff6df}
@media(prefers-color-scheme:dark){:root{--ink:#e4e6ea;--soft:#9aa1ab;--paper:#16181c;--line:#33373e;--band:#1e2126;--mark:#79a8f7;--warn:#3a3018}}
body{font:15px/1.5 system-ui,sans-serif;color:var(--ink);background:var(--paper);max-width:64rem;margin:2rem auto;padding:0 1rem}
h1{font-size:1.6rem;margin:0 0 .3rem}h2{font-size:1.15rem;margin:2rem 0 .6rem}p{margin:.4rem 0}.soft{color:var(--soft)}
.wide{overflow-x:auto}table{border-collapse:collapse;width:100%;font-size:.9rem}
th,td{padding:.3rem .7rem;text-align:right;border-bottom:1px solid var(--line);white-space:nowrap}
th:first-child,td:first-child,.t{text-align:left}th{color:var(--soft);font-weight:600}tbody tr:nth-child(even){background:var(--band)}
.notes{background:var(--warn);border-radius:.4rem;padding:.6rem 1rem .6rem 2rem;margin:1rem 0}
.plots{display:grid;grid-template-columns:repeat(auto-fill,minmax(18rem,1fr));gap:1rem}figure{margin:0}figcaption{font-size:.85rem;color:var(--soft)}
svg{width:100%;height:auto}svg text{font-size:9px;fill:var(--soft)}svg circle,svg rect{fill:var(--mark);fill-opacity:.65}
.bar{width:25%}.bar i{display:block;height:.7rem;background:var(--mark);opacity:.65}
.axis{stroke:var(--soft);fill:none}.guide{stroke:var(--line);stroke-width:1.5;fill:none}
";

/// The whole page.
pub(super) fn page(report: &ModelReport) -> String {
    let name = if report.model.name.is_empty() { "Model" } else { &report.model.name };
    let mut out = format!(
        "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><meta name=\"viewport\" content=\"width=device-width\">\
         <title>{0}: report</title><style>{STYLE}</style></head><body>\n<h1>{0}</h1>\n",
        escape(name)
    );
    out.push_str(&head(report));
    out.push_str(&costs(report));
    out.push_str(&accuracy(report));
    out.push_str(&plots(&report.measured.outputs));
    out.push_str(&errors(&report.measured.errors));
    out.push_str(&layers(report));
    out.push_str(&rows(report));
    out.push_str("</body></html>\n");
    out
}

/// A table; the first `text` columns are aligned left. Cells are escaped here.
fn table(titles: &[&str], text: usize, rows: &[Vec<String>]) -> String {
    table_with_bars(titles, text, rows, &[])
}

/// A table whose rows end in bars, of these shares of the full width, under the last title.
fn table_with_bars(titles: &[&str], text: usize, rows: &[Vec<String>], bars: &[f64]) -> String {
    let class = |i: usize| if i < text { " class=\"t\"" } else { "" };
    let line = |tag: &str, cells: &[&str], bar: Option<&f64>| {
        let cell = |(i, c): (usize, &&str)| format!("<{tag}{}>{}</{tag}>", class(i), escape(c));
        let bar = bar.map(|share| format!("<td class=\"bar\"><i style=\"width:{:.1}%\"></i></td>", 100.0 * share));
        format!("<tr>{}{}</tr>", cells.iter().enumerate().map(cell).collect::<String>(), bar.unwrap_or_default())
    };
    let row =
        |(i, row): (usize, &Vec<String>)| line("td", &row.iter().map(String::as_str).collect::<Vec<_>>(), bars.get(i));
    let body: String = rows.iter().take(SHOWN).enumerate().map(row).collect();
    let more = rows.len().saturating_sub(SHOWN);
    let rest = if more > 0 { format!("<p class=\"soft\">and {more} more in report.json</p>") } else { String::new() };
    format!(
        "<div class=\"wide\"><table><thead>{}</thead><tbody>{body}</tbody></table></div>{rest}\n",
        line("th", titles, None)
    )
}

fn head(report: &ModelReport) -> String {
    let model = &report.model;
    let privacy = if model.private { "private (hashes and digest are salted)" } else { "public" };
    let inputs = match model.inputs {
        "committed" => "committed: only a salted hash is on chain",
        "both" => "partly committed, partly public",
        _ => "public: on chain in the clear",
    };
    let ops: Vec<String> = model.nodes.iter().map(|(op, n)| format!("{n} {op}")).collect();
    let mut out = format!(
        "<p>Model: {privacy}. Inputs: {} values, {inputs}. Outputs: {}. {} in one proof.</p>\n<p class=\"soft\">Nodes with steps of their \
         own: {}.</p>\n",
        count(model.sources.iter().sum()),
        count(report.measured.outputs.len()),
        if model.slots == 1 { "One inference".into() } else { format!("{} inferences", model.slots) },
        if ops.is_empty() { "none".into() } else { escape(&ops.join(", ")) },
    );
    if !report.notes.is_empty() {
        let notes: String = report.notes.iter().map(|n| format!("<li>{}</li>", escape(n))).collect();
        let _ = writeln!(out, "<ul class=\"notes\">{notes}</ul>");
    }
    out
}

fn costs(report: &ModelReport) -> String {
    let row = |c: &super::predict::Cost| {
        vec![
            c.mode.clone(),
            c.k.to_string(),
            c.words.to_string(),
            seconds(c.key_seconds),
            mib(c.key_bytes as f64),
            seconds(c.proof_seconds),
            format!("{:.0} MiB", c.peak_mib),
            count(c.proof_bytes),
            count(c.gas as usize),
        ]
    };
    let titles = ["mode", "k", "words", "key", "key's size", "proof", "memory", "proof, bytes", "gas"];
    format!(
        "<h2>Cost, predicted</h2>\n{}<p class=\"soft\">Sizes are exact. Seconds are for this machine ({} times the reference's for proofs, {} times for keys), within about 30 %; \
         aggregated proofs need an aggregation key too, once for all models.</p>\n",
        table(&titles, 1, &report.costs.iter().map(row).collect::<Vec<_>>()),
        real(report.machine.slowness),
        real(report.machine.key_slowness)
    )
}

fn accuracy(report: &ModelReport) -> String {
    let m = &report.measured;
    let maybe = |value: Option<f64>| value.map_or("–".into(), real);
    let percent = |value: Option<f64>| value.map_or("–".into(), |v| format!("{} %", real(100.0 * v)));
    let row = |o: &OutputReport| {
        vec![
            o.name.clone(),
            format!("1/{}", o.scale),
            real(o.min),
            real(o.max),
            maybe(o.max_error),
            maybe(o.mean_error),
            percent(o.max_share),
            percent(o.mean_share),
        ]
    };
    let titles =
        ["output", "unit", "smallest", "largest", "max error", "mean error", "max, of range", "mean, of range"];
    let origin = match m.sample_origin {
        SampleOrigin::Calibration => "samples of the calibration",
        SampleOrigin::Domain => "samples drawn from the declared domain, the same on every machine",
    };
    let mut out = format!(
        "<h2>Accuracy</h2>\n<p>{} {origin}; {} clamped to the domain, {} saturated inside; {} values may saturate.</p>\n{}",
        count(m.samples),
        count(m.clamped_samples),
        count(m.saturated_samples),
        count(m.saturating_values),
        table(&titles, 1, &m.outputs.iter().map(row).collect::<Vec<_>>())
    );
    if !m.classification.is_empty() {
        let row = |c: &crate::quant::report::Classification| {
            let kind = format!("{:?}", c.kind).to_lowercase();
            vec![c.output.clone(), kind, count(c.disagreements), format!("{} %", real(100.0 * c.share))]
        };
        let rows: Vec<_> = m.classification.iter().map(row).collect();
        out.push_str(&table(&["classes of", "read as", "samples that differ", "share"], 2, &rows));
    }
    out
}

fn plots(outputs: &[OutputReport]) -> String {
    let mut out = String::new();
    for output in outputs.iter().filter(|o| !o.points.is_empty()) {
        let name = escape(&output.name);
        let _ = write!(
            out,
            "<figure>{}<figcaption>{name}: program against float</figcaption></figure>",
            scatter(&output.name, &output.points)
        );
        if let Some(errors) = &output.histogram {
            let _ = write!(
                out,
                "<figure>{}<figcaption>{name}: errors</figcaption></figure>",
                histogram(&output.name, errors)
            );
        }
    }
    if out.is_empty() { out } else { format!("<div class=\"plots\">{out}</div>\n") }
}

/// What each node's value is off by, with bars as long as its share of the largest share.
fn errors(errors: &[LayerError]) -> String {
    if errors.is_empty() {
        return String::new();
    }
    let row = |e: &LayerError| {
        let share = e.max_share.map_or("–".into(), |s| format!("{} %", real(100.0 * s)));
        vec![e.node.clone(), e.op.clone(), real(e.max_error), real(e.range), share]
    };
    let share = |e: &LayerError| e.max_share.unwrap_or(0.0);
    let worst = errors.iter().map(share).fold(0.0, f64::max);
    let bars: Vec<f64> = errors.iter().map(|e| if worst > 0.0 { share(e) / worst } else { 0.0 }).collect();
    let titles = ["node", "operation", "max error", "range", "max, of range", "against the worst"];
    format!(
        "<h2>Error by layer</h2>\n<p>Program against float model, at up to 64 elements of each node's value. A node that is computed \
         together with the Relu or the pooling behind it has no line.</p>\n{}",
        table_with_bars(&titles, 2, &errors.iter().map(row).collect::<Vec<_>>(), &bars)
    )
}

fn layers(report: &ModelReport) -> String {
    let row = |l: &crate::quant::report::LayerReport| {
        vec![
            l.node.clone(),
            l.kind.clone(),
            count(l.values),
            real(l.bound),
            l.calibrated.map_or("–".into(), real),
            count(l.saturating),
            count(l.lanes),
        ]
    };
    let titles = ["node", "what", "values", "bound", "seen in calibration", "may saturate", "lanes"];
    let rows: Vec<_> = report.measured.layers.iter().map(row).collect();
    format!("<h2>Layers</h2>\n{}", table(&titles, 2, &rows))
}

fn rows(report: &ModelReport) -> String {
    let share = |rows: usize| format!("{} %", real(100.0 * rows as f64 / report.rows.usable.max(1) as f64));
    let row = |p: &super::report::PartRows| {
        vec![p.node.clone(), p.op.clone(), count(p.steps), count(p.rows), share(p.rows), count(p.cells)]
    };
    let parts: Vec<_> = report.parts.iter().map(row).collect();
    let tables: Vec<_> = report.tables.iter().map(|t| vec![t.name.clone(), count(t.entries)]).collect();
    format!(
        "<h2>Rows</h2>\n<p>{} of {} rows do something; `dodona model layout` draws them.</p>\n{}<h2>Tables</h2>\n{}",
        count(report.rows.used),
        count(report.rows.usable),
        table(&["node", "operation", "steps", "rows", "share", "cells"], 2, &parts),
        table(&["table", "entries"], 1, &tables)
    )
}
