//! Workers are killed at any moment, and so is the broker: nothing is lost, doubled or left.

#![expect(clippy::unwrap_used, reason = "a test that meets something unexpected fails")]

use std::collections::{BTreeMap, BTreeSet};

use msgraph_emulator::Fault;
use serde_json::Value;
use system_tests::crowd::{self, FinalState};
use system_tests::random::Random;
use system_tests::{BrokerNode, Received, Testbed, Worker, events};

/// Events of each kind.
const EACH: usize = 60;
/// Graph is slow, so that a worker is always killed in the middle of work.
const LATENCY_MS: u64 = 25;
const LEAST_KILLS: usize = 15;

/// Two workers that are killed one after the other, and the work they had.
struct Victims {
    workers: Vec<Worker>,
    chance: Random,
    kills: usize,
    looks: usize,
    looks_at_work: usize,
    redelivered: f64,
}

impl Victims {
    /// Kills one of the workers and starts another. Every second one is killed at once: reading its metrics first takes
    /// longer than the time between the last result of a run and its acknowledgement.
    async fn kill(&mut self, testbed: &mut Testbed) {
        let victim = self.chance.between(0, self.workers.len() - 1);
        let victim = self.workers.get_mut(victim).unwrap();
        self.kills += 1;
        if self.kills.is_multiple_of(2) {
            victim.kill().await;
        } else {
            let page = victim.metrics().await;
            victim.kill().await;
            self.looks += 1;
            self.looks_at_work += usize::from(page.sum("gatehouse_in_flight", "") > 0.0);
            self.redelivered += page.sum("gatehouse_deliveries_total", "redelivered=\"true\"");
            testbed.saw(&page.0);
        }
        *victim = testbed.start_worker();
    }
}

/// Whether this is the last result of a run before its end.
fn is_last_step(received: &Received) -> bool {
    let step = received.event.pointer("/data/step").and_then(Value::as_str);
    step.is_some_and(|step| ["remove_licenses", "add_to_groups"].contains(&step))
}

fn hires_and_leavers() -> (Vec<Value>, BTreeMap<(String, u64), String>) {
    let (mut all, mut states) = (Vec::new(), BTreeMap::new());
    for number in 0..EACH {
        all.extend([crowd::hire(number), crowd::leave(number)]);
        let key = |event: &Value| (events::run_of(event).to_string(), 0);
        states.insert(key(&crowd::hire(number)), "succeeded".to_owned());
        states.insert(key(&crowd::leave(number)), crowd::state_of_leaver(number).to_owned());
    }
    (all, states)
}

#[tokio::test]
async fn killed_workers_and_a_restarted_broker_lose_and_double_nothing() {
    let (all, expected) = hires_and_leavers();
    let node = tokio::task::spawn_blocking(BrokerNode::private);
    let (undisturbed, node) = tokio::join!(FinalState::undisturbed(crowd::tenant(EACH), &all), node);
    // So many people at once spend what a small tenant allows in ten seconds, and the limit is not what is tested.
    let testbed = Testbed::with(crowd::tenant(EACH)).set("GRAPH__LIMITS_SHARE", 1000).broker(node.unwrap());
    let mut testbed = testbed.set("WORKER__CONCURRENCY", 4).build().await;
    testbed.emulator.fault(Fault::delayed(LATENCY_MS));
    for event in &all {
        testbed.publisher.event(event).await;
    }
    let workers = vec![testbed.worker().await, testbed.worker().await];
    let chance = Random::new(1815);
    let mut victims = Victims { workers, chance, kills: 0, looks: 0, looks_at_work: 0, redelivered: 0.0 };
    // Gently at a third of the way, and without warning at two thirds.
    let mut restarts = vec![(2 * all.len() / 3, true), (all.len() / 3, false)];
    let mut ended = BTreeSet::new();
    let mut until_kill = 5_usize;
    while ended.len() < all.len() {
        let received = testbed.results.next().await;
        if received.is_end() {
            ended.insert(received.run_id().to_owned());
        }
        if let Some((_, kill)) = restarts.pop_if(|(at, _)| ended.len() >= *at) {
            testbed.restart_broker(kill).await;
            // One worker reconnects to the new broker, the other is replaced.
            victims.kill(&mut testbed).await;
        }
        until_kill = until_kill.saturating_sub(1);
        if until_kill == 0 && (is_last_step(&received) || victims.kills.is_multiple_of(2)) {
            victims.kill(&mut testbed).await;
            until_kill = victims.chance.between(10, 45);
        }
    }
    let Victims { workers, kills, looks, looks_at_work, mut redelivered, .. } = victims;
    for worker in &workers {
        redelivered += worker.metrics().await.sum("gatehouse_deliveries_total", "redelivered=\"true\"");
    }
    testbed.drain(workers).await;

    assert!(restarts.is_empty());
    assert!(kills >= LEAST_KILLS, "only {kills} kills");
    assert!(2 * looks_at_work > looks, "only {looks_at_work} of {looks} died at work");
    assert!(redelivered > 0.0, "no message ever came again");
    assert_eq!(testbed.results.states(), expected);
    let end = FinalState::of(&testbed);
    let twice: Vec<_> = end.effects.windows(2).filter(|pair| pair.first() == pair.last()).collect();
    assert!(twice.is_empty(), "done twice: {twice:#?}");
    assert_eq!(end.effects, undisturbed.effects);
    assert!(end == undisturbed, "the tenant ends elsewhere than undisturbed");
    println!(
        "{kills} kills, {looks_at_work} of {looks} at work, {redelivered} redelivered, {} repeats",
        testbed.results.repeats()
    );
    testbed.close().await;
}
