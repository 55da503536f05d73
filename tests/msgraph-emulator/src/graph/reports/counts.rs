//! Reports of counts: how many people used what on each day, without a name.

use super::line::Line;
use super::report::{Content, Span};
use super::rows::Rows;
use crate::tenant::Tenant;
use crate::tenant::reports::day;
use crate::tenant::reports::habits::{APPS, Habits, PLATFORMS, Used};
use crate::tenant::reports::people::used_on;

/// What is counted of each day: its name, and any of these.
pub(super) fn counted(content: Content) -> Vec<(&'static str, Used)> {
    match content {
        Content::Apps => (0..).zip(APPS).map(|(app, name)| (name, Used::app(app))).collect(),
        Content::Platforms => {
            (0..).zip(PLATFORMS).map(|(platform, name)| (name, Used::platform(platform))).collect()
        }
        Content::People(_) => Vec::new(),
    }
}

/// The counts of each of the last days, the newest first. Deleted people stay in them ("Activity reports", 2021).
pub(super) fn by_day(tenant: &Tenant, days: u32, counted: &[(&str, Used)]) -> Vec<(u32, Vec<u64>)> {
    let switches = &tenant.reports;
    let days = switches.last_days(days).map(|(number, _)| number);
    let mut counts: Vec<(u32, Vec<u64>)> = days.map(|number| (number, vec![0; counted.len()])).collect();
    for person in tenant.people_after(None).filter(crate::tenant::Person::can_use) {
        let habits = Habits::of(person.id());
        for (number, counts) in &mut counts {
            let used = used_on(switches, &person, &habits, day::date_of(*number)).unwrap_or_default();
            for (count, (_, these)) in counts.iter_mut().zip(counted) {
                *count += u64::from(used.any_of(*these));
            }
        }
    }
    counts.reverse();
    counts
}

/// Writes every row.
pub(super) fn put(tenant: &Tenant, content: Content, span: Span, mut put: impl FnMut(&Line, bool)) {
    let (rows, counted) = (Rows::new(tenant, span), counted(content));
    let mut line = Line::default();
    let names = counted.iter().map(|(name, _)| *name);
    for name in ["Report Refresh Date", "Report Period", "Report Date"].into_iter().chain(names) {
        line.field(name);
    }
    put(&line, true);
    for (number, counts) in by_day(tenant, rows.period(), &counted) {
        line.clear();
        line.field(&rows.refreshed.to_string());
        line.field(&rows.period().to_string());
        line.field(&day::date_of(number).to_string());
        for count in counts {
            line.field(&count.to_string());
        }
        put(&line, false);
    }
}
