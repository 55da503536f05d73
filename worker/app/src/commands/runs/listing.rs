//! Which runs a list shows: a fold over the results of all runs that keeps few of them.
//!
//! A run that ends is kept if it is wanted and among the newest. A run that has not ended is kept, up to a limit: nobody
//! knows yet what becomes of it. So a history of millions of runs takes no more memory than one of thousands.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, HashMap};

use uuid::Uuid;

use crate::commands::history::summary::{Head, Stands, Summary};

/// How many runs that have not ended are kept: tens of megabytes.
pub const MOST_OPEN: usize = 100_000;

/// Which runs are wanted. Each of these that is given has to fit.
#[derive(Default)]
pub struct Wanted {
    /// The tenant.
    pub tenant: Option<String>,
    /// Whether a run whose event names no tenant is of that one: it is the only one.
    pub is_only_tenant: bool,
    /// The workflow.
    pub workflow: Option<String>,
    /// The kind of event.
    pub kind: Option<String>,
    /// Where it stands: one of these.
    pub states: Vec<Stands>,
    /// Object ids of the person, and runs that are the person's.
    pub whose: Option<(BTreeSet<Uuid>, BTreeSet<Uuid>)>,
}

/// Runs that a list may show.
pub struct Listing {
    wanted: Wanted,
    /// How many are shown.
    limit: usize,
    most_open: usize,
    open: HashMap<Uuid, Summary>,
    /// Those that have ended, by the number of the entry that ended them.
    ended: BTreeMap<u64, Summary>,
    ends: HashMap<Uuid, u64>,
    /// How many that had not ended were left out for want of room.
    pub left_out: u64,
}

impl Wanted {
    fn fits(&self, run: &Summary) -> bool {
        let is =
            |wanted: &Option<String>, it: Option<&str>| wanted.as_deref().is_none_or(|name| it == Some(name));
        let is_of_tenant =
            is(&self.tenant, run.tenant.as_deref()) || (self.is_only_tenant && run.tenant.is_none());
        let is_theirs = |(people, runs): &(BTreeSet<Uuid>, BTreeSet<Uuid>)| {
            runs.contains(&run.run_id) || run.person.is_some_and(|person| people.contains(&person))
        };
        is_of_tenant
            && is(&self.workflow, run.workflow.as_deref())
            && is(&self.kind, run.kind.as_deref())
            && self.whose.as_ref().is_none_or(is_theirs)
    }

    fn is_wanted(&self, run: &Summary) -> bool {
        (self.states.is_empty() || self.states.contains(&run.state)) && self.fits(run)
    }
}

impl Listing {
    /// A list of so many runs, of those that are wanted.
    pub fn of(wanted: Wanted, limit: usize, most_open: usize) -> Self {
        Self {
            wanted,
            limit,
            most_open,
            open: HashMap::new(),
            ended: BTreeMap::new(),
            ends: HashMap::new(),
            left_out: 0,
        }
    }

    /// Takes in a result, which has this number in the history.
    pub fn take(&mut self, offset: u64, head: Head, person: Option<Uuid>) {
        let Some(run) = head.subject else { return };
        let known = self.open.remove(&run).or_else(|| self.ended.remove(&self.ends.remove(&run)?));
        let mut summary = match known {
            Some(known) => known,
            None if head.begins_a_run() => Summary::begun(run, head.time),
            None => return,
        };
        summary.take(head, person);
        if !summary.state.is_over() {
            self.open.insert(run, summary);
            self.make_room();
        } else if self.wanted.is_wanted(&summary) {
            self.ended.insert(offset, summary);
            self.ends.insert(run, offset);
            if self.ended.len() > self.limit
                && let Some((_, oldest)) = self.ended.pop_first()
            {
                self.ends.remove(&oldest.run_id);
            }
        }
    }

    /// Leaves out the tenth that was not heard of for longest, if too many have not ended.
    fn make_room(&mut self) {
        if self.open.len() <= self.most_open {
            return;
        }
        let mut times: Vec<_> = self.open.values().map(|run| run.last_at).collect();
        times.sort_unstable();
        let Some(oldest) = times.get(times.len() / 10).copied() else { return };
        let before = self.open.len();
        self.open.retain(|_, run| run.last_at > oldest);
        self.left_out = self.left_out.saturating_add((before - self.open.len()) as u64);
    }

    /// The runs that have not ended, as far as the results say, to be told where they stand.
    pub fn open(&mut self) -> impl Iterator<Item = &mut Summary> {
        self.open.values_mut()
    }

    /// The runs to show, the one that was last heard of first.
    pub fn into_runs(self) -> Vec<Summary> {
        let Self { wanted, limit, open, ended, .. } = self;
        let open = open.into_values().filter(|run| wanted.is_wanted(run));
        let mut runs: Vec<_> = open.chain(ended.into_values()).collect();
        runs.sort_by_key(|run| Reverse((run.last_at, run.run_id)));
        runs.truncate(limit);
        runs
    }
}

#[cfg(test)]
mod tests {
    use jiff::{SignedDuration, Timestamp};
    use serde_json::{Value, json};

    use super::*;

    fn result(minute: i64, run: u128, event_type: &str, data: Value) -> Head {
        let time = Timestamp::UNIX_EPOCH + SignedDuration::from_mins(minute);
        let event = json!({
            "type": format!("gatehouse.{event_type}.v1"), "time": time.to_string(),
            "subject": Uuid::from_u128(run), "causationid": format!("event {run}"),
            "causationtype": "gatehouse.onboarding.requested.v1", "data": data,
        });
        serde_json::from_value(event).unwrap()
    }

    fn listed(wanted: Wanted, limit: usize, results: Vec<(u128, &str, Value)>) -> Vec<(u128, Stands)> {
        let mut listing = Listing::of(wanted, limit, 4);
        for (number, (run, event_type, data)) in (0..).zip(results) {
            listing.take(number, result(number as i64, run, event_type, data), None);
        }
        listing.into_runs().into_iter().map(|run| (run.run_id.as_u128(), run.state)).collect()
    }

    fn step(run: u128) -> (u128, &'static str, Value) {
        (run, "step.finished", json!({ "workflow": "onboarding" }))
    }

    fn end(run: u128, state: &str) -> (u128, &'static str, Value) {
        (run, "run.finished", json!({ "workflow": "onboarding", "state": state }))
    }

    #[test]
    fn the_newest_are_listed_and_a_replayed_run_is_what_it_became() {
        let results = || {
            vec![
                step(1),
                end(1, "failed"),
                step(2),
                end(2, "succeeded"),
                (3, "run.waiting", json!({ "workflow": "onboarding", "until": "2030-01-01T00:00:00Z" })),
                (1, "operator.replayed", json!({})),
                step(1),
                end(1, "succeeded"),
                end(4, "partial"),
                (9, "event.duplicate", json!({ "state": "done" })),
            ]
        };
        use Stands::{Asleep, Partial, Succeeded};
        let all = listed(Wanted::default(), 10, results());
        assert_eq!(all, [(4, Partial), (1, Succeeded), (3, Asleep), (2, Succeeded)]);
        assert_eq!(listed(Wanted::default(), 2, results()), [(4, Partial), (1, Succeeded)]);
        let failed = Wanted { states: vec![Stands::Failed, Partial], ..Wanted::default() };
        assert_eq!(listed(failed, 10, results()), [(4, Partial)]);
        let asleep =
            Wanted { states: vec![Asleep], kind: Some("onboarding".to_owned()), ..Wanted::default() };
        assert_eq!(listed(asleep, 10, results()), [(3, Asleep)]);
        let other = Wanted { workflow: Some("change".to_owned()), ..Wanted::default() };
        assert!(listed(other, 10, results()).is_empty());
    }

    #[test]
    fn a_result_that_is_stored_late_does_not_reopen_what_has_ended() {
        let (begun, ended, replayed) = (1, 3, 9);
        let late = [
            (begun, step(1)),
            (ended, end(1, "failed")),
            (2, step(1)),
            (begun, step(1)),
            (ended, end(1, "failed")),
        ];
        let mut listing = Listing::of(Wanted::default(), 10, 4);
        for (offset, (minute, (run, event_type, data))) in (0..).zip(late) {
            listing.take(offset, result(minute, run, event_type, data), None);
        }
        listing.take(5, result(replayed, 1, "operator.replayed", json!({})), None);
        let states =
            |listing: Listing| listing.into_runs().into_iter().map(|run| run.state).collect::<Vec<_>>();
        assert_eq!(listing.open().count(), 1, "a replay opens it");
        listing.take(6, result(replayed + 1, 1, "run.finished", json!({ "state": "succeeded" })), None);
        listing.take(7, result(replayed, 1, "run.waiting", json!({})), None);
        assert_eq!(states(listing), [Stands::Succeeded]);
    }

    #[test]
    fn too_many_runs_that_have_not_ended_are_left_out_and_counted() {
        let mut listing = Listing::of(Wanted::default(), 10, 4);
        for run in 1..=6 {
            listing.take(run, result(run as i64, run.into(), "step.finished", json!({})), None);
        }
        assert_eq!(listing.left_out, 2);
        let runs: Vec<_> = listing.into_runs().iter().map(|run| run.run_id.as_u128()).collect();
        assert_eq!(runs, [6, 5, 4, 3]);
    }

    #[test]
    fn an_event_without_tenant_is_of_the_only_one() {
        let of = |is_only_tenant| {
            let wanted = Wanted { tenant: Some("contoso".to_owned()), is_only_tenant, ..Wanted::default() };
            listed(wanted, 10, vec![end(1, "succeeded")]).len()
        };
        assert_eq!((of(true), of(false)), (1, 0));
    }
}
