//! Draws a circuit: columns across, rows down, coloured by what the rows are there for. SVG that needs nothing else.
//!
//! Rows are compressed to about a thousand pixels; a region of few rows keeps a few pixels, so that every one can be seen. A cell's
//! strength is the share of the region's rows on which the column is used.

use std::collections::BTreeMap;
use std::fmt::Write;

use super::plot::{count, escape};
use super::report::{ADVICE, label, table_of, used};
use crate::gadgets::RowKind;
use crate::inference::Layout;
use crate::quant::Origin;

const HEIGHT: f64 = 1000.0;
const LEAST: f64 = 4.0;
const COLUMN: f64 = 42.0;
const LEFT: f64 = 70.0;
const TOP: f64 = 44.0;
const LEGEND: f64 = 250.0;
/// Columns after the advice.
const OTHERS: [&str; 6] = ["f0", "f1", "f2", "f3", "w", "table"];
/// Regions that are drawn at most; neighbours are joined beyond.
const REGIONS: usize = 600;

const STYLE: &str = "text{font:11px system-ui,sans-serif;fill:#333}.paper{fill:#fff}.line{stroke:#bbb;fill:none}\
@media(prefers-color-scheme:dark){text{fill:#ddd}.paper{fill:#16181c}.line{stroke:#555}}";

/// Neighbouring rows of one purpose.
struct Region {
    node: String,
    op: String,
    first: usize,
    end: usize,
}

/// The drawing of a layout; `origins` say which node a step belongs to.
pub fn svg(layout: &Layout, origins: &[Origin]) -> String {
    let regions = regions(layout, origins);
    let colours = colours(&regions);
    let heights: Vec<f64> = regions
        .iter()
        .map(|r| ((r.end - r.first) as f64 / layout.rows.len().max(1) as f64 * HEIGHT).max(LEAST))
        .collect();
    let width = LEFT + COLUMN * (ADVICE.len() + OTHERS.len()) as f64;
    let total = TOP + heights.iter().sum::<f64>() + 20.0;
    let mut out = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {:.0} {total:.0}\" width=\"{0:.0}\" height=\"{total:.0}\">\n\
         <style>{STYLE}</style><rect class=\"paper\" width=\"100%\" height=\"100%\"/>\n",
        width + LEGEND
    );
    let _ = writeln!(out, "<text x=\"{LEFT}\" y=\"16\">2^{} rows, columns across</text>", layout.k);
    for (i, name) in ADVICE.iter().chain(&OTHERS).enumerate() {
        let x = LEFT + COLUMN * (i as f64 + 0.5);
        let _ = writeln!(out, "<text x=\"{x:.0}\" y=\"36\" text-anchor=\"middle\">{name}</text>");
    }
    let mut y = TOP;
    let mut labelled = f64::NEG_INFINITY;
    for (region, height) in regions.iter().zip(heights) {
        draw(&mut out, layout, region, colours.get(&region.op).map_or("#888", String::as_str), (y, height));
        if y - labelled >= 12.0 {
            let _ = writeln!(
                out,
                "<text x=\"{}\" y=\"{:.1}\" text-anchor=\"end\">{}</text>",
                LEFT - 6.0,
                y + 9.0,
                region.first
            );
            labelled = y;
        }
        y += height;
    }
    legend(&mut out, &regions, &colours, width + 16.0);
    out.push_str("</svg>\n");
    out
}

fn regions(layout: &Layout, origins: &[Origin]) -> Vec<Region> {
    let mut list: Vec<Region> = Vec::new();
    let ends = layout.parts.iter().skip(1).map(|p| p.0).chain([layout.rows.len()]);
    for ((first, part), end) in layout.parts.iter().zip(ends) {
        let (node, op) = label(*part, origins);
        match list.last_mut() {
            Some(last) if last.node == node && last.op == op => last.end = end,
            _ => list.push(Region { node, op, first: *first, end }),
        }
    }
    // Joined two by two until few enough are left to be drawn; operations of one kind first.
    while list.len() > REGIONS {
        let before = list.len();
        list = joined(list, |a, b| a.op == b.op);
        if list.len() > REGIONS && list.len() * 10 > before * 9 {
            list = joined(list, |_, _| true);
        }
    }
    list
}

/// Joins pairs of neighbours.
fn joined(list: Vec<Region>, may: impl Fn(&Region, &Region) -> bool) -> Vec<Region> {
    let mut out: Vec<Region> = Vec::with_capacity(list.len());
    let mut open = false;
    for region in list {
        match out.last_mut() {
            Some(last) if open && may(last, &region) => {
                if last.op != region.op {
                    last.op = "several".into();
                }
                let first = last.node.split(" … ").next().unwrap_or_default().to_owned();
                last.node = format!("{first} … {}", region.node.rsplit(" … ").next().unwrap_or_default());
                last.end = region.end;
                open = false;
            }
            _ => {
                out.push(region);
                open = true;
            }
        }
    }
    out
}

fn colours(regions: &[Region]) -> BTreeMap<String, String> {
    let mut colours: BTreeMap<String, String> = [
        ("statement", "#7f7f7f"),
        ("source", "#4c78a8"),
        ("poseidon", "#b279a2"),
        ("input", "#72b7b2"),
        ("output", "#e45756"),
        ("outputs", "#b9373a"),
        ("flags", "#9d755d"),
        ("idle", "#c8ccd2"),
    ]
    .map(|(op, colour)| (op.to_owned(), colour.to_owned()))
    .into();
    let mut hue = 35.0;
    for region in regions {
        colours.entry(region.op.clone()).or_insert_with(|| {
            // The golden angle: neighbours in the list differ, however many there are.
            hue = (hue + 137.508) % 360.0;
            format!("hsl({hue:.0},60%,52%)")
        });
    }
    colours
}

/// Uses of each drawn column on a region's rows.
fn uses(layout: &Layout, region: &Region) -> [usize; ADVICE.len() + OTHERS.len()] {
    let mut uses = [0; ADVICE.len() + OTHERS.len()];
    for (at, row) in layout.rows.iter().enumerate().take(region.end).skip(region.first) {
        let table = table_of(layout, at).is_some();
        let dot = matches!(row.kind, RowKind::Dot { .. });
        let zero = <_ as Default>::default();
        let weights = row.f.map(|f| f != zero && !table);
        let [f0, f1, f2, f3] = weights;
        let others = [f0, f1, f2, f3, row.w != zero, table];
        let mut advice = used(row.kind);
        if dot {
            // `z` is the fourth operand, or the second product's factor.
            advice[6] = f3 || row.w != zero;
        }
        for (count, used) in uses.iter_mut().zip(advice.into_iter().chain(others)) {
            *count += usize::from(used);
        }
    }
    uses
}

fn draw(out: &mut String, layout: &Layout, region: &Region, colour: &str, (y, height): (f64, f64)) {
    let rows = region.end - region.first;
    let _ = writeln!(
        out,
        "<g fill=\"{colour}\"><title>{} ({}): rows {} to {}, {} rows</title>\
         <rect x=\"{LEFT}\" y=\"{y:.1}\" width=\"{:.0}\" height=\"{height:.1}\" fill-opacity=\"0.08\"/>",
        escape(&region.node),
        escape(&region.op),
        region.first,
        region.end.saturating_sub(1),
        count(rows),
        COLUMN * (ADVICE.len() + OTHERS.len()) as f64
    );
    for (i, uses) in uses(layout, region).into_iter().enumerate().filter(|u| u.1 > 0) {
        let opacity = 0.2 + 0.8 * uses as f64 / rows.max(1) as f64;
        let _ = writeln!(
            out,
            "<rect x=\"{:.1}\" y=\"{y:.1}\" width=\"{:.1}\" height=\"{:.1}\" fill-opacity=\"{opacity:.2}\"/>",
            LEFT + COLUMN * i as f64 + 1.0,
            COLUMN - 2.0,
            (height - 0.5).max(0.5)
        );
    }
    out.push_str("</g>\n");
}

fn legend(out: &mut String, regions: &[Region], colours: &BTreeMap<String, String>, x: f64) {
    let mut rows: Vec<(&str, usize)> = Vec::new();
    for region in regions {
        match rows.iter_mut().find(|(op, _)| *op == region.op) {
            Some((_, rows)) => *rows += region.end - region.first,
            None => rows.push((&region.op, region.end - region.first)),
        }
    }
    for (i, (op, rows)) in rows.into_iter().enumerate() {
        let y = TOP + 18.0 * i as f64;
        let colour = colours.get(op).map_or("#888", String::as_str);
        let _ = writeln!(
            out,
            "<rect x=\"{x}\" y=\"{y}\" width=\"12\" height=\"12\" fill=\"{colour}\"/><text x=\"{}\" y=\"{}\">{}: {} rows</text>",
            x + 18.0,
            y + 10.0,
            escape(op),
            count(rows)
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::layout;

    fn origins() -> Vec<Origin> {
        let origin = |node: &str, op: &str, first, end| Origin { node: node.into(), op: op.into(), first, end };
        vec![origin("input", "input", 0, 5), origin("a<b", "Relu", 5, 9), origin("flags", "flags", 9, 10)]
    }

    #[test]
    fn every_purpose_is_drawn_and_named() {
        let layout = layout([700, -5, 3, 4, 5, 6, 7, 650]);
        let drawing = svg(&layout, &origins());
        for text in ["a&lt;b (Relu): rows", "poseidon: ", "source 1", "idle: ", "output words", "statement: "] {
            assert!(drawing.contains(text), "{text} in {drawing}");
        }
        assert_eq!(drawing.matches("<g ").count(), drawing.matches("</g>").count());
        assert!(drawing.starts_with("<svg") && drawing.ends_with("</svg>\n") && !drawing.contains("NaN"));
    }

    #[test]
    fn regions_cover_all_rows_once() {
        let layout = layout([0; 8]);
        let regions = regions(&layout, &origins());
        let mut next = 0;
        for region in &regions {
            assert!(region.first == next && region.end > region.first, "{}", region.node);
            next = region.end;
        }
        assert_eq!(next, layout.rows.len());
    }

    #[test]
    fn too_many_regions_are_joined() {
        let list = (0..10).map(|i| Region { node: i.to_string(), op: "Add".into(), first: i, end: i + 1 }).collect();
        let joined = joined(list, |a, b| a.op == b.op);
        assert_eq!(joined.len(), 5);
        assert_eq!((joined[0].node.as_str(), joined[0].end, joined[4].first), ("0 … 1", 2, 8));
    }
}
