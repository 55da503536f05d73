//! What a pass reads from: batches of rows, then a summary.

use std::future::Future;
use std::hash::{DefaultHasher, Hasher as _};

use directory_sync::{
    AnyRow, Cell, Error, LicenseAssignment, LicensesPass, Note, Row as _, SignIn, SignInsPass, Sku, Subject,
    Subscription, UsageApp, UsageGroup, UsagePerson, UsageSummary, UsageWindow, User, UsersDelta, UsersPass,
    Waste, write_json,
};
use messages::SyncNote;
use serde::Serialize;
use serde_json::{Map, Value};

use super::ending::Summary;
use super::pages::Row;

/// Reads a tenant batch by batch, as fast as it is asked for more.
pub trait Source: Send {
    /// The next rows, if rows are wanted; nothing after the last.
    fn next(&mut self) -> impl Future<Output = Result<Option<Batch>, Error>> + Send;

    /// What there is to say after the last; nothing before it.
    fn summary(self) -> Option<Summary>;
}

/// A pass that hands out rows, and whether they are wanted.
pub struct Wanted<P> {
    /// The pass.
    pub pass: P,
    /// Whether its rows are sent, and not the totals alone.
    pub rows: bool,
}

/// Rows as they are sent.
#[derive(Default)]
pub struct Batch {
    json: String,
    rows: Vec<Bounds>,
}

/// A row of a batch.
struct Bounds {
    kind: &'static str,
    id: Option<u64>,
    end: usize,
}

impl Batch {
    /// The rows, if they are wanted.
    pub(super) fn of<R: AnyRow>(rows: &[R], wants_rows: bool) -> Self {
        let mut batch = Self::default();
        for row in rows.iter().filter(|_| wants_rows) {
            write_json(row, &mut batch.json);
            batch.rows.push(Bounds { kind: row.kind(), id: None, end: batch.json.len() });
        }
        batch
    }

    /// The same with what tells their objects apart.
    fn of_changes<R: AnyRow>(changes: &[R], wants_rows: bool) -> Self {
        let mut batch = Self::of(changes, wants_rows);
        for (bounds, change) in batch.rows.iter_mut().zip(changes) {
            let mut hasher = DefaultHasher::new();
            let mut cells = 0;
            change.cells(&mut |cell| {
                if let (0, Cell::Text(id)) = (cells, cell) {
                    hasher.write(id.as_bytes());
                }
                cells += 1;
            });
            bounds.id = Some(hasher.finish());
        }
        batch
    }

    /// Each row.
    pub fn rows(&self) -> impl Iterator<Item = Row<'_>> {
        let starts = std::iter::once(0).chain(self.rows.iter().map(|row| row.end));
        starts.zip(&self.rows).map(|(start, Bounds { kind, id, end })| Row {
            kind,
            id: *id,
            json: self.json.get(start..*end).unwrap_or_default(),
        })
    }
}

impl Source for UsersPass<'_, Batch> {
    async fn next(&mut self) -> Result<Option<Batch>, Error> {
        Self::next(self).await
    }

    fn summary(self) -> Option<Summary> {
        let found = self.finish()?;
        let cursor = found.cursor.map(|cursor| cursor.as_str().to_owned());
        let kinds = vec![User::KIND];
        Some(Summary { cursor, kinds, ..summary(&found.totals, &found.notes) })
    }
}

impl Source for Wanted<UsersDelta<'_>> {
    async fn next(&mut self) -> Result<Option<Batch>, Error> {
        Ok(self.pass.next().await?.map(|rows| Batch::of_changes(&rows, self.rows)))
    }

    fn summary(self) -> Option<Summary> {
        let found = self.pass.finish()?;
        let cursor = Some(found.cursor.as_str().to_owned());
        let kinds = vec![User::KIND];
        Some(Summary { cursor, kinds, ..summary(&found.counts, &[]) })
    }
}

impl Source for Wanted<SignInsPass> {
    async fn next(&mut self) -> Result<Option<Batch>, Error> {
        Ok(self.pass.next().await?.map(|rows| Batch::of(&rows, self.rows)))
    }

    fn summary(self) -> Option<Summary> {
        let found = self.pass.finish()?;
        let notes = Vec::from_iter(found.unavailable.clone());
        let kinds = if notes.is_empty() { vec![SignIn::KIND] } else { Vec::new() };
        Some(Summary { kinds, ..summary(&found, &notes) })
    }
}

impl Source for Wanted<LicensesPass<'_>> {
    async fn next(&mut self) -> Result<Option<Batch>, Error> {
        Ok(self.pass.next().await?.map(|rows| Batch::of(&rows, self.rows)))
    }

    fn summary(self) -> Option<Summary> {
        let found = self.pass.finish()?;
        let mut kinds = vec![LicenseAssignment::KIND, Sku::KIND, Waste::KIND];
        // Purchases that could not be read are not gone.
        if found.notes.iter().all(|note| note.about != Subject::Renewals) {
            kinds.push(Subscription::KIND);
        }
        Some(Summary { kinds, ..summary(&found.totals, &found.notes) })
    }
}

impl Source for Wanted<UsageWindow<'_>> {
    async fn next(&mut self) -> Result<Option<Batch>, Error> {
        Ok(self.pass.next().await?.map(|rows| Batch::of(&rows, self.rows)))
    }

    /// Rows of days are not among the kinds: each day is all there is of it, and says nothing of others.
    fn summary(self) -> Option<Summary> {
        let found: UsageSummary = self.pass.finish()?;
        let mut kinds = Vec::new();
        if found.is_by_person {
            kinds.push(UsageApp::KIND);
            if found.totals.concealed || found.joins_people {
                kinds.push(UsagePerson::KIND);
            }
            if found.joins_people {
                kinds.push(UsageGroup::KIND);
            }
            // Whose use could not be judged may still be idle.
            if found.joins_people && found.totals.window_state == "complete" {
                kinds.push(Waste::KIND);
            }
        }
        let days = found.days;
        Some(Summary { kinds, days, ..summary(&found.totals, &found.notes) })
    }
}

/// A value that is written as an object.
fn object<T: Serialize>(value: &T) -> Map<String, Value> {
    match serde_json::to_value(value) {
        Ok(Value::Object(object)) => object,
        _ => Map::new(),
    }
}

fn summary<T: Serialize>(totals: &T, notes: &[Note]) -> Summary {
    let note = |note: &Note| {
        let code = serde_json::to_value(note.about).ok().and_then(|code| code.as_str().map(str::to_owned));
        SyncNote { code: code.unwrap_or_default(), detail: note.to_string() }
    };
    Summary {
        totals: object(totals),
        notes: notes.iter().map(note).collect(),
        is_partial: !notes.is_empty(),
        kinds: Vec::new(),
        days: Vec::new(),
        cursor: None,
    }
}
