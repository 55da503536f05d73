//! The rows of a report, made one person after the other.

use jiff::civil::Date;

use super::columns::{Cell, Column};
use super::line::Line;
use super::report::Span;
use crate::tenant::reports::day;
use crate::tenant::reports::habits::{Habits, Used};
use crate::tenant::reports::people::{Name, Names, has_row, used_on};
use crate::tenant::{Person, Tenant};

/// What one report says of people.
#[derive(Debug)]
pub(super) struct Rows<'a> {
    tenant: &'a Tenant,
    names: Names<'a>,
    span: Span,
    /// The days of a period, and whether each was counted again.
    days: Vec<(u32, bool)>,
    pub(super) refreshed: Date,
}

/// A person who has a row.
pub(super) struct Row<'a> {
    pub(super) person: Person<'a>,
    habits: Habits,
    used: Used,
}

impl<'a> Rows<'a> {
    pub(super) fn new(tenant: &'a Tenant, span: Span) -> Self {
        let switches = &tenant.reports;
        let (days, refreshed) = match span {
            Span::On(day) => (Vec::new(), switches.refreshed(day)),
            Span::Last(days) => (switches.last_days(days).collect(), switches.last_day()),
        };
        Self { tenant, names: Names::of(tenant), span, days, refreshed }
    }

    /// The row of a person, if there is one. A period has one of everybody who can use something and is not deleted.
    pub(super) fn of(&self, person: Person<'a>) -> Option<Row<'a>> {
        let habits = Habits::of(person.id());
        let used = match self.span {
            Span::On(day) => {
                let switches = &self.tenant.reports;
                let used = used_on(switches, &person, &habits, day).filter(|_| switches.has_rows(day))?;
                has_row(switches, &person, used).then_some(used)?
            }
            Span::Last(_) => {
                (person.can_use() && !person.is_deleted()).then_some(())?;
                let from = person.days().0.map_or(0, day::number);
                habits.within(self.days.iter().copied().filter(|(day, _)| *day >= from))
            }
        };
        Some(Row { person, habits, used })
    }

    pub(super) fn period(&self) -> u32 {
        match self.span {
            Span::On(_) => 1,
            Span::Last(days) => days,
        }
    }

    /// The last day that counts for a date in a row.
    fn until(&self) -> u32 {
        match self.span {
            Span::On(day) => day::number(day),
            Span::Last(_) => day::number(self.tenant.reports.last_day()),
        }
    }

    /// Writes the name of a person.
    pub(super) fn put_name(&self, row: &Row<'_>, name: Name, out: &mut Vec<u8>) {
        let day = match self.span {
            Span::On(day) => Some(day),
            Span::Last(_) => None,
        };
        self.names.put(&row.person, &row.habits, name, day, out);
    }

    /// The last day on which any of these was used; of who used them in the span it is known at once.
    pub(super) fn last(&self, row: &Row<'_>, these: Used) -> Option<Date> {
        let until = self.until();
        match self.span {
            Span::On(day) if row.used.any_of(these) => Some(day),
            _ => row.habits.last(these, until).map(day::date_of),
        }
    }

    pub(super) fn activated(&self, row: &Row<'_>) -> Option<Date> {
        row.habits.installed().map(|days| day::date_of(self.until().saturating_sub(days)))
    }

    pub(super) fn uses(row: &Row<'_>, these: Used) -> bool {
        row.used.any_of(these)
    }

    /// Writes a row.
    pub(super) fn put(&self, row: &Row<'_>, columns: &[Column], line: &mut Line) {
        let no: &[u8] = if self.tenant.reports.blank_flags { b"" } else { b"No" };
        let date = |day: Option<Date>, line: &mut Line| match day {
            Some(day) => put_date(day, line),
            None => line.plain(b""),
        };
        for (_, cell) in columns {
            match *cell {
                Cell::Refresh => put_date(self.refreshed, line),
                Cell::Period => line.field(&self.period().to_string()),
                Cell::Upn => line.write(|out| self.put_name(row, Name::Upn, out)),
                Cell::DisplayName => line.write(|out| self.put_name(row, Name::Display, out)),
                Cell::UserId if self.names.conceals() => line.field(&uuid::Uuid::nil().to_string()),
                Cell::UserId => line.field(&row.person.id().to_string()),
                Cell::Tenant => line.field(&self.tenant.display_name),
                Cell::Products => {
                    let skus = row.person.skus().into_iter().map(|sku| self.tenant.part_number(sku));
                    line.field(&skus.collect::<Vec<_>>().join("+"));
                }
                Cell::Created => match row.person.days().0 {
                    Some(day) => put_date(day, line),
                    None => line.field(crate::clock::CREATED.get(..10).unwrap_or_default()),
                },
                Cell::Activated => date(self.activated(row), line),
                Cell::Last(these) => date(self.last(row, these), line),
                Cell::Uses(these) => line.plain(if row.used.any_of(these) { b"Yes" } else { no }),
                Cell::Figure(these, below) => {
                    let figure = if row.used.any_of(these) { row.habits.figure(below, below) } else { 0 };
                    line.field(&figure.to_string());
                }
                Cell::Fixed(text) => line.plain(text.as_bytes()),
            }
        }
    }
}

/// Writes a date as ten digits and dashes, without a formatter: a file has millions.
fn put_date(day: Date, line: &mut Line) {
    let digit = |number: i16, unit: i16| b'0' + u8::try_from(number / unit % 10).unwrap_or_default();
    let (year, month, day) = (day.year(), i16::from(day.month()), i16::from(day.day()));
    line.write(|out| {
        out.extend_from_slice(&[digit(year, 1000), digit(year, 100), digit(year, 10), digit(year, 1), b'-']);
        out.extend_from_slice(&[digit(month, 10), digit(month, 1), b'-', digit(day, 10), digit(day, 1)]);
    });
}
