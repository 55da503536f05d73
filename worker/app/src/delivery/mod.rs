//! Deliveries: from arrival to acknowledgement, whatever a message requests.
//!
//! A [`Consumer`](consume::Consumer) receives, decodes, works once per process, publishes in order, settles, and sets
//! aside. It is generic over one trait, [`Work`](work::Work), and knows nothing of runs: what a message means, and what
//! follows from it, is the work's business.

pub mod consume;
pub mod decode;
pub mod neighbours;
pub mod outbox;
pub mod places;
pub mod publishers;
pub mod queues;
pub mod recent;
pub mod replies;
pub mod work;

#[cfg(test)]
mod tests;
