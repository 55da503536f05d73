//! Requests and answers: transport, retries, pages and errors.

mod bytes;
mod paging;
mod refusals;
mod retries;
mod secrets;
mod transport;
