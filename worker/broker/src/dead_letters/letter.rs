//! A dead letter's headers, which say why the message was set aside; body and properties stay unchanged.

use std::{collections::BTreeMap, fmt::Write as _};

use jiff::Timestamp;
use uuid::Uuid;

use crate::{
    Message, Properties, Topology,
    message::{
        REPLAYS,
        headers::{OwnHeaders, OwnName, Value},
    },
};

/// Every header that a dead letter adds starts with this; a replay removes them.
pub(crate) const PREFIX: &str = "gatehouse-dead-";
const CLASS: OwnName = OwnName::new("gatehouse-dead-class");
const REASON: OwnName = OwnName::new("gatehouse-dead-reason");
const AT: OwnName = OwnName::new("gatehouse-dead-at");
pub(crate) const QUEUE: OwnName = OwnName::new("gatehouse-dead-queue");
const STEP: OwnName = OwnName::new("gatehouse-dead-step");
const ACTION: OwnName = OwnName::new("gatehouse-dead-action");
const CODE: OwnName = OwnName::new("gatehouse-dead-code");
const FAILURE_CLASS: OwnName = OwnName::new("gatehouse-dead-failure-class");
const ATTEMPTS: OwnName = OwnName::new("gatehouse-dead-attempts");
const HTTP_STATUS: OwnName = OwnName::new("gatehouse-dead-http-status");
const REQUEST_ID: OwnName = OwnName::new("gatehouse-dead-request-id");
const WORKER: OwnName = OwnName::new("gatehouse-dead-worker");
const FINGERPRINT: OwnName = OwnName::new("gatehouse-dead-fingerprint");
const WHOLE_BYTES: OwnName = OwnName::new("gatehouse-dead-whole-bytes");
const WHOLE_SHA256: OwnName = OwnName::new("gatehouse-dead-whole-sha256");
const FIRST_FAILED_AT: OwnName = OwnName::new("gatehouse-dead-first-failed-at");

/// The longest reason.
const LIMIT_REASON_BYTES: usize = 1_000;
/// The longest of the other texts.
const LIMIT_TEXT_BYTES: usize = 200;

/// The class of a message that was set aside because it returned to its queue too often without being
/// settled. Workers crashed while they held it; it need not be the cause.
pub const CRASH_LOOP: &str = "crash_loop";
/// The class of a message that passed through the delay too often, or whose publisher set a time to live that
/// expired before a worker took it.
pub const EXPIRED: &str = "expired";
/// The class of a message that no queue is bound for.
const UNROUTABLE: &str = "unroutable";
/// The class of a message in a dead-letter queue that carries no reason.
const UNKNOWN: &str = "unknown";

/// Why, when and where a message was set aside. Holds ids only, because a dead letter may be kept for months.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct DeadLetter {
    /// The kind of failure, for grouping and alerts.
    pub class: String,
    /// One sentence for the operator, cut at 1 kB.
    pub reason: String,
    /// When it was set aside.
    pub at: Option<Timestamp>,
    /// The full name of the work queue it failed in; empty if it never reached one.
    pub queue: String,
    /// The step that failed.
    pub step: Option<String>,
    /// The action of that step.
    pub action: Option<String>,
    /// The code of the failure that every attempt met, if the class only says that attempts ran out.
    pub code: Option<String>,
    /// Who must act: the class of the failure, as results have it.
    pub failure_class: Option<String>,
    /// How many attempts were made.
    pub attempts: Option<u32>,
    /// The last HTTP status.
    pub http_status: Option<u16>,
    /// Graph's id of the last request.
    pub request_id: Option<String>,
    /// The worker that set it aside.
    pub worker: Option<String>,
    /// When it failed for the first time.
    pub first_failed_at: Option<Timestamp>,
    /// How often an operator has replayed it.
    pub replays: u32,
    /// The message as it was, if only its beginning was kept.
    pub whole: Option<Whole>,
}

/// A message of which only the beginning was kept.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Whole {
    /// The size of its body.
    pub bytes: u64,
    /// SHA-256 of its body, in hexadecimal digits: its publisher can tell which it was.
    pub sha256: String,
}

impl DeadLetter {
    /// A letter with the current time; the caller fills in the other fields.
    #[must_use]
    pub fn new(class: impl Into<String>, reason: impl Into<String>) -> Self {
        Self { class: class.into(), reason: reason.into(), at: Some(Timestamp::now()), ..Self::default() }
    }

    /// Groups similar failures: class, step and HTTP status.
    #[must_use]
    pub fn fingerprint(&self) -> String {
        let status = self.http_status.map(|status| status.to_string());
        let parts = [Some(self.class.as_str()), self.step.as_deref(), status.as_deref()];
        parts.map(|part| part.unwrap_or("-")).join("/")
    }

    /// Reads the letter of a message in a dead-letter queue.
    pub(crate) fn of(message: &Message) -> Self {
        let letter = written_by_broker(message).unwrap_or_else(|| written_by_worker(message));
        Self { replays: message.replays(), ..letter }
    }

    /// Makes the letter of a message in the unrouted queue.
    pub(crate) fn of_unrouted(message: &Message) -> Self {
        let reason =
            format!("no queue is bound for key `{}` of exchange `{}`", message.routing_key, message.exchange);
        Self { class: UNROUTABLE.to_owned(), reason, replays: message.replays(), ..Self::default() }
    }

    pub(crate) fn write(&self, headers: &mut OwnHeaders) {
        headers.remove_all(PREFIX);
        let mut put = |name, value: Option<Value>| {
            if let Some(value) = value {
                headers.put(name, value);
            }
        };
        let text = |text: &str, limit| Some(Value::Text(cut(text, limit).to_owned()));
        let short = |value: &Option<String>| value.as_deref().and_then(|value| text(value, LIMIT_TEXT_BYTES));
        put(CLASS, text(&self.class, LIMIT_TEXT_BYTES));
        put(REASON, text(&self.reason, LIMIT_REASON_BYTES));
        put(AT, self.at.map(|at| at.to_string().into()));
        put(STEP, short(&self.step));
        put(ACTION, short(&self.action));
        put(CODE, short(&self.code));
        put(FAILURE_CLASS, short(&self.failure_class));
        put(ATTEMPTS, self.attempts.map(Value::from));
        put(HTTP_STATUS, self.http_status.map(|status| Value::Int(status.into())));
        put(REQUEST_ID, short(&self.request_id));
        put(WORKER, short(&self.worker));
        put(FIRST_FAILED_AT, self.first_failed_at.map(|at| at.to_string().into()));
        put(
            WHOLE_BYTES,
            self.whole.as_ref().and_then(|whole| i64::try_from(whole.bytes).ok()).map(Value::Int),
        );
        put(WHOLE_SHA256, self.whole.as_ref().and_then(|whole| text(&whole.sha256, LIMIT_TEXT_BYTES)));
        put(FINGERPRINT, text(&self.fingerprint(), LIMIT_TEXT_BYTES));
        put(REPLAYS, Some(self.replays.into()));
    }
}

impl Whole {
    /// What a body was.
    pub(crate) fn of(body: &[u8]) -> Self {
        let digest = ring::digest::digest(&ring::digest::SHA256, body);
        let mut sha256 = String::with_capacity(2 * digest.as_ref().len());
        for byte in digest.as_ref() {
            // Writing to a string cannot fail.
            let _ = write!(sha256, "{byte:02x}");
        }
        Self { bytes: body.len().try_into().unwrap_or(u64::MAX), sha256 }
    }
}

fn written_by_worker(message: &Message) -> DeadLetter {
    let headers = &message.headers;
    let text = |name: OwnName| headers.text(name.as_str()).map(str::to_owned);
    let time = |name: OwnName| headers.text(name.as_str()).and_then(|text| text.parse().ok());
    DeadLetter {
        class: text(CLASS).unwrap_or_else(|| UNKNOWN.to_owned()),
        reason: text(REASON).unwrap_or_else(|| "the message carries no reason".to_owned()),
        at: time(AT),
        queue: text(QUEUE).unwrap_or_default(),
        step: text(STEP),
        action: text(ACTION),
        code: text(CODE),
        failure_class: text(FAILURE_CLASS),
        attempts: headers.int(ATTEMPTS.as_str()).and_then(|count| u32::try_from(count).ok()),
        http_status: headers.int(HTTP_STATUS.as_str()).and_then(|status| u16::try_from(status).ok()),
        request_id: text(REQUEST_ID),
        worker: text(WORKER),
        first_failed_at: time(FIRST_FAILED_AT),
        whole: headers.int(WHOLE_BYTES.as_str()).and_then(|bytes| {
            let sha256 = text(WHOLE_SHA256)?;
            Some(Whole { bytes: u64::try_from(bytes).ok()?, sha256 })
        }),
        replays: 0,
    }
}

/// The newest entry of `x-death` names the queue. The `x-first-death-…` headers keep the first one, which
/// after a delay is a delay queue (RabbitMQ 3.10.8, measured 2026-11-21). Workers never send an `x-death`, so
/// a message with one was set aside by the broker.
fn written_by_broker(message: &Message) -> Option<DeadLetter> {
    let Value::List(deaths) = message.headers.get("x-death")? else { return None };
    let Value::Table(newest) = deaths.first()? else { return None };
    let why = newest.get("reason").and_then(Value::as_text).unwrap_or("unknown");
    // Work queues set no expiration, so the publisher did.
    let (class, reason) = if why == "expired" {
        (
            EXPIRED,
            "its publisher set a time to live, which expired before a worker took the message".to_owned(),
        )
    } else {
        let what = "it returned to its queue too often without being settled";
        (CRASH_LOOP, format!("the broker set the message aside ({why}): {what}"))
    };
    Some(DeadLetter {
        class: class.to_owned(),
        reason,
        at: time_of(newest),
        queue: newest.get("queue").and_then(Value::as_text).unwrap_or_default().to_owned(),
        ..DeadLetter::default()
    })
}

fn time_of(death: &BTreeMap<String, Value>) -> Option<Timestamp> {
    match death.get("time")? {
        Value::Time(seconds) => Timestamp::from_second(i64::try_from(*seconds).ok()?).ok(),
        _ => None,
    }
}

/// The id by which an operator names a dead letter: its message id, else a hash of its body.
pub(crate) fn id_of(properties: &Properties, body: &[u8]) -> String {
    let given = properties.message_id.as_deref().filter(|id| !id.is_empty());
    given.map_or_else(|| format!("body-{}", hash_of(body, 16)), str::to_owned)
}

/// What tells a dead letter from another one with the same id.
pub(crate) fn digest_of(message: &Message) -> String {
    hash_of(&message.body, 8)
}

/// So many digits of a hash of the body.
fn hash_of(body: &[u8], digits: usize) -> String {
    let mut hash = Uuid::new_v5(&Uuid::NAMESPACE_OID, body).simple().to_string();
    hash.truncate(digits);
    hash
}

/// The name of the exclusive queue that locks a dead-letter queue.
pub(crate) fn lock_of(queue: &str) -> String {
    format!("{queue}.lock")
}

/// The full name of the queue an operator named, and whether it is the unrouted queue.
pub(crate) fn queue_of(topology: &Topology, name: &str) -> Result<(String, bool), crate::Error> {
    if name == "unrouted" || name == topology.unrouted() {
        return Ok((topology.unrouted(), true));
    }
    let work = name.strip_suffix(".dlq").unwrap_or(name);
    topology.dead_letter_queue(work).map(|queue| (queue, false))
}

fn cut(text: &str, limit: usize) -> &str {
    if text.len() <= limit {
        return text;
    }
    let end = (0..=limit).rev().find(|end| text.is_char_boundary(*end));
    end.and_then(|end| text.get(..end)).unwrap_or(text)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::{Headers, testing};

    fn on_the_wire(letter: &DeadLetter) -> Message {
        let mut headers = OwnHeaders::default();
        letter.write(&mut headers);
        headers.put(QUEUE, Value::Text(letter.queue.clone()));
        testing::arrived(&headers)
    }

    fn text() -> impl Strategy<Value = Option<String>> {
        proptest::option::of("[a-z0-9_-]{1,40}")
    }

    proptest! {
        #[test]
        fn a_letter_survives_the_wire(
            (class, reason, queue) in ("[a-z_]{1,20}", "\\PC{0,200}", "[a-z.]{1,30}"),
            (step, request_id, worker) in (text(), text(), text()),
            (action, code, failure_class) in (text(), text(), text()),
            (attempts, http_status, replays) in (any::<Option<u32>>(), any::<Option<u16>>(), any::<u32>()),
            (at, first) in (proptest::option::of(0_i64..4_102_444_800), proptest::option::of(0_i64..4_102_444_800)),
            whole in any::<Option<u32>>(),
        ) {
            let time = |seconds: Option<i64>| seconds.map(|seconds| Timestamp::from_second(seconds).unwrap());
            let letter = DeadLetter {
                class, reason, queue, step, action, code, failure_class, attempts, http_status, request_id, worker, replays,
                at: time(at), first_failed_at: time(first),
                whole: whole.map(|bytes| Whole { bytes: bytes.into(), sha256: "ab".repeat(32) }),
            };
            prop_assert_eq!(DeadLetter::of(&on_the_wire(&letter)), letter);
        }

        #[test]
        fn a_reason_is_cut_at_a_character(reason in "\\PC{300,600}") {
            let letter = DeadLetter::of(&on_the_wire(&DeadLetter::new("fault", reason.clone())));
            prop_assert!(letter.reason.len() <= LIMIT_REASON_BYTES);
            prop_assert!(reason.starts_with(&letter.reason));
            prop_assert!(reason.len() <= LIMIT_REASON_BYTES || letter.reason.len() > LIMIT_REASON_BYTES - 4);
        }
    }

    fn died(deaths: Vec<(&str, &str)>) -> Message {
        use lapin::types::{AMQPValue, FieldTable};
        let entries = deaths.into_iter().map(|(queue, reason)| {
            let mut table = FieldTable::default();
            table.insert("queue".into(), AMQPValue::LongString(queue.into()));
            table.insert("reason".into(), AMQPValue::LongString(reason.into()));
            table.insert("time".into(), AMQPValue::Timestamp(1_700_000_000));
            AMQPValue::FieldTable(table)
        });
        let mut table = FieldTable::default();
        table.insert("x-death".into(), AMQPValue::FieldArray(entries.collect::<Vec<_>>().into()));
        table.insert("x-first-death-queue".into(), AMQPValue::LongString("gatehouse.delay.1s".into()));
        Message { headers: Headers::from_wire(Some(&table)), ..Message::default() }
    }

    #[test]
    fn the_brokers_own_letters_name_the_queue_of_the_last_death_not_of_the_first() {
        let letter = DeadLetter::of(&died(vec![
            ("gatehouse.orders", "delivery_limit"),
            ("gatehouse.delay.1s", "expired"),
        ]));
        assert_eq!((letter.class.as_str(), letter.queue.as_str()), (CRASH_LOOP, "gatehouse.orders"));
        assert!(letter.reason.contains("delivery_limit"));
        assert_eq!(letter.at, Timestamp::from_second(1_700_000_000).ok());
    }

    #[test]
    fn a_message_that_expired_is_no_crash() {
        let letter = DeadLetter::of(&died(vec![("gatehouse.orders", "expired")]));
        assert_eq!((letter.class.as_str(), letter.queue.as_str()), (EXPIRED, "gatehouse.orders"));
    }

    #[test]
    fn a_letter_without_a_reason_is_of_class_unknown() {
        assert_eq!(DeadLetter::of(&Message::default()).class, UNKNOWN);
        assert_eq!(DeadLetter::of(&died(Vec::new())).class, UNKNOWN);
    }

    #[test]
    fn the_fingerprint_groups_similar_failures() {
        let mut letter = DeadLetter::new("retry", "one");
        assert_eq!(letter.fingerprint(), "retry/-/-");
        letter.step = Some("disable_account".to_owned());
        letter.http_status = Some(503);
        assert_eq!(letter.fingerprint(), "retry/disable_account/503");
    }

    #[test]
    fn an_id_is_the_message_id_or_a_hash_of_the_body() {
        let mut message = Message { body: b"{}".to_vec(), ..Message::default() };
        let id = id_of(&message.properties, &message.body);
        assert!(id.starts_with("body-") && id.len() == 21, "{id}");
        assert_eq!(id, id_of(&Properties::default(), b"{}"));
        message.properties.message_id = Some("m-1".to_owned());
        assert_eq!(id_of(&message.properties, &message.body), "m-1");
    }
}
