//! Declaring, checking and deleting the topology.

use lapin::{
    Connection, ConnectionProperties,
    options::{QueueDeclareOptions, QueueDeleteOptions},
    types::{AMQPValue, FieldTable},
};

use crate::support::{QUEUE, Running, amqp_url, with_broker};

#[tokio::test]
async fn declaring_twice_is_as_good_as_once() {
    with_broker(async |fixture| {
        broker::declare(&fixture.settings).await.unwrap();
        broker::verify(&fixture.settings).await.unwrap();
    })
    .await;
}

#[tokio::test]
async fn everything_missing_or_different_is_named_at_once() {
    with_broker(async |fixture| {
        let connection = Connection::connect(&amqp_url(), ConnectionProperties::default()).await.unwrap();
        let channel = connection.create_channel().await.unwrap();
        let dlq = fixture.topology.dead_letter_queue(QUEUE).unwrap();
        for queue in [fixture.topology.delay(15), dlq.clone()] {
            channel.queue_delete(queue.into(), QueueDeleteOptions::default()).await.unwrap();
        }
        let mut arguments = FieldTable::default();
        arguments.insert("x-queue-type".into(), AMQPValue::LongString("quorum".into()));
        arguments.insert("x-delivery-limit".into(), AMQPValue::LongInt(3));
        channel.queue_declare(dlq.as_str().into(), QueueDeclareOptions::durable(), arguments).await.unwrap();

        let error = broker::verify(&fixture.settings).await.unwrap_err();
        assert!(error.is_configuration());
        let text = error.to_string();
        assert!(text.contains(&format!("queue `{}` is missing", fixture.topology.delay(15))), "{text}");
        assert!(text.contains("x-delivery-limit") && text.contains(&dlq), "{text}");

        let error = broker::declare(&fixture.settings).await.unwrap_err();
        assert!(error.is_configuration() && error.to_string().contains("x-delivery-limit"), "{error}");
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

        let connection = Connection::connect(&amqp_url(), ConnectionProperties::default()).await.unwrap();
        let channel = connection.create_channel().await.unwrap();
        channel.queue_delete(fixture.topology.delay(60).into(), QueueDeleteOptions::default()).await.unwrap();
        let running = Running::start(settings.clone());
        running.recorder.wait_for("session failed configuration", 1).await;
        assert_eq!(running.recorder.count("session started"), 0);
        running.stop().await;
        assert!(broker::verify(&settings).await.is_err(), "it was not declared on the way");
    })
    .await;
}

#[tokio::test]
async fn nothing_is_left_after_deleting() {
    with_broker(async |fixture| {
        broker::delete(&fixture.settings).await.unwrap();
        let text = broker::verify(&fixture.settings).await.unwrap_err().to_string();
        assert_eq!(text.matches("is missing").count(), 16 + 15, "{text}");
        broker::delete(&fixture.settings).await.unwrap();
    })
    .await;
}
