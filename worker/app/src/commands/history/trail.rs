//! Which entries of the history belong to a person, or to a run. A fold over entries, without a broker.
//!
//! An entry that names the person belongs, and so does every entry of a run that has one. A run that made the account had
//! entries before anybody knew whose they were: the runs of nobody are remembered, so many and no more, and a second
//! look finds them.

use std::collections::{BTreeMap, BTreeSet};

use broker::HistoryEntry;
use jiff::Timestamp;
use messages::{ResultData, ResultEvent};
use serde::Deserialize;
use serde_json::Value;
use uuid::Uuid;

use super::summary::is_braked;
use super::whom::Meant;

/// How many runs of nobody are remembered: 10 MB. With more, the second look begins at the beginning.
const RUNS_OF_NOBODY: usize = 200_000;

/// The beginning of the types of results about what an operator did to a brake.
const BRAKE: &str = "gatehouse.operator.brake_changed.";
/// The type of the end of a run.
const ENDS: &str = "gatehouse.run.finished.v1";
/// The beginning of the types of results about syncs, which are about nobody.
const SYNC: &str = "gatehouse.sync.";

/// What is read of every entry.
#[derive(Deserialize)]
struct Lead {
    #[serde(rename = "type")]
    event_type: String,
    subject: Option<Uuid>,
    tenant: Option<String>,
}

/// An entry that belongs.
pub struct Kept {
    /// Its number in the history.
    pub offset: u64,
    /// When it was published.
    pub at: Option<Timestamp>,
    /// Whom it is about, if it says so.
    pub person: Option<Uuid>,
    /// The run, if there is one.
    pub run: Option<Uuid>,
    /// The result, if this program knows its type.
    pub result: Option<ResultEvent>,
    /// The result as it was published.
    pub event: Value,
}

/// The entries that belong.
pub struct Trail {
    people: BTreeSet<Uuid>,
    runs: BTreeSet<Uuid>,
    /// Runs that are still to be seen.
    unseen: BTreeSet<Uuid>,
    is_person: bool,
    may_filter: bool,
    nobodys: RunsOfNobody,
    /// Everything up to this number is to be looked at again.
    again: Option<u64>,
    /// The run whose id is looked for in the ends of others.
    mentioned: Option<String>,
    /// Runs that a brake holds, with their tenant.
    braked: BTreeMap<Uuid, Option<String>>,
    kept: BTreeMap<u64, Kept>,
}

/// Runs none of whose entries has named anybody.
#[derive(Default)]
struct RunsOfNobody {
    runs: BTreeSet<Uuid>,
    has_forgotten: bool,
}

impl RunsOfNobody {
    fn note(&mut self, run: Uuid, most: usize) {
        if self.runs.len() < most {
            self.runs.insert(run);
        } else {
            self.has_forgotten |= !self.runs.contains(&run);
        }
    }

    /// Whether the run had entries, or may have had.
    fn had(&mut self, run: Uuid) -> bool {
        self.runs.remove(&run) || self.has_forgotten
    }
}

impl Trail {
    /// The trail of the person or run that the command names.
    pub fn of(meant: &Meant) -> Self {
        Self {
            people: meant.people.clone(),
            runs: meant.runs.clone(),
            unseen: meant.runs.clone(),
            is_person: meant.is_person,
            may_filter: meant.may_filter,
            nobodys: RunsOfNobody::default(),
            again: None,
            mentioned: None,
            braked: BTreeMap::new(),
            kept: BTreeMap::new(),
        }
    }

    /// Also keeps the ends of other runs that name the run.
    #[must_use]
    pub fn with_mentions(self) -> Self {
        let mentioned = self.runs.first().map(Uuid::to_string);
        Self { mentioned, ..self }
    }

    /// Whom the broker may be asked for alone; nobody if it has to send everything.
    pub fn about(&self) -> Vec<String> {
        let people = self.people.iter().filter(|_| self.may_filter);
        people.map(Uuid::to_string).collect()
    }

    /// Up to which number a second look is needed, if it is: nothing inside is everything. After a filtered look also if a
    /// run was not seen at all, since it may have been about another object id of the person.
    pub fn look_again(&mut self, was_filtered: bool) -> Option<Option<u64>> {
        let again = self.again.take().map(Some);
        let unseen = was_filtered && !std::mem::take(&mut self.unseen).is_empty();
        if unseen { Some(None) } else { again }
    }

    /// Takes an entry in.
    pub fn take(&mut self, entry: HistoryEntry) {
        let Ok(lead) = serde_json::from_slice::<Lead>(&entry.body) else { return };
        if lead.event_type.starts_with(SYNC) || !self.belongs(&entry, &lead) {
            return;
        }
        if let Some(run) = lead.subject {
            self.unseen.remove(&run);
        }
        self.keep(entry, &lead);
    }

    fn belongs(&mut self, entry: &HistoryEntry, lead: &Lead) -> bool {
        if lead.event_type.starts_with(BRAKE) {
            return self.braked.values().any(|tenant| *tenant == lead.tenant);
        }
        let Some(run) = lead.subject else { return false };
        if self.is_mention(entry, lead) {
            return true;
        }
        let person = entry.person.as_deref().and_then(|id| Uuid::parse_str(id).ok());
        let Some(person) = person else {
            let is_known = self.runs.contains(&run);
            if !is_known {
                self.nobodys.note(run, RUNS_OF_NOBODY);
            }
            return is_known;
        };
        if self.people.contains(&person) {
            if self.runs.insert(run) && self.nobodys.had(run) {
                self.again = Some(entry.offset);
            }
            return true;
        }
        self.nobodys.runs.remove(&run);
        let is_known = self.runs.contains(&run);
        if is_known && self.is_person {
            // The run is the person's, so this is another object id of theirs: what came before is looked at again.
            self.people.insert(person);
            self.again = Some(entry.offset);
        }
        is_known
    }

    fn is_mention(&self, entry: &HistoryEntry, lead: &Lead) -> bool {
        let Some(id) = self.mentioned.as_ref().filter(|_| lead.event_type == ENDS) else { return false };
        std::str::from_utf8(&entry.body).is_ok_and(|body| body.contains(id.as_str()))
    }

    fn keep(&mut self, entry: HistoryEntry, lead: &Lead) {
        let Ok(event) = serde_json::from_slice::<Value>(&entry.body) else { return };
        let result = ResultEvent::from_bytes(&entry.body).ok();
        if let Some(run) = lead.subject {
            match result.as_ref().map(|result| &result.data) {
                Some(ResultData::RunWaiting(waiting)) if is_braked(waiting.reason.as_deref()) => {
                    self.braked.insert(run, lead.tenant.clone());
                }
                _ => drop(self.braked.remove(&run)),
            }
        }
        let kept = Kept {
            offset: entry.offset,
            at: result.as_ref().map(|result| result.time).or(entry.at),
            person: entry.person.as_deref().and_then(|id| Uuid::parse_str(id).ok()),
            run: lead.subject,
            result,
            event,
        };
        self.kept.insert(kept.offset, kept);
    }

    /// The entries, the oldest first. A result that was published again stands once: the first counts.
    pub fn into_entries(self) -> Vec<Kept> {
        let mut seen = BTreeSet::new();
        let mut is_first = |kept: &Kept| seen.insert(kept.event.get("id").map(Value::to_string));
        self.kept.into_values().filter(|kept| is_first(kept)).collect()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const ADA: Uuid = Uuid::from_u128(0xada);

    fn entry(offset: u64, run: u128, person: Option<Uuid>, event_type: &str, data: Value) -> HistoryEntry {
        let id = Uuid::from_u128(1_000 + u128::from(offset));
        let event = json!({
            "specversion": "1.0", "id": id, "source": "/gatehouse", "type": format!("gatehouse.{event_type}.v1"),
            "time": "2026-03-02T08:00:00Z", "datacontenttype": "application/json",
            "subject": Uuid::from_u128(run), "tenant": "contoso", "data": data,
        });
        HistoryEntry {
            offset,
            at: None,
            person: person.map(|person| person.to_string()),
            body: event.to_string().into_bytes(),
        }
    }

    fn of_ada() -> Trail {
        Trail::of(&Meant { people: [ADA].into(), is_person: true, may_filter: true, ..Meant::default() })
    }

    fn offsets(trail: Trail) -> Vec<u64> {
        trail.into_entries().iter().map(|kept| kept.offset).collect()
    }

    /// The hire of Ada had an entry before she had an account, as others had.
    fn hires() -> Vec<HistoryEntry> {
        let step = |offset, run, person| entry(offset, run, person, "step.finished", json!({}));
        vec![
            step(0, 1, None),
            step(1, 2, None),
            step(2, 1, Some(ADA)),
            step(3, 2, Some(Uuid::from_u128(0xed))),
            entry(4, 1, None, "operator.replayed", json!({})),
            entry(5, 3, None, "operator.replayed", json!({})),
        ]
    }

    #[test]
    fn what_a_run_said_before_it_knew_its_person_is_found_by_a_second_look() {
        let mut trail = of_ada();
        hires().into_iter().for_each(|entry| trail.take(entry));
        assert_eq!(trail.look_again(true), Some(Some(2)));
        hires().into_iter().take(3).for_each(|entry| trail.take(entry));
        assert_eq!(trail.look_again(true), None);
        assert_eq!(offsets(trail), [0, 2, 4]);
    }

    #[test]
    fn a_run_that_the_ledger_knows_needs_no_second_look_and_tells_of_another_id_of_the_person() {
        let runs = BTreeSet::from([Uuid::from_u128(1), Uuid::from_u128(4)]);
        let meant = Meant { runs, is_person: true, ..Meant::default() };
        let mut trail = Trail::of(&meant);
        hires().into_iter().for_each(|entry| trail.take(entry));
        assert_eq!(trail.look_again(false), Some(Some(2)), "her other runs may have come before");
        trail.take(entry(6, 9, Some(ADA), "step.finished", json!({})));
        assert_eq!(trail.look_again(false), None);
        assert_eq!(offsets(trail), [0, 2, 4, 6]);
        // A run that a filter may have left out.
        let mut trail = Trail::of(&meant);
        hires().into_iter().for_each(|entry| trail.take(entry));
        assert_eq!(trail.look_again(true), Some(None));
    }

    #[test]
    fn one_run_is_that_run_alone() {
        let mut trail = Trail::of(&Meant { runs: [Uuid::from_u128(1)].into(), ..Meant::default() });
        hires().into_iter().for_each(|entry| trail.take(entry));
        trail.take(entry(6, 9, Some(ADA), "step.finished", json!({})));
        assert_eq!(trail.look_again(false), None);
        assert_eq!(offsets(trail), [0, 2, 4]);
    }

    #[test]
    fn deeds_about_a_brake_belong_while_it_holds_the_person() {
        let waits = |offset, reason: &str| {
            let data = json!({
                "run_id": Uuid::from_u128(1), "workflow": "offboarding", "stage": "lock out", "sleeps": 1, "replays": 0,
                "until": "2026-03-02T08:15:00Z", "reason": reason, "steps": [],
            });
            entry(offset, 1, Some(ADA), "run.waiting", data)
        };
        let deed = |offset| {
            let mut deed = entry(offset, 0, None, "operator.brake_changed", json!({}));
            deed.body =
                String::from_utf8(deed.body).unwrap().replace("\"subject\"", "\"other\"").into_bytes();
            deed
        };
        let mut trail = of_ada();
        for entry in [deed(0), waits(1, "the brake: at most 20"), deed(2), waits(3, "30d"), deed(4)] {
            trail.take(entry);
        }
        assert_eq!(offsets(trail), [1, 2, 3]);
    }

    #[test]
    fn with_more_runs_of_nobody_than_are_remembered_everything_is_looked_at_again() {
        let mut nobodys = RunsOfNobody::default();
        (1..=3).for_each(|run| nobodys.note(Uuid::from_u128(run), 2));
        assert!(nobodys.had(Uuid::from_u128(1)) && nobodys.had(Uuid::from_u128(3)));
        assert!(!RunsOfNobody::default().had(Uuid::from_u128(1)));
    }

    #[test]
    fn the_end_of_another_run_that_names_this_one_is_kept_if_asked_for() {
        let shuts =
            || entry(7, 5, None, "run.finished", json!({ "shut": [{ "run_id": Uuid::from_u128(1) }] }));
        let of_run = || Trail::of(&Meant { runs: [Uuid::from_u128(1)].into(), ..Meant::default() });
        let mut trail = of_run();
        trail.take(shuts());
        assert!(offsets(trail).is_empty());
        let mut trail = of_run().with_mentions();
        trail.take(shuts());
        assert_eq!(offsets(trail), [7]);
    }
}
