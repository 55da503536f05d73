//! A log of small records: each is appended with a confirm, and all are read in one order from an offset.
//!
//! It is a RabbitMQ stream. A session has two connections and is never repaired: when any part fails, all of it ends.

use std::{sync::Arc, time::Duration};

use futures_util::StreamExt;
use lapin::{
    BasicProperties, Channel, Confirmation,
    options::{
        BasicAckOptions, BasicConsumeOptions, BasicPublishOptions, BasicQosOptions, ConfirmSelectOptions,
    },
    types::{AMQPValue, FieldTable},
};
use tokio::time::timeout;

use crate::{
    Cause, Error, Found, Kind as Entry, Settings, State,
    session::{
        connection::{BrokerConnection, Role},
        lifetime::SessionLifetime,
        open_channel,
    },
    topology::declare::{counts_on, record_stream_on, short},
};

/// What travels in a stream, and how it is read.
#[derive(Clone, Copy)]
struct Kind {
    content_type: &'static str,
    /// How many messages the broker sends ahead. A stream refuses a consumer without a limit.
    ahead: u16,
    /// One acknowledgement for so many messages. There is no nack: RabbitMQ 3.10 closes the connection, and 4.0 takes it
    /// for an acknowledgement.
    acknowledge_every: u32,
}

/// One acknowledgement for each record is five times slower (RabbitMQ 3.10.8 and 4.0.5, measured 2026-11).
const RECORDS: Kind = Kind { content_type: "application/json", ahead: 500, acknowledge_every: 100 };
/// Parts are large, and what the broker sends ahead waits in the reader's memory.
const SNAPSHOTS: Kind = Kind { content_type: "application/octet-stream", ahead: 4, acknowledge_every: 1 };

/// The header in which the broker says where a record stands.
pub(crate) const OFFSET: &str = "x-stream-offset";

/// A session with the log.
pub struct RecordLog {
    name: String,
    kind: Kind,
    /// Through which records travel.
    exchange: String,
    limit: Duration,
    lifetime: SessionLifetime,
    appending: Channel,
    publish: BrokerConnection,
    consume: BrokerConnection,
}

impl RecordLog {
    /// Opens a session with the ledger of the settings' prefix, and declares its stream unless the settings forbid it.
    ///
    /// # Errors
    /// When the broker cannot be reached or refuses. While the leader of the stream changes it refuses with 406 or 541
    /// for a second or two (RabbitMQ 4.0.5, seen 2026-11): try again at once.
    pub async fn open(settings: &Settings) -> Result<Self, Error> {
        let name = settings.topology()?.ledger();
        Self::open_limited(settings, name, RECORDS).await
    }

    /// The same for the snapshots of the ledger, in whose stream only the newest are kept.
    ///
    /// # Errors
    /// As for [`RecordLog::open`].
    pub async fn open_snapshots(settings: &Settings) -> Result<Self, Error> {
        let name = settings.topology()?.ledger_snapshots();
        Self::open_limited(settings, name, SNAPSHOTS).await
    }

    async fn open_limited(settings: &Settings, name: String, kind: Kind) -> Result<Self, Error> {
        let limit = settings.connect_timeout;
        let opening = Self::open_unlimited(settings, name, kind);
        timeout(limit, opening).await.map_err(|_| Error::no_answer(limit.as_secs()))?
    }

    async fn open_unlimited(settings: &Settings, name: String, kind: Kind) -> Result<Self, Error> {
        let (publish, consume) = tokio::try_join!(
            BrokerConnection::open(settings, Role::Publish),
            BrokerConnection::open(settings, Role::Read)
        )?;
        let appending = open_channel(&publish).await?;
        let failed = |error: lapin::Error| Error::from_lapin("cannot open the ledger", &error);
        appending.confirm_select(ConfirmSelectOptions::default()).await.map_err(failed)?;
        let topology = settings.topology()?;
        record_stream_on(&appending, &topology, &name, settings.declare).await?;
        // A healthy deployment misses nothing, though a snapshot comes only after thousands of records.
        for other in [topology.ledger(), topology.ledger_snapshots()] {
            if settings.declare && other != name {
                record_stream_on(&appending, &topology, &other, true).await?;
            }
        }
        let lifetime = SessionLifetime::default();
        for connection in [&publish, &consume] {
            let _never_blocked = connection.watch(lifetime.clone(), Arc::new(()));
        }
        let (limit, exchange) = (settings.publish_timeout, topology.ledger());
        Ok(Self { name, kind, exchange, limit, lifetime, appending, publish, consume })
    }

    /// Appends a record and waits until the broker has stored it on a majority of its replicas.
    ///
    /// # Errors
    /// [`Error::is_session_lost`] once the session has ended: the record may be in the log, or come to it.
    pub async fn append(&self, body: &[u8]) -> Result<(), Error> {
        let (name, exchange) = (short(&self.name)?, short(&self.exchange)?);
        let options = BasicPublishOptions { mandatory: true, ..BasicPublishOptions::default() };
        let properties =
            BasicProperties::default().with_delivery_mode(2).with_content_type(self.kind.content_type.into());
        let publish = async {
            let written = self.appending.basic_publish(exchange, name, options, body, properties).await?;
            written.await
        };
        let answer = tokio::select! {
            biased;
            () = self.lifetime.over() => return Err(self.lifetime.lost()),
            answer = timeout(self.limit, publish) => answer,
        };
        match answer {
            Ok(Ok(Confirmation::Ack(None))) => return Ok(()),
            // lapin hands a returned message to the next confirm, whosever that is: nothing is known any more.
            Ok(Ok(_)) => self.lifetime.end(Cause::PublishFailed, "the ledger did not take a record"),
            Ok(Err(error)) => self.lifetime.end(Cause::PublishFailed, error),
            Err(_) => self.lifetime.end(Cause::PublishTimedOut, "a record was not confirmed in time"),
        }
        Err(self.lifetime.lost())
    }

    /// Reads the log from an offset, or from its first record. An offset beyond the end is no error: the broker says
    /// nothing until the log is that long.
    ///
    /// # Errors
    /// When the broker refuses.
    pub async fn read(&self, from: Option<u64>) -> Result<Records, Error> {
        let offset = match from {
            Some(offset) => AMQPValue::LongLongInt(i64::try_from(offset).unwrap_or(i64::MAX)),
            None => AMQPValue::LongString("first".into()),
        };
        self.read_from(offset, from).await
    }

    /// Reads the log from near its end: the last records that the broker stored together. Of an empty log it reads
    /// what is appended later.
    ///
    /// # Errors
    /// When the broker refuses.
    pub async fn read_last(&self) -> Result<Records, Error> {
        self.read_from(AMQPValue::LongString("last".into()), None).await
    }

    async fn read_from(&self, offset: AMQPValue, from: Option<u64>) -> Result<Records, Error> {
        let failed = |error: lapin::Error| Error::from_lapin("cannot read the ledger", &error);
        let channel = open_channel(&self.consume).await?;
        channel.basic_qos(self.kind.ahead, BasicQosOptions::default()).await.map_err(failed)?;
        let mut arguments = FieldTable::default();
        arguments.insert(OFFSET.into(), offset);
        let options = BasicConsumeOptions::default();
        // The broker names the consumer: one connection may have several.
        let consumer = channel.basic_consume(short(&self.name)?, "".into(), options, arguments);
        let consumer = consumer.await.map_err(failed)?;
        Ok(Records {
            consumer,
            lifetime: self.lifetime.clone(),
            acknowledge_every: self.kind.acknowledge_every,
            unacknowledged: 0,
            from,
            _channel: channel,
        })
    }

    /// Looks at queues, given by their full names, through the connection that reads: it is there in every worker, and
    /// the broker never blocks it. A queue that the broker does not show counts as missing.
    ///
    /// # Errors
    /// When the broker does not answer in time, or the session has ended.
    pub async fn look(&self, queues: &[String]) -> Result<Vec<Found>, Error> {
        let limit = self.limit;
        timeout(limit, self.look_unlimited(queues)).await.map_err(|_| Error::no_answer(limit.as_secs()))?
    }

    async fn look_unlimited(&self, queues: &[String]) -> Result<Vec<Found>, Error> {
        let mut channel = open_channel(&self.consume).await?;
        let mut all = Vec::with_capacity(queues.len());
        for name in queues {
            let state = match counts_on(&channel, name).await {
                Ok(Some((messages, consumers))) => State::Holds { messages, consumers },
                Ok(None) | Err(_) => {
                    channel = open_channel(&self.consume).await?;
                    State::Missing
                }
            };
            all.push(Found { kind: Entry::Queue, name: name.clone(), state });
        }
        // Only a connection that is lost fails here, and then the session ends.
        let _ = channel.close(200, "OK".into()).await;
        Ok(all)
    }

    /// Ends the session.
    pub async fn close(&self) {
        self.lifetime.end(Cause::Shutdown, "the ledger is not needed any more");
        tokio::join!(self.publish.close(), self.consume.close());
    }
}

/// Records in their order.
pub struct Records {
    consumer: lapin::Consumer,
    lifetime: SessionLifetime,
    acknowledge_every: u32,
    unacknowledged: u32,
    from: Option<u64>,
    /// Closes with the reader.
    _channel: Channel,
}

impl Records {
    /// Waits for the next record, and where it stands.
    ///
    /// # Errors
    /// When the session has ended.
    pub async fn next(&mut self) -> Result<(u64, Vec<u8>), Error> {
        loop {
            let delivery = tokio::select! {
                biased;
                () = self.lifetime.over() => return Err(self.lifetime.lost()),
                delivery = self.consumer.next() => delivery,
            };
            let Some(Ok(delivery)) = delivery else {
                self.lifetime.end(Cause::ConsumerLost, "the broker ended the reader of the ledger");
                return Err(self.lifetime.lost());
            };
            let headers = delivery.properties.headers().as_ref();
            let offset = headers.and_then(|headers| headers.inner().get(OFFSET)).and_then(as_offset);
            self.acknowledge(&delivery).await;
            let Some(offset) = offset else {
                self.lifetime.end(Cause::ConsumerLost, "a record of the ledger has no offset");
                return Err(self.lifetime.lost());
            };
            // The broker begins with the chunk that the offset is in.
            if self.from.is_none_or(|from| offset >= from) {
                return Ok((offset, delivery.data));
            }
        }
    }

    async fn acknowledge(&mut self, delivery: &lapin::message::Delivery) {
        self.unacknowledged += 1;
        if self.unacknowledged >= self.acknowledge_every {
            self.unacknowledged = 0;
            // If it is lost the channel is, and the next record does not come.
            let _ = delivery.acker.ack(BasicAckOptions { multiple: true }).await;
        }
    }
}

pub(crate) fn as_offset(value: &AMQPValue) -> Option<u64> {
    match value {
        AMQPValue::LongLongInt(offset) => u64::try_from(*offset).ok(),
        AMQPValue::LongInt(offset) => u64::try_from(*offset).ok(),
        _ => None,
    }
}
