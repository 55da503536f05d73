//! The lock on the dead letters of a queue, and how long the broker may take to give them out.

use std::time::Duration;

use lapin::{options::QueueDeclareOptions, types::FieldTable};

use super::letter;
use crate::{
    Error,
    error::reply_code,
    session::{connection::BrokerConnection, open_channel},
    topology::declare,
};

/// Waits no longer than this. A cluster without a majority accepts connections and answers nothing that needs a queue
/// (RabbitMQ 4.0.5, one node of three: 30 s, then 541 INTERNAL_ERROR).
///
/// # Errors
/// Those of the work; or the broker did not answer in time.
pub(super) async fn answered<T>(
    limit: Duration,
    work: impl Future<Output = Result<T, Error>>,
) -> Result<T, Error> {
    tokio::time::timeout(limit, work).await.map_err(|_| Error::no_answer(limit.as_secs()))?
}

/// RabbitMQ 3.10.8 silently ignores `exclusive` on a consumer of a quorum queue (measured 2026-11-21). So the
/// lock is a separate queue that belongs to this connection and is deleted with it.
pub(super) async fn lock(connection: &BrokerConnection, queue: &str) -> Result<(), Error> {
    let channel = open_channel(connection).await?;
    let options = QueueDeclareOptions { exclusive: true, ..QueueDeclareOptions::default() };
    let name = declare::short(&letter::lock_of(queue))?;
    match channel.queue_declare(name, options, FieldTable::default()).await {
        Ok(_) => Ok(()),
        Err(error) if reply_code(&error) == Some(405) => Err(Error::locked(queue)),
        Err(error) => Err(Error::from_lapin("cannot lock the dead letters", &error)),
    }
}
