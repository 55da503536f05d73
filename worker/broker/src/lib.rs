//! RabbitMQ as the worker needs it: messages come in, messages go out, none is lost on the way.
//!
//! What it never does: know what is in a message; lose one that it accepted; settle a delivery twice, or
//! through another session than the one it came from; repair half a session; send a header of the
//! broker's; keep a registry of metrics; print a password, a body or a header.
//!
//! Start reading at [`Consumer`] (deliveries, and the loop that never ends by itself), then [`Publisher`]
//! (one message, one answer), [`Topology`] (what there is in the broker) and [`DeadLetters`] (what an
//! operator does with what was set aside). A command-line tool starts at [`Client`].

mod client;
mod consumer;
mod dead;
mod dead_letters;
mod declare;
mod delay;
mod delivery;
mod error;
mod headers;
mod life;
mod link;
mod message;
mod observer;
mod outgoing;
mod publisher;
mod readiness;
mod reconnect;
mod session;
mod settings;
mod topology;

pub use client::{Client, Results};
pub use consumer::{Consumer, Ended, Handler};
pub use dead::{CRASH_LOOP, DeadLetter, EXPIRED, UNKNOWN, UNROUTABLE};
pub use dead_letters::{DeadLetters, Entry, Filter, Report, Selection};
pub use declare::{declare, delete, verify};
pub use delay::{Due, STEPS, is_early, step_for};
pub use delivery::{Delivery, Receipt};
pub use error::Error;
pub use headers::{Headers, OwnHeaders, Value};
pub use life::Cause;
pub use message::{Message, Properties};
pub use observer::{Observer, Published};
pub use outgoing::Outgoing;
pub use publisher::Publisher;
pub use readiness::Readiness;
pub use settings::Settings;
pub use topology::{Topology, WorkQueue};
