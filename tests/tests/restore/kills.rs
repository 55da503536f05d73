//! A worker dies at every write of a restore, and at reads, and the next one ends where an undisturbed one does.

use std::time::Duration;

use futures_util::future::join_all;
use msgraph_emulator::{Fault, Tenant};
use system_tests::{Received, Testbed};
use tokio::time::timeout;

use super::{FOREVER_MS, Leaver, comparable, harbour, leave, restore, with_key, without_channels};

/// How often the test looks whether the request has come.
const LOOKS_EVERY: Duration = Duration::from_millis(5);
/// Tenants in which restores die at the same time. After each death a worker waits until the dead one has been silent
/// for long enough.
const LANES: u64 = 8;
/// A worker dies at each so many-th read. What it does between two writes is the same, whichever read is its last.
const READS_APART: u64 = 5;

/// More reads than any restore makes.
const MOST_READS: u64 = 1_000;

/// A tenant that Grace has left, and what an undisturbed restore does there.
struct Lane {
    leaver: Leaver,
    left: Tenant,
    undisturbed: Vec<String>,
}

impl Lane {
    async fn open() -> Self {
        let tenant = without_channels().group(harbour());
        let testbed = with_key(Testbed::with(tenant).compiled_in().set("GRAPH__LIMITS_SHARE", 1000)).await;
        let leaver = Leaver::gone(testbed, &leave()).await;
        let left = leaver.testbed.emulator.with_tenant(|tenant| tenant.clone());
        let mut lane = Self { leaver, left, undisturbed: Vec::new() };
        assert!(!lane.dies_at("undisturbed", None).await);
        lane.undisturbed = lane.effects();
        lane
    }

    fn effects(&self) -> Vec<String> {
        let mut effects = self.leaver.testbed.effects();
        effects.sort();
        effects
    }

    /// Restores, and kills the worker when it sends this request. False if it never does.
    async fn dies_at(&mut self, id: &str, request: Option<Fault>) -> bool {
        let Leaver { testbed, worker, id: user, run, .. } = &mut self.leaver;
        testbed.emulator.with_tenant(|tenant| *tenant = self.left.clone());
        testbed.emulator.clear_journal();
        let rule = request.map(|request| testbed.emulator.fault(request));
        testbed.publisher.event(&restore(id, user, run)).await;
        let is_end = |received: &Received| received.is_end() && received.event["causationid"] == id;
        while !testbed.results.received().iter().any(is_end) {
            if rule.is_some_and(|rule| testbed.emulator.spoiled(rule) > 0) {
                worker.kill().await;
                testbed.emulator.clear_faults();
                *worker = testbed.worker().await;
                let end = testbed.results.end_of(id).await;
                assert_eq!(end["state"], "partial", "{id}: {end}");
                return true;
            }
            let _ = timeout(LOOKS_EVERY, testbed.results.next()).await;
        }
        testbed.emulator.clear_faults();
        false
    }

    /// Kills a worker at this request, and compares what comes of it. Whether there was such a request.
    async fn ends_alike(&mut self, id: &str, request: Fault) -> bool {
        let has_died = self.dies_at(id, Some(request)).await;
        let Leaver { testbed, id: user, before, .. } = &self.leaver;
        let (after, effects) = (testbed.emulator.state(), self.effects());
        assert_eq!(comparable(&after, user), comparable(before, user), "{id}: {effects:#?}");
        assert_eq!(effects, self.undisturbed, "{id}: something was done twice or not at all");
        has_died
    }

    /// Kills a worker at this write and at every [`LANES`]th after it, and at reads. Answers with the number of kills.
    async fn die_from(mut self, first: u64) -> usize {
        let mut kills = 0;
        for nth in (first..).step_by(LANES as usize) {
            let request = Fault::delayed(FOREVER_MS).writes().nth(nth);
            if !self.ends_alike(&format!("dies at write {nth}"), request).await {
                break;
            }
            kills += 1;
        }
        for nth in reads(first) {
            let request = Fault::delayed(FOREVER_MS).method("GET").nth(nth);
            if !self.ends_alike(&format!("dies at read {nth}"), request).await {
                break;
            }
            kills += 1;
        }
        self.leaver.close().await;
        kills
    }
}

/// The reads at which a lane kills: one, or its share of all of them where `RESTORE_KILLS=all` (`make soak`).
fn reads(first: u64) -> Vec<u64> {
    match std::env::var("RESTORE_KILLS").as_deref() {
        Ok("all") => (first..MOST_READS).step_by(LANES as usize).collect(),
        _ => vec![1 + (first - 1) * READS_APART],
    }
}

#[tokio::test]
async fn a_restore_that_is_killed_at_any_request_ends_as_an_undisturbed_one() {
    let lanes = join_all((0..LANES).map(|_| Lane::open())).await;
    let dying = lanes.into_iter().zip(1..).map(|(lane, first)| lane.die_from(first));
    let kills: usize = join_all(dying).await.into_iter().sum();
    assert!(kills > 18, "only {kills} kills");
    println!("{kills} kills");
}
