//! How far a pass over usage has come: which days it reads, and what came of each.

use std::collections::BTreeMap;

use jiff::ToSpan as _;
use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use super::reported::{CountsReport, Reported};

/// The most days back for which Microsoft keeps a report. The documentation says 28 or 30; in 2020 the 28th was refused
/// (microsoft-graph-docs issue 8946), so the last one may be.
pub const MOST_DAYS: u8 = 28;

/// After so many days the rows of a day follow Microsoft's own counts (Microsoft 365 documentation, "Activity reports",
/// 2025: figures are complete after 72 hours).
const COUNTED_AFTER: i32 = 3;
/// After so many days a day is settled. Microsoft restates the figures every six days (Microsoft 365 documentation,
/// "Activity reports", 2025).
const SETTLED_AFTER: i32 = 6;

/// A day that the caller has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KnownDay {
    /// The day.
    pub date: Date,
    /// When Microsoft made the figures.
    pub refresh_date: Date,
    /// The `mark` in the row of the day, if the caller kept it: it tells whether Microsoft counts otherwise by now.
    pub mark: Option<String>,
}

/// How far a pass has come. It can be written down, and another process resumes from it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct UsageState {
    /// The day on which the pass began, in UTC.
    pub(crate) today: Date,
    /// Whether the tenant's setting hides names; `None` if it may not be read.
    pub(crate) names_hidden: Option<bool>,
    /// Whether a service account reads.
    pub(crate) is_delegated: bool,
    /// The last day for which Microsoft has figures; `None` if it has none.
    pub(crate) refreshed: Option<Date>,
    /// From the newest to the oldest.
    pub(crate) days: Vec<Day>,
    pub(crate) reported: BTreeMap<Date, Reported>,
    /// How often a day was read again for want of memory of it.
    pub(crate) rereads: u32,
}

/// A day of a pass.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Day {
    /// The day.
    pub date: Date,
    /// What came of it; `None` before it was read.
    pub outcome: Option<DayOutcome>,
}

/// What came of a day.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "state")]
pub enum DayOutcome {
    /// It was read.
    Read {
        /// When Microsoft made the figures.
        refresh_date: Date,
        /// Rows of the file.
        rows: u64,
        /// Rows of people who used something and have no name yet.
        nameless: u64,
        /// Whether names are pseudonyms.
        concealed: bool,
    },
    /// It was not read, because the caller has it.
    Kept {
        /// When Microsoft made the figures that the caller has.
        refresh_date: Date,
    },
    /// There is nothing to read.
    Missing {
        /// Why.
        why: MissingWhy,
    },
}

/// Why there is nothing to read for a day.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MissingWhy {
    /// The file has its first line only.
    NoRows,
    /// Microsoft refuses the day: it is too old, or too recent.
    Refused,
    /// Microsoft has no figures yet.
    NotYet,
}

impl MissingWhy {
    /// The word in a row.
    pub fn code(self) -> &'static str {
        match self {
            Self::NoRows => "no_rows",
            Self::Refused => "refused",
            Self::NotYet => "not_yet",
        }
    }

    /// The same for people.
    pub(crate) fn words(self) -> &'static str {
        match self {
            Self::NoRows => "it has no rows",
            Self::Refused => "Microsoft refuses the day",
            Self::NotYet => "not yet",
        }
    }
}

/// Whose the use may be that has no name, because Microsoft has not created a profile yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Nameless {
    /// There is none: whoever has no row used nothing.
    Nobodys,
    /// That of somebody new.
    Newcomers,
    /// There is so much of it that it may be anybody's.
    Anybodys,
}

/// The days that a figure is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Window {
    /// How many days were asked for.
    pub length: u8,
    /// The first day; `None` if Microsoft gives none.
    pub from: Option<Date>,
    /// The last day.
    pub to: Option<Date>,
    /// The days that were read.
    pub(crate) days: Vec<Date>,
    /// How many days there are from the first to the last.
    pub expected: usize,
    /// How good it is.
    pub state: WindowState,
    /// The oldest figures among them are of this day.
    pub refresh_date: Option<Date>,
}

/// How good a window is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WindowState {
    /// Every day was read.
    Complete,
    /// Some day is missing.
    Partial,
    /// Names are pseudonyms: figures hold, and nobody can be found.
    Concealed,
    /// There is no day.
    Unavailable,
}

impl WindowState {
    /// The word in a row.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Complete => "complete",
            Self::Partial => "partial",
            Self::Concealed => "concealed",
            Self::Unavailable => "unavailable",
        }
    }

    pub(crate) const WORDS: &'static [&'static str] = &["complete", "partial", "concealed", "unavailable"];
}

impl Window {
    /// How many days were read.
    pub fn counted(&self) -> usize {
        self.days.len()
    }
}

impl UsageState {
    /// A pass over so many days up to the last one with figures, without those that the caller has and that are
    /// settled.
    pub(crate) fn new(
        today: Date,
        most: u8,
        known: &[KnownDay],
        names_hidden: Option<bool>,
        is_delegated: bool,
        counts: CountsReport,
    ) -> Self {
        let CountsReport { refreshed, days: reported } = counts;
        let newest = refreshed.map_or(1, |refreshed| days_between(refreshed, today).max(1));
        let most = i32::from(most.clamp(1, MOST_DAYS));
        let last = newest.saturating_add(most - 1).min(i32::from(MOST_DAYS));
        let days = (1..=last).map(|back| {
            let date = before(today, back);
            let outcome = if refreshed.is_some_and(|refreshed| date > refreshed) {
                Some(DayOutcome::Missing { why: MissingWhy::NotYet })
            } else {
                let known = known.iter().find(|known| known.date == date);
                let mark = reported.get(&date).and_then(Reported::mark);
                let kept = known.filter(|known| !may_differ(known, refreshed, mark.as_deref()));
                kept.map(|known| DayOutcome::Kept { refresh_date: known.refresh_date })
            };
            Day { date, outcome }
        });
        let days = days.collect();
        Self { today, names_hidden, is_delegated, refreshed, days, reported, rereads: 0 }
    }

    /// The newest day that was not read yet.
    pub(crate) fn unread(&self) -> Option<Date> {
        self.days.iter().find(|day| day.outcome.is_none()).map(|day| day.date)
    }

    pub(crate) fn settle(&mut self, date: Date, outcome: DayOutcome) {
        if let Some(day) = self.days.iter_mut().find(|day| day.date == date) {
            day.outcome = Some(outcome);
        }
    }

    /// The days that were read, newest first.
    pub(crate) fn read(&self) -> impl Iterator<Item = Date> {
        let is_read = |day: &&Day| matches!(day.outcome, Some(DayOutcome::Read { .. }));
        self.days.iter().filter(is_read).map(|day| day.date)
    }

    /// Whether the caller has a day that this pass did not read, so that no window is whole.
    pub(crate) fn keeps_days(&self) -> bool {
        self.days.iter().any(|day| matches!(day.outcome, Some(DayOutcome::Kept { .. })))
    }

    /// Whether names are pseudonyms on any day.
    pub(crate) fn is_concealed(&self) -> bool {
        self.days.iter().any(|day| matches!(day.outcome, Some(DayOutcome::Read { concealed: true, .. })))
    }

    /// Whether somebody without a name used something.
    pub(crate) fn has_nameless(&self) -> bool {
        let nameless = |day: &Day| match day.outcome {
            Some(DayOutcome::Read { nameless, .. }) => nameless,
            _ => 0,
        };
        self.days.iter().map(nameless).any(|nameless| nameless > 0)
    }

    /// Whose the use without a name may be, beside so many uses of a day with one.
    pub(crate) fn nameless(&self, window: &Window, named: u64) -> Nameless {
        let of_day = |day: &Day| match day.outcome {
            Some(DayOutcome::Read { nameless, .. }) if window.days.contains(&day.date) => nameless,
            _ => 0,
        };
        let nameless: u64 = self.days.iter().map(of_day).sum();
        match nameless {
            0 => Nameless::Nobodys,
            // Fewer people than that join within weeks.
            _ if nameless.saturating_mul(20) > named => Nameless::Anybodys,
            _ => Nameless::Newcomers,
        }
    }

    /// The window of so many days up to the last one. Days at either end that Microsoft refuses, or has not yet, are
    /// outside of it; a day inside of it that is missing makes it partial.
    pub(crate) fn window(&self, length: u8) -> Window {
        let is_outside = |day: &&Day| {
            let why = [MissingWhy::Refused, MissingWhy::NotYet];
            matches!(&day.outcome, Some(DayOutcome::Missing { why: because }) if why.contains(because))
        };
        let inside: Vec<&Day> = self.days.iter().skip_while(is_outside).take(length.into()).collect();
        let outside = inside.iter().rev().take_while(|day| is_outside(day)).count();
        let inside = inside.get(..inside.len() - outside).unwrap_or_default();
        let (mut days, mut refresh_date, mut concealed) = (Vec::new(), None, false);
        for day in inside {
            if let Some(DayOutcome::Read { refresh_date: of, concealed: hides, .. }) = &day.outcome {
                days.push(day.date);
                refresh_date = Some(refresh_date.map_or(*of, |known: Date| known.min(*of)));
                concealed |= hides;
            }
        }
        let state = match days.len() {
            0 => WindowState::Unavailable,
            _ if concealed => WindowState::Concealed,
            read if read == inside.len() => WindowState::Complete,
            _ => WindowState::Partial,
        };
        let (from, to) = (inside.last().map(|day| day.date), inside.first().map(|day| day.date));
        Window { length, from, to, days, expected: inside.len(), state, refresh_date }
    }

    /// The days that have nothing to read, with the reason, newest first.
    pub(crate) fn missing(&self) -> impl Iterator<Item = (Date, MissingWhy)> {
        self.days.iter().filter_map(|day| match day.outcome {
            Some(DayOutcome::Missing { why }) => Some((day.date, why)),
            _ => None,
        })
    }
}

/// Whether Microsoft may have other figures of a day than the caller.
///
/// Its own counts tell: a day that was restated has others. Without them the dates have to tell, and what the refresh
/// date of a single day means is not documented: the day of the newest figures, or the day itself.
fn may_differ(known: &KnownDay, refreshed: Option<Date>, mark: Option<&str>) -> bool {
    let Some(refreshed) = refreshed else { return true };
    let (made_after, age) =
        (days_between(known.date, known.refresh_date), days_between(known.date, refreshed));
    let is_newer = refreshed > known.refresh_date;
    match (known.mark.as_deref(), mark) {
        (Some(then), Some(now)) if then != now => true,
        (Some(_), Some(_)) => is_newer && age < COUNTED_AFTER,
        _ => is_newer && made_after < SETTLED_AFTER && (made_after > 0 || age < SETTLED_AFTER),
    }
}

fn before(day: Date, days: i32) -> Date {
    day.checked_sub(days.days()).unwrap_or(Date::MIN)
}

fn days_between(from: Date, to: Date) -> i32 {
    from.until(to).map_or(0, |span| span.get_days())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn day(day: i8) -> Date {
        jiff::civil::date(2026, 11, day)
    }

    fn state(most: u8, known: &[KnownDay], refreshed: Option<i8>) -> UsageState {
        let counts = CountsReport { refreshed: refreshed.map(day), days: BTreeMap::new() };
        UsageState::new(day(29), most, known, Some(false), false, counts)
    }

    fn asked(state: &UsageState) -> Vec<i8> {
        state.days.iter().filter(|day| day.outcome.is_none()).map(|day| day.date.day()).collect()
    }

    fn read(state: &mut UsageState, at: i8, concealed: bool) {
        let outcome = DayOutcome::Read { refresh_date: day(27), rows: 1, nameless: 0, concealed };
        state.settle(day(at), outcome);
    }

    #[test]
    fn days_go_from_the_last_with_figures_to_the_28th_back_and_no_further() {
        let all = state(28, &[], Some(27));
        assert_eq!(asked(&all), (1..=27).rev().collect::<Vec<_>>());
        assert_eq!(all.missing().collect::<Vec<_>>(), [(day(28), MissingWhy::NotYet)]);
        assert_eq!(asked(&state(7, &[], Some(27))), (21..=27).rev().collect::<Vec<_>>());
        // Without any figures every day is asked for, as it may have some.
        assert_eq!(asked(&state(3, &[], None)), [28, 27, 26]);
        // Figures of today, or of a clock ahead of ours.
        assert_eq!(asked(&state(2, &[], Some(30))), [28, 27]);
    }

    #[test]
    fn a_day_that_the_caller_has_is_read_again_only_while_it_may_differ() {
        let known = |date: i8, made: i8| KnownDay { date: day(date), refresh_date: day(made), mark: None };
        // The 20th was settled on the 26th; the 21st was not; the 22nd has the newest figures there are.
        let some = [known(20, 26), known(21, 26), known(22, 27)];
        assert_eq!(asked(&state(8, &some, Some(27))), [27, 26, 25, 24, 23, 21]);
        assert!(state(8, &some, Some(27)).keeps_days());
        // Each day has its own date as the refresh date: its age has to tell.
        let own: Vec<_> = (10..=27).map(|date| known(date, date)).collect();
        assert_eq!(asked(&state(18, &own, Some(27))), [26, 25, 24, 23, 22]);
    }

    #[test]
    fn a_day_that_microsoft_counts_otherwise_by_now_is_read_again_however_old_it_is() {
        let reported = |word| Reported { apps: [Some(word); 6], platforms: [None; 4] };
        let days = (10..=27).map(|date| (day(date), reported(if date == 12 { 8 } else { 7 }))).collect();
        let counts = CountsReport { refreshed: Some(day(27)), days };
        let mark = reported(7).mark();
        let known = |date| KnownDay { date: day(date), refresh_date: day(date), mark: mark.clone() };
        let known: Vec<_> = (10..=27).map(known).collect();
        let state = UsageState::new(day(29), 18, &known, None, false, counts);
        // The 12th has other counts; rows of the last days may follow later.
        assert_eq!(asked(&state), [26, 25, 12]);
        assert_eq!(Reported::default().mark(), None);
    }

    #[test]
    fn a_refused_end_is_outside_of_a_window_and_a_missing_day_inside_makes_it_partial() {
        let mut all = state(28, &[], Some(27));
        for at in 2..=27 {
            read(&mut all, at, false);
        }
        all.settle(day(1), DayOutcome::Missing { why: MissingWhy::Refused });
        let window = all.window(28);
        assert_eq!((window.state, window.counted(), window.expected), (WindowState::Complete, 26, 26));
        assert_eq!((window.from, window.to), (Some(day(2)), Some(day(27))));
        all.settle(day(9), DayOutcome::Missing { why: MissingWhy::NoRows });
        let window = all.window(28);
        assert_eq!((window.state, window.counted(), window.expected), (WindowState::Partial, 25, 26));
        assert_eq!(all.window(7).state, WindowState::Complete, "the missing day is not in it");
        read(&mut all, 9, true);
        assert_eq!(
            (all.window(28).state, all.window(7).state),
            (WindowState::Concealed, WindowState::Complete)
        );
        assert_eq!(state(7, &[], None).window(7).state, WindowState::Unavailable);
    }

    #[test]
    fn a_state_that_was_written_down_is_the_same() {
        let mut all = state(28, &[KnownDay { date: day(5), refresh_date: day(20), mark: None }], Some(27));
        read(&mut all, 20, false);
        all.reported.insert(day(20), Reported { apps: [Some(3); 6], platforms: [None; 4] });
        let text = serde_json::to_string(&all).unwrap();
        assert_eq!(serde_json::from_str::<UsageState>(&text).unwrap(), all);
    }
}
