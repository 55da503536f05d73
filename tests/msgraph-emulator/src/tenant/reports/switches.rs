//! How the service behind usage reports behaves: what a test can switch, and what follows from the day.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Span;
use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use super::day;

/// How the service behind usage reports behaves. Every field has a default, so a test names only what it switches.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ReportSwitches {
    /// The service's day, in UTC; the real one if there is none.
    pub today: Option<Date>,
    /// The days that figures need: younger ones have a file without rows.
    pub lag_days: u32,
    /// How many days back the oldest day is that a report of one day is given for.
    pub oldest_day: u32,
    /// Days whose file has no row, although the days around it have.
    pub header_only: BTreeSet<Date>,
    /// Days that were counted again: the new refresh date. Some use was late, and is there only then.
    pub restated: BTreeMap<Date, Date>,
    /// Whether a report of one day has rows of people who used nothing.
    pub inactive_rows: bool,
    /// What stands in place of a name.
    pub concealed_as: Concealment,
    /// Whether names are concealed although the tenant's setting shows them.
    pub always_concealed: bool,
    /// People, by user principal name or id, who are called `(Unknown)`.
    pub unknown: BTreeSet<String>,
    /// One of so many people of the whole tenant is called `(Unknown)`; nobody if zero.
    pub unknown_one_in: u64,
    /// People who had another name on earlier days.
    pub renamed: Vec<Renamed>,
    /// Whether files have new columns, and the old ones in another order.
    pub new_columns: bool,
    /// Whether files begin without a byte order mark.
    pub without_mark: bool,
    /// Whether a flag that is not set is empty in CSV and null in JSON.
    pub blank_flags: bool,
    /// How long the address of a file is good for.
    pub address_seconds: i64,
}

/// What stands in place of a name.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Concealment {
    /// 32 upper-case hexadecimal digits.
    #[default]
    Digits,
    /// A GUID in small letters.
    Guid,
    /// A GUID in capitals.
    UpperGuid,
    /// A mark with a hash and a domain, which looks like an address.
    Marked,
    /// Nothing; null in JSON.
    Empty,
}

/// A person who had another name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Renamed {
    /// The user principal name of today, or the id.
    pub user: String,
    /// The user principal name before.
    pub was: String,
    /// The first day with the name of today.
    pub on: Date,
}

impl Default for ReportSwitches {
    fn default() -> Self {
        Self {
            today: None,
            lag_days: 2,
            oldest_day: 27,
            header_only: BTreeSet::new(),
            restated: BTreeMap::new(),
            inactive_rows: false,
            concealed_as: Concealment::Digits,
            always_concealed: false,
            unknown: BTreeSet::new(),
            unknown_one_in: 0,
            renamed: Vec::new(),
            new_columns: false,
            without_mark: false,
            blank_flags: false,
            address_seconds: 5 * 60,
        }
    }
}

impl ReportSwitches {
    pub(crate) fn today(&self) -> Date {
        self.today.unwrap_or_else(day::today)
    }

    /// The last day with figures.
    pub(crate) fn last_day(&self) -> Date {
        back(self.today(), self.lag_days)
    }

    /// Whether a report of one day is given for it.
    pub(crate) fn serves(&self, day: Date) -> bool {
        day < self.today() && day >= back(self.today(), self.oldest_day)
    }

    /// Whether a report of one day has rows.
    pub(crate) fn has_rows(&self, day: Date) -> bool {
        day <= self.last_day() && !self.header_only.contains(&day)
    }

    /// The refresh date of a day's figures: the day itself, until it is counted again. That is our reading.
    pub(crate) fn refreshed(&self, day: Date) -> Date {
        self.restated.get(&day).copied().unwrap_or(day)
    }

    /// The last days with figures, by number, and whether each was counted again.
    pub(crate) fn last_days(&self, days: u32) -> impl Iterator<Item = (u32, bool)> + Clone {
        let last = day::number(self.last_day());
        let restated: BTreeSet<u32> = self.restated.keys().map(|restated| day::number(*restated)).collect();
        ((last + 1).saturating_sub(days)..=last).map(move |number| (number, restated.contains(&number)))
    }
}

fn back(day: Date, days: u32) -> Date {
    day.saturating_sub(Span::new().days(i64::from(days)))
}
