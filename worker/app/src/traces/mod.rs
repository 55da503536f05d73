//! Traces: what an event led to, from its publisher through the work on it to whoever reads its results.
//!
//! - The work on a message belongs to the trace that the message names, and results name the span that sent them. That is
//!   so in every build: one without the feature `otlp` passes on what the event came with.
//! - A run that sleeps may do so for days. When it wakes it starts a trace of its own, with a link to the one before.
//! - Spans are made by hand and not from the log: a span has the attributes that `otlp` writes, and none of them is a
//!   person. No name, no address, no object id, no id that a publisher chose, no text of an error.
//! - Nothing waits for a receiver: spans that it does not take are lost.

pub mod context;
pub mod graph;
#[cfg(feature = "otlp")]
pub mod otlp;
#[cfg(not(feature = "otlp"))]
#[path = "absent.rs"]
pub mod otlp;
pub mod span;
#[cfg(feature = "otlp")]
mod variables;
