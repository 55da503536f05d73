//! The date on which a run's request takes effect: how long the run waits for it, and by how much it is late.
//!
//! A run that waits for its date has not begun. It has looked at the tenant once, so that what is wrong with its event
//! is known at once, and looks at everything afresh when it wakes: for the protected people, for what its steps name,
//! and, if a plan was approved, for that plan.

use std::fmt;

use jiff::Timestamp;
use messages::{Effective, Event, Request};
use outcome::{PreparedSteps, Progress, Start};
use workflow::start::{held_by_date, note};
use workflow::{Dates, Delay, Offset};

/// The start of a run that has to wait for its date, with the stage that it waits for; nothing if it may go on now.
///
/// Asked before a run acts on its person: until then it only wants to. The date is computed from the event each time.
pub fn pending_until(event: &Event, progress: &Progress, now: Timestamp) -> Option<Start> {
    held_by_date(progress.prepared.as_ref()?, progress, dates(event), now)
}

/// From when the stages of a run count.
pub fn dates(event: &Event) -> Dates {
    Dates { effective: named(event).map(Effective::instant), event: event.time }
}

/// The progress of a run that goes to sleep until its date. Who is disabled by now says nothing of that day: a hire's
/// account may be, until the first day.
pub fn asleep(mut progress: Progress, start: Start) -> Progress {
    for pinned in progress.people.iter_mut().flatten() {
        pinned.was_disabled = false;
    }
    progress.sleeps = progress.sleeps.saturating_add(1);
    note(&mut progress, start);
    progress
}

/// Whether a run has done nothing, and has to look at the tenant before it may: it is new, or wakes on its date. One
/// that slept for another reason was begun by a worker of the version before.
pub fn is_unbegun(event: &Event, progress: &Progress) -> bool {
    let Progress { first_sight, steps, waiting, starts, sleeps, .. } = progress;
    let is_fresh = starts.is_empty() && *sleeps == 0;
    let has_a_date = || {
        let of_stages =
            |prepared: &PreparedSteps| prepared.stages.iter().any(|stage| stage.at_seconds.is_some());
        named(event).is_some() || progress.prepared.as_ref().is_some_and(of_stages)
    };
    first_sight.is_none() && steps.is_empty() && waiting.is_empty() && (is_fresh || has_a_date())
}

/// How many seconds after its effective date the event came to a worker; nothing if it was in time.
pub fn late_by_seconds(event: &Event, progress: &Progress) -> Option<u64> {
    let effective = named(event)?.instant();
    let late = progress.first_seen.duration_since(effective).as_secs();
    u64::try_from(late).ok().filter(|late| *late > 0)
}

/// What a stage waits for, in words that follow "waits for".
pub fn reason(event: &Event, after: Option<Delay>, at: Option<Offset>) -> String {
    if let Some(after) = after {
        return format!("{after} after the stage before it");
    }
    let date: &dyn fmt::Display = named(event).map_or(&"the time of its event", |effective| effective);
    match at.map(|at| at.to_string()) {
        Some(at) if at == Offset::NONE.to_string() => date.to_string(),
        Some(at) => match at.strip_prefix('-') {
            Some(before) => format!("{before} before {date}"),
            None => format!("{at} after {date}"),
        },
        None => date.to_string(),
    }
}

fn named(event: &Event) -> Option<&Effective> {
    match &event.request {
        Request::Person(request) => request.effective.as_ref(),
        Request::Cancel(_) | Request::Sync(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::runs::attempt::{Attempted, Workflows};
    use crate::runs::tests::{Always, TIME, event_with, requested, workflows};
    use jiff::SignedDuration;
    use messages::{ResultData, RunFinished, RunPlanned, RunWaiting};
    use outcome::{Pinned, State};
    use serde_json::{Value, json};
    use workflow::{Because, Next};

    const YAML: &str = "w: { stages: [{ name: a, steps: [waits] }] }";

    fn in_hours(hours: i64) -> Timestamp {
        let at = Timestamp::now() + SignedDuration::from_hours(hours);
        Timestamp::from_second(at.as_second()).unwrap()
    }

    /// An event made just now, that takes effect in so many hours.
    fn event(hours: i64, more: Value) -> Event {
        let effective = json!({ "rule": "instant", "at": in_hours(hours).to_string() });
        let mut data =
            json!({ "person": { "upn": "ada@contoso.example" }, "workflow": "w", "effective": effective });
        for (name, value) in more.as_object().unwrap() {
            data[name] = value.clone();
        }
        let (mut event, made) = (event_with(json!({ "person": { "upn": "a@b" } })), Timestamp::now());
        event.raw["time"] = made.to_string().into();
        event.raw["data"] = data;
        let body = event.raw.to_string();
        let content_type = Some(messages::CLOUDEVENT_CONTENT_TYPE);
        let incoming =
            messages::Incoming { content_type, routing_key: None, headers: &[], body: body.as_bytes() };
        messages::decode(&incoming).unwrap()
    }

    async fn attempt(workflows: &Workflows, event: &Event, progress: Option<Progress>) -> Attempted {
        let is_new = progress.is_none();
        let progress = progress.unwrap_or_else(|| Progress::new(Timestamp::now()));
        workflows.run(event, &requested(event), progress, is_new, &(), &Always).await
    }

    fn sleeps(attempted: Attempted) -> (Progress, Timestamp, RunWaiting) {
        let Attempted { progress, next, result, .. } = attempted;
        let (
            Next::Resume { at, because: Because::Wait { stage, .. } },
            Some(ResultData::RunWaiting(waiting)),
        ) = (next, result)
        else {
            panic!("should sleep, and say so")
        };
        assert_eq!((waiting.stage.as_str(), waiting.until), (stage.as_str(), at));
        (progress, at, waiting)
    }

    fn begins(attempted: Attempted) -> Progress {
        assert!(
            matches!(attempted.next, Next::Resume { because: Because::Begins, .. }),
            "{:?}",
            attempted.next
        );
        assert!(attempted.result.is_none());
        attempted.progress
    }

    #[tokio::test]
    async fn a_run_sleeps_until_its_date_and_begins_when_it_wakes() {
        let workflows = workflows(YAML);
        let event_ahead = event(30, json!({}));
        let (progress, at, waiting) = sleeps(attempt(&workflows, &event_ahead, None).await);
        assert_eq!(Some(at), dates(&event_ahead).effective);
        assert_eq!((waiting.sleeps, waiting.steps.len(), progress.first_sight), (1, 0, None));
        assert_eq!(waiting.reason, Some(at.to_string()));
        assert_eq!(pending_until(&event_ahead, &progress, Timestamp::now()).map(|start| start.at), Some(at));
        assert_eq!(pending_until(&event_ahead, &progress, at), None);
        // A worker that is woken too early only lets it sleep again.
        let (progress, again, waiting) = sleeps(attempt(&workflows, &event_ahead, Some(progress)).await);
        assert_eq!((again, waiting.sleeps, progress.starts.len()), (at, 2, 1));
        // The date has come.
        let progress = begins(attempt(&workflows, &event(0, json!({})), Some(progress)).await);
        assert!(progress.first_sight.is_some(), "it has looked afresh");
        let attempted = attempt(&workflows, &event(0, json!({})), Some(progress)).await;
        assert_eq!(attempted.progress.waiting.len(), 1, "its step has run");
    }

    #[tokio::test]
    async fn a_run_that_is_late_runs_at_once_and_says_by_how_much() {
        const YAML: &str = "w: { stages: [{ name: a, steps: [panics] }] }";
        let (workflows, late) = (workflows(YAML), event(-48, json!({})));
        let progress = begins(attempt(&workflows, &late, None).await);
        let Some(ResultData::RunFinished(RunFinished { late_by_seconds: Some(seconds), state, .. })) =
            attempt(&workflows, &late, Some(progress)).await.result
        else {
            panic!("should be over")
        };
        assert_eq!((seconds / 3_600, state), (48, State::Partial));
        let ahead = event(1, json!({}));
        assert_eq!(late_by_seconds(&ahead, &Progress::new(Timestamp::now())), None);
        assert_eq!(
            late_by_seconds(
                &event_with(json!({ "person": { "upn": "a@b" } })),
                &Progress::new(Timestamp::now())
            ),
            None
        );
    }

    async fn plan(workflows: &Workflows, event: &Event) -> RunPlanned {
        let progress = Progress::new(Timestamp::now());
        match workflows.plan(event, &requested(event), progress).await.result {
            Some(ResultData::RunPlanned(plan)) => plan,
            other => panic!("a plan never waits: {other:?}"),
        }
    }

    #[tokio::test]
    async fn a_plan_is_made_at_once_and_says_when_each_stage_would_run() {
        let workflows = workflows(
            "w: { stages: [{ name: a, at: -2h, steps: [waits] }, { name: b, steps: [waits] }, { name: c, after: 1d, steps: [waits] }] }",
        );
        let ahead = event(30, json!({ "mode": "plan" }));
        let planned = plan(&workflows, &ahead).await;
        let date = dates(&ahead).effective.unwrap();
        let starts: Vec<_> = planned.steps.iter().map(|step| (step.starts_at, step.after_seconds)).collect();
        let before = date - SignedDuration::from_hours(2);
        assert_eq!(starts, [(Some(before), None), (Some(date), None), (None, Some(86_400))]);
        assert_eq!((planned.effective_at, planned.late_by_seconds), (Some(date), None));
        let late = plan(&workflows, &event(-1, json!({}))).await;
        assert_eq!(late.late_by_seconds.map(|seconds| seconds / 60), Some(60));
        assert_eq!(late.digest, planned.digest, "the date is the publisher's, the steps are approved");
    }

    #[tokio::test]
    async fn an_approved_plan_is_compared_again_on_its_date() {
        let workflows = workflows(YAML);
        let digest = plan(&workflows, &event(30, json!({}))).await.digest;
        let of = |hours, digest: &str| event(hours, json!({ "expected_plan": digest }));
        let (progress, ..) = sleeps(attempt(&workflows, &of(30, &digest), None).await);
        assert_eq!((progress.approved, progress.first_sight), (Some(false), None));
        let changed = of(0, &format!("sha256:{}", "0".repeat(64)));
        let refused = attempt(&workflows, &changed, Some(progress.clone())).await;
        assert!(
            matches!(&refused.result, Some(ResultData::RunFinished(run)) if run.state == State::Rejected),
            "{:?}",
            refused.result
        );
        let progress = begins(attempt(&workflows, &of(0, &digest), Some(progress)).await);
        assert_eq!(progress.approved, Some(true));
    }

    #[test]
    fn who_is_disabled_before_the_date_says_nothing_of_it() {
        let hire = Pinned {
            object_id: "7".to_owned(),
            references: vec!["ada".to_owned()],
            employee_id: None,
            was_disabled: true,
            notices: Vec::new(),
        };
        let progress = Progress { people: Some(vec![hire]), ..Progress::new(Timestamp::now()) };
        let start = Start { stage: "a".to_owned(), at: Timestamp::now() };
        assert!(!asleep(progress, start).people.unwrap()[0].was_disabled);
    }

    #[test]
    fn a_run_that_an_earlier_version_began_is_not_begun_again() {
        let undated = event_with(json!({ "person": { "upn": "a@b" } }));
        let fresh = Progress::new(Timestamp::now());
        let slept = Progress { sleeps: 1, ..fresh.clone() };
        assert!(is_unbegun(&undated, &fresh) && !is_unbegun(&undated, &slept));
        assert!(is_unbegun(&event(0, json!({})), &slept));
        let seen = Progress { first_sight: Some(Timestamp::now()), ..slept };
        assert!(!is_unbegun(&event(0, json!({})), &seen));
    }

    #[test]
    fn a_reason_names_what_is_waited_for() {
        let undated = event_with(json!({ "person": { "upn": "a@b" } }));
        let date = json!({ "rule": "end_of_day", "date": "2026-06-30", "time_zone": "Europe/Berlin" });
        let dated = event_with(json!({ "person": { "upn": "a@b" }, "effective": date }));
        let (at, after) = (|text: &str| text.parse().ok(), "30d".parse().ok());
        let rows = [
            (&dated, None, None, "the end of 2026-06-30 in Europe/Berlin"),
            (&dated, None, at("0s"), "the end of 2026-06-30 in Europe/Berlin"),
            (&dated, None, at("-2d"), "2d before the end of 2026-06-30 in Europe/Berlin"),
            (&dated, None, at("48h"), "2d after the end of 2026-06-30 in Europe/Berlin"),
            (&undated, None, at("48h"), "2d after the time of its event"),
            (&dated, after, None, "30d after the stage before it"),
        ];
        for (event, after, at, expected) in rows {
            assert_eq!(reason(event, after, at), expected);
        }
        assert_eq!(dates(&undated), Dates { effective: None, event: TIME.parse().unwrap() });
    }
}
