//! The ledger cannot be read for a while, under load: nothing is written meanwhile, nothing is set aside, and everything
//! ends.
//!
//! `OUTAGE_SECONDS` sets how long.

use std::time::Duration;

use msgraph_emulator::{Fault, Tenant, User};
use serde_json::json;
use system_tests::proxy::Proxy;
use system_tests::stages::{self, IN_STAGES};
use system_tests::{BrokerNode, Testbed, events};
use tokio::time::timeout;

const PEOPLE: usize = 40;
/// Whoever has sent nothing for so long sends nothing any more: leases are shorter.
const SILENCE: Duration = Duration::from_secs(5);

fn upn(number: usize) -> String {
    format!("ada{number}@contoso.example")
}

fn tenant() -> Tenant {
    stages::tenant((0..PEOPLE).map(|number| User::new(&upn(number), "Ada Lovelace").disabled()))
}

async fn publish(testbed: &Testbed, numbers: std::ops::Range<usize>) {
    for number in numbers {
        let person = json!({ "upn": upn(number) });
        testbed.publisher.event(&events::onboarding(&format!("hire-{number}"), person, json!({}))).await;
    }
}

#[tokio::test]
async fn while_the_ledger_is_away_and_once_workers_restart_nothing_is_written_or_set_aside() {
    let asked = std::env::var("OUTAGE_SECONDS").ok().map(|seconds| seconds.parse::<u64>().unwrap());
    let rounds = asked.unwrap_or(20) / SILENCE.as_secs();
    let node = tokio::task::spawn_blocking(BrokerNode::private).await.unwrap();
    let wire = Proxy::start(node.url(), true).await;
    let testbed = Testbed::with(tenant()).workflows(IN_STAGES).broker(node);
    let mut testbed = testbed.set("BROKER__URL", wire.url()).build().await;
    // The first one declares the ledger. Those after it declare nothing, which takes the right to read.
    let mut first = testbed.worker().await;
    first.counts("gatehouse_ledger_ready", 1.0).await;
    assert_eq!(first.terminate().await, Some(0));
    testbed.set("BROKER__DECLARE", false);
    testbed.emulator.fault(Fault::delayed(150));
    let mut workers = Vec::new();
    for _ in 0..2 {
        workers.push(testbed.worker().await);
    }
    publish(&testbed, 0..PEOPLE / 2).await;
    while testbed.results.next().await.event["data"]["step"] != "enable_account" {}

    testbed.workers_may_read("^(?!.*ledger).*$").await;
    wire.cut();
    publish(&testbed, PEOPLE / 2..PEOPLE).await;
    while timeout(SILENCE, testbed.results.next()).await.is_ok() {}
    let effects = testbed.effects();
    for round in 0..rounds {
        let told = timeout(SILENCE, testbed.results.next()).await;
        assert!(told.is_err(), "{told:?}");
        if round == rounds / 2 {
            workers.pop().unwrap().kill().await;
            workers.push(testbed.worker().await);
        }
    }
    assert_eq!(testbed.effects(), effects);
    assert!(effects.len() < 3 * PEOPLE, "there was something left to do");
    assert_eq!(testbed.depth("workflows.dlq").await, 0);

    testbed.workers_may_read(".*").await;
    let mut ends = testbed.results.states();
    while ends.len() < PEOPLE {
        testbed.results.next().await;
        ends = testbed.results.states();
    }
    assert!(ends.values().all(|state| state == "succeeded"), "{ends:?}");
    testbed.drain(workers).await;
    assert_eq!(testbed.effects().len(), 3 * PEOPLE);
    testbed.close().await;
}
