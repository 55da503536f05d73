//! Draws panels as small charts beside each other, in one picture without a browser.

use std::fmt::Write as _;

/// A line of a chart.
pub(crate) struct Line {
    /// What it shows.
    pub(crate) name: String,
    /// Time and value.
    pub(crate) points: Vec<(f64, f64)>,
}

/// A panel with the answers to its queries.
pub(crate) struct Panel {
    pub(crate) title: String,
    /// `row`, `stat` or `timeseries`.
    pub(crate) kind: String,
    pub(crate) unit: String,
    pub(crate) lines: Vec<Line>,
}

const WIDTH: f64 = 1_200.0;
const COLUMNS: f64 = 4.0;
const CHART: f64 = 190.0;
const STAT: f64 = 64.0;
const HEADING: f64 = 34.0;
/// The legend names no more lines than these.
const NAMED: usize = 4;
/// Can be told apart by people who see few colours (Okabe and Ito).
const COLOURS: [&str; 7] = ["#0072b2", "#e69f00", "#009e73", "#d55e00", "#cc79a7", "#56b4e9", "#000000"];

/// All panels as SVG.
pub(crate) fn drawn(panels: &[Panel]) -> String {
    let (mut body, mut top, mut left, mut height) = (String::new(), 0.0, 0.0, 0.0);
    for panel in panels {
        let (width, own) = match panel.kind.as_str() {
            "row" => (WIDTH, HEADING),
            "stat" => (WIDTH / 8.0, STAT),
            _ => (WIDTH / COLUMNS, CHART),
        };
        if left + width > WIDTH + 0.5 || (own - height).abs() > 0.5 {
            (top, left) = (top + height, 0.0);
        }
        height = own;
        let _ = write!(body, "<g transform=\"translate({left:.0},{top:.0})\">");
        match panel.kind.as_str() {
            "row" => {
                let _ = write!(body, "<text x=\"8\" y=\"24\" class=\"r\">{}</text>", safe(&panel.title));
            }
            "stat" => stat(&mut body, panel, width),
            _ => chart(&mut body, panel, width),
        }
        body.push_str("</g>\n");
        left += width;
    }
    let total = top + height;
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {total:.0}\" font-family=\"sans-serif\">\n\
         <style>text{{font-size:10px;fill:#333}}.r{{font-size:16px;font-weight:bold}}.t{{font-weight:bold;font-size:11px}}\
         .n{{font-size:20px}}polyline{{fill:none;stroke-width:1.5}}</style>\n\
         <rect width=\"100%\" height=\"100%\" fill=\"#fff\"/>\n{body}</svg>\n"
    )
}

fn frame(body: &mut String, panel: &Panel, width: f64, height: f64) {
    let (w, h) = (width - 8.0, height - 8.0);
    let _ = write!(
        body,
        "<rect x=\"4\" y=\"4\" width=\"{w:.0}\" height=\"{h:.0}\" rx=\"3\" fill=\"#f7f7f8\" stroke=\"#ddd\"/>\
         <text x=\"12\" y=\"19\" class=\"t\">{}</text>",
        safe(&panel.title)
    );
}

fn stat(body: &mut String, panel: &Panel, width: f64) {
    frame(body, panel, width, STAT);
    let last = panel.lines.first().and_then(|line| line.points.last()).map_or(0.0, |(_, value)| *value);
    let _ = write!(body, "<text x=\"12\" y=\"46\" class=\"n\">{}</text>", figure(last, &panel.unit));
}

fn chart(body: &mut String, panel: &Panel, width: f64) {
    frame(body, panel, width, CHART);
    let points = || panel.lines.iter().flat_map(|line| &line.points);
    let (first, last) =
        points().fold((f64::MAX, f64::MIN), |(low, high), (at, _)| (low.min(*at), high.max(*at)));
    let most = points().fold(0.0_f64, |most, (_, value)| most.max(*value));
    let (x0, x1, y0, y1) = (48.0, width - 14.0, 120.0, 32.0);
    let x = |at: f64| x0 + (at - first) / (last - first).max(1.0) * (x1 - x0);
    let y = |value: f64| y0 - value.max(0.0) / if most > 0.0 { most } else { 1.0 } * (y0 - y1);
    for part in [0.0, 0.5, 1.0] {
        let (value, at) = (most * part, y(most * part));
        // Without anything but zeros there is one line, at the foot.
        if part == 0.0 || most > 0.0 {
            let _ = write!(
                body,
                "<path d=\"M{x0:.0} {at:.0}H{x1:.0}\" stroke=\"#ddd\"/>\
                 <text x=\"{:.0}\" y=\"{:.0}\" text-anchor=\"end\">{}</text>",
                x0 - 4.0,
                at + 3.0,
                figure(value, &panel.unit)
            );
        }
    }
    // Those that show most come first, in the legend too.
    let mut lines: Vec<_> = panel.lines.iter().collect();
    let peak = |line: &Line| line.points.iter().fold(0.0_f64, |most, (_, value)| most.max(*value));
    lines.sort_by(|a, b| peak(b).total_cmp(&peak(a)));
    for (number, line) in lines.iter().enumerate().rev() {
        let colour = COLOURS[number % COLOURS.len()];
        let place = |(at, value): &(f64, f64)| format!("{:.1},{:.1}", x(*at), y(*value));
        let places: Vec<_> = line.points.iter().map(place).collect();
        let _ = write!(body, "<polyline points=\"{}\" stroke=\"{colour}\"/>", places.join(" "));
    }
    for (number, line) in lines.iter().take(NAMED).enumerate() {
        let left = 12.0 + (number % 2) as f64 * (width - 20.0) / 2.0;
        let foot = 140.0 + (number / 2) as f64 * 14.0;
        let name: String =
            line.name.replace("gatehouse.", "").replace(".requested.v1", "").chars().take(24).collect();
        let _ = write!(
            body,
            "<rect x=\"{left:.0}\" y=\"{:.0}\" width=\"8\" height=\"8\" fill=\"{}\"/><text x=\"{:.0}\" y=\"{foot:.0}\">{}</text>",
            foot - 8.0,
            COLOURS[number % COLOURS.len()],
            left + 12.0,
            safe(&name)
        );
    }
    if lines.len() > NAMED {
        let _ = write!(body, "<text x=\"12\" y=\"170\">and {} more</text>", lines.len() - NAMED);
    }
}

/// A value with its unit, in few characters.
fn figure(value: f64, unit: &str) -> String {
    let number = |value: f64| match value {
        0.0 => "0".to_owned(),
        value if value >= 100.0 || value.fract() == 0.0 => format!("{value:.0}"),
        value if value >= 1.0 => format!("{value:.1}"),
        value => format!("{value:.2}"),
    };
    match unit {
        "s" if value > 0.0 && value < 1.0 => format!("{} ms", number(value * 1_000.0)),
        "s" => format!("{} s", number(value)),
        "bytes" => format!("{} MB", number(value / 1e6)),
        "percentunit" => format!("{} %", number(value * 100.0)),
        "ops" | "reqps" | "rowsps" => format!("{}/s", number(value)),
        "d" => format!("{} d", number(value)),
        _ => number(value),
    }
}

fn safe(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}
