//! What a pass reads from: batches of rows, then a summary.

use std::future::Future;

use directory_sync::{
    Error, LicenseAssignment, LicensesPass, Note, Row as _, SignIn, SignInsPass, Sku, Subject, Subscription,
    User, UsersDelta, UsersPass, Waste,
};
use messages::SyncNote;
use serde::Serialize;
use serde_json::Value;

use super::ending::Summary;
use super::pages::Row;

/// Reads a tenant batch by batch, as fast as it is asked for more.
pub trait Source: Send {
    /// The next rows; nothing after the last.
    fn next(&mut self) -> impl Future<Output = Result<Option<Vec<Row>>, Error>> + Send;

    /// What there is to say after the last; nothing before it.
    fn summary(self) -> Option<Summary>;
}

impl Source for UsersPass<'_> {
    async fn next(&mut self) -> Result<Option<Vec<Row>>, Error> {
        Ok(Self::next(self).await?.as_deref().map(rows))
    }

    fn summary(self) -> Option<Summary> {
        let found = self.finish()?;
        let cursor = found.cursor.map(|cursor| cursor.as_str().to_owned());
        let kinds = vec![User::KIND];
        Some(Summary { cursor, kinds, ..summary(&found.totals, &found.notes) })
    }
}

impl Source for UsersDelta<'_> {
    async fn next(&mut self) -> Result<Option<Vec<Row>>, Error> {
        Ok(Self::next(self).await?.as_deref().map(rows))
    }

    fn summary(self) -> Option<Summary> {
        let found = self.finish()?;
        let cursor = Some(found.cursor.as_str().to_owned());
        let kinds = vec![User::KIND];
        Some(Summary { cursor, kinds, ..summary(&found.counts, &[]) })
    }
}

impl Source for SignInsPass {
    async fn next(&mut self) -> Result<Option<Vec<Row>>, Error> {
        Ok(Self::next(self).await?.as_deref().map(rows))
    }

    fn summary(self) -> Option<Summary> {
        let found = self.finish()?;
        let notes = Vec::from_iter(found.unavailable.clone());
        let kinds = if notes.is_empty() { vec![SignIn::KIND] } else { Vec::new() };
        Some(Summary { kinds, ..summary(&found, &notes) })
    }
}

impl Source for LicensesPass<'_> {
    async fn next(&mut self) -> Result<Option<Vec<Row>>, Error> {
        Ok(Self::next(self).await?.as_deref().map(rows))
    }

    fn summary(self) -> Option<Summary> {
        let found = self.finish()?;
        let mut kinds = vec![LicenseAssignment::KIND, Sku::KIND, Waste::KIND];
        // Purchases that could not be read are not gone.
        if found.notes.iter().all(|note| note.about != Subject::Renewals) {
            kinds.push(Subscription::KIND);
        }
        Some(Summary { kinds, ..summary(&found.totals, &found.notes) })
    }
}

/// Rows as they are sent.
fn rows<T: Serialize>(rows: &[T]) -> Vec<Row> {
    rows.iter().map(object).collect()
}

/// A value that is written as an object.
fn object<T: Serialize>(value: &T) -> Row {
    match serde_json::to_value(value) {
        Ok(Value::Object(object)) => object,
        _ => Row::new(),
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
        cursor: None,
    }
}
