//! Cuts rows into pages by the bytes they really have.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use messages::{ResultEvent, SyncPage, SyncRows};
use serde_json::{Map, Value};

/// What intermediaries have to forward: the limit that CloudEvents set.
pub const LIMIT_BYTES: usize = 64 * 1024;

/// How many bytes more the time of a page may have than the one it was measured with.
const TIME_BYTES: usize = 16;

/// The field that names what a row lacks because it was too large.
const CUT_FIELDS: &str = "cut_fields";

/// A row: a flat JSON object that says its kind.
#[derive(Clone, Copy, Debug)]
pub struct Row<'a> {
    /// Its kind.
    pub kind: &'a str,
    /// What tells its object from others, where one can come twice. Two objects with the same number cost a page that
    /// is not full, and nothing else.
    pub id: Option<u64>,
    /// The object.
    pub json: &'a str,
}

/// A page that is complete.
pub struct Page {
    /// As it leaves.
    pub event: ResultEvent,
    /// Its rows.
    pub rows: u64,
}

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
    /// The list of its rows, without the bracket at its end.
    list: String,
    rows: u64,
    ids: BTreeSet<u64>,
    /// The bytes that its rows and the commas between them may have.
    capacity: usize,
}

impl Open {
    fn new(capacity: usize) -> Self {
        Self { list: String::with_capacity(capacity), rows: 0, ids: BTreeSet::new(), capacity }
    }

    /// Whether this many more bytes fit, with the comma before them. The bracket is no part of the capacity.
    fn has_room_for(&self, bytes: usize) -> bool {
        self.rows == 0 || self.list.len().saturating_add(bytes) <= self.capacity
    }

    fn add(&mut self, json: &str, id: Option<u64>) {
        self.list.push(if self.rows == 0 { '[' } else { ',' });
        self.list.push_str(json);
        self.rows = self.rows.saturating_add(1);
        self.ids.extend(id);
    }
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
    pub fn push(&mut self, row: &Row<'_>) -> Vec<Page> {
        let capacity = match self.open.get(row.kind) {
            Some(open) => open.capacity,
            None => LIMIT_BYTES.saturating_sub(self.envelope(row.kind)),
        };
        let cut = if row.json.len() > capacity { shortened(row.json, capacity) } else { None };
        self.cut = self.cut.saturating_add(cut.is_some().into());
        let json = cut.as_deref().unwrap_or(row.json);
        if json.len() > capacity {
            self.lost = self.lost.saturating_add(1);
            return Vec::new();
        }
        self.rows = self.rows.saturating_add(1);
        let mut full = Vec::new();
        if let Some(id) = row.id {
            full.extend(self.close_others(row.kind, id));
        }
        if self.open.get(row.kind).is_some_and(|open| !open.has_room_for(json.len())) {
            full.extend(self.open.remove(row.kind).map(|open| self.close(row.kind, open)));
        }
        match self.open.get_mut(row.kind) {
            Some(open) => open.add(json, row.id),
            None => self.open.entry(row.kind.to_owned()).or_insert(Open::new(capacity)).add(json, row.id),
        }
        full
    }

    /// The pages that are left, one for each kind.
    pub fn rest(&mut self) -> Vec<Page> {
        let open = std::mem::take(&mut self.open);
        open.into_iter().map(|(kind, open)| self.close(&kind, open)).collect()
    }

    /// Closes the pages of other kinds that have this object.
    fn close_others(&mut self, kind: &str, id: u64) -> Vec<Page> {
        let others = self.open.iter().filter(|(other, open)| *other != kind && open.ids.contains(&id));
        let others: Vec<String> = others.map(|(other, _)| other.clone()).collect();
        others
            .into_iter()
            .filter_map(|other| {
                let open = self.open.remove(&other)?;
                Some(self.close(&other, open))
            })
            .collect()
    }

    fn close(&mut self, kind: &str, Open { mut list, rows, .. }: Open) -> Page {
        self.number = self.number.saturating_add(1);
        list.push(']');
        Page { event: self.page(kind, self.number, list), rows }
    }

    fn page(&self, kind: &str, number: u64, list: impl Into<String>) -> ResultEvent {
        let rows = SyncRows::from_json(list);
        (self.of)(SyncPage { kind: kind.to_owned(), number, rows, ..self.empty.clone() })
    }

    /// The bytes of a page of this kind without rows.
    fn envelope(&self, kind: &str) -> usize {
        let page = self.page(kind, u64::MAX, "[]");
        let message = ResultEvent { no_copy: true, time: Timestamp::now(), ..page };
        message.to_bytes().map_or(LIMIT_BYTES, |bytes| bytes.len().saturating_add(TIME_BYTES))
    }
}

fn size(value: &Value) -> usize {
    serde_json::to_vec(value).map_or(usize::MAX, |bytes| bytes.len())
}

/// The row without its largest fields, which it names; nothing if it cannot fit.
fn shortened(row: &str, capacity: usize) -> Option<String> {
    let mut row: Map<String, Value> = serde_json::from_str(row).ok()?;
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
        let json = serde_json::to_string(&row).ok()?;
        if json.len() <= capacity {
            return Some(json);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use messages::{Cause, SyncMode, SyncSubject};
    use serde_json::json;
    use uuid::Uuid;

    fn pages() -> Pages {
        let (sync_id, generation) = (Uuid::from_u128(7), 1_772_440_200_123);
        let (what, mode, kind) = (SyncSubject::Users, SyncMode::Full, String::new());
        let empty =
            SyncPage { sync_id, generation, what, mode, kind, number: 0, rows: SyncRows::from_json("[]") };
        let cause = Cause { tenant: Some("contoso".to_owned()), ..Cause::default() };
        Pages::new(empty, move |page| ResultEvent::new(cause.clone(), Timestamp::now(), page))
    }

    fn row(kind: &str, id: usize, length: usize) -> Value {
        json!({ "kind": kind, "id": id, "name": "ä".repeat(length) })
    }

    /// Pushes rows whose objects are told apart in a round of changes.
    fn push(pages: &mut Pages, row: &Value) -> Vec<Page> {
        let id = row["id"].as_u64().filter(|_| pages.empty.mode == SyncMode::Delta);
        pages.push(&Row { kind: row["kind"].as_str().unwrap(), id, json: &row.to_string() })
    }

    /// The data of all pages, as a consumer reads them.
    fn all(mut pages: Pages, rows: impl IntoIterator<Item = Value>) -> (Vec<Value>, Pages) {
        let mut closed: Vec<_> = rows.into_iter().flat_map(|row| push(&mut pages, &row)).collect();
        closed.extend(pages.rest());
        let read = closed.into_iter().map(|page| {
            let bytes = page.event.to_bytes().unwrap();
            assert!(bytes.len() <= LIMIT_BYTES, "{} bytes", bytes.len());
            ResultEvent::from_bytes(&bytes).unwrap();
            let mut message: Value = serde_json::from_slice(&bytes).unwrap();
            assert_eq!(rows_of(&message["data"]).len() as u64, page.rows);
            message["data"].take()
        });
        (read.collect(), pages)
    }

    fn rows_of(page: &Value) -> &[Value] {
        page["rows"].as_array().unwrap()
    }

    #[test]
    fn no_page_is_too_large_and_none_is_half_empty_and_no_row_is_missing() {
        for length in [0, 1, 40, 1_000, 20_000] {
            let count = 3 * LIMIT_BYTES / (2 * length + 30) + 1;
            let (read, pages) = all(pages(), (0..count).map(|id| row("user", id, length)));
            let ids: Vec<_> = read.iter().flat_map(rows_of).map(|row| row["id"].as_u64().unwrap()).collect();
            assert_eq!(ids, (0..count as u64).collect::<Vec<_>>());
            let numbers: Vec<_> = read.iter().map(|page| page["number"].as_u64().unwrap()).collect();
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
        let shape: Vec<_> = read
            .iter()
            .map(|page| (page["kind"].clone(), page["number"].clone(), rows_of(page).len()))
            .collect();
        assert_eq!(shape, [(json!("sign_in"), json!(1), 5), (json!("user"), json!(2), 5)]);
    }

    #[test]
    fn of_two_rows_about_one_object_the_later_one_is_in_a_later_page() {
        let mut pages = pages();
        pages.empty.mode = SyncMode::Delta;
        let changes =
            [row("user", 1, 1), row("removed_user", 2, 1), row("removed_user", 1, 1), row("user", 2, 1)];
        let (read, _) = all(pages, changes);
        let shape: Vec<_> = read
            .iter()
            .map(|page| (page["kind"].as_str().unwrap(), page["rows"][0]["id"].as_u64().unwrap()))
            .collect();
        assert_eq!(shape, [("user", 1), ("removed_user", 2), ("user", 2)]);
        assert_eq!(rows_of(&read[1]).len(), 2);
    }

    #[test]
    fn a_row_larger_than_a_page_says_what_it_lacks() {
        let mut large = row("user", 1, 40_000);
        large["note"] = "kept".into();
        let (read, pages) = all(pages(), [row("user", 0, 1), large, row("user", 2, 1)]);
        let rows: Vec<_> = read.iter().flat_map(rows_of).collect();
        assert_eq!(rows.len(), 3);
        assert_eq!(*rows[1], json!({ "kind": "user", "id": 1, "note": "kept", "cut_fields": ["name"] }));
        assert_eq!((pages.rows, pages.cut, pages.lost), (3, 1, 0));
    }

    #[test]
    fn a_row_that_cannot_be_cut_is_counted_as_lost() {
        let mut pages = pages();
        assert!(push(&mut pages, &json!({ "kind": "k".repeat(70_000) })).is_empty());
        assert_eq!((pages.rows, pages.lost), (0, 1));
    }
}
