//! How a house comes to rest, and what was said in it.

use std::collections::{BTreeMap, BTreeSet};

use lapin::BasicProperties;
use serde_json::Value;

use crate::house::House;
use crate::metrics::until;
use crate::program::Worker;
use crate::queues::{Queues, Results};

impl House {
    /// Stops the broker and starts it again.
    pub async fn restart_broker(&mut self, kill: bool) {
        self.broker.restart(kill).await;
        self.queues = Queues::open(self.broker.url(), self.prefix()).await;
    }

    /// Waits until a queue holds so many messages that nobody has taken.
    pub async fn holds(&self, queue: &str, wanted: u32) {
        until(async || self.queues.depth(queue).await == wanted).await;
    }

    /// Lets workers deal with all there is and stop, then hears everything that was said.
    pub async fn rest(&mut self, workers: impl IntoIterator<Item = Worker>) {
        self.quiet().await;
        for mut worker in workers {
            assert_eq!(worker.terminate().await, Some(0));
        }
        // What was on its way to a worker that stopped has gone back to the queue.
        while self.queues.depth("workflows").await > 0 {
            let mut worker = self.worker().await;
            self.quiet().await;
            assert_eq!(worker.terminate().await, Some(0));
        }
        // What comes out of a queue after this went into it before this.
        let marker = br#"{"type":"test.marker"}"#;
        self.queues.publish("results", "test.marker", BasicProperties::default(), marker).await;
        while self.results.next().await.key != "test.marker" {}
    }
}

impl Results {
    /// Every end heard so far, repeats with others, by run and by how often it was replayed: id and data.
    pub fn all_ends(&self) -> BTreeMap<(String, u64), Vec<(String, Value)>> {
        let mut ends: BTreeMap<_, Vec<_>> = BTreeMap::new();
        for heard in self.heard().iter().filter(|heard| heard.is_end()) {
            let data = heard.event["data"].clone();
            let key = (heard.run_id().to_owned(), data["replays"].as_u64().unwrap());
            ends.entry(key).or_default().push((heard.id().to_owned(), data));
        }
        ends
    }

    /// The state in which each run ended each time, having shown that repeats say the same under the same id.
    pub fn states(&self) -> BTreeMap<(String, u64), String> {
        let states = self.all_ends().into_iter().map(|(key, ends)| {
            let said: BTreeSet<_> =
                ends.iter().map(|(id, data)| (id.clone(), data["state"].to_string())).collect();
            assert_eq!(said.len(), 1, "{key:?} ended in more than one way: {ends:#?}");
            (key, ends[0].1["state"].as_str().unwrap().to_owned())
        });
        states.collect()
    }

    /// How many results were repeats of one with the same id.
    pub fn repeats(&self) -> usize {
        let ids: Vec<_> = self.heard().iter().filter_map(|heard| heard.event["id"].as_str()).collect();
        let distinct: BTreeSet<_> = ids.iter().collect();
        ids.len() - distinct.len()
    }
}
