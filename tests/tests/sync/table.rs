//! What a consumer of syncs keeps: the rules of its documentation, and nothing else.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

/// The start of a pass, and the page within it.
type Version = (i64, u64);

/// People by object id.
#[derive(Default)]
pub struct Table {
    people: BTreeMap<String, (Version, bool)>,
    pages: BTreeMap<i64, BTreeSet<u64>>,
    ends: Vec<Value>,
    /// The last full pass that has deleted: an older page brings nobody back.
    swept: i64,
}

impl Table {
    /// Takes a page.
    pub fn page(&mut self, page: &Value) {
        let page = &page["data"];
        let (generation, number) = (page["generation"].as_i64().unwrap(), page["number"].as_u64().unwrap());
        self.pages.entry(generation).or_default().insert(number);
        if generation < self.swept {
            return;
        }
        for row in page["rows"].as_array().unwrap() {
            assert_eq!(row["kind"], page["kind"]);
            let is_there = row["kind"] == "user";
            let entry = self.people.entry(row["id"].as_str().unwrap().to_owned()).or_default();
            if entry.0 <= (generation, number) {
                *entry = ((generation, number), is_there);
            }
        }
        self.sweep();
    }

    /// Takes the end of a sync.
    pub fn finished(&mut self, finished: &Value) {
        self.ends.push(finished.clone());
        self.sweep();
    }

    /// Removes what is older than a full pass all of whose pages are in.
    fn sweep(&mut self) {
        for end in &self.ends {
            let (Some(generation), Some(pages)) = (end["generation"].as_i64(), end["pages"].as_u64()) else {
                continue;
            };
            let has_users = end["kinds"].as_array().is_some_and(|kinds| kinds.contains(&Value::from("user")));
            let is_whole = end["complete"] == true && end["mode_done"] == "full" && has_users;
            let came = self.pages.get(&generation).map_or(0, BTreeSet::len);
            if is_whole && came as u64 == pages {
                self.people.retain(|_, ((of, _), _)| *of >= generation);
                self.swept = self.swept.max(generation);
            }
        }
    }

    /// The ids of everybody who is there.
    pub fn people(&self) -> Vec<String> {
        let there = self.people.iter().filter(|(_, (_, is_there))| *is_there);
        there.map(|(id, _)| id.clone()).collect()
    }

    /// Whether a page of a sync that has ended like this is still to come.
    pub fn waits_for(&self, end: &Value) -> bool {
        let generation = end["generation"].as_i64().unwrap();
        self.pages.get(&generation).map_or(0, BTreeSet::len) as u64 != end["pages"].as_u64().unwrap()
    }

    /// The passes that sent something.
    pub fn generations(&self) -> BTreeSet<i64> {
        self.pages.keys().copied().collect()
    }
}
