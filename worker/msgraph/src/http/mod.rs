//! HTTP: how a request is built, sent, answered and retried, page by page or in a batch.

pub(crate) mod batching;
pub(crate) mod call;
pub(crate) mod client;
pub(crate) mod download;
pub(crate) mod json;
pub(crate) mod links;
pub(crate) mod listing;
pub(crate) mod paging;
pub(crate) mod path;
pub(crate) mod read_ahead;
pub(crate) mod request;
pub(crate) mod response;
pub(crate) mod retry;
pub(crate) mod retry_after;
pub(crate) mod transport;
