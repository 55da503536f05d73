//! The history of results, read from a place to the end that it had when the reading began.
//!
//! It is a RabbitMQ stream: what was read stays. A session has one connection and is never repaired: when it breaks, the
//! reading fails, and nothing passes for complete that is not.

use std::{sync::Arc, time::Duration};

use futures_util::StreamExt;
use jiff::{SignedDuration, Timestamp};
use lapin::{
    Channel,
    message::Delivery,
    options::{BasicAckOptions, BasicConsumeOptions, BasicQosOptions},
    types::{AMQPValue, FieldTable},
};
use tokio::time::{Instant, timeout};

use crate::{
    Cause, Error, Settings,
    message::{PERSON, Properties, headers::Headers},
    record_log::{OFFSET, as_offset},
    session::{
        connection::{BrokerConnection, Role},
        lifetime::SessionLifetime,
        open_channel,
    },
    topology::declare::short,
};

/// How many entries the broker sends ahead, and how many are acknowledged at once: twice as fast as with a prefetch of
/// 20,000, three times as fast as with an acknowledgement for each (RabbitMQ 3.10.8, measured 2026-11-28).
const AHEAD: u16 = 1_000;
const ACKNOWLEDGE_EVERY: u32 = 250;

/// How long the broker may take to send the first of the last entries. After that the history counts as empty.
const FIRST_WITHIN: Duration = Duration::from_secs(3);
/// When no more came for so long, the last entry has come: the broker sends together what it stored together.
const QUIET: Duration = Duration::from_millis(400);
/// Entries may be stored without end while the last one is looked for.
const END_WITHIN: Duration = Duration::from_secs(5);

/// How long the broker may be silent in the middle. It is while it passes over what a filter leaves out.
const SILENCE_FILTERED: Duration = Duration::from_secs(15);
const SILENCE: Duration = Duration::from_secs(60);

/// The broker finds a time by its own clock, which stored the entry later than its worker made it.
const CLOCKS_APART: SignedDuration = SignedDuration::from_mins(30);

const FILTER: &str = "x-stream-filter";
const UNFILTERED: &str = "x-stream-match-unfiltered";

/// A session that reads the history.
pub struct History {
    name: String,
    lifetime: SessionLifetime,
    connection: BrokerConnection,
}

/// The place from which the history is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Since {
    /// The oldest entry that is kept.
    First,
    /// The entry with this number, or the oldest after it.
    Offset(u64),
    /// Entries that were made at this time or later.
    Time(Timestamp),
}

/// The last entry of the history when it was looked for.
#[derive(Clone, Debug)]
pub struct End {
    /// Its number.
    pub offset: u64,
    at: Option<Timestamp>,
    person: Option<String>,
}

/// One result in the history.
pub struct Entry {
    /// Its number: each has a higher one than those before it.
    pub offset: u64,
    /// When it was made, in whole seconds.
    pub at: Option<Timestamp>,
    /// Whom it is about, if it says so.
    pub person: Option<String>,
    /// The result.
    pub body: Vec<u8>,
}

impl History {
    /// Opens a session with the history of the settings' prefix.
    ///
    /// # Errors
    /// When the broker cannot be reached or refuses.
    pub async fn open(settings: &Settings) -> Result<Self, Error> {
        Self::open_stream(settings, settings.topology()?.history()).await
    }

    /// Opens a session with what runs took away, which is read in the same way.
    ///
    /// # Errors
    /// When the broker cannot be reached or refuses.
    pub async fn open_snapshots(settings: &Settings) -> Result<Self, Error> {
        Self::open_stream(settings, settings.topology()?.snapshots()).await
    }

    async fn open_stream(settings: &Settings, name: String) -> Result<Self, Error> {
        let connection = BrokerConnection::open(settings, Role::Consume).await?;
        let lifetime = SessionLifetime::default();
        let _never_blocked = connection.watch(lifetime.clone(), Arc::new(()));
        Ok(Self { name, lifetime, connection })
    }

    /// Looks for the last entry; nothing if there is none.
    ///
    /// # Errors
    /// When the broker refuses, or the session ends.
    pub async fn end(&self) -> Result<Option<End>, Error> {
        let mut last = self.consume(AMQPValue::LongString("last".into()), None).await?;
        let (mut end, mut patience, began) = (None, FIRST_WITHIN, Instant::now());
        while began.elapsed() < END_WITHIN {
            match timeout(patience, last.next(&self.lifetime)).await {
                Ok(entry) => {
                    let Entry { offset, at, person, .. } = entry?;
                    end = Some(End { offset, at, person });
                    patience = QUIET;
                }
                Err(_) => break,
            }
        }
        Ok(end)
    }

    /// Reads from a place to this end, the end included.
    ///
    /// With people in `about`, the broker may leave out what is about others; it sends what is about nobody. Since
    /// brokers differ in that, the reader looks at each entry all the same.
    ///
    /// # Errors
    /// When the broker refuses.
    pub async fn read(&self, since: Since, end: &End, about: &[String]) -> Result<Entries<'_>, Error> {
        let is_past =
            |at: &Timestamp| matches!(since, Since::Time(since) if at.duration_since(since) < -CLOCKS_APART);
        // Of a time after its last entry the broker would say nothing until there is one.
        let is_over =
            end.at.as_ref().is_some_and(is_past) || matches!(since, Since::Offset(from) if from > end.offset);
        // The end comes through the filter, so that it is known when everything has come.
        let about = (!about.is_empty()).then(|| about.iter().chain(&end.person).cloned().collect::<Vec<_>>());
        let consuming = self.consume(offset_of(since), about.as_deref()).await?;
        Ok(Entries {
            history: self,
            since,
            end: end.offset,
            next: None,
            is_over,
            consuming,
            is_filtered: about.is_some(),
        })
    }

    async fn consume(&self, from: AMQPValue, about: Option<&[String]>) -> Result<Consuming, Error> {
        let failed = |error: lapin::Error| Error::from_lapin("cannot read the history", &error);
        let channel = open_channel(&self.connection).await?;
        channel.basic_qos(AHEAD, BasicQosOptions::default()).await.map_err(failed)?;
        let mut arguments = FieldTable::default();
        arguments.insert(OFFSET.into(), from);
        if let Some(about) = about {
            let people: Vec<_> = about.iter().map(|id| AMQPValue::LongString(id.as_str().into())).collect();
            arguments.insert(FILTER.into(), AMQPValue::FieldArray(people.into()));
            arguments.insert(UNFILTERED.into(), AMQPValue::Boolean(true));
        }
        let options = BasicConsumeOptions::default();
        // The broker names the consumer: one connection may have several.
        let consumer = channel.basic_consume(short(&self.name)?, "".into(), options, arguments);
        let consumer = consumer.await.map_err(failed)?;
        Ok(Consuming { consumer, unacknowledged: 0, _channel: channel })
    }

    /// Ends the session.
    pub async fn close(self) {
        self.lifetime.end(Cause::Shutdown, "the history is not needed any more");
        self.connection.close().await;
    }
}

/// A consumer of the history.
struct Consuming {
    consumer: lapin::Consumer,
    unacknowledged: u32,
    /// Closes with the reader.
    _channel: Channel,
}

impl Consuming {
    /// Waits for the next entry.
    async fn next(&mut self, lifetime: &SessionLifetime) -> Result<Entry, Error> {
        let delivery = tokio::select! {
            biased;
            () = lifetime.over() => return Err(lifetime.lost()),
            delivery = self.consumer.next() => delivery,
        };
        let Some(Ok(delivery)) = delivery else {
            lifetime.end(Cause::ConsumerLost, "the broker ended the reader of the history");
            return Err(lifetime.lost());
        };
        self.acknowledge(&delivery).await;
        let table = delivery.properties.headers().as_ref();
        let Some(offset) = table.and_then(|table| table.inner().get(OFFSET)).and_then(as_offset) else {
            lifetime.end(Cause::ConsumerLost, "an entry of the history has no offset");
            return Err(lifetime.lost());
        };
        let person = table.and_then(|table| Headers::text_on_wire(table, PERSON));
        Ok(Entry { offset, at: Properties::time_on_wire(&delivery.properties), person, body: delivery.data })
    }

    /// A stream knows no nack: RabbitMQ 3.10 closes the connection, and 4.0 takes it for an acknowledgement.
    async fn acknowledge(&mut self, delivery: &Delivery) {
        self.unacknowledged += 1;
        if self.unacknowledged >= ACKNOWLEDGE_EVERY {
            self.unacknowledged = 0;
            // If it is lost the channel is, and the next entry does not come.
            let _ = delivery.acker.ack(BasicAckOptions { multiple: true }).await;
        }
    }
}

/// Entries in their order, up to an end.
pub struct Entries<'a> {
    history: &'a History,
    since: Since,
    end: u64,
    /// The number after that of the last entry that came.
    next: Option<u64>,
    is_over: bool,
    is_filtered: bool,
    consuming: Consuming,
}

impl Entries<'_> {
    /// Waits for the next entry; nothing after the end.
    ///
    /// # Errors
    /// When the session has ended, or the broker says no more before the end.
    pub async fn next(&mut self) -> Result<Option<Entry>, Error> {
        while !self.is_over {
            let silence = if self.is_filtered { SILENCE_FILTERED } else { SILENCE };
            let Ok(entry) = timeout(silence, self.consuming.next(&self.history.lifetime)).await else {
                self.go_on_without_filter().await?;
                continue;
            };
            let entry = entry?;
            self.is_over = entry.offset >= self.end;
            self.next = Some(entry.offset.saturating_add(1));
            if entry.offset <= self.end && self.is_wanted(&entry) {
                return Ok(Some(entry));
            }
        }
        Ok(None)
    }

    /// The broker begins with all that it stored together with the entry that is asked for.
    fn is_wanted(&self, entry: &Entry) -> bool {
        match self.since {
            Since::First => true,
            Since::Offset(from) => entry.offset >= from,
            Since::Time(since) => entry.at.is_none_or(|at| at >= since),
        }
    }

    /// A broker that is silent may have a filter that lets the end not pass: it is asked for everything that is left.
    async fn go_on_without_filter(&mut self) -> Result<(), Error> {
        if !self.is_filtered {
            let silent = "the broker stopped sending the history before its end; try again";
            self.history.lifetime.end(Cause::ConsumerLost, silent);
            return Err(self.history.lifetime.lost());
        }
        self.is_filtered = false;
        let from = self.next.map_or(offset_of(self.since), |next| offset_of(Since::Offset(next)));
        self.consuming = self.history.consume(from, None).await?;
        Ok(())
    }
}

fn offset_of(since: Since) -> AMQPValue {
    match since {
        Since::First => AMQPValue::LongString("first".into()),
        Since::Offset(offset) => AMQPValue::LongLongInt(i64::try_from(offset).unwrap_or(i64::MAX)),
        Since::Time(at) => {
            let early = at.checked_sub(CLOCKS_APART * 2).unwrap_or(Timestamp::UNIX_EPOCH);
            AMQPValue::Timestamp(u64::try_from(early.as_second()).unwrap_or_default())
        }
    }
}
