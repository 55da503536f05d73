//! Sessions that break are replaced whole, and every message is still settled.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use broker::{Client, Outgoing, Settings};
use futures_util::StreamExt;
use lapin::{
    options::{BasicAckOptions, BasicConsumeOptions, BasicQosOptions, QueueDeleteOptions},
    types::{AMQPValue, FieldTable},
};
use tokio::sync::mpsc;

use crate::{
    proxy::Proxy,
    support::{Act, EVENT, Fixture, Running, amqp_url, id, raw_channel, with_broker, with_id, within},
};

#[tokio::test]
async fn a_queue_deleted_under_the_consumer_is_declared_again() {
    with_broker(async |fixture| {
        let mut running = fixture.start();
        fixture.publish_work("m-1").await;
        running.next_settled().await;
        let channel = raw_channel().await;
        channel.queue_delete(fixture.work_queue().into(), QueueDeleteOptions::default()).await.unwrap();
        running.recorder.wait_for("session ended consumer_lost", 1).await;
        running.recorder.wait_for("session started", 2).await;
        fixture.publish_work("m-2").await;
        assert_eq!(id(&running.next_settled().await), "m-2");
        fixture.publish(&with_id(Outgoing::event(EVENT, "{}"), "m-3")).await;
        assert_eq!(id(&running.next_settled().await), "m-3");
        running.stop().await;
    })
    .await;
}

#[tokio::test]
async fn work_of_a_lost_session_fails_and_its_message_comes_again() {
    with_broker(async |fixture| {
        let (proxy, settings) = through_proxy(fixture).await;
        fixture.publish_work("m-1").await;
        let mut running = Running::start(settings);
        let (delivery, publisher) = running.next().await;
        proxy.cut();
        running.recorder.wait_for("session started", 2).await;
        let lost = publisher.publish(&Outgoing::result("run.succeeded", "{}")).await;
        assert!(lost.unwrap_err().is_session_lost());
        assert!(delivery.split().1.ack().await.unwrap_err().is_session_lost());
        // The failed acknowledgement affects the old session only; the new one continues.
        let again = running.next_settled().await;
        assert!(again.redelivered && id(&again) == "m-1");
        assert_eq!(running.recorder.count("session started"), 2);
        running.stop().await;
        fixture.wait_for_depth(&fixture.work_queue(), 0).await;
    })
    .await;
}

/// Handles messages while the connections are cut again and again. A message may arrive again although its
/// acknowledgement was written, because the broker does not answer one. At the end every message has a result
/// and none is left.
#[tokio::test(flavor = "multi_thread")]
async fn connections_cut_again_and_again_lose_nothing() {
    const MESSAGES: usize = 400;
    with_broker(async |fixture| {
        let (proxy, settings) = through_proxy(fixture).await;
        let mut history = history(fixture).await;
        let settled: Arc<Mutex<HashMap<String, usize>>> = Arc::default();
        let counts = Arc::clone(&settled);
        let (progress, mut done) = mpsc::unbounded_channel();
        let wire = Arc::new(proxy);
        let handler = Act(move |delivery: broker::Delivery, publisher: broker::Publisher| {
            let (counts, progress, wire) = (Arc::clone(&counts), progress.clone(), Arc::clone(&wire));
            async move {
                let (message, receipt) = delivery.split();
                let result = with_id(Outgoing::result("run.succeeded", "{}"), id(&message));
                if publisher.publish(&result).await.is_ok() && receipt.ack().await.is_ok() {
                    let mut counts = counts.lock().unwrap();
                    *counts.entry(id(&message).to_owned()).or_default() += 1;
                    if counts.values().sum::<usize>().is_multiple_of(100) {
                        wire.cut();
                    }
                    progress.send(()).unwrap();
                }
            }
        });
        let running = Running::with_handler(settings, handler, mpsc::unbounded_channel().1);
        for number in 0..MESSAGES {
            fixture.publish_work(&format!("m-{number}")).await;
        }
        while settled.lock().unwrap().len() < MESSAGES {
            within("the next message to be settled", done.recv()).await.unwrap();
        }
        assert!(running.recorder.count("session started") > 2);
        // Messages whose acknowledgement was lost arrive once more.
        fixture.wait_for_depth(&fixture.work_queue(), 0).await;
        let recorder = Arc::clone(&running.recorder);
        running.stop().await;
        assert_eq!(recorder.count("in flight +1"), recorder.count("in flight -1"));
        let mut passed_on: HashMap<String, usize> = HashMap::new();
        while passed_on.len() < MESSAGES {
            let delivery = within("a result in the history", history.next()).await.unwrap().unwrap();
            delivery.acker.ack(BasicAckOptions::default()).await.unwrap();
            *passed_on.entry(delivery.properties.message_id().as_ref().unwrap().to_string()).or_default() +=
                1;
        }
        fixture.wait_for_depth(&fixture.topology.unrouted(), 0).await;
    })
    .await;
}

#[tokio::test]
async fn a_broker_that_does_not_answer_times_out_and_the_socket_closes() {
    with_broker(async |fixture| {
        let (proxy, mut settings) = through_proxy(fixture).await;
        settings.connect_timeout = Duration::from_millis(300);
        proxy.go_dead();
        let started = Instant::now();
        let error = within("the connect to end", Client::connect(&settings)).await.err().unwrap();
        assert!(error.to_string().contains("did not answer"), "{error}");
        assert!(started.elapsed() < Duration::from_secs(5), "{:?}", started.elapsed());
        proxy.wait_until_left().await;

        let running = Running::start(settings);
        running.recorder.wait_for("session failed unreachable", 2).await;
        running.stop().await;
        proxy.wait_until_left().await;
    })
    .await;
}

#[tokio::test]
async fn a_broker_that_falls_silent_is_noticed_by_its_missing_heartbeat() {
    with_broker(async |fixture| {
        let (proxy, mut settings) = through_proxy(fixture).await;
        settings.heartbeat = Duration::from_secs(1);
        let running = Running::start(settings);
        running.recorder.wait_for("session started", 1).await;
        proxy.go_dead();
        running.recorder.wait_for("session ended connection_lost", 1).await;
        running.stop().await;
        proxy.wait_until_left().await;
    })
    .await;
}

#[tokio::test]
async fn a_wrong_password_is_a_configuration_error_that_does_not_repeat_it() {
    with_broker(async |fixture| {
        let mut settings = fixture.settings.clone();
        let (scheme, rest) = amqp_url().split_once("://").map(|(a, b)| (a.to_owned(), b.to_owned())).unwrap();
        let host = rest.rsplit_once('@').map_or(rest.as_str(), |(_, host)| host).to_owned();
        settings.url = format!("{scheme}://nobody:hunter2@{host}").into();
        let error = Client::connect(&settings).await.err().unwrap();
        assert!(error.is_configuration(), "{error}");
        assert!(!format!("{error} {error:?}").contains("hunter2"), "{error}");
        let running = Running::start(settings);
        running.recorder.wait_for("session failed configuration", 1).await;
        running.stop().await;
    })
    .await;
}

#[tokio::test]
async fn a_missing_vhost_is_a_configuration_error() {
    with_broker(async |fixture| {
        let mut settings = fixture.settings.clone();
        let url = amqp_url();
        let end = url.find("://").unwrap() + 3;
        let authority = url[end..].find('/').map_or(url.as_str(), |slash| &url[..end + slash]);
        settings.url = format!("{authority}/nowhere").into();
        let error = Client::connect(&settings).await.err().unwrap();
        assert!(error.is_configuration() && error.to_string().contains("vhost"), "{error}");
    })
    .await;
}

async fn through_proxy(fixture: &Fixture) -> (Proxy, Settings) {
    let proxy = Proxy::start(&amqp_url()).await;
    let mut settings = fixture.settings.clone();
    settings.url = proxy.url.clone().into();
    (proxy, settings)
}

/// Reads the history of results from its beginning.
async fn history(fixture: &Fixture) -> lapin::Consumer {
    let channel = raw_channel().await;
    channel.basic_qos(100, BasicQosOptions::default()).await.unwrap();
    let mut arguments = FieldTable::default();
    arguments.insert("x-stream-offset".into(), AMQPValue::LongString("first".into()));
    let options = BasicConsumeOptions::default();
    channel
        .basic_consume(fixture.topology.history().into(), "history".into(), options, arguments)
        .await
        .unwrap()
}
