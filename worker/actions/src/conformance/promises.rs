//! The promises, one function each. `crate::action::register` calls each of them for each action.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use msgraph_emulator::Fault;
use outcome::{Class, Failure, Mode, Outcome, Record, Taken};
use serde_json::Value;
use workflow::step::BoxFuture;
use workflow::{Answer, Interrupted, Recorder, Report};

use super::bench::Bench;
use super::call::FirstAttempt;
use crate::Entry;

/// Effects that a run takes back when it has lost the answer to the first: both together count as none.
const TAKEN_BACK: [(&str, &str); 1] = [("issue temporaryAccessPass to ", "remove temporaryAccessPass of ")];

/// Permissions that the scenario of an action does not need, and what does.
const NEEDED_ELSEWHERE: [(&str, &str, &str); 2] = [
    ("create_user", "User.Read.All", "a domain that is not verified"),
    ("run_exchange_command", "MailboxSettings.Read", "a worker that may not administer Exchange"),
];

/// Actions that reach their goal in another way if a write is refused: a meeting that is not called off is deleted, and
/// licences that do not go together go one by one.
const ANOTHER_WAY: [&str; 2] = ["delete_primary_calendar_events", "remove_licenses"];

/// Makes an action's entry: each run needs a new one.
type MakeEntry = fn() -> Entry;

pub async fn a_plan_writes_nothing_and_names_exactly_what_apply_does(entry: MakeEntry) {
    let bench = Bench::of(entry());
    let before = bench.emulator.state();
    let planned = bench.run(Mode::Plan).await;
    assert_eq!(bench.emulator.state(), before);
    assert!(bench.emulator.journal().iter().all(|entry| !entry.write));
    let applied = bench.run(Mode::Apply).await;
    let (Answer::Planned(planned), Answer::Changed(applied)) = (planned.answer, applied.answer) else {
        panic!("the action has nothing to do in its scenario")
    };
    assert_eq!(planned, applied);
    let writes = bench.emulator.journal().iter().filter(|entry| entry.write).count();
    assert_eq!(writes, applied.len(), "a change is one write");
}

pub async fn a_second_run_changes_nothing(entry: MakeEntry) {
    let bench = Bench::of(entry());
    let first = bench.run(Mode::Apply).await;
    let after_first = bench.emulator.state();
    bench.emulator.clear_journal();
    let second = bench.run(Mode::Apply).await;
    assert_eq!(second.answer, Answer::Unchanged, "after {first:?}");
    assert!(bench.emulator.journal().iter().all(|entry| !entry.write));
    assert_eq!(bench.emulator.state(), after_first);
}

/// Hears what a step takes away, and may say that it could not be kept.
#[derive(Clone, Default)]
struct Heard {
    taken: Arc<Mutex<Vec<Taken>>>,
    refuses: bool,
}

impl Recorder for Heard {
    fn recorded<'a>(&'a self, _: &'a [Record]) -> BoxFuture<'a, Result<(), Interrupted>> {
        Box::pin(async { Ok(()) })
    }

    fn taking<'a>(&'a self, _: &'a str, taken: &'a [Taken]) -> BoxFuture<'a, Result<(), Failure>> {
        self.taken.lock().unwrap().extend_from_slice(taken);
        let refusal = Failure::new(Class::Retry, "not_stored", "the stream is away");
        Box::pin(async { if self.refuses { Err(refusal) } else { Ok(()) } })
    }
}

/// Actions that take nothing away in their scenario that somebody may want back: they give, or what they end is over
/// (sessions), or it is a copy.
const TAKE_NOTHING: [&str; 16] = [
    "add_calendar_permissions",
    "add_group_ownerships",
    "add_to_groups",
    "add_to_teams",
    "assign_applications",
    "assign_licenses",
    "create_inbox_rules",
    "create_user",
    "enable_account",
    "issue_temporary_access_pass",
    "migrate_onedrive",
    "restore_user",
    "revoke_sessions",
    "send_mail",
    "set_manager",
    "share_onedrive",
];

pub async fn what_it_takes_away_is_kept_before_its_first_write(entry: MakeEntry) {
    let takes_nothing = TAKE_NOTHING.contains(&entry().name);
    let (heard, bench) = (Heard::default(), Bench::of(entry()));
    bench.attempt(FirstAttempt::new().telling(heard.clone()), Mode::Plan).await;
    assert!(heard.taken.lock().unwrap().is_empty(), "a plan takes nothing");
    bench.attempt(FirstAttempt::new().telling(heard.clone()), Mode::Apply).await;
    let taken = heard.taken.lock().unwrap().clone();
    assert_eq!(taken.is_empty(), takes_nothing, "{taken:?}");
    for taken in &taken {
        assert!(!taken.user.is_empty() && !taken.user.contains('@'), "{taken:?}");
        let ids = serde_json::to_string(&taken.object).unwrap();
        let is_id = !ids.contains("contoso.example") && !ids.contains("null");
        assert!(is_id, "a name, or nothing, where an id belongs: {ids}");
    }
    let (refusing, bench) = (Heard { refuses: true, ..Heard::default() }, Bench::of(entry()));
    let report = bench.attempt(FirstAttempt::new().telling(refusing), Mode::Apply).await;
    if !takes_nothing {
        assert_class(&report, Class::Retry, "what it takes is not kept");
        assert!(bench.emulator.journal().iter().all(|entry| !entry.write), "it wrote all the same");
    }
}

pub async fn stopped_at_any_request_and_run_again_it_ends_in_the_same_state(entry: MakeEntry) {
    let (requests, effects, end) = undisturbed(entry).await;
    for nth in 1..=requests {
        let bench = Bench::of(entry());
        bench.emulator.fault(Fault::dropped().from(nth as u64));
        let stopped = bench.run(Mode::Apply).await;
        assert_class(&stopped, Class::Retry, &format!("stopped at {nth}"));
        bench.emulator.clear_faults();
        let again = bench.run(Mode::Apply).await;
        assert!(!matches!(again.answer, Answer::Failed(_)), "after {nth}: {again:?}");
        assert_eq!(bench.emulator.state(), end, "stopped at {nth}");
        assert_eq!(lasting(bench.effects()), lasting(effects.clone()), "stopped at {nth}");
    }
}

pub async fn an_answer_lost_after_graph_acted_does_no_harm(entry: MakeEntry) {
    let (requests, effects, end) = undisturbed(entry).await;
    for nth in 1..=requests {
        let bench = Bench::of(entry());
        bench.emulator.fault(Fault::acted_then_dropped().nth(nth as u64));
        let lost = bench.run(Mode::Apply).await;
        assert_class(&lost, Class::Retry, &format!("lost {nth}"));
        let again = bench.run(Mode::Apply).await;
        assert!(!matches!(again.answer, Answer::Failed(_)), "after {nth}: {again:?}");
        assert_eq!(bench.emulator.state(), end, "lost {nth}");
        assert_eq!(lasting(bench.effects()), lasting(effects.clone()), "lost {nth}: an effect came twice");
    }
}

pub async fn throttled_or_unavailable_at_any_request_is_a_retry(entry: MakeEntry) {
    let (requests, _, end) = undisturbed(entry).await;
    for status in [429, 503] {
        for nth in 1..=requests {
            let bench = Bench::of(entry());
            bench.emulator.fault(Fault::status(status).retry_after("7").nth(nth as u64));
            let refused = bench.run(Mode::Apply).await;
            let failure = assert_class(&refused, Class::Retry, &format!("{status} at {nth}"));
            let failure = failure.retry_after;
            // A call that waited beside the refused one reports what is left of the seven seconds.
            let is_asked = |after: Duration| after.as_secs_f64().ceil() == 7.0;
            assert!(failure.is_some_and(is_asked), "{status} at {nth}: {failure:?}");
            let again = bench.run(Mode::Apply).await;
            assert!(!matches!(again.answer, Answer::Failed(_)), "after {nth}: {again:?}");
            assert_eq!(bench.emulator.state(), end, "{status} at {nth}");
        }
    }
}

pub async fn a_missing_permission_blocks_and_is_named(entry: MakeEntry) {
    let bench = Bench::of(entry());
    bench.emulator.fault(Fault::status(403).code("Authorization_RequestDenied").writes());
    let report = bench.run(Mode::Apply).await;
    assert_class(&report, Class::Blocked, "every write is forbidden");
}

pub async fn an_unknown_refusal_of_any_write_is_blocked_and_names_the_request(entry: MakeEntry) {
    let bench = Bench::of(entry());
    bench.run(Mode::Apply).await;
    let writes = bench.emulator.journal().iter().filter(|entry| entry.write).count();
    let end = bench.emulator.state();
    for nth in 1..=writes {
        let bench = Bench::of(entry());
        let fault = Fault::status(400).code("BadRequest").message("Something about ada@contoso.example.");
        bench.emulator.fault(fault.writes().nth(nth as u64));
        let mut refused = bench.run(Mode::Apply).await;
        let context = format!("write {nth} is refused");
        if ANOTHER_WAY.contains(&entry().name) && matches!(refused.answer, Answer::Changed(_)) {
            assert_eq!(bench.emulator.state(), end, "{context}");
            continue;
        }
        // It depends on the write before it, which the service may not know yet. The next look makes it by itself.
        let is_dependent =
            matches!(&refused.answer, Answer::Failed(failure) if failure.class == Class::Retry);
        if is_dependent {
            let fault = Fault::status(400).code("BadRequest").message("Something about ada@contoso.example.");
            bench.emulator.fault(fault.writes());
            refused = bench.run(Mode::Apply).await;
        }
        let failure = assert_class(&refused, Class::Blocked, &context);
        let message = &failure.message;
        let method =
            ["POST /", "PATCH /", "PUT /", "DELETE /"].iter().find(|method| message.contains(**method));
        assert!(method.is_some(), "{context}: the request is not named: {message}");
        assert!(message.contains("400 BadRequest") && !message.contains('@'), "{context}: {message}");
        assert!(refused.may_have_written, "{context}: {refused:?}");
        bench.emulator.clear_faults();
        let again = bench.run(Mode::Apply).await;
        assert!(!matches!(again.answer, Answer::Failed(_)), "{context}: {again:?}");
        assert_eq!(bench.emulator.state(), end, "{context}");
    }
}

pub async fn its_permissions_suffice_and_none_is_superfluous(entry: MakeEntry) {
    let (_, effects, _) = undisturbed(entry).await;
    let effects = in_any_order(effects);
    let (action, needs) = (entry().name, entry().needs);
    let with = async |permissions: &[&str]| {
        let bench = Bench::allowed(entry(), permissions);
        let report = bench.run(Mode::Apply).await;
        (report.answer, report.left.len(), in_any_order(bench.effects()))
    };
    let all = with(needs).await;
    assert_eq!((all.0.outcome(), &all.2), (Outcome::Changed, &effects), "exactly {needs:?}: {:?}", all.0);
    for dropped in needs {
        let others: Vec<_> = needs.iter().copied().filter(|need| need != dropped).collect();
        let is_needed = with(&others).await != all;
        let elsewhere = NEEDED_ELSEWHERE.iter().any(|(of, need, _)| (*of, need) == (action, dropped));
        assert!(is_needed || elsewhere, "{action} does the same without {dropped}");
        assert!(!(is_needed && elsewhere), "{action} needs {dropped} here");
    }
}

/// An undisturbed run: its requests, its effects, and the tenant's state after it.
async fn undisturbed(entry: MakeEntry) -> (usize, Vec<String>, Value) {
    let bench = Bench::of(entry());
    let report = bench.run(Mode::Apply).await;
    assert_eq!(report.answer.outcome(), Outcome::Changed, "{report:?}");
    (bench.requests(), bench.effects(), bench.emulator.state())
}

/// Changes that are made together arrive in any order.
fn in_any_order(mut effects: Vec<String>) -> Vec<String> {
    effects.sort();
    effects
}

fn assert_class(report: &Report, class: Class, context: &str) -> Failure {
    match &report.answer {
        Answer::Failed(failure) => {
            assert_eq!(failure.class, class, "{context}: {failure:?}");
            failure.clone()
        }
        other => panic!("{context}: should have failed, is {other:?}"),
    }
}

/// The effects, sorted, without those that were taken back.
fn lasting(effects: Vec<String>) -> Vec<String> {
    let mut lasting: Vec<String> = Vec::with_capacity(effects.len());
    for effect in effects {
        let taken_back = TAKEN_BACK.iter().find_map(|(made, removed)| {
            let made = format!("{made}{}", effect.strip_prefix(removed)?);
            lasting.iter().position(|earlier| *earlier == made)
        });
        match taken_back {
            Some(at) => drop(lasting.remove(at)),
            None => lasting.push(effect),
        }
    }
    lasting.sort();
    lasting
}
