//! Cuts rows into pages by the bytes they really have.

use std::collections::BTreeMap;

use jiff::Timestamp;
use messages::{ResultEvent, SyncMode, SyncPage};
use serde_json::{Map, Value};

/// A row: a flat object that says its kind.
pub type Row = Map<String, Value>;

/// What intermediaries have to forward: the limit that CloudEvents set.
pub const LIMIT_BYTES: usize = 64 * 1024;

/// How many bytes more the time of a page may have than the one it was measured with.
const TIME_BYTES: usize = 16;

/// The field that names what a row lacks because it was too large.
const CUT_FIELDS: &str = "cut_fields";

/// Rows that wait for a full page, by kind.
pub struct Pages {
    /// Makes a page a message; its rows are replaced.
    of: Box<dyn Fn(SyncPage) -> ResultEvent + Send + Sync>,
    empty: SyncPage,
    open: BTreeMap<String, Open>,
    /// Pages so far.
    pub number: u64,
    /// Rows so far.
    pub rows: u64,
    /// Rows that lack fields.
    pub cut: u64,
    /// Rows that are larger than a page even without.
    pub lost: u64,
}

/// A page that has room.
struct Open {
    rows: Vec<Row>,
    /// Bytes left for rows and the commas between them.
    left: usize,
    capacity: usize,
}

impl Pages {
    /// No pages yet; `of` makes each a message, from `empty` with its kind, number and rows.
    pub fn new(empty: SyncPage, of: impl Fn(SyncPage) -> ResultEvent + Send + Sync + 'static) -> Self {
        Self { of: Box::new(of), empty, open: BTreeMap::new(), number: 0, rows: 0, cut: 0, lost: 0 }
    }

    /// Adds a row, and gives the pages that are full before it.
    ///
    /// A round of changes may have one object twice, as changed and as removed. The page with the larger number counts
    /// then, so a page that has the object is closed before another kind of row about it is added.
    pub fn push(&mut self, row: Row) -> Vec<ResultEvent> {
        let kind = row.get("kind").and_then(Value::as_str).unwrap_or("row").to_owned();
        let capacity = match self.open.get(&kind) {
            Some(open) => open.capacity,
            None => LIMIT_BYTES.saturating_sub(self.envelope(&kind)),
        };
        let Some((row, bytes, is_cut)) = fitting(row, capacity) else {
            self.lost = self.lost.saturating_add(1);
            return Vec::new();
        };
        self.cut = self.cut.saturating_add(is_cut.into());
        self.rows = self.rows.saturating_add(1);
        let bytes = bytes.saturating_add(1);
        let mut full = Vec::new();
        if self.empty.mode == SyncMode::Delta {
            full.extend(self.close_others(&kind, row.get("id")));
        }
        if self.open.get(&kind).is_some_and(|open| open.left < bytes) {
            full.extend(self.open.remove(&kind).map(|open| self.close(&kind, open.rows)));
        }
        let open = self.open.entry(kind).or_insert_with(|| {
            // One more, for the comma that the last row has not.
            let capacity = capacity.saturating_add(1);
            Open { rows: Vec::new(), left: capacity, capacity: capacity.saturating_sub(1) }
        });
        open.left = open.left.saturating_sub(bytes);
        open.rows.push(row);
        full
    }

    /// The pages that are left, one for each kind.
    pub fn rest(&mut self) -> Vec<ResultEvent> {
        let open = std::mem::take(&mut self.open);
        open.into_iter().map(|(kind, open)| self.close(&kind, open.rows)).collect()
    }

    /// Closes the pages of other kinds that have this object.
    fn close_others(&mut self, kind: &str, id: Option<&Value>) -> Vec<ResultEvent> {
        let has_it = |open: &Open| open.rows.iter().any(|row| row.get("id") == id);
        let others = self.open.iter().filter(|(other, open)| *other != kind && has_it(open));
        let others: Vec<String> = others.map(|(other, _)| other.clone()).collect();
        others
            .into_iter()
            .filter_map(|other| {
                let open = self.open.remove(&other)?;
                Some(self.close(&other, open.rows))
            })
            .collect()
    }

    fn close(&mut self, kind: &str, rows: Vec<Row>) -> ResultEvent {
        self.number = self.number.saturating_add(1);
        (self.of)(SyncPage { kind: kind.to_owned(), number: self.number, rows, ..self.empty.clone() })
    }

    /// The bytes of a page of this kind without rows.
    fn envelope(&self, kind: &str) -> usize {
        let page = SyncPage { kind: kind.to_owned(), number: u64::MAX, ..self.empty.clone() };
        let message = ResultEvent { no_copy: true, time: Timestamp::now(), ..(self.of)(page) };
        message.to_bytes().map_or(LIMIT_BYTES, |bytes| bytes.len().saturating_add(TIME_BYTES))
    }
}

fn size(value: &Value) -> usize {
    serde_json::to_vec(value).map_or(usize::MAX, |bytes| bytes.len())
}

/// The row, its bytes, and whether it had to lose fields to fit; nothing if it cannot fit.
fn fitting(mut row: Row, capacity: usize) -> Option<(Row, usize, bool)> {
    let whole = |row: &Row| serde_json::to_vec(row).ok().map(|bytes| bytes.len());
    let bytes = whole(&row)?;
    if bytes <= capacity {
        return Some((row, bytes, false));
    }
    let mut sizes: Vec<(usize, String)> = row
        .iter()
        .filter(|(name, _)| *name != "kind")
        .map(|(name, value)| (size(value), name.clone()))
        .collect();
    sizes.sort_unstable();
    let mut cut = Vec::new();
    while let Some((_, name)) = sizes.pop() {
        row.remove(&name);
        cut.push(Value::from(name));
        row.insert(CUT_FIELDS.to_owned(), Value::from(cut.clone()));
        let bytes = whole(&row)?;
        if bytes <= capacity {
            return Some((row, bytes, true));
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use messages::{Cause, SyncSubject};
    use serde_json::json;
    use uuid::Uuid;

    fn pages() -> Pages {
        let (sync_id, generation) = (Uuid::from_u128(7), 1_772_440_200_123);
        let (what, mode, kind) = (SyncSubject::Users, SyncMode::Full, String::new());
        let empty = SyncPage { sync_id, generation, what, mode, kind, number: 0, rows: Vec::new() };
        let cause = Cause { tenant: Some("contoso".to_owned()), ..Cause::default() };
        Pages::new(empty, move |page| ResultEvent::new(cause.clone(), Timestamp::now(), page))
    }

    fn row(kind: &str, id: usize, length: usize) -> Row {
        let Value::Object(row) = json!({ "kind": kind, "id": id, "name": "ä".repeat(length) }) else {
            panic!()
        };
        row
    }

    fn all(mut pages: Pages, rows: impl IntoIterator<Item = Row>) -> (Vec<SyncPage>, Pages) {
        let mut closed: Vec<_> = rows.into_iter().flat_map(|row| pages.push(row)).collect();
        closed.extend(pages.rest());
        let read = closed.into_iter().map(|page| {
            let bytes = page.to_bytes().unwrap();
            assert!(bytes.len() <= LIMIT_BYTES, "{} bytes", bytes.len());
            let messages::ResultData::SyncPage(page) = ResultEvent::from_bytes(&bytes).unwrap().data else {
                panic!()
            };
            page
        });
        (read.collect(), pages)
    }

    #[test]
    fn no_page_is_too_large_and_none_is_half_empty_and_no_row_is_missing() {
        for length in [0, 1, 40, 1_000, 20_000] {
            let count = 3 * LIMIT_BYTES / (2 * length + 30) + 1;
            let (read, pages) = all(pages(), (0..count).map(|id| row("user", id, length)));
            let ids: Vec<_> =
                read.iter().flat_map(|page| &page.rows).map(|row| row["id"].as_u64().unwrap()).collect();
            assert_eq!(ids, (0..count as u64).collect::<Vec<_>>());
            let numbers: Vec<_> = read.iter().map(|page| page.number).collect();
            assert_eq!(numbers, (1..=pages.number).collect::<Vec<_>>());
            assert_eq!((pages.rows, pages.cut, pages.lost), (count as u64, 0, 0));
            let least = count * (2 * length + 30) / LIMIT_BYTES;
            assert!(read.len() <= least + 2, "{} pages of {length}", read.len());
        }
    }

    #[test]
    fn kinds_have_pages_of_their_own_and_count_together() {
        let rows = (0..10).map(|id| row(if id % 2 == 0 { "user" } else { "sign_in" }, id, 10));
        let (read, _) = all(pages(), rows);
        let shape: Vec<_> =
            read.iter().map(|page| (page.kind.as_str(), page.number, page.rows.len())).collect();
        assert_eq!(shape, [("sign_in", 1, 5), ("user", 2, 5)]);
    }

    #[test]
    fn of_two_rows_about_one_object_the_later_one_is_in_a_later_page() {
        let mut pages = pages();
        pages.empty.mode = SyncMode::Delta;
        let changes =
            [row("user", 1, 1), row("removed_user", 2, 1), row("removed_user", 1, 1), row("user", 2, 1)];
        let (read, _) = all(pages, changes);
        let shape: Vec<_> =
            read.iter().map(|page| (page.kind.as_str(), page.rows[0]["id"].as_u64().unwrap())).collect();
        assert_eq!(shape, [("user", 1), ("removed_user", 2), ("user", 2)]);
        assert_eq!(read[1].rows.len(), 2);
    }

    #[test]
    fn a_row_larger_than_a_page_says_what_it_lacks() {
        let mut large = row("user", 1, 40_000);
        large.insert("note".to_owned(), "kept".into());
        let (read, pages) = all(pages(), [row("user", 0, 1), large, row("user", 2, 1)]);
        let rows: Vec<_> = read.iter().flat_map(|page| &page.rows).collect();
        assert_eq!(rows.len(), 3);
        assert_eq!(
            *rows[1],
            *json!({ "kind": "user", "id": 1, "note": "kept", "cut_fields": ["name"] }).as_object().unwrap()
        );
        assert_eq!((pages.rows, pages.cut, pages.lost), (3, 1, 0));
    }

    #[test]
    fn a_row_that_cannot_be_cut_is_counted_as_lost() {
        let Value::Object(row) = json!({ "kind": "k".repeat(70_000) }) else { panic!() };
        let mut pages = pages();
        assert!(pages.push(row).is_empty());
        assert_eq!((pages.rows, pages.lost), (0, 1));
    }
}
