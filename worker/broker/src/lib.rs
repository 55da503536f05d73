//! RabbitMQ for the worker: messages come in and go out, and none is lost on the way.
//!
//! This crate never: knows what a message contains; loses a message that it accepted; settles a delivery
//! twice, or through another session than its own; repairs part of a session; sends a header that belongs to
//! the broker; keeps a registry of metrics; prints a password, a body or a header.
//!
//! Start reading at [`Consumer`] (the loop that takes deliveries), then [`Publisher`] (one message, one
//! answer), [`Topology`] (the exchanges and queues) and [`DeadLetters`] (how an operator replays and discards
//! messages). Command-line tools start at [`Client`].
//!
//! # The traps of AMQP, and what rules each out
//!
//! The tests are in `tests/broker/`, or at the foot of the module named.
//!
//! | Trap | Ruled out by |
//! |---|---|
//! | a republished `x-death` makes the next delay drop or hold the message | type: only [`OwnHeaders`] leave, and they cannot hold a header of the broker; `a_message_can_be_delayed_again_and_again` |
//! | a returned message looks confirmed | one channel for each publish; `a_thousand_unroutable_messages_are_each_reported`, `an_abandoned_publish_does_not_answer_for_another` |
//! | `wait_for_confirms` returns early | not used; each publish awaits its own confirm |
//! | an acknowledgement is lost silently | [`Receipt::ack`] checks lapin's answer; `work_of_a_lost_session_fails_and_its_message_comes_again` |
//! | a delivery is settled twice, or never | type: [`Receipt::ack`] takes the receipt; dropping it ends the session: `a_receipt_that_is_dropped_brings_the_message_again` |
//! | the channel closes while handlers run | the session keeps it until the last handler ends; `running_handlers_finish_and_prefetched_messages_go_back` |
//! | acknowledgements wait behind blocked publishes | two connections; `while_the_broker_blocks_no_publish_ends_and_no_work_starts` |
//! | a publish abandoned during an alarm is stored twice | its time limit pauses during the alarm; the same test |
//! | a broker accepts a connection and never answers | one limit for the whole opening; `a_broker_that_does_not_answer_times_out_and_the_socket_closes` |
//! | one node of several is away, or accepts a connection and says nothing | each address gets its share of the time; `a_node_that_is_away_or_frozen_leaves_the_others` |
//! | the default heartbeat takes a minute | [`Settings::heartbeat`]; `a_broker_that_falls_silent_is_noticed_by_its_missing_heartbeat` |
//! | half-recovered sessions | lapin's recovery is off, sessions are replaced whole; `connections_cut_again_and_again_lose_nothing` |
//! | the end of the stream looks like the end of the work | it ends the session; `a_queue_deleted_under_the_consumer_is_declared_again` |
//! | requeueing as a retry; reject on a stream | the interface has neither nack nor reject; retries are [`Outgoing::delayed`] |
//! | no prefetch, or a global one | opening a consumer requires a prefetch (`session/mod.rs`); `no_more_handlers_run_at_once_than_asked_for` |
//! | `x-first-death-…` names the wrong queue | `the_brokers_own_letters_name_the_queue_of_the_last_death_not_of_the_first` in `dead_letters/letter.rs` |
//! | the broker deletes dead letters that were read too often | their queues allow a million deliveries; `queues_that_are_only_read_allow_a_million_deliveries` in `topology/mod.rs` |
//! | two operators at once; quorum queues ignore `exclusive` | a lock queue; `a_second_operator_is_refused_until_the_first_is_done` |
//! | dead-lettering that is silently at-most-once; a delay without alternate exchange; `#` that hides unroutable events | the tests of `topology/mod.rs` |
//! | new code changes the arguments of an existing queue | `a_queue_with_other_arguments_is_refused_by_name` |
//! | a schedule fires once for each worker, or never again | a queue with room for one token; `of_tokens_offered_at_once_one_is_taken_and_fires` |
//! | a full queue refuses a message | `a_refused_message_is_offered_again_until_there_is_room`; its limit is soft, so nothing here relies on the exact number |
//! | a routing key over 255 bytes (lapin panics) | `an_invalid_message_is_refused_before_it_is_sent` |
//! | headers over a frame (the connection closes) | `no_headers_are_too_large_to_be_set_aside_or_delayed_again` in `publish/outgoing.rs` |
//! | text that is not UTF-8, or deeply nested headers (lapin aborts the process) | `session/sanitize.rs`; `deeply_nested_headers_do_not_abort_the_worker`, `text_that_is_not_utf8_arrives_with_question_marks` |
//! | a stream is silent beyond its end | whoever reads on begins with its last record; `an_offset_beyond_the_end_waits_for_the_record_that_gets_it` |
//! | personal data in logs | `Debug` of [`Message`] and [`Outgoing`] shows neither body nor headers. lapin logs a returned message with its body at `WARN`, so the program has to keep the log target `lapin` at `ERROR` |
//!
//! One risk remains: the broker may deliver a message again although its acknowledgement was written, because
//! AMQP does not answer acknowledgements. A handler has to cope with a repeated message.

mod address;
mod client;
mod consume;
mod dead_letters;
mod error;
mod history;
mod management;
mod message;
mod observer;
mod publish;
mod record_log;
mod session;
mod settings;
#[cfg(test)]
mod testing;
mod topology;

pub use address::{Certificate, Tls};
pub use client::{Client, Results};
pub use consume::{
    consumer::{Consumer, Ended, Handler},
    delay::{Due, STEPS},
    delivery::{Delivery, Receipt},
};
pub use dead_letters::{
    DeadLetters, Report,
    entry::{Condition, Entry, Filter, Selection},
    letter::{CRASH_LOOP, DeadLetter, EXPIRED},
    portable::Portable,
};
pub use error::Error;
pub use history::{End, Entries, Entry as HistoryEntry, History, Since};
pub use management::{Inspection, Management};
pub use message::{
    Message, Properties,
    headers::{Headers, OwnHeaders, Value},
    origin::Origin,
    signature::Keys,
};
pub use observer::{Observer, Published};
pub use publish::{outgoing::Outgoing, publisher::Publisher};
pub use record_log::{RecordLog, Records};
pub use session::{lifetime::Cause, readiness::Readiness};
pub use settings::Settings;
pub use topology::{
    Topology, WorkQueue,
    declare::{declare, delete},
    history::Retention,
    inventory::{Applied, Found, Inventory, Kind, State},
    schedule::Schedule,
};
