//! Declaring, checking and deleting the topology.

use broker::{Inventory, Retention};
use lapin::{
    ExchangeKind,
    options::{ExchangeDeclareOptions, QueueDeclareOptions, QueueDeleteOptions},
    types::{AMQPValue, FieldTable},
};

use crate::support::{QUEUE, Running, raw_channel, with_broker};

#[tokio::test]
async fn declaring_twice_is_as_good_as_once() {
    with_broker(async |fixture| {
        broker::declare(&fixture.settings).await.unwrap();
        broker::declare(&fixture.settings).await.unwrap();
    })
    .await;
}

#[tokio::test]
async fn a_queue_with_other_arguments_is_refused_by_name() {
    with_broker(async |fixture| {
        let channel = raw_channel().await;
        let dlq = fixture.topology.dead_letter_queue(QUEUE).unwrap();
        channel.queue_delete(dlq.as_str().into(), QueueDeleteOptions::default()).await.unwrap();
        let mut arguments = FieldTable::default();
        arguments.insert("x-queue-type".into(), AMQPValue::LongString("quorum".into()));
        arguments.insert("x-delivery-limit".into(), AMQPValue::LongInt(3));
        channel.queue_declare(dlq.as_str().into(), QueueDeclareOptions::durable(), arguments).await.unwrap();

        let error = broker::declare(&fixture.settings).await.unwrap_err();
        let text = error.to_string();
        assert!(
            error.is_configuration() && text.contains("x-delivery-limit") && text.contains(&dlq),
            "{text}"
        );
    })
    .await;
}

#[tokio::test]
async fn a_worker_that_may_not_declare_refuses_to_run_on_half_a_topology() {
    with_broker(async |fixture| {
        let mut settings = fixture.settings.clone();
        settings.declare = false;
        let running = Running::start(settings.clone());
        running.recorder.wait_for("session started", 1).await;
        running.stop().await;

        let channel = raw_channel().await;
        let step = fixture.topology.delay(60);
        channel.queue_delete(step.as_str().into(), QueueDeleteOptions::default()).await.unwrap();
        let running = Running::start(settings.clone());
        running.recorder.wait_for("session failed configuration", 1).await;
        assert_eq!(running.recorder.count("session started"), 0);
        running.stop().await;
        assert_eq!(fixture.client.depth(&step).await.unwrap(), None, "the worker did not declare it");
    })
    .await;
}

#[tokio::test]
async fn nothing_is_left_after_deleting() {
    with_broker(async |fixture| {
        broker::delete(&fixture.settings).await.unwrap();
        let topology = &fixture.topology;
        let delays: Vec<String> = broker::STEPS.iter().map(|seconds| topology.delay(*seconds)).collect();
        let queues = [
            fixture.work_queue(),
            topology.dead_letter_queue(QUEUE).unwrap(),
            topology.history(),
            topology.unrouted(),
        ];
        for queue in delays.iter().chain(&queues) {
            assert_eq!(fixture.client.depth(queue).await.unwrap(), None, "{queue}");
        }
        let exchanges =
            [topology.events(), topology.work(), topology.results(), topology.dead(), topology.unrouted()];
        for exchange in delays.iter().chain(&exchanges) {
            let passive = ExchangeDeclareOptions { passive: true, ..ExchangeDeclareOptions::default() };
            let (name, kind) = (exchange.as_str().into(), ExchangeKind::Topic);
            let found =
                raw_channel().await.exchange_declare(name, kind, passive, FieldTable::default()).await;
            assert!(found.is_err(), "{exchange}");
        }
        broker::delete(&fixture.settings).await.unwrap();
    })
    .await;
}

#[tokio::test]
async fn streams_that_are_kept_for_another_time_stay_as_they_are_and_stop_nobody() {
    with_broker(async |fixture| {
        let mut settings = fixture.settings.clone();
        settings.history_kept = Retention { days: 90, bytes: 2_000_000_000 };
        settings.snapshots_kept = Retention { days: 30, bytes: 1_000_000_000 };
        broker::declare(&settings).await.unwrap();
        let running = Running::start(settings.clone());
        running.recorder.wait_for("session started", 1).await;
        running.stop().await;
        let applied = Inventory::new(&settings, &[]).unwrap().apply(&settings).await.unwrap();
        let refused: Vec<_> =
            applied.iter().filter_map(|it| Some((&it.name, it.is_new.as_ref().err()?.to_string()))).collect();
        let streams = [fixture.topology.history(), fixture.topology.snapshots()];
        assert_eq!(refused.iter().map(|(name, _)| (*name).clone()).collect::<Vec<_>>(), streams);
        for (_, why) in &refused {
            assert!(why.contains("inequivalent arg 'x-max-") && why.contains("policy"), "{why}");
        }
    })
    .await;
}
