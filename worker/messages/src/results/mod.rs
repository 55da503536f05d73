//! Results: the CloudEvents that leave.

pub(crate) mod data;
pub(crate) mod dead_letter;
pub(crate) mod event;
pub(crate) mod operator;
pub(crate) mod result_type;
pub(crate) mod run;
pub(crate) mod shut;
pub(crate) mod snapshot;
pub(crate) mod step;
pub(crate) mod sync;
