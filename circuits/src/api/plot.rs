//! Small inline plots (SVG) and numbers as people read them. Colours are CSS variables of the page or drawing that holds them.

use std::fmt::Write;

use crate::quant::report::Histogram;

const WIDTH: f64 = 300.0;
const HEIGHT: f64 = 220.0;
const LEFT: f64 = 52.0;
const BOTTOM: f64 = 30.0;
const TOP: f64 = 8.0;
const RIGHT: f64 = 10.0;

/// Text that is safe inside HTML and SVG, attributes included.
pub(super) fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            // Other control characters are not XML.
            c if c.is_control() => out.push(' '),
            c => out.push(c),
        }
    }
    out
}

/// A real number with four significant digits.
pub(super) fn real(value: f64) -> String {
    let size = value.abs();
    if value == 0.0 {
        "0".into()
    } else if !value.is_finite() || !(1e-4..1e7).contains(&size) {
        format!("{value:.2e}")
    } else {
        let digits = (3.0 - libm::floor(libm::log10(size))).clamp(0.0, 7.0) as usize;
        let text = format!("{value:.digits$}");
        if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.').to_owned() } else { text }
    }
}

/// A whole number with commas.
pub(super) fn count(value: usize) -> String {
    let digits = value.to_string();
    let mut out = String::new();
    for (i, c) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            out.push(',');
        }
        out.push(c);
    }
    out
}

struct Axis {
    lo: f64,
    hi: f64,
    from: f64,
    to: f64,
}

impl Axis {
    /// An axis over these values, widened a little.
    fn over(values: impl Iterator<Item = f64>, from: f64, to: f64) -> Self {
        let (lo, hi) = values.fold((f64::INFINITY, f64::NEG_INFINITY), |(lo, hi), v| (lo.min(v), hi.max(v)));
        let (lo, hi) = if lo <= hi { (lo, hi) } else { (0.0, 1.0) };
        let margin = if hi > lo { (hi - lo) * 0.04 } else { lo.abs().max(1.0) * 0.5 };
        Self { lo: lo - margin, hi: hi + margin, from, to }
    }

    fn at(&self, value: f64) -> f64 {
        self.from + (value - self.lo) / (self.hi - self.lo) * (self.to - self.from)
    }
}

fn frame(title: &str, x: &Axis, y: &Axis, labels: [&str; 2], body: &str) -> String {
    let mut out =
        format!(r#"<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{0}"><title>{0}</title>"#, escape(title));
    let (right, bottom) = (WIDTH - RIGHT, HEIGHT - BOTTOM);
    let _ = write!(out, r#"<path class="axis" d="M{LEFT} {TOP}V{bottom}H{right}"/>{body}"#);
    for (value, anchor) in [(x.lo, "start"), (x.hi, "end")] {
        let _ = write!(
            out,
            r#"<text x="{:.1}" y="{:.1}" text-anchor="{anchor}">{}</text>"#,
            x.at(value),
            bottom + 12.0,
            real(value)
        );
    }
    for (value, shift) in [(y.lo, 0.0), (y.hi, 8.0)] {
        let place = y.at(value) + shift;
        let _ = write!(out, r#"<text x="{:.1}" y="{place:.1}" text-anchor="end">{}</text>"#, LEFT - 4.0, real(value));
    }
    let middle = (LEFT + right) / 2.0;
    let _ = write!(out, r#"<text x="{middle}" y="{}" text-anchor="middle">{}</text>"#, HEIGHT - 6.0, escape(labels[0]));
    let half = (TOP + bottom) / 2.0;
    let _ = write!(
        out,
        r#"<text x="12" y="{half}" text-anchor="middle" transform="rotate(-90 12 {half})">{}</text></svg>"#,
        escape(labels[1])
    );
    out
}

/// Integer answers over float answers, `[float, integer]` each, with the diagonal on which they agree.
pub(super) fn scatter(name: &str, points: &[[f64; 2]]) -> String {
    let all = || points.iter().flatten().copied();
    let (x, y) = (Axis::over(all(), LEFT, WIDTH - RIGHT), Axis::over(all(), HEIGHT - BOTTOM, TOP));
    let mut body = format!(
        r#"<path class="guide" d="M{:.1} {:.1}L{:.1} {:.1}"/>"#,
        x.at(x.lo),
        y.at(x.lo),
        x.at(x.hi),
        y.at(x.hi)
    );
    for [float, integer] in points {
        let _ = write!(body, r#"<circle cx="{:.1}" cy="{:.1}" r="2"/>"#, x.at(*float), y.at(*integer));
    }
    frame(&format!("{name}: program against float model"), &x, &y, ["float", "program"], &body)
}

/// Signed errors.
pub(super) fn histogram(name: &str, histogram: &Histogram) -> String {
    let limit = if histogram.limit > 0.0 { histogram.limit } else { 1.0 };
    let x = Axis { lo: -limit, hi: limit, from: LEFT, to: WIDTH - RIGHT };
    let top = histogram.counts.iter().copied().max().unwrap_or(0).max(1) as f64;
    let y = Axis { lo: 0.0, hi: top, from: HEIGHT - BOTTOM, to: TOP };
    let width = (x.to - x.from) / histogram.counts.len().max(1) as f64;
    let mut body = String::new();
    for (i, samples) in histogram.counts.iter().enumerate().filter(|c| *c.1 > 0) {
        let (left, high) = (x.from + i as f64 * width, y.at(*samples as f64));
        let _ = write!(
            body,
            r#"<rect x="{:.1}" y="{high:.1}" width="{:.1}" height="{:.1}"><title>{samples} samples</title></rect>"#,
            left + 0.5,
            (width - 1.0).max(0.5),
            y.from - high
        );
    }
    frame(&format!("{name}: errors"), &x, &y, ["program - float", "samples"], &body)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_read_well() {
        let cases =
            [(0.0, "0"), (0.5234567, "0.5235"), (1234.56, "1235"), (12.0, "12"), (0.00001, "1.00e-5"), (-2.5, "-2.5")];
        for (value, text) in cases {
            assert_eq!(real(value), text);
        }
        assert_eq!([count(0), count(999), count(1000), count(1_234_567)].join(" "), "0 999 1,000 1,234,567");
    }

    #[test]
    fn text_from_a_model_cannot_leave_its_place() {
        let plot = scatter(r#""><script>alert(1)</script>"#, &[[0.0, 1.0]]);
        assert!(!plot.contains("<script>") && plot.contains("&lt;script&gt;"), "{plot}");
    }

    #[test]
    fn degenerate_data_stay_inside_the_frame() {
        for plot in [
            scatter("x", &[]),
            scatter("x", &[[3.0, 3.0]]),
            histogram("x", &Histogram { limit: 0.0, counts: vec![0, 7, 0] }),
        ] {
            assert!(!plot.contains("NaN") && !plot.contains("inf"), "{plot}");
        }
    }
}
