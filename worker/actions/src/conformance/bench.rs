//! One action in a tenant of its own.

use std::time::Duration;

use msgraph::{Cloud, ExchangeAdmin, Settings};
use msgraph_emulator::{Application, Emulator, Options};
use outcome::Mode;
use serde_json::Value;
use workflow::{Answer, Report};

use super::call::FirstAttempt;
use super::client::{client_with, settings};
use super::scenario::Scenario;
use crate::{Entry, World};

/// How often a step that waits may look in its scenario.
const LOOKS: usize = 20;

/// One action in a tenant of its own.
pub struct Bench {
    entry: Entry,
    params: Value,
    pub emulator: Emulator,
    /// Whether the action may use what Microsoft does not document.
    pub administers_exchange: bool,
}

impl Bench {
    /// An action in its own scenario.
    pub fn of(entry: Entry) -> Self {
        let scenario = (entry.scenario)();
        Self::with(entry, scenario)
    }

    /// An action in this scenario.
    pub fn with(entry: Entry, Scenario { tenant, params }: Scenario) -> Self {
        let emulator = Emulator::start(Options::new(tenant)).unwrap();
        Self { entry, params, emulator, administers_exchange: true }
    }

    /// An action in its own scenario, for an application with these permissions alone.
    pub fn allowed(entry: Entry, permissions: &[&str]) -> Self {
        let Scenario { tenant, params } = (entry.scenario)();
        let tenant = tenant.application(Application::default().roles(permissions));
        Self::with(entry, Scenario { tenant, params })
    }

    /// Runs the step as a new worker would, which knows nothing of the one before. A step that waits runs until it no
    /// longer waits.
    pub async fn run(&self, mode: Mode) -> Report {
        self.attempt(FirstAttempt::new(), mode).await
    }

    /// The same as part of this attempt.
    pub async fn attempt(&self, attempt: FirstAttempt, mode: Mode) -> Report {
        let graph = client_with(Settings {
            exchange_admin: self.administers_exchange.then(|| ExchangeAdmin {
                url: self.emulator.url(),
                ..ExchangeAdmin::in_cloud(Cloud::Global)
            }),
            // The client repeats no request: the action and its next run have to cope with each failure.
            retry_budget: Duration::ZERO,
            // One request after the other, each by itself, so that the nth is the same in every run.
            batching: false,
            ..settings(&self.emulator)
        });
        let (mut memo, mut before) = (None, Vec::new());
        for _look in 0..LOOKS {
            let world = World::of(&graph);
            let call = attempt.call(&self.params, mode, memo.as_ref(), &world);
            let report = self.entry.step.run(call).await;
            let answer = match report.answer {
                Answer::Waiting { changes, wait } if mode.waits() => {
                    before.extend(changes);
                    memo = Some(wait.memo);
                    continue;
                }
                Answer::Changed(changes) => Answer::Changed(before.into_iter().chain(changes).collect()),
                Answer::Unchanged if !before.is_empty() => Answer::Changed(before),
                other => other,
            };
            return Report { answer, ..report };
        }
        panic!("{} still waits after {LOOKS} looks", self.entry.name)
    }

    /// The number of requests. Sign-ins are not counted: the client's own tests cover them.
    pub fn requests(&self) -> usize {
        self.emulator.journal().into_iter().filter(|entry| !entry.token).count()
    }

    /// Every change that reached the tenant, in order.
    pub fn effects(&self) -> Vec<String> {
        self.emulator.journal().into_iter().flat_map(|entry| entry.effects).collect()
    }
}
