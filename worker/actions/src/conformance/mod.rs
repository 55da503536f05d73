//! What every action promises, shown for every action in the roster through the real client.
//!
//! An action joins by being in the roster; without a scenario it does not compile under test.

use std::sync::Arc;
use std::time::Duration;

use msgraph::{Client, Cloud, ExchangeAdmin, Observer, Settings};
use msgraph_emulator::{Emulator, Fault, Options, Tenant};
use serde_json::Value;
use workflow::{Call, Class, Earlier, Mode, Outcome, OutcomeKind, Report};

mod refusals;
mod tenant;

use crate::Entry;
use crate::roster::roster;

/// A tenant and a request on which an action has something to do.
pub struct Scenario {
    /// Where.
    pub tenant: Tenant,
    /// What is asked.
    pub params: Value,
}

impl Scenario {
    /// This request on the tenant all scenarios share.
    pub fn new(params: Value) -> Self {
        Self { tenant: tenant::tenant(), params }
    }
}

/// What a run has to take back again when it lost what the answer told: then it is as if it had not been.
const TAKEN_BACK: [(&str, &str); 1] = [("issue temporaryAccessPass to ", "remove temporaryAccessPass of ")];

/// How often a step that waits may look in its scenario.
const LOOKS: usize = 20;

struct Quiet;

impl Observer for Quiet {}

/// One action in a tenant of its own.
pub(crate) struct Bench {
    entry: Entry,
    params: Value,
    pub(crate) emulator: Emulator,
    /// Whether what Microsoft does not document may be used.
    pub(crate) administers_exchange: bool,
}

impl Bench {
    async fn of(entry: Entry) -> Self {
        let scenario = (entry.scenario)();
        Self::with(entry, scenario)
    }

    /// An action in this tenant.
    pub(crate) fn with(entry: Entry, Scenario { tenant, params }: Scenario) -> Self {
        let emulator = Emulator::start(Options::new(tenant)).unwrap();
        Self { entry, params, emulator, administers_exchange: true }
    }

    /// Runs the step as a worker of its own would, which knows nothing of the one before; a step that waits, until
    /// it no longer does.
    pub(crate) async fn run(&self, mode: Mode) -> Report {
        let application = self.emulator.application();
        let settings = Settings {
            login_url: self.emulator.url(),
            graph_url: self.emulator.url(),
            exchange_admin: self.administers_exchange.then(|| ExchangeAdmin {
                url: self.emulator.url(),
                ..ExchangeAdmin::in_cloud(Cloud::Global)
            }),
            // Never repeats a request: each failure is to be met by the action and by its next run.
            retry_budget: Duration::ZERO,
            // One request after the other and each by itself, so that the nth is the same in every run.
            batching: false,
            ..Settings::new(application.tenant_id, application.client_id, application.client_secret.into())
        };
        let graph = Client::new(settings, Arc::new(Quiet)).unwrap();
        let (mut memo, mut before) = (None, Vec::new());
        for _look in 0..LOOKS {
            let earlier = Earlier::new(&[]);
            let call =
                Call { params: &self.params, mode, earlier, memo: memo.as_ref(), replays: 0, world: &graph };
            let report = self.entry.step.run(call).await;
            let outcome = match report.outcome {
                Outcome::Waiting { changes, wait } if mode.waits() => {
                    before.extend(changes);
                    memo = Some(wait.memo);
                    continue;
                }
                Outcome::Changed(changes) => Outcome::Changed(before.into_iter().chain(changes).collect()),
                Outcome::Unchanged if !before.is_empty() => Outcome::Changed(before),
                other => other,
            };
            return Report { outcome, ..report };
        }
        panic!("{} still waits after {LOOKS} looks", self.entry.name)
    }

    /// Signing in is the client's business and tested there; so is which calls travelled together.
    fn requests(&self) -> usize {
        self.emulator.journal().into_iter().filter(|entry| !entry.token).count()
    }

    /// Every change that reached the tenant, in order.
    pub(crate) fn effects(&self) -> Vec<String> {
        self.emulator.journal().into_iter().flat_map(|entry| entry.effects).collect()
    }
}

/// What an undisturbed run does: requests, effects, and the tenant it leaves.
async fn undisturbed(name: &str) -> (usize, Vec<String>, Value) {
    let bench = Bench::of(entry(name)).await;
    let report = bench.run(Mode::Apply).await;
    assert_eq!(report.outcome.kind(), OutcomeKind::Changed, "{name}: {report:?}");
    (bench.requests(), bench.effects(), bench.emulator.state())
}

pub(crate) fn entry(name: &str) -> Entry {
    roster().into_iter().find(|entry| entry.name == name).unwrap()
}

fn names() -> Vec<&'static str> {
    roster().iter().map(|entry| entry.name).collect()
}

#[tokio::test]
async fn a_plan_writes_nothing_and_names_exactly_what_apply_does() {
    for name in names() {
        let bench = Bench::of(entry(name)).await;
        let before = bench.emulator.state();
        let planned = bench.run(Mode::Plan).await;
        assert_eq!(bench.emulator.state(), before, "{name}");
        assert!(bench.emulator.journal().iter().all(|entry| !entry.write), "{name}");
        let applied = bench.run(Mode::Apply).await;
        let (Outcome::Planned(planned), Outcome::Changed(applied)) = (planned.outcome, applied.outcome)
        else {
            panic!("{name}: has nothing to do in its scenario")
        };
        assert_eq!(planned, applied, "{name}");
        let writes = bench.emulator.journal().iter().filter(|entry| entry.write).count();
        assert_eq!(writes, applied.len(), "{name}: a change is one write");
    }
}

#[tokio::test]
async fn a_second_run_changes_nothing() {
    for name in names() {
        let bench = Bench::of(entry(name)).await;
        let first = bench.run(Mode::Apply).await;
        let after_first = bench.emulator.state();
        bench.emulator.clear_journal();
        let second = bench.run(Mode::Apply).await;
        assert_eq!(second.outcome, Outcome::Unchanged, "{name} after {first:?}");
        assert!(bench.emulator.journal().iter().all(|entry| !entry.write), "{name}");
        assert_eq!(bench.emulator.state(), after_first, "{name}");
    }
}

#[tokio::test]
async fn stopped_at_any_request_and_run_again_it_ends_in_the_same_place() {
    for name in names() {
        let (requests, effects, end) = undisturbed(name).await;
        for nth in 1..=requests {
            let bench = Bench::of(entry(name)).await;
            bench.emulator.fault(Fault::dropped().from(nth as u64));
            let stopped = bench.run(Mode::Apply).await;
            assert_class(&stopped, Class::Retry, &format!("{name} stopped at {nth}"));
            bench.emulator.clear_faults();
            let again = bench.run(Mode::Apply).await;
            assert!(!matches!(again.outcome, Outcome::Failed(_)), "{name} after {nth}: {again:?}");
            assert_eq!(bench.emulator.state(), end, "{name} stopped at {nth}");
            assert_eq!(lasting(bench.effects()), lasting(effects.clone()), "{name} stopped at {nth}");
        }
    }
}

#[tokio::test]
async fn an_answer_lost_after_graph_acted_is_survived() {
    for name in names() {
        let (requests, effects, end) = undisturbed(name).await;
        for nth in 1..=requests {
            let bench = Bench::of(entry(name)).await;
            bench.emulator.fault(Fault::acted_then_dropped().nth(nth as u64));
            let lost = bench.run(Mode::Apply).await;
            assert_class(&lost, Class::Retry, &format!("{name} lost {nth}"));
            let again = bench.run(Mode::Apply).await;
            assert!(!matches!(again.outcome, Outcome::Failed(_)), "{name} after {nth}: {again:?}");
            assert_eq!(bench.emulator.state(), end, "{name} lost {nth}");
            assert_eq!(
                lasting(bench.effects()),
                lasting(effects.clone()),
                "{name} lost {nth}: an effect came twice"
            );
        }
    }
}

#[tokio::test]
async fn throttled_or_unavailable_at_any_request_is_a_retry() {
    for name in names() {
        let (requests, _, end) = undisturbed(name).await;
        for status in [429, 503] {
            for nth in 1..=requests {
                let bench = Bench::of(entry(name)).await;
                bench.emulator.fault(Fault::status(status).retry_after("7").nth(nth as u64));
                let refused = bench.run(Mode::Apply).await;
                let failure = assert_class(&refused, Class::Retry, &format!("{name}: {status} at {nth}"));
                // A call that would have gone beside it is told what is left of the seven seconds.
                let is_asked = |after: Duration| after.as_secs_f64().ceil() == 7.0;
                assert!(failure.is_some_and(is_asked), "{name}: {status} at {nth}: {failure:?}");
                let again = bench.run(Mode::Apply).await;
                assert!(!matches!(again.outcome, Outcome::Failed(_)), "{name} after {nth}: {again:?}");
                assert_eq!(bench.emulator.state(), end, "{name}: {status} at {nth}");
            }
        }
    }
}

#[tokio::test]
async fn a_missing_permission_blocks_and_is_named() {
    for name in names() {
        let bench = Bench::of(entry(name)).await;
        bench.emulator.fault(Fault::status(403).code("Authorization_RequestDenied").writes());
        let report = bench.run(Mode::Apply).await;
        assert_class(&report, Class::Blocked, name);
    }
}

#[test]
fn every_action_is_in_a_file_of_its_name_and_in_the_roster_once() {
    let names = names();
    let mut files: Vec<_> = std::fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/src"))
        .unwrap()
        .filter_map(|folder| std::fs::read_dir(folder.unwrap().path()).ok())
        .flatten()
        .map(|file| file.unwrap().path().file_stem().unwrap().to_string_lossy().into_owned())
        .filter(|stem| names.contains(&stem.as_str()))
        .collect();
    files.sort();
    assert_eq!(names, files);
}

#[test]
fn every_default_fills_a_parameter_that_exists() {
    for entry in roster() {
        let known = entry.step.parameters();
        for (parameter, _) in entry.step.defaults() {
            assert!(known.contains(&(*parameter).to_owned()), "{}: {parameter}", entry.name);
        }
    }
}

fn assert_class(report: &Report, class: Class, context: &str) -> Option<Duration> {
    match &report.outcome {
        Outcome::Failed(failure) => {
            assert_eq!(failure.class, class, "{context}: {failure:?}");
            failure.retry_after
        }
        other => panic!("{context}: should have failed, is {other:?}"),
    }
}

/// Effects in an order of their own, without what was taken back.
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
