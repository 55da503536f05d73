//! Counts of what people used, made from their habits and not from any report: the truth a reader is measured by.

use std::collections::BTreeMap;

use jiff::civil::Date;
use serde::Serialize;

use super::day;
use super::habits::{APPS, Habits, PLATFORMS, Used};
use super::people::{Names, has_row, used_on};
use crate::tenant::{Person, Tenant};

/// Outlook, Word, Excel, PowerPoint and OneNote, on any platform.
const SUITE: Used = Used::app(0).and(Used::app(1)).and(Used::app(2)).and(Used::app(3)).and(Used::app(4));
/// The suite and Teams.
const ALL: Used = SUITE.and(Used::app(5));

/// Counts over some days.
#[derive(Debug, Default, Serialize)]
pub(crate) struct UsageTotals {
    /// The days with rows, in order.
    days: Vec<DayTotals>,
    /// Who can use something here: not blocked, not a guest, with a licence, not deleted.
    can_use: u64,
    /// Who used something on any of the days, `(Unknown)` people and deleted ones among them.
    people: u64,
    /// Of those, who is called `(Unknown)`. Everything below leaves them out: a reader cannot tell them apart.
    unknown: u64,
    /// Of those, who is deleted.
    deleted: u64,
    apps: BTreeMap<&'static str, Count>,
    /// Outlook, Word, Excel, PowerPoint and OneNote together; a day counts once.
    suite: Count,
    /// Days of use of each app of the suite, added up.
    app_days: u64,
    /// Who used what, by department.
    departments: BTreeMap<String, BTreeMap<&'static str, u64>>,
}

/// Counts over all people on one day.
#[derive(Debug, Default, Serialize)]
struct DayTotals {
    day: Date,
    refresh_date: Date,
    rows: u64,
    people: u64,
    apps: BTreeMap<&'static str, u64>,
    platforms: BTreeMap<&'static str, u64>,
    suite: u64,
}

/// Who used an app, and on how many days.
#[derive(Debug, Default, Serialize)]
struct Count {
    people: u64,
    /// Days of use of all people, added up.
    days: u64,
    /// Who used it on Windows or a Mac.
    desktop: u64,
    platforms: BTreeMap<&'static str, u64>,
    platform_unknown: u64,
}

impl Count {
    fn add(&mut self, used: &[Used], on: impl Fn(u32) -> Used) {
        let any = |these: Used| u64::from(used.iter().any(|used| used.any_of(these)));
        let everywhere = (0..5).fold(Used::NOTHING, |all, platform| all.and(on(platform)));
        self.people += any(everywhere);
        self.days += used.iter().filter(|used| used.any_of(everywhere)).count() as u64;
        self.desktop += any(on(0).and(on(1)));
        for (place, platform) in (0..).zip(PLATFORMS) {
            *self.platforms.entry(platform).or_default() += any(on(place));
        }
        self.platform_unknown += any(on(4));
    }
}

impl Tenant {
    /// Counts what people used from one day to another, of the days that have rows.
    pub(crate) fn usage_totals(&self, first: Date, last: Date) -> UsageTotals {
        let switches = &self.reports;
        let names = Names::of(self);
        let days = (day::number(first)..=day::number(last)).map(day::date_of);
        let days: Vec<Date> = days.filter(|day| switches.serves(*day) && switches.has_rows(*day)).collect();
        let mut totals = UsageTotals::default();
        let day_totals = |day: &Date| DayTotals {
            day: *day,
            refresh_date: switches.refreshed(*day),
            ..DayTotals::default()
        };
        totals.days = days.iter().map(day_totals).collect();
        for person in self.people_after(None) {
            let habits = Habits::of(person.id());
            totals.can_use += u64::from(person.can_use() && !person.is_deleted());
            let mut used = Vec::with_capacity(days.len());
            for total in &mut totals.days {
                let Some(of_day) = used_on(switches, &person, &habits, total.day) else { continue };
                total.add(of_day, has_row(switches, &person, of_day));
                used.push(of_day);
            }
            if used.iter().any(|used| used.any_of(ALL)) {
                totals.add(&person, &used, names.is_unknown(&person, &habits));
            }
        }
        totals
    }
}

impl DayTotals {
    fn add(&mut self, used: Used, has_row: bool) {
        self.rows += u64::from(has_row);
        self.people += u64::from(used.any_of(ALL));
        self.suite += u64::from(used.any_of(SUITE));
        for (place, app) in (0..).zip(APPS) {
            *self.apps.entry(app).or_default() += u64::from(used.any_of(Used::app(place)));
        }
        for (place, platform) in (0..).zip(PLATFORMS) {
            *self.platforms.entry(platform).or_default() += u64::from(used.any_of(Used::platform(place)));
        }
    }
}

impl UsageTotals {
    fn add(&mut self, person: &Person<'_>, used: &[Used], is_unknown: bool) {
        self.people += 1;
        self.deleted += u64::from(person.is_deleted());
        if is_unknown {
            self.unknown += 1;
            return;
        }
        let mut department = Vec::new();
        person.put_text("department", &mut department);
        let department = String::from_utf8_lossy(&department).into_owned();
        let of_department = self.departments.entry(department).or_default();
        for (place, app) in (0..).zip(APPS) {
            let count = self.apps.entry(app).or_default();
            count.add(used, |platform| Used::on(place, platform));
            *of_department.entry(app).or_default() +=
                u64::from(used.iter().any(|used| used.any_of(Used::app(place))));
            let days = used.iter().filter(|used| used.any_of(Used::app(place))).count() as u64;
            self.app_days += if place < 5 { days } else { 0 };
        }
        self.suite
            .add(used, |platform| (0..5).fold(Used::NOTHING, |all, app| all.and(Used::on(app, platform))));
    }
}
