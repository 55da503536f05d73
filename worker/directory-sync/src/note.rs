//! What a pass could not see, and why.

use std::fmt;

use serde::Serialize;

/// Something that a pass could not see.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Note {
    /// What it is about.
    pub about: Subject,
    /// Why it could not be seen, and what to do.
    pub why: String,
}

/// What a note is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Subject {
    /// Who manages whom.
    Managers,
    /// The days on which people leave.
    LeaveDates,
    /// The cursor for the next round of changes.
    Cursor,
    /// Last sign-ins.
    SignIns,
    /// The names of groups that give licences.
    GroupNames,
    /// When purchases end or are renewed.
    Renewals,
    /// What people have, or what is in a licence.
    Licenses,
    /// Who used what.
    Names,
    /// Use on some days.
    Days,
    /// Use of people without a profile.
    Nameless,
    /// Use of Teams.
    Teams,
    /// Who the people of the reports are.
    People,
    /// Who is inactive.
    Inactive,
    /// Use by department.
    Groups,
}

impl Note {
    pub(crate) fn new(about: Subject, why: impl Into<String>) -> Self {
        Self { about, why: why.into() }
    }
}

impl fmt::Display for Note {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let about = match self.about {
            Subject::Managers => "managers are unknown",
            Subject::LeaveDates => "leave dates are unknown",
            Subject::Cursor => "there is no cursor",
            Subject::SignIns => "last sign-ins are unavailable",
            Subject::GroupNames => "names of groups are unknown",
            Subject::Renewals => "renewals are unknown",
            Subject::Licenses => "some licences are unknown",
            Subject::Names => "who used what is unknown",
            Subject::Days => "some days are missing",
            Subject::Nameless => "some people have no name",
            Subject::Teams => "use of Teams may be missing",
            Subject::People => "who the people are is unknown",
            Subject::Inactive => "who is inactive is unknown",
            Subject::Groups => "departments are not shown",
        };
        write!(f, "{about}: {}", self.why)
    }
}
