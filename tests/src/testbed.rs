//! Everything around a worker for one test: broker, tenant, settings, and the checks at the end.

use std::path::{Path, PathBuf};
use std::time::Duration;

use msgraph_emulator::{Emulator, Options, Tenant};
use tempfile::TempDir;
use tokio::process::Child;
use uuid::Uuid;

use crate::answers::Answers;
use crate::broker_node::BrokerNode;
use crate::pages::Pages;
use crate::published::Published;
use crate::publisher::Publisher;
use crate::queues::Queues;
use crate::results::{PATIENCE, Results};
use crate::settings::{broker_settings, setting, worker_settings};
use crate::worker_process::{self, Finished, Worker};

/// A test's own prefix on a broker, its own tenant, and workers on both.
///
/// [`Testbed::close`] checks what must hold after every test: no message is left in any queue, and no log line,
/// result, dead letter or metric contains a secret.
pub struct Testbed {
    /// The tenant.
    pub emulator: Emulator,
    /// The broker.
    pub broker: BrokerNode,
    /// Publishes events.
    pub publisher: Publisher,
    /// Every result since the testbed was built.
    pub results: Results,
    /// A copy of every message that workers publish.
    pub published: Published,
    pub(crate) queues: Queues,
    settings: Vec<(String, String)>,
    prefix: String,
    folder: TempDir,
    workers: usize,
    seen: String,
    taken: Vec<(String, String)>,
}

/// The `offboarding` of tests that bring no workflow of their own.
const SHORT_OFFBOARDING: &str = include_str!("short_offboarding.yaml");

/// Describes a testbed before it starts.
pub struct TestbedBuilder {
    broker: BrokerNode,
    emulator: Options,
    settings: Vec<(String, String)>,
    workflows: Option<String>,
    pattern: &'static str,
    prefix: Option<String>,
}

impl TestbedBuilder {
    /// Uses a broker of the test's own, which the test may stop.
    #[must_use]
    pub fn broker(self, broker: BrokerNode) -> Self {
        Self { broker, ..self }
    }

    /// Changes the emulator's options.
    #[must_use]
    pub fn emulator(self, change: impl FnOnce(Options) -> Options) -> Self {
        Self { emulator: change(self.emulator), ..self }
    }

    /// Adds a setting, such as `RETRY__MAX_ATTEMPTS`.
    #[must_use]
    pub fn set(mut self, key: &str, value: impl ToString) -> Self {
        self.settings.push(setting(key, value));
        self
    }

    /// Uses these workflows (YAML).
    #[must_use]
    pub fn workflows(self, yaml: &str) -> Self {
        Self { workflows: Some(yaml.to_owned()), ..self }
    }

    /// Uses this prefix, which holds what an earlier version declared.
    #[must_use]
    pub fn prefix(self, prefix: &str) -> Self {
        Self { prefix: Some(prefix.to_owned()), ..self }
    }

    /// Uses only the compiled-in workflows.
    #[must_use]
    pub fn compiled_in(self) -> Self {
        Self { workflows: None, ..self }
    }

    /// Receives no results, so that a bench measures the worker alone.
    #[must_use]
    pub fn without_results(self) -> Self {
        Self { pattern: "nothing", ..self }
    }

    /// Starts the tenant, declares the topology and begins to receive results. Starts no worker.
    pub async fn build(self) -> Testbed {
        let Self { broker, emulator, settings, workflows, pattern, prefix } = self;
        let emulator = Emulator::start(emulator).unwrap();
        let folder = TempDir::new().unwrap();
        let prefix = prefix.unwrap_or_else(|| format!("t{}", Uuid::new_v4().simple()));
        let mut all = worker_settings(&emulator, broker.url(), &prefix);
        all.push(setting("LOG__FORMAT", "json"));
        if let Some(yaml) = workflows {
            let path = folder.path().join("workflows.yaml");
            std::fs::write(&path, yaml).unwrap();
            all.push(setting("WORKFLOWS__FILE", path.display()));
        }
        all.extend(settings);
        broker::declare(&broker_settings(broker.url(), &prefix)).await.unwrap();
        Testbed {
            publisher: Publisher::open(broker.url(), &prefix).await,
            results: Results::listen(broker.url(), &prefix, pattern).await,
            published: Published::begin(broker.url(), &prefix, pattern).await,
            queues: Queues::open(broker.url(), &prefix).await,
            emulator,
            broker,
            settings: all,
            prefix,
            folder,
            workers: 0,
            seen: String::new(),
            taken: Vec::new(),
        }
    }
}

impl Testbed {
    /// A testbed on the suite's broker with this tenant and a short `offboarding`.
    pub fn with(tenant: Tenant) -> TestbedBuilder {
        TestbedBuilder {
            broker: BrokerNode::shared(),
            emulator: Options::new(tenant),
            settings: Vec::new(),
            workflows: Some(SHORT_OFFBOARDING.to_owned()),
            pattern: "#",
            prefix: None,
        }
    }

    /// Starts a worker and waits until it consumes.
    pub async fn worker(&mut self) -> Worker {
        let worker = self.start_worker();
        worker.serves(&["workflows", "access", "sync"]).await;
        worker
    }

    /// Starts a worker without waiting for it.
    pub fn start_worker(&mut self) -> Worker {
        self.workers += 1;
        Worker::start(&self.settings, &self.folder.path().join(format!("worker-{}.log", self.workers)))
    }

    /// Starts a worker that serves one queue only, and waits until it consumes.
    pub async fn worker_of(&mut self, queue: &str) -> Worker {
        self.workers += 1;
        let log = self.folder.path().join(format!("worker-{}.log", self.workers));
        let worker = Worker::start_with(&["--only", queue], &self.settings, &log);
        worker.serves(&[queue]).await;
        worker
    }

    /// Receives the pages of syncs from now on; of at most `most` at a time, if that is given.
    pub async fn pages(&self, most: Option<i32>) -> Pages {
        Pages::bind(self.broker.url(), &self.prefix, most).await
    }

    /// Waits for answers in a queue of a publisher's own whose name begins like this.
    pub async fn answers(&self, name: &str) -> Answers {
        Answers::await_in(self.broker.url(), format!("{name}-{}", self.prefix)).await
    }

    /// Runs `gatehouse` with these arguments and this testbed's settings.
    pub async fn gatehouse(&mut self, arguments: &[&str]) -> Finished {
        let finished = worker_process::gatehouse(arguments, &self.settings).await;
        self.seen.push_str(&finished.stdout);
        self.seen.push_str(&finished.stderr);
        finished
    }

    /// Starts `gatehouse` with these arguments, to be killed by the test; its output is kept in the testbed.
    pub fn start_gatehouse(&mut self, arguments: &[&str]) -> Child {
        self.workers += 1;
        worker_process::start(
            arguments,
            &self.settings,
            &self.folder.path().join(format!("tool-{}.log", self.workers)),
        )
    }

    /// The same with its output in this file.
    pub fn start_gatehouse_to(&self, arguments: &[&str], output: &Path) -> Child {
        worker_process::start(arguments, &self.settings, output)
    }

    /// Waits until no command works on the dead letters of a queue.
    pub async fn unlocked(&self, queue: &str) {
        let settings = broker_settings(self.broker.url(), &self.prefix);
        crate::metrics::until(async || match broker::DeadLetters::open(&settings, queue).await {
            Ok(dead) => {
                dead.close().await;
                true
            }
            Err(_) => false,
        })
        .await;
    }

    /// Changes a setting for every process started from now on.
    pub fn set(&mut self, key: &str, value: impl ToString) {
        self.settings.push(setting(key, value));
    }

    /// Changes a variable of the environment that is no setting, in the same way.
    pub fn environment(&mut self, name: &str, value: &str) {
        self.settings.push((name.to_owned(), value.to_owned()));
    }

    /// Writes a file into the testbed's folder and returns its path.
    pub fn file(&self, name: &str, content: &str) -> PathBuf {
        let path = self.folder.path().join(name);
        std::fs::write(&path, content).unwrap();
        path
    }

    /// Every change made in the tenant, in order.
    pub fn effects(&self) -> Vec<String> {
        self.emulator.effects()
    }

    /// Waits until this many changes were made in the tenant.
    pub async fn changed(&self, effects: usize) {
        crate::metrics::until(async || self.emulator.effects().len() >= effects).await;
    }

    /// Adds a text, such as a page of metrics, to the texts that are searched for secrets.
    pub fn saw(&mut self, text: &str) {
        self.seen.push_str(text);
    }

    /// A publisher whose user in the broker may write to this exchange of the testbed and to nothing else. Users belong
    /// to the whole broker, so it has to be one of the test's own.
    pub async fn confined_publisher(&self, user: &str, exchange: &str) -> Publisher {
        let exchange = format!("{}.{exchange}", self.prefix()).replace('.', "\\.");
        self.broker.ctl(&["add_user", user, "told-nobody"]).await;
        self.broker.ctl(&["set_permissions", user, "^$", &format!("^{exchange}$"), "^$"]).await;
        let (_, host) = self.broker.url().rsplit_once('@').unwrap();
        Publisher::open(&format!("amqp://{user}:told-nobody@{host}"), self.prefix()).await
    }

    /// Lets workers read what fits this pattern. Rights belong to the whole broker, so it has to be one of the test's own.
    pub async fn workers_may_read(&self, pattern: &str) {
        let user = self.broker.url().split(['/', ':']).nth(3).unwrap();
        self.broker.ctl(&["set_permissions", user, ".*", ".*", pattern]).await;
    }

    /// The first part of every queue's name.
    pub fn prefix(&self) -> &str {
        &self.prefix
    }

    /// How many messages a queue holds that no consumer has taken.
    pub async fn depth(&self, queue: &str) -> u32 {
        self.queues.depth(queue).await
    }

    /// How many messages a queue holds that no consumer has taken; nothing if there is no such queue.
    pub async fn depth_if_any(&self, queue: &str) -> Option<u32> {
        self.queues.depth_if_any(queue).await
    }

    /// Takes a message out of a queue and publishes it under another key of the exchange of workers, as the broker does
    /// when its time has come.
    pub async fn fire(&self, queue: &str, key: &str) {
        self.queues.fire(queue, key, None).await;
    }

    /// The same with one header changed: time has passed for the message.
    pub async fn fire_with(&self, queue: &str, key: &str, header: (&str, i64)) {
        self.queues.fire(queue, key, Some(header)).await;
    }

    /// Lets a queue take the events with this key, too.
    pub async fn also_takes(&self, queue: &str, key: &str) {
        self.queues.bind(queue, key).await;
    }

    /// Deletes a queue that is not part of the topology.
    pub async fn delete_queue(&self, queue: &str) {
        self.queues.delete(queue).await;
    }

    /// Loses every message of a queue.
    pub async fn forget(&self, queue: &str) {
        self.queues.purge(queue).await;
    }

    /// Waits until a sleeping run is in the delay, then removes it from there.
    pub async fn forget_sleeping_run(&self) {
        let mut looks = tokio::time::interval(Duration::from_millis(50));
        let patience = tokio::time::Instant::now() + PATIENCE;
        loop {
            looks.tick().await;
            for seconds in broker::STEPS {
                let queue = format!("delay.{seconds}s");
                if self.depth(&queue).await > 0 {
                    return self.queues.purge(&queue).await;
                }
            }
            assert!(tokio::time::Instant::now() < patience, "no run sleeps");
        }
    }

    /// Whether a queue but that of dead letters holds a message.
    pub(crate) async fn holds_work(&self) -> bool {
        for name in queues_of_work() {
            if self.depth(&name).await > 0 {
                return true;
            }
        }
        false
    }

    /// Waits until no queue but that of dead letters holds a message.
    pub async fn quiet(&self) {
        let names = queues_of_work();
        // A broker does not announce that a queue is empty, so the test asks.
        let mut looks = tokio::time::interval(Duration::from_millis(50));
        let patience = tokio::time::Instant::now() + PATIENCE;
        loop {
            looks.tick().await;
            let mut held = Vec::new();
            for name in &names {
                held.push((name, self.depth(name).await));
            }
            held.retain(|(_, depth)| *depth > 0);
            if held.is_empty() {
                return;
            }
            assert!(tokio::time::Instant::now() < patience, "messages are left: {held:?}");
        }
    }

    /// Asserts that no message is left and no secret has leaked, then deletes what the testbed declared.
    pub async fn close(mut self) {
        self.quiet().await;
        for queue in ["workflows", "access", "sync"] {
            let listed = self.gatehouse(&["dead", "list", "--queue", queue, "--output", "json"]).await.ok();
            assert_eq!(listed, "", "dead letters are left; a test that expects them discards them");
        }
        let leaks = self.leaks().await;
        assert!(leaks.is_empty(), "a secret is in {leaks:?}");
        self.tear_down().await;
    }

    /// What runs have taken away so far, as it is stored.
    pub async fn snapshots(&self) -> Vec<Vec<u8>> {
        let settings = broker_settings(self.broker.url(), &self.prefix);
        let session = broker::History::open_snapshots(&settings).await.unwrap();
        let mut parts = Vec::new();
        if let Some(end) = session.end().await.unwrap() {
            let mut entries = session.read(broker::Since::First, &end, &[]).await.unwrap();
            while let Some(entry) = entries.next().await.unwrap() {
                parts.push(entry.body);
            }
        }
        session.close().await;
        parts
    }

    /// Deletes what the testbed declared, whatever is in it.
    pub async fn tear_down(self) {
        let Self { results, published, broker, prefix, .. } = self;
        published.end().await;
        results.end().await;
        broker::delete(&broker_settings(broker.url(), &prefix)).await.unwrap();
    }

    /// Every place that contains a secret of the tenant or the broker: logs and metrics of workers, output of
    /// commands, results, dead letters and delayed messages.
    pub async fn leaks(&mut self) -> Vec<String> {
        for message in self.published.take().await {
            self.taken.push((format!("{} {}", message.exchange, message.key), message.text()));
        }
        let mut places = vec![("an output".to_owned(), self.seen.clone())];
        for file in std::fs::read_dir(self.folder.path()).unwrap() {
            let path = file.unwrap().path();
            if path.extension().is_some_and(|extension| extension == "log") {
                let name = path.file_name().unwrap().display().to_string();
                places.push((name, std::fs::read_to_string(path).unwrap()));
            }
        }
        places.extend(self.taken.iter().cloned());
        let secrets = self.secrets();
        let leaks = |text: &str| secrets.iter().any(|secret| text.contains(secret.as_str()));
        places.retain(|(_, text)| leaks(text));
        places.into_iter().map(|(name, _)| name).collect()
    }

    fn secrets(&self) -> Vec<String> {
        let tenant = self.emulator.secrets();
        let password = self.broker.url().split(['/', ':', '@']).nth(4).unwrap_or_default();
        // The default password of a broker is a word that many texts contain.
        let broker = Some(password.to_owned()).filter(|password| password.len() > 8);
        let all = tenant.client_secrets.into_iter().chain(tenant.tokens).chain(tenant.passwords);
        let all = all.chain(tenant.passes).chain(broker);
        all.filter(|secret| !secret.is_empty()).collect()
    }
}

/// The queues that are empty when everything is done.
fn queues_of_work() -> Vec<String> {
    let mut names = ["workflows", "access", "sync", "unrouted"].map(str::to_owned).to_vec();
    names.extend(broker::STEPS.iter().map(|seconds| format!("delay.{seconds}s")));
    names
}
