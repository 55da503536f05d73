//! The history hangs, as a stream does whose leader is frozen: work goes on, and nothing is missing afterwards.

#![expect(
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "the helpers of a test fail as the test itself does"
)]

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use msgraph_emulator::{Group, Tenant};
use serde_json::{Value, json};
use system_tests::results::Received;
use system_tests::{BrokerNode, Testbed, events};
use tokio::time::timeout;

const WORKFLOWS: &str = "
onboarding:
  stages:
    - name: account
      steps: [create_user]
    - name: place
      steps:
        - add_to_groups: { groups: [Engineers] }
";

/// More results than the broker hands on at once of those that are late: 32 (RabbitMQ 3.10.8).
const PEOPLE: usize = 20;
const RESULTS_OF_EACH: usize = 3;
const PATIENCE: Duration = Duration::from_secs(60);

fn hire(number: usize) -> Value {
    let person = json!({
        "upn": format!("ada{number}@contoso.example"), "display_name": "Ada Lovelace", "usage_location": "GB",
    });
    events::onboarding(&format!("hire-{number}"), person, json!({}))
}

/// The ids of the results of a run that the history has.
async fn kept(testbed: &mut Testbed, run: &str) -> Vec<String> {
    let finished = testbed.gatehouse(&["history", run, "--output", "json"]).await;
    let id = |line: &str| {
        serde_json::from_str::<Value>(line).unwrap_or_else(|_| panic!("{line}"))["event"]["id"].clone()
    };
    finished.stdout.lines().map(|line| id(line).as_str().unwrap().to_owned()).collect()
}

/// The same, once they are so many.
async fn all_of(testbed: &mut Testbed, run: &str, wanted: usize) -> Vec<String> {
    let all = async {
        loop {
            let kept = kept(testbed, run).await;
            if kept.len() >= wanted {
                return kept;
            }
        }
    };
    timeout(PATIENCE, all).await.unwrap_or_else(|_| panic!("the history lacks results of {run}"))
}

#[tokio::test]
async fn a_history_that_hangs_holds_up_no_run_and_has_every_result_in_the_end() {
    let node = tokio::task::spawn_blocking(BrokerNode::private).await.unwrap();
    let testbed = Testbed::with(Tenant::empty().group(Group::security("Engineers"))).broker(node);
    let mut testbed = testbed.workflows(WORKFLOWS).build().await;
    let mut worker = testbed.worker().await;
    let history = format!("{}.history", testbed.prefix());
    let hangs = testbed.broker.hang(&history).await;

    for number in 0..PEOPLE {
        testbed.publisher.event(&hire(number)).await;
    }
    worker.logged("RabbitMQ does not confirm results in time").await;
    // A worker that dies meanwhile has lost nothing that it had acknowledged.
    testbed.results.ends(PEOPLE / 4).await;
    worker.kill().await;
    let worker = testbed.worker().await;
    while testbed.results.states().len() < PEOPLE {
        testbed.results.next().await;
    }
    testbed.holds("workflows", 0).await;
    assert_eq!(testbed.depth("workflows.dlq").await, 0);
    hangs.goes_on().await;
    testbed.drain([worker]).await;

    let mut told = BTreeMap::<String, BTreeSet<String>>::new();
    let of_runs = |result: &&Received| !result.run_id().is_empty();
    for result in testbed.results.received().iter().filter(of_runs) {
        told.entry(result.run_id().to_owned()).or_default().insert(result.id().to_owned());
    }
    assert_eq!(told.len(), PEOPLE);
    for (run, told) in told {
        assert!(told.len() >= RESULTS_OF_EACH, "{run}: {told:?}");
        let kept = all_of(&mut testbed, &run, told.len()).await;
        assert_eq!(kept.len(), told.len(), "{run}: one stands twice");
        assert_eq!(kept.into_iter().collect::<BTreeSet<_>>(), told, "{run}");
    }
    let runs = testbed.gatehouse(&["runs", "list", "--output", "json"]).await.stdout;
    assert_eq!(runs.matches("\"succeeded\"").count(), PEOPLE, "{runs}");
    testbed.close().await;
}
