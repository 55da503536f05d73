//! The broker and the connection to it fail in every known way, and the worker continues.

#![expect(clippy::unwrap_used, reason = "a test that meets something unexpected fails")]

use lapin::{BasicProperties, Connection, ConnectionProperties};
use msgraph_emulator::{Fault, Tenant};
use serde_json::{Value, json};
use system_tests::crowd::{self, FinalState};
use system_tests::proxy::{Proxy, Silence};
use system_tests::{BrokerNode, Testbed, TestbedBuilder, Worker, events, metrics, repository};

const FEW: usize = 12;

/// Twelve hires and twelve leavers.
fn few() -> Vec<Value> {
    (0..FEW).flat_map(|number| [crowd::hire(number), crowd::leave(number)]).collect()
}

/// A busy worker: it has the events of [`few`], four at once, in a slow tenant.
async fn busy(testbed: TestbedBuilder, latency_ms: u64) -> (Testbed, Worker) {
    let mut testbed = testbed.set("WORKER__CONCURRENCY", 4).build().await;
    testbed.emulator.fault(Fault::delayed(latency_ms));
    let worker = testbed.worker().await;
    for event in few() {
        testbed.publisher.event(&event).await;
    }
    hear(&mut testbed, 1).await;
    (testbed, worker)
}

async fn hear(testbed: &mut Testbed, results: usize) {
    for _ in 0..results {
        testbed.results.next().await;
    }
}

/// Asserts that each event of [`few`] ended once and the tenant ends as without faults, then closes the testbed.
async fn ends_as_undisturbed(mut testbed: Testbed, workers: impl IntoIterator<Item = Worker>) {
    testbed.drain(workers).await;
    let undisturbed = Box::pin(FinalState::undisturbed(crowd::tenant(FEW), &few())).await;
    assert_eq!(testbed.results.states().len(), 2 * FEW);
    let end = FinalState::of(&testbed);
    assert_eq!(end.effects, undisturbed.effects);
    assert!(end == undisturbed, "the tenant ends elsewhere than undisturbed");
    testbed.close().await;
}

fn a_hire() -> Value {
    events::onboarding(
        "hire",
        json!({
            "upn": "ada.king@contoso.example", "display_name": "Ada King", "usage_location": "GB",
            "employee_id": "1852",
        }),
        json!({ "licenses": ["EMS"], "groups": ["Engineers"] }),
    )
}

/// The label of the consumer that runs workflows: syncs have sessions of their own.
const OF_RUNS: &str = "queue=\"workflows\"";

/// What a worker logs when it has this session for workflows.
fn session(number: usize) -> String {
    format!(".workflows\",\"session\":{number}")
}

#[tokio::test]
async fn an_event_published_again_is_answered_again_and_touches_nothing() {
    let mut testbed = Testbed::with(Tenant::contoso()).build().await;
    let worker = testbed.worker().await;
    testbed.publisher.event(&a_hire()).await;
    let end = testbed.results.end_of("hire").await;
    assert_eq!(end["state"], "succeeded", "{end}");
    assert_eq!(testbed.effects().len(), 3);
    // The ledger hears of the end after the results are stored.
    worker.counts("gatehouse_in_flight", 0.0).await;
    for _ in 0..2 {
        testbed.publisher.event(&a_hire()).await;
        let again = testbed.results.next().await;
        assert_eq!((again.key.as_str(), &again.event["data"]["state"]), ("event.duplicate", &json!("done")));
    }
    assert_eq!(testbed.effects().len(), 3);
    testbed.drain([worker]).await;
    assert_eq!(testbed.results.states().len(), 1);
    testbed.close().await;
}

#[tokio::test]
async fn an_event_published_twice_to_two_workers_at_once_acts_once() {
    let mut testbed = Testbed::with(Tenant::contoso()).set("WORKER__CONCURRENCY", 1).build().await;
    // Slow enough for the second to look before the first has written.
    testbed.emulator.fault(Fault::delayed(200));
    let workers = [testbed.worker().await, testbed.worker().await];
    testbed.publisher.event(&a_hire()).await;
    testbed.publisher.event(&a_hire()).await;
    testbed.results.end_of("hire").await;
    for worker in &workers {
        let taken = worker.metrics().await.sum("gatehouse_events_total", "");
        assert!(taken >= 1.0, "both were at it");
    }
    testbed.drain(workers).await;
    let states = testbed.results.states();
    assert_eq!(states.into_values().collect::<Vec<_>>(), ["succeeded"]);
    let effects = testbed.effects();
    assert_eq!(effects.len(), 3, "{effects:#?}");
    testbed.close().await;
}

#[tokio::test]
async fn a_wire_that_is_cut_again_and_again_loses_and_doubles_nothing() {
    let broker = BrokerNode::shared();
    let proxy = Proxy::start(broker.url(), true).await;
    let testbed = Testbed::with(crowd::tenant(FEW)).set("BROKER__URL", proxy.url());
    let (mut testbed, worker) = busy(testbed, 20).await;
    for cut in [2, 3, 4] {
        hear(&mut testbed, 20).await;
        proxy.cut();
        worker.logged(&session(cut)).await;
    }
    worker.counts("gatehouse_runs_total", 24.0).await;
    let page = worker.metrics().await;
    assert_eq!(page.sum("gatehouse_sessions_ended_total", OF_RUNS), 3.0, "{}", page.0);
    // Six steps of each hire, five of each leaver.
    let steps = (6.0 + 5.0) * 12.0;
    assert_eq!(page.sum("gatehouse_steps_total", ""), steps, "what is told again is not counted again");
    // A delivery settled twice, or through another session, ends the channel with this.
    assert!(!worker.log().iter().any(|line| line.contains("PRECONDITION")), "{:#?}", worker.log());
    ends_as_undisturbed(testbed, [worker]).await;
}

#[tokio::test]
async fn a_wire_that_falls_silent_in_either_direction_is_left_for_another() {
    let broker = BrokerNode::shared();
    let proxy = Proxy::start(broker.url(), true).await;
    let testbed = Testbed::with(crowd::tenant(FEW)).set("WORKER__CONCURRENCY", 4);
    let testbed = testbed.set("BROKER__URL", proxy.url()).set("BROKER__PUBLISH_TIMEOUT_SECONDS", 1);
    let mut testbed = testbed.build().await;
    testbed.emulator.fault(Fault::delayed(20));
    let worker = testbed.worker().await;
    let all = few();
    let (first, second) = all.split_at(FEW);
    for (events, silence, ended) in [(first, Silence::ToBroker, 1.0), (second, Silence::ToWorker, 2.0)] {
        for event in events {
            testbed.publisher.event(event).await;
        }
        // In the middle of work, so that messages get lost.
        testbed.results.next().await;
        proxy.silence(silence);
        worker.counts_with("gatehouse_sessions_ended_total", OF_RUNS, ended).await;
        proxy.silence(Silence::None);
        worker.counts_with("gatehouse_sessions_started_total", OF_RUNS, ended + 1.0).await;
    }
    ends_as_undisturbed(testbed, [worker]).await;
}

#[tokio::test]
async fn a_queue_that_is_deleted_is_declared_again() {
    let mut testbed = Testbed::with(Tenant::contoso()).build().await;
    let worker = testbed.worker().await;
    testbed.publisher.event(&a_hire()).await;
    testbed.results.end_of("hire").await;
    let connection =
        Connection::connect(testbed.broker.url(), ConnectionProperties::default()).await.unwrap();
    let channel = connection.create_channel().await.unwrap();
    let queue = format!("{}.workflows", testbed.prefix());
    channel.queue_delete(queue.into(), Default::default()).await.unwrap();
    worker.logged(&session(2)).await;
    let leave = events::offboarding("leave", json!({ "upn": "ada.king@contoso.example" }));
    testbed.publisher.event(&leave).await;
    let end = testbed.results.end_of("leave").await;
    assert_eq!(end["state"], "succeeded", "{end}");
    testbed.drain([worker]).await;
    testbed.close().await;
}

#[tokio::test]
async fn a_broker_restart_with_events_in_hand_loses_and_doubles_nothing() {
    let (mut testbed, worker) =
        busy(Testbed::with(crowd::tenant(FEW)).broker(BrokerNode::private()), 100).await;
    hear(&mut testbed, 20).await;
    testbed.restart_broker(true).await;
    worker.answers("/healthz", 200).await;
    worker.logged(&session(2)).await;
    worker.answers("/readyz", 200).await;
    ends_as_undisturbed(testbed, [worker]).await;
}

#[tokio::test]
async fn a_broker_that_blocks_publishers_is_reported_and_waited_for() {
    // A broker blocks who publishes: the events must last until the alarm is there.
    let (testbed, worker) =
        busy(Testbed::with(crowd::tenant(FEW)).broker(BrokerNode::private()), 1_000).await;
    testbed.broker.ctl(&["set_vm_memory_high_watermark", "0.0001"]).await;
    worker.counts("gatehouse_connection_blocked", 1.0).await;
    testbed.emulator.clear_faults();
    worker.answers("/readyz", 200).await;
    testbed.broker.ctl(&["set_vm_memory_high_watermark", "0.4"]).await;
    worker.counts("gatehouse_connection_blocked", 0.0).await;
    assert_eq!(worker.metrics().await.sum("gatehouse_sessions_ended_total", OF_RUNS), 0.0);
    ends_as_undisturbed(testbed, [worker]).await;
}

/// Waits until a started command has said this on standard error.
async fn says(testbed: &Testbed, command: usize, text: &str) {
    let log = testbed.file("anything", "").with_file_name(format!("tool-{command}.stderr.log"));
    metrics::until(async || std::fs::read_to_string(&log).unwrap().contains(text)).await;
}

#[tokio::test]
async fn a_command_says_that_the_broker_blocks_publishers_and_waits_for_it() {
    let testbed = Testbed::with(Tenant::contoso()).broker(BrokerNode::private());
    let mut testbed = testbed.build().await;
    let worker = testbed.worker().await;
    testbed.publisher.publish("events", "onboarding.requested", BasicProperties::default(), b"{}").await;
    testbed.holds("workflows.dlq", 1).await;
    testbed.drain([worker]).await;
    let hire = testbed.file("hire.json", &a_hire().to_string()).display().to_string();

    testbed.broker.ctl(&["set_vm_memory_high_watermark", "0.0001"]).await;
    let mut publish = testbed.start_gatehouse(&["publish", &hire]);
    let mut discard = testbed.start_gatehouse(&["dead", "discard", "--yes", "--all", "--why", "a test"]);
    for command in [2, 3] {
        says(&testbed, command, "gatehouse: the broker accepts no messages: it has an alarm").await;
    }
    assert!(publish.try_wait().unwrap().is_none() && discard.try_wait().unwrap().is_none());
    testbed.broker.ctl(&["set_vm_memory_high_watermark", "0.4"]).await;
    for command in [&mut publish, &mut discard] {
        assert!(command.wait().await.unwrap().success());
    }
    let worker = testbed.worker().await;
    testbed.results.end_of("hire").await;
    testbed.drain([worker]).await;
    testbed.close().await;
}

#[tokio::test]
async fn a_worker_killed_before_its_results_are_stored_has_acknowledged_nothing() {
    let testbed = Testbed::with(Tenant::contoso()).broker(BrokerNode::private());
    let mut testbed = testbed.workflows("nothing:\n  for: [offboarding]\n  stages: []\n").build().await;
    let ids = ["one", "two", "three", "four"];
    for id in ids {
        let event = events::offboarding(id, json!({ "upn": "edsger@contoso.example" }));
        testbed.publisher.event(&events::with(event, "workflow", "nothing")).await;
    }
    // The broker accepts nothing but acknowledgements: neither claims nor results.
    testbed.broker.ctl(&["set_vm_memory_high_watermark", "0.0001"]).await;
    let mut worker = testbed.worker().await;
    worker.counts("gatehouse_connection_blocked", 1.0).await;
    worker.counts("gatehouse_in_flight", 4.0).await;
    worker.kill().await;
    testbed.broker.ctl(&["set_vm_memory_high_watermark", "0.4"]).await;
    let next = testbed.worker().await;
    testbed.drain([next]).await;
    assert_eq!(testbed.results.states().len(), ids.len());
    testbed.close().await;
}

#[tokio::test]
async fn a_worker_that_is_stopped_finishes_its_work_and_hands_the_rest_back() {
    let (mut testbed, mut worker) = busy(Testbed::with(crowd::tenant(FEW)), 20).await;
    assert_eq!(worker.terminate().await, Some(0));
    worker.logged("\"abandoned\":0").await;
    assert!(testbed.depth("workflows").await > 0, "there was more than it had begun");
    let next = testbed.worker().await;
    ends_as_undisturbed(testbed, [next]).await;
}

#[tokio::test]
async fn a_worker_that_cannot_finish_in_time_leaves_its_work_to_another() {
    let testbed = Testbed::with(Tenant::contoso()).set("WORKER__GRACE_SECONDS", 1);
    // Another worker takes over when no request of this one can arrive any more.
    let testbed = testbed.set("GRAPH__REQUEST_TIMEOUT_SECONDS", 20).set("LEDGER__TAKE_AFTER_SECONDS", 23);
    let mut testbed = testbed.build().await;
    testbed.emulator.fault(Fault::delayed(600_000).path("/members/$ref"));
    let mut worker = testbed.worker().await;
    testbed.publisher.event(&a_hire()).await;
    // The account exists, the request for the groups hangs.
    while testbed.results.next().await.key != "step.changed" {}
    assert_eq!(worker.terminate().await, Some(0));
    worker.logged("\"abandoned\":1").await;
    testbed.holds("workflows", 1).await;
    testbed.emulator.clear_faults();
    let next = testbed.worker().await;
    let end = testbed.results.end_of("hire").await;
    assert_eq!(end["state"], "succeeded", "{end}");
    testbed.drain([next]).await;
    assert_eq!(testbed.results.states().len(), 1);
    assert_eq!(testbed.effects().len(), 3, "{:#?}", testbed.effects());
    testbed.close().await;
}

#[tokio::test]
async fn a_worker_that_is_there_before_its_broker_becomes_ready_later() {
    let broker = BrokerNode::shared();
    let proxy = Proxy::start(broker.url(), false).await;
    let mut testbed = Testbed::with(Tenant::contoso()).set("BROKER__URL", proxy.url()).build().await;
    let worker = testbed.start_worker();
    worker.logged("no broker session; retrying until one opens").await;
    worker.answers("/readyz", 503).await;
    worker.answers("/healthz", 200).await;
    testbed.publisher.event(&a_hire()).await;
    proxy.open();
    worker.answers("/readyz", 200).await;
    let end = testbed.results.end_of("hire").await;
    assert_eq!(end["state"], "succeeded", "{end}");
    testbed.drain([worker]).await;
    testbed.close().await;
}

#[tokio::test]
async fn queues_that_are_full_make_workers_wait_and_lose_nothing() {
    let node = tokio::task::spawn_blocking(BrokerNode::private).await.unwrap();
    // The shipped policies are for this prefix.
    let testbed = Testbed::with(crowd::tenant(FEW)).broker(node).prefix("gatehouse");
    let mut testbed = testbed.set("RETRY__MAX_ATTEMPTS", 60).build().await;
    let policies = repository::root().join("deploy/broker/policies.json");
    testbed.broker.ctl(&["import_definitions", &policies.display().to_string()]).await;
    let listed = testbed.broker.ctl(&["-q", "list_queues", "name", "policy"]).await;
    for (queue, policy) in [
        ("workflows", "work"),
        ("sync", "work"),
        ("delay.1s", "delay"),
        ("delay.2592000s", "delay"),
        ("workflows.dlq", "dead-letters"),
        ("sync.dlq", "dead-letters"),
        ("results.late", "results-late"),
        ("unrouted", "unrouted"),
    ] {
        assert!(listed.contains(&format!("gatehouse.{queue}\tgatehouse-{policy}\n")), "{listed}");
    }
    // An age limit would drop work, or have it back from the delay too early.
    let read: Value = serde_json::from_str(&std::fs::read_to_string(&policies).unwrap()).unwrap();
    let ages = |policy: &&Value| {
        ["message-ttl", "expires"].iter().any(|limit| !policy["definition"][limit].is_null())
    };
    let with_age: Vec<_> = read["policies"].as_array().unwrap().iter().filter(ages).collect();
    assert!(
        matches!(with_age.as_slice(), [policy] if policy["name"] == "gatehouse-unrouted"),
        "{with_age:?}"
    );
    // So small that a few runs fill it.
    let small = r#"{"max-length":1,"overflow":"reject-publish"}"#;
    let all = ["set_policy", "--priority", "9", "--apply-to", "queues", "small", r"\.delay\.", small];
    testbed.broker.ctl(&all).await;
    testbed.emulator.fault(Fault::status(503));
    let worker = testbed.worker().await;
    for event in few() {
        testbed.publisher.event(&event).await;
    }
    metrics::until(async || {
        worker.metrics().await.sum("gatehouse_publishes_total", "outcome=\"nack\"") >= 3.0
    })
    .await;
    testbed.broker.ctl(&["clear_policy", "small"]).await;
    testbed.emulator.clear_faults();
    for end in testbed.results.ends(2 * FEW).await.into_values() {
        assert_eq!(end["replays"], 0, "{end}");
    }
    let page = worker.metrics().await;
    assert_eq!(page.sum("gatehouse_sessions_started_total", OF_RUNS), 1.0, "{}", page.0);
    assert_eq!(page.sum("gatehouse_deliveries_total", "redelivered=\"true\""), 0.0);
    assert_eq!(page.sum("gatehouse_dead_letters_total", ""), 0.0);
    testbed.drain([worker]).await;
    testbed.close().await;
}
