//! The lower bound: the confirmed publishes that an event costs, and nothing else.
//!
//! A claim goes to the ledger and is read back from there, then a result and a release are published, each confirmed
//! before the next, and the event is acknowledged.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Instant;

use futures_util::StreamExt;
use lapin::options::{
    BasicAckOptions, BasicConsumeOptions, BasicPublishOptions, BasicQosOptions, ConfirmSelectOptions,
};
use lapin::types::{AMQPValue, FieldTable};
use lapin::{BasicProperties, Channel, Connection, ConnectionProperties};
use system_tests::settings::broker_settings;
use tokio::sync::{Mutex, Semaphore, oneshot};

/// About the size of a `run.finished`.
const BODY: [u8; 520] = [b'x'; 520];
/// About the size of a claim; its first eight bytes are its number.
const CLAIM: usize = 560;
/// About the size of a release.
const RELEASE: usize = 260;
/// So many records are acknowledged at once.
const ACKNOWLEDGED: usize = 100;

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
    let ledger = Arc::new(Ledger::open(url, prefix).await);
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
    for number in 0..events {
        let delivery = consumer.next().await.unwrap().unwrap();
        started.get_or_insert_with(Instant::now);
        let (pool, exchange, done) = (Arc::clone(&pool), exchange.clone(), done.clone());
        let ledger = Arc::clone(&ledger);
        tokio::spawn(async move {
            ledger.claim(number as u64).await;
            let permit = pool.0.acquire().await.unwrap();
            let channel =
                if shares { pool.1.lock().await[0].clone() } else { pool.1.lock().await.pop().unwrap() };
            publish(&channel, &exchange, "run.succeeded", &BODY).await;
            if !shares {
                pool.1.lock().await.push(channel);
            }
            drop(permit);
            ledger.append(&[b'x'; RELEASE]).await;
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

async fn publish(channel: &Channel, exchange: &str, key: &str, body: &[u8]) {
    let options = BasicPublishOptions { mandatory: true, ..BasicPublishOptions::default() };
    let properties = BasicProperties::default().with_delivery_mode(2);
    let confirm =
        channel.basic_publish(exchange.into(), key.into(), options, body, properties).await.unwrap();
    assert!(confirm.await.unwrap().is_ack());
}

/// The ledger as a worker uses it: one channel for all records, and a reader of the stream.
struct Ledger {
    name: String,
    channel: Channel,
    waiting: Arc<Mutex<HashMap<u64, oneshot::Sender<()>>>>,
    _connections: [Connection; 2],
}

impl Ledger {
    async fn open(url: &str, prefix: &str) -> Self {
        // A worker declares it, and none has been there.
        drop(broker::RecordLog::open(&broker_settings(url, prefix)).await.unwrap());
        let appending = Connection::connect(url, ConnectionProperties::default()).await.unwrap();
        let reading = Connection::connect(url, ConnectionProperties::default()).await.unwrap();
        let channel = appending.create_channel().await.unwrap();
        channel.confirm_select(ConfirmSelectOptions::default()).await.unwrap();
        let name = format!("{prefix}.ledger");
        let reader = reading.create_channel().await.unwrap();
        reader.basic_qos(500, BasicQosOptions::default()).await.unwrap();
        let mut arguments = FieldTable::default();
        arguments.insert("x-stream-offset".into(), AMQPValue::LongString("next".into()));
        let options = BasicConsumeOptions::default();
        let mut records =
            reader.basic_consume(name.clone().into(), "".into(), options, arguments).await.unwrap();
        let waiting = Arc::new(Mutex::new(HashMap::<u64, oneshot::Sender<()>>::new()));
        let read = Arc::clone(&waiting);
        tokio::spawn(async move {
            let mut count = 0;
            while let Some(Ok(record)) = records.next().await {
                count += 1;
                if record.data.len() == CLAIM {
                    let number = u64::from_be_bytes(record.data[..8].try_into().unwrap());
                    if let Some(waits) = read.lock().await.remove(&number) {
                        let _ = waits.send(());
                    }
                }
                if count % ACKNOWLEDGED == 0 {
                    record.acker.ack(BasicAckOptions { multiple: true }).await.unwrap();
                }
            }
        });
        Self { name, channel, waiting, _connections: [appending, reading] }
    }

    /// Publishes a claim and reads up to it.
    async fn claim(&self, number: u64) {
        let (sender, read) = oneshot::channel();
        self.waiting.lock().await.insert(number, sender);
        let mut body = vec![b'x'; CLAIM];
        body[..8].copy_from_slice(&number.to_be_bytes());
        self.append(&body).await;
        read.await.unwrap();
    }

    async fn append(&self, body: &[u8]) {
        publish(&self.channel, &self.name, &self.name, body).await;
    }
}
