//! People as a report names them, and what it says of each on a day.

use std::collections::BTreeSet;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use jiff::civil::Date;
use uuid::Uuid;

use super::day;
use super::habits::{Habits, Used};
use super::switches::{Concealment, ReportSwitches};
use crate::tenant::{Person, Tenant};

/// Stands for a name that the service has not made yet (Microsoft Graph's known issues, 2021; seen again 2022).
const UNKNOWN: &str = "(Unknown)";

/// Which of a person's names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Name {
    Upn,
    Display,
}

/// The names in the reports of a tenant.
#[derive(Debug)]
pub(crate) struct Names<'a> {
    switches: &'a ReportSwitches,
    conceals: bool,
    unknown: BTreeSet<Uuid>,
    /// The name before, and the first day with the name of today.
    renamed: Vec<(Uuid, &'a str, Date)>,
}

impl<'a> Names<'a> {
    pub(crate) fn of(tenant: &'a Tenant) -> Self {
        let switches = &tenant.reports;
        let renamed = switches.renamed.iter();
        Self {
            switches,
            conceals: tenant.concealed_names || switches.always_concealed,
            unknown: switches.unknown.iter().filter_map(|name| tenant.user_id(name)).collect(),
            renamed: renamed
                .filter_map(|renamed| {
                    Some((tenant.user_id(&renamed.user)?, renamed.was.as_str(), renamed.on))
                })
                .collect(),
        }
    }

    pub(crate) fn conceals(&self) -> bool {
        self.conceals
    }

    /// Whether the person is called `(Unknown)`.
    pub(crate) fn is_unknown(&self, person: &Person<'_>, habits: &Habits) -> bool {
        let one_in = self.switches.unknown_one_in;
        (one_in > 0 && habits.figure(2, one_in) == 0) || self.unknown.contains(&person.id())
    }

    /// Writes a name as the report of a day has it, or as that of a period.
    pub(crate) fn put(
        &self,
        person: &Person<'_>,
        habits: &Habits,
        name: Name,
        day: Option<Date>,
        out: &mut Vec<u8>,
    ) {
        if self.is_unknown(person, habits) {
            out.extend_from_slice(if name == Name::Upn { UNKNOWN.as_bytes() } else { b"" });
        } else if self.conceals {
            self.put_pseudonym(habits, name, out);
        } else if name == Name::Display {
            person.put_text("displayName", out);
        } else {
            let mut before = self.renamed.iter().filter(|(user, _, _)| *user == person.id());
            match before.find(|(_, _, on)| day.is_some_and(|day| day < *on)) {
                Some((_, was, _)) => out.extend_from_slice(was.as_bytes()),
                None => person.put_upn(out),
            }
        }
    }

    /// Forms seen: digits 2022, GUIDs in small letters and capitals 2021, the mark 2021, null 2026.
    fn put_pseudonym(&self, habits: &Habits, name: Name, out: &mut Vec<u8>) {
        let (high, low) = habits.pseudonym(u64::from(name == Name::Upn));
        let id = Uuid::from_u64_pair(high, low);
        let mut text = Uuid::encode_buffer();
        let text: &str = match self.switches.concealed_as {
            Concealment::Digits => id.simple().encode_upper(&mut text),
            Concealment::Guid => id.hyphenated().encode_lower(&mut text),
            Concealment::UpperGuid => id.hyphenated().encode_upper(&mut text),
            Concealment::Marked => {
                let hash = STANDARD.encode(id.as_bytes());
                let domain = if name == Name::Upn { "@domain.com" } else { "" };
                out.extend_from_slice(format!("<PII:H105({hash})>{domain}").as_bytes());
                return;
            }
            Concealment::Empty => return,
        };
        out.extend_from_slice(text.as_bytes());
    }
}

/// What a person used on a day, if the account was there; nothing for who can use nothing.
pub(crate) fn used_on(
    switches: &ReportSwitches,
    person: &Person<'_>,
    habits: &Habits,
    on: Date,
) -> Option<Used> {
    let (from, to) = person.days();
    let was_there = from.is_none_or(|from| from <= on) && to.is_none_or(|to| on <= to);
    let restated = switches.restated.contains_key(&on);
    (was_there && person.can_use()).then(|| habits.on(day::number(on), restated))
}

/// Whether the report of one day has a row for who used this.
pub(crate) fn has_row(switches: &ReportSwitches, person: &Person<'_>, used: Used) -> bool {
    used != Used::NOTHING || (switches.inactive_rows && !person.is_deleted())
}
