//! Reads a worker's metrics.

use std::time::Duration;

use crate::results::PATIENCE;
use crate::worker_process::{Worker, fetch};

/// A page of metrics.
pub struct Page(pub String);

impl Page {
    /// The sum of a metric over all label sets that contain this text.
    pub fn sum(&self, name: &str, label: &str) -> f64 {
        let samples = self.0.lines().filter_map(|line| {
            let (series, value) = line.rsplit_once(' ')?;
            let (is, labels) = series.split_once('{').unwrap_or((series, ""));
            (is == name && labels.contains(label)).then(|| value.parse::<f64>().unwrap())
        });
        samples.sum()
    }
}

impl Worker {
    /// Its metrics as they are now.
    pub async fn metrics(&self) -> Page {
        let (status, body) = fetch(&self.admin_address().await, "/metrics").await;
        assert_eq!(status, 200, "{body}");
        Page(body)
    }

    /// Waits until a page of its admin address answers with this status.
    pub async fn answers(&self, path: &str, status: u16) {
        let address = self.admin_address().await;
        until(async || fetch(&address, path).await.0 == status).await;
    }

    /// Waits until a metric has this value.
    pub async fn counts(&self, name: &str, wanted: f64) {
        self.counts_with(name, "", wanted).await;
    }

    /// Waits until a metric's samples with this label add up to this.
    pub async fn counts_with(&self, name: &str, label: &str, wanted: f64) {
        until(async || self.metrics().await.sum(name, label) == wanted).await;
    }
}

/// Polls until the condition holds.
pub async fn until(holds: impl AsyncFn() -> bool) {
    let mut looks = tokio::time::interval(Duration::from_millis(50));
    let looking = async {
        loop {
            looks.tick().await;
            if holds().await {
                return;
            }
        }
    };
    tokio::time::timeout(PATIENCE, looking).await.expect("the condition should hold by now");
}
