//! The lower bound: only consume, publish one message with confirm, acknowledge.

use std::sync::Arc;
use std::time::Instant;

use futures_util::StreamExt;
use lapin::options::{
    BasicAckOptions, BasicConsumeOptions, BasicPublishOptions, BasicQosOptions, ConfirmSelectOptions,
};
use lapin::types::FieldTable;
use lapin::{BasicProperties, Channel, Connection, ConnectionProperties};
use tokio::sync::{Mutex, Semaphore};

/// About the size of a `run.finished`.
const BODY: [u8; 520] = [b'x'; 520];

/// `bare-broker URL PREFIX IN_FLIGHT EVENTS CHANNELS`: prints the seconds from the first event to the last.
///
/// With one channel all publishes share it: that is fastest, but cannot tell which message was returned. With as many
/// channels as events in flight, each publish has its own.
pub async fn run(arguments: &[&str]) {
    let [url, prefix, in_flight, events, channels] = arguments else { panic!("{arguments:?}") };
    let (in_flight, events): (u16, usize) = (in_flight.parse().unwrap(), events.parse().unwrap());
    let properties = ConnectionProperties::default;
    let consuming = Connection::connect(url, properties()).await.unwrap();
    let publishing = Connection::connect(url, properties()).await.unwrap();
    let mut pool = Vec::new();
    for _ in 0..channels.parse::<usize>().unwrap() {
        let channel = publishing.create_channel().await.unwrap();
        channel.confirm_select(ConfirmSelectOptions::default()).await.unwrap();
        pool.push(channel);
    }
    let shares = pool.len() == 1;
    let pool =
        Arc::new((Semaphore::new(if shares { usize::MAX >> 4 } else { pool.len() }), Mutex::new(pool)));
    let channel = consuming.create_channel().await.unwrap();
    channel.basic_qos(in_flight, BasicQosOptions::default()).await.unwrap();
    let (queue, exchange) = (format!("{prefix}.workflows"), format!("{prefix}.results"));
    let (options, none) = (BasicConsumeOptions::default(), FieldTable::default());
    let mut consumer = channel.basic_consume(queue.into(), "".into(), options, none).await.unwrap();
    let (done, mut all_done) = tokio::sync::mpsc::unbounded_channel();
    let mut started = None;
    for _ in 0..events {
        let delivery = consumer.next().await.unwrap().unwrap();
        started.get_or_insert_with(Instant::now);
        let (pool, exchange, done) = (Arc::clone(&pool), exchange.clone(), done.clone());
        tokio::spawn(async move {
            let permit = pool.0.acquire().await.unwrap();
            let channel =
                if shares { pool.1.lock().await[0].clone() } else { pool.1.lock().await.pop().unwrap() };
            publish(&channel, &exchange).await;
            if !shares {
                pool.1.lock().await.push(channel);
            }
            drop(permit);
            assert!(delivery.acker.ack(BasicAckOptions::default()).await.unwrap());
            done.send(()).unwrap();
        });
    }
    for _ in 0..events {
        all_done.recv().await.unwrap();
    }
    println!("{}", started.unwrap().elapsed().as_secs_f64());
    // The channel first: its answer means that the acknowledgements are processed.
    channel.close(200, "".into()).await.unwrap();
    consuming.close(200, "".into()).await.unwrap();
}

async fn publish(channel: &Channel, exchange: &str) {
    let options = BasicPublishOptions { mandatory: true, ..BasicPublishOptions::default() };
    let properties = BasicProperties::default().with_delivery_mode(2);
    let key = "run.succeeded".into();
    let confirm = channel.basic_publish(exchange.into(), key, options, &BODY, properties).await.unwrap();
    assert!(confirm.await.unwrap().is_ack());
}
