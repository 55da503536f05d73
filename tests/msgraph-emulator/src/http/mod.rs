//! HTTP: the server, requests as they are read, and answers as they are sent.

pub(crate) mod pace;
pub(crate) mod paging;
pub(crate) mod query;
pub(crate) mod refusal;
pub(crate) mod reply;
pub(crate) mod request;
pub(crate) mod server;
pub(crate) mod tls;
