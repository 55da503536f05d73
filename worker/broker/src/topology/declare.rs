//! Declares, checks and deletes the topology in the broker.

use futures_util::future::try_join_all;
use lapin::{
    Channel,
    options::{
        ExchangeDeclareOptions, ExchangeDeleteOptions, QueueBindOptions, QueueDeclareOptions,
        QueueDeleteOptions,
    },
    types::{FieldTable, ShortString},
};

use super::{Binding, Exchange, Queue, schedule::Schedule};
use crate::{
    Error, Settings, Topology,
    error::reply_code,
    session::{
        connection::{BrokerConnection, Role},
        open_channel,
    },
};

/// Declares the missing exchanges, queues and bindings.
///
/// # Errors
/// When the broker cannot be reached, the configure permission is missing, or a queue or exchange exists with
/// other arguments; the error names it.
pub async fn declare(settings: &Settings) -> Result<(), Error> {
    let topology = settings.topology()?;
    let connection = BrokerConnection::open(settings, Role::Consume).await?;
    let declared = declare_through(&connection, &topology).await.map(|_channel| ());
    connection.close().await;
    declared
}

/// Deletes every queue and exchange of the prefix, with all messages in them.
///
/// # Errors
/// When the broker cannot be reached or the configure permission is missing.
pub async fn delete(settings: &Settings) -> Result<(), Error> {
    with_channel(settings, async |channel, topology| {
        let ledger = [topology.ledger(), topology.ledger_snapshots()];
        let queues = topology.queues().into_iter().map(|queue| queue.name).chain(ledger);
        let queues = queues.map(async |queue| {
            channel.queue_delete(short(&queue)?, QueueDeleteOptions::default()).await.map_err(refused)
        });
        try_join_all(queues).await?;
        let exchanges = topology.exchanges();
        let exchanges = exchanges.iter().map(async |exchange| {
            channel
                .exchange_delete(short(&exchange.name)?, ExchangeDeleteOptions::default())
                .await
                .map_err(refused)
        });
        try_join_all(exchanges).await.map(|_| ())
    })
    .await
}

/// Declares everything that is missing on a channel, which stays open.
///
/// A history and snapshots that exist stay as they are, however long the settings would keep them: nobody can change the
/// arguments of a stream, and a worker that refuses to start because of them helps nobody. A policy changes how long they
/// are kept.
pub(crate) async fn declare_through(
    connection: &BrokerConnection,
    topology: &Topology,
) -> Result<Channel, Error> {
    let mut channel = open_channel(connection).await?;
    let mut kept = Vec::new();
    for stream in [topology.history(), topology.snapshots()] {
        match depth_on(&channel, &stream).await? {
            Some(_) => kept.push(stream),
            // The broker closed the channel because the queue is missing.
            None => channel = open_channel(connection).await?,
        }
    }
    declare_on(&channel, topology, &kept).await?;
    Ok(channel)
}

/// Declares everything at once: writes all requests without waiting for the answers. The broker keeps their
/// order. These queues stay as they are.
async fn declare_on(channel: &Channel, topology: &Topology, kept: &[String]) -> Result<(), Error> {
    let (exchanges, mut queues, bindings) = (topology.exchanges(), topology.queues(), topology.bindings());
    queues.retain(|queue| !kept.contains(&queue.name));
    let exchanges = try_join_all(exchanges.iter().map(|exchange| declare_exchange(channel, exchange, false)));
    let queues = try_join_all(queues.iter().map(|queue| declare_queue(channel, queue, false)));
    let bindings = try_join_all(bindings.iter().map(|binding| bind(channel, binding)));
    tokio::try_join!(biased; exchanges, queues, bindings).map(|_| ())
}

/// Checks at once that every exchange and queue exists. The first missing one closes the channel.
pub(crate) async fn exists_on(channel: &Channel, topology: &Topology) -> Result<(), Error> {
    let (exchanges, queues) = (topology.exchanges(), topology.queues());
    let exchanges = try_join_all(exchanges.iter().map(|exchange| declare_exchange(channel, exchange, true)));
    let queues = try_join_all(queues.iter().map(|queue| declare_queue(channel, queue, true)));
    tokio::try_join!(biased; exchanges, queues).map(|_| ())
}

/// Declares a stream of the ledger and the way into it, or only checks that it exists.
pub(crate) async fn record_stream_on(
    channel: &Channel,
    topology: &Topology,
    name: &str,
    declare: bool,
) -> Result<(), Error> {
    let (stream, binding) = topology.record_stream(name.to_owned());
    declare_queue(channel, &stream, !declare).await?;
    if !declare {
        return Ok(());
    }
    if let Some(declared) = topology.exchanges().iter().find(|declared| declared.name == binding.exchange) {
        declare_exchange(channel, declared, false).await?;
    }
    bind(channel, &binding).await
}

/// Declares the queue of a schedule, or only checks that it exists.
pub(crate) async fn schedule_on(
    channel: &Channel,
    topology: &Topology,
    schedule: &Schedule,
    declare: bool,
) -> Result<(), Error> {
    let (queue, binding) = schedule.declared(topology);
    declare_queue(channel, &queue, !declare).await?;
    if declare { bind(channel, &binding).await } else { Ok(()) }
}

/// How many messages wait in a queue; `None` if it does not exist, which closes the channel.
pub(crate) async fn depth_on(channel: &Channel, queue: &str) -> Result<Option<u32>, Error> {
    Ok(counts_on(channel, queue).await?.map(|(messages, _)| messages))
}

/// How many messages wait in a queue, and how many consumers it has; `None` if it does not exist. The broker closes the
/// channel then, and when it refuses.
pub(crate) async fn counts_on(channel: &Channel, queue: &str) -> Result<Option<(u32, u32)>, Error> {
    let options = QueueDeclareOptions { passive: true, ..QueueDeclareOptions::default() };
    match channel.queue_declare(short(queue)?, options, FieldTable::default()).await {
        Ok(queue) => Ok(Some((queue.message_count(), queue.consumer_count()))),
        Err(error) if reply_code(&error) == Some(404) => Ok(None),
        Err(error) => Err(refused(error)),
    }
}

pub(crate) fn short(name: &str) -> Result<ShortString, Error> {
    ShortString::try_new(name).map_err(|_| Error::invalid("a name is longer than 255 bytes; shorten it"))
}

async fn with_channel(
    settings: &Settings,
    work: impl AsyncFnOnce(Channel, &Topology) -> Result<(), Error>,
) -> Result<(), Error> {
    let topology = settings.topology()?;
    let connection = BrokerConnection::open(settings, Role::Consume).await?;
    let channel = connection.channel().await.map_err(refused)?;
    let done = work(channel, &topology).await;
    connection.close().await;
    done
}

pub(super) async fn declare_exchange(
    channel: &Channel,
    exchange: &Exchange,
    passive: bool,
) -> Result<(), Error> {
    let options = ExchangeDeclareOptions { passive, durable: true, ..ExchangeDeclareOptions::default() };
    let Exchange { name, kind, arguments } = exchange;
    channel.exchange_declare(short(name)?, kind.clone(), options, arguments.clone()).await.map_err(refused)
}

pub(super) async fn declare_queue(channel: &Channel, queue: &Queue, passive: bool) -> Result<(), Error> {
    let options = QueueDeclareOptions { passive, durable: true, ..QueueDeclareOptions::default() };
    channel
        .queue_declare(short(&queue.name)?, options, queue.arguments.clone())
        .await
        .map(|_| ())
        .map_err(refused)
}

pub(super) async fn bind(channel: &Channel, binding: &Binding) -> Result<(), Error> {
    let (queue, exchange, key) = (short(&binding.queue)?, short(&binding.exchange)?, short(&binding.key)?);
    let options = QueueBindOptions::default();
    channel.queue_bind(queue, exchange, key, options, FieldTable::default()).await.map_err(refused)
}

#[expect(clippy::needless_pass_by_value, reason = "goes straight into map_err")]
pub(super) fn refused(error: lapin::Error) -> Error {
    Error::from_lapin("the broker rejected the topology", &error)
}
