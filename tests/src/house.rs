//! A worker's whole surroundings for one test: broker, tenant, settings, and what must hold when it ends.

use std::path::PathBuf;
use std::time::Duration;

use messages::EventKind;
use msgraph_emulator::{Emulator, Options, Tenant};
use tempfile::TempDir;
use tokio::process::Child;
use uuid::Uuid;

use crate::broker_node::BrokerNode;
use crate::copies::Copies;
use crate::program::{self, Finished, Worker};
use crate::queues::{Queues, Results};

/// A test's own prefix on a broker, its own tenant, and workers on both.
///
/// [`House::close`] shows what every test shows besides its own point: no message is left in any queue, and no
/// secret is in any log line, result, dead letter or metric.
pub struct House {
    /// The tenant.
    pub emulator: Emulator,
    /// The broker.
    pub broker: BrokerNode,
    /// AMQP as a stranger speaks it.
    pub queues: Queues,
    /// Every result since the house was built.
    pub results: Results,
    /// Copies of everything that workers publish.
    pub copies: Copies,
    settings: Vec<(String, String)>,
    prefix: String,
    folder: TempDir,
    workers: usize,
    seen: String,
    published: Vec<(String, String)>,
}

/// What leavers go through where a test says nothing else.
const BRIEF: &str = include_str!("brief.yaml");

/// How a house is to be.
pub struct HouseBuilder {
    broker: BrokerNode,
    emulator: Options,
    settings: Vec<(String, String)>,
    workflows: Option<String>,
    pattern: &'static str,
}

impl HouseBuilder {
    /// On a broker of the test's own, which it may stop.
    #[must_use]
    pub fn broker(self, broker: BrokerNode) -> Self {
        Self { broker, ..self }
    }

    /// With an emulator that is so.
    #[must_use]
    pub fn emulator(self, change: impl FnOnce(Options) -> Options) -> Self {
        Self { emulator: change(self.emulator), ..self }
    }

    /// With one more setting, such as `RETRY__MAX_ATTEMPTS`.
    #[must_use]
    pub fn set(mut self, key: &str, value: impl ToString) -> Self {
        self.settings.push((format!("GATEHOUSE__{key}"), value.to_string()));
        self
    }

    /// With these workflows of its own (YAML).
    #[must_use]
    pub fn workflows(self, yaml: &str) -> Self {
        Self { workflows: Some(yaml.to_owned()), ..self }
    }

    /// With nothing but the workflows that are compiled in.
    #[must_use]
    pub fn compiled_in(self) -> Self {
        Self { workflows: None, ..self }
    }

    /// Listens to no result, for those who measure.
    #[must_use]
    pub fn deaf(self) -> Self {
        Self { pattern: "nothing", ..self }
    }

    /// Starts the tenant, declares the topology, listens to results. Starts no worker.
    pub async fn build(self) -> House {
        let Self { broker, emulator, settings, workflows, pattern } = self;
        let emulator = Emulator::start(emulator).unwrap();
        let folder = TempDir::new().unwrap();
        let prefix = format!("t{}", Uuid::new_v4().simple());
        let mut all = variables(&emulator, broker.url(), &prefix);
        all.push(variable(("LOG__FORMAT", "json".to_owned())));
        if let Some(yaml) = workflows {
            let path = folder.path().join("workflows.yaml");
            std::fs::write(&path, yaml).unwrap();
            all.push(("GATEHOUSE__WORKFLOWS__FILE".to_owned(), path.display().to_string()));
        }
        all.extend(settings);
        broker::declare(&broker_settings(broker.url(), &prefix)).await.unwrap();
        let queues = Queues::open(broker.url(), &prefix).await;
        let results = queues.results(broker.url(), pattern).await;
        let copies = Copies::begin(broker.url(), &prefix, pattern).await;
        let seen = String::new();
        House {
            emulator,
            broker,
            queues,
            results,
            copies,
            settings: all,
            prefix,
            folder,
            workers: 0,
            seen,
            published: Vec::new(),
        }
    }
}

impl House {
    /// A house on the suite's broker with this tenant, and a brief workflow for leavers.
    pub fn with(tenant: Tenant) -> HouseBuilder {
        HouseBuilder {
            broker: BrokerNode::shared(),
            emulator: Options::new(tenant),
            settings: Vec::new(),
            workflows: Some(BRIEF.to_owned()),
            pattern: "#",
        }
    }

    /// Starts a worker and waits until it serves.
    pub async fn worker(&mut self) -> Worker {
        let worker = self.start_worker();
        worker.logged("broker session is up").await;
        worker
    }

    /// Starts a worker and does not wait for anything.
    pub fn start_worker(&mut self) -> Worker {
        self.workers += 1;
        Worker::start(&self.settings, &self.folder.path().join(format!("worker-{}.log", self.workers)))
    }

    /// Runs `gatehouse` with these arguments in this house.
    pub async fn gatehouse(&mut self, arguments: &[&str]) -> Finished {
        let finished = program::gatehouse(arguments, &self.settings).await;
        self.seen.push_str(&finished.stdout);
        self.seen.push_str(&finished.stderr);
        finished
    }

    /// Starts `gatehouse` with these arguments, to be killed; what it says is kept in the house.
    pub fn start_gatehouse(&mut self, arguments: &[&str]) -> Child {
        self.workers += 1;
        program::start(
            arguments,
            &self.settings,
            &self.folder.path().join(format!("tool-{}.log", self.workers)),
        )
    }

    /// Gives a setting another value, for what is started from now on.
    pub fn set(&mut self, key: &str, value: impl ToString) {
        self.settings.push((format!("GATEHOUSE__{key}"), value.to_string()));
    }

    /// Writes a file into the house and names it.
    pub fn file(&self, name: &str, content: &str) -> PathBuf {
        let path = self.folder.path().join(name);
        std::fs::write(&path, content).unwrap();
        path
    }

    /// Everything that was changed in the tenant, in order.
    pub fn effects(&self) -> Vec<String> {
        self.emulator.effects()
    }

    /// Waits until so much was changed in the tenant.
    pub async fn changed(&self, effects: usize) {
        crate::metrics::until(async || self.emulator.effects().len() >= effects).await;
    }

    /// Has something looked at for secrets that the house does not see by itself: a page of metrics, say.
    pub fn saw(&mut self, text: &str) {
        self.seen.push_str(text);
    }

    /// The first part of every queue's name.
    pub fn prefix(&self) -> &str {
        &self.prefix
    }

    /// Forgets a run that has gone to sleep, as soon as its worker has let go of it.
    pub async fn sleeper_is_forgotten(&self) {
        let mut looks = tokio::time::interval(Duration::from_millis(50));
        let patience = tokio::time::Instant::now() + crate::queues::PATIENCE;
        loop {
            looks.tick().await;
            for seconds in broker::STEPS {
                let queue = format!("delay.{seconds}s");
                if self.queues.depth(&queue).await > 0 {
                    return self.queues.purge(&queue).await;
                }
            }
            assert!(tokio::time::Instant::now() < patience, "nobody sleeps");
        }
    }

    /// Waits until no queue of the house holds a message, but for dead letters.
    pub async fn quiet(&self) {
        let mut names = vec!["workflows".to_owned(), "unrouted".to_owned()];
        names.extend(broker::STEPS.iter().map(|seconds| format!("delay.{seconds}s")));
        // A queue tells nobody that it is empty: it has to be asked.
        let mut looks = tokio::time::interval(Duration::from_millis(50));
        let patience = tokio::time::Instant::now() + crate::queues::PATIENCE;
        loop {
            looks.tick().await;
            let mut held = Vec::new();
            for name in &names {
                held.push((name, self.queues.depth(name).await));
            }
            held.retain(|(_, depth)| *depth > 0);
            if held.is_empty() {
                return;
            }
            assert!(tokio::time::Instant::now() < patience, "messages are left: {held:?}");
        }
    }

    /// Shows that nothing is left and nothing has leaked, then takes the house down.
    pub async fn close(mut self) {
        self.quiet().await;
        let listed = self.gatehouse(&["dead", "list", "--output", "json"]).await.ok();
        assert_eq!(listed, "", "dead letters are left; a test that means them discards them");
        let leaks = self.leaks().await;
        assert!(leaks.is_empty(), "a secret is in {leaks:?}");
        self.tear_down().await;
    }

    /// Takes the house down, whatever is in it.
    pub async fn tear_down(self) {
        let Self { queues, results, copies, broker, prefix, .. } = self;
        copies.end().await;
        queues.forget(results).await;
        broker::delete(&broker_settings(broker.url(), &prefix)).await.unwrap();
    }

    /// Everything that a secret of the tenant or of the broker has come to: log lines and metrics of workers,
    /// what commands printed, results, dead letters, and what was put off.
    pub async fn leaks(&mut self) -> Vec<String> {
        for copy in self.copies.take().await {
            self.published.push((format!("{} {}", copy.exchange, copy.key), copy.text()));
        }
        let mut places = vec![("an output".to_owned(), self.seen.clone())];
        for file in std::fs::read_dir(self.folder.path()).unwrap() {
            let path = file.unwrap().path();
            if path.extension().is_some_and(|extension| extension == "log") {
                let name = path.file_name().unwrap().display().to_string();
                places.push((name, std::fs::read_to_string(path).unwrap()));
            }
        }
        places.extend(self.published.iter().cloned());
        let secrets = self.secrets();
        let leaks = |text: &str| secrets.iter().any(|secret| text.contains(secret.as_str()));
        places.retain(|(_, text)| leaks(text));
        places.into_iter().map(|(name, _)| name).collect()
    }

    fn secrets(&self) -> Vec<String> {
        let tenant = self.emulator.secrets();
        let password = self.broker.url().split(['/', ':', '@']).nth(4).unwrap_or_default();
        // The password of the broker that everybody has is a word.
        let broker = Some(password.to_owned()).filter(|password| password.len() > 8);
        let all = tenant.client_secrets.into_iter().chain(tenant.tokens).chain(tenant.passwords);
        let all = all.chain(tenant.passes).chain(broker);
        all.filter(|secret| !secret.is_empty()).collect()
    }
}

/// Variables of a worker between this tenant and this broker. Hours become seconds.
pub fn variables(emulator: &Emulator, url: &str, prefix: &str) -> Vec<(String, String)> {
    let application = emulator.application();
    let settings = [
        ("BROKER__URL", url.to_owned()),
        ("BROKER__PREFIX", prefix.to_owned()),
        ("GRAPH__URL", emulator.url()),
        ("GRAPH__LOGIN_URL", emulator.url()),
        ("EXCHANGE__URL", emulator.url()),
        ("TENANTS__CONTOSO__TENANT_ID", application.tenant_id),
        ("TENANTS__CONTOSO__CLIENT_ID", application.client_id),
        ("TENANTS__CONTOSO__CLIENT_SECRET", application.client_secret),
        ("RETRY__FIRST_DELAY_SECONDS", "1".to_owned()),
        ("RETRY__MAX_DELAY_SECONDS", "1".to_owned()),
        ("GRAPH__RETRY_BUDGET_SECONDS", "0".to_owned()),
        ("ADMIN__LISTEN", "127.0.0.1:0".to_owned()),
    ];
    settings.into_iter().map(variable).collect()
}

/// A setting as a variable.
pub fn variable((key, value): (&str, String)) -> (String, String) {
    (format!("GATEHOUSE__{key}"), value)
}

/// The broker's settings as the worker has them, under another prefix.
pub fn broker_settings(url: &str, prefix: &str) -> broker::Settings {
    let queue = broker::WorkQueue::new("workflows", EventKind::ALL.map(EventKind::routing_key));
    let settings = broker::Settings::new(url.to_owned().into(), vec![queue]);
    broker::Settings { prefix: prefix.to_owned(), ..settings }
}
