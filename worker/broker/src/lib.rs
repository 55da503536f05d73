//! RabbitMQ as the worker needs it: messages come in, messages go out, none is lost on the way.
//!
//! What it never does: know what is in a message; lose one that it accepted; settle a delivery twice, or
//! through another session than the one it came from; repair half a session; send a header of the
//! broker's; keep a registry of metrics; print a password, a body or a header.
//!
//! Start reading at [`Consumer`] (deliveries, and the loop that never ends by itself), then [`Publisher`]
//! (one message, one answer), [`Topology`] (what there is in the broker) and [`DeadLetters`] (what an
//! operator does with what was set aside). A command-line tool starts at [`Client`].
//!
//! # What AMQP does to the careless, and what rules it out here
//!
//! The tests are in `tests/broker/`, or at the foot of the module named.
//!
//! | Trap | Ruled out by |
//! |---|---|
//! | a header of the broker's (`x-death`) sent on makes the next delay drop or keep the message | type: [`OwnHeaders`] is all that leaves and cannot hold one; `a_message_can_be_delayed_again_and_again` |
//! | a returned message is taken for a confirmed one | a channel for each publish; `a_thousand_messages_nobody_takes_are_each_reported`, `a_publish_that_is_given_up_does_not_answer_for_another` |
//! | `wait_for_confirms` returns early | not used; each publish awaits its own confirm |
//! | an acknowledgement that went nowhere | [`Receipt::ack`] checks lapin's answer; `what_belongs_to_a_lost_session_fails_and_comes_again` |
//! | a delivery settled twice, or never | type: [`Receipt::ack`] takes the receipt; dropped, it ends the session: `a_receipt_that_is_dropped_brings_the_message_again` |
//! | the channel goes while work is in flight | the session owns it until the last handler is done; `what_was_begun_is_finished_and_what_was_prefetched_goes_back` |
//! | acknowledgements stuck behind blocked publishes | two connections; `while_the_broker_blocks_nothing_is_given_up_and_nothing_begun` |
//! | a publish given up during an alarm is stored twice | its time does not run then; the same test |
//! | a broker that accepts and says nothing | one limit round all of it; `a_broker_that_does_not_answer_is_given_up_in_time_and_the_socket_closed` |
//! | a heartbeat of a minute | [`Settings::heartbeat`]; `a_broker_that_falls_silent_is_noticed_by_its_missing_heartbeat` |
//! | half-recovered sessions | lapin's recovery is off, sessions are replaced whole; `a_wire_cut_again_and_again_loses_nothing` |
//! | the end of the stream taken for the end of the work | it ends the session; `a_queue_deleted_under_the_consumer_is_declared_again` |
//! | return to the queue as a retry; reject on a stream | there is no nack and no reject in the interface; retries are [`Outgoing::delayed`] |
//! | no prefetch, or a global one | a consumer cannot be opened without a number (`session/mod.rs`); `no_more_handlers_run_at_once_than_asked_for` |
//! | `x-first-death-…` names the wrong queue | `the_brokers_own_letters_name_the_queue_of_the_last_death_not_of_the_first` in `dead_letters/letter.rs` |
//! | looking at dead letters until they are deleted | the queues' limit is a million; `queues_that_are_only_looked_at_survive_a_million_looks` in `topology/mod.rs` |
//! | two operators at once; `exclusive` is ignored on quorum queues | a lock queue; `a_second_operator_is_refused_until_the_first_is_done` |
//! | dead-lettering that is at-most-once after all; a delay without alternate exchange; `#` that hides unroutable events | the tests of `topology/mod.rs` |
//! | a queue's argument changed in code | `a_queue_with_other_arguments_is_refused_by_name` |
//! | a full queue that refuses | `a_refused_message_is_offered_again_until_there_is_room`; its limit is soft, so nothing here counts on the exact number |
//! | a routing key over 255 bytes (lapin panics) | `what_may_not_leave_is_refused_before_it_leaves` |
//! | headers over a frame (the connection closes) | `no_headers_are_too_large_to_be_set_aside_or_delayed_again` in `publish/outgoing.rs` |
//! | text that is no UTF-8, headers nested without end (lapin aborts the process) | `session/sanitize.rs`; `headers_nested_without_end_do_not_end_the_worker`, `text_that_is_no_text_arrives_with_question_marks` |
//! | personal data in logs | `Debug` of [`Message`] and [`Outgoing`] shows neither body nor headers. lapin itself logs a returned message with its body at `WARN`, so whoever sets up logging leaves the target `lapin` at `ERROR` |
//!
//! What cannot be ruled out: a message may come again although its acknowledgement was written, since
//! AMQP does not answer one. Whoever handles messages has to be able to handle one twice.

mod client;
mod consume;
mod dead_letters;
mod error;
mod message;
mod observer;
mod publish;
mod session;
mod settings;
#[cfg(test)]
mod testing;
mod topology;

pub use client::{Client, Results};
pub use consume::{
    consumer::{Consumer, Ended, Handler},
    delay::{Due, STEPS},
    delivery::{Delivery, Receipt},
};
pub use dead_letters::{
    DeadLetters, Entry, Filter, Report, Selection,
    letter::{DeadLetter, EXPIRED},
};
pub use error::Error;
pub use message::{
    Message, Properties,
    headers::{Headers, OwnHeaders, Value},
};
pub use observer::{Observer, Published};
pub use publish::{outgoing::Outgoing, publisher::Publisher};
pub use session::{lifetime::Cause, readiness::Readiness};
pub use settings::Settings;
pub use topology::{
    Topology, WorkQueue,
    declare::{declare, delete},
};
