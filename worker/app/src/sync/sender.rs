//! Sends pages: several at once, no faster than the consumer's queue takes them, and none without a confirm.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use broker::Outgoing;
use futures_util::StreamExt as _;
use futures_util::future::BoxFuture;
use futures_util::stream::FuturesUnordered;
use messages::SyncSubject;
use outcome::{Class, Failure};
use tokio::time::{Instant, sleep};

use crate::delivery::outbox;
use crate::delivery::work::{Offered, Outlet, Unreported};
use crate::operate::metrics::Metrics;
use crate::sync::cancelled::Cancel;
use crate::sync::pages::Page;

/// Pages that wait for their confirm at the same time.
pub const WINDOW: usize = 16;

/// The pause after a page was refused. It doubles up to the longest, and begins anew with the next page.
const FIRST_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

/// The pause before each batch of rows while this process works on a run: a leaver needs the processor more.
const GIVES_WAY: Duration = Duration::from_millis(100);

/// Why a pass stops before its end.
#[derive(Debug)]
pub enum Stopped {
    /// The session is lost, and the message comes again.
    Unreported,
    /// Something somebody has to know.
    Failed(Failure),
    /// Somebody took the sync out.
    Cancelled,
}

impl From<Failure> for Stopped {
    fn from(failure: Failure) -> Self {
        Self::Failed(failure)
    }
}

/// Sends the pages of one pass.
pub struct Sender<'a> {
    flow: &'a Flow<'a>,
    cancel: &'a Cancel,
    in_flight: FuturesUnordered<BoxFuture<'a, Result<(), Stopped>>>,
}

/// What the pages in flight share.
pub struct Flow<'a> {
    outlet: &'a Outlet<'a>,
    patience: Duration,
    metrics: &'a Metrics,
    what: SyncSubject,
    /// Held by the page that waits for room.
    turn: tokio::sync::Mutex<()>,
    /// Since when every page is refused.
    refused_since: Mutex<Option<Instant>>,
    stored: Mutex<Stored>,
}

/// What the broker has stored.
#[derive(Clone, Copy, Debug, Default)]
pub struct Stored {
    /// Pages.
    pub pages: u64,
    /// Rows in them.
    pub rows: u64,
}

impl<'a> Flow<'a> {
    /// A way out that nobody has refused yet.
    pub fn new(outlet: &'a Outlet<'a>, patience: Duration, metrics: &'a Metrics, what: SyncSubject) -> Self {
        let (turn, refused_since, stored) =
            (tokio::sync::Mutex::default(), Mutex::default(), Mutex::default());
        Self { outlet, patience, metrics, what, turn, refused_since, stored }
    }

    /// Delivers a page with this many rows.
    async fn deliver(&self, page: Outgoing, rows: u64) -> Result<(), Stopped> {
        self.offer_until_taken(&page).await?;
        let mut stored = self.stored.lock().unwrap_or_else(PoisonError::into_inner);
        stored.pages = stored.pages.saturating_add(1);
        stored.rows = stored.rows.saturating_add(rows);
        Ok(())
    }

    /// Offers a page until it is taken.
    async fn offer_until_taken(&self, page: &Outgoing) -> Result<(), Stopped> {
        if self.offer(page).await? {
            return Ok(());
        }
        // One page at a time knocks at a full queue. Once it is taken, the next one tries at once.
        let _turn = self.turn.lock().await;
        let mut pause = FIRST_PAUSE;
        while !self.offer(page).await? {
            if self.refused_for() >= self.patience {
                return Err(too_slow(self.patience).into());
            }
            sleep(pause).await;
            pause = pause.saturating_mul(2).min(LONGEST_PAUSE);
        }
        Ok(())
    }

    /// Offers a page once; whether it was taken.
    async fn offer(&self, page: &Outgoing) -> Result<bool, Stopped> {
        match self.outlet.offer(page).await {
            Ok(Offered::Taken) => {
                *self.refused_since.lock().unwrap_or_else(PoisonError::into_inner) = None;
                Ok(true)
            }
            Ok(Offered::Full) => {
                self.metrics.sync_pages_refused_total.with_label_values(&[self.what.as_str()]).inc();
                Ok(false)
            }
            Ok(Offered::NobodyListens) => Err(nobody_listens(self.what).into()),
            Err(Unreported) => Err(Stopped::Unreported),
        }
    }

    /// How long every page has been refused by now.
    fn refused_for(&self) -> Duration {
        let mut since = self.refused_since.lock().unwrap_or_else(PoisonError::into_inner);
        since.get_or_insert_with(Instant::now).elapsed()
    }
}

impl<'a> Sender<'a> {
    /// Nothing is in flight yet.
    pub fn new(flow: &'a Flow<'a>, cancel: &'a Cancel) -> Self {
        Self { flow, cancel, in_flight: FuturesUnordered::new() }
    }

    /// Sends a page as soon as fewer than [`WINDOW`] are in flight.
    pub async fn send(&mut self, page: &Page) -> Result<(), Stopped> {
        while self.in_flight.len() >= WINDOW {
            self.one().await?;
        }
        let Some(message) = outbox::page(&page.event) else {
            return Err(Failure::new(Class::Fault, "internal", "a page could not be written").into());
        };
        let flow = self.flow;
        self.in_flight.push(Box::pin(flow.deliver(message, page.rows)));
        Ok(())
    }

    /// What the broker has stored so far.
    pub fn stored(&self) -> Stored {
        *self.flow.stored.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Forgets what was stored so far, once nothing is in flight any more: it is of a pass that is given up.
    pub async fn start_over(&mut self) -> Result<(), Stopped> {
        self.flush().await?;
        *self.flow.stored.lock().unwrap_or_else(PoisonError::into_inner) = Stored::default();
        Ok(())
    }

    /// Waits for this work and meanwhile for confirms: what nobody waits for makes no progress.
    pub async fn meanwhile<T>(&mut self, work: impl Future<Output = T>) -> Result<T, Stopped> {
        let (mut work, mut cancelled) = (std::pin::pin!(work), std::pin::pin!(self.cancel.requested()));
        loop {
            tokio::select! {
                biased;
                () = &mut cancelled => return Err(Stopped::Cancelled),
                Some(sent) = self.in_flight.next() => sent?,
                done = &mut work => return Ok(done),
            }
        }
    }

    /// Pauses while runs are under way.
    pub async fn give_way(&mut self) -> Result<(), Stopped> {
        if self.flow.metrics.is_run_under_way() {
            self.meanwhile(sleep(GIVES_WAY)).await?;
        }
        Ok(())
    }

    /// Waits until the broker has stored every page.
    pub async fn flush(&mut self) -> Result<(), Stopped> {
        while !self.in_flight.is_empty() {
            self.one().await?;
        }
        Ok(())
    }

    async fn one(&mut self) -> Result<(), Stopped> {
        tokio::select! {
            biased;
            () = self.cancel.requested() => Err(Stopped::Cancelled),
            sent = self.in_flight.next() => sent.unwrap_or(Ok(())),
        }
    }
}

fn nobody_listens(what: SyncSubject) -> Failure {
    let what = what.as_str();
    Failure::rejected(
        "nobody_listens",
        format!(
            "no queue takes the pages: bind one to the exchange of pages with {what}.#, then ask for the sync again"
        ),
    )
}

fn too_slow(patience: Duration) -> Failure {
    let seconds = patience.as_secs();
    Failure::rejected(
        "consumer_too_slow",
        format!(
            "a queue of pages has been full for {seconds} s: let its consumer catch up, then ask for the sync again"
        ),
    )
}
