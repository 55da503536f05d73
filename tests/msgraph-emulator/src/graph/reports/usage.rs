//! Usage of the apps, computed from ids, so that every report of a user is the same.
//!
//! Every enabled user has habits: an app on a platform, on some days of the week.

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use uuid::Uuid;

use crate::tenant::{Tenant, User};

pub(crate) const APPS: [&str; 6] = ["Outlook", "Word", "Excel", "PowerPoint", "OneNote", "Teams"];
pub(crate) const PLATFORMS: [&str; 4] = ["Windows", "Mac", "Mobile", "Web"];

/// Figures are two days behind.
const LAG_DAYS: i32 = 2;

/// Which days a report is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Span {
    /// This many days up to the last day with figures.
    Last(i32),
    On(Date),
}

/// The last day with figures.
pub(crate) fn refreshed() -> Date {
    let today = Timestamp::now().to_zoned(TimeZone::UTC).date();
    days_before(today, LAG_DAYS)
}

pub(crate) fn days_before(day: Date, days: i32) -> Date {
    (0..days).fold(day, |day, _| day.yesterday().unwrap_or(day))
}

/// The use of one user.
pub(crate) struct Usage {
    id: Uuid,
    is_active: bool,
    span: Span,
}

impl Usage {
    pub(crate) fn of(user: &User, span: Span) -> Self {
        Self { id: user.id, is_active: user.enabled, span }
    }

    /// Whether an app was used on a platform; `None` stands for any.
    pub(crate) fn uses(&self, app: Option<&str>, platform: Option<&str>) -> bool {
        let days = self.days(app, platform);
        match self.span {
            Span::Last(_) => days != 0,
            Span::On(day) => days & bit(day) != 0,
        }
    }

    /// The last day with any use of these.
    pub(crate) fn last_used(&self, app: Option<&str>) -> Option<Date> {
        let days = self.days(app, None);
        let from = refreshed();
        (0..7).map(|back| days_before(from, back)).find(|day| days & bit(*day) != 0)
    }

    /// A figure by name, equal every time.
    pub(crate) fn figure(&self, name: &str, below: u8) -> u8 {
        let byte = Uuid::new_v5(&self.id, name.as_bytes()).as_bytes()[0];
        if self.is_active { byte % below } else { 0 }
    }

    /// The days of the week as bits.
    fn days(&self, app: Option<&str>, platform: Option<&str>) -> u8 {
        let apps = APPS.into_iter().filter(|name| app.is_none_or(|app| app == *name));
        apps.map(|app| self.habit(app, platform)).fold(0, |all, days| all | days)
    }

    fn habit(&self, app: &str, platform: Option<&str>) -> u8 {
        let bytes = Uuid::new_v5(&self.id, app.as_bytes()).into_bytes();
        let (days, whether) = bytes.split_at(PLATFORMS.len());
        let habits = PLATFORMS.iter().zip(days.iter().zip(whether));
        let habits =
            habits.filter(|(name, _)| self.is_active && platform.is_none_or(|platform| platform == **name));
        // About a third of all apps and platforms.
        habits.filter(|(_, (_, whether))| **whether < 85).fold(0, |all, (_, (days, _))| all | (days & 0x7f))
    }
}

fn bit(day: Date) -> u8 {
    1 << day.weekday().to_monday_zero_offset()
}

/// A user's name in a report: the name, or a pseudonym of 32 hexadecimal digits.
pub(crate) fn name_of(tenant: &Tenant, user: &User, name: &str) -> String {
    if tenant.concealed_names {
        let pseudonym = Uuid::new_v5(&user.id, name.as_bytes());
        pseudonym.simple().to_string().to_uppercase()
    } else {
        name.to_owned()
    }
}
