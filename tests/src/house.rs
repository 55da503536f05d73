//! A worker's whole surroundings for one test: broker, tenant, settings, and what must hold when it ends.

use std::path::PathBuf;
use std::time::Duration;

use msgraph_emulator::{Emulator, Options, Tenant};
use tempfile::TempDir;
use uuid::Uuid;

use crate::broker_node::BrokerNode;
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
    settings: Vec<(String, String)>,
    prefix: String,
    folder: TempDir,
    workers: usize,
    seen: String,
}

/// How a house is to be.
pub struct HouseBuilder {
    broker: BrokerNode,
    tenant: Tenant,
    settings: Vec<(String, String)>,
    workflows: Option<String>,
}

impl HouseBuilder {
    /// On a broker of the test's own, which it may stop.
    #[must_use]
    pub fn broker(self, broker: BrokerNode) -> Self {
        Self { broker, ..self }
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

    /// Starts the tenant, declares the topology, listens to results. Starts no worker.
    pub async fn build(self) -> House {
        let Self { broker, tenant, settings, workflows } = self;
        let emulator = Emulator::start(Options::new(tenant)).unwrap();
        let folder = TempDir::new().unwrap();
        let prefix = format!("t{}", Uuid::new_v4().simple());
        let mut all = defaults(&emulator, broker.url(), &prefix);
        if let Some(yaml) = workflows {
            let path = folder.path().join("workflows.yaml");
            std::fs::write(&path, yaml).unwrap();
            all.push(("GATEHOUSE__WORKFLOWS__FILE".to_owned(), path.display().to_string()));
        }
        all.extend(settings);
        broker::declare(&broker_settings(broker.url(), &prefix)).await.unwrap();
        let queues = Queues::open(broker.url(), &prefix).await;
        let results = queues.results(broker.url()).await;
        let seen = String::new();
        House { emulator, broker, queues, results, settings: all, prefix, folder, workers: 0, seen }
    }
}

impl House {
    /// A house on the suite's broker with this tenant.
    pub fn with(tenant: Tenant) -> HouseBuilder {
        HouseBuilder { broker: BrokerNode::shared(), tenant, settings: Vec::new(), workflows: None }
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

    /// Has something looked at for secrets that the house does not see by itself: a page of metrics, say.
    pub fn saw(&mut self, text: &str) {
        self.seen.push_str(text);
    }

    /// The first part of every queue's name.
    pub fn prefix(&self) -> &str {
        &self.prefix
    }

    /// Waits until no queue of the house holds a message, but for dead letters.
    pub async fn quiet(&self) {
        // A queue tells nobody that it is empty: it has to be asked.
        let mut looks = tokio::time::interval(Duration::from_millis(50));
        let waiting = async {
            loop {
                looks.tick().await;
                let mut depth = self.queues.depth("workflows").await + self.queues.depth("unrouted").await;
                for seconds in broker::STEPS {
                    depth += self.queues.depth(&format!("delay.{seconds}s")).await;
                }
                if depth == 0 {
                    return;
                }
            }
        };
        tokio::time::timeout(crate::queues::PATIENCE, waiting).await.expect("a queue still holds a message");
    }

    /// Shows that nothing is left and nothing has leaked, then takes the house down.
    pub async fn close(mut self) {
        self.quiet().await;
        let listed = self.gatehouse(&["dead", "list", "--output", "json"]).await.ok();
        assert_eq!(listed, "", "dead letters are left; a test that means them discards them");
        self.assert_no_secret();
        let Self { queues, results, broker, prefix, .. } = self;
        queues.forget(results).await;
        broker::delete(&broker_settings(broker.url(), &prefix)).await.unwrap();
    }

    fn assert_no_secret(&self) {
        let secrets = self.emulator.secrets();
        let password = self.broker.url().split(['/', ':', '@']).nth(4).unwrap_or_default();
        let mut seen = self.seen.clone();
        for file in std::fs::read_dir(self.folder.path()).unwrap() {
            let path = file.unwrap().path();
            if path.extension().is_some_and(|extension| extension == "log") {
                seen.push_str(&std::fs::read_to_string(path).unwrap());
            }
        }
        for heard in self.results.heard() {
            seen.push_str(&heard.event.to_string());
        }
        let broker = Some(password.to_owned()).filter(|password| password.len() > 8);
        let all =
            secrets.client_secrets.iter().chain(&secrets.tokens).chain(&secrets.passwords).chain(&broker);
        for secret in all {
            assert!(!seen.contains(secret.as_str()), "a secret is in a log line, a result or an output");
        }
    }
}

fn defaults(emulator: &Emulator, url: &str, prefix: &str) -> Vec<(String, String)> {
    let application = emulator.application();
    let settings = [
        ("BROKER__URL", url.to_owned()),
        ("BROKER__PREFIX", prefix.to_owned()),
        ("GRAPH__URL", emulator.url()),
        ("GRAPH__LOGIN_URL", emulator.url()),
        ("TENANTS__CONTOSO__TENANT_ID", application.tenant_id),
        ("TENANTS__CONTOSO__CLIENT_ID", application.client_id),
        ("TENANTS__CONTOSO__CLIENT_SECRET", application.client_secret),
        ("RETRY__FIRST_DELAY_SECONDS", "1".to_owned()),
        ("RETRY__MAX_DELAY_SECONDS", "1".to_owned()),
        ("GRAPH__RETRY_BUDGET_SECONDS", "0".to_owned()),
        ("ADMIN__LISTEN", "127.0.0.1:0".to_owned()),
        ("LOG__FORMAT", "json".to_owned()),
    ];
    settings.into_iter().map(|(key, value)| (format!("GATEHOUSE__{key}"), value)).collect()
}

fn broker_settings(url: &str, prefix: &str) -> broker::Settings {
    broker::Settings { prefix: prefix.to_owned(), ..broker::Settings::new(url.to_owned().into()) }
}
