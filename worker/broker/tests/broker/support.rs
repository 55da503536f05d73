//! A topology of one's own, a running consumer, and a recorder of observed events.

use std::{
    panic::AssertUnwindSafe,
    sync::{Arc, Mutex},
    time::Duration,
};

use broker::{
    Cause, Client, Consumer, Delivery, Ended, Error, Handler, Message, Observer, Outgoing, Published,
    Publisher, Readiness, Settings, Topology, WorkQueue,
};
use futures_util::FutureExt;
use lapin::{
    BasicProperties, Channel, Confirmation, Connection, ConnectionProperties,
    options::{BasicPublishOptions, ConfirmSelectOptions, QueueDeclareOptions},
    types::{AMQPValue, FieldTable},
};
use tokio::{
    sync::{Notify, mpsc, oneshot},
    task::JoinHandle,
};

/// The work queue of these tests, without the prefix.
pub const QUEUE: &str = "orders";
/// The key of the events it takes.
pub const EVENT: &str = "order.placed";
/// How long a test waits for an event before it fails.
pub const PATIENCE: Duration = Duration::from_secs(30);

/// The address of the broker under test.
pub fn amqp_url() -> String {
    std::env::var("AMQP_URL").unwrap_or_else(|_| {
        panic!("AMQP_URL is not set; run `make test`, which starts a broker, or set it to the address of one")
    })
}

/// A declared topology under a unique prefix.
pub struct Fixture {
    pub settings: Settings,
    pub topology: Topology,
    pub client: Client,
}

/// Runs a test with a topology of its own and deletes the topology, also when the test fails.
pub async fn with_broker(test: impl AsyncFnOnce(&Fixture)) {
    with_broker_at(amqp_url(), test).await;
}

pub async fn with_broker_at(url: String, test: impl AsyncFnOnce(&Fixture)) {
    let mut settings = Settings::new(url.into(), vec![WorkQueue::new(QUEUE, [EVENT])]);
    settings.prefix = format!("test-{}", uuid::Uuid::new_v4().simple());
    settings.process = "gatehouse-test".to_owned();
    settings.prefetch = 8.try_into().unwrap();
    settings.grace = Duration::from_secs(10);
    broker::declare(&settings).await.unwrap();
    let client = Client::connect(&settings).await.unwrap();
    let fixture = Fixture { topology: settings.topology().unwrap(), settings, client };
    let outcome = AssertUnwindSafe(test(&fixture)).catch_unwind().await;
    broker::delete(&fixture.settings).await.unwrap();
    if let Err(panic) = outcome {
        std::panic::resume_unwind(panic);
    }
}

/// A channel in confirm mode, made without this crate.
pub async fn raw_channel() -> Channel {
    let connection = Connection::connect(&amqp_url(), ConnectionProperties::default()).await.unwrap();
    let channel = connection.create_channel().await.unwrap();
    channel.confirm_select(ConfirmSelectOptions::default()).await.unwrap();
    channel
}

/// A queue that refuses messages beyond its length. It is deleted when its channel's connection closes.
pub struct BoundedQueue {
    pub name: String,
    pub channel: Channel,
}

impl BoundedQueue {
    pub async fn make(fixture: &Fixture, length: i32) -> Self {
        let channel = raw_channel().await;
        let mut arguments = FieldTable::default();
        arguments.insert("x-max-length".into(), AMQPValue::LongInt(length));
        arguments.insert("x-overflow".into(), AMQPValue::LongString("reject-publish".into()));
        let name = format!("{}-bounded", fixture.settings.prefix);
        let options = QueueDeclareOptions { exclusive: true, ..QueueDeclareOptions::default() };
        channel.queue_declare(name.as_str().into(), options, arguments).await.unwrap();
        Self { name, channel }
    }
}

impl Fixture {
    /// Publishes without this crate, as other programs do.
    pub async fn publish_raw(&self, exchange: &str, key: &str, properties: BasicProperties, body: &[u8]) {
        let options = BasicPublishOptions { mandatory: true, ..BasicPublishOptions::default() };
        let channel = raw_channel().await;
        let written = channel.basic_publish(exchange.into(), key.into(), options, body, properties);
        let answer = written.await.unwrap().await.unwrap();
        assert!(matches!(answer, Confirmation::Ack(None)), "{answer:?}");
    }

    pub async fn publish(&self, outgoing: &Outgoing) {
        self.client.publisher().publish(outgoing).await.unwrap();
    }

    /// Work with a message id.
    pub async fn publish_work(&self, id: &str) {
        self.publish(&with_id(Outgoing::work(QUEUE, id), id)).await;
    }

    pub fn start(&self) -> Running {
        Running::start(self.settings.clone())
    }

    pub fn work_queue(&self) -> String {
        self.topology.work_queue(QUEUE).unwrap()
    }

    /// Waits until a queue holds this many messages that no consumer has taken.
    pub async fn wait_for_depth(&self, queue: &str, wanted: u32) {
        let reached = async {
            while self.client.depth(queue).await.unwrap() != Some(wanted) {
                tokio::task::yield_now().await;
            }
        };
        if tokio::time::timeout(PATIENCE, reached).await.is_err() {
            let depth = self.client.depth(queue).await.unwrap();
            panic!("{queue} should hold {wanted} messages and holds {depth:?}");
        }
    }
}

pub fn with_id(mut outgoing: Outgoing, id: &str) -> Outgoing {
    outgoing.properties.message_id = Some(id.to_owned());
    outgoing
}

pub fn id(message: &Message) -> &str {
    message.properties.message_id.as_deref().unwrap()
}

/// Waits for work that has to complete.
pub async fn within<T>(what: &str, work: impl Future<Output = T>) -> T {
    tokio::time::timeout(PATIENCE, work).await.unwrap_or_else(|_| panic!("no sign of {what}"))
}

/// A consumer whose deliveries the test takes one by one.
pub struct Running {
    pub deliveries: mpsc::UnboundedReceiver<(Delivery, Publisher)>,
    pub recorder: Arc<Recorder>,
    pub readiness: Readiness,
    stop: oneshot::Sender<()>,
    task: JoinHandle<Ended>,
}

impl Running {
    pub fn start(settings: Settings) -> Self {
        let (sender, deliveries) = mpsc::unbounded_channel();
        Self::with_handler(settings, Forward(sender), deliveries)
    }

    /// Runs a handler; nothing arrives at `deliveries` then unless the handler sends it.
    pub fn with_handler(
        settings: Settings,
        handler: impl Handler,
        deliveries: mpsc::UnboundedReceiver<(Delivery, Publisher)>,
    ) -> Self {
        let recorder = Arc::new(Recorder::default());
        let consumer = Consumer::new(settings, QUEUE, Arc::clone(&recorder) as Arc<dyn Observer>).unwrap();
        let readiness = consumer.readiness();
        let (stop, stopped) = oneshot::channel::<()>();
        let task = tokio::spawn(consumer.serve(handler, async move {
            let _ = stopped.await;
        }));
        Self { deliveries, recorder, readiness, stop, task }
    }

    pub async fn next(&mut self) -> (Delivery, Publisher) {
        let recorder = Arc::clone(&self.recorder);
        let next = tokio::time::timeout(PATIENCE, self.deliveries.recv()).await;
        next.unwrap_or_else(|_| panic!("no delivery came; seen: {:?}", recorder.events())).unwrap()
    }

    /// Takes the next delivery and acknowledges it.
    pub async fn next_settled(&mut self) -> Message {
        let (message, receipt) = self.next().await.0.split();
        receipt.ack().await.unwrap();
        message
    }

    /// Asks the consumer to stop, without waiting.
    pub fn ask_to_stop(self) -> JoinHandle<Ended> {
        self.stop.send(()).unwrap();
        self.task
    }

    pub async fn stop(self) -> Ended {
        within("the consumer to stop", self.ask_to_stop()).await.unwrap()
    }
}

struct Forward(mpsc::UnboundedSender<(Delivery, Publisher)>);

impl Handler for Forward {
    async fn handle(&self, delivery: Delivery, publisher: &Publisher) {
        let _ = self.0.send((delivery, publisher.clone()));
    }
}

/// A handler made of a function.
pub struct Act<F>(pub F);

impl<F, R> Handler for Act<F>
where
    F: Fn(Delivery, Publisher) -> R + Send + Sync + 'static,
    R: Future<Output = ()> + Send,
{
    async fn handle(&self, delivery: Delivery, publisher: &Publisher) {
        (self.0)(delivery, publisher.clone()).await;
    }
}

/// Records every observed event as a short line.
#[derive(Default)]
pub struct Recorder {
    events: Mutex<Vec<String>>,
    news: Notify,
}

impl Recorder {
    pub fn events(&self) -> Vec<String> {
        self.events.lock().unwrap().clone()
    }

    pub fn count(&self, event: &str) -> usize {
        self.events().iter().filter(|seen| *seen == event).count()
    }

    /// Waits until an event was seen this many times.
    pub async fn wait_for(&self, event: &str, times: usize) {
        let seen = async {
            loop {
                let news = self.news.notified();
                if self.count(event) >= times {
                    return;
                }
                news.await;
            }
        };
        if tokio::time::timeout(PATIENCE, seen).await.is_err() {
            panic!("fewer than {times} × {event}; seen: {:?}", self.events());
        }
    }

    fn note(&self, event: String) {
        self.events.lock().unwrap().push(event);
        self.news.notify_waiters();
    }
}

impl Observer for Recorder {
    fn received(&self, _queue: &str, redelivered: bool) {
        self.note(format!("received redelivered={redelivered}"));
    }

    fn published(&self, _exchange: &str, outcome: Published, _elapsed: Duration) {
        self.note(format!("published {}", outcome.as_str()));
    }

    fn in_flight(&self, _queue: &str, change: i64) {
        self.note(format!("in flight {change:+}"));
    }

    fn handler_panicked(&self, _queue: &str) {
        self.note("panicked".to_owned());
    }

    fn redelayed(&self, _queue: &str) {
        self.note("redelayed".to_owned());
    }

    fn set_aside(&self, _queue: &str, class: &str) {
        self.note(class.to_owned());
    }

    fn session_started(&self, _number: u64) {
        self.note("session started".to_owned());
    }

    fn session_ended(&self, cause: Cause) {
        self.note(format!("session ended {cause}"));
    }

    fn session_failed(&self, error: &Error) {
        let kind = if error.is_configuration() { "configuration" } else { "unreachable" };
        self.note(format!("session failed {kind}"));
    }

    fn blocked(&self, blocked: bool) {
        self.note(format!("blocked {blocked}"));
    }

    fn ack_failed(&self) {
        self.note("ack failed".to_owned());
    }
}
