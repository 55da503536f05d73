//! Requests for work: the events that arrive.

pub(crate) mod cancel;
pub(crate) mod effective;
pub(crate) mod event;
mod invisible;
pub(crate) mod kind;
pub(crate) mod person;
pub(crate) mod run_id;
pub(crate) mod sync;
