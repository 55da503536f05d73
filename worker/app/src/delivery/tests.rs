//! A second kind of work, on a real broker: deliveries know nothing of runs.
//!
//! A letter is text. `lost` panics, `twice` is read a second time, and text that is not UTF-8 is refused; of every other
//! letter a result says that it was read.

use std::num::NonZeroU16;
use std::panic::AssertUnwindSafe;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use broker::{Client, DeadLetters, Filter, Message, Outgoing, Settings, WorkQueue};
use futures_util::FutureExt;
use jiff::Timestamp;
use messages::{Cause, OperatorAction, OperatorReplayed, ResultEvent};
use outcome::{Class, Failure};
use tokio::sync::oneshot;
use tokio::time::timeout;
use uuid::Uuid;

use super::consume::Consumer;
use super::neighbours::Neighbours;
use super::outbox::{Next, Onward, Outbox, SetAside};
use super::places::Places;
use super::replies::AllowedReplies;
use super::work::{Identity, Outlet, PutOff, Refused, Traced, Work};
use crate::operate::metrics::Metrics;

const KEY: &str = "letter.sent";
const PATIENCE: Duration = Duration::from_secs(30);

/// Reads letters and remembers them.
#[derive(Clone, Default)]
struct Letters(Arc<Mutex<Vec<String>>>);

fn read(letter: &str) -> ResultEvent {
    let action = OperatorAction {
        message_id: letter.to_owned(),
        run_id: None,
        queue: Letters::QUEUE.to_owned(),
        by: "Ada".to_owned(),
        name: None,
        why: None,
        dead_class: None,
        replays: 0,
    };
    ResultEvent::new(Cause::default(), Timestamp::now(), OperatorReplayed(action))
}

impl Work for Letters {
    const QUEUE: &'static str = "letters";

    type Job = String;
    type Partial = ();

    fn decode(&self, message: &Message) -> Result<String, Box<Refused>> {
        String::from_utf8(message.body.clone()).map_err(|_| {
            let failure = Failure::rejected("illegible", "the letter is not UTF-8");
            Box::new(Refused { failure, result: None })
        })
    }

    fn identity(&self, letter: &String) -> Identity {
        let id = Uuid::new_v5(&Uuid::NAMESPACE_URL, letter.as_bytes());
        Identity { subject: id, message: id, event_type: "letter", made_at: None }
    }

    fn is_urgent(&self, letter: &String) -> bool {
        letter == "urgent"
    }

    async fn may_begin(&self, _: &String) -> Result<(), PutOff> {
        Ok(())
    }

    fn span(&self, _: &String) -> tracing::Span {
        tracing::Span::none()
    }

    fn traced<'a>(&'a self, _: &'a String) -> Traced<'a> {
        Traced::default()
    }

    async fn work(&self, letter: &String, _: Option<()>, outlet: &Outlet<'_>) -> Result<Outbox, ()> {
        assert_ne!(letter, "lost", "as requested");
        self.0.lock().unwrap().push(letter.clone());
        let onward = if letter == "twice" {
            let next = Next { body: b"once more".to_vec(), properties: outlet.properties().clone() };
            Onward::Resume { next, due: None }
        } else {
            Onward::Over
        };
        Ok(Outbox::of(vec![read(letter)], onward))
    }

    fn panicked(&self, _: &String, _: &Message) -> Outbox {
        let failure = Failure::new(Class::Fault, "internal", "the reader panicked");
        Outbox::of(Vec::new(), Onward::SetAside(SetAside::as_it_came(failure, 0)))
    }
}

/// Runs a test with a consumer of letters on a topology of its own, and takes both away, also when the test fails.
async fn with_letters(test: impl AsyncFnOnce(&Settings, &Client, &Letters)) {
    let url = std::env::var("AMQP_URL").unwrap_or_else(|_| {
        panic!("AMQP_URL is not set; run `make test`, which starts a broker, or name one to test with")
    });
    let mut settings = Settings::new(url.into(), vec![WorkQueue::new(Letters::QUEUE, [KEY])]);
    settings.prefix = format!("test-{}", Uuid::new_v4().simple());
    settings.prefetch = NonZeroU16::MIN.saturating_add(3);
    broker::declare(&settings).await.unwrap();
    let client = Client::connect(&settings).await.unwrap();
    let (letters, metrics) = (Letters::default(), Arc::new(Metrics::new().unwrap()));
    let consumer = broker::Consumer::new(settings.clone(), Letters::QUEUE, Arc::new(())).unwrap();
    let (stop, stopped) = oneshot::channel::<()>();
    let (replies, places) = (AllowedReplies::default(), Places::new(3, 1));
    let neighbours = Arc::new(Neighbours::new());
    let handler = Consumer::new(letters.clone(), metrics, "worker-1".to_owned(), replies, places, neighbours);
    let serving = tokio::spawn(consumer.serve(handler, stopped.map(|_| ())));
    let tested = AssertUnwindSafe(timeout(PATIENCE, test(&settings, &client, &letters))).catch_unwind().await;
    stop.send(()).unwrap();
    serving.await.unwrap();
    client.close().await;
    broker::delete(&settings).await.unwrap();
    match tested {
        Ok(in_time) => in_time.expect("the test takes too long"),
        Err(panic) => std::panic::resume_unwind(panic),
    }
}

async fn send(client: &Client, letter: &[u8]) {
    client.publisher().publish(&Outgoing::event(KEY, letter)).await.unwrap();
}

#[tokio::test]
async fn another_kind_of_work_reports_resumes_and_is_acknowledged() {
    with_letters(async |_, client, letters| {
        let mut results = client.results(&["operator.#"]).await.unwrap();
        send(client, b"twice").await;
        for expected in ["twice", "once more"] {
            let message = results.next().await.unwrap();
            let read = ResultEvent::from_bytes(&message.body).unwrap();
            let messages::ResultData::OperatorReplayed(OperatorReplayed(action)) = read.data else {
                panic!()
            };
            assert_eq!(action.message_id, expected);
            assert_eq!(message.properties.app_id.as_deref(), Some("gatehouse"));
        }
        assert_eq!(*letters.0.lock().unwrap(), ["twice", "once more"]);
    })
    .await;
}

#[tokio::test]
async fn what_panics_and_what_is_refused_is_set_aside_with_its_reason() {
    with_letters(async |settings, client, letters| {
        let mut added = client.results(&["dead_letter.#"]).await.unwrap();
        send(client, b"lost").await;
        send(client, &[0xff]).await;
        // Its result shows that the two before it have been dealt with, or soon are.
        let mut results = client.results(&["operator.#"]).await.unwrap();
        send(client, b"fine").await;
        results.next().await.unwrap();
        let aside = loop {
            let dead = DeadLetters::open(settings, Letters::QUEUE).await.unwrap();
            let entries = dead.list(&Filter::default()).await.unwrap();
            dead.close().await;
            if entries.len() == 2 {
                break entries;
            }
        };
        let mut reasons: Vec<_> =
            aside.iter().map(|entry| (entry.letter.class.as_str(), entry.letter.worker.as_deref())).collect();
        reasons.sort_unstable();
        assert_eq!(reasons, [("illegible", Some("worker-1")), ("internal", Some("worker-1"))]);
        let mut told = Vec::new();
        for _ in 0..2 {
            let added = ResultEvent::from_bytes(&added.next().await.unwrap().body).unwrap();
            let messages::ResultData::DeadLetterAdded(added) = added.data else { panic!() };
            told.push((added.message_id, added.dead_class, added.queue));
        }
        told.sort_unstable();
        let letter =
            |entry: &broker::Entry| (entry.id.clone(), entry.letter.class.clone(), Letters::QUEUE.to_owned());
        let mut letters_aside: Vec<_> = aside.iter().map(letter).collect();
        letters_aside.sort_unstable();
        assert_eq!(told, letters_aside, "others are told of each");
        assert_eq!(*letters.0.lock().unwrap(), ["fine"]);
    })
    .await;
}
