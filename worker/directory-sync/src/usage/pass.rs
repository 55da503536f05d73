//! A pass over usage, day by day.
//!
//! The unit of work is a day: Microsoft gives fourteen reports in ten minutes, so a pass over 28 days takes at least ten
//! minutes. Between two days a caller can write the state down and go on in another process. Figures over several days
//! need every day in one memory: a process that lacks some reads them again, and sends nothing of them a second time.

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use msgraph::Reader;

use super::apps::Counts;
use super::day::{DayFile, read_day};
use super::options::UsageOptions;
use super::reported::read_counts;
use super::row::UsageRow;
use super::state::{DayOutcome, MOST_DAYS, MissingWhy, UsageState};
use super::tally::Tally;
use super::window::UsageWindow;
use crate::error::Error;
use crate::rows::usage::Usage;
use crate::rows::usage_day::{DayFigures, UsageDay};

/// How often days may be read again for want of memory of them, until the pass ends without figures over several days.
const MOST_REREADS: u32 = 6 * MOST_DAYS as u32;
/// Rows of a batch.
const BATCH: usize = 1_000;

/// A pass over usage. Read its days one by one, then its [`window`](Self::window).
pub struct UsagePass<'a> {
    reader: Reader<'a>,
    options: UsageOptions,
    state: UsageState,
    tally: Tally,
}

impl<'a> UsagePass<'a> {
    /// Reads whether names are concealed, and how many people Microsoft counts on each day.
    ///
    /// # Errors
    ///
    /// Graph refuses, or cannot be reached.
    pub async fn begin(reader: Reader<'a>, options: UsageOptions) -> Result<Self, Error> {
        let grants = reader.grants().await?;
        let names_hidden = match reader.report_settings().await {
            Ok(settings) => Some(settings.display_concealed_names),
            // Without the permission, and in a cloud without the setting, the names themselves tell.
            Err(error) if error.is_forbidden() || matches!(error.status(), Some(400 | 404)) => None,
            Err(error) => return Err(error.into()),
        };
        let counts = read_counts(reader).await.map_err(|error| match error {
            Error::Graph(error) if error.is_forbidden() => Error::NoReports(error),
            other => other,
        })?;
        let today = Timestamp::now().to_zoned(TimeZone::UTC).date();
        let UsageOptions { days, known, .. } = &options;
        let state = UsageState::new(today, *days, known, names_hidden, grants.is_delegated, counts);
        Ok(Self::resume(reader, options, state, Tally::default()))
    }

    /// Goes on where another pass with the same options stopped, with as much memory of its days as is left.
    pub fn resume(reader: Reader<'a>, options: UsageOptions, state: UsageState, tally: Tally) -> Self {
        Self { reader, options, state, tally }
    }

    /// Where to go on, and the memory of the days.
    pub fn suspend(self) -> (UsageState, Tally) {
        (self.state, self.tally)
    }

    /// The day to read next; `None` after the last.
    pub fn next_day(&self) -> Option<Date> {
        self.state.unread().or_else(|| {
            let may_read_again = self.is_by_person() && self.state.rereads < MOST_REREADS;
            self.state.read().filter(|_| may_read_again).find(|date| !self.tally.has(*date))
        })
    }

    /// How many days were read or have nothing to read, and how many there are.
    pub fn progress(&self) -> (usize, usize) {
        let done = self.state.days.iter().filter(|day| day.outcome.is_some()).count();
        (done, self.state.days.len())
    }

    /// Reads the next day. Returns it, or `None` if there is nothing new to send of it: nothing was left to read, the day
    /// has no report, or it was read again for its part in the window.
    ///
    /// # Errors
    ///
    /// Graph refuses, or cannot be reached, or the file is incomplete: the day is still to be read.
    /// [`Error::wait`] says how long when the limit of reports is used up.
    pub async fn read_day(&mut self) -> Result<Option<UsageDay>, Error> {
        let Some(date) = self.next_day() else { return Ok(None) };
        if !self.is_by_person() {
            self.tally.clear();
        }
        let before = self.state.days.iter().find(|day| day.date == date).and_then(|day| day.outcome.clone());
        let missing = |why| DayOutcome::Missing { why };
        let hidden = self.state.names_hidden;
        let found = match read_day(self.reader, date, hidden, &mut self.tally).await {
            Ok(DayFile::Rows(found)) => found,
            Ok(DayFile::NoRows) => {
                self.state.settle(date, missing(MissingWhy::NoRows));
                return Ok(None);
            }
            Ok(DayFile::Refused) => {
                self.state.settle(date, missing(MissingWhy::Refused));
                return Ok(None);
            }
            Err(Error::Graph(error)) if error.is_forbidden() => return Err(Error::NoReports(error)),
            Err(error) => return Err(error),
        };
        let (refresh_date, rows, nameless) = (found.refreshed, found.rows, found.nameless);
        let outcome = DayOutcome::Read { refresh_date, rows, nameless, concealed: found.concealed };
        if before.is_some() {
            self.state.rereads += 1;
        }
        if before.as_ref() == Some(&outcome) {
            return Ok(None);
        }
        self.state.settle(date, outcome);
        let named = self.tally.counts(date);
        let figures = DayFigures {
            refresh_date,
            rows,
            nameless,
            concealed: found.concealed,
            named,
            nameless_use: if nameless > 0 { found.nameless_use } else { Counts::default() },
        };
        let reported = self.state.reported.get(&date).copied().unwrap_or_default();
        Ok(Some(UsageDay { date, figures: Ok(figures), reported }))
    }

    /// The rows of the people of a day that was just read, from this place on; the place moves. Empty after the last.
    pub fn rows(&self, day: &UsageDay, from: &mut u32) -> Vec<UsageRow<'_>> {
        let (refresh_date, concealed) = match &day.figures {
            Ok(figures) => (Some(figures.refresh_date), figures.concealed),
            Err(_) => (None, false),
        };
        let uses = self.tally.day(day.date, *from).take(BATCH).map(|(number, used)| {
            *from = number + 1;
            let name = self.tally.name(number);
            let person = self.options.privacy.person_of(name);
            UsageRow::Use(Usage { person, date: day.date, refresh_date, concealed, used })
        });
        uses.collect()
    }

    /// The figures over several days, once every day was read.
    pub fn window(self) -> UsageWindow<'a> {
        let is_by_person = self.is_by_person();
        UsageWindow::new(self.reader, self.options, self.state, self.tally, is_by_person)
    }

    fn is_by_person(&self) -> bool {
        self.options.by_person && !self.state.keeps_days()
    }
}
