//! What a worker looks at every few seconds, because no event tells it: queues, runs in the ledger, credentials.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use broker::{Found, State};
use jiff::Timestamp;
use tokio::time::{Instant, sleep};

use crate::ledger::client::Client;
use crate::ledger::log::Stream;
use crate::ledger::standing::Standing;
use crate::operate::metrics::Metrics;

const EVERY: Duration = Duration::from_secs(5);
/// To count the runs of a million people takes a fraction of a second, in which no claim is answered. So much longer
/// than that takes they are left alone.
const REST: u32 = 200;
/// How long nobody asks again for a queue that the broker did not show: its log has a line for each refusal.
const UNSEEN: Duration = Duration::from_secs(600);
/// A certificate is renewed once a year.
const CREDENTIALS: Duration = Duration::from_secs(600);

/// Looks, for as long as the process runs.
pub struct Watch {
    metrics: Arc<Metrics>,
    ledger: Arc<Client<Stream>>,
    /// By the name of the tenant.
    credentials: Vec<(String, msgraph::Settings)>,
    /// Full names.
    queues: Vec<String>,
    /// Since when each queue has had messages whenever it was looked at.
    filled: HashMap<String, Instant>,
    /// When to ask again for those that the broker did not show.
    unseen: HashMap<String, Instant>,
}

impl Watch {
    /// Watches these queues, and the credentials of these tenants.
    pub fn new(
        metrics: Arc<Metrics>,
        ledger: Arc<Client<Stream>>,
        credentials: Vec<(String, msgraph::Settings)>,
        queues: Vec<String>,
    ) -> Self {
        Self { metrics, ledger, credentials, queues, filled: HashMap::new(), unseen: HashMap::new() }
    }

    /// Looks again and again.
    pub async fn keep_looking(mut self) {
        let (mut count_at, mut credentials_at) = (Instant::now(), Instant::now());
        loop {
            if Instant::now() >= count_at && self.ledger.is_ready() {
                let began = Instant::now();
                self.count_runs();
                count_at = Instant::now() + began.elapsed() * REST;
            }
            if Instant::now() >= credentials_at {
                self.look_at_credentials().await;
                credentials_at = Instant::now() + CREDENTIALS;
            }
            self.look_at_queues().await;
            sleep(EVERY).await;
        }
    }

    fn count_runs(&self) {
        let Standing { running, waiting, asleep, braked, overdue } =
            Standing::of(self.ledger.book().ledger(), Timestamp::now());
        let counts = [("running", running), ("waiting", waiting), ("asleep", asleep), ("braked", braked)];
        for (state, count) in counts {
            self.metrics.runs.with_label_values(&[state]).set(count);
        }
        self.metrics.runs_overdue.set(overdue);
    }

    async fn look_at_queues(&mut self) {
        let now = Instant::now();
        let is_due = |name: &&String| self.unseen.get(*name).is_none_or(|again| *again <= now);
        let due: Vec<String> = self.queues.iter().filter(is_due).cloned().collect();
        match self.ledger.look(&due).await {
            Ok(found) => found.into_iter().for_each(|queue| self.saw(queue, now)),
            // Old numbers would mislead. Without a series it shows that nobody knows.
            Err(_) => due.iter().for_each(|name| self.forget(name)),
        }
    }

    fn saw(&mut self, Found { name, state, .. }: Found, now: Instant) {
        let State::Holds { messages, consumers } = state else {
            self.forget(&name);
            self.unseen.insert(name, now + UNSEEN);
            return;
        };
        self.unseen.remove(&name);
        let Metrics { queue_messages, queue_consumers, queue_filled_seconds, .. } = &*self.metrics;
        queue_messages.with_label_values(&[&name]).set(messages.into());
        queue_consumers.with_label_values(&[&name]).set(consumers.into());
        if messages == 0 {
            self.filled.remove(&name);
        }
        let since = if messages == 0 { now } else { *self.filled.entry(name.clone()).or_insert(now) };
        queue_filled_seconds.with_label_values(&[&name]).set((now - since).as_secs_f64());
    }

    /// Removes what is not known any more. Since when the queue has had messages stays: a session that is replaced takes
    /// none out.
    fn forget(&self, name: &str) {
        // A queue that was never seen has no series to remove.
        let _ = self.metrics.queue_messages.remove_label_values(&[name]);
        let _ = self.metrics.queue_consumers.remove_label_values(&[name]);
        let _ = self.metrics.queue_filled_seconds.remove_label_values(&[name]);
    }

    async fn look_at_credentials(&self) {
        for (tenant, settings) in &self.credentials {
            let settings = settings.clone();
            let ends = tokio::task::spawn_blocking(move || settings.credential_ends()).await;
            if let Ok(Some(ends)) = ends {
                let gauge = self.metrics.credential_expires_timestamp_seconds.with_label_values(&[tenant]);
                gauge.set(ends.as_duration().as_secs_f64());
            }
        }
    }
}
