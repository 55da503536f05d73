//! What a pass over usage says at its end.

use std::borrow::Cow;
use std::collections::BTreeMap;

use jiff::civil::Date;
use serde::Serialize;

use super::apps::{App, Facet};
use super::state::{Day, DayOutcome, MissingWhy, UsageState, Window, WindowState};
use crate::licenses::money::{Amount, Money};
use crate::note::{Note, Subject};
use crate::rows::usage_app::UsageApp;
use crate::rows::usage_group::UsageGroup;
use crate::rows::usage_person::{FoundBy, UsagePerson, Verdict};
use crate::rows::waste::Waste;

/// How to show names in the reports.
pub const SHOW_NAMES: &str = "open Microsoft 365 admin center > Settings > Org settings > Reports and clear `Display \
                              concealed user, group, and site names in all reports`";

/// What a pass over usage found.
#[derive(Debug, Clone)]
pub struct UsageSummary {
    /// Sums.
    pub totals: UsageTotals,
    /// Whether figures over several days were counted.
    pub is_by_person: bool,
    /// Whether people and licences of the directory were beside the reports.
    pub joins_people: bool,
    /// Every day, newest first.
    pub days: Vec<Day>,
    /// Apps, for a week and for the whole window.
    pub apps: Vec<UsageApp>,
    /// Departments.
    pub groups: Vec<UsageGroup>,
    /// What could not be seen.
    pub notes: Vec<Note>,
}

/// Sums over the whole window.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct UsageTotals {
    /// The first day; nothing if Microsoft gives none.
    pub from: Option<Date>,
    /// The last day.
    pub to: Option<Date>,
    /// How many days were read.
    pub days_counted: usize,
    /// How many days there are from the first to the last.
    pub days_expected: usize,
    /// `complete`, `partial`, `concealed` or `unavailable`.
    pub window_state: &'static str,
    /// The day on which Microsoft made the oldest figures.
    pub refresh_date: Option<Date>,
    /// Days without a report, and why: `no_rows`, `refused` or `not_yet`.
    pub missing: BTreeMap<Date, &'static str>,
    /// Days that were not read because the caller has them.
    pub kept: usize,
    /// Whether names are pseudonyms.
    pub concealed: bool,
    /// People who used an app on any of the days, each once, by app; empty if only days were read.
    pub people: BTreeMap<&'static str, u64>,
    /// People of the directory that were read.
    pub directory: u64,
    /// Those of them who have a licence for an app.
    pub licensed: u64,
    /// Those who have a licence and used nothing for the whole of a complete window.
    pub inactive: u64,
    /// Those who have a licence and used nothing, which proves nothing.
    pub unknown: u64,
    /// How many of them for which reason; some have several.
    pub unknown_because: BTreeMap<Cow<'static, str>, u64>,
    /// Licences of which no app was used, each of each person.
    pub unused_licenses: u64,
    /// What they cost a month, for licences with a price.
    pub unused_cost: Money,
    /// Names in the reports of accounts that are deleted.
    pub deleted: u64,
    /// Names in the reports that nobody has.
    pub not_found: u64,
    /// Uses of people called `(Unknown)`, each day of each once.
    pub nameless: u64,
}

/// What is summed while people are read.
#[derive(Debug, Default)]
pub(crate) struct Summed {
    pub(crate) directory: u64,
    licensed: u64,
    inactive: u64,
    unknown: u64,
    unknown_because: BTreeMap<Cow<'static, str>, u64>,
    unused_licenses: u64,
    unused_cost: Money,
    deleted: u64,
    not_found: u64,
}

impl Summed {
    pub(crate) fn add_waste(&mut self, waste: &Waste<'_>, cost: Option<Amount>) {
        self.unused_licenses += 1;
        if let Some((cost, currency)) = cost.zip(waste.currency) {
            self.unused_cost.add(cost, currency);
        }
    }

    pub(crate) fn add(&mut self, row: &UsagePerson<'_>) {
        self.licensed += u64::from(!row.licensed_for.is_empty());
        self.inactive += u64::from(row.verdict == Verdict::Inactive);
        self.unknown += u64::from(row.verdict == Verdict::Unknown);
        for reason in &row.reasons {
            *self.unknown_because.entry(reason.clone()).or_default() += 1;
        }
        self.deleted += u64::from(row.found_by == FoundBy::Deleted);
        self.not_found += u64::from(row.found_by == FoundBy::Nothing);
    }
}

impl UsageTotals {
    pub(crate) fn of(state: &UsageState, window: &Window, apps: &[UsageApp], summed: &Summed) -> Self {
        let people = headline()
            .filter_map(|(name, facet)| Some((name, of_window(apps, window.length, facet)?.people()?)));
        let of_day = |day: &Day| match day.outcome {
            Some(DayOutcome::Read { nameless, .. }) => nameless,
            _ => 0,
        };
        let is_kept = |day: &&Day| matches!(day.outcome, Some(DayOutcome::Kept { .. }));
        Self {
            from: window.from,
            to: window.to,
            days_counted: window.counted(),
            days_expected: window.expected,
            window_state: window.state.as_str(),
            refresh_date: window.refresh_date,
            missing: state.missing().map(|(date, why)| (date, why.code())).collect(),
            kept: state.days.iter().filter(is_kept).count(),
            concealed: state.is_concealed(),
            people: people.collect(),
            directory: summed.directory,
            licensed: summed.licensed,
            inactive: summed.inactive,
            unknown: summed.unknown,
            unknown_because: summed.unknown_because.clone(),
            unused_licenses: summed.unused_licenses,
            unused_cost: summed.unused_cost.clone(),
            deleted: summed.deleted,
            not_found: summed.not_found,
            nameless: state.days.iter().map(of_day).sum(),
        }
    }

    /// Whether every day was read and every name is open: without that nobody knows who is inactive.
    pub fn is_complete(&self) -> bool {
        self.window_state == WindowState::Complete.as_str()
    }

    /// The days without a report between the first and the last.
    pub fn missing_inside(&self) -> impl Iterator<Item = Date> {
        let is_inside = |day: &&Date| Some(**day) >= self.from && Some(**day) <= self.to;
        self.missing.keys().filter(is_inside).copied()
    }
}

/// The facets of the totals, with their names.
fn headline() -> impl Iterator<Item = (&'static str, Facet)> {
    let apps = App::ALL.into_iter().map(Facet::of);
    let facets = [Facet::anything(), Facet::suite()].into_iter().chain(apps);
    facets.map(|facet| (facet.app_word(), facet))
}

/// The figure of a window.
fn of_window(apps: &[UsageApp], length: u8, facet: Facet) -> Option<&UsageApp> {
    apps.iter().find(|row| row.window().length == length && row.facet() == facet)
}

impl UsageSummary {
    /// What was counted over the whole window; `None` if only days were read.
    pub fn figure(&self, facet: Facet) -> Option<&UsageApp> {
        let length = self.apps.last()?.window().length;
        of_window(&self.apps, length, facet)
    }
}

/// What could not be seen of the days.
pub(crate) fn notes(state: &UsageState, window: &Window, apps: &[UsageApp], is_by_person: bool) -> Vec<Note> {
    let mut notes = Vec::new();
    if state.is_concealed() {
        let why = format!(
            "Microsoft conceals names: {SHOW_NAMES}; a service account also needs the role Reports \
                           Reader, because others see pseudonyms whatever the setting is"
        );
        notes.push(Note::new(Subject::Names, why));
    }
    let inside = |date: &Date| Some(*date) >= window.from && Some(*date) <= window.to;
    let missing = state.missing().filter(|(date, why)| *why != MissingWhy::NotYet && inside(date));
    let missing: Vec<_> = missing.map(|(date, why)| format!("{date} ({})", why.words())).collect();
    if !missing.is_empty() {
        let why = format!("there is no report of {}; ask again later", missing.join(", "));
        notes.push(Note::new(Subject::Days, why));
    }
    if window.state == WindowState::Unavailable && !state.keeps_days() {
        notes.push(Note::new(Subject::Days, "Microsoft has no report of any day yet"));
    }
    let nameless = UsageTotals::of(state, window, apps, &Summed::default()).nameless;
    if nameless > 0 {
        let why = format!(
            "Microsoft calls people `(Unknown)` until it has created their profile, and some concealed names are empty; \
             {nameless} uses of a day are theirs, and no figure over several days has them; who used nothing and may be \
             one of them is unknown, and not inactive"
        );
        notes.push(Note::new(Subject::Nameless, why));
    }
    if is_by_person
        && state.is_delegated
        && of_window(apps, window.length, Facet::of(App::Teams)).and_then(UsageApp::people) == Some(0)
    {
        let why = "the reports show no use of Teams; a service account may need a licence that includes Teams to see any";
        notes.push(Note::new(Subject::Teams, why));
    }
    notes
}
