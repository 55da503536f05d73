//! Many runs sleep until one date while workers and the broker restart: each wakes once, and none early.
//!
//! `SLEEPERS` sets how many.

use std::collections::BTreeSet;
use std::time::Duration;

use jiff::{Timestamp, ToSpan as _};
use msgraph_emulator::{Tenant, User};
use serde_json::json;
use system_tests::{BrokerNode, Testbed, events};
use tokio::time::timeout;

const LET_IN: &str = "
onboarding:
  stages:
    - name: let in
      steps: [enable_account]
";

#[tokio::test]
async fn sleepers_wake_once_and_none_early_though_workers_and_the_broker_restart() {
    let asked = std::env::var("SLEEPERS").ok().map(|count| count.parse::<usize>().unwrap());
    let count = asked.unwrap_or(300);
    let upn = |number: usize| format!("ada{number}@contoso.example");
    let people = (0..count).map(|number| User::new(&upn(number), "Ada Lovelace").disabled());
    let tenant = people.fold(Tenant::empty(), Tenant::user);
    let node = tokio::task::spawn_blocking(BrokerNode::private).await.unwrap();
    let testbed = Testbed::with(tenant).workflows(LET_IN).set("GRAPH__LIMITS_SHARE", 1000).broker(node);
    let mut testbed = testbed.build().await;
    let mut workers = vec![testbed.worker().await, testbed.worker().await];
    // Late enough that all are asleep by then, and both have restarted.
    let date = Timestamp::now() + (45 + i64::try_from(count / 15).unwrap()).seconds();
    for number in 0..count {
        let hire = events::onboarding(&format!("hire-{number}"), json!({ "upn": upn(number) }), json!({}));
        let effective = json!({ "rule": "instant", "at": date.to_string() });
        testbed.publisher.event(&events::with(hire, "effective", effective)).await;
    }
    let mut asleep = BTreeSet::new();
    while asleep.len() < count {
        let received = testbed.results.next().await;
        if received.key == "run.waiting" {
            asleep.insert(received.run_id().to_owned());
        }
        // In the middle, once without warning, and once gently when all sleep.
        if asleep.len() == count / 2 && workers.len() == 2 {
            workers.pop().unwrap().kill().await;
            testbed.restart_broker(true).await;
        }
    }
    workers.push(testbed.worker().await);
    testbed.restart_broker(false).await;
    assert!(Timestamp::now() < date, "the test was too slow: nobody sleeps any more");
    assert_eq!(testbed.effects(), Vec::<String>::new());

    // Of many, all may be asleep long before.
    while Timestamp::now() < date {
        let _ = timeout(Duration::from_secs(1), testbed.results.next()).await;
    }
    let seen = testbed.results.received().iter().filter(|received| received.is_end());
    let mut ended: BTreeSet<_> = seen.map(|received| received.run_id().to_owned()).collect();
    while ended.len() < count {
        let received = testbed.results.next().await;
        if received.is_end() {
            ended.insert(received.run_id().to_owned());
        }
    }
    let ends = testbed.results.states();
    assert!(ends.values().all(|state| state == "succeeded"), "{ends:?}");
    testbed.drain(workers).await;
    let mut effects = testbed.effects();
    effects.sort();
    effects.dedup();
    let writes: Vec<_> =
        testbed.emulator.journal().into_iter().filter(|entry| !entry.effects.is_empty()).collect();
    assert_eq!((writes.len(), effects.len()), (count, count));
    assert!(writes.iter().all(|write| write.at.parse::<Timestamp>().unwrap() >= date), "one woke early");
    testbed.close().await;
}
