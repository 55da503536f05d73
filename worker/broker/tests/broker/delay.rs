//! Delayed messages.

use std::time::Duration;

use broker::{DeadLetters, Due, EXPIRED, Filter, Outgoing, Value};
use jiff::Timestamp;
use lapin::{
    BasicProperties,
    types::{AMQPValue, FieldTable},
};

use crate::support::{QUEUE, id, with_broker, with_id};

#[tokio::test]
async fn a_delayed_message_comes_when_it_is_due_and_not_before() {
    with_broker(async |fixture| {
        let mut running = fixture.start();
        let at = Timestamp::now() + Duration::from_millis(2_500);
        let due = Due::at(at).with_tolerance(Duration::ZERO);
        fixture.publish(&with_id(Outgoing::delayed(QUEUE, due, vec![0, 255]), "m-1")).await;
        let message = running.next_settled().await;
        let late = Timestamp::now().duration_since(at);
        assert!(late.is_positive(), "came {late:?} before it was due");
        assert!(late < jiff::SignedDuration::from_secs(10), "came {late:?} late");
        assert_eq!((id(&message), message.body.as_slice()), ("m-1", [0, 255].as_slice()));
        // A step takes a second, so the message arrived early and went back before the handler saw it.
        assert!(running.recorder.count("redelayed") >= 1, "{:?}", running.recorder.events());
        running.stop().await;
        fixture.wait_for_depth(&fixture.work_queue(), 0).await;
    })
    .await;
}

/// A message that carries the `x-death` of its last delay would be stuck in the next one; see `OwnHeaders`.
#[tokio::test]
async fn a_message_can_be_delayed_again_and_again() {
    with_broker(async |fixture| {
        let mut running = fixture.start();
        let soon = || Due::after(Duration::from_secs(1)).with_tolerance(Duration::ZERO);
        fixture.publish(&with_id(Outgoing::delayed(QUEUE, soon(), "1"), "m-1")).await;
        for round in ["2", "3"] {
            let (delivery, publisher) = running.next().await;
            let (message, receipt) = delivery.split();
            assert!(message.headers.get("x-death").is_some(), "the broker recorded the delay queue");
            let mut again = with_id(Outgoing::delayed(QUEUE, soon(), round), "m-1");
            again.headers = message.headers.own();
            publisher.publish(&again).await.unwrap();
            receipt.ack().await.unwrap();
        }
        assert_eq!(running.next_settled().await.body, b"3");
        running.stop().await;
    })
    .await;
}

#[tokio::test]
async fn a_message_that_passes_through_the_delay_too_often_is_set_aside() {
    with_broker(async |fixture| {
        let far = Timestamp::now().as_millisecond() + 3_600_000;
        let mut headers = FieldTable::default();
        headers.insert("gatehouse-not-before".into(), AMQPValue::LongLongInt(far));
        headers.insert("gatehouse-hops".into(), AMQPValue::LongLongInt(200));
        let endless = BasicProperties::default().with_message_id("m-1".into()).with_headers(headers);
        fixture.publish_raw(&fixture.topology.work(), &fixture.work_queue(), endless, b"body").await;
        let mut running = fixture.start();
        running.recorder.wait_for("expired", 1).await;
        fixture.publish_work("next").await;
        assert_eq!(id(&running.next_settled().await), "next");
        running.stop().await;
        let letters = DeadLetters::open(&fixture.settings, QUEUE).await.unwrap();
        let entries = letters.list(&Filter::default()).await.unwrap();
        assert_eq!(entries.len(), 1);
        assert_eq!((entries[0].id.as_str(), entries[0].letter.class.as_str()), ("m-1", EXPIRED));
        assert_eq!(entries[0].letter.queue, fixture.work_queue());
        let (_, message) = letters.get("m-1").await.unwrap().unwrap();
        assert_eq!(message.body, b"body");
        assert_eq!(message.headers.get("gatehouse-not-before"), Some(&Value::Int(far)));
        letters.close().await;
    })
    .await;
}
