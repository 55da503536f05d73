//! Publishes claims and reads the answers, through one session after the other.

use std::{
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use broker::Found;
use jiff::{SignedDuration, Timestamp};
use ledger::{
    Body, Brake, Claim, Decision, Forget, Record, RecordError, Release, Stop, Timing, Writer, encode,
};
use tokio::{
    sync::{mpsc, watch},
    time::{Instant, sleep, timeout},
};
use uuid::Uuid;

use super::{
    book::{Book, SNAPSHOT_EVERY, Taken},
    log::{Log, LogError, Messages, Records, Stream},
    snapshots,
};

/// How long a claim waits for its answer.
const ANSWER: Duration = Duration::from_secs(5);
/// The wait between two sessions. While the leader of the stream changes there is none for a second or two.
const BETWEEN_SESSIONS: Duration = Duration::from_secs(1);
/// How long the broker may take to hand out a record that is there. Beyond the end of a stream it says nothing.
const FIRST_RECORD: Duration = Duration::from_secs(10);

/// How long people are remembered. Older events are refused before they claim.
const REMEMBERED: SignedDuration = SignedDuration::from_hours(400 * 24);

/// Why a claim has no answer. Nothing may be written then.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Unread {
    /// No session is open.
    #[error("the ledger cannot be read: no session with the broker")]
    NoSession,
    /// A newer worker has written to the ledger.
    #[error("the ledger has records of version {0}: update this worker")]
    Newer(u64),
    /// The answer did not come in time, or the session ended.
    #[error("the ledger did not answer in time")]
    NoAnswer,
    /// The record was not taken.
    #[error(transparent)]
    Unwritten(#[from] LogError),
    /// The record cannot be written.
    #[error(transparent)]
    Record(#[from] RecordError),
}

/// The answer to a claim.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) decision: Decision,
    /// When the claim was published, since the client began.
    pub(crate) published: Duration,
    /// The session that read it.
    pub(crate) session: u64,
}

/// The client of one process.
pub(crate) struct Client<L> {
    log: L,
    worker: String,
    timing: Timing,
    began: Instant,
    numbers: AtomicU64,
    book: Mutex<Book>,
    /// Changes with every record, with a snapshot that was written, and when a session ends.
    changed: watch::Sender<()>,
}

impl<L: Log> Client<L> {
    /// A client whose records bear the name `worker`, which no other process has, nor an earlier one of this.
    pub(crate) fn new(log: L, worker: String, timing: Timing) -> Arc<Self> {
        let book = Mutex::new(Book::new(worker.clone()));
        let (began, numbers) = (Instant::now(), AtomicU64::new(0));
        Arc::new(Self { log, worker, timing, began, numbers, book, changed: watch::Sender::new(()) })
    }

    /// Reads until it is dropped, or until a newer worker has written.
    pub(crate) async fn serve(&self) {
        self.restore().await;
        let mut is_lost = false;
        loop {
            let from = self.book().from();
            let records = self.log.read(from).await;
            // Said once, and not each second.
            if let Some(error) = records.as_ref().err().filter(|_| !is_lost) {
                tracing::warn!(%error, "the ledger cannot be read; trying again each second");
            }
            is_lost = records.is_err();
            if let Ok(records) = records {
                let taken = self.read(records, from.is_some()).await;
                match taken {
                    Taken::Cut => {
                        tracing::warn!("records of the ledger are missing; reading it again from its start");
                        self.book().cut();
                    }
                    Taken::Newer | Taken::Folded => self.book().end(),
                }
                self.changed.send_replace(());
                if taken == Taken::Newer {
                    return;
                }
            }
            sleep(BETWEEN_SESSIONS).await;
        }
    }

    /// Begins with the newest snapshot. Without one that can be read the stream is read from its first record.
    async fn restore(&self) {
        let (end, messages) = tokio::join!(self.log_end(), self.log.snapshots());
        let Ok(messages) = messages else { return };
        // Looking for a snapshot takes seconds where there is none, and a short log has none.
        let newest = match end {
            Ok(end) if end < SNAPSHOT_EVERY => Ok(None),
            _ => snapshots::newest(&messages).await,
        };
        messages.close().await;
        if let Ok(Some(ledger)) = newest {
            self.book().restore(ledger);
        }
    }

    async fn log_end(&self) -> Result<u64, Unread> {
        let body = Body::Forget(Forget { before: Timestamp::UNIX_EPOCH });
        let worker = format!("{} starts", self.worker);
        let mark = Record { at: Timestamp::now(), worker, number: 0, seen: None, body };
        Ok(self.log.end(&encode(&mark)?).await?)
    }

    /// Writes a snapshot, after everybody has forgotten what is older than the horizon.
    async fn write_snapshot(&self, writer: Writer) {
        let before = Timestamp::now() - REMEMBERED;
        let written = async {
            self.append(self.number(), Body::Forget(Forget { before })).await.ok()?;
            let messages = self.log.snapshots().await.ok()?;
            let written = self.write_parts(writer, &messages).await;
            messages.close().await;
            written
        };
        // Whoever crosses the next mark writes the next one.
        let _ = written.await;
        self.book().end_snapshot();
        self.changed.send_replace(());
    }

    /// Writes all parts, then the index. A reader that finds an index knows that the broker has stored its parts.
    async fn write_parts(&self, mut writer: Writer, messages: &L::Snapshots) -> Option<()> {
        loop {
            let part = self.book().part(&mut writer).ok()?;
            let Some(part) = part else { break };
            writer.written(&part);
            messages.append(&part).await.ok()?;
        }
        messages.append(&writer.index().ok()?).await.ok()
    }

    /// Reads one session to its end.
    async fn read(&self, mut records: L::Records, goes_on: bool) -> Taken {
        if goes_on {
            match timeout(FIRST_RECORD, records.next()).await {
                Ok(Ok((offset, body))) => match self.take(offset, body) {
                    Taken::Folded => {}
                    other => return other,
                },
                Ok(Err(_)) => return Taken::Folded,
                Err(_) => return Taken::Cut,
            }
        }
        let mark = self.number();
        self.book().begin(mark);
        let (due, mut snapshots) = mpsc::channel(1);
        let writing = async {
            let forgets_nothing = Body::Forget(Forget { before: Timestamp::UNIX_EPOCH });
            // If it is not written the session ends.
            let _ = self.append(mark, forgets_nothing).await;
            while let Some(writer) = snapshots.recv().await {
                self.write_snapshot(writer).await;
            }
        };
        let reading = async {
            while let Ok((offset, body)) = records.next().await {
                match self.take(offset, body) {
                    Taken::Folded => {}
                    other => return other,
                }
                let snapshot = self.book().snapshot_due();
                if let Some(writer) = snapshot {
                    // There is room: the next one begins when this one is written.
                    let _ = due.try_send(writer);
                }
            }
            Taken::Folded
        };
        tokio::select! {
            taken = reading => taken,
            () = writing => Taken::Folded,
        }
    }

    fn take(&self, offset: u64, body: Vec<u8>) -> Taken {
        let taken = self.book().take(offset, body, self.now());
        self.changed.send_replace(());
        taken
    }

    /// Publishes a claim and reads up to it.
    pub(crate) async fn claim(&self, claim: Claim) -> Result<Answer, Unread> {
        let number = self.number();
        let (session, receiver) = {
            let mut book = self.book();
            if let Some(version) = book.newer() {
                return Err(Unread::Newer(version));
            }
            let session = book.session().ok_or(Unread::NoSession)?;
            (session, book.wait_for(number))
        };
        // The lease counts from before the claim is published, never from when it is read.
        let published = self.now();
        let answer = async {
            self.append(number, Body::Claim(claim)).await?;
            receiver.await.map_err(|_| Unread::NoAnswer)
        };
        let answer = timeout(ANSWER, answer).await.unwrap_or(Err(Unread::NoAnswer));
        if answer.is_err() {
            self.book().give_up(number);
        }
        Ok(Answer { decision: answer?, published, session })
    }

    /// Publishes that a delivery acts no longer. Only after every request of it has been answered.
    pub(crate) async fn release(&self, release: Release) -> Result<(), Unread> {
        self.append(self.number(), Body::Release(release)).await
    }

    /// Publishes what an operator did to a brake.
    pub(crate) async fn brake(&self, brake: Brake) -> Result<(), Unread> {
        self.append(self.number(), Body::Brake(brake)).await
    }

    /// Publishes that an operator stops a run, or that a sync is to stop.
    pub(crate) async fn stop(&self, stop: Stop) -> Result<(), Unread> {
        self.append(self.number(), Body::Stop(stop)).await
    }

    /// Which of the holds that an answer waits for may be passed over by now.
    pub(crate) fn passable(&self, holds: &[u64]) -> Vec<u64> {
        self.book().passable(holds, self.now(), &self.timing)
    }

    /// Whether one of these holds still stands in the way of a run's person.
    pub(crate) fn are_held(&self, run: Uuid, holds: &[u64]) -> bool {
        let book = self.book();
        let person = book.ledger().person_of(run);
        person.is_some_and(|person| person.holds.iter().any(|hold| holds.contains(&hold.last)))
    }

    /// Waits until claims are answered, and not longer than this. Whether they are.
    pub(crate) async fn is_ready_within(&self, patience: Duration) -> bool {
        let mut changes = self.changes();
        let ready = async {
            while !self.is_ready() {
                if changes.changed().await.is_err() {
                    return;
                }
            }
        };
        let _ = timeout(patience, ready).await;
        self.is_ready()
    }

    /// Whether claims are answered.
    pub(crate) fn is_ready(&self) -> bool {
        self.book().is_ready()
    }

    /// Changes with every record that is read, with a snapshot that was written, and when a session ends.
    pub(crate) fn changes(&self) -> watch::Receiver<()> {
        self.changed.subscribe()
    }

    pub(crate) fn timing(&self) -> &Timing {
        &self.timing
    }

    /// The time since the client began.
    pub(crate) fn now(&self) -> Duration {
        self.began.elapsed()
    }

    pub(crate) fn book(&self) -> MutexGuard<'_, Book> {
        self.book.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn number(&self) -> u64 {
        self.numbers.fetch_add(1, Ordering::Relaxed)
    }

    async fn append(&self, number: u64, body: Body) -> Result<(), Unread> {
        let seen = self.book().seen();
        let record = Record { at: Timestamp::now(), worker: self.worker.clone(), number, seen, body };
        Ok(self.log.append(&encode(&record)?).await?)
    }
}

impl Client<Stream> {
    /// Looks at queues through the session with the ledger, while there is one.
    pub(crate) async fn look(&self, queues: &[String]) -> Result<Vec<Found>, LogError> {
        self.log.look(queues).await
    }
}
