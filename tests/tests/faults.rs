//! The broker and the wire to it fail in every way they know, and the worker goes on.

use lapin::{Connection, ConnectionProperties};
use msgraph_emulator::{Fault, Tenant};
use serde_json::{Value, json};
use system_tests::crowd::{self, End};
use system_tests::proxy::{Proxy, Silence};
use system_tests::{BrokerNode, House, HouseBuilder, Worker, events};

const FEW: usize = 12;

/// Twelve hires and twelve leavers.
fn few() -> Vec<Value> {
    (0..FEW).flat_map(|number| [crowd::hire(number), crowd::leave(number)]).collect()
}

/// A worker that has its hands full: with [`few`], of which it works on four at once in a tenant that takes its time.
async fn busy(house: HouseBuilder, latency_ms: u64) -> (House, Worker) {
    let mut house = house.set("WORKER__CONCURRENCY", 4).build().await;
    house.emulator.fault(Fault::delayed(latency_ms));
    let worker = house.worker().await;
    for event in few() {
        house.queues.event(&event).await;
    }
    hear(&mut house, 1).await;
    (house, worker)
}

async fn hear(house: &mut House, results: usize) {
    for _ in 0..results {
        house.results.next().await;
    }
}

/// Shows that each event of [`few`] ended once and the tenant is where it would be anyway, then closes the house.
async fn all_is_well(mut house: House, workers: impl IntoIterator<Item = Worker>) {
    house.rest(workers).await;
    let undisturbed = End::undisturbed(crowd::tenant(FEW), &few()).await;
    assert_eq!(house.results.states().len(), 2 * FEW);
    let end = End::of(&house);
    assert_eq!(end.effects, undisturbed.effects);
    assert!(end == undisturbed, "the tenant ends elsewhere than undisturbed");
    house.close().await;
}

fn a_hire() -> Value {
    events::onboarding(
        "hire",
        json!({ "upn": "ada.king@contoso.example", "display_name": "Ada King", "usage_location": "GB" }),
        json!({ "licenses": ["EMS"], "groups": ["Engineers"] }),
    )
}

#[tokio::test]
async fn an_event_published_again_is_answered_again_and_touches_nothing() {
    let mut house = House::with(Tenant::contoso()).build().await;
    let worker = house.worker().await;
    let mut effects = Vec::new();
    for _ in 0..3 {
        house.queues.event(&a_hire()).await;
        let end = house.results.end_of(events::run_id("hire")).await;
        assert_eq!(end["state"], "succeeded", "{end}");
        effects.push(house.effects().len());
    }
    assert_eq!(effects, [3, 3, 3]);
    house.rest([worker]).await;
    assert_eq!(house.results.states().len(), 1);
    house.close().await;
}

#[tokio::test]
async fn an_event_published_twice_to_two_workers_at_once_acts_once() {
    let mut house = House::with(Tenant::contoso()).set("WORKER__CONCURRENCY", 1).build().await;
    // Slow enough for the second to look before the first has written.
    house.emulator.fault(Fault::delayed(200));
    let workers = [house.worker().await, house.worker().await];
    house.queues.event(&a_hire()).await;
    house.queues.event(&a_hire()).await;
    house.results.end_of(events::run_id("hire")).await;
    house.rest(workers).await;
    let tokens = house.emulator.journal().into_iter().filter(|entry| entry.token).count();
    assert!(tokens >= 2, "each worker has asked for a token, so both were at it");
    let states = house.results.states();
    assert_eq!(states.into_values().collect::<Vec<_>>(), ["succeeded"]);
    let effects = house.effects();
    assert_eq!(effects.len(), 3, "{effects:#?}");
    house.close().await;
}

#[tokio::test]
async fn a_wire_that_is_cut_again_and_again_loses_and_doubles_nothing() {
    let broker = BrokerNode::shared();
    let proxy = Proxy::start(broker.url(), true).await;
    let house = House::with(crowd::tenant(FEW)).set("BROKER__URL", proxy.url());
    let (mut house, worker) = busy(house, 20).await;
    for cut in ["\"session\":2", "\"session\":3", "\"session\":4"] {
        hear(&mut house, 20).await;
        proxy.cut();
        worker.logged(cut).await;
    }
    worker.counts("gatehouse_runs_total", 24.0).await;
    let page = worker.metrics().await;
    assert_eq!(page.sum("gatehouse_sessions_ended_total", ""), 3.0, "{}", page.0);
    // Six steps of each hire, five of each leaver.
    let steps = (6.0 + 5.0) * 12.0;
    assert_eq!(page.sum("gatehouse_steps_total", ""), steps, "what is told again is not counted again");
    // A delivery settled twice, or through another session, ends the channel with this.
    assert!(!worker.log().iter().any(|line| line.contains("PRECONDITION")), "{:#?}", worker.log());
    all_is_well(house, [worker]).await;
}

#[tokio::test]
async fn a_wire_that_falls_silent_in_either_direction_is_left_for_another() {
    let broker = BrokerNode::shared();
    let proxy = Proxy::start(broker.url(), true).await;
    let house = House::with(crowd::tenant(FEW)).set("WORKER__CONCURRENCY", 4);
    let house = house.set("BROKER__URL", proxy.url()).set("BROKER__PUBLISH_TIMEOUT_SECONDS", 1);
    let mut house = house.build().await;
    house.emulator.fault(Fault::delayed(20));
    let worker = house.worker().await;
    let all = few();
    let (first, second) = all.split_at(FEW);
    for (events, silence, ended) in [(first, Silence::ToBroker, 1.0), (second, Silence::ToWorker, 2.0)] {
        for event in events {
            house.queues.event(event).await;
        }
        // In the middle of work, or nothing would be missed.
        house.results.next().await;
        proxy.silence(silence);
        worker.counts("gatehouse_sessions_ended_total", ended).await;
        proxy.silence(Silence::None);
        worker.counts("gatehouse_sessions_started_total", ended + 1.0).await;
    }
    all_is_well(house, [worker]).await;
}

#[tokio::test]
async fn a_queue_that_is_deleted_is_declared_again() {
    let mut house = House::with(Tenant::contoso()).build().await;
    let worker = house.worker().await;
    house.queues.event(&a_hire()).await;
    house.results.end_of(events::run_id("hire")).await;
    let connection = Connection::connect(house.broker.url(), ConnectionProperties::default()).await.unwrap();
    let channel = connection.create_channel().await.unwrap();
    let queue = format!("{}.workflows", house.prefix());
    channel.queue_delete(queue.into(), Default::default()).await.unwrap();
    worker.logged("\"session\":2").await;
    let leave = events::offboarding("leave", json!({ "upn": "ada.king@contoso.example" }));
    house.queues.event(&leave).await;
    let end = house.results.end_of(events::run_id("leave")).await;
    assert_eq!(end["state"], "succeeded", "{end}");
    house.rest([worker]).await;
    house.close().await;
}

#[tokio::test]
async fn a_broker_restart_with_events_in_hand_loses_and_doubles_nothing() {
    let (mut house, worker) = busy(House::with(crowd::tenant(FEW)).broker(BrokerNode::private()), 100).await;
    hear(&mut house, 20).await;
    house.restart_broker(true).await;
    worker.answers("/healthz", 200).await;
    worker.logged("\"session\":2").await;
    worker.answers("/readyz", 200).await;
    all_is_well(house, [worker]).await;
}

#[tokio::test]
async fn a_broker_that_blocks_publishers_is_reported_and_waited_for() {
    let (house, worker) = busy(House::with(crowd::tenant(FEW)).broker(BrokerNode::private()), 100).await;
    house.broker.ctl(&["set_vm_memory_high_watermark", "0.0001"]).await;
    worker.counts("gatehouse_connection_blocked", 1.0).await;
    worker.answers("/readyz", 200).await;
    house.broker.ctl(&["set_vm_memory_high_watermark", "0.4"]).await;
    worker.counts("gatehouse_connection_blocked", 0.0).await;
    assert_eq!(worker.metrics().await.sum("gatehouse_sessions_ended_total", ""), 0.0);
    all_is_well(house, [worker]).await;
}

#[tokio::test]
async fn a_worker_killed_before_its_results_are_stored_has_acknowledged_nothing() {
    let house = House::with(Tenant::contoso()).broker(BrokerNode::private());
    let mut house = house.workflows("nothing:\n  stages: []\n").build().await;
    let ids = ["one", "two", "three", "four"];
    for id in ids {
        let event = events::offboarding(id, json!({ "upn": "edsger@contoso.example" }));
        house.queues.event(&events::with(event, "workflow", "nothing")).await;
    }
    // The end of a run is all there is to publish, and the broker takes nothing, but for acknowledgements.
    house.broker.ctl(&["set_vm_memory_high_watermark", "0.0001"]).await;
    let mut worker = house.worker().await;
    worker.counts("gatehouse_connection_blocked", 1.0).await;
    worker.counts("gatehouse_runs_total", 4.0).await;
    worker.kill().await;
    house.broker.ctl(&["set_vm_memory_high_watermark", "0.4"]).await;
    let next = house.worker().await;
    house.rest([next]).await;
    assert_eq!(house.results.states().len(), ids.len());
    house.close().await;
}

#[tokio::test]
async fn a_worker_told_to_stop_finishes_what_it_has_begun_and_hands_the_rest_back() {
    let (mut house, mut worker) = busy(House::with(crowd::tenant(FEW)), 20).await;
    assert_eq!(worker.terminate().await, Some(0));
    worker.logged("\"abandoned\":0").await;
    assert!(house.queues.depth("workflows").await > 0, "there was more than it had begun");
    let next = house.worker().await;
    all_is_well(house, [next]).await;
}

#[tokio::test]
async fn a_worker_that_cannot_finish_in_time_leaves_its_work_to_another() {
    let house = House::with(Tenant::contoso()).set("WORKER__GRACE_SECONDS", 1);
    let mut house = house.set("GRAPH__REQUEST_TIMEOUT_SECONDS", 600).build().await;
    house.emulator.fault(Fault::delayed(600_000).path("/members/$ref"));
    let mut worker = house.worker().await;
    house.queues.event(&a_hire()).await;
    // Its account is there, its groups are waited for.
    while house.results.next().await.key != "step.changed" {}
    assert_eq!(worker.terminate().await, Some(0));
    worker.logged("\"abandoned\":1").await;
    house.holds("workflows", 1).await;
    house.emulator.clear_faults();
    let next = house.worker().await;
    let end = house.results.end_of(events::run_id("hire")).await;
    assert_eq!(end["state"], "succeeded", "{end}");
    house.rest([next]).await;
    assert_eq!(house.results.states().len(), 1);
    assert_eq!(house.effects().len(), 3, "{:#?}", house.effects());
    house.close().await;
}

#[tokio::test]
async fn a_worker_that_is_there_before_its_broker_becomes_ready_later() {
    let broker = BrokerNode::shared();
    let proxy = Proxy::start(broker.url(), false).await;
    let mut house = House::with(Tenant::contoso()).set("BROKER__URL", proxy.url()).build().await;
    let worker = house.start_worker();
    worker.logged("no broker session; trying again").await;
    worker.answers("/readyz", 503).await;
    worker.answers("/healthz", 200).await;
    house.queues.event(&a_hire()).await;
    proxy.open();
    worker.answers("/readyz", 200).await;
    let end = house.results.end_of(events::run_id("hire")).await;
    assert_eq!(end["state"], "succeeded", "{end}");
    house.rest([worker]).await;
    house.close().await;
}
