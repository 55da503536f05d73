//! How a pass ended, and what is reported of it.

use directory_sync::Day;
use messages::{SyncDay, SyncFinished, SyncMode, SyncNote, SyncState};
use outcome::{Class, Failure};
use serde_json::{Map, Value};

use super::job::Job;

/// How a pass ended.
#[derive(Debug, Default)]
pub struct Ended {
    /// The start of the pass; nothing if none started.
    pub generation: Option<i64>,
    /// How the pass read.
    pub mode_done: Option<SyncMode>,
    /// Pages that the broker has stored.
    pub pages: u64,
    /// Rows in them.
    pub rows: u64,
    /// The days of a sync of usage.
    pub days: Vec<SyncDay>,
    /// What the pass found; nothing if it did not come to its end.
    pub summary: Option<Summary>,
    /// Why it did not come to its end.
    pub failure: Option<Failure>,
    /// Whether somebody took it out.
    pub is_cancelled: bool,
}

/// What a pass that came to its end says of it.
#[derive(Debug, Default)]
pub struct Summary {
    /// Sums, by name.
    pub totals: Map<String, Value>,
    /// Where the next delta begins.
    pub cursor: Option<String>,
    /// What could not be seen, or was done otherwise than asked.
    pub notes: Vec<SyncNote>,
    /// Whether something that was asked for could not be seen.
    pub is_partial: bool,
    /// The kinds of which the rows are all there are.
    pub kinds: Vec<&'static str>,
    /// The days of a pass over usage.
    pub days: Vec<Day>,
}

impl Summary {
    /// This summary and that of a further source, whose sums get a name of their own.
    #[must_use]
    pub fn and(mut self, name: &str, other: Self) -> Self {
        self.totals.insert(name.to_owned(), Value::Object(other.totals));
        self.notes.extend(other.notes);
        self.kinds.extend(other.kinds);
        Self { is_partial: self.is_partial || other.is_partial, ..self }
    }
}

impl Ended {
    /// The end of a sync that could not begin.
    pub fn before_any_pass(failure: Failure) -> Self {
        Self { failure: Some(failure), ..Self::default() }
    }

    /// The end of a sync that was taken out before it began, or between two parts.
    pub fn cancelled_before() -> Self {
        Self { is_cancelled: true, ..Self::default() }
    }

    /// The end after so many attempts, when there will be no other.
    #[must_use]
    pub fn for_good(self, attempts: u32) -> Self {
        let failure = self.failure.map(|failure| match failure.class {
            Class::Retry => {
                let message = format!("{} (failed {attempts} times)", failure.message);
                failure.exhausted(message)
            }
            Class::Rejected | Class::Blocked | Class::Fault => failure,
        });
        Self { failure, ..self }
    }

    /// How the sync ended.
    pub fn state(&self) -> SyncState {
        if self.is_cancelled {
            return SyncState::Cancelled;
        }
        match (&self.failure, &self.summary) {
            // Nothing was read for a request that cannot be met.
            (Some(failure), _) if failure.class == Class::Rejected && self.pages == 0 => SyncState::Rejected,
            (Some(_), _) | (None, None) => SyncState::Failed,
            (None, Some(summary)) if summary.is_partial => SyncState::Partial,
            (None, Some(_)) => SyncState::Succeeded,
        }
    }

    /// The result that reports it.
    pub fn result(self, job: &Job) -> SyncFinished {
        let state = self.state();
        let Self { generation, mode_done, pages, rows, days, summary, failure, .. } = self;
        let Summary { totals, cursor, notes, kinds, .. } =
            summary.filter(|_| failure.is_none()).unwrap_or_default();
        SyncFinished {
            complete: !kinds.is_empty(),
            kinds: kinds.into_iter().map(str::to_owned).collect(),
            generation,
            mode_done,
            pages,
            rows,
            days,
            totals,
            cursor,
            notes,
            ..job.finished(state, failure)
        }
    }
}
