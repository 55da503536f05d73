//! Microsoft's published limits: requests per service, client and time.
//!
//! Every limit is a bucket. Requests fill it by their cost, and it drains evenly over the limit's
//! time; a request that no longer fits is refused with the time after which it would. A refused request
//! fills the bucket too, up to 1.8 times its size, so that a client that repeats at once waits longer.
//! The clock is the real one; [`Limits::scaled`] makes sizes and times small enough for a test.
//!
//! The numbers are those of Graph's page on throttling limits and of SharePoint's on throttling (read
//! 2026-08; Entra's are of 2023, no newer ones were found).

mod bucket;
mod cost;
mod limiter;
mod service;
mod size;
#[cfg(test)]
mod tests;

pub use limiter::Usage;
pub(crate) use limiter::{Admission, Hold, Limiter, MAILBOX_CONCURRENCY};
pub(crate) use service::mailbox;
pub use size::Limits;
