//! The streams of all results and of what runs took away, how long they are kept, and the queue of late results.

use super::{Binding, Queue, Topology, table, text};

/// A stream forgets whole segments. Small ones forget closer to the limits, and large ones are fewer files.
const HISTORY_SEGMENT_BYTES: i64 = 100_000_000;
const SNAPSHOTS_SEGMENT_BYTES: i64 = 50_000_000;

/// How much of a stream is kept: the broker drops the oldest entries beyond either limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Retention {
    /// Days.
    pub days: u32,
    /// Bytes on each replica.
    pub bytes: u64,
}

impl Retention {
    /// What is kept of the history, unless the settings say otherwise.
    pub const HISTORY: Self = Self { days: 400, bytes: 20_000_000_000 };
    /// What is kept of what runs took away: for twice the time for which Microsoft keeps a deleted account.
    pub const SNAPSHOTS: Self = Self { days: 60, bytes: 5_000_000_000 };
}

impl Topology {
    /// The same with a history and snapshots that are kept for so long.
    #[must_use]
    pub(crate) fn keeping(self, history_kept: Retention, snapshots_kept: Retention) -> Self {
        Self { history_kept, snapshots_kept, ..self }
    }

    /// The exchange and the queue of results that the history did not confirm in time.
    #[must_use]
    pub fn late_results(&self) -> String {
        self.named("results.late")
    }

    /// Keeps nothing: what comes in expires at once, and the broker hands it on until all queues of the results have it.
    /// It does so under the key that the message came with.
    pub(super) fn late_queue(&self) -> (Queue, Binding) {
        let name = self.late_results();
        let arguments = self.dead_lettering(&self.results(), [("x-message-ttl", 0_i64.into())]);
        let binding = Binding { queue: name.clone(), exchange: name.clone(), key: String::new() };
        (Queue { name, arguments }, binding)
    }

    pub(super) fn history_stream(&self) -> Queue {
        stream(self.history(), self.history_kept, HISTORY_SEGMENT_BYTES)
    }

    pub(super) fn snapshots_stream(&self) -> Queue {
        stream(self.snapshots(), self.snapshots_kept, SNAPSHOTS_SEGMENT_BYTES)
    }
}

fn stream(name: String, kept: Retention, segment_bytes: i64) -> Queue {
    let Retention { days, bytes } = kept;
    let arguments = table([
        ("x-queue-type", text("stream")),
        ("x-max-age", text(&format!("{days}D"))),
        ("x-max-length-bytes", i64::try_from(bytes).unwrap_or(i64::MAX).into()),
        ("x-stream-max-segment-size-bytes", segment_bytes.into()),
    ]);
    Queue { name, arguments }
}
