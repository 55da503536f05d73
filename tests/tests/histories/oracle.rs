//! What must be true of a history that has been told: the rules of `worker/ledger/README.md` in plain form, from the
//! events alone. It knows nothing of the code that follows them.

use std::collections::BTreeSet;

use jiff::{Timestamp, ToSpan as _};
use serde_json::Value;
use system_tests::{Received, Results};
use uuid::Uuid;

use crate::journal::{Deed, Journal, Write};
use crate::words::{EVERYBODY, History, Kind, PROPERTIES, Word};

/// A lock-out does not wait for who acts: one request of that run may be under way, for so many seconds.
const UNDER_WAY: i64 = 2;
/// A worker that wakes may send one request that it had asked for before, within so many seconds.
const WAKES_WITHIN: i64 = 5;

/// Everything that was seen.
pub struct Told<'a> {
    pub results: &'a Results,
    pub journal: &'a Journal,
    pub state: Value,
    /// When frozen workers woke.
    pub thaws: &'a [Timestamp],
}

/// How a run ended.
#[derive(Debug, PartialEq, Eq)]
struct End {
    state: String,
    code: String,
    by: Option<Uuid>,
    at: Timestamp,
}

/// Whether one word shuts another one, once it acts.
fn shuts(by: &Word, word: &Word) -> bool {
    let is_older = word.is_before(by);
    match (by.kind, word.kind) {
        _ if by.run == word.run => false,
        (Kind::Hire, Kind::Hire) | (Kind::Leave, Kind::Leave) => is_older,
        // A lock-out today does not cancel the leave that is planned.
        (Kind::LockOut, other) => is_older && other != Kind::Leave,
        // What is planned for later stands.
        (Kind::Hire, _) => is_older && word.turn() <= by.turn(),
        // So does no word that should have come before the leave.
        (Kind::Leave, _) => is_older || word.turn() < by.turn(),
        (Kind::Change, Kind::Change) => is_older && word.sets.keys().any(|name| by.sets.contains_key(name)),
        (Kind::Change, _) => false,
    }
}

/// Whether the person must be in at the end; nothing if that depends on what comes first.
fn is_in(history: &History) -> Option<bool> {
    let of = |kind: Kind| history.words.iter().filter(move |word| word.kind == kind);
    let newest = |kind: Kind| of(kind).reduce(|one, other| if one.is_before(other) { other } else { one });
    if let Some(lock_out) = newest(Kind::LockOut)
        && newest(Kind::Hire).is_none_or(|hire| hire.is_before(lock_out))
    {
        return Some(false);
    }
    let (hire, leave) = match (newest(Kind::Hire), newest(Kind::Leave)) {
        (None, None) => return Some(history.is_in),
        (Some(_), None) => return Some(true),
        (None, Some(_)) => return Some(false),
        (Some(hire), Some(leave)) => (hire, leave),
    };
    if hire.is_before(leave) {
        return Some(false);
    }
    let is_in = leave.turn() <= hire.turn();
    // An older word that came first, and that the newest one then does not shut, may have shut what was to count.
    let is_open = match is_in {
        true => of(Kind::Leave).any(|older| older.turn() > hire.turn()),
        false => of(Kind::Hire).any(|older| older.run != hire.run && shuts(older, leave)),
    };
    (!is_open).then_some(is_in)
}

impl Told<'_> {
    /// The runs of these histories that were set aside.
    pub fn set_aside(&self, histories: &[History]) -> BTreeSet<String> {
        let words = histories.iter().flat_map(|history| &history.words);
        let failed = words.filter(|word| self.ends(word).iter().any(|end| end.state == "failed"));
        failed.map(|word| word.run.to_string()).collect()
    }

    /// What is wrong with a history; nothing if all is well.
    pub fn complaints(&self, history: &History) -> Option<String> {
        let mut complaints = Vec::new();
        for word in &history.words {
            complaints.extend(self.of_end(history, word));
            complaints.extend(self.of_mail(history, word));
        }
        complaints.extend(self.of_cancel(history));
        // A lock-out without the ledger does not know whether there is newer word. A word that was taken out halfway
        // leaves the person as it was then.
        if history.cancel.is_none() && !history.words.iter().any(|word| self.was_unread(word)) {
            complaints.extend(self.of_order(history));
            complaints.extend(self.of_state(history));
        }
        if complaints.is_empty() {
            return None;
        }
        let ends = history.words.iter().map(|word| format!("  {} ended {:?}", word.id, self.ends(word)));
        let writes = self.journal.of(&history.upn).iter().map(|write| {
            let by = history.words.iter().find(|word| Some(word.run) == write.by);
            format!("  {} {:?} by {}", write.at, write.deed, by.map_or("nobody known", |word| &word.id))
        });
        let all: Vec<_> = complaints.into_iter().chain(ends).chain(writes).collect();
        Some(format!("{history}{}", all.join("\n")))
    }

    /// Whether a word locked out while the ledger could not be read.
    fn was_unread(&self, word: &Word) -> bool {
        let mut of_run = self.results.received().iter().filter(|it| it.run_id() == word.run.to_string());
        of_run.any(|it| it.event["data"]["ledger"] == "unread")
    }

    /// Each distinct end of a run, as it was reported.
    fn reported(&self, run: Uuid) -> Vec<&Received> {
        let mut known = BTreeSet::new();
        let ends = self.results.received().iter().filter(|it| it.is_end() && it.run_id() == run.to_string());
        ends.filter(|it| known.insert(it.id().to_owned())).collect()
    }

    /// A cancel ends once. What it says to have shut ends by it, and writes nothing after that.
    fn of_cancel(&self, history: &History) -> Option<String> {
        let cancel = history.cancel.as_ref()?;
        let reported = self.reported(cancel.run);
        let [end] = reported.as_slice() else {
            return Some(format!("the cancel has {} ends", reported.len()));
        };
        let data = &end.event["data"];
        let word = history.words.iter().find(|word| word.run == cancel.of)?;
        let ends = self.ends(word);
        let was_shut = ends.iter().any(|end| end.state == "cancelled");
        // One that was at work may have had nothing left to write.
        let shut = data["shut"].as_array().into_iter().flatten().filter(|run| run["state"] != "running");
        let shut: Vec<_> = shut.map(|run| &run["run_id"]).collect();
        let is_well = data["state"] == "succeeded"
            && shut.iter().all(|run| **run == word.run.to_string().as_str() && was_shut);
        let late = |end: &End| {
            let writes = self.journal.of(&history.upn).iter();
            let mut late = writes.filter(|write| write.by == Some(word.run) && write.at > end.at);
            late.any(|write| {
                !self.thaws.iter().any(|thaw| *thaw <= write.at && write.at < *thaw + WAKES_WITHIN.seconds())
            })
        };
        let wrote_late = ends.iter().any(|end| end.state == "cancelled" && late(end));
        (!is_well || wrote_late).then(|| format!("the cancel of {} ended wrongly: {data}", word.id))
    }

    /// Each distinct end of a word's run.
    fn ends(&self, word: &Word) -> Vec<End> {
        let ends = self.reported(word.run).into_iter();
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let ends = ends.map(|it| {
            let data = &it.event["data"];
            let (state, code) = (text(&data["state"]), text(&data["failure"]["code"]));
            let by = data["ended_by"].as_str().and_then(|by| by.parse().ok());
            End { state, code, by, at: text(&data["finished_at"]).parse().unwrap() }
        });
        ends.collect()
    }

    /// Each run ends once, and as the other words of its person allow.
    fn of_end(&self, history: &History, word: &Word) -> Vec<String> {
        let ends = self.ends(word);
        let [end] = ends.as_slice() else { return vec![format!("{} has {} ends", word.id, ends.len())] };
        let said =
            self.results.received().iter().filter(|it| it.is_end() && it.run_id() == word.run.to_string());
        let said: BTreeSet<_> = said.map(|it| it.event["data"]["state"].to_string()).collect();
        if said.len() > 1 {
            return vec![format!("{} is said to have ended as {said:?}", word.id)];
        }
        let taken = word.sets.keys().filter(|name| {
            let newer = history.words.iter().filter(|by| word.is_before(by) && by.sets.contains_key(*name));
            // It has acted, or the older one was still to come.
            newer.into_iter().any(|by| self.signed(history, by).is_some() || word.turn() > by.time)
        });
        let taken = taken.count();
        let by = history.words.iter().find(|other| Some(other.run) == end.by);
        let is_well = match (end.state.as_str(), end.code.as_str(), by) {
            ("succeeded", "", None) => self.signed(history, word).is_some(),
            ("superseded", "", Some(by)) if by.kind == Kind::Change => {
                word.kind == Kind::Change && taken == word.sets.len()
            }
            // A newer word of the same side counts at once, another one on its date.
            ("superseded", "", Some(by)) => shuts(by, word) && (by.kind == word.kind || by.turn() <= end.at),
            // Some were taken by then; the others may be later.
            ("cancelled", "", None) => history
                .cancel
                .as_ref()
                .is_some_and(|cancel| cancel.of == word.run && end.by == Some(cancel.run)),
            ("failed", "overtaken", None) => 0 < taken && 1 < word.sets.len(),
            _ => false,
        };
        let mut complaints = Vec::new();
        if !is_well {
            complaints.push(format!("{} ended wrongly: {end:?}", word.id));
        }
        let repeats = self.results.received().iter();
        let repeats =
            repeats.filter(|it| it.key == "event.duplicate" && it.event["causationid"] == word.id.as_str());
        let repeats: BTreeSet<_> = repeats.map(Received::id).collect();
        if repeats.len() >= word.published.len() {
            complaints.push(format!("{} is said to have come {} times too often", word.id, repeats.len()));
        }
        complaints
    }

    /// When a word's run did its first write.
    fn signed<'a>(&'a self, history: &History, word: &Word) -> Option<&'a Write> {
        let mut writes = self.journal.of(&history.upn).iter();
        writes.find(|write| write.deed == Deed::Sign && write.by == Some(word.run))
    }

    /// A mail is sent once by a run that has succeeded, and never twice.
    fn of_mail(&self, history: &History, word: &Word) -> Vec<String> {
        let count = |deed: Deed| {
            let writes = self.journal.of(&history.upn).iter();
            writes.filter(|write| write.deed == deed && write.by == Some(word.run)).count()
        };
        let (signs, drafts, sent) = (count(Deed::Sign), count(Deed::Draft), count(Deed::Send));
        let has_succeeded = self.ends(word).iter().any(|end| end.state == "succeeded");
        let is_well =
            if has_succeeded { (signs, drafts, sent) == (1, 1, 1) } else { signs.max(drafts).max(sent) <= 1 };
        let complaint = || format!("{} signed {signs} times, wrote {drafts} mails and sent {sent}", word.id);
        (!is_well).then(complaint).into_iter().collect()
    }

    /// No word acts any more once another one that shuts it does.
    fn of_order(&self, history: &History) -> Vec<String> {
        let mut complaints = Vec::new();
        let mut excused = BTreeSet::new();
        for write in self.journal.of(&history.upn) {
            let shut_by = |word: &Word| {
                let mut others = history.words.iter().filter(|by| shuts(by, word));
                others.find(|by| {
                    let may_cross = by.kind == Kind::LockOut;
                    self.signed(history, by).is_some_and(|first| {
                        first.n < write.n && !(may_cross && write.at < first.at + UNDER_WAY.seconds())
                    })
                })
            };
            let suspects = history.words.iter().filter(|word| match write.by {
                Some(run) => word.run == run,
                None => {
                    may_do(word, &write.deed) && self.signed(history, word).is_some_and(|it| it.n <= write.n)
                }
            });
            if suspects.clone().any(|word| may_do(word, &write.deed) && shut_by(word).is_none()) {
                continue;
            }
            let woken =
                self.thaws.iter().find(|thaw| (**thaw..**thaw + WAKES_WITHIN.seconds()).contains(&write.at));
            if woken.is_some_and(|thaw| excused.insert(*thaw)) {
                println!(
                    "{}: {:?} at {} was under way while its worker was frozen",
                    history.seed, write.deed, write.at
                );
                continue;
            }
            let suspects: Vec<_> = suspects.map(|word| word.id.as_str()).collect();
            complaints.push(format!("{:?} at {} by {suspects:?} is out of turn", write.deed, write.at));
        }
        complaints
    }

    /// The person is as the newest words say.
    fn of_state(&self, history: &History) -> Vec<String> {
        let mut users = self.state["users"].as_object().unwrap().iter();
        let (id, user) = users.find(|(_, user)| user["userPrincipalName"] == history.upn.as_str()).unwrap();
        let mut groups = self.state["groups"].as_object().unwrap().values();
        let everybody = groups.find(|group| group["displayName"] == EVERYBODY).unwrap();
        let is_member = everybody["members"].as_array().unwrap().iter().any(|member| member == id.as_str());
        let is_enabled = user["accountEnabled"] == true;
        let mut complaints = Vec::new();
        let is_locked_out = |word: &Word| word.kind == Kind::LockOut && self.signed(history, word).is_some();
        // A lock-out takes nothing away, and ends a hire halfway.
        if is_member != is_enabled && !history.words.iter().any(is_locked_out) {
            complaints.push(format!("enabled is {is_enabled}, member of {EVERYBODY} is {is_member}"));
        }
        if is_in(history).is_some_and(|is_in| is_in != is_enabled) {
            complaints.push(format!("the newest word says otherwise: enabled is {is_enabled}"));
        }
        // The run that acted last has succeeded, and the person is as it says.
        let acted = history.words.iter().filter(|word| word.kind != Kind::Change);
        let acted = acted.filter_map(|word| Some((self.signed(history, word)?.n, word)));
        if let Some((_, last)) = acted.max_by_key(|(n, _)| *n) {
            let has_succeeded = self.ends(last).iter().any(|end| end.state == "succeeded");
            if !has_succeeded || is_enabled != (last.kind == Kind::Hire) {
                complaints.push(format!("{} acted last, and enabled is {is_enabled}", last.id));
            }
        }
        complaints.extend(PROPERTIES.iter().filter_map(|names| self.of_property(history, user, *names)));
        complaints
    }

    /// A property has the value of the newest change that succeeded, or of one after it that was shut halfway.
    fn of_property(&self, history: &History, user: &Value, (name, shown): (&str, &str)) -> Option<String> {
        let value = user[shown].as_str();
        let set_by = history.words.iter().find(|word| Some(word.id.as_str()) == value);
        let mut newer = history.words.iter().filter(|word| {
            word.sets.contains_key(name) && set_by.is_none_or(|set_by| set_by.is_before(word))
        });
        let newer = newer.find(|word| self.ends(word).iter().any(|end| end.state == "succeeded"));
        let is_strange = value.is_some() && set_by.is_none_or(|word| !word.sets.contains_key(name));
        (newer.is_some() || is_strange).then(|| {
            format!("{name} is {value:?}, and {:?} set it later", newer.map(|word| word.id.as_str()))
        })
    }
}

/// Whether the workflow of a word ever does this.
fn may_do(word: &Word, deed: &Deed) -> bool {
    match deed {
        Deed::Sign | Deed::Draft | Deed::Send => true,
        Deed::Enable | Deed::Join => word.kind == Kind::Hire,
        Deed::Disable => [Kind::Leave, Kind::LockOut].contains(&word.kind),
        Deed::Reset | Deed::TakeBack => word.kind == Kind::Leave,
        Deed::Set(name) => PROPERTIES.iter().any(|(of, shown)| shown == name && word.sets.contains_key(of)),
        Deed::Strange(_) => false,
    }
}
