//! A message that kills its workers again and again, among others that do no harm.

#![expect(clippy::unwrap_used, reason = "a test that meets something unexpected fails")]

use std::collections::BTreeMap;

use msgraph_emulator::{Fault, User};
use serde_json::{Value, json};
use system_tests::stages::{self, IN_STAGES};
use system_tests::{Testbed, Worker, events};

const INNOCENT: usize = 10;
const EDSGER: &str = "edsger@contoso.example";

fn upn(number: usize) -> String {
    format!("ada{number}@contoso.example")
}

/// How often the tenant was asked about who kills.
fn looks_at_edsger(testbed: &Testbed) -> usize {
    let id = testbed.emulator.with_tenant(|tenant| tenant.user_id(EDSGER)).unwrap().to_string();
    let journal = testbed.emulator.journal();
    journal.iter().filter(|entry| [EDSGER, &id].iter().any(|name| entry.path.contains(name))).count()
}

#[tokio::test]
async fn of_many_in_hand_only_the_one_that_kills_its_workers_is_set_aside() {
    let innocent = (0..INNOCENT).map(|number| User::new(&upn(number), "Ada Lovelace"));
    let tenant = stages::tenant(innocent.chain([User::new(EDSGER, "Edsger Dijkstra")]));
    let mut testbed = Testbed::with(tenant).workflows(IN_STAGES).build().await;
    // A worker has many in hand when it dies.
    testbed.emulator.fault(Fault::delayed(300));
    for number in 0..INNOCENT {
        let leave = events::offboarding(&format!("leave-{number}"), json!({ "upn": upn(number) }));
        testbed.publisher.event(&leave).await;
    }
    let kills = events::offboarding("kills", json!({ "upn": EDSGER }));
    testbed.publisher.event(&kills).await;
    let (mut worker, mut deaths, mut seen): (Worker, usize, usize) = (testbed.worker().await, 0, 0);
    let mut looks = tokio::time::interval(std::time::Duration::from_millis(20));
    while testbed.depth("workflows.dlq").await == 0 {
        looks.tick().await;
        let looked = looks_at_edsger(&testbed);
        if looked > seen {
            worker.kill().await;
            deaths += 1;
            assert!(deaths <= 30, "it should be set aside by now");
            // Whatever the next one does to the tenant comes after this.
            seen = looks_at_edsger(&testbed);
            worker = testbed.worker().await;
        }
    }
    let ends: BTreeMap<String, Value> = testbed.results.ends(INNOCENT).await;
    assert!(ends.values().all(|end| end["state"] == "succeeded"), "{ends:#?}");
    let list = testbed.gatehouse(&["dead", "list", "--output", "json"]).await.ok();
    let letters: Vec<Value> = list.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let found: Vec<_> = letters.iter().map(|letter| (&letter["class"], &letter["event_id"])).collect();
    assert_eq!(found, [(&json!("crash_loop"), &json!("kills"))], "{letters:#?}");
    assert!(deaths <= 12, "{deaths} workers died");
    testbed.gatehouse(&["dead", "discard", "--yes", "--all"]).await.ok();
    testbed.drain([worker]).await;
    testbed.close().await;
}
