//! The stream of all results, and how long it is kept.

use super::{Queue, Topology, table, text};

/// A stream forgets whole segments. Small ones forget closer to the limits, and large ones are fewer files.
const SEGMENT_BYTES: i64 = 100_000_000;

/// How much of the history is kept: what exceeds either limit is forgotten, the oldest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Retention {
    /// Days.
    pub days: u32,
    /// Bytes on each replica.
    pub bytes: u64,
}

impl Default for Retention {
    fn default() -> Self {
        Self { days: 400, bytes: 20_000_000_000 }
    }
}

impl Topology {
    /// The same with a history that is kept for so long.
    #[must_use]
    pub(crate) fn keeping(self, retention: Retention) -> Self {
        Self { retention, ..self }
    }

    pub(super) fn history_stream(&self) -> Queue {
        let Retention { days, bytes } = self.retention;
        let arguments = table([
            ("x-queue-type", text("stream")),
            ("x-max-age", text(&format!("{days}D"))),
            ("x-max-length-bytes", i64::try_from(bytes).unwrap_or(i64::MAX).into()),
            ("x-stream-max-segment-size-bytes", SEGMENT_BYTES.into()),
        ]);
        Queue { name: self.history(), arguments }
    }
}
