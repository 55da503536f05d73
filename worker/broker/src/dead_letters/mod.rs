//! The operator's workbench for dead letters: list, show, replay, discard.
//!
//! **Guarantees**
//! - One operator at a time works on a queue; a second one gets an error.
//! - A replay never makes a message trusted that was not: its [`Origin`] goes with it.
//! - A replay stores the message in its work queue, then publishes the caller's announcement, then removes
//!   the dead letter. A crash between these steps loses nothing; at worst one message exists twice, with the
//!   same message id.
//! - A pass reads each message that was in the queue at its beginning, once. A message that dies again during
//!   the pass is left for the next pass.
//!
//! A pass holds the messages it reads until it ends, so it has to end within the broker's limit for an
//! acknowledgement, 30 minutes by default.

pub(crate) mod entry;
pub(crate) mod letter;
mod lock;
pub(crate) mod portable;

use std::{collections::HashSet, sync::Arc, time::Duration};

use futures_util::StreamExt;
use lapin::{
    Acker, Channel,
    options::{BasicAckOptions, BasicCancelOptions},
};
use tokio::{
    sync::watch,
    time::{Interval, MissedTickBehavior, interval, sleep, timeout},
};

use self::{
    entry::{Entry, Filter, Names, Selection},
    lock::{answered, lock},
};
use crate::{
    Cause, Error, Message, Origin, Outgoing, Publisher, Settings, Topology,
    consume::delay,
    message::{REPLAYS, headers::Value, signature::Keys},
    publish::{outgoing::Address, publisher::PublishSettings},
    session::{
        connection::{BrokerConnection, Role},
        lifetime::SessionLifetime,
        open_channel, open_consumer,
    },
    topology::declare,
};

/// How many messages one channel holds before a further one is opened. Bounds how much the broker sends ahead
/// of a slow replay, and stays below the 2 000 at which RabbitMQ 3.10.8 stops (measured 2026-11-21).
const CHANNEL_CAPACITY: u16 = 500;
/// If no message comes for this long, the queue has become shorter than it was at the beginning.
const IDLE_LIMIT: Duration = Duration::from_secs(5);
/// How long messages that were only read may take to return to the queue.
const RETURN_LIMIT: Duration = Duration::from_secs(5);
const POLL_INTERVAL: Duration = Duration::from_millis(5);

/// What a replay or discard did.
#[derive(Debug, Default)]
pub struct Report {
    /// How many messages it read.
    pub examined: usize,
    /// The ids of those it replayed or discarded.
    pub done: Vec<String>,
    /// The ids of those that failed, and why. They stay dead letters, unless the error says otherwise.
    pub failed: Vec<(String, Error)>,
    /// How many of those selected it did not try, because of the limit or because it was asked to stop.
    pub left: usize,
    /// Whether it was asked to stop.
    pub interrupted: bool,
    /// Why it stopped early. The last message may then exist twice.
    pub stopped: Option<Error>,
}

/// The dead letters of one queue, locked. Dropping it releases the lock.
pub struct DeadLetters {
    topology: Arc<Topology>,
    keys: Option<Keys>,
    queue: String,
    unrouted: bool,
    /// How long the broker may take to hand out the queue.
    limit: Duration,
    consume: BrokerConnection,
    publisher: Publisher,
    publish: Arc<BrokerConnection>,
    lifetime: SessionLifetime,
}

impl DeadLetters {
    /// Opens and locks the dead letters of a work queue; `unrouted` opens the messages that no queue is bound for.
    ///
    /// # Errors
    /// When another operator holds the lock; else as for any connection.
    pub async fn open(settings: &Settings, queue: &str) -> Result<Self, Error> {
        let topology = Arc::new(settings.topology()?);
        let (queue, unrouted) = letter::queue_of(&topology, queue)?;
        let consume = BrokerConnection::open(settings, Role::Consume).await?;
        let limit = settings.connect_timeout;
        answered(limit, lock(&consume, &queue)).await?;
        let publish = Arc::new(BrokerConnection::open(settings, Role::Publish).await?);
        let lifetime = SessionLifetime::default();
        let _never_blocked = consume.watch(lifetime.clone(), Arc::new(()));
        let publish_settings = PublishSettings {
            topology: Arc::clone(&topology),
            keys: settings.keys.clone(),
            lifetime: lifetime.clone(),
            observer: Arc::new(()),
            timeout: settings.publish_timeout,
            channels: 1,
        };
        let publisher = Publisher::new(Arc::clone(&publish), publish_settings);
        let keys = settings.keys.clone();
        Ok(Self { topology, keys, queue, unrouted, limit, consume, publisher, publish, lifetime })
    }

    /// The selected dead letters, oldest first. Changes nothing, so it is also the dry run of a replay.
    ///
    /// # Errors
    /// When the broker refuses or the connection is lost.
    pub async fn list(&self, filter: &Filter) -> Result<Vec<Entry>, Error> {
        let listed = self.list_with(filter, |_, _| ()).await?;
        Ok(listed.into_iter().map(|(entry, ())| entry).collect())
    }

    /// The selected dead letters, oldest first, each with what `describe` makes of its message.
    ///
    /// # Errors
    /// When the broker refuses or the connection is lost.
    pub async fn list_with<T>(
        &self,
        filter: &Filter,
        describe: impl Fn(&Entry, &Message) -> T,
    ) -> Result<Vec<(Entry, T)>, Error> {
        let mut pass = Pass::begin(self).await?;
        let (mut listed, mut names) = (Vec::new(), Names::default());
        while let Some(Found { entry, message, .. }) = pass.next().await? {
            names.add(&entry);
            if filter.matches(&entry, &message) {
                let described = describe(&entry, &message);
                listed.push((entry, described));
            }
        }
        pass.end().await;
        for (entry, _) in &mut listed {
            if names.is_shared(&entry.id) {
                entry.id = entry.full_id();
            }
        }
        Ok(listed)
    }

    /// One dead letter with its content.
    ///
    /// # Errors
    /// When the id names several, the broker refuses or the connection is lost.
    pub async fn get(&self, id: &str) -> Result<Option<(Entry, Message)>, Error> {
        let filter = Filter { ids: vec![id.to_owned()], ..Filter::default() };
        let mut listed = self.list_with(&filter, |_, message| message.clone()).await?;
        filter.refuse_shared(listed.iter().map(|(entry, _)| entry))?;
        Ok(listed.pop())
    }

    /// Sends dead letters back to the queue they failed in, or to work queue `to`. A message that no queue is
    /// bound for goes back to its exchange. `refuse` says why a message stays a dead letter, if it does. `announce`
    /// makes the message that reports the replay.
    ///
    /// # Errors
    /// When the pass cannot begin. Later errors are in the report.
    pub async fn replay(
        &self,
        selection: &Selection,
        to: Option<&str>,
        refuse: impl Fn(&Message) -> Option<String>,
        announce: impl Fn(&Entry) -> Option<Outgoing>,
    ) -> Result<Report, Error> {
        let to = to.map(|queue| self.topology.work_queue(queue)).transpose()?;
        let replayed = |entry: &Entry, message: Message| match refuse(&message) {
            Some(reason) => Err(Error::configuration(reason)),
            None => self.replayed(entry, message, to.as_deref()).map(Some),
        };
        self.run(selection, announce, replayed).await
    }

    /// Sends one dead letter of a worker back to the queue it failed in, with the body that `rewrite` makes. It leaves as
    /// a worker's own, signed where there is a key.
    ///
    /// # Errors
    /// When the pass cannot begin. Later errors are in the report: a message that no worker wrote, or of which `rewrite`
    /// makes nothing, stays.
    pub async fn replay_rewritten(
        &self,
        id: &str,
        rewrite: impl Fn(&Message) -> Option<Vec<u8>>,
        announce: impl Fn(&Entry) -> Option<Outgoing>,
    ) -> Result<Report, Error> {
        let filter = Filter { ids: vec![id.to_owned()], ..Filter::default() };
        let selection = Selection { filter, ..Selection::default() };
        self.run(&selection, announce, |entry, message| {
            let body = rewrite(&message).filter(|_| message.origin == Origin::Worker);
            let body = body.ok_or_else(|| {
                Error::configuration(
                    "no worker wrote this dead letter, so nothing can be added to it".to_owned(),
                )
            })?;
            let message = message.rewritten(message.properties.clone(), body);
            self.replayed(entry, message, None).map(Some)
        })
        .await
    }

    /// Deletes dead letters. `announce` makes the message that reports it, which is stored first.
    ///
    /// # Errors
    /// When the pass cannot begin. Later errors are in the report.
    pub async fn discard(
        &self,
        selection: &Selection,
        announce: impl Fn(&Entry) -> Option<Outgoing>,
    ) -> Result<Report, Error> {
        self.run(selection, announce, |_, _| Ok(None)).await
    }

    /// Whether the broker blocks publishers, as [`Publisher::blocked`].
    #[must_use]
    pub fn blocked(&self) -> watch::Receiver<bool> {
        self.publisher.blocked()
    }

    /// Releases the lock.
    pub async fn close(self) {
        self.lifetime.end(Cause::Shutdown, "the command has finished");
        tokio::join!(self.consume.close(), self.publish.close());
    }

    async fn run(
        &self,
        selection: &Selection,
        announce: impl Fn(&Entry) -> Option<Outgoing>,
        replacement: impl Fn(&Entry, Message) -> Result<Option<Outgoing>, Error>,
    ) -> Result<Report, Error> {
        if !selection.filter.ids.is_empty() {
            selection.filter.refuse_shared(self.list(&selection.filter).await?.iter())?;
        }
        let mut pass = Pass::begin(self).await?;
        let mut report = Report::default();
        let mut pace = Pace::new(selection);
        let mut seen: HashSet<(String, u32)> = HashSet::new();
        loop {
            let found = match pass.next().await {
                Ok(Some(found)) => found,
                Ok(None) => break,
                Err(error) => {
                    report.stopped = Some(error);
                    break;
                }
            };
            report.examined = report.examined.saturating_add(1);
            let Found { entry, message, acker } = found;
            let died_again = seen.contains(&(entry.id.clone(), entry.letter.replays));
            if died_again || !selection.filter.matches(&entry, &message) {
                continue;
            }
            let is_enough = selection.limit.is_some_and(|limit| report.done.len() >= limit);
            if is_enough || report.interrupted || !pace.goes_on().await {
                report.interrupted |= !is_enough;
                report.left = report.left.saturating_add(1);
                continue;
            }
            let outgoing = [replacement(&entry, message), Ok(announce(&entry))];
            match self.settle(outgoing, acker).await {
                Ok(()) => {
                    pass.free_slot();
                    seen.insert((entry.id.clone(), entry.letter.replays.saturating_add(1)));
                    report.done.push(selection.filter.name_of(entry));
                }
                Err(error) if error.is_session_lost() => {
                    report.failed.push((entry.id, self.lifetime.lost()));
                    report.stopped = Some(error);
                    break;
                }
                Err(error) => report.failed.push((entry.id, error)),
            }
        }
        pass.end().await;
        Ok(report)
    }

    /// Stores the messages that replace the dead letter, then removes it.
    async fn settle(
        &self,
        outgoing: [Result<Option<Outgoing>, Error>; 2],
        acker: Acker,
    ) -> Result<(), Error> {
        for outgoing in outgoing {
            if let Some(outgoing) = outgoing? {
                self.publisher.publish(&outgoing).await?;
            }
        }
        match acker.ack(BasicAckOptions::default()).await {
            Ok(true) => Ok(()),
            Ok(false) | Err(_) => {
                self.lifetime.end(Cause::AckFailed, "a dead letter could not be removed");
                Err(self.lifetime.lost())
            }
        }
    }

    fn replayed(&self, entry: &Entry, message: Message, to: Option<&str>) -> Result<Outgoing, Error> {
        if entry.letter.whole.is_some() {
            return Err(Error::invalid(
                "only the beginning of this message was kept, because it is too large; its publisher has to send a smaller one",
            ));
        }
        let address = self.address(entry, to)?;
        let mut outgoing = Outgoing::copy(address, message);
        if !matches!(&outgoing.address, Address::Exchange { name, .. } if *name == self.topology.dead()) {
            outgoing.headers.remove_all(letter::PREFIX);
        }
        delay::forget(&mut outgoing.headers);
        outgoing.headers.put(REPLAYS, Value::from(entry.letter.replays.saturating_add(1)));
        Ok(outgoing)
    }

    fn address(&self, entry: &Entry, to: Option<&str>) -> Result<Address, Error> {
        if let Some(queue) = to {
            return Ok(Address::Work { queue: queue.to_owned() });
        }
        if self.unrouted {
            let topology = &self.topology;
            let ours = [topology.events(), topology.work(), topology.results(), topology.dead()];
            let name =
                if ours.contains(&entry.exchange) { entry.exchange.clone() } else { topology.events() };
            return Ok(Address::Exchange { name, key: entry.routing_key.clone() });
        }
        let failed_in = match entry.letter.queue.as_str() {
            "" => self.queue.strip_suffix(".dlq").unwrap_or(&self.queue),
            queue => queue,
        };
        Ok(Address::Work { queue: self.topology.work_queue(failed_in)? })
    }
}

/// One pass over the messages now in the queue. Those it does not remove return to the queue when it ends.
struct Pass<'a> {
    letters: &'a DeadLetters,
    channel: Channel,
    consumer: lapin::Consumer,
    /// Full channels, kept open so that their messages do not return yet.
    full: Vec<Channel>,
    /// Messages not yet read.
    left: u32,
    /// Messages held on the current channel.
    held: u16,
    /// Messages held on all channels.
    held_in_all: u32,
}

struct Found {
    entry: Entry,
    message: Message,
    acker: Acker,
}

impl<'a> Pass<'a> {
    async fn begin(letters: &'a DeadLetters) -> Result<Self, Error> {
        answered(letters.limit, Self::begin_unlimited(letters)).await
    }

    async fn begin_unlimited(letters: &'a DeadLetters) -> Result<Self, Error> {
        let probe = open_channel(&letters.consume).await?;
        let Some(left) = declare::depth_on(&probe, &letters.queue).await? else {
            return Err(Error::configuration(format!(
                "queue `{}` does not exist; start a worker with `broker.declare` set to true",
                letters.queue
            )));
        };
        let (channel, consumer) = letters.consumer().await?;
        Ok(Self { letters, channel, consumer, full: Vec::new(), left, held: 0, held_in_all: 0 })
    }

    /// The next message; `None` after every message that was there at the beginning.
    async fn next(&mut self) -> Result<Option<Found>, Error> {
        if self.left == 0 {
            return Ok(None);
        }
        if self.held >= CHANNEL_CAPACITY {
            self.open_next_channel().await?;
        }
        let lifetime = &self.letters.lifetime;
        let delivery = tokio::select! {
            biased;
            delivery = timeout(IDLE_LIMIT, self.consumer.next()) => delivery,
            () = lifetime.over() => return Err(lifetime.lost()),
        };
        let delivery = match delivery {
            Err(_) => return Ok(None),
            Ok(Some(Ok(delivery))) => delivery,
            Ok(Some(Err(_)) | None) => {
                lifetime.end(Cause::ConsumerLost, "the broker ended the consumer");
                return Err(lifetime.lost());
            }
        };
        self.left = self.left.saturating_sub(1);
        self.held = self.held.saturating_add(1);
        self.held_in_all = self.held_in_all.saturating_add(1);
        let (message, acker) = Message::from_lapin(delivery);
        let message = message.judged(&self.letters.topology, self.letters.keys.as_ref());
        let entry = Entry::new(&message, self.letters.unrouted);
        Ok(Some(Found { entry, message, acker }))
    }

    /// Makes room for another message: the last one was removed.
    fn free_slot(&mut self) {
        self.held = self.held.saturating_sub(1);
        self.held_in_all = self.held_in_all.saturating_sub(1);
    }

    /// Continues on a new channel; the full one keeps its messages.
    async fn open_next_channel(&mut self) -> Result<(), Error> {
        let (channel, consumer) = self.letters.consumer().await?;
        let full = std::mem::replace(&mut self.channel, channel);
        let consumer = std::mem::replace(&mut self.consumer, consumer);
        full.basic_cancel(consumer.tag(), BasicCancelOptions::default())
            .await
            .map_err(|error| Error::from_lapin("cannot continue reading the dead letters", &error))?;
        self.full.push(full);
        self.held = 0;
        Ok(())
    }

    /// Returns the messages that were not removed, and waits until the queue counts them. A channel closes
    /// before its messages are back (RabbitMQ 3.10.8, measured 2026-11-21), so without the wait the next
    /// command would find the queue empty.
    async fn end(mut self) {
        let cancel = self.channel.basic_cancel(self.consumer.tag(), BasicCancelOptions::default());
        let mut back = self.held_in_all;
        if cancel.await.is_ok() {
            // Messages that were sent ahead and not read return too.
            while let Ok(Some(Ok(_))) = timeout(RETURN_LIMIT, self.consumer.next()).await {
                back = back.saturating_add(1);
            }
        }
        for channel in self.full.iter().chain([&self.channel]) {
            // A channel that cannot be closed is closed already.
            let _ = channel.close(200, "OK".into()).await;
        }
        let Ok(probe) = self.letters.consume.channel().await else { return };
        let returned = async {
            while let Ok(Some(depth)) = declare::depth_on(&probe, &self.letters.queue).await {
                if depth >= back {
                    return;
                }
                sleep(POLL_INTERVAL).await;
            }
        };
        let _ = timeout(RETURN_LIMIT, returned).await;
    }
}

impl DeadLetters {
    async fn consumer(&self) -> Result<(Channel, lapin::Consumer), Error> {
        let channel = open_channel(&self.consume).await?;
        let consumer = open_consumer(&channel, &self.queue, CHANNEL_CAPACITY).await?;
        Ok((channel, consumer))
    }
}

/// How fast the next dead letter may follow, and whether one may follow at all.
struct Pace {
    interval: Interval,
    stop: Option<watch::Receiver<bool>>,
}

impl Pace {
    fn new(selection: &Selection) -> Self {
        let mut interval = interval(Duration::from_secs(1) / selection.per_second.get());
        interval.set_missed_tick_behavior(MissedTickBehavior::Delay);
        Self { interval, stop: selection.stop.clone() }
    }

    /// Waits until the next one may be begun; false if none may be any more. It stops between two dead letters:
    /// one that was begun is finished.
    async fn goes_on(&mut self) -> bool {
        let Some(stop) = &mut self.stop else {
            self.interval.tick().await;
            return true;
        };
        tokio::select! {
            biased;
            // Without anybody who could say stop, the pace alone counts.
            Ok(_) = stop.wait_for(|stop| *stop) => false,
            _ = self.interval.tick() => true,
        }
    }
}
