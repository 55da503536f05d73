//! The table of metrics, as the worker's source declares it.

use crate::repository;

const SOURCE: &str = "worker/app/src/operate/metrics.rs";

/// A metric that workers serve.
#[derive(Debug)]
pub struct Metric {
    /// Its whole name.
    pub name: String,
    /// `counter`, `gauge` or `histogram`.
    pub kind: &'static str,
    /// The names of its labels.
    pub labels: Vec<String>,
    /// What it says of itself.
    pub help: String,
}

/// Every metric, in the order of the table.
pub fn metrics() -> Vec<Metric> {
    let source = repository::text(SOURCE);
    let (_, table) = source.split_once("\nmetrics! {\n").unwrap();
    let (table, _) = table.split_once("\n}\n").unwrap();
    let (mut help, mut all) = (Vec::new(), Vec::new());
    for line in table.lines().map(str::trim) {
        match line.strip_prefix("/// ") {
            Some(text) => help.push(text),
            None => all.push(Metric::of(line, std::mem::take(&mut help).join(" "))),
        }
    }
    all
}

impl Metric {
    fn of(line: &str, help: String) -> Self {
        let (name, rest) = line.trim_end_matches(';').split_once(": ").unwrap();
        let (kind, labels) = rest.split_once('[').unwrap_or((rest, ""));
        let kind = match kind {
            "Counter" | "IntCounter" | "IntCounterVec" => "counter",
            "Gauge" | "GaugeVec" | "IntGauge" | "IntGaugeVec" => "gauge",
            "HistogramVec" => "histogram",
            other => panic!("{SOURCE}: the tests do not know {other}"),
        };
        let labels = labels.trim_end_matches(']').split(", ").map(|label| label.trim_matches('"').to_owned());
        let labels = labels.filter(|label| !label.is_empty()).collect();
        let prefix = if name.starts_with("process_") { "" } else { "gatehouse_" };
        Self { name: format!("{prefix}{name}"), kind, labels, help }
    }

    /// The names under which Prometheus stores it.
    pub fn stored(&self) -> Vec<String> {
        match self.kind {
            "histogram" => ["_bucket", "_sum", "_count"].map(|end| format!("{}{end}", self.name)).to_vec(),
            _ => vec![self.name.clone()],
        }
    }
}
