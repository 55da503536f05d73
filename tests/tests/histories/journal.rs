//! What was done to each person, in order, and by which run.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde_json::Value;
use system_tests::Testbed;
use uuid::Uuid;

use crate::words::{EVERYBODY, History};

/// What a write did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Deed {
    /// The run's first.
    Sign,
    Enable,
    Disable,
    Reset,
    Join,
    TakeBack,
    Set(String),
    Draft,
    Send,
    /// Nothing that the workflows do.
    Strange(String),
}

/// One change of a person.
#[derive(Clone, Debug)]
pub struct Write {
    /// The number of its request.
    pub n: u64,
    /// When it was answered.
    pub at: Timestamp,
    pub deed: Deed,
    /// The run that did it, if that is known: a worker that died at once has not told.
    pub by: Option<Uuid>,
}

/// Every change of everybody, by sign-in name.
pub struct Journal(BTreeMap<String, Vec<Write>>);

/// The names of ids in the tenant's state.
struct Names {
    users: BTreeMap<String, String>,
    groups: BTreeMap<String, String>,
    subjects: BTreeMap<String, String>,
}

impl Journal {
    /// What happened in the testbed's tenant.
    pub fn read(testbed: &Testbed, histories: &[History]) -> Self {
        let names = Names::of(&testbed.emulator.state());
        let words = histories.iter().flat_map(|history| &history.words);
        let runs: BTreeMap<_, _> = words.map(|word| (word.id.as_str(), word.run)).collect();
        let mut told = BTreeMap::new();
        for received in testbed.results.received() {
            for id in received.event["data"]["graph_request_ids"].as_array().into_iter().flatten() {
                told.insert(id.as_str().unwrap().to_owned(), received.run_id().parse::<Uuid>().unwrap());
            }
        }
        let mut journal = Self(BTreeMap::new());
        for entry in testbed.emulator.journal() {
            for effect in &entry.effects {
                let Some((upn, deed, event)) = names.understand(effect) else { continue };
                let by = match event {
                    Some(event) => runs.get(event).copied(),
                    None => told.get(&entry.request_id).copied(),
                };
                let write = Write { n: entry.n, at: entry.at.parse().unwrap(), deed, by };
                journal.0.entry(upn).or_default().push(write);
            }
        }
        journal
    }

    /// Every change of a person.
    pub fn of(&self, upn: &str) -> &[Write] {
        self.0.get(upn).map(Vec::as_slice).unwrap_or_default()
    }

    /// How many changes there were.
    pub fn count(&self) -> usize {
        self.0.values().map(Vec::len).sum()
    }

    /// Of how many nobody told.
    pub fn unknown(&self) -> usize {
        self.0.values().flatten().filter(|write| write.by.is_none()).count()
    }
}

impl Names {
    fn of(state: &Value) -> Self {
        let by_id = |kind: &str, name: &str| {
            let all = state[kind].as_object().unwrap().iter();
            all.map(|(id, it)| (id.clone(), it[name].as_str().unwrap().to_owned())).collect()
        };
        let users = state["users"].as_object().unwrap().values();
        let messages = users.filter_map(|user| user["mailbox"]["messages"].as_array()).flatten();
        let text = |message: &Value, name: &str| message[name].as_str().unwrap().to_owned();
        let subjects = messages.map(|it| (text(it, "internetMessageId"), text(it, "subject"))).collect();
        Self { users: by_id("users", "userPrincipalName"), groups: by_id("groups", "displayName"), subjects }
    }

    /// Whom a change was about, what it did, and the event that it names, if it does; nothing for a detail of another
    /// change.
    fn understand<'a>(&'a self, effect: &str) -> Option<(String, Deed, Option<&'a str>)> {
        let words: Vec<&str> = effect.split(' ').collect();
        let upn = words.iter().find_map(|word| self.users.get(*word)).cloned().unwrap_or_default();
        let group = words.last().and_then(|id| self.groups.get(*id)).map(String::as_str);
        let subject = words.iter().find_map(|word| self.subjects.get(*word)).map(String::as_str);
        let (deed, event) = match (words[0], words[1], group) {
            ("add", _, Some(EVERYBODY)) => (Deed::Join, None),
            ("add", _, event) => (Deed::Sign, event),
            ("remove", _, Some(EVERYBODY)) => (Deed::TakeBack, None),
            ("enable", ..) => (Deed::Enable, None),
            ("disable", ..) => (Deed::Disable, None),
            ("write", "draft", _) => (Deed::Draft, subject),
            ("send", "message", _) => (Deed::Send, subject),
            ("set", "password", _) => (Deed::Reset, None),
            ("set", "whether", _) => return None,
            ("set", name, _) => (Deed::Set(name.to_owned()), None),
            _ => (Deed::Strange(effect.to_owned()), None),
        };
        Some((upn, deed, event))
    }
}
