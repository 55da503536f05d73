//! Publishing: each publish gets the answer to its own message.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use broker::{Client, Outgoing, Properties, Value};
use futures_util::{FutureExt, future::join_all};
use lapin::{
    BasicProperties,
    options::QueuePurgeOptions,
    types::{AMQPValue, FieldTable},
};

use crate::{
    proxy::Proxy,
    support::{BoundedQueue, EVENT, QUEUE, amqp_url, id, with_broker, within},
};

#[tokio::test]
async fn a_message_arrives_as_it_was_sent() {
    with_broker(async |fixture| {
        let properties = Properties {
            content_type: Some("application/cloudevents+json".to_owned()),
            message_id: Some("m-1".to_owned()),
            correlation_id: Some("c-1".to_owned()),
            kind: Some("example.order.placed.v1".to_owned()),
            timestamp: Some("2026-03-02T08:30:00Z".parse().unwrap()),
            reply_to: Some("hr.answers".to_owned()),
            app_id: Some("hr".to_owned()),
            content_encoding: None,
        };
        let sent = Outgoing::event(EVENT, vec![0, 255, 1]).with_properties(properties.clone());
        fixture.publish(&sent).await;
        let mut running = fixture.start();
        let message = running.next_settled().await;
        assert_eq!(message.body, [0, 255, 1]);
        assert_eq!(message.properties, properties);
        assert_eq!((message.exchange, message.routing_key), (fixture.topology.events(), EVENT.to_owned()));
        assert!(!message.redelivered);
        running.stop().await;
    })
    .await;
}

#[tokio::test]
async fn headers_arrive_and_are_sent_on_as_they_were() {
    with_broker(async |fixture| {
        let mut inner = FieldTable::default();
        let list = vec![AMQPValue::ShortInt(-1), AMQPValue::Void];
        inner.insert("n".into(), AMQPValue::FieldArray(list.into()));
        let mut headers = FieldTable::default();
        headers.insert("traceparent".into(), AMQPValue::LongString("00-01".into()));
        headers.insert("nested".into(), AMQPValue::FieldTable(inner));
        let properties = BasicProperties::default().with_headers(headers);
        fixture.publish_raw(&fixture.topology.events(), EVENT, properties, b"{}").await;
        let mut running = fixture.start();
        let mut message = running.next_settled().await;
        for _ in 0..2 {
            let nested = Value::List(vec![Value::Int(-1), Value::Null]);
            let nested = Value::Table(BTreeMap::from([("n".to_owned(), nested)]));
            assert_eq!(message.headers.get("nested"), Some(&nested));
            assert_eq!(message.headers.get("traceparent"), Some(&Value::Text("00-01".to_owned())));
            let mut again = Outgoing::work(QUEUE, message.body);
            again.headers = message.headers.own();
            fixture.publish(&again).await;
            message = running.next_settled().await;
        }
        running.stop().await;
    })
    .await;
}

#[tokio::test]
async fn an_event_without_a_binding_is_kept() {
    with_broker(async |fixture| {
        fixture.publish(&Outgoing::event("order.plcaed", "{}")).await;
        fixture.wait_for_depth(&fixture.topology.unrouted(), 1).await;
    })
    .await;
}

/// lapin may mix up answers on a shared channel, see `Publisher`. Here many publishes run at once and each has
/// to get its own answer.
#[tokio::test(flavor = "multi_thread")]
async fn a_thousand_unroutable_messages_are_each_reported() {
    with_broker(async |fixture| {
        let publisher = fixture.client.publisher();
        let publishes = (0..2_000).map(async |number: usize| {
            let lost = number.is_multiple_of(2);
            let outgoing = if lost {
                Outgoing::reply(format!("nobody.{number}"), "{}")
            } else {
                Outgoing::work(QUEUE, "{}")
            };
            (number, lost, publisher.publish(&outgoing).await)
        });
        for (number, lost, answer) in join_all(publishes).await {
            match answer {
                Ok(()) => assert!(!lost, "{number} was lost and reported as stored"),
                Err(error) => {
                    let text = error.to_string();
                    assert!(lost && text.contains("no queue"), "{number}: {error}");
                    assert!(text.contains(&format!("`nobody.{number}`")), "{number}: {error}");
                }
            }
        }
        fixture.wait_for_depth(&fixture.work_queue(), 1_000).await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_abandoned_publish_does_not_answer_for_another() {
    with_broker(async |fixture| {
        let publisher = fixture.client.publisher();
        for round in 0..100 {
            // Polled once, so it is sent, and then dropped.
            let _ = publisher.publish(&Outgoing::reply("nobody", "{}")).now_or_never();
            let lost = publisher.publish(&Outgoing::reply("nobody.either", "{}")).await;
            assert!(lost.is_err_and(|error| error.to_string().contains("`nobody.either`")), "round {round}");
            publisher.publish(&Outgoing::result("run.succeeded", "{}")).await.unwrap();
        }
    })
    .await;
}

#[tokio::test]
async fn a_refused_message_is_offered_again_until_there_is_room() {
    with_broker(async |fixture| {
        let BoundedQueue { name: queue, channel } = BoundedQueue::make(fixture, 1).await;

        fixture.publish_work("m-1").await;
        let mut running = fixture.start();
        let (delivery, publisher) = running.next().await;
        let recorder = Arc::clone(&running.recorder);
        publisher.publish(&Outgoing::reply(&queue, "first")).await.unwrap();
        let purge = async {
            recorder.wait_for("published nack", 1).await;
            channel.queue_purge(queue.as_str().into(), QueuePurgeOptions::default()).await.unwrap();
        };
        let second = Outgoing::reply(&queue, "second");
        let (second, ()) = tokio::join!(publisher.publish(&second), purge);
        second.unwrap();
        assert_eq!(recorder.count("published ack"), 2);
        delivery.split().1.ack().await.unwrap();
        running.stop().await;
    })
    .await;
}

#[tokio::test]
async fn a_publish_without_an_answer_ends_in_time_with_unknown_outcome() {
    with_broker(async |fixture| {
        let proxy = Proxy::start(&amqp_url()).await;
        let mut settings = fixture.settings.clone();
        settings.url = proxy.url.clone().into();
        settings.publish_timeout = Duration::from_millis(300);
        let client = Client::connect(&settings).await.unwrap();
        client.publisher().publish(&Outgoing::work(QUEUE, "{}")).await.unwrap();
        proxy.go_dead();
        let unknown =
            within("the publish to end", client.publisher().publish(&Outgoing::work(QUEUE, "{}"))).await;
        assert!(unknown.unwrap_err().is_session_lost());
        // The session is not used again.
        let later = client.publisher().publish(&Outgoing::work(QUEUE, "{}")).await;
        assert!(later.unwrap_err().is_session_lost());
        client.close().await;
        proxy.wait_until_left().await;
    })
    .await;
}

#[tokio::test]
async fn an_invalid_message_is_refused_before_it_is_sent() {
    with_broker(async |fixture| {
        let publisher = fixture.client.publisher();
        let too_long = Outgoing::event("k".repeat(256), "{}");
        assert!(publisher.publish(&too_long).await.unwrap_err().is_invalid());
        let ours = Outgoing::reply(fixture.work_queue(), "{}");
        assert!(publisher.publish(&ours).await.unwrap_err().is_invalid());
        // The connection still works.
        fixture.publish_work("fine").await;
        let mut running = fixture.start();
        assert_eq!(id(&running.next_settled().await), "fine");
        running.stop().await;
    })
    .await;
}
