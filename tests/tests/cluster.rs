//! Three nodes of RabbitMQ: each may die or freeze, and without a majority commands end in time and say so.

#![expect(clippy::unwrap_used, reason = "the helpers of a test fail as the test itself does")]

use std::time::Instant;

use msgraph_emulator::{Fault, Group, Tenant};
use serde_json::{Value, json};
use system_tests::testbed::TestbedBuilder;
use system_tests::{BrokerNode, Testbed, events};

const WORKFLOWS: &str = "
onboarding:
  stages:
    - name: account
      steps: [create_user]
    - name: place
      steps:
        - add_to_groups: { groups: [Engineers] }
";

const PEOPLE: usize = 30;

fn hire(number: usize) -> Value {
    let person = json!({
        "upn": format!("ada{number}@contoso.example"), "display_name": "Ada Lovelace", "usage_location": "GB",
    });
    events::onboarding(&format!("hire-{number}"), person, json!({}))
}

/// A testbed whose workers know all nodes, and all of them but the first, which the test itself talks to.
async fn on_three_nodes() -> (TestbedBuilder, [BrokerNode; 2]) {
    let nodes = tokio::task::spawn_blocking(BrokerNode::cluster).await.unwrap();
    let addresses: Vec<_> = nodes.iter().map(BrokerNode::url).map(str::to_owned).collect();
    let [first, second, third] = nodes;
    let testbed = Testbed::with(Tenant::empty().group(Group::security("Engineers"))).broker(first);
    (testbed.set("BROKER__URL", addresses.join(",")).workflows(WORKFLOWS), [second, third])
}

#[tokio::test]
async fn nodes_die_one_after_the_other_and_every_run_ends_once() {
    let (testbed, others) = on_three_nodes().await;
    let mut testbed = testbed.build().await;
    let workers = [testbed.worker().await, testbed.worker().await];
    testbed.emulator.fault(Fault::delayed(100));
    let mut hires = 0..PEOPLE;
    for node in &others {
        for number in hires.by_ref().take(PEOPLE / 2) {
            testbed.publisher.event(&hire(number)).await;
        }
        testbed.results.next().await;
        node.restart(true).await;
    }
    while testbed.results.states().len() < PEOPLE {
        testbed.results.next().await;
    }
    let states = testbed.results.states();
    assert!(states.values().all(|state| state == "succeeded"), "{states:?}");
    testbed.drain(workers).await;
    assert_eq!(testbed.effects().len(), 2 * PEOPLE, "an account and a membership each");
    assert_eq!(testbed.depth("workflows.dlq").await, 0);
    testbed.close().await;
    drop(others);
}

#[tokio::test]
async fn a_node_that_freezes_holds_up_work_only_until_the_others_have_given_it_up() {
    let (testbed, [second, third]) = on_three_nodes().await;
    let mut testbed = testbed.build().await;
    let nodes = [second.url(), third.url(), testbed.broker.url()].join(",");
    let on_first = testbed.worker().await;
    testbed.set("BROKER__URL", nodes);
    let on_second = testbed.worker().await;
    testbed.emulator.fault(Fault::delayed(1_000));
    for number in 0..PEOPLE {
        testbed.publisher.event(&hire(number)).await;
    }
    testbed.results.next().await;
    second.freeze().await;
    let frozen = Instant::now();
    while testbed.results.states().len() < PEOPLE {
        testbed.results.next().await;
    }
    eprintln!("{PEOPLE} runs ended {:.0} s after a node of three froze", frozen.elapsed().as_secs_f64());
    let states = testbed.results.states();
    assert!(states.values().all(|state| state == "succeeded"), "{states:?}");
    for mut worker in [on_first, on_second] {
        assert_eq!(worker.terminate().await, Some(0));
    }
    assert_eq!(testbed.effects().len(), 2 * PEOPLE, "an account and a membership each");
    // The queues go with the nodes. One with a replica on a frozen node takes minutes to look at or to delete.
    drop((second, third));
}

#[tokio::test]
async fn without_a_majority_a_command_on_dead_letters_ends_in_time_and_says_why() {
    let (testbed, others) = on_three_nodes().await;
    let mut testbed = testbed.build().await;
    let worker = testbed.worker().await;
    testbed.publisher.event(&json!({ "specversion": "1.0" })).await;
    testbed.holds("workflows.dlq", 1).await;
    testbed.drain([worker]).await;
    let listed = testbed.gatehouse(&["dead", "list"]).await;
    assert_eq!(listed.code, Some(0), "{}{}", listed.stdout, listed.stderr);
    drop(others);
    let listed = testbed.gatehouse(&["dead", "list"]).await;
    let said = listed.stdout + &listed.stderr;
    assert!(
        listed.code != Some(0) && said.contains("most nodes of its cluster"),
        "{:?}: {said}",
        listed.code
    );
}
