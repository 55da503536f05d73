//! A sync of usage, part by part: one day, or the figures over all days.
//!
//! Microsoft gives fourteen reports in ten minutes. So a worker reads one day, and the sync goes on through the queue,
//! or through the delay when the limit is used up: no worker waits, and whoever is killed loses a day. What is carried
//! says which days are done. The use of each person is not carried, as it is large and about people; the worker that
//! read a day remembers it, and another one reads it again before it counts over several days.

use std::num::NonZeroUsize;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use directory_sync::{
    Day, DayOutcome, KnownDay, MOST_DAYS, Privacy, Tally, UsageDay, UsageOptions, UsagePass,
};
use lru::LruCache;
use messages::{HaveDay, SentDay, SyncDay, UsageProgress};
use msgraph::Reader;
use outcome::{Class, Failure};
use serde_json::Value;
use uuid::Uuid;

use super::ending::Summary;
use super::pass::{Pass, failed};
use super::sender::Stopped;
use super::source::Batch;

/// Syncs whose days a worker remembers.
const REMEMBERED: NonZeroUsize = NonZeroUsize::MIN.saturating_add(15);
/// How often a sync waits for a limit without reading anything, until it fails: Microsoft's limit takes ten minutes.
const MOST_WAITS: u32 = 50;
/// A limit that asks for no wait at all must not be asked in a busy loop.
const SHORTEST_WAIT: Duration = Duration::from_secs(1);

/// What a worker remembers of syncs of usage that go on.
pub struct Tallies(Mutex<LruCache<Uuid, Tally>>);

impl Default for Tallies {
    fn default() -> Self {
        Self(Mutex::new(LruCache::new(REMEMBERED)))
    }
}

impl Tallies {
    /// Takes what is remembered of a sync.
    pub fn take(&self, sync: Uuid) -> Tally {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).pop(&sync).unwrap_or_default()
    }

    /// Remembers the days of a sync.
    pub fn keep(&self, sync: Uuid, tally: Tally) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).put(sync, tally);
    }
}

/// How far a delivery brought the sync.
pub enum Reached {
    /// To its end.
    End(Box<Summary>),
    /// Not to its end; this part comes next.
    Part(Part),
}

/// The next part of a sync of usage.
pub struct Part {
    /// What is carried to the next part.
    pub carried: UsageProgress,
    /// It goes on not before this time has passed.
    pub wait: Option<Duration>,
    /// Days that are done.
    pub done: usize,
    /// Days that the sync looks at.
    pub wanted: usize,
}

impl Pass<'_> {
    /// Reads the next day, or counts over all of them when every day is read. The tally remembers the days.
    pub async fn usage(
        &mut self,
        reader: Reader<'_>,
        privacy: Privacy,
        tally: &mut Tally,
    ) -> Result<Reached, Stopped> {
        let mut carried = self.job.progress.usage.clone();
        let options = self.options(privacy);
        let mut pass = match &carried {
            None => {
                let begun = UsagePass::begin(reader, options);
                self.sender.meanwhile(begun).await?.map_err(failed)?
            }
            Some(carried) => {
                let state = serde_json::from_value(Value::Object(carried.state.clone()));
                let state = state.map_err(|error| {
                    let text = format!("what a sync of usage carries cannot be read: {error}");
                    Failure::new(Class::Fault, "internal", text)
                })?;
                UsagePass::resume(reader, options, state, std::mem::take(tally))
            }
        };
        if pass.next_day().is_none() {
            let mut summary = self.read(self.wanted(pass.window())).await?;
            self.send_rest().await?;
            summary = self.checked(summary);
            return Ok(Reached::End(Box::new(summary)));
        }
        let read = self.day(&mut pass).await;
        let (done, all) = pass.progress();
        let (state, remembered) = pass.suspend();
        *tally = remembered;
        let state = match serde_json::to_value(&state) {
            Ok(Value::Object(state)) => state,
            _ => {
                return Err(
                    Failure::new(Class::Fault, "internal", "how far a sync came cannot be written").into()
                );
            }
        };
        let mut sent = carried.as_mut().map(|carried| std::mem::take(&mut carried.sent)).unwrap_or_default();
        let waits = carried.map_or(0, |carried| carried.waits);
        match read? {
            ReadDay::Later(wait) if waits < MOST_WAITS => {
                let seconds = wait.as_secs();
                tracing::info!(
                    done,
                    of = all,
                    in_seconds = seconds,
                    "waits until Microsoft's limit allows the next report of usage"
                );
                let carried = UsageProgress { state, sent, waits: waits + 1 };
                Ok(Reached::Part(Part { carried, wait: Some(wait), done, wanted: all }))
            }
            ReadDay::Later(_) => {
                let text = format!("the limit of usage reports had no room in {MOST_WAITS} attempts");
                Err(Failure::new(Class::Retry, "graph_throttled", text).into())
            }
            ReadDay::Done(day) => {
                tracing::info!(done, of = all, "usage of a day was read");
                if let Some(day) = day {
                    sent.retain(|known| known.date != day.date);
                    sent.push(day);
                }
                let carried = UsageProgress { state, sent, waits: 0 };
                Ok(Reached::Part(Part { carried, wait: None, done, wanted: all }))
            }
        }
    }

    fn options(&self, privacy: Privacy) -> UsageOptions {
        let request = &self.job.request;
        let known = request.have.iter().cloned();
        let known = known.map(|HaveDay { date, refresh_date, mark }| KnownDay { date, refresh_date, mark });
        UsageOptions {
            days: request.days.unwrap_or(MOST_DAYS),
            known: known.collect(),
            by_person: request.window.unwrap_or(true),
            privacy,
            prices: self.prices.clone(),
        }
    }

    /// Reads a day and sends its rows, which are all there is of it.
    async fn day(&mut self, pass: &mut UsagePass<'_>) -> Result<ReadDay, Stopped> {
        let day: UsageDay = match self.sender.meanwhile(pass.read_day()).await? {
            Ok(Some(day)) => day,
            Ok(None) => return Ok(ReadDay::Done(None)),
            Err(error) => match error.wait() {
                Some(wait) => return Ok(ReadDay::Later(wait.max(SHORTEST_WAIT))),
                None => return Err(failed(error).into()),
            },
        };
        let mut from = 0;
        loop {
            let rows = pass.rows(&day, &mut from);
            if rows.is_empty() {
                break;
            }
            self.send(&Batch::of(&rows, self.wants_rows())).await?;
        }
        self.send(&Batch::of(std::slice::from_ref(&day), self.wants_rows())).await?;
        self.send_rest().await?;
        let sent = SentDay { date: day.date(), generation: self.generation, pages: self.pages.number };
        Ok(ReadDay::Done(self.wants_rows().then_some(sent)))
    }
}

/// What came of reading a day.
enum ReadDay {
    /// It is read; its pages, if any were sent.
    Done(Option<SentDay>),
    /// The limit of reports has no room until then.
    Later(Duration),
}

/// The days of a sync as its end reports them: all of them if the pass ended, else those that were sent.
pub fn days(found: &[Day], sent: &[SentDay]) -> Vec<SyncDay> {
    let sent_on = |date| sent.iter().find(|day| day.date == date);
    if found.is_empty() {
        let read = |day: &SentDay| SyncDay {
            date: day.date,
            state: "read".to_owned(),
            why: None,
            refresh_date: None,
            generation: Some(day.generation),
            pages: Some(day.pages),
        };
        return sent.iter().map(read).collect();
    }
    let known = |day: &Day| {
        let (state, why, refresh_date) = match &day.outcome {
            Some(DayOutcome::Read { refresh_date, .. }) => ("read", None, Some(*refresh_date)),
            Some(DayOutcome::Kept { refresh_date }) => ("kept", None, Some(*refresh_date)),
            Some(DayOutcome::Missing { why }) => ("missing", Some(why.code().to_owned()), None),
            None => return None,
        };
        let sent = sent_on(day.date).filter(|_| state == "read");
        Some(SyncDay {
            date: day.date,
            state: state.to_owned(),
            why,
            refresh_date,
            generation: sent.map(|day| day.generation),
            pages: sent.map(|day| day.pages),
        })
    };
    found.iter().filter_map(known).collect()
}
