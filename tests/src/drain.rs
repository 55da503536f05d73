//! Lets workers finish, and looks at everything they published.

use std::collections::{BTreeMap, BTreeSet};

use lapin::BasicProperties;
use serde_json::Value;

use crate::metrics::until;
use crate::publisher::Publisher;
use crate::queues::Queues;
use crate::results::Results;
use crate::testbed::Testbed;
use crate::worker_process::Worker;

impl Testbed {
    /// Stops the broker and starts it again.
    pub async fn restart_broker(&mut self, kill: bool) {
        self.broker.restart(kill).await;
        self.publisher = Publisher::open(self.broker.url(), self.prefix()).await;
        self.queues = Queues::open(self.broker.url(), self.prefix()).await;
    }

    /// Waits until a queue holds this many messages that no worker has taken.
    pub async fn holds(&self, queue: &str, wanted: u32) {
        until(async || self.depth(queue).await == wanted).await;
    }

    /// Waits until no queue holds a message and these workers have none in hand: one may wait for what a dead worker held.
    async fn idle(&self, workers: &[Worker]) {
        until(async || {
            self.quiet().await;
            let mut in_hand = 0.0;
            for worker in workers {
                in_hand += worker.metrics().await.sum("gatehouse_in_flight", "");
            }
            in_hand == 0.0 && !self.holds_work().await
        })
        .await;
    }

    /// Waits until the workers have nothing left to do, stops them, then receives every result.
    pub async fn drain(&mut self, workers: impl IntoIterator<Item = Worker>) {
        let workers: Vec<Worker> = workers.into_iter().collect();
        self.idle(&workers).await;
        for mut worker in workers {
            assert_eq!(worker.terminate().await, Some(0));
        }
        // A message on its way to a worker that stopped has returned to the queue, or was put off.
        while self.holds_work().await {
            let mut worker = self.worker().await;
            self.idle(std::slice::from_ref(&worker)).await;
            assert_eq!(worker.terminate().await, Some(0));
        }
        // Results come in order: when this marker arrives, every result before it has arrived.
        let marker = br#"{"type":"test.marker"}"#;
        self.publisher.publish("results", "test.marker", BasicProperties::default(), marker).await;
        while self.results.next().await.key != "test.marker" {}
    }
}

impl Results {
    /// Every end received so far, repeats included, by run and number of replays: id and data.
    pub fn all_ends(&self) -> BTreeMap<(String, u64), Vec<(String, Value)>> {
        let mut ends: BTreeMap<_, Vec<_>> = BTreeMap::new();
        for received in self.received().iter().filter(|received| received.is_end()) {
            let data = received.event["data"].clone();
            let key = (received.run_id().to_owned(), data["replays"].as_u64().unwrap());
            ends.entry(key).or_default().push((received.id().to_owned(), data));
        }
        ends
    }

    /// The state in which each run ended each time. Asserts that repeats have the same id and the same state.
    pub fn states(&self) -> BTreeMap<(String, u64), String> {
        let states = self.all_ends().into_iter().map(|(key, ends)| {
            let distinct: BTreeSet<_> =
                ends.iter().map(|(id, data)| (id.clone(), data["state"].to_string())).collect();
            assert_eq!(distinct.len(), 1, "{key:?} ended in more than one way: {ends:#?}");
            (key, ends[0].1["state"].as_str().unwrap().to_owned())
        });
        states.collect()
    }

    /// How many results repeat one with the same id.
    pub fn repeats(&self) -> usize {
        let ids: Vec<_> =
            self.received().iter().filter_map(|received| received.event["id"].as_str()).collect();
        let distinct: BTreeSet<_> = ids.iter().collect();
        ids.len() - distinct.len()
    }
}
