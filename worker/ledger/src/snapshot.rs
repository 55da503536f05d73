//! The ledger as bytes, so that a worker that starts need not read the whole stream.

use ring::digest;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::{
    fold::{Admitted, Ledger},
    intent::Intent,
    keys::Key,
    person::{Hold, Person, Position, Role, Run, State},
    record::{Cancels, Done},
    rules::Rules,
};

/// The version of snapshots. It is raised with that of the records: other rules make other snapshots.
const VERSION: u64 = 1;

/// The most bytes of a part. Brokers limit the size of a message; RabbitMQ 4.0 to 16 MiB (seen on 4.0.5, 2026).
pub const PART_BYTES: usize = 1 << 20;

/// A ledger as bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Snapshot {
    /// What the parts are: published after them.
    pub index: Vec<u8>,
    /// The parts, each of at most [`PART_BYTES`].
    pub parts: Vec<Vec<u8>>,
}

/// Why bytes are no snapshot. Whoever reads it reads the stream from its start instead.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum SnapshotError {
    /// Another version of the rules made it.
    #[error("a snapshot of version {0}, and this worker reads version {VERSION}")]
    Version(u64),
    /// A part is missing or was changed.
    #[error("the parts are not those that the index names: {0}")]
    Parts(String),
    /// It cannot be read.
    #[error("not a snapshot of the ledger: {0}")]
    Unreadable(String),
}

impl From<serde_json::Error> for SnapshotError {
    fn from(error: serde_json::Error) -> Self {
        Self::Unreadable(error.to_string())
    }
}

#[derive(Serialize, Deserialize)]
struct Index {
    v: u64,
    /// The offset of the next record.
    next: u64,
    parts: usize,
    /// SHA-256 of all parts, one after the other.
    digest: String,
}

/// A line of a part. A field's name would be repeated for every person, so each line is a list.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Line {
    Person(Vec<Key>, i64, Vec<RunRow>, Vec<(Uuid, Uuid, u64, Role)>),
    Brake(Key, Vec<i64>, u32, i64),
    Stop(Uuid, i64),
    /// Of the run of a person before it.
    Done(Uuid, Done),
}

/// Id, event, intent and what it cancels; time, sequence, effective; names; state, until; position; first; flags.
type RunRow = (
    (Uuid, u64, Intent, Option<Cancels>),
    (i64, Option<i64>, i64),
    Vec<u32>,
    (State, i64),
    Position,
    u64,
    [bool; 5],
);

fn row(run: &Run) -> RunRow {
    (
        (run.id, run.event, run.intent, run.cancels.as_deref().copied()),
        (run.time, run.sequence, run.effective),
        run.names.to_vec(),
        (run.state, run.until),
        run.position,
        run.first,
        [run.raised, run.held, run.admitted, run.stopped, run.cleared],
    )
}

fn run(row: RunRow) -> Run {
    let (
        (id, event, intent, cancels),
        (time, sequence, effective),
        names,
        (state, until),
        position,
        first,
        flags,
    ) = row;
    let (cancels, names) = (cancels.map(Box::new), names.into_boxed_slice());
    let [raised, held, admitted, stopped, cleared] = flags;
    Run {
        id,
        event,
        intent,
        cancels,
        time,
        sequence,
        effective,
        names,
        state,
        until,
        position,
        first,
        raised,
        held,
        admitted,
        stopped,
        cleared,
        done: None,
    }
}

/// Lines in parts of a limited size.
#[derive(Default)]
struct Parts {
    parts: Vec<Vec<u8>>,
    part: Vec<u8>,
}

impl Parts {
    fn push(&mut self, line: &Line) -> Result<(), SnapshotError> {
        let bytes = serde_json::to_vec(line)?;
        if !self.part.is_empty() && self.part.len() + bytes.len() + 1 > PART_BYTES {
            self.parts.push(std::mem::take(&mut self.part));
        }
        self.part.extend(bytes);
        self.part.push(b'\n');
        Ok(())
    }

    fn finish(mut self) -> Vec<Vec<u8>> {
        if !self.part.is_empty() {
            self.parts.push(self.part);
        }
        self.parts
    }
}

/// How many parts an index names; none if it is no index, but a part.
pub fn parts_of(index: &[u8]) -> Option<u64> {
    let index: Index = serde_json::from_slice(index).ok()?;
    u64::try_from(index.parts).ok()
}

fn digest_of<'a>(parts: impl IntoIterator<Item = &'a [u8]>) -> String {
    let mut context = digest::Context::new(&digest::SHA256);
    parts.into_iter().for_each(|part| context.update(part));
    context.finish().as_ref().iter().map(|byte| format!("{byte:02x}")).collect()
}

impl<R: Rules> Ledger<R> {
    /// This ledger as bytes.
    ///
    /// # Errors
    ///
    /// If a value has no form in JSON, which is a defect.
    pub fn snapshot(&self) -> Result<Snapshot, SnapshotError> {
        let mut parts = Parts::default();
        for person in self.people() {
            let runs = person.runs.iter().map(row).collect();
            let holds =
                person.holds.iter().map(|hold| (hold.run, hold.nonce, hold.last, hold.role)).collect();
            parts.push(&Line::Person(person.keys.to_vec(), person.last_at, runs, holds))?;
            for run in &person.runs {
                if let Some(done) = &run.done {
                    parts.push(&Line::Done(run.id, Done::clone(done)))?;
                }
            }
        }
        for (tenant, Admitted { at, allowance, off_until }) in &self.brakes {
            parts.push(&Line::Brake(*tenant, at.clone(), *allowance, *off_until))?;
        }
        for (run, at) in &self.stops {
            parts.push(&Line::Stop(*run, *at))?;
        }
        let parts = parts.finish();
        let digest = digest_of(parts.iter().map(Vec::as_slice));
        let next = self.next.unwrap_or_default();
        let index = serde_json::to_vec(&Index { v: VERSION, next, parts: parts.len(), digest })?;
        Ok(Snapshot { index, parts })
    }

    /// The ledger of a snapshot. Go on with the record after [`Ledger::seen`].
    ///
    /// # Errors
    ///
    /// If another version wrote it, a part is missing or changed, or it is none.
    pub fn from_snapshot(snapshot: &Snapshot) -> Result<Self, SnapshotError> {
        let index: Index = serde_json::from_slice(&snapshot.index)?;
        if index.v != VERSION {
            return Err(SnapshotError::Version(index.v));
        }
        if index.parts != snapshot.parts.len() {
            return Err(SnapshotError::Parts(format!("{} of {}", snapshot.parts.len(), index.parts)));
        }
        if index.digest != digest_of(snapshot.parts.iter().map(Vec::as_slice)) {
            return Err(SnapshotError::Parts("their digest differs".to_owned()));
        }
        let mut ledger = Self::default();
        ledger.next = (index.next > 0).then_some(index.next);
        for part in &snapshot.parts {
            for line in part.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()) {
                ledger.take(serde_json::from_slice(line)?);
            }
        }
        Ok(ledger)
    }

    fn take(&mut self, line: Line) {
        match line {
            Line::Person(keys, last_at, runs, holds) => {
                let runs = runs.into_iter().map(run).collect();
                let hold = |(run, nonce, last, role)| Hold { run, nonce, last, role };
                let keys = keys.into_boxed_slice();
                self.people.add(Person { keys, runs, holds: holds.into_iter().map(hold).collect(), last_at });
            }
            Line::Brake(tenant, at, allowance, off_until) => {
                self.brakes.insert(tenant, Admitted { at, allowance, off_until });
            }
            Line::Stop(run, at) => {
                self.stops.insert(run, at);
            }
            Line::Done(id, done) => {
                if let Some(run) = self.people.of_run_mut(id).and_then(|person| person.run_mut(id)) {
                    run.done = Some(Box::new(done));
                }
            }
        }
    }
}
