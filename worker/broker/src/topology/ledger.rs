//! The streams of the ledger. Who reads one declares it.

use lapin::types::AMQPValue;

use super::{Binding, Queue, Topology, table, text};

/// How long records of the ledger are kept.
const LEDGER_AGE: &str = "400D";
/// How much of the ledger's snapshots is kept: more than a dozen of a hundred thousand people.
const SNAPSHOT_BYTES: i64 = 500_000_000;
const LEDGER_SEGMENT_BYTES: i64 = 50_000_000;

impl Topology {
    /// A stream of the ledger, and the way into it: the records that order who may act, or the snapshots of them.
    pub(crate) fn record_stream(&self, name: String) -> (Queue, Binding) {
        let kept: (&str, AMQPValue) = match name == self.ledger_snapshots() {
            true => ("x-max-length-bytes", SNAPSHOT_BYTES.into()),
            false => ("x-max-age", text(LEDGER_AGE)),
        };
        let arguments = table([
            ("x-queue-type", text("stream")),
            kept,
            ("x-stream-max-segment-size-bytes", LEDGER_SEGMENT_BYTES.into()),
        ]);
        let binding = Binding { queue: name.clone(), exchange: self.ledger(), key: name.clone() };
        (Queue { name, arguments }, binding)
    }
}
