//! A history: what is said about one person, in which order it is published, and how the person was before.

use std::collections::BTreeMap;
use std::fmt;

use jiff::{Timestamp, ToSpan as _};
use msgraph_emulator::{Group, Mailbox, Tenant, User};
use serde_json::{Map, Value, json};
use system_tests::events;
use system_tests::random::Random;
use uuid::Uuid;

/// Whoever is let in is in this group.
pub const EVERYBODY: &str = "Engineers";
/// What a change may set: its name in an event, and in the tenant.
pub const PROPERTIES: [(&str, &str); 4] = [
    ("department", "department"),
    ("job_title", "jobTitle"),
    ("office", "officeLocation"),
    ("company", "companyName"),
];
/// Every event is published within so many ticks.
pub const PUBLISHED_WITHIN: usize = 100;

/// What an event asks for; of two of one time, the later in this list counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    Change,
    Hire,
    LockOut,
    Leave,
}

/// One event about the person.
pub struct Word {
    /// The event's id: also the name of a group, which the run joins before it does anything else.
    pub id: String,
    pub kind: Kind,
    pub time: Timestamp,
    pub sequence: Option<i64>,
    pub effective: Option<Timestamp>,
    /// What a change sets.
    pub sets: BTreeMap<&'static str, String>,
    /// The ticks at which it is published.
    pub published: Vec<usize>,
    pub event: Value,
    pub run: Uuid,
}

/// A cancel of one of the words.
pub struct Cancel {
    /// The run of the word.
    pub of: Uuid,
    /// The tick at which it is published.
    pub published: usize,
    pub event: Value,
    pub run: Uuid,
}

/// Everything about one person.
pub struct History {
    pub seed: u64,
    pub upn: String,
    /// Whether the person is let in at the beginning.
    pub is_in: bool,
    pub words: Vec<Word>,
    pub cancel: Option<Cancel>,
}

impl Word {
    /// When it would have taken effect, had everything been published at once.
    pub fn turn(&self) -> Timestamp {
        self.effective.map_or(self.time, |effective| effective.max(self.time))
    }

    /// Whether this is the older word.
    pub fn is_before(&self, other: &Self) -> bool {
        let order = |word: &Self| (word.time, word.sequence, word.kind, word.run);
        order(self) < order(other)
    }
}

impl History {
    /// The history of this seed, told from now on.
    pub fn new(seed: u64, now: Timestamp) -> Self {
        let mut chance = Random::new(seed);
        let upn = format!("ada{seed}@contoso.example");
        let is_in = chance.below(2) == 0;
        let count = chance.between(2, 6);
        let words = (0..count).map(|number| word(&format!("h{seed}-{number}"), &upn, now, &mut chance));
        let words: Vec<Word> = words.collect();
        let cancel = (chance.below(3) == 0).then(|| {
            let named = &words[chance.below(words.len())];
            let which = json!({ "event": events::named(&named.event) });
            let mut event = events::cancel(&format!("h{seed}-no"), json!({ "upn": upn }), which);
            event["time"] = json!(now.to_string());
            let (of, published, run) = (named.run, chance.below(PUBLISHED_WITHIN), events::run_of(&event));
            Cancel { of, published, event, run }
        });
        Self { seed, upn, is_in, words, cancel }
    }

    /// The tenant with this person, too.
    pub fn begin(&self, tenant: Tenant) -> Tenant {
        let user =
            User::new(&self.upn, "Ada Lovelace").located("GB").licensed("SPE_E3").mailbox(Mailbox::new());
        let tenant = tenant.user(if self.is_in { user } else { user.disabled() });
        self.words.iter().fold(tenant, |tenant, word| tenant.group(Group::security(&word.id)))
    }
}

fn word(id: &str, upn: &str, now: Timestamp, chance: &mut Random) -> Word {
    let kind = [Kind::Hire, Kind::Leave, Kind::Change, Kind::LockOut][chance.between(0, 3)];
    let ago = |minutes: usize| now - i64::try_from(minutes).unwrap().minutes();
    let time = ago(chance.between(1, 12));
    let sequence = (chance.below(4) == 0).then(|| i64::try_from(chance.between(1, 9)).unwrap());
    let effective = match chance.below(10) {
        _ if kind == Kind::LockOut => None,
        0..=1 => Some(ago(chance.between(1, 14))),
        // Everything that is not planned has been said by then.
        2..=3 => Some(now + i64::try_from(chance.between(35, 50)).unwrap().seconds()),
        _ => None,
    };
    let mut sets = BTreeMap::new();
    if kind == Kind::Change {
        for _ in 0..chance.between(1, 3) {
            let (name, _) = PROPERTIES[chance.below(PROPERTIES.len())];
            sets.insert(name, id.to_owned());
        }
    }
    let copies = [1, 1, 1, 2, 3][chance.below(5)];
    let published = (0..copies).map(|_| chance.below(PUBLISHED_WITHIN)).collect();
    let event = event(id, upn, kind, time, sequence, effective, &sets);
    let run = events::run_of(&event);
    Word { id: id.to_owned(), kind, time, sequence, effective, sets, published, event, run }
}

fn event(
    id: &str,
    upn: &str,
    kind: Kind,
    time: Timestamp,
    sequence: Option<i64>,
    effective: Option<Timestamp>,
    sets: &BTreeMap<&'static str, String>,
) -> Value {
    let event_type = match kind {
        Kind::Change => "gatehouse.change.requested.v1",
        Kind::Hire => "gatehouse.onboarding.requested.v1",
        Kind::LockOut => "gatehouse.access.revoke.requested.v1",
        Kind::Leave => "gatehouse.offboarding.requested.v1",
    };
    let mut person = Map::from_iter([("upn".to_owned(), json!(upn))]);
    person.extend(sets.iter().map(|(name, value)| ((*name).to_owned(), json!(value))));
    let mut event = events::event(id, event_type, json!({ "person": person }));
    event["time"] = json!(time.to_string());
    if let Some(sequence) = sequence {
        event["sequence"] = json!(format!("{sequence:010}"));
    }
    match effective {
        Some(at) => events::with(event, "effective", json!({ "rule": "instant", "at": at.to_string() })),
        None => event,
    }
}

impl fmt::Display for History {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "history {}: {}, {}", self.seed, self.upn, if self.is_in { "in" } else { "out" })?;
        for word in &self.words {
            let Word { id, kind, time, sequence, effective, sets, published, run, .. } = word;
            write!(f, "  {id} {kind:?} of {time:.0}, run {run}, published at {published:?}")?;
            if let Some(sequence) = sequence {
                write!(f, ", sequence {sequence}")?;
            }
            if let Some(effective) = effective {
                write!(f, ", effective {effective:.0}")?;
            }
            if !sets.is_empty() {
                write!(f, ", sets {:?}", sets.keys().collect::<Vec<_>>())?;
            }
            writeln!(f)?;
        }
        if let Some(Cancel { of, published, run, .. }) = &self.cancel {
            writeln!(f, "  cancel of {of}, run {run}, published at {published}")?;
        }
        Ok(())
    }
}
